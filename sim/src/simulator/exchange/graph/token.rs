//! The address that gives tokens: the form, the secret, and the assertion with its signature and every claim.

use super::scene::GraphScene;
use super::tenant::{GraphTenant, SimulatedApp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Entra takes no assertion that holds for longer.
const LONGEST_ASSERTION: i64 = 600;

/// Why no token is given: the number behind `AADSTS`, and words.
type EntraRefusal = (u32, &'static str);

/// Whether the request for a token gets one. `address` is the one that it was sent to.
pub(super) fn verify(tenant: &GraphTenant, address: &str, body: &[u8]) -> Result<(), EntraRefusal> {
    let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other scenes are about other parts")]
    match tenant.scene {
        GraphScene::SecretExpired => {
            return Err((7_000_222, "The provided client secret keys for app are expired."));
        }
        GraphScene::CertificateUnknown => {
            return Err((
                700_027,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            ));
        }
        GraphScene::AppUnknown => {
            return Err((700_016, "Application with identifier was not found in the directory."));
        }
        GraphScene::NoConsent => {
            return Err((
                65_001,
                "The user or administrator has not consented to use the application.",
            ));
        }
        GraphScene::ConditionalAccess => {
            return Err((53_003, "Access has been blocked by Conditional Access policies."));
        }
        GraphScene::OtherRefusal => {
            return Err((7_000_112, "Application is disabled."));
        }
        _ => {}
    }
    if tenant.scene == GraphScene::TenantUnknown
        || !address.ends_with(&format!("/{}/oauth2/v2.0/token", tenant.tenant))
    {
        return Err((90_002, "Tenant not found."));
    }
    if field("grant_type") != "client_credentials" {
        return Err((70_003, "The app requested an unsupported grant type."));
    }
    if field("scope") != "https://graph.microsoft.com/.default" {
        return Err((1_002_012, "The provided value for scope is not valid."));
    }
    if field("client_id") != tenant.client_id {
        return Err((700_016, "Application with identifier was not found in the directory."));
    }
    match &tenant.app {
        SimulatedApp::Secret(secret) if field("client_secret") == secret => Ok(()),
        SimulatedApp::Secret(_) => Err((7_000_215, "Invalid client secret provided.")),
        SimulatedApp::Certificate { thumbprint, public_key } => {
            let assertion = field("client_assertion");
            if field("client_assertion_type") != JWT_BEARER || assertion.is_empty() {
                return Err((
                    7_000_218,
                    "The request body must contain the following parameter: client_assertion.",
                ));
            }
            signed(tenant, address, assertion, (thumbprint, public_key)).ok_or((
                700_027,
                "Client assertion failed signature validation or has wrong claims.",
            ))
        }
    }
}

/// Whether an assertion is signed with the certificate's key, names it, and claims what it may.
fn signed(
    tenant: &GraphTenant,
    address: &str,
    assertion: &str,
    (thumbprint, public_key): (&str, &[u8]),
) -> Option<()> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let read = |part: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let (head, claims) = (read(head)?, read(claims)?);
    let is = |value: &Value, key: &str, wanted: &str| {
        value.get(key).and_then(Value::as_str).is_some_and(|found| found == wanted)
    };
    // Some write these with a fraction, and leave the beginning out.
    let number = |key: &str| claims.get(key)?.as_f64().map(|seconds| seconds as i64);
    let begins = number("nbf").or_else(|| number("iat"))?;
    let (ends, now) = (number("exp")?, tenant.now_seconds);
    let named = head.get("x5t#S256").and_then(Value::as_str);
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public_key);
    let good = is(&head, "alg", "PS256")
        && is(&head, "typ", "JWT")
        && named.is_some_and(|named| named.trim_end_matches('=') == thumbprint)
        && is(&claims, "aud", address)
        && is(&claims, "iss", &tenant.client_id)
        && is(&claims, "sub", &tenant.client_id)
        && claims.get("jti").and_then(Value::as_str).is_some_and(|id| id.len() >= 16)
        && number("iat").is_some()
        && (begins..ends).contains(&now)
        && ends - begins <= LONGEST_ASSERTION
        && key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).is_ok();
    good.then_some(())
}

/// Where a tenant's addresses are, which libraries look up.
pub(super) fn discovered(base: &str) -> Value {
    json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"), "issuer": format!("{base}/v2.0"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
    })
}

/// The answer that gives a token.
pub(super) fn granted(token: &str, seconds: u64) -> Value {
    json!({
        "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token,
    })
}

/// The answer that refuses one, with its status.
pub(super) fn refused((code, words): EntraRefusal) -> (u16, Value) {
    let (status, error) = match code {
        700_016 => (400, "unauthorized_client"),
        90_002 => (400, "invalid_tenant"),
        65_001 | 53_003 => (400, "invalid_grant"),
        1_002_012 => (400, "invalid_scope"),
        70_003 => (400, "unsupported_grant_type"),
        _ => (401, "invalid_client"),
    };
    let (trace, correlation) =
        ("3427eb4d-866e-4a3c-9048-6ab375960e00", "0aa7c9ea-5677-4024-b0ce-2ff6d5fe5cfa");
    let description = format!(
        "AADSTS{code}: {words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: 2026-11-28 10:00:00Z"
    );
    let answer = json!({
        "error": error, "error_description": description, "error_codes": [code],
        "timestamp": "2026-11-28 10:00:00Z", "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    (status, answer)
}
