//! One daemon for each database: an operating system's lock on a file beside it. The lock goes with the process, so a
//! killed daemon leaves nothing to clean up; the file itself stays, because removing it would race with the next owner.

use super::StoreError;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Links that lead on to links; more than this is a circle.
const LONGEST_CHAIN: usize = 16;

/// Held while the database is open for writing.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// Closing alone would leave the lock to a child process that is just being started and has not let go of its copy.
impl Drop for Lock {
    fn drop(&mut self) {
        self.file.unlock().ok();
    }
}

impl Lock {
    /// Takes the lock of a canonical path.
    pub(super) fn take(canonical: &Path, shown: &str) -> Result<Self, StoreError> {
        let mut name = canonical.as_os_str().to_owned();
        name.push(".lock");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // Nobody makes it a link but to have something else changed.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(Path::new(&name))
            .map_err(|error| StoreError::from_opening(shown, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::Locked { path: shown.into(), setting: "store.path" })
            }
            Err(TryLockError::Error(error)) => Err(StoreError::Io {
                path: shown.into(),
                reason: format!("its lock file could not be locked: {error}"),
            }),
        }
    }
}

/// Where a path really is, so that two names of one database meet at one lock. The file may not exist yet, its
/// directory must.
pub(super) fn canonical(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LONGEST_CHAIN {
        match std::fs::canonicalize(&path) {
            Ok(found) => return Ok(found),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => std::fs::canonicalize(parent)?,
            _ => std::fs::canonicalize(".")?,
        };
        // A link to a file that is yet to be made: the lock belongs to what it points to.
        match std::fs::read_link(&path) {
            Ok(target) => path = directory.join(target),
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
                return Ok(directory.join(name));
            }
        }
    }
    Err(io::ErrorKind::InvalidInput.into())
}
