//! Counts over the users of an organisation.

use super::verdict::{directions, turns_at};
use super::{UserEntry, UserTable, UserVerdict, verdict};
use crate::ids::{ObjectType, Source, UserName};
use crate::policy::OrgPolicy;
use crate::rows::{Status, UserRow};
use crate::time::Timestamp;
use std::sync::Arc;

/// The current state of every row of one user, with the labels that stand for the user; [`Status::Unknown`] in the
/// two count rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatuses {
    /// The name as the source writes it.
    pub name: UserName,
    /// What stands for the name where names are not wanted.
    pub pseudonym: Arc<str>,
    /// The states by [`UserRow::index`].
    pub statuses: [Status; UserRow::COUNT],
}

impl UserStatuses {
    fn of(user: &UserEntry, live: &[bool; Source::COUNT]) -> Self {
        let mut statuses = [Status::Unknown; UserRow::COUNT];
        for row in UserRow::checks() {
            if let Some(status) = statuses.get_mut(row.index()) {
                *status = user.status(row, live);
            }
        }
        Self {
            name: user.name.clone(),
            pseudonym: Arc::clone(&user.pseudonym),
            statuses,
        }
    }
}

/// The current states of all users of an organisation, in the table's order: all that series of single users need,
/// a byte a state. Two that are the same allocation say the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusColumns(pub Box<[UserStatuses]>);

/// Counts over the users of an organisation; what metrics and `judge` read instead of the users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserSummary {
    /// How many users are known.
    pub known: u32,
    /// How many users have each status, by row and [`Status::index`].
    pub statuses: [[u32; Status::COUNT]; UserRow::COUNT],
    /// Since when the longest has been in each status; excluded users are left out, and so is "not started" of users
    /// who are not assigned to an active configuration: nothing should start for them.
    pub oldest: [[Option<Timestamp>; Status::COUNT]; UserRow::COUNT],
    /// How many users those are, by row and status: whoever is left out of [`Self::oldest`] does not count here.
    pub counted: [[u32; Status::COUNT]; UserRow::COUNT],
    /// Users who are assigned to an active configuration and set to sync in no direction, and since when the first of
    /// them is both. They are excluded like all whom nothing is set to sync for, and that contradicts itself.
    pub sync_nothing: Option<(u32, Timestamp)>,
    /// Users whose first failing check is this row.
    pub failing: [u32; UserRow::COUNT],
    /// Since when the longest failing of them fails.
    pub failing_since: [Option<Timestamp>; UserRow::COUNT],
    /// The latest observation of each row by anybody, and whether nobody who speaks of it is live.
    pub observed: [Option<(Timestamp, bool)>; UserRow::COUNT],
    /// Sums of the users' records in sync, by object type; `None` where nobody said.
    pub records_in_sync: [Option<u64>; ObjectType::COUNT],
    /// Users of whom every check is known and nothing fails.
    pub healthy: u32,
    /// Users whose reset or first sync lasts longer than it may.
    pub stuck: u32,
    /// Users on whom nothing fails that is known, and not everything is.
    pub partly_known: u32,
    /// Users whose reset holds back findings.
    pub resetting: u32,
    /// Users who should not sync.
    pub excluded: u32,
    /// Users on their way to the successor product.
    pub leaving: u32,
    /// Users assigned to an active configuration, when the whole list is known.
    pub assigned: Option<u64>,
    /// When a limit or a date turns a verdict without anybody speaking.
    pub turns_at: Option<Timestamp>,
    /// Each user's current states.
    pub columns: Arc<StatusColumns>,
}

impl UserSummary {
    /// Counts the users at `now`.
    pub fn of(
        table: &UserTable,
        policy: &OrgPolicy,
        live: &[bool; Source::COUNT],
        now: Timestamp,
    ) -> Self {
        let mut summary = Self {
            known: u32::try_from(table.users.len()).unwrap_or(u32::MAX),
            ..Self::default()
        };
        let mut columns = Vec::with_capacity(table.users.len());
        for user in &table.users {
            columns.push(UserStatuses::of(user, live));
            let verdict = verdict(user, policy, live, now);
            summary.count_rows(user, live, verdict == UserVerdict::Excluded);
            summary.count_verdict(verdict);
            if verdict == UserVerdict::Excluded {
                summary.count_contradiction(user, policy, live);
            }
            if let Some(turn) = turns_at(user, policy, live, now) {
                summary.turns_at = Some(summary.turns_at.map_or(turn, |at| at.min(turn)));
            }
        }
        summary.columns = Arc::new(StatusColumns(columns.into()));
        if let Some(since) = policy.migrating_since.filter(|since| now < *since) {
            summary.turns_at = Some(summary.turns_at.map_or(since, |at| at.min(since)));
        }
        if table.complete {
            summary.assigned = Some(u64::from(
                summary.status(UserRow::ActiveConfiguration, Status::Yes),
            ));
        }
        summary
    }

