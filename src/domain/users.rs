//! Users' rows: the reports of each source, what holds now, and the counts that metrics and judgement read.

mod summary;
mod verdict;

pub use super::readings::STATE_ORDER;
pub use summary::{StatusColumns, UserStatuses, UserSummary};
pub use verdict::{FAILURE_ORDER, Standing, UserVerdict, verdict};

use super::ids::{Source, UserName};
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
    /// The name as the source writes it.
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
