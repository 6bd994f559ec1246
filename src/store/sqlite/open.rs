//! How a file becomes a store: made or recognised, brought to our schema, and looked over in bounded time.

use super::super::{StoreError, fresh_identity};
use super::{DatabasePath, schema};
use crate::domain::activity::IdentityKey;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// 64 MiB between checkpoints: each page that changed often in between is copied once, which is what makes steady
/// ingest three times as fast as with the default of 4 MiB.
const CHECKPOINT_PAGES: i64 = 16_384;
/// The log is cut back to this after a burst; twice what lies between two checkpoints.
const LOG_BYTES: i64 = 128 * 1024 * 1024;
/// At most 256 MiB of pages in memory, taken as they are used: records spread over 24 hours touch that many.
const CACHE_KIB: i64 = 256 * 1024;
/// A reader looks at a few thousand rows: 8 MiB.
const READER_CACHE_KIB: i64 = 8 * 1024;
/// How long to wait for somebody who looks at the file with other tools.
const PATIENCE: Duration = Duration::from_secs(5);
/// Up to this size every page is checked at an opening, in well under half a second.
const CHECKED_WHOLE_BYTES: i64 = 64 * 1024 * 1024;
/// Places along a larger table that are looked at instead; each walks from the root to a leaf.
const PROBES: i64 = 64;
/// More statements than there are, so that none is ever compiled twice.
const STATEMENTS: usize = 64;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The most rows that one [`super::super::Store::prune`] removes: about 50 ms of the writer's time.
    pub prune_rows: usize,
    /// The most pages of 4 KiB that the file may have, for those whose disk is shared; `None` is as much as fits.
    pub max_pages: Option<u32>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { prune_rows: 50_000, max_pages: None }
    }
}

/// Opens for writing; gives the connection and the database's own secret. Whoever knows that secret from before gets
/// the same database or an error: state that was made from one file must not go on over another.
pub(super) fn connect(
    place: &DatabasePath,
    options: &OpenOptions,
    known: Option<IdentityKey>,
) -> Result<(Connection, IdentityKey), StoreError> {
    if known.is_none() {
        make_private(place)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(place.file(), flags).map_err(|error| place.error(&error))?;
    let found = recognise(&connection, place)?;
    if found == 0 && known.is_some() {
        return Err(place.replaced());
    }
    // The library falls back to reading where it may not write, and would say so only at the first push.
    if connection.is_readonly(MAIN_DB).map_err(|error| place.error(&error))? {
        let reason = "the system lets it be read only".to_owned();
        return Err(StoreError::ReadOnly { path: place.shown().to_owned(), reason });
    }
    let fresh = if found == 0 {
        fresh_identity().map_err(|says| place.io(says))?
    } else {
        IdentityKey::new([0; 16])
    };
    tune(&mut connection, options, found, fresh).map_err(|error| place.error(&error))?;
    look_over(&connection, place)?;
    let identity = schema::identity(&connection).map_err(|error| place.error(&error))?;
    if known.is_some_and(|known| known.bytes() != identity.bytes()) {
        return Err(place.replaced());
    }
    Ok((connection, identity))
}

/// After an error nothing is moved from the log into the file at closing; the next opening does that, with checks.
pub(super) fn leave_log(connection: &Connection) {
    // A connection that does not even take that closes as usual, which is safe too.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
}

/// Opens for reading only.
pub(crate) fn connect_reader(place: &DatabasePath) -> Result<Connection, StoreError> {
    let (connection, version) = read_only(place)?;
    if version != schema::VERSION {
        return Err(
            place.io("it has not been brought to this version's schema; start the daemon once")
        );
    }
    let tune = || {
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)
    };
    tune().map_err(|error| place.error(&error))?;
    Ok(connection)
}

/// Opens for copying: whatever version from the first to ours wrote it, the daemon that opens the copy upgrades it.
pub(super) fn connect_copied(place: &DatabasePath) -> Result<Connection, StoreError> {
    match read_only(place)? {
        (_, 0) => Err(place.io("it is an empty file; name a database or a backup of one")),
        (connection, _) => Ok(connection),
    }
}

fn read_only(place: &DatabasePath) -> Result<(Connection, i64), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(place.file(), flags).map_err(|error| place.error(&error))?;
    let version = recognise(&connection, place)?;
    Ok((connection, version))
}

