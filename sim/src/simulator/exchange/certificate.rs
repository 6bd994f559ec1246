//! A certificate that a server made for itself, of any length of life: X.509 written by hand, since a library for it would
//! be in the program for the demonstration alone.

use crate::domain::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::io;
use std::sync::Arc;

const SEQUENCE: u8 = 0x30;
/// The identifiers of ECDSA with SHA-256, of keys on the curve P-256, of a common name and of alternative names.
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_KEY_ON_P256: &[u8] = &[
    0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x11];

/// A certificate for one host, and its key.
#[derive(Debug)]
pub struct ServerCertificate {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl ServerCertificate {
    /// One that is good for a host name from an instant to another.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn new(host: &str, from: Timestamp, until: Timestamp) -> io::Result<Self> {
        let random = SystemRandom::new();
        let failed = |_| io::Error::other("no key could be made");
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(failed)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random)
            .map_err(|_| io::Error::other("the key cannot be read"))?;
        let name = der(
            SEQUENCE,
            &[der(0x31, &[der(SEQUENCE, &[COMMON_NAME.to_vec(), der(0x0c, &[host.into()])])])],
        );
        let time = |at: Timestamp| {
            der(0x17, &[at.datetime().format("%y%m%d%H%M%SZ").to_string().into_bytes()])
        };
        let algorithm = der(SEQUENCE, &[ECDSA_WITH_SHA256.to_vec()]);
        let names = der(SEQUENCE, &[der(0x82, &[host.into()])]);
        let extension = der(SEQUENCE, &[ALTERNATIVE_NAMES.to_vec(), der(0x04, &[names])]);
        let body = der(
            SEQUENCE,
            &[
                der(0xa0, &[vec![0x02, 1, 2]]),
                vec![0x02, 1, 1],
                algorithm.clone(),
                name.clone(),
                der(SEQUENCE, &[time(from), time(until)]),
                name,
                der(
                    SEQUENCE,
                    &[der(SEQUENCE, &[EC_KEY_ON_P256.to_vec()]), bits(pair.public_key().as_ref())],
                ),
                der(0xa3, &[der(SEQUENCE, &[extension])]),
            ],
        );
        let signature = pair.sign(&random, &body).map_err(failed)?;
        let whole = der(SEQUENCE, &[body, algorithm, bits(signature.as_ref())]);
        Ok(Self { certificate: whole.into(), key: key.as_ref().to_vec() })
    }

    /// The certificate as a file of authorities has it.
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(&self.certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// How a server shows it.
    ///
    /// # Errors
    /// When certificate and key do not go together.
    pub fn server(&self) -> io::Result<Arc<ServerConfig>> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|it| {
                it.with_no_client_auth().with_single_cert(vec![self.certificate.clone()], key)
            });
        config.map(Arc::new).map_err(io::Error::other)
    }

    /// How a client that believes it verifies servers.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn client(&self) -> io::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(io::Error::other)?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Bits, all of whose bytes are whole.
fn bits(bytes: &[u8]) -> Vec<u8> {
    der(0x03, &[vec![0], bytes.to_vec()])
}

/// A value of ASN.1: its tag, its length and its parts.
fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let mut value = vec![tag];
    match content.len() {
        ..0x80 => value.push(low),
        0x80..0x100 => value.extend([0x81, low]),
        _ => value.extend([0x82, high, low]),
    }
    value.extend(content);
    value
}
