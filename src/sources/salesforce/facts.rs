//! What an organisation reports besides the article's rows: raw values, and which parts of the interface it has.

use super::metadata::Switch;
use super::report::ErrorReport;
use super::users::{Connectivity, Onboarding};
use crate::domain::ids::{ObjectType, closed_set};
use crate::domain::setup::SetupChanges;
use crate::domain::source_state::Successor;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::sync::Arc;

closed_set! {
    /// A part of the interface that an organisation, or the integration user, may not have.
    SalesforcePart {
        /// The users of Einstein Activity Capture.
        Capture = "activity_capture",
        /// Who is assigned to it.
        Assignments = "assignments",
        /// Changes of the set-up.
        SetupTrail = "setup_audit_trail",
        /// Changed contacts.
        ChangedContacts = "changed_contacts",
        /// Changed events.
        ChangedEvents = "changed_events",
        /// Switches of Outlook integration and sync.
        EmailSettings = "email_integration_settings",
        /// Switches of Einstein Activity Capture.
        CaptureSettings = "activity_capture_settings",
        /// The error report.
        Report = "error_report",
        /// Whether the users are active, and their last log-ins.
        Accounts = "user_accounts",
    }
}

/// What hardly changes, or is not there, is read this often.
pub(super) const HOURLY: TimeDelta = TimeDelta::hours(1);
/// By how much the time between two polls may vary: each begins a little late. Without it, what is read every ten minutes
/// would often wait for the eleventh, and a day would cost fewer calls than the documents say.
pub(super) const POLLS_VARY_BY: TimeDelta = TimeDelta::seconds(5);

impl SalesforcePart {
    /// How often it is read; zero: with every poll.
    pub(super) const fn every(self) -> TimeDelta {
        match self {
            Self::Capture | Self::Accounts => TimeDelta::zero(),
            Self::SetupTrail => TimeDelta::minutes(10),
            // Counts cost the server work.
            Self::ChangedContacts | Self::ChangedEvents | Self::Report => TimeDelta::minutes(15),
            Self::Assignments | Self::EmailSettings | Self::CaptureSettings => HOURLY,
        }
    }

    /// The object type whose changes it counts.
    pub(super) fn changed(self) -> Option<ObjectType> {
        let objects = [Self::ChangedContacts, Self::ChangedEvents].into_iter().zip(ObjectType::ALL);
        objects.filter(|(part, _)| *part == self).map(|(_, object)| *object).next()
    }
}

/// What was reported last; `None` where nothing was yet, or the part went away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollFacts {
    /// Whether each part is there.
    pub parts: EnumMap<SalesforcePart, Option<bool>>,
    /// Users of Einstein Activity Capture by connectivity.
    pub connectivity: Option<EnumMap<Connectivity, u64>>,
    /// The same users by the state of their first sync.
    pub onboarding: Option<EnumMap<Onboarding, u64>>,
    /// How many users and how many profiles are assigned to Einstein Activity Capture.
    pub assigned: Option<[u64; 2]>,
    /// Users who are assigned, active and not among the users of Einstein Activity Capture.
    pub unlisted: Option<u64>,
    /// The users of Einstein Activity Capture themselves.
    pub successor: Option<Arc<Successor>>,
    /// Switches of the settings.
    pub switches: EnumMap<Switch, Option<bool>>,
    /// The error report.
    pub report: Option<ErrorReport>,
    /// Changed records of the last hour: an upper bound.
    pub approximate: EnumMap<ObjectType, Option<u64>>,
    /// Changes of the sync's set-up that this poll saw for the first time.
    pub new_setup_changes: u64,
    /// When the latest of all that were seen was made.
    pub last_setup_change: Option<Timestamp>,
    /// The latest of them.
    pub setup: Option<Arc<SetupChanges>>,
    /// How far the server's clock is ahead of ours, as far as an answer's `Date` shows.
    pub clock_ahead: Option<TimeDelta>,
}

impl PollFacts {
    /// Forgets what a part reported.
    pub(super) fn forget(&mut self, part: SalesforcePart) {
        match part {
            SalesforcePart::Capture => {
                self.connectivity = None;
                self.onboarding = None;
                self.successor = None;
                self.unlisted = None;
            }
            SalesforcePart::Assignments => (self.assigned, self.unlisted) = (None, None),
            SalesforcePart::ChangedContacts => self.approximate[ObjectType::Contacts] = None,
            SalesforcePart::ChangedEvents => self.approximate[ObjectType::Events] = None,
            SalesforcePart::EmailSettings | SalesforcePart::CaptureSettings => {
                for (_, state) in
                    self.switches.iter_mut().filter(|(switch, _)| switch.part() == part)
                {
                    *state = None;
                }
            }
            SalesforcePart::Report => self.report = None,
            // What was changed, and when, stays true; accounts are not reported by themselves.
            SalesforcePart::SetupTrail | SalesforcePart::Accounts => {}
        }
    }
}
