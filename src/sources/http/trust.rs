//! Whose certificates are believed: the system's authorities and those that the operator names beside a URL.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Authorities of a `ca_file`.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// The certificates of a PEM file.
    ///
    /// # Errors
    /// A sentence about what the file should hold.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = found
            .ok()
            .filter(|found| !found.is_empty())
            .ok_or("has to hold certificates in PEM form (-----BEGIN CERTIFICATE-----)")?;
        let mut store = RootCertStore::empty();
        for certificate in &found {
            store
                .add(certificate.clone())
                .map_err(|_| "holds a certificate that is no authority's")?;
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

    /// The same, and the first of what could not be read.
    pub fn found_in_system() -> (Self, Option<String>) {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        // What cannot be read or is no authority is left out; the rest still counts.
        roots.add_parsable_certificates(found.certs);
        let trouble = found.errors.first().map(|error| format!("{error}."));
        (Self::of(roots), trouble)
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
        let mut roots = RootCertStore::clone(&self.roots);
        roots.add_parsable_certificates(more.0.iter().cloned());
        Self::of(roots)
    }

    fn of(roots: RootCertStore) -> Self {
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map(|builder| {
                builder
                    .with_root_certificates(Arc::clone(&roots))
                    .with_no_client_auth()
            });
        Self {
            roots,
            config: Arc::new(match config {
                Ok(config) => config,
                Err(never) => unreachable!("ring has suites of both versions: {never}"),
            }),
        }
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust({} authorities)", self.roots.len())
    }
}
