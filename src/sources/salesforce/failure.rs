//! Why Salesforce gives nothing: one closed list, each reason with what to do about it.

use crate::domain::ids::closed_set;
use crate::sources::failure::FailureReason;

closed_set! {
    /// A refusal of Salesforce, or an answer that is not what its interfaces document.
    SalesforceFailure {
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
        /// The user's login hours or addresses leave us out.
        IpRestricted = "ip_restricted",
        /// The user was deactivated.
        UserInactive = "user_inactive",
        /// The user's password expired or is locked.
        PasswordExpired = "password_expired",
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
        /// The share of requests that is ours is used up; nothing was read.
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
        /// A code that is not on this list.
        Other = "other",
    }
}

impl SalesforceFailure {
    const fn advice(self) -> &'static str {
        match self {
            Self::AnswerIsPage => {
                "Something shows a page for people instead of data: check the host, a proxy in between, and the login policies of the integration user."
            }
            Self::PagingEndless => {
                "Check that the configured host is Salesforce itself; the rest of the answer was not read."
            }
            Self::Maintenance => {
                "Wait; see the service's own status page. It is polled again by itself."
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
            Self::IpRestricted => {
                "Let the integration user in from this machine: its profile's login IP ranges and hours, and the app's IP relaxation."
            }
            Self::UserInactive => {
                "The integration user was deactivated or frozen: activate it in Setup, Users, or name another one."
            }
            Self::PasswordExpired => {
                "Reset the integration user's password in Setup, and give it the permission Password Never Expires."
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
                "Give the integration user API Enabled and read access to what is read; see docs/salesforce-access.md and docs/salesforce-source.md."
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
            Self::NotFound => {
                "Check api_version: the organisation does not have that version yet, or no longer."
            }
            Self::TransactionSecurity => {
                "A transaction security policy blocks the integration user; exempt it in Setup."
            }
            Self::Other => {
                "Look the code up in the service's documentation; if it lasts, open a case with the service."
            }
        }
    }

    /// Whether it lasts until somebody acts, or polling again soon makes it worse: lock-outs and limits.
    const fn wants_distance(self) -> bool {
        !matches!(
            self,
            Self::AnswerIsPage
                | Self::PagingEndless
                | Self::Maintenance
                | Self::ServerError
                | Self::Other
        )
    }
}

impl From<SalesforceFailure> for FailureReason {
    fn from(failure: SalesforceFailure) -> Self {
        Self {
            name: failure.name(),
            advice: failure.advice(),
            wants_distance: failure.wants_distance(),
        }
    }
}
