//! Reading everything that a start needs.

use super::columns::Read;
use super::session::Session;
use super::write::{org_number, small};
use super::{PostgresFailure, columns, schema};
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use crate::domain::incidents::{Incident, Incidents, Subject};
use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, UserRow};
use crate::domain::time::Timestamp;
use crate::store::{Stored, StoredOrg};
use std::collections::BTreeMap;
use tokio_postgres::Row;

/// Everything but activity, which the windows ask for themselves.
pub(super) async fn load(session: &Session, max_users: &dyn Fn(&OrgName) -> u64) -> Read<Stored> {
    let mut orgs = orgs(session).await?;
    each(
        session,
        &mut orgs,
        "SELECT org, row, source, value, observed_at, changed_at FROM readings ORDER BY org, row, source",
        |org, row| {
            let of = columns::one_of(row, 1, &OrgRow::ALL, "row")?;
            let reading = Reading {
                value: columns::value(row, 3, of)?,
                observed_at: columns::instant(row, 4)?,
                changed_at: columns::instant(row, 5)?,
            };
            org.readings.push((of, source(row, 2)?, reading));
            Ok(())
        },
    )
    .await?;
    for org in orgs.values_mut() {
        let max_users = max_users(&org.name);
        read_users(session, org, max_users).await?;
    }
    each(
        session,
        &mut orgs,
        "SELECT org, source, at, users_complete FROM source_heartbeats ORDER BY org, source",
        |org, row| {
            let whole = row.try_get::<_, i16>(3)? != 0;
            org.heartbeats.push((source(row, 1)?, columns::instant(row, 2)?, whole));
            Ok(())
        },
    )
    .await?;
    each(
        session,
        &mut orgs,
        "SELECT org, source, bytes FROM source_memory ORDER BY org, source",
        |org, row| {
            org.memories.push((source(row, 1)?, row.try_get::<_, &[u8]>(2)?.into()));
            Ok(())
        },
    )
    .await?;
    each(
        session,
        &mut orgs,
        "SELECT org, object_type, since FROM covered ORDER BY org, object_type",
        |org, row| {
            let object_type = columns::one_of(row, 1, ObjectType::ALL, "object type")?;
            org.covered.push((object_type, columns::instant(row, 2)?));
            Ok(())
        },
    )
    .await?;
    each(
        session,
        &mut orgs,
        "SELECT org, cause, object_type, user_row, severity, since, users, first_sync, ended, calm_until, synced_before FROM incidents",
        |org, row| {
            // Of a cause that a later version knows, this one has nothing to say.
            if let Some(subject) = subject(row)? {
                org.incidents.0.insert(subject, incident(row)?);
            }
            Ok(())
        },
    )
    .await?;
    Ok(Stored {
        alerts: alerts(session).await?,
        identity: schema::identity(session).await?,
        clock_seen: schema::meta(session, "clock_seen").await?.map(Timestamp::from_nanos),
        orgs: orgs.into_values().collect(),
    })
}

fn source(row: &Row, column: usize) -> Read<Source> {
    columns::one_of(row, column, Source::ALL, "source")
}

/// Reads how far alerts have got. Of causes and severities that a later version knows, this one has nothing to say.
async fn alerts(session: &Session) -> Read<Vec<(AlertId, AlertState)>> {
    let rows = session
        .rows(
            "SELECT alerts.org, cause, object_type, user_row, severity, shared, held_since, fired_at, resolved_at, \
             description, name FROM alerts LEFT JOIN orgs ON orgs.id = alerts.org ORDER BY alerts.org, cause",
            &[],
        )
        .await?;
    let mut alerts = Vec::new();
    for row in &rows {
        let name: Option<&str> = row.try_get(10)?;
        let org = name.and_then(|name| OrgName::new(name).ok());
        let id = subject(row)?.zip(Severity::from_name(row.try_get(4)?));
        let of_none = row.try_get::<_, i32>(0)? == 0;
        let Some((subject, severity)) = id.filter(|_| org.is_some() || of_none) else {
            continue;
        };
        let state = AlertState {
            held_since: columns::some_instant(row, 6)?,
            fired_at: columns::some_instant(row, 7)?,
            resolved_at: columns::some_instant(row, 8)?,
            description: row.try_get::<_, &str>(9)?.into(),
        };
        let shared = Cause::from_name(row.try_get(5)?);
        alerts.push((AlertId { severity, subject, org, shared }, state));
    }
    Ok(alerts)
}

