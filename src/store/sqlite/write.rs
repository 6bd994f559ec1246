//! Writing: one transaction for everything that came in together, totals in step with the records they count.

use super::{codec, schema};
use crate::domain::activity::ActivityRecord;
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::causes::Cause;
use crate::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use crate::domain::incidents::Incidents;
use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use crate::store::sums::{Totals, in_key_order};
use crate::store::{StatusChange, StoreWrite, Written};
use enum_map::Enum;
use rusqlite::{Connection, OptionalExtension, Params, TransactionBehavior, params};

/// The number of an organisation, made when it has none.
pub(super) fn org(
    connection: &mut Connection,
    name: &OrgName,
    now: Timestamp,
) -> rusqlite::Result<(OrgId, Timestamp)> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change
        .prepare_cached(
            "INSERT INTO orgs (name, known_since) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![name.as_str(), now.nanos()])?;
    let found = change
        .prepare_cached("SELECT id, known_since FROM orgs WHERE name = ?1")?
        .query_row(params![name.as_str()], |row| {
            Ok((codec::org(row, 0)?, codec::instant(row, 1)?))
        })?;
    change.commit()?;
    Ok(found)
}

/// Writes everything or nothing.
pub(super) fn commit(
    connection: &mut Connection,
    writes: &[StoreWrite],
) -> rusqlite::Result<Vec<Written>> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut totals = Totals::default();
    let mut done = Vec::with_capacity(writes.len());
    for write in writes {
        done.push(row(&change, write, &mut totals)?);
    }
    write_totals(totals, &change)?;
    change.commit()?;
    Ok(done)
}

/// Takes the records that are new and not too old.
fn activity(
    connection: &Connection,
    org: OrgId,
    records: &[ActivityRecord],
    horizon: Timestamp,
    totals: &mut Totals,
) -> rusqlite::Result<Written> {
    // What has been pruned cannot be distinguished from what is sent again, so it is too old whatever the clock says by now.
    let pruned = schema::meta(connection, "pruned_hour")?;
    let horizon = horizon.max(pruned.map_or(Timestamp::MIN, Timestamp::of_hour));
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO activity VALUES (?1, ?2, ?3, ?4)")?;
    let mut written =
        Written { fresh: vec![false; records.len()], expired: 0, horizon: Some(horizon) };
    for (record, fresh) in in_key_order(records, &mut written.fresh) {
        if record.at < horizon {
            totals.expire(org, record);
            written.expired += 1;
            continue;
        }
        let kind = codec::number(record.kind.index());
        if insert.execute(params![record.at.nanos(), record.key.0, org.0, kind])? > 0 {
            *fresh = true;
            totals.count(org, record);
        }
    }
    Ok(written)
}

/// Adds the sums to the tables.
fn write_totals(totals: Totals, connection: &Connection) -> rusqlite::Result<()> {
    let added = totals.added();
    for (table, sums) in [("minute_totals", added.minutes), ("hour_totals", added.hours)] {
        let mut add = connection.prepare_cached(&format!(
            "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET \
             count = count + excluded.count, newest = max(newest, excluded.newest)"
        ))?;
        for ((number, org, kind), (count, newest)) in sums {
            let (kind, count) = (codec::number(kind), codec::count_value(count));
            add.execute(params![number, org.0, kind, count, newest.nanos()])?;
        }
    }
    let mut raise = connection.prepare_cached(
        "INSERT INTO lanes (org, kind, newest) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET \
         newest = max(newest, excluded.newest)",
    )?;
    for ((org, kind), newest) in added.lanes {
        raise.execute(params![org.0, codec::number(kind), newest.nanos()])?;
    }
    for ((org, kind), newest) in added.expired {
        raise_expired(connection, org, kind, newest)?;
    }
    Ok(())
}

/// Notes the newest record of a lane that is not, or no longer, among the records.
pub(super) fn raise_expired(
    connection: &Connection,
    org: OrgId,
    kind: usize,
    newest: Timestamp,
) -> rusqlite::Result<()> {
    execute(
        connection,
        "INSERT INTO lanes VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE SET \
         newest = max(newest, excluded.newest), expired = max(ifnull(expired, excluded.expired), excluded.expired)",
        params![org.0, codec::number(kind), newest.nanos()],
    )
}

