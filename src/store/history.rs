//! The past, for pages, charts and replays: hours of activity, changes of readings and of users' states.
//!
//! Reads run on connections of their own and see the latest commit; they never hold up the writer.

use super::StoreError;
use super::sqlite::{DatabasePath, codec, connect_reader};
use crate::domain::activity::ActivityKind;
use crate::domain::ids::{OrgId, OrgName, Source, UserName};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The most entries of one answer, the newest ones: 400 days of hours of every kind.
pub const HISTORY_LIMIT: usize = 400 * 24 * ActivityKind::COUNT;

/// Connections that wait for the next reader; more readers at once open connections for their one answer.
const IDLE_CONNECTIONS: usize = 4;

/// Totals of one hour, for charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourTotal {
    /// The hour's first instant.
    pub hour: Timestamp,
    /// Which kind of activity.
    pub kind: ActivityKind,
    /// How many records.
    pub count: u64,
    /// The newest of them.
    pub newest: Timestamp,
}

/// A row of an organisation that took another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingChange {
    /// Since when, by the source's own time.
    pub at: Timestamp,
    /// Who reported it.
    pub source: Source,
    /// The new value.
    pub value: OrgValue,
}

/// A row of a user that took another state. The first state that a source reports is no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserChange {
    /// Since when, by the source's own time.
    pub at: Timestamp,
    /// Who reported it.
    pub source: Source,
    /// Which row.
    pub row: UserRow,
    /// The state before.
    pub before: Status,
    /// The state from then on.
    pub after: Status,
}

/// Reads the past. Answers go from old to new, both ends included, and are cut to the newest [`HISTORY_LIMIT`].
pub trait History: Send + Sync {
    /// The store's number of an organisation, and since when it is known; `None`: it never was.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn org(&self, name: &OrgName) -> Result<Option<(OrgId, Timestamp)>, StoreError>;

    /// The totals of an organisation in the hours that hold `from` to `upto`. Hours without records are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn hours(
        &self,
        org: OrgId,
        from: Timestamp,
        upto: Timestamp,
    ) -> Result<Vec<HourTotal>, StoreError>;

    /// How a row of an organisation changed between `from` and `upto`, the first value of each source included: of each
    /// span of `every`, the last change of each source.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn reading_changes(
        &self,
        org: OrgId,
        row: OrgRow,
        from: Timestamp,
        upto: Timestamp,
        every: TimeDelta,
    ) -> Result<Vec<ReadingChange>, StoreError>;

    /// How the states of a user changed `between` two instants: the newest `limit` changes.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn user_changes(
        &self,
        org: OrgId,
        user: &UserName,
        between: (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<UserChange>, StoreError>;
}

/// The history of a database file.
#[derive(Debug)]
pub struct SqliteHistory {
    place: DatabasePath,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteHistory {
    /// Opens the history of a database that a [`super::SqliteStore`] has opened before. Takes no lock.
    ///
    /// # Errors
    /// When the file is missing, unreadable or not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = DatabasePath::find(path)?;
        let connection = connect_reader(&place)?;
        Ok(Self { place, idle: Mutex::new(vec![connection]) })
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let connection = match waiting {
            Some(connection) => connection,
            None => connect_reader(&self.place)?,
        };
        let answer = read(&connection).map_err(|error| self.place.error(&error));
        // A connection that failed is closed: the next reader begins afresh.
        if answer.is_ok() {
            let mut idle = idle();
            if idle.len() < IDLE_CONNECTIONS {
                idle.push(connection);
            }
        }
        answer
    }
}

impl History for SqliteHistory {
    fn org(&self, name: &OrgName) -> Result<Option<(OrgId, Timestamp)>, StoreError> {
        self.read(|connection| {
            let mut query =
                connection.prepare_cached("SELECT id, known_since FROM orgs WHERE name = ?1")?;
            let known = |row: &rusqlite::Row<'_>| Ok((OrgId(row.get(0)?), codec::instant(row, 1)?));
            query.query_row([name.as_str()], known).optional()
        })
    }

