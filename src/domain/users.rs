//! Users' rows: the reports of each source, what holds now, how a user stands, and the counts that metrics and judgement
//! read.

pub use super::readings::STATE_ORDER;

use super::drift::CountTrails;
use super::ids::{ObjectType, Source, UserName, closed_set};
use super::policy::{ConnectionMethod, OrgPolicy, Product};
use super::readings::{Current, Reading, believed};
use super::rows::{Status, UserRow, UserValue};
use super::time::Timestamp;
use enum_map::EnumMap;
use std::sync::Arc;

/// One source's readings of one user; `None` where it has reported nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserReadings(pub EnumMap<UserRow, Option<Reading<UserValue>>>);

impl UserReadings {
    /// The reading of a row.
    pub fn get(&self, row: UserRow) -> Option<Reading<UserValue>> {
        self.0[row]
    }

    /// Takes a newer value, row by row: an older reading changes nothing. Returns whether anything changed.
    pub fn take(&mut self, row: UserRow, value: UserValue, observed_at: Timestamp) -> bool {
        let old = self.0[row];
        let Some(mut reading) = Reading::after(old.as_ref(), value, observed_at) else {
            return false;
        };
        // A reset that begins to run is the one that was marked: its time counts from the mark.
        if let Some(old) = old
            && row == UserRow::Reset
            && is_reset(old.value)
            && is_reset(value)
        {
            reading.changed_at = old.changed_at;
        }
        self.0[row] = Some(reading);
        true
    }

    /// Takes the readings of the same user under another spelling, where they are newer.
    pub fn merge(&mut self, other: &Self) {
        for (row, reading) in &mut self.0 {
            let is_newer = |other: &Reading<_>| {
                reading.as_ref().is_none_or(|own| own.observed_at < other.observed_at)
            };
            *reading = other.0[row].filter(is_newer).or(*reading);
        }
    }
}

fn is_reset(value: UserValue) -> bool {
    matches!(value.status(), Status::MarkedForReset | Status::ResetInProgress)
}

/// What is read of a user in one observation.
pub type UserValues = Vec<(UserRow, UserValue)>;

/// Which sources are live for what they report of users.
pub type LiveSources = EnumMap<Source, bool>;

/// A user and everything sources reported of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// The name.
    pub name: UserName,
    /// What stands for the name where names are not wanted: a keyed hash in hexadecimal.
    pub pseudonym: Arc<str>,
    /// Each source's rows.
    pub readings: Arc<[(Source, UserReadings)]>,
}

impl UserEntry {
    /// The readings of one source.
    pub fn of_source(&self, source: Source) -> Option<&UserReadings> {
        let (_, readings) = self.readings.iter().find(|(by, _)| *by == source)?;
        Some(readings)
    }

    /// What holds of a row.
    pub fn current(&self, row: UserRow, live: &LiveSources) -> Option<Current<UserValue>> {
        believed(|source| self.of_source(source)?.0[row].as_ref(), |source| live[source])
    }

    /// The state of a row with states; [`Status::Unknown`] when no source has reported one.
    pub fn status(&self, row: UserRow, live: &LiveSources) -> Status {
        self.current(row, live).map_or(Status::Unknown, |current| current.value.status())
    }
}

/// The users of an organisation, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserTable {
    /// The users.
    pub users: Vec<UserEntry>,
    /// Whether the latest list of users claimed to be whole.
    pub complete: bool,
}

/// The rows whose X means that the user does not sync, in the order in which they are looked at:
/// configuration, version, service account, addresses, folder; the Outlook integration last, where it matters.
pub const FAILURE_ORDER: [UserRow; 8] = [
    UserRow::ActiveConfiguration,
    UserRow::MailboxVersion,
    UserRow::ServiceAccount,
    UserRow::ContactsLinked,
    UserRow::EventsLinked,
    UserRow::ContactsFolder,
    UserRow::EventsFolder,
    UserRow::OutlookIntegration,
];

