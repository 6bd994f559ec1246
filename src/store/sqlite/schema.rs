//! What the file holds, by version. A change of what is stored is a new entry in [`MIGRATIONS`]; old entries never change.

use super::codec::{pack, unpack};
use crate::domain::activity::IdentityKey;
use crate::domain::ids::UserName;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension, params};

/// "LSYE" in the file's header: the file is ours.
pub(super) const APPLICATION_ID: i32 = 0x4C53_5945;

/// Each entry turns a file of the version that is its place into one of the next. The first makes a file.
///
/// `activity`: identity lives in the primary key (when, keyed hash), so there is no second index to write; records
/// that arrive near now touch pages that are in memory. `lanes`: the newest record of each organisation and kind ever
/// seen, and the newest that is no longer (or never was) among the records. `source_heartbeats`: when each source last
/// reported. Numbers are those of `codec`. The third makes one user of the spellings of a name that were stored apart, with
/// the newest reading of each row. The fourth is [`name_source_heartbeats`]: programs that know the old name must refuse
/// the file. `alerts`: `org` is 0 where an alert is about none.
const MIGRATIONS: [&str; 6] = ["
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE orgs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, known_since INTEGER NOT NULL);
CREATE TABLE activity (at INTEGER NOT NULL, key BLOB NOT NULL, org INTEGER NOT NULL, kind INTEGER NOT NULL,
  PRIMARY KEY (at, key)) WITHOUT ROWID;
CREATE TABLE minute_totals (minute INTEGER NOT NULL, org INTEGER NOT NULL, kind INTEGER NOT NULL,
  count INTEGER NOT NULL, newest INTEGER NOT NULL, PRIMARY KEY (minute, org, kind)) WITHOUT ROWID;
CREATE TABLE hour_totals (hour INTEGER NOT NULL, org INTEGER NOT NULL, kind INTEGER NOT NULL,
  count INTEGER NOT NULL, newest INTEGER NOT NULL, PRIMARY KEY (hour, org, kind)) WITHOUT ROWID;
CREATE TABLE lanes (org INTEGER NOT NULL, kind INTEGER NOT NULL, newest INTEGER NOT NULL, expired INTEGER,
  PRIMARY KEY (org, kind)) WITHOUT ROWID;
CREATE TABLE readings (org INTEGER NOT NULL, row INTEGER NOT NULL, source INTEGER NOT NULL, value,
  observed_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, PRIMARY KEY (org, row, source)) WITHOUT ROWID;
CREATE TABLE reading_changes (org INTEGER NOT NULL, row INTEGER NOT NULL, at INTEGER NOT NULL, source INTEGER NOT NULL,
  value, PRIMARY KEY (org, row, at, source)) WITHOUT ROWID;
CREATE INDEX reading_changes_at ON reading_changes (at);
CREATE TABLE users (org INTEGER NOT NULL, source INTEGER NOT NULL, user TEXT NOT NULL, cells BLOB NOT NULL,
  PRIMARY KEY (org, source, user)) WITHOUT ROWID;
CREATE TABLE user_changes (org INTEGER NOT NULL, user TEXT NOT NULL, at INTEGER NOT NULL, row INTEGER NOT NULL,
  source INTEGER NOT NULL, before INTEGER NOT NULL, after INTEGER NOT NULL,
  PRIMARY KEY (org, user, at, row, source)) WITHOUT ROWID;
CREATE INDEX user_changes_at ON user_changes (at);
CREATE TABLE source_heartbeats (org INTEGER NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL,
  users_complete INTEGER NOT NULL, PRIMARY KEY (org, source)) WITHOUT ROWID;
CREATE TABLE covered (org INTEGER NOT NULL, object_type INTEGER NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (org, object_type)) WITHOUT ROWID;
", "
CREATE TABLE incidents (org INTEGER NOT NULL, cause TEXT NOT NULL, object_type TEXT NOT NULL, user_row TEXT NOT NULL,
  severity TEXT NOT NULL, since INTEGER NOT NULL, users INTEGER, first_sync INTEGER, ended INTEGER, calm_until INTEGER,
  PRIMARY KEY (org, cause, object_type, user_row)) WITHOUT ROWID;
CREATE TABLE source_memory (org INTEGER NOT NULL, source INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (org, source)) WITHOUT ROWID;
", "
INSERT INTO users SELECT org, source, folded(user), cells FROM users WHERE user <> folded(user)
  ON CONFLICT DO UPDATE SET cells = newest(cells, excluded.cells);
