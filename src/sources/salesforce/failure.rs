//! Why Salesforce gives nothing: one closed list, each reason with whether polling again soon makes it worse (lock-outs and
//! limits), and with what to do about it.

use crate::sources::failure::failure_reasons;

failure_reasons! {
    /// A refusal of Salesforce, or an answer that is not what its interfaces document.
    SalesforceFailure {
        /// A page for people where data should be.
        AnswerIsPage = "answer_is_page", false,
            "Something shows a page for people instead of data: check the host, a proxy in between, and the login policies of the integration user.";
        /// More pages than any list of ours, or a page that comes again.
        PagingEndless = "paging_endless", false,
            "Check that the configured host is Salesforce itself; the rest of the answer was not read.";
        /// The service is down for maintenance or overloaded.
        Maintenance = "maintenance", false,
            "Wait; see the service's own status page. It is polled again by itself.";
        /// The service has a defect of its own.
        ServerError = "server_error", false,
            "Wait; if it lasts an hour, open a case with the service.";
        /// The service refuses the app's id, secret, key or user.
        CredentialsRejected = "credentials_rejected", true,
            "Compare client id, secret or key and user name with the external client app (with a key, this machine's clock too); a changed secret is read at the next reload.";
        /// The app has no user to run as.
        NoRunAsUser = "no_run_as_user", true,
            "Set a run-as user in the external client app's client credentials flow.";
        /// The user or an admin has not approved the app.
        AppNotApproved = "app_not_approved", true,
            "Pre-authorise the external client app for the integration user's profile or permission set.";
        /// The user's login hours or addresses leave us out.
        IpRestricted = "ip_restricted", true,
            "Let the integration user in from this machine: its profile's login IP ranges and hours, and the app's IP relaxation.";
        /// The user was deactivated.
        UserInactive = "user_inactive", true,
            "The integration user was deactivated or frozen: activate it in Setup, Users, or name another one.";
        /// The user's password expired or is locked.
        PasswordExpired = "password_expired", true,
            "Reset the integration user's password in Setup, and give it the permission Password Never Expires.";
        /// Somebody took back what the app was granted.
        AppRevoked = "app_revoked", true,
            "Somebody revoked or blocked the app: see Setup, Connected Apps OAuth Usage, and the setup audit trail, and approve it again.";
        /// A new session is refused too.
        SessionExpired = "session_expired", true,
            "Two new sessions were refused in a row: check the session and IP policies of the app and of the integration user.";
        /// The session is valid, but not for this interface.
        SessionNotForApi = "session_not_for_api", true,
            "Give the external client app the scope `api`, and the integration user API Enabled.";
        /// The user may not do this, or the interface is off.
        PermissionDenied = "permission_denied", true,
            "Give the integration user API Enabled and read access to what is polled; see docs/salesforce-source.md.";
        /// The organisation's requests of 24 hours are used up, or too many run at once.
        RequestLimitExceeded = "request_limit_exceeded", true,
            "Find what uses up the organisation's API requests (Setup, System Overview), or poll less often with poll_every.";
        /// The share of requests that is ours is used up; nothing was polled.
        BudgetSpent = "api_budget_spent", true,
            "Polling pauses until requests are free again; raise api_budget_percent or poll_every, or find what else uses the requests.";
        /// The query is not understood.
        MalformedQuery = "malformed_query", false,
            "Check api_version (at least 59) and that the integration user sees the fields; see docs/salesforce-source.md.";
        /// A field is unknown, or hidden from the user.
        FieldUnknown = "field_unknown", false,
            "Check api_version (at least 59) and that the integration user sees the fields; see docs/salesforce-source.md.";
        /// An object is unknown, or hidden from the user.
        ObjectMissing = "object_missing", false,
            "The organisation does not have this object, or the integration user does not see it.";
        /// The address is unknown: an interface version that is not there.
        NotFound = "not_found", false,
            "Check api_version: the organisation does not have that version yet, or no longer.";
        /// A transaction security policy refuses the request.
        TransactionSecurity = "transaction_security", true,
            "A transaction security policy blocks the integration user; exempt it in Setup.";
        /// A code that is not on this list.
        Other = "other", false,
            "Look the code up in the service's documentation; if it lasts, open a case with the service.";
    }
}
