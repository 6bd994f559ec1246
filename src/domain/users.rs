//! Users' rows: what each source said, what holds now, and the counts that metrics and judgement read.

mod verdict;

pub use verdict::{FAILURE_ORDER, Standing, UserVerdict, verdict};

use super::ids::{ObjectType, Source, UserName};
use super::policy::OrgPolicy;
use super::rows::{Status, UserRow};
use super::time::Timestamp;
use std::sync::Arc;

/// One source's latest word on one row of one user, packed: an organisation may have 100,000 users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// When it was true, by the source's own time.
    pub observed_at: Timestamp,
    /// Since when it has been this value, as far as anybody saw.
    pub changed_at: Timestamp,
    /// [`Status::index`], or the count of the two count rows.
    pub value: u32,
}

/// One source's rows of one user; `None` where it has said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserCells(pub [Option<Cell>; UserRow::COUNT]);

impl UserCells {
    /// The cell of a row.
    pub fn get(&self, row: UserRow) -> Option<Cell> {
        self.0.get(row.index()).copied().flatten()
    }

    /// Takes a newer value, row by row: an older reading changes nothing. Says whether anything changed.
    pub fn take(&mut self, row: UserRow, value: u32, observed_at: Timestamp) -> bool {
        let Some(slot) = self.0.get_mut(row.index()) else {
            return false;
        };
        let changed_at = match *slot {
            Some(old) if observed_at < old.observed_at => return false,
            Some(old) if old.value == value => {
                if old.observed_at == observed_at {
                    return false;
                }
                old.changed_at
            }
            _ => observed_at,
        };
        *slot = Some(Cell {
            observed_at,
            changed_at,
            value,
        });
        true
    }
}

/// What is read of a user in one observation.
pub type UserValues = Vec<(UserRow, u32)>;

/// A user and everything sources said of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// The name as the source writes it.
    pub name: UserName,
    /// What stands for the name where names are not wanted: a keyed hash in hexadecimal.
    pub pseudonym: Arc<str>,
    /// Each source's rows.
    pub readings: Arc<[(Source, UserCells)]>,
}

/// A cell with its source, as it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentCell {
    /// The cell.
    pub cell: Cell,
    /// Who said it.
    pub source: Source,
    /// Whether nobody who speaks of this row is live.
    pub stale: bool,
}

/// The order in which sources are believed about states; live ones come before silent ones.
pub const STATE_ORDER: [Source; 4] = [
    Source::Snapshot,
    Source::Canary,
    Source::Exchange,
    Source::Salesforce,
];

impl UserEntry {
    /// What holds of a row: the first of [`STATE_ORDER`] that is live and has spoken of it, else the first that has spoken.
    pub fn current(&self, row: UserRow, live: &[bool; Source::COUNT]) -> Option<CurrentCell> {
        let said = |source: Source| {
            let cells = &self.readings.iter().find(|(by, _)| *by == source)?.1;
            let stale = !live.get(source.index()).copied().unwrap_or(false);
            Some(CurrentCell {
                cell: cells.get(row)?,
                source,
                stale,
            })
        };
        let all = || STATE_ORDER.into_iter().filter_map(said);
        all()
            .find(|current| !current.stale)
            .or_else(|| all().next())
    }

    /// The state of a row with states; [`Status::Unknown`] when nobody said.
    pub fn status(&self, row: UserRow, live: &[bool; Source::COUNT]) -> Status {
        self.current(row, live)
            .and_then(|current| Status::ALL.get(current.cell.value as usize).copied())
            .unwrap_or(Status::Unknown)
    }
}

/// The users of an organisation, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserTable {
    /// The users.
    pub users: Vec<UserEntry>,
    /// Whether the latest list of users was said to be whole.
    pub complete: bool,
}

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
            if let Some(turn) = verdict::turns_at(user, policy, live, now) {
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
            }
        }
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
    use crate::domain::ids::OrgName;

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
