//! Counts over the users of an organisation.

use super::verdict::{directions, turns_at};
use super::{LiveSources, Standing, UserEntry, UserTable, UserVerdict, verdict};
use crate::ids::{ObjectType, UserName};
use crate::policy::OrgPolicy;
use crate::rows::{Status, UserRow, UserValue};
use crate::time::Timestamp;
use enum_map::EnumMap;
use std::sync::Arc;

/// The current state of every row of one user, with the labels that stand for the user; [`Status::Unknown`] in the
/// two count rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatuses {
    /// The name as the source writes it.
    pub name: UserName,
    /// What stands for the name where names are not wanted.
    pub pseudonym: Arc<str>,
    /// The states.
    pub statuses: EnumMap<UserRow, Status>,
}

/// The current states of all users of an organisation, in the table's order: all that series of single users need,
/// a byte a state. Two that are the same allocation are equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusColumns(pub Box<[UserStatuses]>);

/// How many users are in a state of a row, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct StatusSummary {
    users: u32,
    /// Users among them who count as waiting: see [`UserSummary::oldest`].
    counted: u32,
    oldest: Option<Timestamp>,
}

/// Counts over one row of the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RowSummary {
    statuses: EnumMap<Status, StatusSummary>,
    /// Users whose first failing check is this row, and since when the longest of them fails.
    failing: Option<(u32, Timestamp)>,
    /// The latest observation by any source, and whether no source that reports the row is live.
    observed: Option<(Timestamp, bool)>,
}

/// Counts over the users of an organisation; what metrics and `judge` read instead of the users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserSummary {
    /// How many users are known.
    pub known: u32,
    rows: EnumMap<UserRow, RowSummary>,
    /// How many users stand how.
    pub standings: EnumMap<Standing, u32>,
    /// Users who are assigned to an active configuration and set to sync in no direction, and since when the first of
    /// them is both. They are excluded like all whom nothing is set to sync for, and that contradicts itself.
    pub sync_nothing: Option<(u32, Timestamp)>,
    /// Sums of the users' records in sync; `None` where no source has reported any.
    pub records_in_sync: EnumMap<ObjectType, Option<u64>>,
    /// Users assigned to an active configuration, when the whole list is known.
    pub assigned: Option<u64>,
    /// When a limit or a date turns a verdict without a new report.
    pub turns_at: Option<Timestamp>,
    /// Each user's current states.
    pub columns: Arc<StatusColumns>,
}

impl UserSummary {
    /// Counts the users at `now`.
    pub fn of(table: &UserTable, policy: &OrgPolicy, live: &LiveSources, now: Timestamp) -> Self {
        let mut summary = Self {
            known: u32::try_from(table.users.len()).unwrap_or(u32::MAX),
            turns_at: policy.migrating_since.filter(|since| now < *since),
            ..Self::default()
        };
        let mut columns = Vec::with_capacity(table.users.len());
        for user in &table.users {
            let verdict = verdict(user, policy, live, now);
            summary.standings[verdict.standing()] += 1;
            if let Some((row, since)) = verdict.failing() {
                summary.add_failing(row, 1, since);
            }
            if verdict == UserVerdict::Excluded {
                summary.count_contradiction(user, policy, live);
            }
            columns.push(UserStatuses {
                name: user.name.clone(),
                pseudonym: Arc::clone(&user.pseudonym),
                statuses: summary.count_rows(user, live, verdict == UserVerdict::Excluded),
            });
            let turn = turns_at(user, policy, live, now);
            summary.turns_at = summary.turns_at.into_iter().chain(turn).min();
        }
        summary.columns = Arc::new(StatusColumns(columns.into()));
        if table.complete {
            let assigned = summary.status(UserRow::ActiveConfiguration, Status::Yes);
            summary.assigned = Some(u64::from(assigned));
        }
        summary
    }

    /// Shares the columns of an earlier summary when they are equal, so that what was made of them still holds.
    #[must_use]
    pub fn with_columns_of(mut self, earlier: &Self) -> Self {
        if self.columns == earlier.columns {
            self.columns = Arc::clone(&earlier.columns);
        }
        self
    }

    /// Counts the rows of a user and returns the states.
    fn count_rows(
        &mut self,
        user: &UserEntry,
        live: &LiveSources,
        excluded: bool,
    ) -> EnumMap<UserRow, Status> {
        let assigned = user.status(UserRow::ActiveConfiguration, live) == Status::Yes;
        EnumMap::from_fn(|row: UserRow| {
            let current = user.current(row, live);
            if let Some(current) = current {
                self.add_observed(row, current.observed_at, current.stale);
            }
            if row.statuses().is_empty() {
                if let (Some(UserValue::Records(records)), Some(object)) =
                    (current.map(|current| current.value), row.object_type())
                {
                    *self.records_in_sync[object].get_or_insert(0) += u64::from(records);
                }
                return Status::Unknown;
            }
            let status = current.map_or(Status::Unknown, |current| current.value.status());
            let summary = &mut self.rows[row].statuses[status];
            summary.users += 1;
            if let Some(current) = current
                && !excluded
                && (assigned || status != Status::NotStarted)
            {
                let since = current.changed_at;
                summary.oldest = Some(summary.oldest.map_or(since, |at| at.min(since)));
                summary.counted += 1;
            }
            status
        })
    }

