//! What an operator may choose, under the names that the Prometheus family gives it.

use crate::domain::ids::closed_set;
use std::path::PathBuf;

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

closed_set! {
    /// A cipher suite of TLS 1.2 that gives forward secrecy and authenticates what it encrypts. Those of TLS 1.3 are not
    /// chosen: all are good.
    CipherSuite {
        /// AES-256 for keys of elliptic curves.
        EcdsaAes256 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        /// AES-128 for keys of elliptic curves.
        EcdsaAes128 = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        /// `ChaCha20` for keys of elliptic curves.
        EcdsaChaCha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        /// AES-256 for RSA keys.
        RsaAes256 = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        /// AES-128 for RSA keys.
        RsaAes128 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        /// `ChaCha20` for RSA keys.
        RsaChaCha = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    }
}

closed_set! {
    /// A curve for the exchange of keys.
    Curve {
        /// X25519.
        X25519 = "X25519",
        /// NIST's P-256.
        P256 = "CurveP256",
        /// NIST's P-384.
        P384 = "CurveP384",
    }
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub cipher_suites: Vec<CipherSuite>,
    /// Curves, the preferred first; empty is every one.
    pub curves: Vec<Curve>,
    /// Whether our order of suites counts rather than the client's.
    pub server_order: bool,
}

impl TlsSettings {
    /// The files that these settings read.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.cert_file, &self.key_file].into_iter().chain(&self.client_ca_file)
    }
}
