//! The token's address: both grants.

use super::org::SimulatedOrg;
use super::scene::Scene;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Who asks for a session, as far as that is proven by what only the organisation checks.
pub(super) struct Asking {
    /// The app's consumer key.
    pub(super) client_id: String,
    proof: Proof,
}

enum Proof {
    Secret(String),
    Signed { text: String, signature: Vec<u8>, expires: i64 },
}

/// Reads the request for a session.
pub(super) fn read(authorization: Option<&str>, body: &[u8]) -> Option<Asking> {
    let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match field("grant_type")?.as_str() {
        "client_credentials" => {
            let (client_id, secret) =
                match authorization.and_then(|text| text.strip_prefix("Basic ")) {
                    Some(basic) => {
                        let pair = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
                        let (id, secret) = pair.split_once(':')?;
                        (id.to_owned(), secret.to_owned())
                    }
                    None => (field("client_id")?, field("client_secret")?),
                };
            Some(Asking { client_id, proof: Proof::Secret(secret) })
        }
        JWT_BEARER => {
            let assertion = field("assertion")?;
            let (signed, signature) = assertion.rsplit_once('.')?;
            let (_, claims) = signed.split_once('.')?;
            let claims: Value =
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
            Some(Asking {
                client_id: claims.get("iss")?.as_str()?.to_owned(),
                proof: Proof::Signed {
                    text: signed.to_owned(),
                    signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
                    expires: claims.get("exp")?.as_i64()?,
                },
            })
        }
        _ => None,
    }
}

/// Why no session is given: status and body.
pub(super) fn refusal(
    org: Option<&SimulatedOrg>,
    asking: &Asking,
    now_seconds: i64,
) -> Option<Value> {
    let refused = |error: &str, description: &str| {
        let more = org.map(SimulatedOrg::repeated).unwrap_or_default();
        Some(json!({ "error": error, "error_description": format!("{description}{more}") }))
    };
    let Some(org) = org else {
        return refused("invalid_client_id", "client identifier invalid");
    };
    let scenes = [
        (Scene::RevokedApp, "expired access/refresh token"),
        (Scene::NoRunAsUser, "no client credentials user enabled"),
        (Scene::NotApproved, "user hasn't approved this consumer"),
    ];
    if let Some((_, description)) = scenes.iter().find(|(scene, _)| *scene == org.scene) {
        return refused("invalid_grant", description);
    }
    match &asking.proof {
        Proof::Secret(secret) if *secret == org.client_secret => None,
        Proof::Secret(_) => refused("invalid_client", "invalid client credentials"),
        Proof::Signed { expires, .. } if *expires < now_seconds => {
            refused("invalid_grant", "expired assertion")
        }
        Proof::Signed { text, signature, .. } => {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &org.public_key);
            match key.verify(text.as_bytes(), signature) {
                Ok(()) => None,
                Err(_) => refused("invalid_grant", "invalid assertion"),
            }
        }
    }
}

/// The answer that gives a session.
pub(super) fn granted(session: &str, instance: &str) -> Value {
    json!({
        "access_token": session, "signature": "c2lnbmF0dXJl", "scope": "api", "instance_url": instance,
        "id": format!("{instance}/id/00D000000000001AAA/005000000000001AAA"), "token_type": "Bearer",
        "issued_at": "1700000000000",
    })
}