closed_set! {
    /// How a user stands, in a word.
    Standing {
        /// A check fails that counts.
        Failing = "failing",
        /// A reset holds findings back.
        Resetting = "resetting",
        /// A reset or a first sync lasts longer than it may.
        Stuck = "stuck",
        /// Nothing fails, and every check that counts is known.
        Healthy = "healthy",
        /// Nothing fails of what is known, and not every check that counts is.
        PartlyKnown = "partly_known",
        /// Should not sync.
        Excluded = "excluded",
        /// On the way to the successor product.
        Leaving = "leaving",
        /// Nothing is known of any check.
        Unknown = "unknown",
    }
}

/// How a user stands, with the row and the time where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerdict {
    /// The first failing check that counts, and since when.
    Failing(UserRow, Timestamp),
    /// A reset runs or waits, younger than its limit: other findings are held back.
    Resetting,
    /// Left, or should never sync: neither failing nor healthy.
    Excluded,
    /// On the way to the successor product.
    Leaving,
    /// The row of a reset or a first sync that lasts longer than it may, and since when it lasts. No check fails.
    Stuck(UserRow, Timestamp),
    /// Every check that counts is known and nothing fails.
    Healthy,
    /// Something is known, not everything, and nothing fails.
    PartlyKnown,
    /// Nothing is known of any check.
    Unknown,
}

impl UserVerdict {
    /// In a word.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Failing(..) => Standing::Failing,
            Self::Resetting => Standing::Resetting,
            Self::Excluded => Standing::Excluded,
            Self::Leaving => Standing::Leaving,
            Self::Stuck(..) => Standing::Stuck,
            Self::Healthy => Standing::Healthy,
            Self::PartlyKnown => Standing::PartlyKnown,
            Self::Unknown => Standing::Unknown,
        }
    }

    /// The check that fails, and since when.
    pub const fn failing(self) -> Option<(UserRow, Timestamp)> {
        if let Self::Failing(row, since) = self { Some((row, since)) } else { None }
    }
}

/// Judges one user at `now`.
pub fn verdict(
    user: &UserEntry,
    policy: &OrgPolicy,
    live: &LiveSources,
    now: Timestamp,
) -> UserVerdict {
    if policy.exclude_users.contains(&user.name) {
        return UserVerdict::Excluded;
    }
    let status = |row| user.status(row, live);
    let since = |row| user.current(row, live).map_or(Timestamp::MIN, |current| current.changed_at);
    if policy.migrating(now) && status(UserRow::ActiveConfiguration) == Status::No {
        return UserVerdict::Leaving;
    }
    let hangs = TimedStates { user, policy, live };
    if hangs.row(UserRow::Reset, now) == Some(false) {
        return UserVerdict::Resetting;
    }
    let counts = |row: &UserRow| counts(*row, policy);
    let checks = || FAILURE_ORDER.into_iter().filter(counts);
    if let Some(row) = checks().find(|row| status(*row) == Status::No) {
        return UserVerdict::Failing(row, since(row));
    }
    if directions(policy).all(|row| status(row) == Status::NotSetToSync) {
        return UserVerdict::Excluded;
    }
    let stuck = std::iter::once(UserRow::Reset)
        .chain(directions(policy))
        .find(|row| hangs.row(*row, now) == Some(true));
    if let Some(row) = stuck {
        return UserVerdict::Stuck(row, since(row));
    }
    let known = |row: UserRow| status(row) != Status::Unknown;
    if !UserRow::checks().any(known) {
        return UserVerdict::Unknown;
    }
    // The successor product reports only some of these rows, and without an account nothing recognises one.
    let all_known = policy.product == Product::EinsteinActivityCapture
        || checks()
            .filter(|row| {
                *row != UserRow::ServiceAccount
                    || policy.connection == ConnectionMethod::ServiceAccount
            })
            .all(known);
    if all_known { UserVerdict::Healthy } else { UserVerdict::PartlyKnown }
}

