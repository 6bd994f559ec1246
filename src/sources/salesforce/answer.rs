//! Bytes of an answer → JSON and numbers as Salesforce writes them, or why there is none: the code decides, not the status,
//! because the same code comes with several.

use super::failure::SalesforceFailure;
use super::queries;
use crate::domain::time::Timestamp;
use crate::http_client::{HttpResponse, TransportError, TransportFailure};
use crate::sources::failure::{Failure, FailureReason, code};
use crate::sources::instant;
use serde_json::{Map, Value};

/// The JSON object of a good answer.
pub(super) fn object_of(answer: &HttpResponse) -> Result<Map<String, Value>, Failure> {
    if !(200..300).contains(&answer.status) || is_page(answer) {
        return Err(failure_of(answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| {
        Failure::new(TransportFailure::AnswerMalformed, "the answer is no object in JSON")
    })
}

/// Whether a page for people came where data should be, whatever its status says.
pub(super) fn is_page(answer: &HttpResponse) -> bool {
    let named = answer
        .headers
        .get(hyper::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    let mut text = answer.body.iter().copied().filter(|b| !b.is_ascii_whitespace());
    // Data of ours begins with { or [; XML of ours with <?xml or <soapenv.
    let looks =
        text.next() == Some(b'<') && text.next().is_some_and(|b| matches!(b, b'!' | b'h' | b'H'));
    named || looks
}

/// A count: a whole number that is not negative, also one written `300.0`. Anything else says nothing.
pub(super) fn count(value: Option<&Value>) -> Option<u64> {
    let number = value?.as_number()?;
    number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        // Beyond 2^53 a float no longer names one whole number.
        ((0.0..=9_007_199_254_740_992.0).contains(&float) && float.fract() == 0.0)
            .then_some(float as u64)
    })
}

/// A text that is not empty.
pub(in crate::sources) fn text<'v>(record: &'v Map<String, Value>, field: &str) -> Option<&'v str> {
    record.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// A time such as `2023-12-06T05:44:24.973+0000`. One without a zone is refused: it could be any of 26.
pub(in crate::sources) fn time(text: &str) -> Option<Timestamp> {
    instant::parse(text).ok()
}

/// What the messages of refusals mean, by a phrase in them. Another session would be refused as well.
const PHRASES: &[(&str, SalesforceFailure)] = &[
    ("not valid for use with", SalesforceFailure::SessionNotForApi),
    ("connected app is not attached to agent", SalesforceFailure::SessionNotForApi),
    ("not enabled for api", SalesforceFailure::SessionNotForApi),
    ("no client credentials user enabled", SalesforceFailure::NoRunAsUser),
    ("hasn't approved this consumer", SalesforceFailure::AppNotApproved),
    ("not admin approved", SalesforceFailure::AppNotApproved),
    ("expired access/refresh token", SalesforceFailure::AppRevoked),
    ("rate exceeded", SalesforceFailure::RequestLimitExceeded),
    ("retry your request", SalesforceFailure::ServerError),
    ("ip restricted", SalesforceFailure::IpRestricted),
    ("ip address", SalesforceFailure::IpRestricted),
    ("ip range", SalesforceFailure::IpRestricted),
    ("invalid login hours", SalesforceFailure::IpRestricted),
    ("inactive user", SalesforceFailure::UserInactive),
    ("user is inactive", SalesforceFailure::UserInactive),
    ("password", SalesforceFailure::PasswordExpired),
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
            SalesforceFailure::Maintenance
        } else {
            SalesforceFailure::AnswerIsPage
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

/// The failure that a body names, in either of its two shapes.
pub(in crate::sources) fn failure_in(body: &Value, status: u16) -> Option<Failure> {
    let error = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let message = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
    if let Some(found) = error.get("errorCode").and_then(Value::as_str) {
        let reason = of_code(found, message("message"), status);
        let column = queries::column_in(message("message"));
        let column = column.map(|name| format!(", column {name}")).unwrap_or_default();
        return Some(Failure::new(reason, format!("status {status}, {}{column}", code(found))));
    }
    let found = error.get("error").and_then(Value::as_str)?;
    let reason = of_grant(found, message("error_description"), status);
    Some(Failure::new(reason, format!("status {status}, {}", code(found))))
}

fn of_code(code: &str, message: &str, status: u16) -> FailureReason {
    let reason = match code {
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => {
            phrased(message).unwrap_or(SalesforceFailure::SessionExpired)
        }
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD" | "PASSWORD_LOCKOUT" => {
            SalesforceFailure::PasswordExpired
        }
        "REQUEST_LIMIT_EXCEEDED" => SalesforceFailure::RequestLimitExceeded,
        "API_DISABLED_FOR_ORG"
        | "API_CURRENTLY_DISABLED"
        | "FUNCTIONALITY_NOT_ENABLED"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY" => SalesforceFailure::PermissionDenied,
        "MALFORMED_QUERY" | "INVALID_QUERY_FILTER_OPERATOR" => SalesforceFailure::MalformedQuery,
        "INVALID_FIELD" => SalesforceFailure::FieldUnknown,
        "INVALID_TYPE" => SalesforceFailure::ObjectMissing,
        "NOT_FOUND" | "UNSUPPORTED_API_VERSION" => SalesforceFailure::NotFound,
        "SERVER_UNAVAILABLE" => SalesforceFailure::Maintenance,
        "UNKNOWN_EXCEPTION" => SalesforceFailure::ServerError,
        "QUERY_TIMEOUT" => return TransportFailure::Timeout.into(),
        _ if code.starts_with("TXN_SECURITY_") => SalesforceFailure::TransactionSecurity,
        _ => return of_status(status),
    };
    reason.into()
}