    /// An assigned user for whom no direction is set to sync.
    fn count_contradiction(&mut self, user: &UserEntry, policy: &OrgPolicy, live: &LiveSources) {
        if policy.exclude_users.contains(&user.name)
            || user.status(UserRow::ActiveConfiguration, live) != Status::Yes
        {
            return;
        }
        let rows = directions(policy).chain([UserRow::ActiveConfiguration]);
        let since = rows.filter_map(|row| Some(user.current(row, live)?.changed_at)).max();
        let (users, first) = self.sync_nothing.unwrap_or((0, Timestamp::MAX));
        self.sync_nothing = Some((users + 1, since.map_or(first, |since| first.min(since))));
    }

    /// Adds users whose first failing check is `row`.
    pub fn add_failing(&mut self, row: UserRow, users: u32, since: Timestamp) {
        let (known, first) = self.rows[row].failing.unwrap_or((0, since));
        self.rows[row].failing = Some((known + users, first.min(since)));
    }

    /// Adds an observation of `row`.
    pub fn add_observed(&mut self, row: UserRow, at: Timestamp, stale: bool) {
        let (last, all_stale) = self.rows[row].observed.unwrap_or((at, true));
        self.rows[row].observed = Some((last.max(at), all_stale && stale));
    }

    /// How many users have `status` in `row`.
    pub fn status(&self, row: UserRow, status: Status) -> u32 {
        self.rows[row].statuses[status].users
    }

    /// Since when the longest has had `status` in `row`. Excluded users are left out, and so is "not started" of users
    /// who are not assigned to an active configuration: nothing should start for them.
    pub fn oldest(&self, row: UserRow, status: Status) -> Option<Timestamp> {
        self.rows[row].statuses[status].oldest
    }

    /// How many users have `status` in `row`, without those whom [`Self::oldest`] leaves out.
    pub fn counted(&self, row: UserRow, status: Status) -> u32 {
        self.rows[row].statuses[status].counted
    }

    /// How many users fail first at `row`, and since when the longest of them.
    pub fn failing(&self, row: UserRow) -> Option<(u32, Timestamp)> {
        self.rows[row].failing
    }

    /// When a row of users was last observed, and whether it is stale.
    pub fn observed(&self, row: UserRow) -> Option<(Timestamp, bool)> {
        self.rows[row].observed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgName;
    use crate::ids::Source;
    use crate::users::UserReadings;

    fn summary(status: Status, seen: Timestamp) -> UserSummary {
        let mut readings = UserReadings::default();
        readings.take(UserRow::Reset, status.into(), seen);
        let table = UserTable {
            users: vec![UserEntry {
                name: UserName::new("ann@corp.example").unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, readings)]),
            }],
            complete: false,
        };
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        UserSummary::of(&table, &policy, &EnumMap::from_fn(|_| true), seen)
    }

    #[test]
    fn users_who_are_left_out_of_the_longest_are_left_out_of_their_number() {
        let at = Timestamp::from_seconds;
        let user = |name: &str| {
            let mut readings = UserReadings::default();
            let running = Status::ResetInProgress.into();
            readings.take(UserRow::Reset, running, at(10));
            UserEntry {
                name: UserName::new(name).unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, readings)]),
            }
        };
        let table = UserTable {
            users: vec![user("ann@corp.example"), user("left@corp.example")],
            complete: false,
        };
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.exclude_users.insert(UserName::new("left@corp.example").unwrap());
        let summary = UserSummary::of(&table, &policy, &EnumMap::from_fn(|_| true), at(20));
        let row = (UserRow::Reset, Status::ResetInProgress);
        assert_eq!(summary.status(row.0, row.1), 2);
        assert_eq!(summary.counted(row.0, row.1), 1);
    }

    #[test]
    fn an_assigned_user_for_whom_nothing_is_set_to_sync_is_counted_until_excluded() {
        let at = Timestamp::from_seconds;
        let mut readings = UserReadings::default();
        readings.take(UserRow::ActiveConfiguration, Status::Yes.into(), at(10));
        for row in UserRow::ALL.into_iter().filter(|row| row.is_direction()) {
            readings.take(row, Status::NotSetToSync.into(), at(15));
        }
        let name = UserName::new("ann@corp.example").unwrap();
        let table = UserTable {
            users: vec![UserEntry {
                name: name.clone(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, readings)]),
            }],
            complete: false,
        };
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let summary = |policy: &OrgPolicy| {
            UserSummary::of(&table, policy, &EnumMap::from_fn(|_| true), at(20))
        };
        assert_eq!(summary(&policy).sync_nothing, Some((1, at(15))));
        assert_eq!(summary(&policy).standings[Standing::Excluded], 1);
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
        assert_eq!(statuses[UserRow::Reset], Status::MarkedForReset);
        assert_eq!(statuses[UserRow::EventsFolder], Status::Unknown);
    }
}