/// Reads the users of an organisation, of each source at most `max_users`.
async fn read_users(session: &Session, org: &mut StoredOrg, max_users: u64) -> Read<()> {
    for source in Source::ALL.iter().copied() {
        let most = i64::try_from(max_users).unwrap_or(i64::MAX);
        let rows = session
            .rows(
                r#"SELECT "user", cells FROM users WHERE org = $1 AND source = $2 ORDER BY "user" LIMIT $3"#,
                &[&org_number(org.id), &small(source.index()), &most.saturating_add(1)],
            )
            .await?;
        let taken = usize::try_from(max_users).unwrap_or(usize::MAX);
        org.users_left_out |= rows.len() > taken;
        for row in rows.iter().take(taken) {
            let user = UserName::new(row.try_get(0)?);
            let user = user.map_err(|_| PostgresFailure::Foreign("user's name"))?;
            org.add_user(source, user, columns::readings(row, 1)?);
        }
    }
    Ok(())
}

fn subject(row: &Row) -> Read<Option<Subject>> {
    let name = |column| row.try_get::<_, &str>(column);
    let (object_type, check) = (name(2)?, name(3)?);
    Ok(Cause::from_name(name(1)?).map(|cause| Subject {
        cause,
        object_type: ObjectType::from_name(object_type),
        check: UserRow::checks().find(|row| row.check() == check),
    }))
}

fn incident(row: &Row) -> Read<Incident> {
    let (users, synced_before): (Option<i64>, Option<i64>) = (row.try_get(6)?, row.try_get(10)?);
    Ok(Incident {
        severity: Severity::from_name(row.try_get(4)?).unwrap_or(Severity::Critical),
        since: columns::instant(row, 5)?,
        users: users.and_then(|users| users.try_into().ok()),
        first_sync: columns::some_instant(row, 7)?,
        ended: columns::some_instant(row, 8)?,
        calm_until: columns::some_instant(row, 9)?,
        synced_before: synced_before.and_then(|records| records.try_into().ok()),
    })
}

async fn orgs(session: &Session) -> Read<BTreeMap<OrgId, StoredOrg>> {
    let rows = session.rows("SELECT id, name, known_since FROM orgs ORDER BY id", &[]).await?;
    let org = |row: &Row| {
        let id = columns::org(row, 0)?;
        let org = StoredOrg {
            id,
            name: OrgName::new(row.try_get(1)?)
                .map_err(|_| PostgresFailure::Foreign("organisation's name"))?,
            known_since: columns::instant(row, 2)?,
            readings: Vec::new(),
            users: BTreeMap::new(),
            users_left_out: false,
            heartbeats: Vec::new(),
            memories: Vec::new(),
            covered: Vec::new(),
            incidents: Incidents::default(),
        };
        Ok((id, org))
    };
    rows.iter().map(org).collect()
}

/// Hands each row to the organisation that its first column names.
async fn each(
    session: &Session,
    orgs: &mut BTreeMap<OrgId, StoredOrg>,
    sql: &str,
    mut put: impl FnMut(&mut StoredOrg, &Row) -> Read<()>,
) -> Read<()> {
    for row in session.rows(sql, &[]).await? {
        if let Some(org) = orgs.get_mut(&columns::org(&row, 0)?) {
            put(org, &row)?;
        }
    }
    Ok(())
}
