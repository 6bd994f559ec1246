//! Writing: one transaction for everything that came in together, totals in step with the records they count.

use super::PostgresFailure;
use super::schema;
use super::session::Session;
use crate::domain::activity::ActivityRecord;
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::causes::Cause;
use crate::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use crate::domain::incidents::Incidents;
use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use crate::store::codec;
use crate::store::sums::{Newest, SumRow, Totals, in_key_order};
use crate::store::{StatusChange, StoreWrite, Written};
use enum_map::Enum;
use std::collections::HashSet;

/// Records of one statement: it ends well within its time on a slow disk, too.
const RECORDS_A_STATEMENT: usize = 20_000;

/// The number of an organisation as the database has it.
pub(super) fn org_number(org: OrgId) -> i32 {
    org.0.cast_signed()
}

/// A small index as the database has it.
pub(super) fn small(index: usize) -> i16 {
    i16::try_from(index).unwrap_or(i16::MAX)
}

/// The number of an organisation, made when it has none.
pub(super) async fn org(
    session: &Session,
    name: &OrgName,
    now: Timestamp,
) -> Result<(OrgId, Timestamp), PostgresFailure> {
    if let Some(known) = known_org(session, name).await? {
        return Ok(known);
    }
    session.batch("BEGIN").await?;
    first_look(session).await?;
    session
        .execute(
            "INSERT INTO orgs SELECT coalesce(max(id), 0) + 1, $1, $2 FROM orgs ON CONFLICT (name) DO NOTHING",
            &[&name.as_str(), &now.nanos()],
        )
        .await?;
    session.commit().await?;
    known_org(session, name).await?.ok_or(PostgresFailure::Foreign("organisation"))
}

/// The number of an organisation that has one, and since when it is known.
pub(super) async fn known_org(
    session: &Session,
    name: &OrgName,
) -> Result<Option<(OrgId, Timestamp)>, PostgresFailure> {
    let row =
        session.row("SELECT id, known_since FROM orgs WHERE name = $1", &[&name.as_str()]).await?;
    row.map(|row| {
        let id: i32 = row.try_get(0)?;
        Ok((OrgId(id.cast_unsigned()), Timestamp::from_nanos(row.try_get(1)?)))
    })
    .transpose()
}

/// Writes everything or nothing.
pub(super) async fn commit(
    session: &Session,
    writes: &[StoreWrite],
) -> Result<Vec<Written>, PostgresFailure> {
    session.batch("BEGIN").await?;
    let pruned = first_look(session).await?;
    let mut totals = Totals::default();
    let mut done = Vec::with_capacity(writes.len());
    for write in writes {
        done.push(row(session, write, pruned, &mut totals).await?);
    }
    write_totals(session, totals).await?;
    session.commit().await?;
    Ok(done)
}

/// The first hour whose records have not been pruned. Begins every transaction that writes: sees to it that nobody else
/// became the writer meanwhile, nor becomes it before the transaction ends, and that this is the session that has the
/// writer's lock: behind a pooler that changes sessions between transactions, two daemons could write.
pub(super) async fn first_look(session: &Session) -> Result<Option<i64>, PostgresFailure> {
    let row = session
        .row(
            "WITH counted AS (UPDATE commits SET count = count + 1) \
             SELECT pg_backend_pid(), (SELECT number FROM meta WHERE name = 'pruned_hour'), \
             (SELECT fence FROM lease WHERE fence = $1 FOR KEY SHARE)",
            &[&session.fence.get()],
        )
        .await?
        .ok_or(PostgresFailure::Foreign("answer"))?;
    if row.try_get::<_, i32>(0)? != session.backend.process {
        return Err(PostgresFailure::Other(
            "another session answered; connect without a pooler, or pool whole sessions".to_owned(),
        ));
    }
    match row.try_get::<_, Option<i64>>(2)? {
        Some(_) => Ok(row.try_get(1)?),
        None => Err(PostgresFailure::Deposed),
    }
}

