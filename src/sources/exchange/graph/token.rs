//! The request for a token, and what the answer says. Pure but for the random numbers of the signature.

use super::super::failure::ExchangeFailure;
use super::answer::{Capped, Numeral};
use super::meaning::sign_in_failure;
use super::settings::{GraphAuth, GraphCertificate, GraphSettings};
use crate::domain::time::Timestamp;
use crate::http_client::HttpRequest;
use crate::secret::Secret;
use crate::sources::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::RSA_PSS_SHA256;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

/// How long an assertion holds: the vendor recommends five to ten minutes.
const ASSERTION_SECONDS: i64 = 300;
/// RFC 7523.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// A token is renewed so long before its end: no probe goes on for longer.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(10);
/// Entra gives a token for an hour, and a day at most.
const LONGEST: u64 = 86_400;

/// A token.
pub(super) struct GraphToken {
    pub(super) secret: Secret,
    /// Until when it is used.
    pub(super) until: Timestamp,
}

/// The request for a token.
pub(super) fn request(settings: &GraphSettings, now: Timestamp) -> Result<HttpRequest, Failure> {
    let path = format!("/{}/oauth2/v2.0/token", settings.tenant);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("client_id", &settings.client_id);
    form.append_pair("scope", &settings.scope);
    match &settings.auth {
        GraphAuth::Secret(secret) => {
            form.append_pair("client_secret", secret.expose());
        }
        GraphAuth::Certificate(certificate) => {
            let audience = format!("{}{path}", settings.login);
            let assertion = assertion(certificate, &settings.client_id, &audience, now)?;
            form.append_pair("client_assertion_type", JWT_BEARER);
            form.append_pair("client_assertion", &assertion);
        }
    }
    let body = Zeroizing::new(form.finish());
    Ok(HttpRequest {
        method: Method::POST,
        path,
        headers: vec![(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        )],
        body: body.as_bytes().to_vec().into(),
    })
}

/// A token by which an application proves that it has the key of its certificate.
fn assertion(
    certificate: &GraphCertificate,
    client_id: &str,
    audience: &str,
    now: Timestamp,
) -> Result<Zeroizing<String>, Failure> {
    let failed =
        || Failure::new(ExchangeFailure::AppCertificateRefused, "the private key does not sign");
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| failed())?;
    let head =
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": certificate.thumbprint}).to_string();
    let seconds = now.nanos().div_euclid(1_000_000_000);
    let claims = json!({
        "aud": audience, "iss": client_id, "sub": client_id,
        "jti": URL_SAFE_NO_PAD.encode(random),
        "nbf": seconds, "iat": seconds, "exp": seconds + ASSERTION_SECONDS,
    });
    certificate.key.token(&RSA_PSS_SHA256, &head, &claims.to_string()).ok_or_else(failed)
}

#[derive(Deserialize)]
#[serde(default)]
pub(in crate::sources::exchange) struct TokenAnswer {
    access_token: Option<String>,
    expires_in: Numeral,
    error: Option<String>,
    error_codes: Capped<u32, 20>,
    error_description: String,
}

impl Default for TokenAnswer {
    fn default() -> Self {
        Self {
            access_token: None,
            expires_in: Numeral(None),
            error: None,
            error_codes: Capped::default(),
            error_description: String::new(),
        }
    }
}

/// Reads an answer to the request for a token.
pub(in crate::sources::exchange) fn read(body: &[u8]) -> Result<TokenAnswer, Failure> {
    serde_json::from_slice(body)
        .map_err(|_| Failure::malformed("the answer to the request for a token is not Entra's"))
}

impl TokenAnswer {
    /// The token, or what refused it.
    pub(super) fn token(self, now: Timestamp) -> Result<GraphToken, (ExchangeFailure, Failure)> {
        let text = self.access_token.map(Zeroizing::new);
        let usable = text
            .as_deref()
            .and_then(|text| Secret::from_file_text(text))
            .filter(|token| token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        if let Some(secret) = usable {
            let seconds = self.expires_in.0.unwrap_or_default().min(LONGEST);
            let lasts = TimeDelta::seconds(i64::try_from(seconds).unwrap_or_default());
            return Ok(GraphToken { secret, until: now.plus(lasts).minus(RENEWED_BEFORE) });
        }
        let described = self.error_description.split("AADSTS").nth(1).and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).take(9).collect();
            digits.parse().ok()
        });
        let code: Option<u32> = self.error_codes.0.first().copied().or(described);
        let kind = code.map_or(ExchangeFailure::AppRefused, sign_in_failure);
        let detail = match code {
            Some(code) => format!("Microsoft Entra gives no token: AADSTS{code}"),
            None => {
                let error = self.error.unwrap_or_default();
                format!("Microsoft Entra gives no token: {}", crate::sources::failure::code(&error))
            }
        };
        Err((kind, Failure::new(kind, detail)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refuses_a_token_is_known_by_its_number() {
        let now = Timestamp::from_seconds(0);
        let refused = |text: &str| read(text.as_bytes()).unwrap().token(now).err().unwrap().0;
        let by_list = r#"{"error":"invalid_client","error_codes":[7000222],"error_description":"AADSTS7000222: a secret"}"#;
        assert_eq!(refused(by_list), ExchangeFailure::AppSecretExpired);
        let by_words = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}"#;
        assert_eq!(refused(by_words), ExchangeFailure::AppSecretWrong);
        assert_eq!(refused("{}"), ExchangeFailure::AppRefused);
        let text = r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"ey.a.b"}"#;
        let token = read(text.as_bytes()).unwrap().token(now).ok().unwrap();
        assert_eq!(
            (token.secret.expose(), token.until),
            ("ey.a.b", Timestamp::from_seconds(2_999))
        );
    }
}
