//! Reading everything that a start needs.

use super::{codec, schema};
use crate::domain::ids::{OrgId, OrgName, Source, UserName, folded};
use crate::domain::readings::Reading;
use crate::domain::time::Timestamp;
use crate::store::{Stored, StoredOrg};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use std::collections::HashMap;

/// Everything but activity, which the windows ask for themselves.
pub(super) fn load(connection: &mut Connection, max_users: u64) -> rusqlite::Result<Stored> {
    fold_names(connection)?;
    let connection = &*connection;
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
    for org in &mut orgs.all {
        read_users(connection, org, max_users)?;
    }
    orgs.each(
        connection,
        "SELECT org, source, at, users_complete FROM spoke ORDER BY org, source",
        |org, row| {
            org.spoke
                .push((codec::source(row, 1)?, codec::instant(row, 2)?, row.get(3)?));
            Ok(())
        },
    )?;
    orgs.each(
        connection,
        "SELECT org, object_type, since FROM covered ORDER BY org, object_type",
        |org, row| {
            org.covered
                .push((codec::object_type(row, 1)?, codec::instant(row, 2)?));
            Ok(())
        },
    )?;
    Ok(Stored {
        identity: schema::identity(connection)?,
        clock_seen: schema::meta(connection, "clock_seen")?.map(Timestamp::from_nanos),
        orgs: orgs.all,
    })
}

/// Reads the users of an organisation, of each source at most so many.
fn read_users(
    connection: &Connection,
    org: &mut StoredOrg,
    max_users: u64,
) -> rusqlite::Result<()> {
    let mut query = connection.prepare_cached(
        "SELECT user, cells FROM users WHERE org = ?1 AND source = ?2 ORDER BY user LIMIT ?3",
    )?;
    for source in Source::ALL.iter().copied() {
        let limit = codec::count_value(max_users).saturating_add(1);
        let number = codec::number(source.index());
        let mut rows = query.query(params![org.id.0, number, limit])?;
        let mut left = max_users;
        while let Some(row) = rows.next()? {
            if left == 0 {
                org.users_left_out = true;
                break;
            }
            left -= 1;
            org.users
                .push((source, user_name(row, 0)?, codec::readings(row, 1)?));
        }
    }
    Ok(())
}

fn user_name(row: &Row<'_>, column: usize) -> rusqlite::Result<UserName> {
    UserName::new(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

/// Users whom an earlier version stored under another spelling of their name go under the one that is compared. Where
/// both are there they are one person, and of each row the newest reading holds.
fn fold_names(connection: &mut Connection) -> rusqlite::Result<()> {
    let misspelled: Vec<(i64, i64, String)> = {
        let mut query = connection.prepare("SELECT org, source, user FROM users")?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let user = row.get_ref(2)?.as_str()?;
            if folded(user) != user {
                found.push((row.get(0)?, row.get(1)?, user.to_owned()));
            }
        }
        found
    };
    if misspelled.is_empty() {
        return Ok(());
    }
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (org, source, old) in misspelled {
        let new = UserName::new(&old).map_err(|error| unreadable(2, error))?;
        let of = |user: &str| {
            let mut query = change.prepare_cached(
                "SELECT cells FROM users WHERE org = ?1 AND source = ?2 AND user = ?3",
            )?;
            let row = query.query_row(params![org, source, user], |row| codec::readings(row, 0));
            row.optional()
        };
        let mut readings = of(new.as_str())?.unwrap_or_default();
        readings.merge(&of(&old)?.unwrap_or_default());
        change.execute(
            "DELETE FROM users WHERE org = ?1 AND source = ?2 AND user = ?3",
            params![org, source, old],
        )?;
        change.execute(
            "INSERT OR REPLACE INTO users VALUES (?1, ?2, ?3, ?4)",
            params![org, source, new.as_str(), codec::pack(&readings)],
        )?;
        change.execute(
            "UPDATE OR REPLACE user_changes SET user = ?3 WHERE org = ?1 AND user = ?2",
            params![org, old, new.as_str()],
        )?;
    }
    change.commit()
}

struct Orgs {
    all: Vec<StoredOrg>,
    places: HashMap<OrgId, usize>,
}

impl Orgs {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut query =
            connection.prepare_cached("SELECT id, name, known_since FROM orgs ORDER BY id")?;
        let all = query.query_map([], |row| {
            let name = row.get_ref(1)?.as_str()?;
            Ok(StoredOrg {
                id: codec::org(row, 0)?,
                name: OrgName::new(name).map_err(|error| unreadable(1, error))?,
                known_since: codec::instant(row, 2)?,
                readings: Vec::new(),
                users: Vec::new(),
                users_left_out: false,
                spoke: Vec::new(),
                covered: Vec::new(),
            })
        })?;
        let all = all.collect::<rusqlite::Result<Vec<_>>>()?;
        let places = all.iter().enumerate().map(|(place, org)| (org.id, place));
        let places = places.collect();
        Ok(Self { all, places })
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
            let place = self.places.get(&codec::org(row, 0)?);
            if let Some(org) = place.and_then(|place| self.all.get_mut(*place)) {
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
