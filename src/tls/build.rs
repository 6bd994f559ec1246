//! Settings → what rustls serves with.

use super::pem;
use super::settings::{CipherSuite, ClientAuth, Curve, TlsSettings, TlsVersion};
use super::validity;
use crate::domain::time::Timestamp;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use std::path::Path;
use std::sync::Arc;

/// A mistake, and which setting it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsMistake {
    /// The setting, by its name in the file.
    pub key: &'static str,
    /// What is wrong, as a sentence that begins with the file.
    pub says: String,
}

/// What connections are encrypted with, and for how long that is good.
#[derive(Debug, Clone)]
pub struct Served {
    /// What rustls serves with.
    pub config: Arc<ServerConfig>,
    /// When the first certificate of the chain expires; `None` where it cannot be read.
    pub not_after: Option<Timestamp>,
}

/// What connections are encrypted with.
///
/// # Errors
/// Every mistake of the files at once.
pub fn server(settings: &TlsSettings) -> Result<Served, Vec<TlsMistake>> {
    let mut mistakes = Vec::new();
    let chain = noted("cert_file", &settings.cert_file, pem::certificates, &mut mistakes);
    let key = noted("key_file", &settings.key_file, pem::key, &mut mistakes);
    let authorities = settings
        .client_ca_file
        .as_deref()
        .map(|path| noted("client_ca_file", path, pem::authorities, &mut mistakes));
    let (Some(chain), Some(key), Some(authorities)) =
        (chain, key, authorities.map_or(Some(None), |read| read.map(Some)))
    else {
        return Err(mistakes);
    };
    let one = |key, says: String| vec![TlsMistake { key, says }];
    let not_after = chain.iter().filter_map(|certificate| validity::not_after(certificate)).min();
    let provider = Arc::new(provider(settings));
    let verifier = match (settings.client_auth, authorities) {
        (ClientAuth::NoClientCert, _) | (_, None) => WebPkiClientVerifier::no_client_auth(),
        (ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify, Some(authorities)) => {
            let builder = WebPkiClientVerifier::builder_with_provider(
                Arc::new(authorities),
                Arc::clone(&provider),
            );
            let builder = if settings.client_auth == ClientAuth::VerifyIfGiven {
                builder.allow_unauthenticated()
            } else {
                builder
            };
            builder.build().map_err(|error| one("client_ca_file", error.to_string()))?
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(settings))
        .map_err(|error| one("cipher_suites", error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| {
            // The key is another's, or the certificate is one that nobody would take, such as one of X.509's version 1.
            let of_key = matches!(error, rustls::Error::InconsistentKeys(_));
            let (key, file, says) = if of_key {
                ("key_file", &settings.key_file, "is not the certificate's")
            } else {
                ("cert_file", &settings.cert_file, "cannot be served")
            };
            one(key, format!("{} {says}: {error}", file.display()))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order = settings.server_order;
    if settings.client_auth != ClientAuth::NoClientCert {
        // A resumed session does not show its certificate again, which may have expired or lost its authority.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Served { config: Arc::new(config), not_after })
}

fn noted<T>(
    key: &'static str,
    path: &Path,
    read: impl Fn(&Path) -> Result<T, String>,
    mistakes: &mut Vec<TlsMistake>,
) -> Option<T> {
    read(path)
        .map_err(|says| {
            let says = format!("{} {says}", path.display());
            mistakes.push(TlsMistake { key, says });
        })
        .ok()
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    TlsVersion::ALL
        .iter()
        .filter(|version| (settings.min_version..=settings.max_version).contains(version))
        .map(|version| match version {
            TlsVersion::Tls12 => &rustls::version::TLS12,
            TlsVersion::Tls13 => &rustls::version::TLS13,
        })
        .collect()
}

fn provider(settings: &TlsSettings) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !settings.cipher_suites.is_empty() {
        let chosen: Vec<_> = settings.cipher_suites.iter().map(suite).collect();
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        provider.cipher_suites.extend(chosen);
    }
    if !settings.curves.is_empty() {
        provider.kx_groups = settings.curves.iter().map(curve).collect();
    }
    provider
}

fn suite(suite: &CipherSuite) -> SupportedCipherSuite {
    use ring::cipher_suite as known;
    match suite {
        CipherSuite::EcdsaAes256 => known::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaAes128 => known::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaChaCha => known::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaAes256 => known::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaAes128 => known::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaChaCha => known::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn curve(curve: &Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::X25519 => ring::kx_group::X25519,
        Curve::P256 => ring::kx_group::SECP256R1,
        Curve::P384 => ring::kx_group::SECP384R1,
    }
}
