//! Users' rows: what each source said, what holds now, and the counts that metrics and judgement read.

mod summary;
mod verdict;

pub use summary::{StatusColumns, UserStatuses, UserSummary};
pub use verdict::{FAILURE_ORDER, Standing, UserVerdict, verdict};

use super::ids::{Source, UserName};
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
            // A reset that begins to run is the one that was marked: its time counts from the mark.
            Some(old) if row == UserRow::Reset && is_reset(old.value) && is_reset(value) => {
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

fn is_reset(value: u32) -> bool {
    let value = value as usize;
    value == Status::MarkedForReset.index() || value == Status::ResetInProgress.index()
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
