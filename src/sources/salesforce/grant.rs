//! The request for a session, and what the answer says. Pure but for the random numbers of the signature.

use super::answer::object_of;
use super::failure::SalesforceFailure;
use super::settings::Auth;
use crate::domain::time::Timestamp;
use crate::http_client::{HttpRequest, HttpResponse};
use crate::secret::Secret;
use crate::sources::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use std::fmt;
use zeroize::Zeroizing;

/// How long an assertion holds: what the vendor's own examples and other clients use.
const ASSERTION_SECONDS: f64 = 180.0;
/// RFC 7523.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The private key of the JWT bearer grant.
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

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

/// Two keys are the same when their public halves are.
impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.public().as_ref() == other.0.public().as_ref()
    }
}

impl Eq for SigningKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The request for a session.
pub(super) fn request(auth: &Auth, now: Timestamp) -> Result<HttpRequest, Failure> {
    let mut headers =
        vec![(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))];
    let body = match auth {
        Auth::ClientCredentials { client_id, secret } => {
            let pair = Zeroizing::new(format!("{client_id}:{}", secret.expose()));
            let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
            headers.push((AUTHORIZATION, sensitive(&basic)?));
            Zeroizing::new("grant_type=client_credentials".to_owned())
        }
        Auth::JwtBearer { client_id, username, key, audience } => {
            let claims = json!({
                "iss": client_id, "sub": username, "aud": audience,
                "exp": (now.seconds() + ASSERTION_SECONDS) as i64,
            });
            let assertion = assertion(key, &claims.to_string())?;
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", JWT_BEARER);
            form.append_pair("assertion", &assertion);
            Zeroizing::new(form.finish())
        }
    };
    Ok(HttpRequest {
        method: Method::POST,
        path: "/services/oauth2/token".to_owned(),
        headers,
        body: body.as_bytes().to_vec().into(),
    })
}

fn assertion(key: &SigningKey, claims: &str) -> Result<Zeroizing<String>, Failure> {
    let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(signed.as_bytes()).ok_or_else(|| {
        Failure::new(SalesforceFailure::CredentialsRejected, "the private key does not sign")
    })?;
    Ok(Zeroizing::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// The session of a good answer. `instance_url` and `expires_in` are not read: requests go to the configured host, and a
/// session holds until it is refused.
pub(super) fn session(answer: &HttpResponse) -> Result<Secret, Failure> {
    object_of(answer)?
        .get("access_token")
        .and_then(|token| Secret::from_file_text(token.as_str()?))
        .filter(|token| token.expose().bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| {
            Failure::malformed("the answer to the request for a session has no access_token")
        })
}

/// The header that shows a session.
pub(super) fn bearer(session: &Secret) -> Result<HeaderValue, Failure> {
    sensitive(&Zeroizing::new(format!("Bearer {}", session.expose())))
}

fn sensitive(text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Failure::new(
            SalesforceFailure::CredentialsRejected,
            "the credentials have characters that a header cannot carry",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
