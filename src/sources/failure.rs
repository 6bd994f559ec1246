//! Why a poll failed. Failures between us and an answer are shared ([`TransportFailure`]); what a vendor refuses is that
//! source's own closed list, with advice of its own.
//!
//! What a server wrote never becomes part of a failure, except codes of a closed shape: a text from outside may repeat
//! the secret that was sent.

use crate::http_client::{TransportError, TransportFailure};

/// A kind of failed poll, from one of the closed lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureReason {
    /// The `reason` label.
    pub name: &'static str,
    /// What somebody can do about it: sentences for the log.
    pub advice: &'static str,
    /// Whether polling again soon makes it worse: lock-outs and limits.
    pub wants_distance: bool,
}

/// Declares a closed list of reasons: the name, whether polling again soon makes it worse, and the advice.
macro_rules! failure_reasons {
    ($(#[$doc:meta])* $list:ident { $($reason:ident = $name:literal, $wants_distance:literal, $advice:literal;)+ }) => {
        $crate::domain::ids::closed_set! {
            $(#[$doc])*
            #[allow(missing_docs, reason = "the name and the advice say it")]
            $list { $($reason = $name),+ }
        }

        impl From<$list> for $crate::sources::failure::FailureReason {
            fn from(reason: $list) -> Self {
                let (advice, wants_distance) = match reason {
                    $($list::$reason => ($advice, $wants_distance)),+
                };
                Self { name: reason.name(), advice, wants_distance }
            }
        }
    };
}
pub(super) use failure_reasons;

failure_reasons! {
    /// A failure of this program's own.
    OwnFailure {
        NotTaken = "not_taken", false,
            "Look for the engine's or the store's own line in this log; what was read is polled again.";
        TooManyUsers = "too_many_users", true,
            "Raise the organisation's max_users if all who were read are its own; nothing of a poll that names more is taken.";
        Defect = "defect", false,
            "A defect of the exporter, which polls again by itself: report it with this log, and restart the exporter if it lasts.";
    }
}

impl From<TransportFailure> for FailureReason {
    fn from(failure: TransportFailure) -> Self {
        Self { name: failure.name(), advice: failure.advice(), wants_distance: false }
    }
}

/// A failed poll.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.name)]
pub struct Failure {
    /// The kind.
    pub reason: FailureReason,
    /// What happened, in words of ours and codes of a closed shape.
    pub detail: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(reason: impl Into<FailureReason>, detail: impl Into<String>) -> Self {
        Self { reason: reason.into(), detail: detail.into() }
    }

    /// An answer that is not what the interface documents.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(TransportFailure::AnswerMalformed, detail)
    }

    /// Whether it is of one of these kinds.
    pub fn is_of<R: Into<FailureReason> + Copy>(&self, kinds: &[R]) -> bool {
        kinds.iter().any(|kind| self.reason == (*kind).into())
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::new(error.failure, error.detail)
    }
}

/// A code that a server sent, if it has the shape of one; anything else could be a secret that it repeats.
pub fn code(text: &str) -> &str {
    let shaped = !text.is_empty()
        && text.len() <= 60
        && (text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            || text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    if shaped { text } else { "a code of another shape" }
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
}
