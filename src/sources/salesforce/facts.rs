//! What Salesforce reported besides the article's rows: raw values, and which parts of the interface there are.

use super::capture::{Connectivity, Onboarding};
use super::metadata::{self, SettingsRecord};
use super::report::Report;
use crate::domain::ids::{ObjectType, closed_set};
use crate::domain::setup::SetupChanges;
use crate::domain::source_state::Successor;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::sync::Arc;

closed_set! {
    /// A part of the interface that an organisation, or the integration user, may not have.
    Part {
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
    }
}

/// What was reported last; `None` before the first report, and when the part went away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollFacts {
    /// Whether each part is there.
    pub parts: EnumMap<Part, Option<bool>>,
    /// Users of Einstein Activity Capture by connectivity.
    pub connectivity: Option<EnumMap<Connectivity, u64>>,
    /// The same users by the state of their first sync.
    pub onboarding: Option<EnumMap<Onboarding, u64>>,
    /// How many users and how many profiles are assigned to Einstein Activity Capture.
    pub assigned: Option<(u64, u64)>,
    /// The users of Einstein Activity Capture themselves.
    pub successor: Option<Arc<Successor>>,
    /// Switches of the settings, by their label; `None`: no longer reported.
    pub switches: Vec<(&'static str, Option<bool>)>,
    /// The error report.
    pub report: Option<Report>,
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
    /// Notes whether a part is there; says whether that is news.
    pub(super) fn note(&mut self, part: Part, there: bool) -> bool {
        self.parts[part].replace(there) != Some(there)
    }

    /// Forgets what a part reported.
    pub(super) fn forget(&mut self, part: Part) {
        match part {
            Part::Capture => {
                self.connectivity = None;
                self.onboarding = None;
                self.successor = None;
            }
            Part::Assignments => self.assigned = None,
            Part::ChangedContacts => self.approximate[ObjectType::Contacts] = None,
            Part::ChangedEvents => self.approximate[ObjectType::Events] = None,
            Part::EmailSettings => self.forget_switches(metadata::EMAIL),
            Part::CaptureSettings => self.forget_switches(metadata::CAPTURE),
            Part::Report => self.report = None,
            // What was changed, and when, stays true.
            Part::SetupTrail => {}
        }
    }

    fn forget_switches(&mut self, record: SettingsRecord) {
        for (name, state) in &mut self.switches {
            if metadata::record_of(name) == Some(record) {
                *state = None;
            }
        }
    }
}
