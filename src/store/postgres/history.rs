//! The past, on connections that only read.

use super::session::{JOB_WITHIN, Session};
use super::write::org_number;
use super::{PostgresDsn, PostgresFailure, columns, schema};
use crate::domain::activity::ActivityKind;
use crate::domain::ids::{OrgId, OrgName, Source, UserName};
use crate::domain::rows::{OrgRow, Status, UserRow};
use crate::domain::time::Timestamp;
use crate::store::{
    HISTORY_LIMIT, History, HourTotal, ReadingChange, StoreError, UserChange, codec,
};
use chrono::TimeDelta;
use std::sync::{Mutex, PoisonError};
use tokio_postgres::Row;

/// Connections that wait for the next reader; more readers at once, of whom the pages let in a few, open connections for
/// their one answer. A server has a hundred by default, for everybody.
const IDLE_CONNECTIONS: usize = 2;

/// The history of a PostgreSQL database.
pub struct PostgresHistory {
    dsn: PostgresDsn,
    idle: Mutex<Vec<Session>>,
}

impl std::fmt::Debug for PostgresHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresHistory").field(&self.dsn).finish()
    }
}

impl PostgresHistory {
    /// Opens the history of a database that a [`super::PostgresStore`] has opened before. Takes no lock.
    ///
    /// # Errors
    /// When the database cannot be reached or is not ours.
    pub fn open(dsn: PostgresDsn) -> Result<Self, StoreError> {
        let session = schema::open_reader(&dsn).map_err(|failure| dsn.error(&failure))?;
        Ok(Self { dsn, idle: Mutex::new(vec![session]) })
    }

    fn read<T>(
        &self,
        read: impl AsyncFn(&Session) -> Result<T, PostgresFailure>,
    ) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let once = |session: Session| {
            let answer = session.wait(JOB_WITHIN, read(&session))?;
            // A connection that failed is closed: the next reader begins afresh.
            let mut idle = idle();
            if idle.len() < IDLE_CONNECTIONS {
                idle.push(session);
            }
            Ok(answer)
        };
        // One that was waiting may have ended meanwhile, with the server or by the network.
        let answer = match waiting.map(&once) {
            Some(Ok(answer)) => Ok(answer),
            // Whoever has waited this long is not made to wait as long again.
            Some(Err(late @ PostgresFailure::Late(_))) => Err(late),
            Some(Err(_)) | None => schema::open_reader(&self.dsn).and_then(once),
        };
        answer.map_err(|failure| self.dsn.error(&failure))
    }
}

impl History for PostgresHistory {
    fn org(&self, name: &OrgName) -> Result<Option<(OrgId, Timestamp)>, StoreError> {
        self.read(async |session| {
            let sql = "SELECT id, known_since FROM orgs WHERE name = $1";
            let row = session.row(sql, &[&name.as_str()]).await?;
            let known = |row: Row| Ok((columns::org(&row, 0)?, columns::instant(&row, 1)?));
            row.map(known).transpose()
        })
    }

    fn hours(
        &self,
        org: OrgId,
        from: Timestamp,
        upto: Timestamp,
    ) -> Result<Vec<HourTotal>, StoreError> {
        self.read(async |session| {
            let sql = "SELECT hour, kind, count, newest FROM hour_totals \
                       WHERE org = $1 AND hour BETWEEN $2 AND $3 ORDER BY hour DESC, kind DESC LIMIT $4";
            let limit = codec::number(HISTORY_LIMIT);
            let rows = session
                .rows(sql, &[&org_number(org), &from.hour(), &upto.hour(), &limit])
                .await?;
            let total = |row: &Row| {
                let kind: ActivityKind = columns::kind(row, 1)?;
                Ok(HourTotal {
                    hour: Timestamp::of_hour(row.try_get(0)?),
                    kind,
                    count: columns::count(row, 2)?,
                    newest: columns::instant(row, 3)?,
                })
            };
            // An hour holds both ends of a span that ends before it begins.
            if from > upto { Ok(Vec::new()) } else { rows.iter().rev().map(total).collect() }
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
        self.read(async |session| {
            let sql = "SELECT DISTINCT ON (at / $5, source) at, source, value FROM reading_changes \
                       WHERE org = $1 AND row = $2 AND at BETWEEN $3 AND $4 \
                       ORDER BY at / $5 DESC, source DESC, at DESC";
            let sql =
                format!("SELECT * FROM ({sql}) AS last ORDER BY at DESC, source DESC LIMIT $6");
            let every = every.num_nanoseconds().unwrap_or(i64::MAX).max(1);
            let number = i16::try_from(codec::of_org_row(row)).unwrap_or(i16::MAX);
            let limit = codec::number(HISTORY_LIMIT);
            let rows = session
                .rows(
                    &sql,
                    &[&org_number(org), &number, &from.nanos(), &upto.nanos(), &every, &limit],
                )
                .await?;
            let change = |found: &Row| {
                Ok(ReadingChange {
                    at: columns::instant(found, 0)?,
                    source: columns::one_of(found, 1, Source::ALL, "source")?,
                    value: columns::value(found, 2, row)?,
                })
            };
            rows.iter().rev().map(change).collect()
        })
    }

    fn user_changes(
        &self,
        org: OrgId,
        user: &UserName,
        (from, upto): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<UserChange>, StoreError> {
        self.read(async |session| {
            let sql = r#"SELECT at, source, row, before, after FROM user_changes WHERE org = $1 AND "user" = $2
                AND at BETWEEN $3 AND $4 ORDER BY at DESC, row DESC, source DESC LIMIT $5"#;
            let limit = codec::number(limit.min(HISTORY_LIMIT));
            let rows = session
                .rows(
                    sql,
                    &[&org_number(org), &user.as_str(), &from.nanos(), &upto.nanos(), &limit],
                )
                .await?;
            let change = |row: &Row| {
                Ok(UserChange {
                    at: columns::instant(row, 0)?,
                    source: columns::one_of(row, 1, Source::ALL, "source")?,
                    row: columns::one_of(row, 2, &UserRow::ALL, "user row")?,
                    before: columns::one_of(row, 3, Status::ALL, "status")?,
                    after: columns::one_of(row, 4, Status::ALL, "status")?,
                })
            };
            rows.iter().rev().map(change).collect()
        })
    }
}
