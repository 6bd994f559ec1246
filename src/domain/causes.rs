//! Why something needs attention: the closed list that ties a finding to its alert, its severity and its causes.

use super::ids::closed_set;

closed_set! {
    /// How soon somebody has to act.
    Severity {
        /// Somebody is woken.
        Critical = "critical",
        /// In office hours.
        Warning = "warning",
        /// To be seen, not to be sent.
        Info = "info",
    }
}

closed_set! {
    /// Whose trouble it is.
    Scope {
        /// One thing of one organisation, or the organisation as a whole.
        Org = "org",
        /// Some of an organisation's users.
        Users = "users",
        /// This program.
        Exporter = "exporter",
    }
}

closed_set! {
    /// A cause for attention. Declared from root causes to consequences.
    Cause {
        /// The article's service account row shows "None".
        ServiceAccountMissing = "service_account_missing",
        /// Salesforce shows an X for the service account.
        ServiceAccountNotRecognized = "service_account_not_recognized",
        /// No user's addresses are linked.
        NoLinkedUsers = "no_linked_users",
        /// Windows refuses the service account's sign-ins at Exchange, by its own logs.
        ExchangeSignInRefused = "exchange_sign_in_refused",
        /// The probe does not get as far as a sign-in at Exchange.
        ExchangeUnreachable = "exchange_unreachable",
        /// Exchange does not let the account in.
        ExchangeAccountRefused = "exchange_account_refused",
        /// Exchange refuses EWS as a whole.
        ExchangeEwsOff = "exchange_ews_off",
        /// Most mailboxes do not let the account act for them.
        ExchangeImpersonationRefused = "exchange_impersonation_refused",
        /// The last sync is older than the documented 24 hours.
        NoSyncIn24Hours = "no_sync_in_24_hours",
        /// Known for days and never synced.
        NeverSynced = "never_synced",
        /// An item of the canary's own is overdue on the other side.
        CanaryLate = "canary_late",
        /// No source that could know has reported.
        ObservationsStale = "observations_stale",
        /// Nothing in 24 hours, with a working day among them.
        NothingIn24Hours = "nothing_in_24_hours",
        /// The number of linked users is not the expected one.
        LinkedUsersUnexpected = "linked_users_unexpected",
        /// Users with a failing check.
        UsersFailing = "users_failing",
        /// A reset that does not end.
        ResetStuck = "reset_stuck",
        /// A first sync that does not end, or never begins.
        InitialSyncStuck = "initial_sync_stuck",
        /// Users who are assigned to an active configuration that syncs nothing for them.
        UsersSyncNothing = "users_sync_nothing",
        /// Older than fresh, younger than stale.
        Delayed = "delayed",
        /// Nothing in 60 minutes.
        NothingIn60Minutes = "nothing_in_60_minutes",
        /// Nothing, at hours at which each of the last four weeks had something.
        UnusuallyQuiet = "unusually_quiet",
        /// Exchange's logs go on, and none of Salesforce's calls is in them.
        ExchangeNoCalls = "exchange_no_calls",
        /// A second sync program writes into the same mailboxes.
        ExchangeTwoWriters = "exchange_two_writers",
        /// The canary cannot write, find or delete its items.
        CanaryFailing = "canary_failing",
        /// Items of the canary's own have been there for a day longer than they should.
        CanaryLeftovers = "canary_leftovers",
        /// Reps choose events, and cannot.
        OutlookIntegrationDisabled = "outlook_integration_disabled",
        /// The product ends soon.
        RetirementNear = "retirement_near",
        /// The folder of synced contacts of some users has twice as many as two days ago.
        DuplicateSurge = "duplicate_surge",
        /// Salesforce and Exchange have counted different numbers of contacts for long.
        RecordsDrift = "records_drift",
        /// The certificate of Exchange ends soon.
        ExchangeCertificateEnding = "exchange_certificate_ending",
        /// The product has ended.
        Retired = "retired",
        /// This program cannot be scraped.
        ExporterDown = "exporter_down",
        /// The store refuses to commit; nothing is acknowledged.
        StoreFailing = "store_failing",
        /// The clock stepped; windows and ages may be off.
        ClockSuspect = "clock_suspect",
        /// What senders push is refused.
        IngestRejected = "ingest_rejected",
        /// A source that asks gets no good answer.
        PollFailing = "poll_failing",
        /// The organisation's daily API requests run out.
        SalesforceApiBudgetLow = "salesforce_api_budget_low",
        /// The configuration changed and cannot be used.
        ConfigReloadFailed = "config_reload_failed",
        /// The web's file or a certificate changed and cannot be used.
        WebReloadFailed = "web_reload_failed",
        /// The certificate that is served ends soon.
        CertificateExpiring = "certificate_expiring",
        /// This program is restarted again and again.
        Restarting = "restarting",
        /// Salesforce does not report how many API requests are used.
        SalesforceUsageUnknown = "salesforce_usage_unknown",
        /// The database has no backup that is young enough.
        BackupTooOld = "backup_too_old",
        /// The database begins later than it did: what it knew is gone.
        StoreEmptied = "store_emptied",
        /// Many organisations have the same trouble at once.
        ManyOrganizations = "many_organizations",
        /// Always on: its silence means that alerting itself is broken.
        Watchdog = "watchdog",
    }
}

