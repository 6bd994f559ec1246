//! What Graph's errors mean for a step, and what those of Microsoft Entra mean for the sign-in.

use super::super::failure::{ExchangeFailure, wait};
use super::answer::GraphError;
use chrono::TimeDelta;

/// What a status with its error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources::exchange) enum GraphMeaning {
    /// Wait so long.
    Throttled(TimeDelta),
    /// The token is not taken.
    TokenRefused,
    /// What was requested is not there.
    NotFound,
    /// Nothing: another part or an older state was the reason.
    Undecided,
    /// Anything else.
    Failed(ExchangeFailure),
}

/// What an answer that is no good one means.
pub(in crate::sources::exchange) fn meaning(
    status: u16,
    error: &GraphError,
    retry_after: Option<u32>,
) -> GraphMeaning {
    use ExchangeFailure as F;
    let pause = || wait(retry_after.map(|seconds| TimeDelta::seconds(seconds.into())));
    match (status, error.code.as_str()) {
        (429, _) | (_, "ApplicationThrottled" | "activityLimitReached" | "TooManyRequests") => {
            GraphMeaning::Throttled(pause())
        }
        (503 | 504, _) if retry_after.is_some() => GraphMeaning::Throttled(pause()),
        (401, _) => GraphMeaning::TokenRefused,
        // The message alone tells a policy from a missing right.
        (403, "ErrorAccessDenied")
            if error.message.contains("[RAOP]")
                || error.message.contains("OData is disabled")
                || error.message.contains("AccessPolicy") =>
        {
            GraphMeaning::Failed(F::OutOfScope)
        }
        (403, "ExtensionError") => GraphMeaning::Failed(F::OutOfScope),
        (403, _) => GraphMeaning::Failed(F::ConsentOrScope),
        (404, "MailboxNotEnabledForRESTAPI") => GraphMeaning::Failed(F::NotInExchangeOnline),
        (404, "ErrorInvalidUser" | "Request_ResourceNotFound") => {
            GraphMeaning::Failed(F::MailboxNotFound)
        }
        (404, _) => GraphMeaning::NotFound,
        (410 | 424, _) => GraphMeaning::Undecided,
        (400, _) => GraphMeaning::Failed(F::RequestRefused),
        (500.., _) => GraphMeaning::Failed(F::ExchangeServerError),
        _ => GraphMeaning::Failed(F::ExchangeOther),
    }
}

/// What a code of Microsoft Entra means, which stands behind `AADSTS`.
pub(super) fn sign_in_failure(code: u32) -> ExchangeFailure {
    use ExchangeFailure as F;
    match code {
        700_016 => F::AppUnknown,
        7_000_215 => F::AppSecretWrong,
        7_000_222 => F::AppSecretExpired,
        700_024 | 700_027 | 7_000_214 => F::AppCertificateRefused,
        90_002 | 900_023 => F::TenantUnknown,
        65_001 => F::ConsentOrScope,
        53_003 => F::ConditionalAccess,
        _ => F::AppRefused,
    }
}