fn phrased(message: &str) -> Option<SalesforceFailure> {
    let message = message.to_ascii_lowercase();
    PHRASES.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, reason)| *reason)
}

fn of_grant(error: &str, description: &str, status: u16) -> FailureReason {
    let reason = phrased(description).or(match error {
        "app_not_approved" => Some(SalesforceFailure::AppNotApproved),
        "OAUTH_APP_BLOCKED" => Some(SalesforceFailure::AppRevoked),
        "unknown_error" | "server_error" | "temporarily_unavailable" => {
            Some(SalesforceFailure::ServerError)
        }
        "inactive_user" => Some(SalesforceFailure::UserInactive),
        _ => matches!(status, 400 | 401 | 403).then_some(SalesforceFailure::CredentialsRejected),
    });
    reason.map_or_else(|| of_status(status), Into::into)
}

fn of_status(status: u16) -> FailureReason {
    let reason = match status {
        401 => SalesforceFailure::SessionExpired,
        403 => SalesforceFailure::PermissionDenied,
        // A version that was retired is gone.
        404 | 410 => SalesforceFailure::NotFound,
        429 => SalesforceFailure::RequestLimitExceeded,
        503 => SalesforceFailure::Maintenance,
        500..=599 => SalesforceFailure::ServerError,
        200..=299 => return TransportFailure::AnswerMalformed.into(),
        _ => SalesforceFailure::Other,
    };
    reason.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_are_whole_and_not_negative() {
        for (value, read) in [
            (json!(3), Some(3)),
            (json!(300.0), Some(300)),
            (json!(0), Some(0)),
            (json!(-1), None),
            (json!(2.5), None),
            (json!(1e300), None),
            (json!("3"), None),
            (json!(null), None),
            (json!([3]), None),
        ] {
            assert_eq!(count(Some(&value)), read, "{value}");
        }
        assert_eq!(count(None), None);
    }

    #[test]
    fn times_have_a_zone_with_or_without_a_colon() {
        let at = time("2023-12-06T05:44:24.973+0000").unwrap();
        assert_eq!(at.to_string(), "2023-12-06T05:44:24.973Z");
        assert_eq!(time("2023-12-06T05:44:24.973Z"), Some(at));
        assert_eq!(time("2023-12-06T06:44:24.973+01:00"), Some(at));
        assert_eq!(time("2023-12-06T06:44:24.973+0100"), Some(at));
        for bad in [
            "",
            "2023-12-06T05:44:24.973",
            "2023-12-06",
            "+0000",
            "2023-13-06T05:44:24+0000",
            "€€€€",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    fn reason(status: u16, body: &str) -> &'static str {
        failure_of(&HttpResponse {
            status,
            headers: hyper::HeaderMap::new(),
            body: body.to_owned().into(),
        })
        .reason
        .name
    }

    #[test]
    fn every_documented_failure_has_a_reason_of_its_own() {
        let code = |code: &str| format!(r#"[{{"message":"m","errorCode":"{code}"}}]"#);
        for (status, body, expected) in [
            (401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#.to_owned(), SalesforceFailure::SessionExpired.name()),
            (401, r#"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#.to_owned(), SalesforceFailure::SessionNotForApi.name()),
            (403, code("REQUEST_LIMIT_EXCEEDED"), SalesforceFailure::RequestLimitExceeded.name()),
            (400, code("REQUEST_LIMIT_EXCEEDED"), SalesforceFailure::RequestLimitExceeded.name()),
            (403, code("INSUFFICIENT_ACCESS"), SalesforceFailure::PermissionDenied.name()),
            (403, code("API_DISABLED_FOR_ORG"), SalesforceFailure::PermissionDenied.name()),
            (400, code("MALFORMED_QUERY"), SalesforceFailure::MalformedQuery.name()),
            (400, code("INVALID_FIELD"), SalesforceFailure::FieldUnknown.name()),
            (400, code("INVALID_TYPE"), SalesforceFailure::ObjectMissing.name()),
            (404, code("NOT_FOUND"), SalesforceFailure::NotFound.name()),
            (400, code("TXN_SECURITY_METERING_ERROR"), SalesforceFailure::TransactionSecurity.name()),
            (500, code("UNKNOWN_EXCEPTION"), SalesforceFailure::ServerError.name()),
            (503, code("SERVER_UNAVAILABLE"), SalesforceFailure::Maintenance.name()),
            (503, "<html>We are down</html>".to_owned(), SalesforceFailure::Maintenance.name()),
            (503, String::new(), SalesforceFailure::Maintenance.name()),
            (200, "<!DOCTYPE html><html>Log in</html>".to_owned(), SalesforceFailure::AnswerIsPage.name()),
            (400, r#"{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}"#.to_owned(), SalesforceFailure::AppNotApproved.name()),
            (400, r#"{"error":"invalid_grant","error_description":"no client credentials user enabled"}"#.to_owned(), SalesforceFailure::NoRunAsUser.name()),
            (400, r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#.to_owned(), SalesforceFailure::AppRevoked.name()),
            (400, r#"{"error":"invalid_client_id","error_description":"client identifier invalid"}"#.to_owned(), SalesforceFailure::CredentialsRejected.name()),
            (400, r#"{"error":"invalid_grant"}"#.to_owned(), SalesforceFailure::CredentialsRejected.name()),
            (400, r#"{"error":"unknown_error","error_description":"retry your request"}"#.to_owned(), SalesforceFailure::ServerError.name()),
            (400, r#"{"error":"invalid_grant","error_description":"user is not admin approved to access this app"}"#.to_owned(), SalesforceFailure::AppNotApproved.name()),
            (400, r#"{"error":"invalid_grant","error_description":"ip restricted or invalid login hours"}"#.to_owned(), SalesforceFailure::IpRestricted.name()),
            (400, r#"{"error":"invalid_grant","error_description":"inactive user"}"#.to_owned(), SalesforceFailure::UserInactive.name()),
            (403, code("INVALID_OPERATION_WITH_EXPIRED_PASSWORD"), SalesforceFailure::PasswordExpired.name()),
            (401, r#"[{"message":"IP address is outside the trusted range","errorCode":"INVALID_SESSION_ID"}]"#.to_owned(), SalesforceFailure::IpRestricted.name()),
            (410, String::new(), SalesforceFailure::NotFound.name()),
            (410, code("UNSUPPORTED_API_VERSION"), SalesforceFailure::NotFound.name()),
            (418, "{}".to_owned(), SalesforceFailure::Other.name()),
            (502, "not json".to_owned(), SalesforceFailure::ServerError.name()),
        ] {
            assert_eq!(reason(status, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_redirect_to_a_host_of_the_vendor_names_it() {
        let detail = |host: &str| {
            let error = TransportError {
                failure: TransportFailure::Redirected,
                detail: "it redirects".to_owned(),
                redirect_host: Some(host.to_owned()),
                redirect_path: None,
            };
            not_answered(error).detail
        };
        for host in ["acme.my.salesforce.com", "acme--uat.sandbox.my.salesforce.com"] {
            assert_eq!(detail(host), format!("it redirects; it names {host}"));
        }
        let long = format!("{}.my.salesforce.com", "a".repeat(47));
        for host in ["secret.example", "a.b.my.salesforce.com", &long] {
            assert_eq!(detail(host), "it redirects", "{host}");
        }
    }

    #[test]
    fn nothing_that_the_server_wrote_is_repeated_but_codes() {
        let body = r#"[{"message":"token 00Dsecret!","errorCode":"00Dsecret!"}]"#;
        let failure = failure_in(&serde_json::from_str(body).unwrap(), 400).unwrap();
        assert_eq!(failure.to_string(), "other: status 400, a code of another shape");
    }
}
