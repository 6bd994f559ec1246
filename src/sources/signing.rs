//! JSON web tokens that a program signs to prove itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RsaEncoding;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use zeroize::Zeroizing;

/// A private key that signs assertions.
pub struct SigningKey(KeyPair);

impl SigningKey {
    /// An RSA key in PEM form, PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// A sentence about what the file should hold; nothing of its text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let wrong = || {
            "has to hold one RSA private key of at least 2048 bits in PEM form, without a passphrase".to_owned()
        };
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong())?;
        let pair = if let PrivateKeyDer::Pkcs1(der) = &key {
            KeyPair::from_der(der.secret_pkcs1_der())
        } else {
            // What is of another kind is no PKCS #8 and refused as such.
            KeyPair::from_pkcs8(key.secret_der())
        };
        pair.map(Self).map_err(|_| wrong())
    }

    /// The public half: RFC 8017's `RSAPublicKey`.
    pub fn public(&self) -> &[u8] {
        self.0.public().as_ref()
    }

    /// A signed token; `None` when the key does not sign.
    pub(super) fn token(
        &self,
        padding: &'static dyn RsaEncoding,
        head: &str,
        claims: &str,
    ) -> Option<Zeroizing<String>> {
        let (head, claims) = (URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        let signed = format!("{head}.{claims}");
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some(Zeroizing::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// Two keys are the same when their public halves are.
impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.public() == other.public()
    }
}

impl Eq for SigningKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
