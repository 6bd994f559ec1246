//! Takes an organisation or a person out of a database that no daemon uses, so that no page of the file still has them.

use super::super::lock::Lock;
use super::super::{Erase, StoreError};
use super::owner::as_owner;
use super::{DatabasePath, OpenOptions, open};
use crate::domain::ids::{OrgName, UserName};
use crate::store::forget::{self, NearestUser, Rest};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// Erases from a database; says how many rows went.
///
/// # Errors
/// When a daemon holds the database, it cannot be used, or it does not know the organisation or the user.
pub(in crate::store) fn erase(database: &Path, what: Erase<'_>) -> Result<usize, StoreError> {
    as_owner(database, || erase_here(database, what))
}

fn erase_here(database: &Path, what: Erase<'_>) -> Result<usize, StoreError> {
    let place = DatabasePath::find(database)?;
    if !place.file().exists() {
        return Err(place.io("it does not exist"));
    }
    let _lock = Lock::take(place.file(), place.shown())?;
    let (mut connection, _) = open::connect(&place, &OpenOptions::default(), None)?;
    let (Erase::Org(name) | Erase::User(name, _)) = what;
    let erased = rows(&mut connection, name, what).map_err(|error| place.error(&error))?;
    erased.map_err(|unknown| place.io(unknown))
}

/// Erases rows; an error in words says that there was nothing to erase.
fn rows(
    connection: &mut Connection,
    name: &OrgName,
    what: Erase<'_>,
) -> rusqlite::Result<Result<usize, String>> {
    let transaction = connection.transaction()?;
    let org: Option<i64> = transaction
        .query_row("SELECT id FROM orgs WHERE name = ?1", [name.as_str()], |row| row.get(0))
        .optional()?;
    let Some(org) = org else {
        return Ok(Err(format!("it knows no organisation {name}")));
    };
    let mut erased = 0;
    match what {
        Erase::Org(_) => {
            // By the columns that there are: a table that comes later is not forgotten.
            for table in tables(&transaction, &["org"])? {
                erased +=
                    transaction.execute(&format!("DELETE FROM {table} WHERE org = ?1"), [org])?;
            }
            erased += transaction.execute("DELETE FROM orgs WHERE id = ?1", [org])?;
        }
        Erase::User(_, user) => {
            for table in tables(&transaction, &["org", "user"])? {
                erased += transaction.execute(
                    &format!("DELETE FROM {table} WHERE org = ?1 AND user = ?2"),
                    params![org, user.as_str()],
                )?;
            }
            erased += forget_in_memories(&transaction, org, user)?;
            // A name that was mistyped must not look like one that was forgotten.
            if erased == 0 {
                let near = nearest(&transaction, org, user)?;
                return Ok(Err(forget::unknown(name, user, near)));
            }
        }
    }
    transaction.commit()?;
    // Deleted rows stay on free pages and in the log until both are written anew. What that takes beside the file goes to
    // the disk: in memory, it would be as much as the whole database.
    connection.pragma_update(None, "temp_store", "FILE")?;
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(Ok(erased))
}

/// Takes a user out of what sources have to know after a restart.
fn forget_in_memories(
    connection: &Connection,
    org: i64,
    user: &UserName,
) -> rusqlite::Result<usize> {
    let mut read = connection.prepare("SELECT source, bytes FROM source_memory WHERE org = ?1")?;
    let memories = read.query_map([org], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let memories: Vec<(i64, Vec<u8>)> = memories.collect::<rusqlite::Result<_>>()?;
    let mut erased = 0;
    for (source, bytes) in memories {
        erased += match forget::in_memory(&bytes, user) {
            Rest::Untouched => 0,
            Rest::Without(rest) => connection.execute(
                "UPDATE source_memory SET bytes = ?3 WHERE org = ?1 AND source = ?2",
                params![org, source, rest],
            )?,
            Rest::Nothing => connection.execute(
                "DELETE FROM source_memory WHERE org = ?1 AND source = ?2",
                params![org, source],
            )?,
        };
    }
    Ok(erased)
}

/// The user whose name is nearest, none that has nothing to do with it.
fn nearest(connection: &Connection, org: i64, user: &UserName) -> rusqlite::Result<Option<String>> {
    let mut nearest = NearestUser::to(user);
    for table in tables(connection, &["org", "user"])? {
        let mut names =
            connection.prepare(&format!("SELECT DISTINCT user FROM {table} WHERE org = ?1"))?;
        let mut rows = names.query([org])?;
        while let Some(row) = rows.next()? {
            nearest.look_at(row.get_ref(0)?.as_str()?);
        }
    }
    Ok(nearest.found())
}

/// The tables that have all of these columns.
fn tables(connection: &Connection, columns: &[&str]) -> rusqlite::Result<Vec<String>> {
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let has = |table: &str, column: &str| {
        connection.query_row(
            "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2",
            [table, column],
            |row| row.get::<_, i64>(0),
        )
    };
    let mut found = Vec::new();
    for table in names {
        let mut all = true;
        for column in columns {
            all &= has(&table, column)? > 0;
        }
        if all {
            found.push(table);
        }
    }
    Ok(found)
}