    fn hours(
        &self,
        org: OrgId,
        from: Timestamp,
        upto: Timestamp,
    ) -> Result<Vec<HourTotal>, StoreError> {
        if from > upto {
            return Ok(Vec::new());
        }
        self.read(|connection| {
            // One seek for each hour: a scan of the range would read every other organisation's hours too.
            let mut ends = connection
                .prepare_cached("SELECT (SELECT min(hour) FROM hour_totals), (SELECT max(hour) FROM hour_totals)")?;
            let ends: (Option<i64>, Option<i64>) =
                ends.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (Some(oldest), Some(newest)) = ends else {
                return Ok(Vec::new());
            };
            let mut of_hour = connection.prepare_cached(
                "SELECT kind, count, newest FROM hour_totals WHERE hour = ?1 AND org = ?2 ORDER BY kind DESC",
            )?;
            let mut totals = Vec::new();
            for hour in (from.hour().max(oldest)..=upto.hour().min(newest)).rev() {
                let mut rows = of_hour.query(params![hour, org.0])?;
                while let Some(row) = rows.next()? {
                    totals.push(HourTotal {
                        hour: Timestamp::of_hour(hour),
                        kind: codec::kind(row, 0)?,
                        count: codec::count(row, 1)?,
                        newest: codec::instant(row, 2)?,
                    });
                }
                if totals.len() >= HISTORY_LIMIT {
                    break;
                }
            }
            totals.truncate(HISTORY_LIMIT);
            totals.reverse();
            Ok(totals)
        })
    }

    fn reading_changes(
        &self,
        org: OrgId,
        row: OrgRow,
        from: Timestamp,
        upto: Timestamp,
        every: TimeDelta,
    ) -> Result<Vec<ReadingChange>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT max(at), source, value FROM reading_changes \
                 WHERE org = ?1 AND row = ?2 AND at BETWEEN ?3 AND ?4 \
                 GROUP BY at / ?5, source ORDER BY 1 DESC, source DESC LIMIT ?6",
            )?;
            let every = every.num_nanoseconds().unwrap_or(i64::MAX).max(1);
            let row_number = codec::of_org_row(row);
            let changes = query.query_map(
                params![
                    org.0,
                    row_number,
                    from.nanos(),
                    upto.nanos(),
                    every,
                    codec::number(HISTORY_LIMIT)
                ],
                |found| {
                    Ok(ReadingChange {
                        at: codec::instant(found, 0)?,
                        source: codec::source(found, 1)?,
                        value: codec::value(found, 2, row)?,
                    })
                },
            )?;
            reversed(changes.collect())
        })
    }

    fn user_changes(
        &self,
        org: OrgId,
        user: &UserName,
        (from, upto): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<UserChange>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT at, source, row, before, after FROM user_changes WHERE org = ?1 AND user = ?2 \
                 AND at BETWEEN ?3 AND ?4 ORDER BY at DESC, row DESC, source DESC LIMIT ?5",
            )?;
            let limit = codec::number(limit.min(HISTORY_LIMIT));
            let changes = query.query_map(
                params![org.0, user.as_str(), from.nanos(), upto.nanos(), limit],
                |row| {
                    Ok(UserChange {
                        at: codec::instant(row, 0)?,
                        source: codec::source(row, 1)?,
                        row: codec::user_row(row, 2)?,
                        before: codec::status(row, 3)?,
                        after: codec::status(row, 4)?,
                    })
                },
            )?;
            reversed(changes.collect())
        })
    }
}

/// From newest first, as the limit wants them, to oldest first, as readers do.
fn reversed<T>(rows: rusqlite::Result<Vec<T>>) -> rusqlite::Result<Vec<T>> {
    let mut rows = rows?;
    rows.reverse();
    Ok(rows)
}
