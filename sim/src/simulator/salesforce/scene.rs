//! What can go wrong.

use crate::domain::ids::closed_set;

closed_set! {
    /// How the simulated Salesforce behaves.
    Scene {
        /// As documented.
        Healthy = "healthy",
        /// Every session is refused at once.
        SessionsRefused = "sessions_refused",
        /// Sessions hold, but not for the REST API.
        NotForApi = "not_for_api",
        /// The app was revoked: no session holds, and none is given.
        RevokedApp = "revoked_app",
        /// The app has no user to run as.
        NoRunAsUser = "no_run_as_user",
        /// The user has not approved the app.
        NotApproved = "not_approved",
        /// The daily requests are used up.
        LimitExceeded = "limit_exceeded",
        /// The same, with the other status that it comes with.
        LimitExceeded400 = "limit_exceeded_400",
        /// The user may not use the API.
        PermissionDenied = "permission_denied",
        /// Queries are not understood.
        MalformedQuery = "malformed_query",
        /// A field is not visible.
        FieldUnknown = "field_unknown",
        /// The version of the API is not there.
        VersionMissing = "version_missing",
        /// A transaction security policy refuses.
        TransactionSecurity = "transaction_security",
        /// A page that says that the service is down.
        Maintenance = "maintenance",
        /// A page to log in, as if all were well.
        LoginPage = "login_page",
        /// A defect of the service.
        ServerError = "server_error",
        /// No answer.
        Hang = "hang",
        /// Every answer takes its time.
        Slow = "slow",
        /// Half an answer, and then the connection ends.
        Truncated = "truncated",
        /// Something that is not JSON.
        Garbage = "garbage",
        /// An answer of 2 GB.
        HugeBody = "huge_body",
        /// A small answer that becomes a large one.
        PackedHuge = "packed_huge",
        /// An answer that is no gzip, although it says so.
        PackedGarbage = "packed_garbage",
        /// Pages that never end.
        EndlessPaging = "endless_paging",
        /// A page that names itself as the next.
        RepeatingPage = "repeating_page",
        /// A redirect to another host.
        Redirect = "redirect",
        /// A redirect of whoever asks for a session.
        TokenRedirect = "token_redirect",
        /// Codes of errors that nobody documented, and that repeat what nobody should.
        StrangeCode = "strange_code",
        /// The organisation has no Einstein Activity Capture.
        ObjectMissing = "object_missing",
        /// Nulls, floats, missing fields and values that nobody documented.
        OddValues = "odd_values",
        /// Batches are not there, single queries are.
        NoBatch = "no_batch",
        /// The server's clock is two hours ahead.
        ClockAhead = "clock_ahead",
    }
}
