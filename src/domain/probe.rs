//! What a read-only probe of Exchange found: steps in order of dependency, each with a verdict. A step that depends on one
//! that failed is skipped, not failed.

use super::causes::Cause;
use super::ids::closed_set;
use super::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;

closed_set! {
    /// A step, in order.
    ProbeStep {
        /// The name of the host resolves.
        Dns = "dns",
        /// The host takes a connection.
        Tcp = "tcp",
        /// The connection is encrypted, and the certificate is believed.
        Tls = "tls",
        /// EWS answers at the configured path.
        Http = "http",
        /// Autodiscover names the configured URL.
        Autodiscover = "autodiscover",
        /// The service account may sign in.
        Auth = "auth",
        /// The service account may act for the mailbox.
        Impersonation = "impersonation",
        /// The mailbox is on a supported version.
        Version = "version",
        /// The mailbox has its calendar.
        Calendar = "calendar",
        /// The contacts folder that is synced is where it has to be.
        ContactsFolder = "contacts_folder",
        /// The contacts in it were counted.
        Counts = "counts",
    }
}

impl ProbeStep {
    /// Whether it is looked at for each mailbox.
    pub const fn is_of_mailbox(self) -> bool {
        matches!(
            self,
            Self::Impersonation
                | Self::Version
                | Self::Calendar
                | Self::ContactsFolder
                | Self::Counts
        )
    }
}

closed_set! {
    /// How a step ended.
    StepVerdict {
        /// It works.
        Passed = "passed",
        /// It does not.
        Failed = "failed",
        /// It could not be decided: throttled, refused for the first time, or not reached. What was found before stays.
        Held = "held",
        /// It depends on a step that failed, or is switched off.
        Skipped = "skipped",
    }
}

closed_set! {
    /// How a mailbox is looked at.
    ProbeProtocol {
        /// Exchange Web Services.
        Ews = "ews",
        /// Microsoft Graph.
        Graph = "graph",
    }
}

closed_set! {
    /// Where a mailbox is.
    MailboxPlace {
        /// In Exchange Online.
        Online = "online",
        /// On an Exchange Server.
        OnPremises = "on_premises",
    }
}

/// One step of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepReport {
    /// How it ended. Of a step that is looked at for each mailbox: failed when any mailbox fails it.
    pub verdict: StepVerdict,
    /// The closed reason, where it failed or is held; the most frequent where mailboxes differ.
    pub reason: Option<&'static str>,
    /// What somebody can do about it.
    pub advice: Option<&'static str>,
    /// How long it took, where it is known; the longest of all mailboxes.
    pub took: Option<TimeDelta>,
    /// When it last passed.
    pub last_success: Option<Timestamp>,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// Mailboxes that fail it.
    pub failing: u32,
    /// Mailboxes that pass it.
    pub passing: u32,
}

impl StepReport {
    /// A step that was not looked at yet.
    pub const SKIPPED: Self = Self {
        verdict: StepVerdict::Skipped,
        reason: None,
        advice: None,
        took: None,
        last_success: None,
        failing_since: None,
        failing: 0,
        passing: 0,
    };
}

/// What keeps anybody from using Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeTrouble {
    /// Which.
    pub cause: Cause,
    /// The step that shows it.
    pub step: ProbeStep,
    /// Why, from a closed list.
    pub reason: &'static str,
    /// What somebody can do about it.
    pub advice: &'static str,
    /// Since when.
    pub since: Timestamp,
}

/// A whole probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// When it began.
    pub at: Timestamp,
    /// Its steps.
    pub steps: EnumMap<ProbeStep, StepReport>,
    /// When the server's certificate, or the first of its chain, ends.
    pub certificate_ends: Option<Timestamp>,
    /// The version of TLS in use.
    pub tls_version: Option<&'static str>,
    /// Until when nothing is requested, because Exchange demands it.
    pub throttled_until: Option<Timestamp>,
    /// Until when the account is not used, because its sign-in was refused.
    pub suspended_until: Option<Timestamp>,
    /// Mailboxes that are configured.
    pub mailboxes: u32,
    /// How many of them are seen to be where.
    pub places: EnumMap<MailboxPlace, u32>,
    /// When Microsoft ends EWS for the mailboxes in Exchange Online that are looked at over EWS, where there are any.
    pub ews_ends: Option<Timestamp>,
    /// What keeps anybody from using Exchange, if anything does.
    pub trouble: Option<ProbeTrouble>,
    /// Whether this probe could decide that; if not, the trouble is that of the one before.
    pub decided: bool,
}

impl ProbeReport {
    /// Whether mailboxes are both in Exchange Online and on premises, which Lightning Sync does not support.
    pub fn is_mixed(&self) -> bool {
        self.places.values().all(|count| *count > 0)
    }

    /// The first step that failed.
    pub fn broken(&self) -> Option<(ProbeStep, StepReport)> {
        self.steps
            .iter()
            .find(|(_, step)| step.verdict == StepVerdict::Failed)
            .map(|(step, report)| (step, *report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_at_both_places_are_mixed_and_the_first_failed_step_is_what_is_broken() {
        let mut report = ProbeReport {
            at: Timestamp::from_seconds(0),
            steps: EnumMap::from_fn(|_| StepReport::SKIPPED),
            certificate_ends: None,
            tls_version: None,
            throttled_until: None,
            suspended_until: None,
            mailboxes: 2,
            places: EnumMap::default(),
            ews_ends: None,
            trouble: None,
            decided: true,
        };
        assert!(!report.is_mixed());
        report.places[MailboxPlace::Online] = 1;
        assert!(!report.is_mixed());
        report.places[MailboxPlace::OnPremises] = 1;
        assert!(report.is_mixed());

        assert_eq!(report.broken(), None);
        let steps: Vec<ProbeStep> = report.steps.iter().map(|(step, _)| step).collect();
        let failed = StepReport { verdict: StepVerdict::Failed, failing: 1, ..StepReport::SKIPPED };
        report.steps[steps[2]] = failed;
        report.steps[steps[1]] = failed;
        assert_eq!(report.broken(), Some((steps[1], failed)));
    }
}