/// Whether a row means anything for what the organisation syncs.
fn counts(row: UserRow, policy: &OrgPolicy) -> bool {
    policy.covers(row) && (row != UserRow::OutlookIntegration || policy.reps_select_events)
}

/// The directions of what the organisation syncs.
fn directions(policy: &OrgPolicy) -> impl Iterator<Item = UserRow> {
    UserRow::ALL.into_iter().filter(|row| row.is_direction() && counts(*row, policy))
}

/// What of a user may last only so long.
struct TimedStates<'a> {
    user: &'a UserEntry,
    policy: &'a OrgPolicy,
    live: &'a LiveSources,
}

impl TimedStates<'_> {
    /// When a row's reset or first sync, which waits or runs, began and until when it may, as `judge` counts.
    fn limit(&self, row: UserRow, now: Timestamp) -> Option<(Current<UserValue>, Timestamp)> {
        let current = self.user.current(row, self.live)?;
        let limit = match self.user.status(row, self.live) {
            Status::MarkedForReset | Status::ResetInProgress => self.policy.reset_limit,
            Status::InitialSyncInProgress => self.policy.initial_sync_limit,
            Status::NotStarted
                if !self.policy.setting_up(now)
                    && self.user.status(UserRow::ActiveConfiguration, self.live) == Status::Yes =>
            {
                self.policy.not_started_limit()
            }
            Status::NotStarted
            | Status::Yes
            | Status::No
            | Status::None
            | Status::InitialSyncCompleted
            | Status::SyncInProgress
            | Status::InSync
            | Status::NotSetToSync
            | Status::Unknown => return None,
        };
        Some((current, current.changed_at.plus(limit)))
    }

    /// Whether it lasts longer than it may; `None` when nothing waits or runs. A reset is judged by the clock; what is
    /// stale only by what was already so when it was read.
    fn row(&self, row: UserRow, now: Timestamp) -> Option<bool> {
        let (current, until) = self.limit(row, now)?;
        let seen_at =
            if current.stale && row != UserRow::Reset { current.observed_at } else { now };
        Some(seen_at > until)
    }
}

/// When a limit turns a user's verdict without a new report.
fn turns_at(
    user: &UserEntry,
    policy: &OrgPolicy,
    live: &LiveSources,
    now: Timestamp,
) -> Option<Timestamp> {
    let hangs = TimedStates { user, policy, live };
    std::iter::once(UserRow::Reset)
        .chain(directions(policy))
        .filter_map(|row| hangs.limit(row, now))
        .map(|(_, until)| until)
        .filter(|until| *until >= now)
        .min()
}