/// What follows for users, and for the number of those who are linked; and the early warning of the same.
const OF_USERS: &[Cause] = &[
    Cause::LinkedUsersUnexpected,
    Cause::UsersFailing,
    Cause::ResetStuck,
    Cause::InitialSyncStuck,
    Cause::UnusuallyQuiet,
];
/// What the canary shows more exactly.
const OF_CANARY: &[Cause] = &[Cause::UnusuallyQuiet];
/// What a root cause brings about.
const OF_ROOT: &[Cause] = &[
    Cause::NoSyncIn24Hours,
    Cause::NeverSynced,
    Cause::CanaryLate,
    Cause::NothingIn24Hours,
    Cause::LinkedUsersUnexpected,
    Cause::UsersFailing,
    Cause::ResetStuck,
    Cause::InitialSyncStuck,
    Cause::Delayed,
    Cause::NothingIn60Minutes,
    Cause::UnusuallyQuiet,
    Cause::ExchangeNoCalls,
    Cause::CanaryFailing,
    Cause::CanaryLeftovers,
];
const NONE: &[Cause] = &[];

/// Gives every cause what is fixed about it; a cause without a line does not compile.
macro_rules! cause_table {
    ($($cause:ident $scope:ident [$($severity:ident),*] $alert:expr, $consequences:ident;)+) => {
        impl Cause {
            /// The alert that speaks of it; `None` where a finding on the page is enough: the test below has the reasons.
            pub const fn alert(self) -> Option<&'static str> {
                match self { $(Self::$cause => $alert,)+ }
            }

            /// The severities that its findings can have, worst first; none for the watchdog.
            pub const fn severities(self) -> &'static [Severity] {
                match self { $(Self::$cause => &[$(Severity::$severity),*],)+ }
            }

            /// Whose trouble it is.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$cause => Scope::$scope,)+ }
            }

            /// What it brings about in the same organisation: while it holds, those are held back.
            pub const fn consequences(self) -> &'static [Self] {
                match self { $(Self::$cause => $consequences,)+ }
            }
        }
    };
}

