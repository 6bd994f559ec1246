//! Takes an organisation or a person out of a database that no daemon uses, so that no page of the file still has them.

use super::super::StoreError;
use super::super::lock::Lock;
use super::owner::as_owner;
use super::{DatabasePath, OpenOptions, open};
use crate::domain::ids::{OrgName, UserName, folded};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use std::path::Path;

/// What is taken out.
#[derive(Debug, Clone, Copy)]
pub enum Erase<'a> {
    /// Everything about an organisation; still configured, it begins anew.
    Org(&'a OrgName),
    /// Everything about a user of it. Records of activity name nobody, and their counts stay.
    User(&'a OrgName, &'a UserName),
}

/// Erases from a database; says how many rows went.
///
/// # Errors
/// When a daemon holds the database, it cannot be used, or it does not know the organisation or the user.
pub fn erase(database: &Path, what: Erase<'_>) -> Result<usize, StoreError> {
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
                let meant = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                return Ok(Err(format!("it knows no user {user} of {name}{meant}")));
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

/// Takes a user out of what sources have to know after a restart. Where that is not JSON, all of it goes: a source that
/// begins anew is better than a name that stays.
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
        let name = user.as_str();
        let memory: Option<Value> = serde_json::from_slice(&bytes).ok();
        let rest = match memory {
            Some(mut memory) => match forget(&mut memory, name) {
                true => serde_json::to_vec(&memory).ok(),
                false => continue,
            },
            None if memchr::memmem::find(&bytes, name.as_bytes()).is_some() => None,
            None => continue,
        };
        erased += match rest {
            Some(rest) => connection.execute(
                "UPDATE source_memory SET bytes = ?3 WHERE org = ?1 AND source = ?2",
                params![org, source, rest],
            )?,
            None => connection.execute(
                "DELETE FROM source_memory WHERE org = ?1 AND source = ?2",
                params![org, source],
            )?,
        };
    }
    Ok(erased)
}

/// Takes out what is filed under a name, and lists that begin with it; says whether there was any.
fn forget(memory: &mut Value, name: &str) -> bool {
    let is_name = |text: &str| folded(text) == name;
    let names = |value: &Value| value.as_str().is_some_and(is_name);
    match memory {
        Value::Object(entries) => {
            let before = entries.len();
            entries.retain(|key, value| !is_name(key) && !names(value));
            let found = entries.len() < before;
            entries.values_mut().fold(found, |found, value| forget(value, name) || found)
        }
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| !names(item) && !item.get(0).is_some_and(names));
            let found = items.len() < before;
            items.iter_mut().fold(found, |found, value| forget(value, name) || found)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The user whose name is nearest, none that has nothing to do with it.
fn nearest(connection: &Connection, org: i64, user: &UserName) -> rusqlite::Result<Option<String>> {
    /// Two slips of the finger.
    const FARTHEST: usize = 4;
    /// The comparison is quadratic.
    const COMPARED_BYTES: usize = 128;
    let wanted = user.as_str();
    if wanted.len() > COMPARED_BYTES {
        return Ok(None);
    }
    let mut best: Option<(usize, String)> = None;
    for table in tables(connection, &["org", "user"])? {
        let mut names =
            connection.prepare(&format!("SELECT DISTINCT user FROM {table} WHERE org = ?1"))?;
        let mut rows = names.query([org])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            if name.len().abs_diff(wanted.len()) > FARTHEST {
                continue;
            }
            let far = strsim::damerau_levenshtein(wanted, &name);
            if far <= FARTHEST && best.as_ref().is_none_or(|(least, _)| far < *least) {
                best = Some((far, name));
            }
        }
    }
    Ok(best.map(|(_, name)| name))
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
