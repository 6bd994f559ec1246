//! What the rows of each part mean: for the snapshot, and for what is reported beside it.

use super::approximate;
use super::capture::{Assignments, CaptureUser, CaptureUsers};
use super::facts::Part;
use super::mapping::{org_rows, user_values};
use super::paging::Record;
use super::poll::{Poller, SentUsers};
use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::policy::Product;
use crate::domain::source_state::{Successor, SuccessorNote};
use chrono::TimeDelta;
use std::sync::Arc;

/// How often users are sent again although nothing of theirs changed: each sending is a write for each user.
const USERS_EVERY: TimeDelta = TimeDelta::minutes(4);
/// How many strange values are remembered as reported.
const MAX_STRANGE: usize = 32;

impl Poller {
    pub(super) fn take(
        &mut self,
        part: Part,
        records: &[Record],
        complete: bool,
        snapshot: &mut Snapshot,
    ) {
        match part {
            Part::Capture => self.take_users(records, complete, snapshot),
            Part::Assignments => {
                let assignments = Assignments::of(records);
                self.facts.assigned = Some((assignments.users.len() as u64, assignments.profiles));
                self.assignments = Some(assignments);
            }
            Part::SetupTrail => {
                self.facts.new_setup_changes =
                    self.trail.take(records, complete, snapshot.captured_at);
                self.facts.last_setup_change = self.trail.latest;
                self.facts.setup = self.trail.changes.clone().map(Arc::new);
            }
            Part::ChangedContacts | Part::ChangedEvents => {
                let object = if part == Part::ChangedEvents {
                    ObjectType::Events
                } else {
                    ObjectType::Contacts
                };
                self.facts.approximate[object] = approximate::changed(records, &self.user_ids);
            }
            Part::EmailSettings | Part::CaptureSettings | Part::Report => {}
        }
    }

    fn take_users(&mut self, records: &[Record], complete: bool, snapshot: &mut Snapshot) {
        let read = CaptureUsers::of(records);
        self.facts.connectivity = Some(read.connectivity());
        self.facts.onboarding = Some(read.onboarding());
        let mut successor = Successor::default();
        for user in &read.users {
            let note = Arc::new(SuccessorNote {
                configured: user.has_configuration,
                connectivity: user.connectivity.name(),
                onboarding: user.onboarding.name(),
                recommended: self.recommended(user),
            });
            let names = [Some(user.name.as_str()), user.address.as_deref()];
            for name in names.into_iter().flatten() {
                successor.users.insert(name.to_lowercase(), Arc::clone(&note));
            }
        }
        self.facts.successor = Some(Arc::new(successor));
        self.note_strange(&read);
        self.user_ids = read.users.iter().filter_map(|user| user.id.clone()).collect();
        let now = snapshot.captured_at;
        self.counters.look(&read.users, now);
        // Beside Lightning Sync, its successor's users say nothing about those who have not moved: a sync that goes on
        // for some must not hide that it stopped for the others.
        if self.product != Product::EinsteinActivityCapture {
            return;
        }
        snapshot.rows = org_rows(&read.users, self.connection);
        snapshot.rows.extend(self.counters.rows(now));
        let users: SentUsers = read
            .users
            .iter()
            .map(|user| (user.name.clone(), user_values(user, self.assignments.as_ref())))
            .collect();
        let complete = complete && read.unnamed == 0;
        let known = self.users_sent.as_ref().is_some_and(|(at, sent, sent_all)| {
            (TimeDelta::zero()..USERS_EVERY).contains(&now.since(*at))
                && *sent == users
                && *sent_all == complete
        });
        if !known {
            snapshot.users.clone_from(&users);
            snapshot.users_complete = complete;
            self.users_sent = Some((now, users, complete));
        }
    }

    fn note_strange(&mut self, read: &CaptureUsers) {
        for strange in &read.strange {
            if self.strange.len() < MAX_STRANGE && !self.strange.contains(strange) {
                let (field, value) = strange;
                self.news.push(format!(
                    "{field} has the value {value}, which is not documented; it counts as other"
                ));
                self.strange.push(strange.clone());
            }
        }
    }

    /// What is recommended for a user: the one text of the vendor's that is shown, unless it repeats what nobody should.
    fn recommended(&self, user: &CaptureUser) -> Option<Arc<str>> {
        let text = user.recommended.as_deref()?;
        (!self.client.gives_away(text)).then(|| text.into())
    }

    /// An answer without a single user: nobody uses the product, or we see nobody. Neither says that all are gone, so
    /// nothing is reported of anybody, and the next poll reads them again.
    pub(super) fn nobody_seen(&mut self) {
        self.forget(Part::Capture);
        if self.facts.note(Part::Capture, false) {
            self.news.push(
                "activity_capture names no user; where there are some, the integration user needs Customize Application \
                 to see them (docs/salesforce-source.md)"
                    .to_owned(),
            );
        }
    }

    /// Forgets what a part reported that is no longer there.
    pub(super) fn forget(&mut self, part: Part) {
        self.facts.forget(part);
        match part {
            Part::Capture => {
                self.user_ids.clear();
                self.users_sent = None;
            }
            Part::Assignments => self.assignments = None,
            Part::SetupTrail
            | Part::ChangedContacts
            | Part::ChangedEvents
            | Part::EmailSettings
            | Part::CaptureSettings
            | Part::Report => {}
        }
    }
}
