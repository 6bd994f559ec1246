//! What an organisation told besides the article's rows: raw values, and which parts of the interface it has.

use super::capture::{Connectivity, Onboarding};
use super::metadata;
use super::report::Report;
use crate::domain::ids::{ObjectType, closed_set};
use crate::domain::setup::SetupChanges;
use crate::domain::source_state::Successor;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
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

/// What was told last; `None` where nobody told it yet, or the part went away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollFacts {
    /// Whether each part is there, by [`Part::index`].
    pub parts: [Option<bool>; Part::COUNT],
    /// Users of Einstein Activity Capture by connectivity.
    pub connectivity: Option<[u64; Connectivity::COUNT]>,
    /// The same users by the state of their first sync.
    pub onboarding: Option<[u64; Onboarding::COUNT]>,
    /// How many users and how many profiles are assigned to Einstein Activity Capture.
    pub assigned: Option<(u64, u64)>,
    /// The users of Einstein Activity Capture themselves.
    pub successor: Option<Arc<Successor>>,
    /// Switches of the settings, by their label; `None`: no longer told.
    pub switches: Vec<(&'static str, Option<bool>)>,
    /// The error report.
    pub report: Option<Report>,
    /// Changed records of the last hour, by object type: an upper bound.
    pub approximate: [Option<u64>; ObjectType::COUNT],
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
        let Some(slot) = self.parts.get_mut(part.index()) else {
            return false;
        };
        slot.replace(there) != Some(there)
    }

    /// Forgets what a part told.
    pub(super) fn forget(&mut self, part: Part) {
        match part {
            Part::Capture => {
                self.connectivity = None;
                self.onboarding = None;
                self.successor = None;
            }
            Part::Assignments => self.assigned = None,
            Part::ChangedContacts => self.forget_changed(ObjectType::Contacts),
            Part::ChangedEvents => self.forget_changed(ObjectType::Events),
            Part::EmailSettings => self.forget_switches(metadata::EMAIL),
            Part::CaptureSettings => self.forget_switches(metadata::CAPTURE),
            Part::Report => self.report = None,
            // What was changed, and when, stays true.
            Part::SetupTrail => {}
        }
    }

    fn forget_changed(&mut self, object: ObjectType) {
        if let Some(slot) = self.approximate.get_mut(object.index()) {
            *slot = None;
        }
    }

    fn forget_switches(&mut self, kind: metadata::Kind) {
        for (name, state) in &mut self.switches {
            if metadata::kind_of(name) == Some(kind) {
                *state = None;
            }
        }
    }
}
