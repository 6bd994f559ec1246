//! What the rows of each part mean: for the snapshot, and for what is reported beside it.

use super::answer::{count, text};
use super::facts::SalesforcePart;
use super::mapping::Mapping;
use super::metadata::Switch;
use super::paging::Record;
use super::poll::{Poller, SentUsers};
use super::queries::MOST_CHANGED;
use super::users::{Assignments, CaptureUser, CaptureUsers, record_id};
use crate::domain::ids::UserName;
use crate::domain::observation::Snapshot;
use crate::domain::policy::Product;
use crate::domain::source_state::{Successor, SuccessorNote};
use crate::domain::users::UserValues;
use crate::domain::windows::HOUR;
use chrono::TimeDelta;
use std::collections::HashSet;
use std::sync::Arc;

/// How often users are handed over again although nothing of theirs changed: each time is a write for each user.
const USERS_EVERY: TimeDelta = TimeDelta::minutes(4);
/// How many strange values are remembered as reported.
const MAX_STRANGE: usize = 32;

impl Poller {
    pub(super) fn take(
        &mut self,
        part: SalesforcePart,
        records: &[Record],
        complete: bool,
        snapshot: &mut Snapshot,
    ) {
        let now = snapshot.captured_at;
        match part {
            SalesforcePart::Capture => self.take_users(records, complete, snapshot),
            SalesforcePart::Assignments => {
                let assignments = Assignments::of(records);
                self.facts.assigned = Some([assignments.users.len() as u64, assignments.profiles]);
                self.assignments = Some(assignments);
            }
            SalesforcePart::Accounts => {
                let wanted = self.wanted_accounts(now);
                self.accounts.take(wanted, records, now);
            }
            SalesforcePart::SetupTrail => {
                self.facts.new_setup_changes = self.trail.take(records, complete, now);
                self.facts.last_setup_change = self.trail.latest();
                self.facts.setup = self.trail.changes().map(Arc::new);
            }
            SalesforcePart::ChangedContacts
            | SalesforcePart::ChangedEvents
            | SalesforcePart::EmailSettings
            | SalesforcePart::CaptureSettings
            | SalesforcePart::Report => {
                if let Some(object) = part.changed() {
                    self.facts.approximate[object] = changed(records, &self.user_ids);
                }
            }
        }
    }

    fn take_users(&mut self, records: &[Record], complete: bool, snapshot: &mut Snapshot) {
        let read = CaptureUsers::of(records);
        let now = snapshot.captured_at;
        self.facts.connectivity = Some(read.tally(|user| user.connectivity));
        self.facts.onboarding = Some(read.tally(|user| user.onboarding));
        self.facts.successor = Some(Arc::new(self.successor(&read)));
        self.report_strange(&read);
        self.user_ids = read.users.iter().filter_map(|user| user.id.clone()).collect();
        self.counters.look(&read.users, now);
        let complete = complete && read.unnamed == 0;
        self.facts.unlisted = self.unlisted().filter(|_| complete);
        let known = (&self.user_ids, self.assignments.as_ref());
        self.accounts.retain(|id| {
            known.0.contains(id) || known.1.is_some_and(|assigned| assigned.users.contains(id))
        });
        // Beside Lightning Sync, its successor's users say nothing about those who have not moved: a sync that goes on
        // for some must not hide that it stopped for the others.
        if self.policy.product != Product::EinsteinActivityCapture {
            return;
        }
        let switches =
            [Switch::ContactAndEventSync, Switch::ActivityCapture, Switch::ActivitySyncEngine];
        let mapping = Mapping {
            policy: &self.policy,
            assignments: self.assignments.as_ref(),
            is_off: switches.iter().any(|switch| self.facts.switches[*switch] == Some(false)),
            syncs: self.counters.synced_since(now.minus(HOUR)),
            counters: Some(&self.counters),
        };
        // Who was deactivated, or turned off and assigned to nothing, is no user any more.
        let is_active = |id: &String| self.accounts.is_active(id) != Some(false);
        let present: Vec<&CaptureUser> = (read.users.iter())
            .filter(|user| user.id.as_ref().is_none_or(is_active) && !mapping.has_left(user))
            .collect();
        snapshot.rows.extend(mapping.org_rows(&present));
        snapshot.rows.extend(self.counters.rows(now));
        let users: Vec<(UserName, UserValues)> =
            present.iter().map(|user| (user.name.clone(), mapping.user_values(user))).collect();
        let is_known = self.users_sent.as_ref().is_some_and(|sent| {
            (TimeDelta::zero()..USERS_EVERY).contains(&now.since(sent.at))
                && sent.users == users
                && sent.complete == complete
        });
        if !is_known {
            snapshot.users.clone_from(&users);
            snapshot.users_complete = complete;
            self.users_sent = Some(SentUsers { at: now, users, complete });
        }
    }

