//! Errors as `application/problem+json`: a closed reason, and the next step in the detail.

use super::answer::{Answer, answer, set};
use super::limits::RETRY_AFTER_SECONDS;
pub use crate::domain::problem::{FieldError, ProblemReason};
use hyper::StatusCode;
use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

impl ProblemReason {
    /// The status of an answer with this reason.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UnknownPath | Self::UnknownOrg => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadQuery | Self::BodyCutShort | Self::BodyDamaged | Self::Malformed => {
                StatusCode::BAD_REQUEST
            }
            Self::TokenRequired | Self::TokenWrong | Self::PasswordRequired => {
                StatusCode::UNAUTHORIZED
            }
            Self::LocalOnly | Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::MediaTypeUnsupported | Self::EncodingUnsupported => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::BodyTooLarge | Self::DecodedTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Invalid
            | Self::NoKnownLabel
            | Self::IconsLost
            | Self::AmbiguousLabel
            | Self::Incomplete
            | Self::UserNotNamed
            | Self::UnreadableValue => StatusCode::UNPROCESSABLE_ENTITY,
            Self::OrgBusy => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy
            | Self::ScrapesBusy
            | Self::StoreFailing
            | Self::ShuttingDown
            | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::ReloadFailed | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What it is, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::UnknownPath => "Nothing is served here",
            Self::MethodNotAllowed => "Method not allowed",
            Self::BadQuery => "Bad query",
            Self::UnknownOrg => "Unknown organisation",
            Self::TokenRequired => "Token required",
            Self::TokenWrong => "Token refused",
            Self::PasswordRequired => "Name and password required",
            Self::LocalOnly => "Taken from this host only",
            Self::OriginNotAllowed => "Origin not allowed",
            Self::MediaTypeUnsupported => "Media type not taken",
            Self::EncodingUnsupported => "Encoding not taken",
            Self::BodyTooLarge => "Body too large",
            Self::DecodedTooLarge => "Decoded body too large",
            Self::BodyTooSlow => "Body too slow",
            Self::BodyCutShort => "Body cut short",
            Self::BodyDamaged => "Body damaged",
            Self::Malformed => "Malformed body",
            Self::Invalid => "Invalid content",
            Self::NoKnownLabel => "No known label",
            Self::IconsLost => "Icons lost",
            Self::AmbiguousLabel => "Ambiguous label",
            Self::Incomplete => "Page cut short",
            Self::UserNotNamed => "User not named",
            Self::UnreadableValue => "Value not readable",
            Self::OrgBusy => "Organisation busy",
            Self::Busy => "Busy",
            Self::ScrapesBusy => "Too many scrapes",
            Self::StoreFailing => "Store failing",
            Self::ShuttingDown => "Shutting down",
            Self::ReloadFailed => "Configuration not reloaded",
            Self::NotReady => "Not ready",
            Self::Internal => "Internal error",
        }
    }

    /// Whether it passes by itself, so that the client is told when to come again.
    const fn passes(self) -> bool {
        matches!(
            self.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        )
    }
}

/// Why a request was refused, for its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The closed reason.
    pub reason: ProblemReason,
    /// What happened, with the next step; full sentences.
    pub detail: String,
    /// The mistakes one by one, where there are several.
    pub errors: Vec<FieldError>,
    /// The methods that the path takes, for [`ProblemReason::MethodNotAllowed`].
    pub allow: Option<&'static str>,
}

#[derive(Serialize)]
struct Json<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    reason: &'static str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem without single mistakes.
    pub fn new(reason: ProblemReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            errors: Vec::new(),
            allow: None,
        }
    }

    /// With the mistakes one by one.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// A query that cannot be understood.
    pub fn query(detail: impl Into<String>) -> Self {
        Self::new(ProblemReason::BadQuery, detail)
    }

    /// The path exists and takes only `allow`.
    pub fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                ProblemReason::MethodNotAllowed,
                format!("This path takes {allow}."),
            )
        }
    }

    /// The answer for programs.
    pub(super) fn into_answer(self) -> Answer {
        let status = self.reason.status();
        let json = Json {
            r#type: format!("urn:lightning-sync:problem:{}", self.reason.name()),
            title: self.reason.title(),
            status: status.as_u16(),
            detail: &self.detail,
            reason: self.reason.name(),
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&json).unwrap_or_default();
        let mut response = answer(status, "application/problem+json", body);
        self.dress(&mut response);
        response
    }

    /// Gives an answer of this problem the headers that belong to it, whatever its body is.
    pub(super) fn dress(&self, response: &mut Answer) {
        if let Some(allow) = self.allow {
            set(response, ALLOW, HeaderValue::from_static(allow));
        }
        if self.reason.passes() {
            set(
                response,
                RETRY_AFTER,
                HeaderValue::from(RETRY_AFTER_SECONDS),
            );
        }
        if self.reason.status() == StatusCode::UNAUTHORIZED {
            set(
                response,
                WWW_AUTHENTICATE,
                HeaderValue::from_static(if self.reason == ProblemReason::PasswordRequired {
                    "Basic realm=\"lightning-sync-exporter\", charset=\"UTF-8\""
                } else {
                    "Bearer"
                }),
            );
        }
        if matches!(
            self.reason,
            ProblemReason::BodyTooSlow | ProblemReason::BodyCutShort
        ) {
            set(response, CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_an_error_status_and_a_title_of_its_own() {
        let mut titles = std::collections::BTreeSet::new();
        for reason in ProblemReason::ALL {
            let status = reason.status();
            assert!(
                status.is_client_error() || status.is_server_error(),
                "{reason}"
            );
            assert!(titles.insert(reason.title()), "{reason}");
        }
    }
}