/// Takes the records that are new and not too old.
async fn activity(
    session: &Session,
    org: OrgId,
    records: &[ActivityRecord],
    horizon: Timestamp,
    totals: &mut Totals,
) -> Result<Written, PostgresFailure> {
    let mut written =
        Written { fresh: vec![false; records.len()], expired: 0, horizon: Some(horizon) };
    let mut taken = Vec::with_capacity(records.len());
    for (record, fresh) in in_key_order(records, &mut written.fresh) {
        if record.at < horizon {
            totals.expire(org, record);
            written.expired += 1;
        } else {
            taken.push((record, fresh));
        }
    }
    for part in taken.chunks_mut(RECORDS_A_STATEMENT) {
        let ats: Vec<i64> = part.iter().map(|(record, _)| record.at.nanos()).collect();
        let keys: Vec<&[u8]> = part.iter().map(|(record, _)| record.key.0.as_slice()).collect();
        let kinds: Vec<i16> = part.iter().map(|(record, _)| small(record.kind.index())).collect();
        // In the order of the arrays; of equal keys the first is taken.
        let rows = session
            .rows(
                "INSERT INTO activity SELECT at, key, $4, kind FROM unnest($1::bigint[], $2::bytea[], $3::smallint[]) \
                 AS new (at, key, kind) ON CONFLICT DO NOTHING RETURNING at, key",
                &[&ats, &keys, &kinds, &org_number(org)],
            )
            .await?;
        let mut new = HashSet::with_capacity(rows.len());
        for row in &rows {
            let key: &[u8] = row.try_get(1)?;
            new.insert((row.try_get::<_, i64>(0)?, key));
        }
        for (record, fresh) in part {
            // Taken out, so that the same key again in this batch is no second record.
            if new.remove(&(record.at.nanos(), record.key.0.as_slice())) {
                **fresh = true;
                totals.count(org, record);
            }
        }
    }
    Ok(written)
}

/// Adds the sums to the tables.
async fn write_totals(session: &Session, totals: Totals) -> Result<(), PostgresFailure> {
    let added = totals.added();
    let tables = [
        (
            "INSERT INTO minute_totals SELECT * FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::bigint[], $5::bigint[]) \
             ON CONFLICT (minute, org, kind) DO UPDATE SET count = minute_totals.count + excluded.count, \
             newest = greatest(minute_totals.newest, excluded.newest)",
            &added.minutes,
        ),
        (
            "INSERT INTO hour_totals SELECT * FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::bigint[], $5::bigint[]) \
             ON CONFLICT (hour, org, kind) DO UPDATE SET count = hour_totals.count + excluded.count, \
             newest = greatest(hour_totals.newest, excluded.newest)",
            &added.hours,
        ),
    ];
    for (sql, sums) in tables {
        write_sums(session, sql, sums).await?;
    }
    raise(
        session,
        "INSERT INTO lanes SELECT * FROM unnest($1::integer[], $2::smallint[], $3::bigint[]) \
         ON CONFLICT (org, kind) DO UPDATE SET newest = greatest(lanes.newest, excluded.newest)",
        added.lanes,
    )
    .await?;
    raise_expired(session, added.expired).await
}

async fn write_sums(session: &Session, sql: &str, sums: &[SumRow]) -> Result<(), PostgresFailure> {
    if sums.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = sums.iter().map(|((number, ..), _)| *number).collect();
    let orgs: Vec<i32> = sums.iter().map(|((_, org, _), _)| org_number(*org)).collect();
    let kinds: Vec<i16> = sums.iter().map(|((.., kind), _)| small(*kind)).collect();
    let counts: Vec<i64> = sums.iter().map(|(_, (count, _))| codec::count_value(*count)).collect();
    let newest: Vec<i64> = sums.iter().map(|(_, (_, newest))| newest.nanos()).collect();
    session.execute(sql, &[&numbers, &orgs, &kinds, &counts, &newest]).await?;
    Ok(())
}

async fn raise(session: &Session, sql: &str, newest: Newest) -> Result<(), PostgresFailure> {
    if newest.is_empty() {
        return Ok(());
    }
    let orgs: Vec<i32> = newest.keys().map(|(org, _)| org_number(*org)).collect();
    let kinds: Vec<i16> = newest.keys().map(|(_, kind)| small(*kind)).collect();
    let ats: Vec<i64> = newest.values().map(|at| at.nanos()).collect();
    session.execute(sql, &[&orgs, &kinds, &ats]).await?;
    Ok(())
}

