//! Whose certificates are believed: the system's authorities and those that the operator names beside a URL.

use crate::tls;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use std::path::Path;
use std::sync::Arc;

/// Certificates of a `ca_file`: authorities, or servers' own.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// The certificates of a PEM file. Single ones that are too old to be read are trusted with nothing.
    ///
    /// # Errors
    /// The end of a sentence about the file.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let found = tls::certificates(path)?;
        let (usable, _) = RootCertStore::empty().add_parsable_certificates(found.iter().cloned());
        if usable == 0 {
            return Err("holds no certificate that can be read".to_owned());
        }
        Ok(Self(found))
    }
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

/// What TLS connections are verified against. There is no switch that turns verification off.
#[derive(Clone)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    config: Arc<ClientConfig>,
}

impl Trust {
    /// The system's authorities. A system without any trusts nobody, and every handshake says so.
    pub fn of_system() -> Self {
        Self::found_in_system().0
    }

    /// Nobody: for endpoints that are not encrypted.
    pub fn of_nobody() -> Self {
        Self::of(RootCertStore::empty(), &[])
    }

    /// The system's authorities, and the first of what could not be read.
    pub fn found_in_system() -> (Self, Option<String>) {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        // What cannot be read or is no authority is left out; the rest still counts.
        roots.add_parsable_certificates(found.certs);
        let trouble = found.errors.first().map(|error| format!("{error}."));
        (Self::of(roots, &[]), trouble)
    }

    /// The authorities of a file alone, and a certificate of our own to show, by the files of itself and of its key.
    ///
    /// # Errors
    /// In a sentence that begins with the file.
    pub fn of_files(ca_file: &Path, own: Option<(&Path, &Path)>) -> Result<Self, String> {
        let about = |file: &Path| {
            let file = file.display().to_string();
            move |says: String| format!("{file} {says}")
        };
        let only = Authorities::from_file(ca_file).map_err(about(ca_file))?;
        let trust = Self::of(RootCertStore::empty(), &only.0);
        let Some((cert_file, key_file)) = own else {
            return Ok(trust);
        };
        let chain = tls::certificates(cert_file).map_err(about(cert_file))?;
        let key = tls::key(key_file).map_err(about(key_file))?;
        let config =
            verified(Arc::clone(&trust.roots), &only.0).with_client_auth_cert(chain, key).map_err(
                |error| about(key_file)(format!("and the certificate do not go together: {error}")),
            )?;
        Ok(Self { config: Arc::new(config), ..trust })
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// These and the ones of a `ca_file`.
    #[must_use]
    pub fn with(&self, more: Option<&Authorities>) -> Self {
        let Some(more) = more else {
            return self.clone();
        };
        Self::of(RootCertStore::clone(&self.roots), &more.0)
    }

    fn of(mut roots: RootCertStore, named: &[CertificateDer<'static>]) -> Self {
        roots.add_parsable_certificates(named.iter().cloned());
        let roots = Arc::new(roots);
        Self { config: Arc::new(verified(Arc::clone(&roots), named).with_no_client_auth()), roots }
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust({} authorities)", self.roots.len())
    }
}

fn verified(
    roots: Arc<RootCertStore>,
    named: &[CertificateDer<'static>],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]);
    let builder = match builder {
        Ok(builder) => builder,
        Err(never) => unreachable!("ring has suites of both versions: {never}"),
    };
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider).build();
    match webpki {
        Ok(webpki) if !named.is_empty() => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(NamedOrSigned {
                webpki,
                named: named.to_vec(),
            }))
        }
        _ => builder.with_root_certificates(roots),
    }
}

/// Believes what an authority signed, and a certificate that stands in the `ca_file` itself: programs in a company's
/// network often show one that they signed themselves and marked as an authority's.
#[derive(Debug)]
struct NamedOrSigned {
    webpki: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for NamedOrSigned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.webpki.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            // The dates come first: a certificate that gets as far as its issuer, or its being an authority's, is valid now.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            )) if self.named.contains(certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