fn execute(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn row(
    connection: &Connection,
    write: &StoreWrite,
    totals: &mut Totals,
) -> rusqlite::Result<Written> {
    let done = match write {
        StoreWrite::Activity { org, records, horizon } => {
            return activity(connection, *org, records, *horizon, totals);
        }
        StoreWrite::Reading { org, row, source, reading } => {
            put_reading(connection, *org, *row, *source, reading)
        }
        StoreWrite::User { org, source, user, readings, changes } => {
            put_user(connection, *org, *source, user, readings, changes)
        }
        StoreWrite::ForgetUser { org, source, user } => execute(
            connection,
            "DELETE FROM users WHERE org = ?1 AND source = ?2 AND user = ?3",
            params![org.0, codec::number(source.index()), user.as_str()],
        ),
        StoreWrite::SourceHeartbeat { org, source, at, users_complete } => execute(
            connection,
            "INSERT INTO source_heartbeats VALUES (?1, ?2, ?3, ifnull(?4, FALSE)) ON CONFLICT DO UPDATE SET \
             at = excluded.at, users_complete = ifnull(?4, users_complete)",
            params![org.0, codec::number(source.index()), at.nanos(), users_complete],
        ),
        StoreWrite::SourceMemory { org, source, bytes } => execute(
            connection,
            "INSERT INTO source_memory VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
            params![org.0, codec::number(source.index()), bytes.as_ref()],
        ),
        StoreWrite::Covered { org, object_type, since } => execute(
            connection,
            "INSERT INTO covered VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET since = excluded.since",
            params![org.0, codec::number(object_type.index()), since.nanos()],
        ),
        StoreWrite::Incidents { org, incidents } => put_incidents(connection, *org, incidents),
        StoreWrite::Alert { org, id, state } => put_alert(connection, *org, id, state.as_ref()),
        StoreWrite::ClockSeen { at } => schema::set_meta(connection, "clock_seen", at.nanos()),
    };
    done.map(|()| Written::default())
}

/// All incidents of an organisation, in the place of those before: they are few, and change seldom.
fn put_incidents(
    connection: &Connection,
    org: OrgId,
    incidents: &Incidents,
) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM incidents WHERE org = ?1")?.execute(params![org.0])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO incidents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for (subject, incident) in &incidents.0 {
        insert.execute(params![
            org.0,
            subject.cause.name(),
            subject.object_type.map_or("", ObjectType::name),
            subject.check.map_or("", UserRow::check),
            incident.severity.name(),
            incident.since.nanos(),
            incident.users,
            incident.first_sync.map(Timestamp::nanos),
            incident.ended.map(Timestamp::nanos),
            incident.calm_until.map(Timestamp::nanos),
            incident.synced_before.map(codec::count_value),
        ])?;
    }
    Ok(())
}

fn put_alert(
    connection: &Connection,
    org: Option<OrgId>,
    id: &AlertId,
    state: Option<&AlertState>,
) -> rusqlite::Result<()> {
    let AlertId { severity, subject, shared, .. } = id;
    let org = org.map_or(0, |org| org.0);
    let (cause, severity) = (subject.cause.name(), severity.name());
    let object_type = subject.object_type.map_or("", ObjectType::name);
    let check = subject.check.map_or("", UserRow::check);
    let shared = shared.map_or("", Cause::name);
    let Some(state) = state else {
        return execute(
            connection,
            "DELETE FROM alerts WHERE org = ?1 AND cause = ?2 AND severity = ?3 AND object_type = ?4 AND user_row = ?5 AND shared = ?6",
            params![org, cause, severity, object_type, check, shared],
        );
    };
    execute(
        connection,
        "INSERT OR REPLACE INTO alerts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            org,
            cause,
            severity,
            object_type,
            check,
            shared,
            state.held_since.map(Timestamp::nanos),
            state.fired_at.map(Timestamp::nanos),
            state.resolved_at.map(Timestamp::nanos),
            state.description.as_ref(),
        ],
    )
}

fn put_reading(
    connection: &Connection,
    org: OrgId,
    row: OrgRow,
    source: Source,
    reading: &Reading<OrgValue>,
) -> rusqlite::Result<()> {
    let key = (org.0, codec::of_org_row(row), codec::number(source.index()));
    let value = codec::to_sql(&reading.value);
    let old = connection
        .prepare_cached("SELECT value FROM readings WHERE org = ?1 AND row = ?2 AND source = ?3")?
        .query_row(key, |found| found.get(0))
        .optional()?;
    if old.as_ref() != Some(&value) {
        execute(
            connection,
            "INSERT OR REPLACE INTO reading_changes VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key.0, key.1, reading.changed_at.nanos(), key.2, value],
        )?;
    }
    let (observed_at, changed_at) = (reading.observed_at.nanos(), reading.changed_at.nanos());
    execute(
        connection,
        "INSERT OR REPLACE INTO readings VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![key.0, key.1, key.2, value, observed_at, changed_at],
    )
}

fn put_user(
    connection: &Connection,
    org: OrgId,
    source: Source,
    user: &UserName,
    readings: &UserReadings,
    changes: &[StatusChange],
) -> rusqlite::Result<()> {
    let source = codec::number(source.index());
    for change in changes {
        let states = (codec::number(change.before.index()), codec::number(change.after.index()));
        let (at, row) = (change.at.nanos(), codec::number(change.row.into_usize()));
        execute(
            connection,
            "INSERT OR REPLACE INTO user_changes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![org.0, user.as_str(), at, row, source, states.0, states.1],
        )?;
    }
    execute(
        connection,
        "INSERT OR REPLACE INTO users VALUES (?1, ?2, ?3, ?4)",
        params![org.0, source, user.as_str(), codec::pack(readings)],
    )
}