// Cause, whose trouble, severities, alert, consequences. A root cause that returns within a day is a warning: it was
// paged already.
cause_table! {
    ServiceAccountMissing Org [Critical, Warning] Some("LightningSyncServiceAccountMissing"), OF_ROOT;
    ServiceAccountNotRecognized Org [Critical, Warning] Some("LightningSyncServiceAccountNotRecognized"), OF_ROOT;
    NoLinkedUsers Org [Critical, Warning] Some("LightningSyncNoLinkedUsers"), OF_ROOT;
    ExchangeSignInRefused Org [Critical, Warning] Some("LightningSyncExchangeSignInRefused"), OF_ROOT;
    ExchangeUnreachable Org [Critical, Warning] Some("LightningSyncExchangeUnreachable"), OF_ROOT;
    ExchangeAccountRefused Org [Critical, Warning] Some("LightningSyncExchangeAccountRefused"), OF_ROOT;
    ExchangeEwsOff Org [Critical, Warning] Some("LightningSyncExchangeEwsOff"), OF_ROOT;
    ExchangeImpersonationRefused Org [Critical, Warning] Some("LightningSyncExchangeImpersonationRefused"), OF_ROOT;
    NoSyncIn24Hours Org [Critical] Some("LightningSyncNoSyncIn24Hours"), OF_USERS;
    NeverSynced Org [Critical] Some("LightningSyncNeverSynced"), OF_USERS;
    CanaryLate Org [Critical] Some("LightningSyncCanaryLate"), OF_CANARY;
    ObservationsStale Org [Critical, Warning] Some("LightningSyncObservationsStale"), OF_USERS;
    NothingIn24Hours Org [Critical, Warning] Some("LightningSyncNothingIn24Hours"), NONE;
    LinkedUsersUnexpected Org [Warning] Some("LightningSyncLinkedUsersUnexpected"), NONE;
    UsersFailing Users [Warning] Some("LightningSyncUsersFailing"), NONE;
    ResetStuck Users [Warning] Some("LightningSyncResetStuck"), NONE;
    InitialSyncStuck Users [Warning] Some("LightningSyncInitialSyncStuck"), NONE;
    UsersSyncNothing Users [Info] None, NONE;
    Delayed Org [Info] Some("LightningSyncDelayed"), NONE;
    NothingIn60Minutes Org [Info] Some("LightningSyncNothingIn60Minutes"), NONE;
    UnusuallyQuiet Org [Warning] Some("LightningSyncUnusuallyQuiet"), NONE;
    ExchangeNoCalls Org [Warning] Some("LightningSyncExchangeNoCalls"), NONE;
    ExchangeTwoWriters Users [Warning] Some("LightningSyncExchangeTwoWriters"), NONE;
    DuplicateSurge Users [Warning] Some("LightningSyncDuplicateSurge"), NONE;
    RecordsDrift Users [Warning] Some("LightningSyncRecordsDrift"), NONE;
    CanaryFailing Org [Warning] Some("LightningSyncCanaryFailing"), NONE;
    CanaryLeftovers Org [Warning] Some("LightningSyncCanaryLeftovers"), NONE;
    OutlookIntegrationDisabled Org [Info] Some("LightningSyncOutlookIntegrationDisabled"), NONE;
    RetirementNear Org [Warning, Info] Some("LightningSyncRetirementNear"), NONE;
    ExchangeCertificateEnding Org [Warning] Some("LightningSyncExchangeCertificateEnding"), NONE;
    Retired Org [Info] None, NONE;
    ExporterDown Exporter [Critical] Some("LightningSyncExporterDown"), NONE;
    StoreFailing Exporter [Warning] Some("LightningSyncStoreFailing"), NONE;
    ClockSuspect Exporter [Warning] Some("LightningSyncClockSuspect"), NONE;
    IngestRejected Exporter [Warning] Some("LightningSyncIngestRejected"), NONE;
    PollFailing Exporter [Warning] Some("LightningSyncPollFailing"), NONE;
    SalesforceApiBudgetLow Exporter [Warning] Some("LightningSyncSalesforceApiBudgetLow"), NONE;
    ConfigReloadFailed Exporter [Warning] Some("LightningSyncConfigReloadFailed"), NONE;
    WebReloadFailed Exporter [Warning] Some("LightningSyncWebReloadFailed"), NONE;
    CertificateExpiring Exporter [Warning] Some("LightningSyncCertificateExpiring"), NONE;
    Restarting Exporter [Warning] Some("LightningSyncRestarting"), NONE;
    SalesforceUsageUnknown Exporter [Warning] Some("LightningSyncSalesforceUsageUnknown"), NONE;
    BackupTooOld Exporter [Warning] Some("LightningSyncBackupTooOld"), NONE;
    StoreEmptied Exporter [Warning] Some("LightningSyncStoreEmptied"), NONE;
    ManyOrganizations Exporter [Critical] Some("LightningSyncManyOrganizations"), NONE;
    Watchdog Exporter [] Some("LightningSyncWatchdog"), NONE;
}

impl Cause {
    /// Whether it explains that nothing syncs: it ends only by a newer reading or by syncs that go on, and its
    /// consequences wait a while after its end.
    pub const fn is_root(self) -> bool {
        matches!(
            self,
            Self::ServiceAccountMissing
                | Self::ServiceAccountNotRecognized
                | Self::NoLinkedUsers
                | Self::ExchangeSignInRefused
        )
    }

    /// Whether the probe of Exchange finds it. As a warning it is about the probe's own way to Exchange, and explains no page.
    pub const fn is_probed(self) -> bool {
        matches!(
            self,
            Self::ExchangeUnreachable
                | Self::ExchangeAccountRefused
                | Self::ExchangeEwsOff
                | Self::ExchangeImpersonationRefused
        )
    }

    /// Whether its end is remembered for a day: what paged for it speaks for others that show the same, for a while.
    pub const fn is_remembered(self) -> bool {
        self.is_root() || self.is_probed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Causes without an alert, each with the reason.
    const WITHOUT_ALERT: [(Cause, &str); 2] = [
        (Cause::Retired, "after the date nothing can be repaired: the page says so"),
        (Cause::UsersSyncNothing, "somebody set it so: the pages and the JSON say it"),
    ];

    #[test]
    fn every_cause_has_an_alert_or_a_written_reason_why_not() {
        for cause in Cause::ALL {
            let without = WITHOUT_ALERT.iter().any(|(listed, _)| listed == cause);
            assert_eq!(cause.alert().is_none(), without, "{cause}");
        }
    }

    #[test]
    fn consequences_come_after_their_causes_and_never_name_a_root_cause() {
        for cause in Cause::ALL {
            for consequence in cause.consequences() {
                assert!(cause < consequence, "{cause} → {consequence}");
            }
        }
    }
}
