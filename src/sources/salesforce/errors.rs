//! What an answer that is not good says: the code decides, not the status, because the same code comes with several.

use super::answer::is_page;
use crate::http_client::{HttpResponse, TransportError};
use crate::sources::failure::{Failure, FailureReason, code};
use serde_json::Value;

/// Phrases of answers whose session a new one would not mend.
const NOT_FOR_API: [&str; 2] = [
    "This session is not valid for use with the REST API",
    "Connected app is not attached to Agent",
];

/// The longest name of an organisation's domain, with that of a sandbox.
const MAX_DOMAIN: usize = 46;

/// The failure of a request without an answer. A redirect to another host of the vendor is named, which a renamed domain
/// needs; a name of this shape is too short to repeat a secret that was sent.
pub(super) fn not_answered(error: TransportError) -> Failure {
    let target = error.redirect_host.clone().filter(|host| {
        let own = host.strip_suffix(".my.salesforce.com").unwrap_or(".");
        let own = own.strip_suffix(".sandbox").unwrap_or(own);
        own.len() <= MAX_DOMAIN && !own.contains('.')
    });
    let mut failure = Failure::from(error);
    if let Some(target) = target {
        failure.detail.push_str("; it names ");
        failure.detail.push_str(&target);
    }
    failure
}

/// The failure of an answer.
pub(super) fn failure_of(answer: &HttpResponse) -> Failure {
    let status = answer.status;
    if is_page(answer) {
        let reason = if status == 503 {
            FailureReason::Maintenance
        } else {
            FailureReason::AnswerIsPage
        };
        return Failure::new(reason, format!("status {status} with a page for people"));
    }
    serde_json::from_slice(&answer.body)
        .ok()
        .and_then(|body: Value| failure_in(&body, status))
        .unwrap_or_else(|| {
            Failure::new(of_status(status), format!("status {status} without a code"))
        })
}

/// The failure that a body tells, in either of its two shapes.
pub(super) fn failure_in(body: &Value, status: u16) -> Option<Failure> {
    let error = body
        .as_array()
        .and_then(|list| list.first())
        .unwrap_or(body);
    let message = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
    if let Some(found) = error.get("errorCode").and_then(Value::as_str) {
        let reason = of_code(found, message("message"), status);
        return Some(Failure::new(
            reason,
            format!("status {status}, {}", code(found)),
        ));
    }
    let found = error.get("error").and_then(Value::as_str)?;
    let reason = of_grant(found, message("error_description"), status);
    Some(Failure::new(
        reason,
        format!("status {status}, {}", code(found)),
    ))
}

fn of_code(code: &str, message: &str, status: u16) -> FailureReason {
    match code {
        "INVALID_SESSION_ID" if NOT_FOR_API.iter().any(|phrase| message.contains(phrase)) => {
            FailureReason::SessionNotForApi
        }
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => FailureReason::SessionExpired,
        "REQUEST_LIMIT_EXCEEDED" => FailureReason::RequestLimitExceeded,
        "API_DISABLED_FOR_ORG"
        | "API_CURRENTLY_DISABLED"
        | "FUNCTIONALITY_NOT_ENABLED"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY" => FailureReason::PermissionDenied,
        "MALFORMED_QUERY" | "INVALID_QUERY_FILTER_OPERATOR" => FailureReason::MalformedQuery,
        "INVALID_FIELD" => FailureReason::FieldUnknown,
        "INVALID_TYPE" => FailureReason::ObjectMissing,
        "NOT_FOUND" | "UNSUPPORTED_API_VERSION" => FailureReason::NotFound,
        "SERVER_UNAVAILABLE" => FailureReason::Maintenance,
        "UNKNOWN_EXCEPTION" => FailureReason::ServerError,
        "QUERY_TIMEOUT" => FailureReason::Timeout,
        _ if code.starts_with("TXN_SECURITY_") => FailureReason::TransactionSecurity,
        _ => of_status(status),
    }
}

