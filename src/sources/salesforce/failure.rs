//! Why Salesforce gives nothing: one closed list, each reason with whether it lasts until somebody acts or polling again soon
//! makes it worse (lock-outs and limits), and with what to do about it.

use crate::sources::failure::failure_reasons;

failure_reasons! {
    /// A refusal of Salesforce, or an answer that is not what its interfaces document.
    SalesforceFailure {
        AnswerIsPage = "answer_is_page", false,
            "Something shows a page for people instead of data: check the host, a proxy in between, and the login policies of the integration user.";
        PagingEndless = "paging_endless", false,
            "Check that the configured host is Salesforce itself; the rest of the answer was not read.";
        Maintenance = "maintenance", false,
            "Wait; see the service's own status page. It is polled again by itself.";
        ServerError = "server_error", false,
            "Wait; if it lasts an hour, open a case with the service.";
        CredentialsRejected = "credentials_rejected", true,
            "Compare client id, secret or key and user name with the external client app (with a key, this machine's clock too); a changed secret is read at the next reload.";
        NoRunAsUser = "no_run_as_user", true,
            "Set a run-as user in the external client app's client credentials flow.";
        AppNotApproved = "app_not_approved", true,
            "Pre-authorise the external client app for the integration user's profile or permission set.";
        IpRestricted = "ip_restricted", true,
            "Let the integration user in from this machine: its profile's login IP ranges and hours, and the app's IP relaxation.";
        UserInactive = "user_inactive", true,
            "The integration user was deactivated or frozen: activate it in Setup, Users, or name another one.";
        PasswordExpired = "password_expired", true,
            "Reset the integration user's password in Setup, and give it the permission Password Never Expires.";
        AppRevoked = "app_revoked", true,
            "Somebody revoked or blocked the app: see Setup, Connected Apps OAuth Usage, and the setup audit trail, and approve it again.";
        SessionExpired = "session_expired", true,
            "Two new sessions were refused in a row: check the session and IP policies of the app and of the integration user.";
        SessionNotForApi = "session_not_for_api", true,
            "Give the external client app the scope `api`, and the integration user API Enabled.";
        PermissionDenied = "permission_denied", true,
            "Give the integration user API Enabled and read access to what is read; see docs/salesforce-access.md and docs/salesforce-source.md.";
        RequestLimitExceeded = "request_limit_exceeded", true,
            "Find what uses up the organisation's API requests (Setup, System Overview), or poll less often with poll_every.";
        BudgetSpent = "api_budget_spent", true,
            "Polling pauses until requests are free again; raise api_budget_percent or poll_every, or find what else uses the requests.";
        MalformedQuery = "malformed_query", true,
            "Check api_version (at least 59) and that the integration user sees the fields; see docs/salesforce-source.md.";
        FieldUnknown = "field_unknown", true,
            "Check api_version (at least 59) and that the integration user sees the fields; see docs/salesforce-source.md.";
        ObjectMissing = "object_missing", true,
            "The organisation does not have this object, or the integration user does not see it.";
        NotFound = "not_found", true,
            "Check api_version: the organisation does not have that version yet, or no longer.";
        TransactionSecurity = "transaction_security", true,
            "A transaction security policy blocks the integration user; exempt it in Setup.";
        Other = "other", false,
            "Look the code up in the service's documentation; if it lasts, open a case with the service.";
    }
}