    /// Keeps the columns of an earlier summary when they say the same, so that what was made of them still holds.
    #[must_use]
    pub fn with_columns_of(mut self, earlier: &Self) -> Self {
        if self.columns == earlier.columns {
            self.columns = Arc::clone(&earlier.columns);
        }
        self
    }

    fn count_rows(&mut self, user: &UserEntry, live: &[bool; Source::COUNT], excluded: bool) {
        let assigned = user.status(UserRow::ActiveConfiguration, live) == Status::Yes;
        for row in UserRow::ALL.iter().copied() {
            let index = row.index();
            let current = user.current(row, live);
            if let (Some(current), Some(observed)) = (current, self.observed.get_mut(index)) {
                let (at, stale) = observed.unwrap_or((Timestamp::MIN, true));
                *observed = Some((at.max(current.cell.observed_at), stale && current.stale));
            }
            if row.statuses().is_empty() {
                if let (Some(current), Some(object)) = (current, row.object_type())
                    && let Some(sum) = self.records_in_sync.get_mut(object.index())
                {
                    *sum = Some(sum.unwrap_or(0) + u64::from(current.cell.value));
                }
                continue;
            }
            let state = user.status(row, live);
            let status = state.index();
            if let Some(count) = self
                .statuses
                .get_mut(index)
                .and_then(|counts| counts.get_mut(status))
            {
                *count += 1;
            }
            if let Some(current) =
                current.filter(|_| !excluded && (assigned || state != Status::NotStarted))
                && let Some(oldest) = self
                    .oldest
                    .get_mut(index)
                    .and_then(|times| times.get_mut(status))
            {
                let since = current.cell.changed_at;
                *oldest = Some(oldest.map_or(since, |at| at.min(since)));
                if let Some(count) = self
                    .counted
                    .get_mut(index)
                    .and_then(|counts| counts.get_mut(status))
                {
                    *count += 1;
                }
            }
        }
    }

    /// An assigned user for whom no direction is set to sync.
    fn count_contradiction(
        &mut self,
        user: &UserEntry,
        policy: &OrgPolicy,
        live: &[bool; Source::COUNT],
    ) {
        if policy.exclude_users.contains(&user.name)
            || user.status(UserRow::ActiveConfiguration, live) != Status::Yes
        {
            return;
        }
        let rows = directions(policy).chain([UserRow::ActiveConfiguration]);
        let since = rows
            .filter_map(|row| Some(user.current(row, live)?.cell.changed_at))
            .max();
        let (users, first) = self.sync_nothing.unwrap_or((0, Timestamp::MAX));
        self.sync_nothing = Some((users + 1, since.map_or(first, |since| first.min(since))));
    }

    fn count_verdict(&mut self, verdict: UserVerdict) {
        match verdict {
            UserVerdict::Failing(row, since) => {
                if let Some(count) = self.failing.get_mut(row.index()) {
                    *count += 1;
                }
                if let Some(oldest) = self.failing_since.get_mut(row.index()) {
                    *oldest = Some(oldest.map_or(since, |at| at.min(since)));
                }
            }
            UserVerdict::Stuck(..) => self.stuck += 1,
            UserVerdict::PartlyKnown => self.partly_known += 1,
            UserVerdict::Resetting => self.resetting += 1,
            UserVerdict::Excluded => self.excluded += 1,
            UserVerdict::Leaving => self.leaving += 1,
            UserVerdict::Healthy => self.healthy += 1,
            UserVerdict::Unknown => {}
        }
    }

    /// How many users have `status` in `row`.
    pub fn status(&self, row: UserRow, status: Status) -> u32 {
        self.statuses
            .get(row.index())
            .and_then(|counts| counts.get(status.index()))
            .copied()
            .unwrap_or(0)
    }

