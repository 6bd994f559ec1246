//! A database → a copy that is whole: a backup while the daemon writes, and a backup put in a database's place.

use super::super::StoreError;
use super::super::lock::Lock;
use super::owner::as_owner;
use super::{DatabasePath, open};
use crate::domain::time::Timestamp;
use chrono::{DateTime, Utc};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Single records of activity.
    pub records: u64,
    /// Organisations that are known.
    pub orgs: u64,
    /// The size of the copy.
    pub bytes: u64,
}

/// Copies `database` to `to`, a new file for its owner alone, while a daemon may write to it: everything that was
/// acknowledged before the beginning is in it.
///
/// # Errors
/// When there is something at `to` already, or either cannot be read, written or trusted.
pub fn backup(database: &Path, to: &Path) -> Result<Copied, StoreError> {
    let from = as_owner(database, || open::connect_copied(&DatabasePath::find(database)?))?;
    as_owner(to, || copy(from, &DatabasePath::find(to)?))
}

/// The longest note of a backup's time.
const NOTE_BYTES: u64 = 64;

/// Notes beside `database` that a good backup of it began at `at`, for the daemon to see.
///
/// # Errors
/// When the directory cannot be written.
pub fn note_backup(database: &Path, at: Timestamp) -> Result<(), StoreError> {
    as_owner(database, || {
        let place = DatabasePath::find(database)?;
        let unfinished = beside(&place, ".backed-up.unfinished");
        let write = || {
            // One that was left over when its writer was killed would be in the way for ever.
            std::fs::remove_file(&unfinished).ok();
            let mut file =
                File::options().write(true).create_new(true).mode(0o644).open(&unfinished)?;
            file.write_all(at.to_string().as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, beside(&place, NOTE))
        };
        write().map_err(|error| StoreError::from_opening(place.shown(), &error))
    })
}

/// When the last good backup of `database` began; `None` where nothing that can be read says so.
pub fn last_backup(database: &Path) -> Option<Timestamp> {
    let place = DatabasePath::find(database).ok()?;
    let mut text = String::new();
    File::open(beside(&place, NOTE)).ok()?.take(NOTE_BYTES).read_to_string(&mut text).ok()?;
    Timestamp::from_datetime(text.trim().parse::<DateTime<Utc>>().ok()?)
}

const NOTE: &str = ".backed-up";

/// The file whose name is the database's with more behind it.
fn beside(place: &DatabasePath, more: &str) -> PathBuf {
    let mut name = place.file().as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Puts a backup where a database is to be. Nothing may be there: what it would replace may be all that is left.
///
/// # Errors
/// When a database is there, a daemon holds it, or the backup is damaged or of a later version.
pub fn restore(from: &Path, database: &Path) -> Result<Copied, StoreError> {
    let source = as_owner(from, || open::connect_copied(&DatabasePath::find(from)?));
    as_owner(database, || {
        let target = DatabasePath::find(database)?;
        let _lock = Lock::take(target.file(), target.shown())?;
        for more in ["-wal", "-shm"] {
            let log = beside(&target, more);
            if log.exists() {
                return Err(target.io(format!(
                    "{} is still there and belongs to another database; move it away together with that one",
                    log.display()
                )));
            }
        }
        copy(source?, &target)
    })
}

fn copy(from: Connection, target: &DatabasePath) -> Result<Copied, StoreError> {
    if target.file().exists() {
        return Err(target.io("it is there already; name a new file, or move that one away"));
    }
    let unfinished = Unfinished::create(target)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error: &rusqlite::Error| target.error(error);
    let mut into = Connection::open_with_flags(&unfinished.path, flags).map_err(|e| failed(&e))?;
    let whole = Backup::new(&from, &mut into).and_then(|backup| backup.step(-1));
    whole.map_err(|error| failed(&error))?;
    drop(from);
    // The copy is a file of its own: no log beside it that could be forgotten.
    let mode = into.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
    mode.map_err(|error| failed(&error))?;
    open::check_all(&into, target)?;
    let count = |sql| into.query_row(sql, [], |row| row.get::<_, i64>(0));
    let copied = count("SELECT count(*) FROM activity")
        .and_then(|records| Ok((records, count("SELECT count(*) FROM orgs")?)))
        .map_err(|error| failed(&error))?;
    into.close().map_err(|(_, error)| failed(&error))?;
    let bytes = unfinished
        .finish(target.file())
        .map_err(|error| StoreError::from_opening(target.shown(), &error))?;
    Ok(Copied { records: copied.0.unsigned_abs(), orgs: copied.1.unsigned_abs(), bytes })
}

/// A file that takes its name only when it is whole, and is gone otherwise.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn create(target: &DatabasePath) -> Result<Self, StoreError> {
        let path = beside(target, ".unfinished");
        let made = File::options().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(_) => Ok(Self { path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(target.io(format!(
                "{} is left over from another copy, or being made; remove it if nobody makes it",
                path.display()
            ))),
            Err(error) => Err(StoreError::from_opening(target.shown(), &error)),
        }
    }

    /// Gives it its name, on disk.
    fn finish(self, name: &Path) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        file.sync_all()?;
        // Not `rename`: whatever came to be there meanwhile stays.
        std::fs::hard_link(&self.path, name)?;
        File::open(name.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Under its name or not wanted at all: either way this one goes.
        std::fs::remove_file(&self.path).ok();
    }
}
