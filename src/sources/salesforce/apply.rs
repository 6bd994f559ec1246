//! What the rows of each part mean: for the snapshot, and for what is told beside it.

use super::approximate;
use super::assignments::Assignments;
use super::capture::{CaptureUser, CaptureUsers};
use super::facts::Part;
use super::mapping::{org_rows, user_values};
use super::paging::Record;
use super::poll::{Poller, Users};
use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::policy::Product;
use crate::domain::source_state::{Successor, SuccessorNote};
use chrono::TimeDelta;
use std::sync::Arc;

/// How often users are told again although nothing of theirs changed: each telling is a write for each user.
const USERS_EVERY: TimeDelta = TimeDelta::minutes(4);
/// How many strange values are remembered as told.
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
                self.told.assigned = Some((assignments.users.len() as u64, assignments.profiles));
                self.assignments = Some(assignments);
            }
            Part::SetupTrail => {
                self.told.new_setup_changes =
                    self.trail.take(records, complete, snapshot.captured_at);
                self.told.last_setup_change = self.trail.latest();
                self.told.setup = self.trail.changes().map(Arc::new);
            }
            Part::ChangedContacts => self.take_changed(ObjectType::Contacts, records),
            Part::ChangedEvents => self.take_changed(ObjectType::Events, records),
            Part::EmailSettings | Part::CaptureSettings | Part::Report => {}
        }
    }

    fn take_changed(&mut self, object: ObjectType, records: &[Record]) {
        if let Some(slot) = self.told.approximate.get_mut(object.index()) {
            *slot = approximate::changed(records, &self.user_ids);
        }
    }

    fn take_users(&mut self, records: &[Record], complete: bool, snapshot: &mut Snapshot) {
        let read = CaptureUsers::of(records);
        self.told.connectivity = Some(read.connectivity());
        self.told.onboarding = Some(read.onboarding());
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
        self.told.successor = Some(Arc::new(successor));
        self.tell_strange(&read);
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
        let users: Users = read
            .users
            .iter()
            .map(|user| (user.name.clone(), user_values(user, self.assignments.as_ref())))
            .collect();
        let complete = complete && read.unnamed == 0;
        let known = self.users_told.as_ref().is_some_and(|(at, told, told_all)| {
            (TimeDelta::zero()..USERS_EVERY).contains(&now.since(*at))
                && *told == users
                && *told_all == complete
        });
        if !known {
            snapshot.users.clone_from(&users);
            snapshot.users_complete = complete;
            self.users_told = Some((now, users, complete));
        }
    }

    fn tell_strange(&mut self, read: &CaptureUsers) {
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
    /// nothing is told of anybody, and the next poll asks again.
    pub(super) fn nobody_seen(&mut self) {
        self.forget(Part::Capture);
        if self.told.note(Part::Capture, false) {
            self.news.push(
                "activity_capture names no user; where there are some, the integration user needs Customize Application \
                 to see them (docs/salesforce-source.md)"
                    .to_owned(),
            );
        }
    }

    /// Forgets what a part told that is no longer there.
    pub(super) fn forget(&mut self, part: Part) {
        self.told.forget(part);
        match part {
            Part::Capture => {
                self.user_ids.clear();
                self.users_told = None;
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