/// The current state of every row of one user, with the labels that stand for the user; [`Status::Unknown`] in the
/// two count rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatuses {
    /// The name.
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
    /// Contacts on both sides, as far as they are counted.
    pub counts: CountTrails,
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

    /// Goes on with the counts of an earlier summary.
    #[must_use]
    pub fn with_counts_after(
        mut self,
        earlier: &Self,
        (table, policy): (&UserTable, &OrgPolicy),
        live: &LiveSources,
        now: Timestamp,
    ) -> Self {
        let counts = |user: &&UserEntry| {
            let standing = verdict(user, policy, live, now).standing();
            !matches!(standing, Standing::Excluded | Standing::Leaving)
        };
        if policy.probes_exchange && policy.objects.contains(&ObjectType::Contacts) {
            let users = table.users.iter().filter(counts);
            self.counts = earlier.counts.after(users, policy, live, now);
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
    use chrono::TimeDelta;

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
            readings.take(UserRow::ContactsRecords, UserValue::Records(12), at(10));
            UserEntry {
                name: UserName::new(name).unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, readings)]),
            }
        };
        let table = UserTable {
            users: ["ann@corp.example", "bob@corp.example", "left@corp.example"].map(user).into(),
            complete: false,
        };
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.exclude_users.insert(UserName::new("left@corp.example").unwrap());
        let summary = UserSummary::of(&table, &policy, &EnumMap::from_fn(|_| true), at(20));
        let row = (UserRow::Reset, Status::ResetInProgress);
        assert_eq!(summary.status(row.0, row.1), 3);
        assert_eq!(summary.counted(row.0, row.1), 2);
        let records = summary.records_in_sync[ObjectType::Contacts];
        assert_eq!(records, Some(36), "who does not sync any more has what was synced");
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

    #[test]
    fn a_reset_that_begins_to_run_counts_from_its_mark_and_a_new_spelling_from_what_is_newer() {
        let at = Timestamp::from_seconds;
        let since = |readings: &UserReadings, row| readings.get(row).unwrap().changed_at;
        let mut readings = UserReadings::default();
        assert!(readings.take(UserRow::Reset, Status::None.into(), at(0)));
        assert!(readings.take(UserRow::Reset, Status::MarkedForReset.into(), at(1)));
        assert_eq!(since(&readings, UserRow::Reset), at(1), "no reset before it");
        assert!(readings.take(UserRow::Reset, Status::ResetInProgress.into(), at(2)));
        assert_eq!(since(&readings, UserRow::Reset), at(1));
        assert!(readings.take(UserRow::ServiceAccount, Status::Yes.into(), at(1)));
        assert!(readings.take(UserRow::ServiceAccount, Status::No.into(), at(2)));
        assert_eq!(since(&readings, UserRow::ServiceAccount), at(2));
        assert!(!readings.take(UserRow::ServiceAccount, Status::Yes.into(), at(1)), "it is older");

        for (seen, taken) in [(1, Status::No), (2, Status::No), (3, Status::Yes)] {
            let (mut own, mut other) = (readings.clone(), UserReadings::default());
            other.take(UserRow::ServiceAccount, Status::Yes.into(), at(seen));
            other.take(UserRow::EventsFolder, Status::Yes.into(), at(0));
            own.merge(&other);
            let status = |row| own.get(row).map(|reading| reading.value.status());
            assert_eq!(status(UserRow::ServiceAccount), Some(taken), "{seen}");
            assert_eq!(status(UserRow::EventsFolder), Some(Status::Yes));
            assert_eq!(status(UserRow::Reset), Some(Status::ResetInProgress));
        }
    }

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_000_000 + hours * 3_600)
    }

    /// A user whose page showed at hour 0 that all is well but for these rows; `None`: it does not show the row.
    fn well_but(rows: &[(UserRow, Option<Status>)]) -> UserEntry {
        let mut readings = UserReadings::default();
        for row in UserRow::checks() {
            if row == UserRow::OutlookIntegration {
                continue;
            }
            let usual = if row == UserRow::Reset {
                Status::None
            } else if row.is_direction() {
                Status::InSync
            } else {
                Status::Yes
            };
            let other = rows.iter().find(|(of, _)| *of == row).map(|(_, status)| *status);
            if let Some(status) = other.unwrap_or(Some(usual)) {
                readings.take(row, status.into(), hour(0));
            }
        }
        for (row, status) in rows.iter().filter(|(row, _)| *row == UserRow::OutlookIntegration) {
            readings.take(*row, status.unwrap_or(Status::Unknown).into(), hour(0));
        }
        UserEntry {
            name: UserName::new("ann@corp.example").unwrap(),
            pseudonym: "1f".into(),
            readings: Arc::from([(Source::Snapshot, readings)]),
        }
    }

    fn defaults() -> OrgPolicy {
        OrgPolicy::defaults(OrgName::new("acme").unwrap())
    }

    /// How a user stands by a page that is read again and again, or by one that is not.
    fn stands(user: &UserEntry, policy: &OrgPolicy, live: bool, now: Timestamp) -> UserVerdict {
        verdict(user, policy, &EnumMap::from_fn(|_| live), now)
    }

    #[test]
    fn a_user_stands_by_the_first_check_that_fails_of_those_that_count() {
        let policy = defaults();
        let of = |rows: &[_], policy: &OrgPolicy| stands(&well_but(rows), policy, true, hour(1));
        let failing = |row| UserVerdict::Failing(row, hour(0));
        assert_eq!(of(&[], &policy), UserVerdict::Healthy);
        for row in FAILURE_ORDER {
            let expected = if row == UserRow::OutlookIntegration {
                UserVerdict::Healthy
            } else {
                failing(row)
            };
            assert_eq!(of(&[(row, Some(Status::No))], &policy), expected, "{row:?}");
        }
        let no = |row| (row, Some(Status::No));
        let both = [no(UserRow::EventsFolder), no(UserRow::ServiceAccount)];
        assert_eq!(of(&both, &policy), failing(UserRow::ServiceAccount));
        let choose = OrgPolicy { reps_select_events: true, ..defaults() };
        let outlook = UserRow::OutlookIntegration;
        assert_eq!(of(&[no(outlook)], &choose), failing(outlook));
        assert_eq!(of(&[], &choose), UserVerdict::PartlyKnown);
        let events = OrgPolicy { objects: vec![ObjectType::Events], ..defaults() };
        assert_eq!(of(&[no(UserRow::ContactsFolder)], &events), UserVerdict::Healthy);

        // What is not known, and whom nothing is known of.
        let account = [(UserRow::ServiceAccount, None)];
        assert_eq!(of(&account, &policy), UserVerdict::PartlyKnown);
        let connected = OrgPolicy { connection: ConnectionMethod::Oauth, ..defaults() };
        assert_eq!(of(&account, &connected), UserVerdict::Healthy);
        assert_eq!(of(&[(UserRow::ContactsFolder, None)], &connected), UserVerdict::PartlyKnown);
        let successor = OrgPolicy { product: Product::EinsteinActivityCapture, ..defaults() };
        assert_eq!(of(&[(UserRow::ContactsFolder, None)], &successor), UserVerdict::Healthy);
        let nothing: Vec<_> = UserRow::checks().map(|row| (row, None)).collect();
        assert_eq!(of(&nothing, &policy), UserVerdict::Unknown);
        assert_eq!(of(&nothing, &successor), UserVerdict::Unknown);

        // Who does not sync.
        let directions = || UserRow::ALL.into_iter().filter(|row| row.is_direction());
        let unset: Vec<_> = directions().map(|row| (row, Some(Status::NotSetToSync))).collect();
        assert_eq!(of(&unset, &policy), UserVerdict::Excluded);
        assert_eq!(of(&unset[1..], &policy), UserVerdict::Healthy);
        let left = OrgPolicy {
            exclude_users: [UserName::new("ann@corp.example").unwrap()].into(),
            ..defaults()
        };
        assert_eq!(of(&both, &left), UserVerdict::Excluded);
        let unassigned = [no(UserRow::ActiveConfiguration)];
        let moving = |at| OrgPolicy { migrating_since: Some(hour(at)), ..defaults() };
        assert_eq!(of(&unassigned, &moving(1)), UserVerdict::Leaving);
        assert_eq!(of(&unassigned, &moving(2)), failing(UserRow::ActiveConfiguration));
        assert_eq!(of(&both, &moving(1)), failing(UserRow::ServiceAccount));
    }

    #[test]
    fn a_reset_and_a_first_sync_are_stuck_once_their_limits_have_passed() {
        let policy = defaults();
        let reset = [(UserRow::Reset, Some(Status::MarkedForReset))];
        let broken = [reset[0], (UserRow::ServiceAccount, Some(Status::No))];
        let second = TimeDelta::seconds(1);
        let (limit, direction) = (hour(4), UserRow::ContactsToExchange);
        // A reset goes by the clock, whether the page is still read or not.
        for live in [true, false] {
            let of = |rows: &[_], now| stands(&well_but(rows), &policy, live, now);
            assert_eq!(of(&reset, limit), UserVerdict::Resetting);
            assert_eq!(of(&broken, limit), UserVerdict::Resetting);
            let past = limit.plus(second);
            assert_eq!(of(&reset, past), UserVerdict::Stuck(UserRow::Reset, hour(0)));
            assert_eq!(of(&broken, past), UserVerdict::Failing(UserRow::ServiceAccount, hour(0)));
        }
        let (limit, stuck) = (hour(72), UserVerdict::Stuck(direction, hour(0)));
        for status in [Status::InitialSyncInProgress, Status::NotStarted] {
            let user = well_but(&[(direction, Some(status))]);
            assert_eq!(stands(&user, &policy, true, limit), UserVerdict::Healthy);
            assert_eq!(stands(&user, &policy, true, limit.plus(second)), stuck);
            assert_eq!(stands(&user, &policy, false, hour(90)), UserVerdict::Healthy, "not seen");
        }
        // Nothing should start yet, or for whom nothing is configured.
        let user = well_but(&[(direction, Some(Status::NotStarted))]);
        let setup = OrgPolicy { setup_until: Some(hour(100)), ..defaults() };
        assert_eq!(stands(&user, &setup, true, hour(99)), UserVerdict::Healthy);
        assert_eq!(stands(&user, &setup, true, hour(100)), stuck);
        let unassigned =
            [(direction, Some(Status::NotStarted)), (UserRow::ActiveConfiguration, None)];
        let of = |policy| stands(&well_but(&unassigned), policy, true, hour(90));
        assert_eq!(of(&policy), UserVerdict::PartlyKnown);
        let running = well_but(&[(direction, Some(Status::InitialSyncInProgress))]);
        assert_eq!(stands(&running, &setup, true, hour(99)), stuck, "it has started");

        let turns = |user: &UserEntry, now| {
            let table = UserTable { users: vec![user.clone()], complete: true };
            UserSummary::of(&table, &policy, &EnumMap::from_fn(|_| true), now).turns_at
        };
        assert_eq!(turns(&user, hour(72)), Some(hour(72)));
        assert_eq!(turns(&user, hour(73)), None);
        assert_eq!(
            turns(&well_but(&[reset[0], (direction, Some(Status::NotStarted))]), hour(1)),
            Some(hour(4))
        );
        assert_eq!(turns(&well_but(&[]), hour(1)), None);
    }

    #[test]
    fn a_summary_turns_with_the_migration_and_counts_folders_of_users_who_sync() {
        let all_live = EnumMap::from_fn(|_| true);
        let mut ann = well_but(&[]);
        let mut folder = UserReadings::default();
        folder.take(UserRow::ContactsRecords, UserValue::Records(12), hour(0));
        ann.readings = ann.readings.iter().cloned().chain([(Source::Exchange, folder)]).collect();
        let table = UserTable { users: vec![ann], complete: true };
        let summary = |policy: &OrgPolicy, now| {
            let summary = UserSummary::of(&table, policy, &all_live, now);
            let earlier = UserSummary::default();
            summary.with_counts_after(&earlier, (&table, policy), &all_live, now)
        };
        let moving = OrgPolicy { migrating_since: Some(hour(5)), ..defaults() };
        let turns = [1, 5].map(|at| summary(&moving, hour(at)).turns_at);
        assert_eq!(turns, [Some(hour(5)), None]);

        let probed = OrgPolicy { probes_exchange: true, ..defaults() };
        let counted = |policy: &OrgPolicy| {
            let summary = summary(policy, hour(1));
            assert_eq!(summary.known, 1);
            summary.counts.users.len()
        };
        let events = OrgPolicy { objects: vec![ObjectType::Events], ..probed.clone() };
        let left = [UserName::new("ann@corp.example").unwrap()].into();
        let left = OrgPolicy { exclude_users: left, ..probed.clone() };
        assert_eq!([&probed, &events, &left, &defaults()].map(counted), [1, 0, 0, 0]);
    }
}