/// Makes the file for its owner alone: it holds users' names. Its log and index take over the mode.
fn make_private(place: &DatabasePath) -> Result<(), StoreError> {
    let made = File::options().write(true).create_new(true).mode(0o600).open(place.file());
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::from_opening(place.shown(), &error))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The schema version of a file that is ours, 0 for an empty one. Changes nothing: the file may be somebody else's.
fn recognise(connection: &Connection, place: &DatabasePath) -> Result<i64, StoreError> {
    recognise_upto(schema::VERSION, connection, place)
}

/// The same for a program that knows versions up to `known`.
pub(super) fn recognise_upto(
    known: i64,
    connection: &Connection,
    place: &DatabasePath,
) -> Result<i64, StoreError> {
    let header = || -> rusqlite::Result<(i64, i64, i64)> {
        connection.busy_timeout(PATIENCE)?;
        let application =
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, tables))
    };
    match header().map_err(|error| place.error(&error))? {
        (0, 0, 0) => Ok(0),
        (application, version, _) if application == i64::from(schema::APPLICATION_ID) => {
            if version > known {
                let path = place.shown().to_owned();
                return Err(StoreError::TooNew { path, found: version, known });
            }
            if version < 1 {
                return Err(
                    place.corrupt(format!("it has the impossible schema version {version}"))
                );
            }
            Ok(version)
        }
        (application, ..) => {
            Err(place
                .corrupt(format!("it belongs to another program (application id {application})")))
        }
    }
}

fn tune(
    connection: &mut Connection,
    options: &OpenOptions,
    found: i64,
    identity: IdentityKey,
) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        // Some file systems have no shared memory; without it readers would stop the writer.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
            Some(format!("its file system allows no write-ahead log (journal mode {mode})")),
        ));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    schema::migrate(connection, found, identity)
}

/// A check whose time does not grow with the file: every page of a small one; of a large one the length, the small
/// tables and [`PROBES`] places of every other.
fn look_over(connection: &Connection, place: &DatabasePath) -> Result<(), StoreError> {
    let look = || -> rusqlite::Result<Option<String>> {
        // What a killed daemon left in the log goes into the file, so that the file's length can be compared. A full
        // disk is no reason to refuse what can still be read.
        let emptied =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let bytes = pages.saturating_mul(page);
        let held = std::fs::metadata(place.file())
            .map_or(i64::MAX, |file| i64::try_from(file.len()).unwrap_or(i64::MAX));
        if matches!(emptied, Ok(0)) && held < bytes {
            return Ok(Some(format!("it has {held} bytes and should have {bytes}")));
        }
        if bytes <= CHECKED_WHOLE_BYTES {
            return quick_check(connection, None);
        }
        for table in schema::SMALL_TABLES {
            if let Some(found) = quick_check(connection, Some(table))? {
                return Ok(Some(found));
            }
        }
        for table in schema::LARGE_TABLES {
            probe(connection, table)?;
        }
        Ok(None)
    };
    sound(look(), place)
}

/// Every page of the file, however long that takes.
pub(super) fn check_all(connection: &Connection, place: &DatabasePath) -> Result<(), StoreError> {
    sound(quick_check(connection, None), place)
}

/// An error where a check found something.
fn sound(found: rusqlite::Result<Option<String>>, place: &DatabasePath) -> Result<(), StoreError> {
    let found = found.map_err(|error| place.error(&error))?;
    found.map_or(Ok(()), |found| Err(place.corrupt(found)))
}

fn quick_check(connection: &Connection, table: Option<&str>) -> rusqlite::Result<Option<String>> {
    let sql = match table {
        Some(table) => format!("PRAGMA quick_check({table})"),
        None => "PRAGMA quick_check(1)".into(),
    };
    let found: String = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok((found != "ok").then(|| found.lines().take(3).collect::<Vec<_>>().join("; ")))
}

/// Both ends of a table, and for records, which are the bulk of a file, places in between.
fn probe(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    connection.query_row(
        &format!("SELECT count(*) FROM (SELECT * FROM {table} LIMIT 16)"),
        [],
        |_| Ok(()),
    )?;
    if table != "activity" {
        return Ok(());
    }
    let ends: (Option<i64>, Option<i64>) = connection.query_row(
        "SELECT (SELECT min(at) FROM activity), (SELECT max(at) FROM activity)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (Some(oldest), Some(newest)) = ends else {
        return Ok(());
    };
    let step = newest.saturating_sub(oldest) / PROBES;
    let mut seek =
        connection.prepare("SELECT key, org, kind FROM activity WHERE at >= ?1 LIMIT 1")?;
    for place in 0..PROBES {
        let mut rows = seek.query([oldest.saturating_add(step.saturating_mul(place))])?;
        while let Some(row) = rows.next()? {
            super::codec::kind(row, 2)?;
        }
    }
    Ok(())
}
