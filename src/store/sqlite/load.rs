//! Reading everything that a start needs.

use super::{codec, schema};
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use crate::domain::incidents::{Incident, Incidents, Subject};
use crate::domain::readings::Reading;
use crate::domain::rows::UserRow;
use crate::domain::time::Timestamp;
use crate::store::{Stored, StoredOrg};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;

/// Everything but activity, which the windows ask for themselves.
pub(super) fn load(
    connection: &Connection,
    max_users: &dyn Fn(&OrgName) -> u64,
) -> rusqlite::Result<Stored> {
    let mut orgs = Orgs::read(connection)?;
    orgs.each(
        connection,
        "SELECT org, row, source, value, observed_at, changed_at FROM readings ORDER BY org, row, source",
        |org, row| {
            let of = codec::org_row(row, 1)?;
            let reading = Reading {
                value: codec::value(row, 3, of)?,
                observed_at: codec::instant(row, 4)?,
                changed_at: codec::instant(row, 5)?,
            };
            org.readings.push((of, codec::source(row, 2)?, reading));
            Ok(())
        },
    )?;
    for org in orgs.0.values_mut() {
        let max_users = max_users(&org.name);
        read_users(connection, org, max_users)?;
    }
    orgs.each(
        connection,
        "SELECT org, source, at, users_complete FROM source_heartbeats ORDER BY org, source",
        |org, row| {
            org.heartbeats.push((codec::source(row, 1)?, codec::instant(row, 2)?, row.get(3)?));
            Ok(())
        },
    )?;
    orgs.each(
        connection,
        "SELECT org, source, bytes FROM source_memory ORDER BY org, source",
        |org, row| {
            let bytes = row.get_ref(2)?.as_blob()?.into();
            org.memories.push((codec::source(row, 1)?, bytes));
            Ok(())
        },
    )?;
    orgs.each(
        connection,
        "SELECT org, object_type, since FROM covered ORDER BY org, object_type",
        |org, row| {
            org.covered.push((codec::object_type(row, 1)?, codec::instant(row, 2)?));
            Ok(())
        },
    )?;
    orgs.each(
        connection,
        "SELECT org, cause, object_type, user_row, severity, since, users, first_sync, ended, calm_until, synced_before FROM incidents",
        |org, row| {
            // Of a cause that a later version knows, this one has nothing to say.
            if let Some(subject) = subject(row)? {
                org.incidents.0.insert(subject, incident(row)?);
            }
            Ok(())
        },
    )?;
    Ok(Stored {
        alerts: alerts(connection)?,
        identity: schema::identity(connection)?,
        clock_seen: schema::meta(connection, "clock_seen")?.map(Timestamp::from_nanos),
        orgs: orgs.0.into_values().collect(),
    })
}

/// Reads how far alerts have got. Of causes and severities that a later version knows, this one has nothing to say.
fn alerts(connection: &Connection) -> rusqlite::Result<Vec<(AlertId, AlertState)>> {
    let mut query = connection.prepare_cached(
        "SELECT alerts.org, cause, object_type, user_row, severity, shared, held_since, fired_at, resolved_at, description, name \
         FROM alerts LEFT JOIN orgs ON orgs.id = alerts.org ORDER BY alerts.org, cause",
    )?;
    let mut rows = query.query([])?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        let at = |column| instant(row, column);
        let org = row.get::<_, Option<String>>(10)?.and_then(|name| OrgName::new(&name).ok());
        let id = subject(row)?.zip(Severity::from_name(text(4)?));
        let Some((subject, severity)) = id.filter(|_| org.is_some() || row.get(0) == Ok(0)) else {
            continue;
        };
        let state = AlertState {
            held_since: at(6)?,
            fired_at: at(7)?,
            resolved_at: at(8)?,
            description: text(9)?.into(),
        };
        alerts
            .push((AlertId { severity, subject, org, shared: Cause::from_name(text(5)?) }, state));
    }
    Ok(alerts)
}

/// An instant that may be absent.
fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_nanos))
}

/// Reads the users of an organisation, of each source at most `max_users`.
fn read_users(
    connection: &Connection,
    org: &mut StoredOrg,
    max_users: u64,
) -> rusqlite::Result<()> {
    let mut query = connection.prepare_cached(
        "SELECT user, cells FROM users WHERE org = ?1 AND source = ?2 ORDER BY user",
    )?;
    for source in Source::ALL.iter().copied() {
        let mut rows = query.query(params![org.id.0, codec::number(source.index())])?;
        let mut left = max_users;
        while let Some(row) = rows.next()? {
            if left == 0 {
                org.users_left_out = true;
                break;
            }
            left -= 1;
            let user = UserName::new(row.get_ref(0)?.as_str()?);
            let user = user.map_err(|error| unreadable(0, error))?;
            org.add_user(source, user, codec::readings(row, 1)?);
        }
    }
    Ok(())
}

fn subject(row: &Row<'_>) -> rusqlite::Result<Option<Subject>> {
    let name = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    Ok(Cause::from_name(name(1)?).map(|cause| Subject {
        cause,
        object_type: name(2).ok().and_then(ObjectType::from_name),
        check: name(3).ok().and_then(|name| UserRow::checks().find(|row| row.check() == name)),
    }))
}

fn incident(row: &Row<'_>) -> rusqlite::Result<Incident> {
    let at = |column| instant(row, column);
    let severity = row.get_ref(4)?.as_str()?;
    Ok(Incident {
        severity: Severity::from_name(severity).unwrap_or(Severity::Critical),
        since: codec::instant(row, 5)?,
        users: row.get(6)?,
        first_sync: at(7)?,
        ended: at(8)?,
        calm_until: at(9)?,
        synced_before: row.get::<_, Option<i64>>(10)?.and_then(|count| u64::try_from(count).ok()),
    })
}

struct Orgs(BTreeMap<OrgId, StoredOrg>);

impl Orgs {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut query =
            connection.prepare_cached("SELECT id, name, known_since FROM orgs ORDER BY id")?;
        let all = query.query_map([], |row| {
            let (id, name) = (codec::org(row, 0)?, row.get_ref(1)?.as_str()?);
            let org = StoredOrg {
                id,
                name: OrgName::new(name).map_err(|error| unreadable(1, error))?,
                known_since: codec::instant(row, 2)?,
                readings: Vec::new(),
                users: BTreeMap::new(),
                users_left_out: false,
                heartbeats: Vec::new(),
                memories: Vec::new(),
                covered: Vec::new(),
                incidents: Incidents::default(),
            };
            Ok((id, org))
        })?;
        all.collect::<rusqlite::Result<_>>().map(Self)
    }

    /// Hands each row to the organisation that its first column names.
    fn each(
        &mut self,
        connection: &Connection,
        sql: &str,
        mut put: impl FnMut(&mut StoredOrg, &Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut query = connection.prepare_cached(sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(org) = self.0.get_mut(&codec::org(row, 0)?) {
                put(org, row)?;
            }
        }
        Ok(())
    }
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
