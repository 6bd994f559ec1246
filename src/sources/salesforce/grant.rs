//! The request for a session, and what the answer says. Pure but for the random numbers of the signature.

use super::answer::object_of;
use super::failure::SalesforceFailure;
use super::settings::Auth;
use crate::domain::time::Timestamp;
use crate::http_client::{HttpRequest, HttpResponse, TransportFailure};
use crate::secret::Secret;
use crate::sources::failure::Failure;
use crate::sources::signing::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::json;
use zeroize::Zeroizing;

/// How long an assertion holds: what the vendor's own examples and other clients use.
const ASSERTION_SECONDS: f64 = 180.0;
/// RFC 7523.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

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
    key.token(&RSA_PKCS1_SHA256, r#"{"alg":"RS256"}"#, claims).ok_or_else(|| {
        Failure::new(SalesforceFailure::CredentialsRejected, "the private key does not sign")
    })
}

/// The session of a good answer. `instance_url` and `expires_in` are not read: requests go to the configured host, and a
/// session holds until it is refused.
pub(super) fn session(answer: &HttpResponse) -> Result<Secret, Failure> {
    object_of(answer)?
        .get("access_token")
        .and_then(|token| Secret::from_file_text(token.as_str()?))
        .filter(|token| token.expose().bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| {
            Failure::new(
                TransportFailure::AnswerMalformed,
                "the answer to the request for a session has no access_token",
            )
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
