//! Why a poll failed: one closed list for all sources that ask, each reason with what to do about it.
//!
//! What a server wrote never becomes part of a failure, except codes of a closed shape: a text from outside may repeat
//! the secret that was sent.

use crate::domain::ids::closed_set;
use crate::http_client::{TransportError, TransportFailure};

closed_set! {
    /// A kind of failed poll; the `reason` label.
    FailureReason {
        /// The name of the host does not resolve.
        NameNotResolved = "name_not_resolved",
        /// No connection, or it broke.
        ConnectFailed = "connect_failed",
        /// The certificate, or the handshake, is not acceptable.
        TlsNotVerified = "tls_not_verified",
        /// No complete answer in time.
        Timeout = "timeout",
        /// The answer sends us elsewhere.
        Redirected = "redirected",
        /// The answer is larger than any of ours.
        AnswerTooLarge = "answer_too_large",
        /// The answer is not what the interface documents.
        AnswerMalformed = "answer_malformed",
        /// A page for people where data should be.
        AnswerIsPage = "answer_is_page",
        /// More pages than any list of ours, or a page that comes again.
        PagingEndless = "paging_endless",
        /// The service is down for maintenance or overloaded.
        Maintenance = "maintenance",
        /// The service has a defect of its own.
        ServerError = "server_error",
        /// The service refuses the app's id, secret, key or user.
        CredentialsRejected = "credentials_rejected",
        /// The app has no user to run as.
        NoRunAsUser = "no_run_as_user",
        /// The user or an admin has not approved the app.
        AppNotApproved = "app_not_approved",
        /// Somebody took back what the app was granted.
        AppRevoked = "app_revoked",
        /// A new session is refused too.
        SessionExpired = "session_expired",
        /// The session is valid, but not for this interface.
        SessionNotForApi = "session_not_for_api",
        /// The user may not do this, or the interface is off.
        PermissionDenied = "permission_denied",
        /// The organisation's requests of 24 hours are used up, or too many run at once.
        RequestLimitExceeded = "request_limit_exceeded",
        /// The share of requests that is ours is used up; nothing was asked.
        BudgetSpent = "api_budget_spent",
        /// The query is not understood.
        MalformedQuery = "malformed_query",
        /// A field is unknown, or hidden from the user.
        FieldUnknown = "field_unknown",
        /// An object is unknown, or hidden from the user.
        ObjectMissing = "object_missing",
        /// The address is unknown: an interface version that is not there.
        NotFound = "not_found",
        /// A transaction security policy refuses the request.
        TransactionSecurity = "transaction_security",
        /// The watched directory cannot be read, or files in it cannot be moved.
        DirectoryUnavailable = "directory_unavailable",
        /// The engine did not take what was read.
        NotTaken = "not_taken",
        /// A defect of ours ended the poll.
        Defect = "defect",
        /// A code that is not on this list.
        Other = "other",
    }
}

