//! Forgetting, a bounded number of rows at a time, so that ingest never waits long.
//!
//! Records go by whole hours. Before the first record of an hour goes, `lanes.expired` takes the newest of each lane
//! from the hour's totals, and `pruned_hour` says that records before it are too old from now on. Minutes go after
//! their records; hours stay until the history ends.

use super::{codec, schema, write};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// Removes up to `rows` rows, oldest first; says whether more is left.
pub(super) fn prune(
    connection: &mut Connection,
    horizon: Timestamp,
    history_horizon: Timestamp,
    rows: usize,
) -> rusqlite::Result<bool> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut left = codec::number(rows);
    while left > 0 && records_of_oldest_hour(&change, horizon, &mut left)? {}
    if left > 0
        && let Some(pruned) = schema::meta(&change, "pruned_hour")?
    {
        let minute = pruned.saturating_mul(60);
        remove(&change, "minute_totals", "minute, org, kind", "minute", minute, &mut left)?;
        let hour = pruned.min(history_horizon.hour());
        remove(&change, "hour_totals", "hour, org, kind", "hour", hour, &mut left)?;
    }
    let history = history_horizon.nanos();
    remove(&change, "reading_changes", "org, row, at, source", "at", history, &mut left)?;
    remove(&change, "user_changes", "org, user, at, row, source", "at", history, &mut left)?;
    change.commit()?;
    Ok(left <= 0)
}

/// Removes records of the oldest hour if it lies before the horizon; says whether it did.
fn records_of_oldest_hour(
    connection: &Connection,
    horizon: Timestamp,
    left: &mut i64,
) -> rusqlite::Result<bool> {
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT min(at) FROM activity")?
        .query_row([], |row| row.get(0))?;
    let Some(hour) = oldest.map(|at| Timestamp::from_nanos(at).hour()) else {
        return Ok(false);
    };
    if hour >= horizon.hour() {
        return Ok(false);
    }
    let pruned = schema::meta(connection, "pruned_hour")?;
    if pruned.is_none_or(|pruned| pruned <= hour) {
        expire_hour(connection, hour)?;
        schema::set_meta(connection, "pruned_hour", hour + 1)?;
    }
    let end = Timestamp::of_hour(hour + 1).nanos();
    // The first record that stays: the row after as many as may go, or the end of the hour.
    let stays: Option<(i64, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT at, key FROM activity WHERE at < ?1 ORDER BY at, key LIMIT 1 OFFSET ?2",
        )?
        .query_row(params![end, *left], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (at, key) = stays.unwrap_or((end, Vec::new()));
    let gone = connection
        .prepare_cached("DELETE FROM activity WHERE (at, key) < (?1, ?2)")?
        .execute(params![at, key])?;
    *left -= codec::number(gone);
    Ok(true)
}

/// Keeps what `newest` needs of an hour whose records go.
fn expire_hour(connection: &Connection, hour: i64) -> rusqlite::Result<()> {
    let mut lanes =
        connection.prepare_cached("SELECT org, kind, newest FROM hour_totals WHERE hour = ?1")?;
    let mut rows = lanes.query(params![hour])?;
    while let Some(row) = rows.next()? {
        let kind = codec::kind(row, 1)?.index();
        write::raise_expired(connection, codec::org(row, 0)?, kind, codec::instant(row, 2)?)?;
    }
    Ok(())
}

/// Removes rows of a table whose `column` is below `end`. The names are ours, never input.
fn remove(
    connection: &Connection,
    table: &str,
    key: &str,
    column: &str,
    end: i64,
    left: &mut i64,
) -> rusqlite::Result<()> {
    if *left <= 0 {
        return Ok(());
    }
    let sql = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {column} < ?1 ORDER BY {column} LIMIT ?2)"
    );
    let gone = connection.prepare_cached(&sql)?.execute(params![end, *left])?;
    *left -= codec::number(gone);
    Ok(())
}
