//! Forgetting, a bounded number of rows at a time, so that ingest never waits long; as the file of SQLite does it.

use super::session::Session;
use super::{PostgresFailure, columns, schema, write};
use crate::domain::time::Timestamp;
use crate::store::codec;
use crate::store::sums::Newest;

/// Removes up to `rows` rows, oldest first; says whether more is left.
pub(super) async fn prune(
    session: &Session,
    horizon: Timestamp,
    history_horizon: Timestamp,
    rows: usize,
) -> Result<bool, PostgresFailure> {
    session.batch("BEGIN").await?;
    write::first_look(session).await?;
    let mut left = codec::number(rows);
    while left > 0 && records_of_oldest_hour(session, horizon, &mut left).await? {}
    if left > 0
        && let Some(pruned) = schema::meta(session, "pruned_hour").await?
    {
        let minute = pruned.saturating_mul(60);
        remove(session, "minute_totals", "minute", minute, &mut left).await?;
        let hour = pruned.min(history_horizon.hour());
        remove(session, "hour_totals", "hour", hour, &mut left).await?;
    }
    let history = history_horizon.nanos();
    remove(session, "reading_changes", "at", history, &mut left).await?;
    remove(session, "user_changes", "at", history, &mut left).await?;
    session.commit().await?;
    Ok(left <= 0)
}

/// Removes records of the oldest hour if it lies before the horizon; says whether it did.
async fn records_of_oldest_hour(
    session: &Session,
    horizon: Timestamp,
    left: &mut i64,
) -> Result<bool, PostgresFailure> {
    let row = session.row("SELECT min(at) FROM activity", &[]).await?;
    let oldest: Option<i64> = row.map_or(Ok(None), |row| row.try_get(0))?;
    let Some(hour) = oldest.map(|at| Timestamp::from_nanos(at).hour()) else {
        return Ok(false);
    };
    if hour >= horizon.hour() {
        return Ok(false);
    }
    let pruned = schema::meta(session, "pruned_hour").await?;
    if pruned.is_none_or(|pruned| pruned <= hour) {
        expire_hour(session, hour).await?;
        schema::set_meta(session, "pruned_hour", hour + 1).await?;
    }
    let end = Timestamp::of_hour(hour + 1).nanos();
    let gone = session
        .execute(
            "DELETE FROM activity WHERE ctid = ANY (ARRAY \
             (SELECT ctid FROM activity WHERE at < $1 ORDER BY at, key LIMIT $2))",
            &[&end, &*left],
        )
        .await?;
    *left -= codec::count_value(gone);
    Ok(true)
}

/// Takes from an hour whose records go what `newest` needs.
async fn expire_hour(session: &Session, hour: i64) -> Result<(), PostgresFailure> {
    let rows =
        session.rows("SELECT org, kind, newest FROM hour_totals WHERE hour = $1", &[&hour]).await?;
    let mut newest = Newest::new();
    for row in &rows {
        let lane = (columns::org(row, 0)?, columns::kind(row, 1)?.index());
        newest.insert(lane, columns::instant(row, 2)?);
    }
    write::raise_expired(session, newest).await
}

/// Removes rows of a table whose `column` is below `end`. The names are ours, never input.
async fn remove(
    session: &Session,
    table: &str,
    column: &str,
    end: i64,
    left: &mut i64,
) -> Result<(), PostgresFailure> {
    if *left <= 0 {
        return Ok(());
    }
    let sql = format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE {column} < $1 ORDER BY {column} LIMIT $2))"
    );
    let gone = session.execute(&sql, &[&end, &*left]).await?;
    *left -= codec::count_value(gone);
    Ok(())
}
