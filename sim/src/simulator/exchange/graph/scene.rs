//! What can go wrong: with the service as a whole, and with single mailboxes.

use crate::domain::ids::closed_set;

closed_set! {
    /// How the simulated services behave.
    GraphScene {
        /// As documented.
        Healthy = "healthy",
        /// The secret's time is over.
        SecretExpired = "secret_expired",
        /// The certificate is not the application's.
        CertificateUnknown = "certificate_unknown",
        /// No such application in the tenant.
        AppUnknown = "app_unknown",
        /// No such tenant.
        TenantUnknown = "tenant_unknown",
        /// Nobody has consented.
        NoConsent = "no_consent",
        /// Conditional access.
        ConditionalAccess = "conditional_access",
        /// A reason without a name here.
        OtherRefusal = "other_refusal",
        /// Entra answers 503.
        LoginDown = "login_down",
        /// Graph takes no token.
        TokenRefused = "token_refused",
        /// 429 for everything, with `Retry-After`.
        Throttled = "throttled",
        /// 429 for each part of a batch.
        ThrottledParts = "throttled_parts",
        /// 503 with a page.
        Unavailable = "unavailable",
        /// 504 with a page and `Retry-After`.
        GatewayTimeout = "gateway_timeout",
        /// A page to sign in.
        LoginPage = "login_page",
        /// A redirect to another host.
        RedirectElsewhere = "redirect_elsewhere",
        /// A text that is no JSON.
        WrongType = "wrong_type",
        /// Half an answer, and then the connection ends.
        Truncated = "truncated",
        /// 4 GB.
        Huge = "huge",
        /// A byte a second.
        Trickle = "trickle",
        /// 100,000 lists within each other.
        Deep = "deep",
        /// 10,000 parts for a batch of 20.
        ManyParts = "many_parts",
        /// Parts in the order of another day, one twice, one under an id that nobody gave.
        Shuffled = "shuffled",
        /// Counts in base64, after a mark of byte order.
        CountsInBase64 = "counts_in_base64",
        /// Errors without an inner one.
        NoInnerError = "no_inner_error",
    }
}

closed_set! {
    /// What is wrong with a mailbox.
    GraphTrouble {
        ODataDisabled = "odata_disabled",
        AccessPolicy = "access_policy",
        AccessDenied = "access_denied",
        ExtensionError = "extension_error",
        RequestDenied = "request_denied",
        NotEnabled = "not_enabled",
        NotEnabledOld = "not_enabled_old",
        InvalidUser = "invalid_user",
        UserNotFound = "user_not_found",
        ResourceNotFound = "resource_not_found",
        CalendarNotFound = "calendar_not_found",
        /// Only contacts are refused.
        ContactsDenied = "contacts_denied",
        /// Only the settings are refused.
        SettingsDenied = "settings_denied",
        StateNotFound = "state_not_found",
        Throttled = "throttled",
        ActivityLimit = "activity_limit",
        DependencyFailed = "dependency_failed",
        Unavailable = "unavailable",
        BadRequest = "bad_request",
        Unknown = "unknown",
        /// More folders at another host.
        MoreElsewhere = "more_elsewhere",
        /// A count that is none.
        OddCount = "odd_count",
    }
}