    /// Users who are assigned by name and active, and whom the list of users does not have. Where accounts cannot be
    /// read, everybody counts as active.
    fn unlisted(&self) -> Option<u64> {
        let assigned = &self.assignments.as_ref()?.users;
        let counts = |id: &&String| {
            self.accounts.is_active(id).unwrap_or_else(|| self.is_absent(SalesforcePart::Accounts))
        };
        Some(assigned.difference(&self.user_ids).filter(counts).count() as u64)
    }

    /// What the pages show of each user beside the article's rows.
    fn successor(&self, read: &CaptureUsers) -> Successor {
        let mut successor = Successor::default();
        for user in &read.users {
            let id = user.id.as_deref();
            let note = Arc::new(SuccessorNote {
                configured: user.has_configuration == Some(true),
                connectivity: user.connectivity.name(),
                onboarding: user.onboarding.name(),
                recommended: self.recommended(user),
                logged_in_at: id.and_then(|id| self.accounts.logged_in_at(id)),
            });
            let address = user.address.iter().flatten();
            let address = address.filter_map(|address| UserName::new(address).ok());
            for name in std::iter::once(user.name.clone()).chain(address) {
                successor.users.entry(name).or_insert_with(|| Arc::clone(&note));
            }
        }
        successor
    }

    fn report_strange(&mut self, read: &CaptureUsers) {
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

    /// What is recommended for a user: the one text of the vendor's that is shown, unless it repeats a secret.
    fn recommended(&self, user: &CaptureUser) -> Option<Arc<str>> {
        let text = user.recommended.as_deref()?;
        (!self.client.gives_away(text)).then(|| text.into())
    }
}

/// How many records of these owners changed; of all owners where nobody is known to sync. `None`: more than are counted.
fn changed(records: &[Record], synced: &HashSet<String>) -> Option<u64> {
    if records.len() >= MOST_CHANGED {
        return None;
    }
    let changed = records
        .iter()
        .filter(|record| {
            let owner = text(record, "OwnerId").and_then(record_id);
            synced.is_empty() || owner.is_some_and(|owner| synced.contains(&owner))
        })
        // A row without a count is a record by itself.
        .map(|record| {
            let named = record.get("changed").or_else(|| record.get("expr0"));
            named.map_or(1, |changed| count(Some(changed)).unwrap_or(0))
        })
        .sum();
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn counts_and_rows_give_the_same() {
        let read = |rows: &[Value], synced: &[&str]| {
            let records: Vec<Record> =
                rows.iter().map(|row| row.as_object().unwrap().clone()).collect();
            changed(&records, &synced.iter().map(|id| (*id).to_owned()).collect())
        };
        let (ann, bob) = ("005000000000001AAA", "005000000000002AAA");
        let counted =
            [json!({ "OwnerId": ann, "changed": 2.0 }), json!({ "OwnerId": bob, "expr0": 1 })];
        let rows =
            [json!({ "OwnerId": ann }), json!({ "OwnerId": bob }), json!({ "OwnerId": ann })];
        assert_eq!((read(&counted, &[]), read(&rows, &[])), (Some(3), Some(3)));
        let only_ann = ["005000000000001"];
        assert_eq!((read(&counted, &only_ann), read(&rows, &only_ann)), (Some(2), Some(2)));
        assert_eq!(read(&[json!({ "OwnerId": ann, "changed": null })], &[]), Some(0));
        let many = vec![json!({ "OwnerId": ann }); MOST_CHANGED];
        assert_eq!(read(&many, &[]), None, "a full answer may not be all");
    }
}