fn of_grant(error: &str, description: &str, status: u16) -> FailureReason {
    if description.contains("no client credentials user enabled") {
        return FailureReason::NoRunAsUser;
    }
    if description.contains("hasn't approved this consumer") {
        return FailureReason::AppNotApproved;
    }
    if description.contains("expired access/refresh token") {
        return FailureReason::AppRevoked;
    }
    if description.contains("rate exceeded") {
        return FailureReason::RequestLimitExceeded;
    }
    match error {
        "app_not_approved" => FailureReason::AppNotApproved,
        "OAUTH_APP_BLOCKED" => FailureReason::AppRevoked,
        "invalid_grant"
        | "invalid_client"
        | "invalid_client_id"
        | "unauthorized_client"
        | "invalid_app_access"
        | "inactive_user"
        | "inactive_org"
        | "unsupported_grant_type"
        | "invalid_request"
        | "invalid_scope" => FailureReason::CredentialsRejected,
        _ => match status {
            400 | 401 | 403 => FailureReason::CredentialsRejected,
            _ => of_status(status),
        },
    }
}

fn of_status(status: u16) -> FailureReason {
    match status {
        401 => FailureReason::SessionExpired,
        403 => FailureReason::PermissionDenied,
        404 => FailureReason::NotFound,
        429 => FailureReason::RequestLimitExceeded,
        503 => FailureReason::Maintenance,
        500..=599 => FailureReason::ServerError,
        200..=299 => FailureReason::AnswerMalformed,
        _ => FailureReason::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(status: u16, body: &str) -> FailureReason {
        failure_of(&HttpResponse {
            status,
            headers: hyper::HeaderMap::new(),
            body: body.to_owned().into(),
        })
        .reason
    }

    #[test]
    fn every_documented_failure_has_a_reason_of_its_own() {
        let code = |code: &str| format!(r#"[{{"message":"m","errorCode":"{code}"}}]"#);
        for (status, body, expected) in [
            (401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#.to_owned(), FailureReason::SessionExpired),
            (401, r#"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#.to_owned(), FailureReason::SessionNotForApi),
            (403, code("REQUEST_LIMIT_EXCEEDED"), FailureReason::RequestLimitExceeded),
            (400, code("REQUEST_LIMIT_EXCEEDED"), FailureReason::RequestLimitExceeded),
            (403, code("INSUFFICIENT_ACCESS"), FailureReason::PermissionDenied),
            (403, code("API_DISABLED_FOR_ORG"), FailureReason::PermissionDenied),
            (400, code("MALFORMED_QUERY"), FailureReason::MalformedQuery),
            (400, code("INVALID_FIELD"), FailureReason::FieldUnknown),
            (400, code("INVALID_TYPE"), FailureReason::ObjectMissing),
            (404, code("NOT_FOUND"), FailureReason::NotFound),
            (400, code("TXN_SECURITY_METERING_ERROR"), FailureReason::TransactionSecurity),
            (500, code("UNKNOWN_EXCEPTION"), FailureReason::ServerError),
            (503, code("SERVER_UNAVAILABLE"), FailureReason::Maintenance),
            (503, "<html>We are down</html>".to_owned(), FailureReason::Maintenance),
            (503, String::new(), FailureReason::Maintenance),
            (200, "<!DOCTYPE html><html>Log in</html>".to_owned(), FailureReason::AnswerIsPage),
            (400, r#"{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}"#.to_owned(), FailureReason::AppNotApproved),
            (400, r#"{"error":"invalid_grant","error_description":"no client credentials user enabled"}"#.to_owned(), FailureReason::NoRunAsUser),
            (400, r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#.to_owned(), FailureReason::AppRevoked),
            (400, r#"{"error":"invalid_client_id","error_description":"client identifier invalid"}"#.to_owned(), FailureReason::CredentialsRejected),
            (400, r#"{"error":"invalid_grant"}"#.to_owned(), FailureReason::CredentialsRejected),
            (418, "{}".to_owned(), FailureReason::Other),
            (502, "not json".to_owned(), FailureReason::ServerError),
        ] {
            assert_eq!(reason(status, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn nothing_that_the_server_wrote_is_repeated_but_codes() {
        let body = r#"[{"message":"token 00Dsecret!","errorCode":"00Dsecret!"}]"#;
        let failure = failure_in(&serde_json::from_str(body).unwrap(), 400).unwrap();
        assert_eq!(
            failure.to_string(),
            "other: status 400, a code of another shape"
        );
    }
}