    /// Since when the longest has `status` in `row`.
    pub fn oldest(&self, row: UserRow, status: Status) -> Option<Timestamp> {
        self.oldest
            .get(row.index())
            .and_then(|times| times.get(status.index()))
            .copied()
            .flatten()
    }

    /// How many users have `status` in `row`, without those whom [`Self::oldest`] leaves out.
    pub fn counted(&self, row: UserRow, status: Status) -> u32 {
        self.counted
            .get(row.index())
            .and_then(|counts| counts.get(status.index()))
            .copied()
            .unwrap_or(0)
    }

    /// How many users fail first at `row`, and since when the longest of them.
    pub fn failing(&self, row: UserRow) -> Option<(u32, Timestamp)> {
        let count = self
            .failing
            .get(row.index())
            .copied()
            .filter(|count| *count > 0)?;
        Some((
            count,
            self.failing_since.get(row.index()).copied().flatten()?,
        ))
    }

    /// When a row of users was last looked at, and whether that is held.
    pub fn observed(&self, row: UserRow) -> Option<(Timestamp, bool)> {
        self.observed.get(row.index()).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgName;
    use crate::users::UserCells;

    fn summary(status: Status, seen: Timestamp) -> UserSummary {
        let mut cells = UserCells::default();
        cells.take(UserRow::Reset, status.index() as u32, seen);
        let table = UserTable {
            users: vec![UserEntry {
                name: UserName::new("ann@corp.example").unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, cells)]),
            }],
            complete: false,
        };
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        UserSummary::of(&table, &policy, &[true; Source::COUNT], seen)
    }

    #[test]
    fn users_who_are_left_out_of_the_longest_are_left_out_of_their_number() {
        let at = Timestamp::from_seconds;
        let user = |name: &str| {
            let mut cells = UserCells::default();
            let running = Status::ResetInProgress.index() as u32;
            cells.take(UserRow::Reset, running, at(10));
            UserEntry {
                name: UserName::new(name).unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, cells)]),
            }
        };
        let table = UserTable {
            users: vec![user("ann@corp.example"), user("left@corp.example")],
            complete: false,
        };
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy
            .exclude_users
            .insert(UserName::new("left@corp.example").unwrap());
        let summary = UserSummary::of(&table, &policy, &[true; Source::COUNT], at(20));
        let row = (UserRow::Reset, Status::ResetInProgress);
        assert_eq!(summary.status(row.0, row.1), 2);
        assert_eq!(summary.counted(row.0, row.1), 1);
    }

    #[test]
    fn an_assigned_user_for_whom_nothing_is_set_to_sync_is_counted_until_excluded() {
        let at = Timestamp::from_seconds;
        let mut cells = UserCells::default();
        cells.take(
            UserRow::ActiveConfiguration,
            Status::Yes.index() as u32,
            at(10),
        );
        for row in UserRow::ALL.iter().filter(|row| row.is_direction()) {
            cells.take(*row, Status::NotSetToSync.index() as u32, at(15));
        }
        let name = UserName::new("ann@corp.example").unwrap();
        let table = UserTable {
            users: vec![UserEntry {
                name: name.clone(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, cells)]),
            }],
            complete: false,
        };
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let summary =
            |policy: &OrgPolicy| UserSummary::of(&table, policy, &[true; Source::COUNT], at(20));
        assert_eq!(summary(&policy).sync_nothing, Some((1, at(15))));
        assert_eq!(summary(&policy).excluded, 1);
        policy.exclude_users.insert(name);
        assert_eq!(summary(&policy).sync_nothing, None);
    }

    #[test]
    fn columns_stay_the_same_allocation_until_a_state_changes() {
        let at = Timestamp::from_seconds;
        let first = summary(Status::None, at(10));
        let confirmed = summary(Status::None, at(20)).with_columns_of(&first);
        assert!(Arc::ptr_eq(&confirmed.columns, &first.columns));
        let changed = summary(Status::MarkedForReset, at(30)).with_columns_of(&first);
        let statuses = changed.columns.0[0].statuses;
        assert_eq!(statuses[UserRow::Reset.index()], Status::MarkedForReset);
        assert_eq!(statuses[UserRow::EventsFolder.index()], Status::Unknown);
    }
}
