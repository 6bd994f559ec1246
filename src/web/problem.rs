//! Errors as `application/problem+json`: a closed reason, and the next step in the detail.

use super::answer::{answer, set};
use super::limits::RETRY_AFTER_SECONDS;
use super::query::{Named, ReasonName};
pub use crate::domain::problem::{FieldError, ProblemReason};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

/// The status of an answer with this reason.
pub const fn http_status(reason: ProblemReason) -> StatusCode {
    use ProblemReason::*;
    match reason {
        UnknownPath | UnknownOrg => StatusCode::NOT_FOUND,
        MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        BadQuery | BodyCutShort | BodyDamaged | Malformed => StatusCode::BAD_REQUEST,
        TokenRequired | TokenWrong | PasswordRequired => StatusCode::UNAUTHORIZED,
        LocalOnly | LifecycleDisabled | OriginNotAllowed => StatusCode::FORBIDDEN,
        MediaTypeUnsupported | EncodingUnsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        BodyTooLarge | DecodedTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Invalid | NoKnownLabel | IconsLost | AmbiguousLabel | Incomplete | UserNotNamed
        | UnreadableValue | TooManyUsers => StatusCode::UNPROCESSABLE_ENTITY,
        OrgBusy => StatusCode::TOO_MANY_REQUESTS,
        Busy | ScrapesBusy | StoreFailing | NotLeader | ShuttingDown | NotReady => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ReloadFailed | Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether it passes by itself, so that the answer says when to come again.
const fn passes(reason: ProblemReason) -> bool {
    matches!(http_status(reason), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
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
}

/// A problem as programs read it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemJson<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    /// What happened and the next step.
    detail: &'a str,
    reason: ReasonName,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(value_type = Vec<FieldErrorJson>)]
    errors: &'a [FieldError],
}

/// One mistake and its place.
#[derive(ToSchema)]
#[schema(as = FieldError)]
#[expect(dead_code, reason = "it describes what the domain's own type writes")]
pub(super) struct FieldErrorJson {
    line: Option<u64>,
    field: Option<String>,
    message: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = http_status(self.reason);
        let json = ProblemJson {
            r#type: format!("urn:lightning-sync:problem:{}", self.reason.name()),
            title: self.reason.title(),
            status: status.as_u16(),
            detail: &self.detail,
            reason: Named(self.reason),
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&json).unwrap_or_default();
        let mut response = answer(status, "application/problem+json", body);
        self.dress(&mut response);
        // For who shows it as a page instead.
        response.extensions_mut().insert(self);
        response
    }
}

impl Problem {
    /// A problem without single mistakes.
    pub fn new(reason: ProblemReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), errors: Vec::new() }
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

    /// An organisation that is not there.
    pub(super) fn unknown_org() -> Self {
        let detail =
            "No organisation of this name is configured. /api/v1/orgs lists those that are.";
        Self::new(ProblemReason::UnknownOrg, detail)
    }

    /// Gives an answer of this problem the headers that belong to it, whatever its body is.
    pub(super) fn dress(&self, response: &mut Response) {
        if passes(self.reason) {
            set(response, RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if http_status(self.reason) == StatusCode::UNAUTHORIZED {
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
        if matches!(self.reason, ProblemReason::BodyTooSlow | ProblemReason::BodyCutShort) {
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
            let status = http_status(*reason);
            assert!(status.is_client_error() || status.is_server_error(), "{reason}");
            assert!(titles.insert(reason.title()), "{reason}");
        }
    }
}