DELETE FROM users WHERE user IS NOT folded(user);
UPDATE OR REPLACE user_changes SET user = folded(user) WHERE user <> folded(user);
", "", "
CREATE TABLE alerts (org INTEGER NOT NULL, cause TEXT NOT NULL, severity TEXT NOT NULL, object_type TEXT NOT NULL,
  user_row TEXT NOT NULL, shared TEXT NOT NULL, held_since INTEGER, fired_at INTEGER, resolved_at INTEGER,
  description TEXT NOT NULL, PRIMARY KEY (org, cause, severity, object_type, user_row, shared)) WITHOUT ROWID;
", "
ALTER TABLE incidents ADD COLUMN synced_before INTEGER;
"];

/// The tables, small ones first: those are checked whole at every opening.
pub(super) const SMALL_TABLES: [&str; 8] = [
    "meta",
    "orgs",
    "lanes",
    "source_heartbeats",
    "covered",
    "incidents",
    "source_memory",
    "alerts",
];
/// The tables that grow.
pub(super) const LARGE_TABLES: [&str; 8] = [
    "activity",
    "minute_totals",
    "hour_totals",
    "readings",
    "reading_changes",
    "users",
    "user_changes",
    "sqlite_schema",
];

/// The version that this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings a file of version `found` to [`VERSION`], in one transaction.
pub(super) fn migrate(
    connection: &mut Connection,
    found: i64,
    identity: IdentityKey,
) -> rusqlite::Result<()> {
    migrate_by(&MIGRATIONS, connection, found, identity)
}

/// The same by any table of migrations; a file of version `found` has been through that many of them.
fn migrate_by(
    migrations: &[&str],
    connection: &mut Connection,
    found: i64,
    identity: IdentityKey,
) -> rusqlite::Result<()> {
    let done = usize::try_from(found).unwrap_or(0);
    if done == migrations.len() {
        return Ok(());
    }
    add_functions(connection)?;
    let change = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if done > 0 {
        name_source_heartbeats(&change)?;
    }
    for migration in migrations.iter().skip(done) {
        change.execute_batch(migration)?;
    }
    if found == 0 {
        change.execute("INSERT INTO meta VALUES ('identity', ?1)", params![identity.bytes()])?;
    }
    change.pragma_update(None, "application_id", APPLICATION_ID)?;
    change.pragma_update(None, "user_version", migrations.len() as i64)?;
    change.commit()
}

/// Files of the first three versions have `source_heartbeats` under another name; its columns are the same.
fn name_source_heartbeats(change: &Connection) -> rusqlite::Result<()> {
    let earlier: Option<String> = change
        .query_row(
            "SELECT tables.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns \
             WHERE tables.type = 'table' AND columns.name = 'users_complete' \
             AND tables.name <> 'source_heartbeats'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    match earlier {
        Some(name) => {
            change.execute_batch(&format!("ALTER TABLE \"{name}\" RENAME TO source_heartbeats"))
        }
        None => Ok(()),
    }
}

/// What the migrations call: `folded`, a user's name as it is compared, or none where that is no name; and `newest`, of two
/// packed readings the newer of each row.
fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |call| {
        let name = UserName::new(call.get_raw(0).as_str()?);
        Ok(name.ok().map(|name| name.to_string()))
    })?;
    connection.create_scalar_function("newest", 2, flags, |call| {
        let readings = |place| Ok::<_, rusqlite::Error>(unpack(call.get_raw(place).as_blob()?));
        let mut merged = readings(0)?.unwrap_or_default();
        merged.merge(&readings(1)?.unwrap_or_default());
        Ok(pack(&merged))
    })
}

/// The secret of record identities that was made with the file.
pub(super) fn identity(connection: &Connection) -> rusqlite::Result<IdentityKey> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'identity'")?
        .query_row([], |row| row.get(0).map(IdentityKey::new))
}

/// A number of `meta`.
pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row(params![name], |row| row.get(0))
        .optional()
}

/// Sets a number of `meta`.
pub(super) fn set_meta(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute(params![name, value])?;
    Ok(())
}

/// Writes something that changes nothing: a full disk or one that went read-only shows here and not at the next push.
pub(super) fn prove_writable(connection: &Connection) -> rusqlite::Result<()> {
    let openings = meta(connection, "reopened")?.unwrap_or(0);
    set_meta(connection, "reopened", openings.wrapping_add(1))
}

#[cfg(test)]
mod tests;