impl FailureReason {
    /// What somebody can do about it: sentences for the log.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NameNotResolved => TransportFailure::NameNotResolved.advice(),
            Self::ConnectFailed => TransportFailure::ConnectFailed.advice(),
            Self::TlsNotVerified => TransportFailure::TlsNotVerified.advice(),
            Self::Timeout => TransportFailure::Timeout.advice(),
            Self::Redirected => TransportFailure::Redirected.advice(),
            Self::AnswerTooLarge | Self::PagingEndless => TransportFailure::AnswerTooLarge.advice(),
            Self::AnswerMalformed => TransportFailure::AnswerMalformed.advice(),
            Self::AnswerIsPage => {
                "Something shows a page for people instead of data: check the host, a proxy in between, and the login policies of the integration user."
            }
            Self::Maintenance => {
                "Wait; see the service's own status page. It is asked again by itself."
            }
            Self::ServerError => "Wait; if it lasts an hour, open a case with the service.",
            Self::CredentialsRejected => {
                "Compare client id, secret or key and user name with the external client app (with a key, this machine's clock too); a changed secret is read at the next reload."
            }
            Self::NoRunAsUser => {
                "Set a run-as user in the external client app's client credentials flow."
            }
            Self::AppNotApproved => {
                "Pre-authorise the external client app for the integration user's profile or permission set."
            }
            Self::AppRevoked => {
                "Somebody revoked or blocked the app: see Setup, Connected Apps OAuth Usage, and the setup audit trail, and approve it again."
            }
            Self::SessionExpired => {
                "Two new sessions were refused in a row: check the session and IP policies of the app and of the integration user."
            }
            Self::SessionNotForApi => {
                "Give the external client app the scope `api`, and the integration user API Enabled."
            }
            Self::PermissionDenied => {
                "Give the integration user API Enabled and read access to what is asked; see docs/salesforce-source.md."
            }
            Self::RequestLimitExceeded => {
                "Find what uses up the organisation's API requests (Setup, System Overview), or poll less often with poll_every."
            }
            Self::BudgetSpent => {
                "Polling pauses until requests are free again; raise api_budget_percent or poll_every, or find what else uses the requests."
            }
            Self::MalformedQuery | Self::FieldUnknown => {
                "Check api_version (at least 59) and that the integration user sees the fields; see docs/salesforce-source.md."
            }
            Self::ObjectMissing => {
                "The organisation does not have this object, or the integration user does not see it."
            }
            Self::NotFound => "Check api_version: the organisation may not have that version.",
            Self::TransactionSecurity => {
                "A transaction security policy blocks the integration user; exempt it in Setup."
            }
            Self::DirectoryUnavailable => {
                "Check that the directory exists and that the daemon's user may read and write it; it is looked at again by itself."
            }
            Self::NotTaken => {
                "Look for the engine's or the store's own line in this log; what was read is asked again."
            }
            Self::Defect => {
                "A defect of the exporter, which polls again by itself: report it with this log, and restart the exporter if it lasts."
            }
            Self::Other => {
                "Look the code up in the service's documentation; if it lasts, open a case with the service."
            }
        }
    }

    /// Whether asking again soon makes it worse: lock-outs and limits.
    pub const fn wants_distance(self) -> bool {
        matches!(
            self,
            Self::CredentialsRejected
                | Self::NoRunAsUser
                | Self::AppNotApproved
                | Self::AppRevoked
                | Self::SessionExpired
                | Self::SessionNotForApi
                | Self::PermissionDenied
                | Self::RequestLimitExceeded
                | Self::BudgetSpent
                | Self::TransactionSecurity
        )
    }
}

/// A failed poll.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Failure {
    /// The kind.
    pub reason: FailureReason,
    /// What happened, in words of ours and codes of a closed shape.
    pub detail: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let reason = match error.failure {
            TransportFailure::NameNotResolved => FailureReason::NameNotResolved,
            TransportFailure::ConnectFailed => FailureReason::ConnectFailed,
            TransportFailure::TlsNotVerified => FailureReason::TlsNotVerified,
            TransportFailure::Timeout => FailureReason::Timeout,
            TransportFailure::Redirected => FailureReason::Redirected,
            TransportFailure::AnswerTooLarge => FailureReason::AnswerTooLarge,
            TransportFailure::AnswerMalformed => FailureReason::AnswerMalformed,
        };
        Self::new(reason, error.detail)
    }
}

/// A code that a server sent, if it has the shape of one; anything else could be a secret that it repeats.
pub fn code(text: &str) -> &str {
    let shaped = !text.is_empty()
        && text.len() <= 60
        && (text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            || text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    if shaped {
        text
    } else {
        "a code of another shape"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_pass() {
        assert_eq!(code("INVALID_SESSION_ID"), "INVALID_SESSION_ID");
        assert_eq!(code("invalid_grant"), "invalid_grant");
        for other in ["", "3MVG9secret", "Session expired", "Abc", &"A".repeat(61)] {
            assert_eq!(code(other), "a code of another shape");
        }
    }

    #[test]
    fn every_reason_says_what_to_do() {
        for reason in FailureReason::ALL {
            assert!(reason.advice().ends_with('.'), "{reason}");
        }
    }
}