/// Notes the newest records of lanes that are not, or no longer, among the records.
pub(super) async fn raise_expired(
    session: &Session,
    newest: Newest,
) -> Result<(), PostgresFailure> {
    raise(
        session,
        "INSERT INTO lanes SELECT org, kind, at, at FROM unnest($1::integer[], $2::smallint[], $3::bigint[]) \
         AS expired (org, kind, at) ON CONFLICT (org, kind) DO UPDATE SET \
         newest = greatest(lanes.newest, excluded.newest), expired = greatest(lanes.expired, excluded.expired)",
        newest,
    )
    .await
}

async fn row(
    session: &Session,
    write: &StoreWrite,
    pruned: Option<i64>,
    totals: &mut Totals,
) -> Result<Written, PostgresFailure> {
    match write {
        StoreWrite::Activity { org, records, horizon } => {
            // What has been pruned cannot be distinguished from what is sent again, so it is too old whatever the clock
            // says by now.
            let horizon = (*horizon).max(pruned.map_or(Timestamp::MIN, Timestamp::of_hour));
            return activity(session, *org, records, horizon, totals).await;
        }
        StoreWrite::Reading { org, row, source, reading } => {
            put_reading(session, *org, *row, *source, reading).await?;
        }
        StoreWrite::User { org, source, user, readings, changes } => {
            put_user(session, *org, *source, user, readings, changes).await?;
        }
        StoreWrite::ForgetUser { org, source, user } => {
            session
                .execute(
                    r#"DELETE FROM users WHERE org = $1 AND source = $2 AND "user" = $3"#,
                    &[&org_number(*org), &small(source.index()), &user.as_str()],
                )
                .await?;
        }
        StoreWrite::SourceHeartbeat { org, source, at, users_complete } => {
            session
                .execute(
                    "INSERT INTO source_heartbeats VALUES ($1, $2, $3, coalesce($4::smallint, 0)) \
                     ON CONFLICT (org, source) DO UPDATE SET at = excluded.at, \
                     users_complete = coalesce($4::smallint, source_heartbeats.users_complete)",
                    &[
                        &org_number(*org),
                        &small(source.index()),
                        &at.nanos(),
                        &users_complete.map(i16::from),
                    ],
                )
                .await?;
        }
        StoreWrite::SourceMemory { org, source, bytes } => {
            session
                .execute(
                    "INSERT INTO source_memory VALUES ($1, $2, $3) \
                     ON CONFLICT (org, source) DO UPDATE SET bytes = excluded.bytes",
                    &[&org_number(*org), &small(source.index()), &bytes.as_ref()],
                )
                .await?;
        }
        StoreWrite::Covered { org, object_type, since } => {
            session
                .execute(
                    "INSERT INTO covered VALUES ($1, $2, $3) \
                     ON CONFLICT (org, object_type) DO UPDATE SET since = excluded.since",
                    &[&org_number(*org), &small(object_type.index()), &since.nanos()],
                )
                .await?;
        }
        StoreWrite::Incidents { org, incidents } => {
            put_incidents(session, *org, incidents).await?;
        }
        StoreWrite::Alert { org, id, state } => {
            put_alert(session, *org, id, state.as_ref()).await?;
        }
        StoreWrite::ClockSeen { at } => {
            schema::set_meta(session, "clock_seen", at.nanos()).await?;
        }
    }
    Ok(Written::default())
}

/// All incidents of an organisation, in the place of those before: they are few, and change seldom.
async fn put_incidents(
    session: &Session,
    org: OrgId,
    incidents: &Incidents,
) -> Result<(), PostgresFailure> {
    session.execute("DELETE FROM incidents WHERE org = $1", &[&org_number(org)]).await?;
    for (subject, incident) in &incidents.0 {
        session
            .execute(
                "INSERT INTO incidents VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                &[
                    &org_number(org),
                    &subject.cause.name(),
                    &subject.object_type.map_or("", ObjectType::name),
                    &subject.check.map_or("", UserRow::check),
                    &incident.severity.name(),
                    &incident.since.nanos(),
                    &incident.users.map(i64::from),
                    &incident.first_sync.map(Timestamp::nanos),
                    &incident.ended.map(Timestamp::nanos),
                    &incident.calm_until.map(Timestamp::nanos),
                    &incident.synced_before.map(codec::count_value),
                ],
            )
            .await?;
    }
    Ok(())
}

