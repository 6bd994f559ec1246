//! Transport encryption of what is served: settings → a rustls configuration, with every mistake of the files it names.
//!
//! This module knows files and certificates; it does not know requests, users or who opens a connection. A new setting is
//! a field of [`TlsSettings`]; what it is called is `config`'s affair.

use crate::domain::ids::closed_set;
use crate::domain::time::Timestamp;
use crate::secret::{Readers, read_file};
use chrono::DateTime;
pub use rustls::ServerConfig;
use rustls::crypto::{SupportedKxGroup, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, SupportedCipherSuite};
use std::path::{Path, PathBuf};
use std::sync::Arc;

closed_set! {
    /// A version of the protocol. Those before 1.2 are broken, and rustls does not speak them.
    TlsVersion {
        /// 1.2.
        Tls12 = "TLS12",
        /// 1.3.
        Tls13 = "TLS13",
    }
}

closed_set! {
    /// Whether clients show a certificate. The family has two more policies that ask for one and believe any; whoever
    /// reads them in a file would think that something is checked.
    ClientAuth {
        /// None is requested.
        NoClientCert = "NoClientCert",
        /// Whoever shows one shows one of the authority.
        VerifyIfGiven = "VerifyClientCertIfGiven",
        /// Everybody shows one of the authority.
        RequireAndVerify = "RequireAndVerifyClientCert",
    }
}

/// Curves for the exchange of keys, under the names that the Prometheus family gives them.
pub const CURVES: [(&str, &dyn SupportedKxGroup); 3] = [
    ("X25519", ring::kx_group::X25519),
    ("CurveP256", ring::kx_group::SECP256R1),
    ("CurveP384", ring::kx_group::SECP384R1),
];

/// The cipher suites of TLS 1.2, by name; all give forward secrecy and authenticate what they encrypt. Those of TLS 1.3
/// are not chosen: all are good.
pub fn cipher_suites() -> impl Iterator<Item = (&'static str, SupportedCipherSuite)> {
    let suites = ring::ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none());
    suites.filter_map(|suite| Some((suite.suite().as_str()?, *suite)))
}

/// How connections are encrypted.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// The certificate, with the chain to its authority behind it.
    pub cert_file: PathBuf,
    /// The key of the certificate.
    pub key_file: PathBuf,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// The authorities of clients; there is one exactly when certificates are verified.
    pub client_ca_file: Option<PathBuf>,
    /// The lowest version offered.
    pub min_version: TlsVersion,
    /// The highest.
    pub max_version: TlsVersion,
    /// Suites of TLS 1.2; empty is every one.
    pub cipher_suites: Vec<SupportedCipherSuite>,
    /// Curves, the preferred first; empty is every one.
    pub curves: Vec<&'static dyn SupportedKxGroup>,
    /// Whether our order of suites counts rather than the client's.
    pub server_order: bool,
}

/// What connections are encrypted with, and when the first certificate of the chain expires; `None` where that cannot be
/// read. `wrong` gets every mistake of the files: the setting by its name in the file, and a sentence.
pub fn server(
    settings: &TlsSettings,
    wrong: impl Fn(&'static str, String),
) -> Option<(Arc<ServerConfig>, Option<Timestamp>)> {
    let about = |key, path: &Path, says| wrong(key, format!("{} {says}", path.display()));
    let (cert_file, key_file) = (&settings.cert_file, &settings.key_file);
    let chain = certificates(cert_file).map_err(|says| about("cert_file", cert_file, says));
    let key = key(key_file).map_err(|says| about("key_file", key_file, says));
    let authorities = settings
        .client_ca_file
        .as_deref()
        .map(|path| authorities(path).map_err(|says| about("client_ca_file", path, says)));
    let (chain, key, authorities) = (chain.ok()?, key.ok()?, authorities.transpose().ok()?);
    let not_after = chain.iter().filter_map(|certificate| not_after(certificate)).min();

    let mut provider = ring::default_provider();
    if !settings.cipher_suites.is_empty() {
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        provider.cipher_suites.extend(&settings.cipher_suites);
    }
    if !settings.curves.is_empty() {
        provider.kx_groups.clone_from(&settings.curves);
    }
    let provider = Arc::new(provider);
    let verifier = match (settings.client_auth, authorities) {
        (ClientAuth::NoClientCert, _) | (_, None) => WebPkiClientVerifier::no_client_auth(),
        (auth, Some(authorities)) => {
            let (authorities, provider) = (Arc::new(authorities), Arc::clone(&provider));
            let builder = WebPkiClientVerifier::builder_with_provider(authorities, provider);
            let builder = match auth {
                ClientAuth::VerifyIfGiven => builder.allow_unauthenticated(),
                ClientAuth::NoClientCert | ClientAuth::RequireAndVerify => builder,
            };
            builder.build().map_err(|error| wrong("client_ca_file", error.to_string())).ok()?
        }
    };
    let versions: Vec<_> = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ]
    .into_iter()
    .filter(|(version, _)| (settings.min_version..=settings.max_version).contains(version))
    .map(|(_, version)| version)
    .collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| wrong("cipher_suites", error.to_string()))
        .ok()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| {
            if matches!(error, rustls::Error::InconsistentKeys(_)) {
                about("key_file", key_file, format!("is not the certificate's: {error}"));
            } else {
                // One that nobody would take, such as one of X.509's version 1.
                about("cert_file", cert_file, format!("cannot be served: {error}"));
            }
        })
        .ok()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order = settings.server_order;
    if settings.client_auth != ClientAuth::NoClientCert {
        // A resumed session does not show its certificate again, which may have expired or lost its authority.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Some((Arc::new(config), not_after))
}

/// The authorities of a large company take 200 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// A certificate and its chain. Nothing of a file's text gets into an error, which is the end of a sentence.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(&read(path, Readers::Anybody)?)
        .collect::<Result<Vec<_>, pem::Error>>()
        .map_err(|_| "has a damaged PEM block; write the certificate and its chain anew")?;
    if chain.is_empty() {
        return Err("holds no certificate; name the PEM file with BEGIN CERTIFICATE".to_owned());
    }
    Ok(chain)
}

/// A private key that nobody else can read.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(path, Readers::OwnerAndGroup("640"))?).map_err(|_| {
        "holds no private key; name the PEM file with BEGIN PRIVATE KEY, without a passphrase"
            .to_owned()
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store
            .add(certificate)
            .map_err(|error| format!("has a certificate that cannot be an authority: {error}"))?;
    }
    Ok(store)
}

fn read(path: &Path, readers: Readers) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let text = read_file(path, MAX_BYTES, readers)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("has more than {MAX_BYTES} bytes; is it the right file?"));
    }
    Ok(text)
}

/// The end of validity; `None` when the bytes are no certificate.
pub(crate) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let until = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?;
    // Some are written to be good for ever, which is the year 9999.
    Some(Timestamp::from_datetime(until).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn until(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1990, 1, 1);
        params.not_after = date_time_ymd(year, 5, 17);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        certificate.der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_a_time() {
        for year in [1999, 2021, 2049, 2050, 2100] {
            let read = not_after(&until(year)).unwrap();
            let expected = format!("{year}-05-17T00:00:00+00:00");
            assert_eq!(read.datetime().to_rfc3339(), expected);
        }
    }

    #[test]
    fn no_damage_makes_reading_panic() {
        let good = until(2100);
        for cut in 0..good.len() {
            not_after(&good[..cut]);
            let mut changed = good.clone();
            changed[cut] ^= 0x80;
            not_after(&changed);
        }
        assert_eq!(not_after(b"no certificate"), None);
    }
}
