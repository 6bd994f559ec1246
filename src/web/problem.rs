//! Errors as `application/problem+json`: a closed reason, and the next step in the detail.

use super::answer::{Answer, answer, set};
use super::limits::RETRY_AFTER_SECONDS;
use crate::domain::ids::closed_set;
use hyper::StatusCode;
use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

closed_set! {
    /// Why a request was refused.
    Reason {
        /// Nothing is served here.
        UnknownPath = "unknown_path",
        /// The path takes other methods.
        MethodNotAllowed = "method_not_allowed",
        /// A query key is unknown, doubled or has a bad value.
        BadQuery = "bad_query",
        /// No such organisation is configured.
        UnknownOrg = "unknown_org",
        /// No token came with the request.
        TokenRequired = "token_required",
        /// The token opens nothing here.
        TokenWrong = "token_wrong",
        /// No name and password of a user came with the request, or wrong ones.
        PasswordRequired = "password_required",
        /// Without a token only this host itself is heard, and this was not plainly it.
        LocalOnly = "local_only",
        /// A web page of an origin that is not allowed.
        OriginNotAllowed = "origin_not_allowed",
        /// The media type is not taken here.
        MediaTypeUnsupported = "media_type_unsupported",
        /// The content encoding or the character set is not taken.
        EncodingUnsupported = "encoding_unsupported",
        /// More bytes on the wire than are taken.
        BodyTooLarge = "body_too_large",
        /// More bytes after decoding than are taken.
        DecodedTooLarge = "decoded_too_large",
        /// The body came slower than the least rate.
        BodyTooSlow = "body_too_slow",
        /// The connection ended before the body did.
        BodyCutShort = "body_cut_short",
        /// The compressed body cannot be decoded.
        BodyDamaged = "body_damaged",
        /// The body is not of its media type.
        Malformed = "malformed",
        /// The body was read and says something that cannot be.
        Invalid = "invalid",
        /// A key that we do not know.
        UnknownKey = "unknown_key",
        /// An instant lies too far ahead of our clock.
        AheadOfClock = "ahead_of_clock",
        /// A saved page does not show what it should.
        PageUnreadable = "page_unreadable",
        /// A record is larger than a record may be.
        RecordTooLarge = "record_too_large",
        /// Too many requests of this organisation at once.
        OrgBusy = "org_busy",
        /// Too much at once of everybody.
        Busy = "busy",
        /// Too many scrapes at once.
        ScrapesBusy = "scrapes_busy",
        /// The store cannot write.
        StoreFailing = "store_failing",
        /// The daemon is ending.
        ShuttingDown = "shutting_down",
        /// The configuration has mistakes and the old one stays.
        ReloadFailed = "reload_failed",
        /// The daemon runs and cannot answer for what it says yet.
        NotReady = "not_ready",
        /// A mistake of ours.
        Internal = "internal",
    }
}

impl Reason {
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
            Self::BodyTooLarge | Self::DecodedTooLarge | Self::RecordTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Invalid | Self::UnknownKey | Self::AheadOfClock | Self::PageUnreadable => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
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
            Self::UnknownKey => "Unknown key",
            Self::AheadOfClock => "Ahead of our clock",
            Self::PageUnreadable => "Page not readable",
            Self::RecordTooLarge => "Record too large",
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

/// One mistake in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The line, from 1, where there are lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The field's path, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Why a request was refused, for its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The closed reason.
    pub reason: Reason,
    /// What happened, with the next step; full sentences.
    pub detail: String,
    /// The mistakes one by one, where there are several.
    pub errors: Vec<FieldError>,
    /// The methods that the path takes, for [`Reason::MethodNotAllowed`].
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
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
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
        Self::new(Reason::BadQuery, detail)
    }

    /// The path exists and takes only `allow`.
    pub fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                Reason::MethodNotAllowed,
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
                HeaderValue::from_static(if self.reason == Reason::PasswordRequired {
                    "Basic realm=\"lightning-sync-exporter\", charset=\"UTF-8\""
                } else {
                    "Bearer"
                }),
            );
        }
        if matches!(self.reason, Reason::BodyTooSlow | Reason::BodyCutShort) {
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
        for reason in Reason::ALL {
            let status = reason.status();
            assert!(
                status.is_client_error() || status.is_server_error(),
                "{reason}"
            );
            assert!(titles.insert(reason.title()), "{reason}");
        }
    }
}