async fn put_alert(
    session: &Session,
    org: Option<OrgId>,
    id: &AlertId,
    state: Option<&AlertState>,
) -> Result<(), PostgresFailure> {
    let AlertId { severity, subject, shared, .. } = id;
    let org = org.map_or(0, org_number);
    let (cause, severity) = (subject.cause.name(), severity.name());
    let object_type = subject.object_type.map_or("", ObjectType::name);
    let check = subject.check.map_or("", UserRow::check);
    let shared = shared.map_or("", Cause::name);
    let Some(state) = state else {
        session
            .execute(
                "DELETE FROM alerts WHERE org = $1 AND cause = $2 AND severity = $3 AND object_type = $4 \
                 AND user_row = $5 AND shared = $6",
                &[&org, &cause, &severity, &object_type, &check, &shared],
            )
            .await?;
        return Ok(());
    };
    session
        .execute(
            "INSERT INTO alerts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (org, cause, severity, object_type, user_row, shared) DO UPDATE SET \
             held_since = excluded.held_since, fired_at = excluded.fired_at, \
             resolved_at = excluded.resolved_at, description = excluded.description",
            &[
                &org,
                &cause,
                &severity,
                &object_type,
                &check,
                &shared,
                &state.held_since.map(Timestamp::nanos),
                &state.fired_at.map(Timestamp::nanos),
                &state.resolved_at.map(Timestamp::nanos),
                &state.description.as_ref(),
            ],
        )
        .await?;
    Ok(())
}

/// An organisation row's value; which kind it is follows from the row.
fn value_text(value: &OrgValue) -> Option<String> {
    match value {
        OrgValue::Account(account) => account.as_ref().map(ToString::to_string),
        OrgValue::Flag(flag) => Some(i64::from(*flag).to_string()),
        OrgValue::Count(count) => Some(codec::count_value(*count).to_string()),
        OrgValue::Instant(at) => Some(at.nanos().to_string()),
    }
}

async fn put_reading(
    session: &Session,
    org: OrgId,
    row: OrgRow,
    source: Source,
    reading: &Reading<OrgValue>,
) -> Result<(), PostgresFailure> {
    let (org, source) = (org_number(org), small(source.index()));
    let row = i16::try_from(codec::of_org_row(row)).unwrap_or(i16::MAX);
    let value = value_text(&reading.value);
    let (observed_at, changed_at) = (reading.observed_at.nanos(), reading.changed_at.nanos());
    session
        .execute(
            "INSERT INTO reading_changes SELECT $1, $2, $3, $4, $5::text WHERE NOT EXISTS (SELECT FROM readings \
             WHERE org = $1 AND row = $2 AND source = $4 AND value IS NOT DISTINCT FROM $5) \
             ON CONFLICT (org, row, at, source) DO UPDATE SET value = excluded.value",
            &[&org, &row, &changed_at, &source, &value],
        )
        .await?;
    session
        .execute(
            "INSERT INTO readings VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org, row, source) DO UPDATE SET \
             value = excluded.value, observed_at = excluded.observed_at, changed_at = excluded.changed_at",
            &[&org, &row, &source, &value, &observed_at, &changed_at],
        )
        .await?;
    Ok(())
}

async fn put_user(
    session: &Session,
    org: OrgId,
    source: Source,
    user: &UserName,
    readings: &UserReadings,
    changes: &[StatusChange],
) -> Result<(), PostgresFailure> {
    let (org, source) = (org_number(org), small(source.index()));
    for change in changes {
        let states = (small(change.before.index()), small(change.after.index()));
        session
            .execute(
                r#"INSERT INTO user_changes VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org, "user", at, row, source)
                   DO UPDATE SET before = excluded.before, after = excluded.after"#,
                &[
                    &org,
                    &user.as_str(),
                    &change.at.nanos(),
                    &small(change.row.into_usize()),
                    &source,
                    &states.0,
                    &states.1,
                ],
            )
            .await?;
    }
    session
        .execute(
            r#"INSERT INTO users VALUES ($1, $2, $3, $4) ON CONFLICT (org, source, "user") DO UPDATE SET cells = excluded.cells"#,
            &[&org, &source, &user.as_str(), &codec::pack(readings)],
        )
        .await?;
    Ok(())
}
