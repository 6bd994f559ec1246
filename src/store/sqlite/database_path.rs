//! Where the database is, and what the library's errors mean there.

use super::super::{StoreError, lock};
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// A disk with less space than this is full, whatever the library calls the error: a page and its frame do not fit.
const NO_SPACE_BYTES: u64 = 64 * 1024;

/// A database's path as it really is, and as people know it.
#[derive(Debug, Clone)]
pub(crate) struct DatabasePath {
    file: PathBuf,
    shown: String,
}

impl DatabasePath {
    /// Finds the file behind a path; it may not exist yet, its directory must.
    pub(crate) fn find(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        match lock::canonical(path) {
            Ok(file) => Ok(Self { file, shown }),
            Err(error) => Err(StoreError::from_opening(&shown, &error)),
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The path as it was configured.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn corrupt(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Corrupt { path: self.shown.clone(), reason: reason.into() }
    }

    pub(super) fn replaced(&self) -> StoreError {
        self.io("it was replaced while it was in use; put it back, or restart the daemon to go on with what is there")
    }

    pub(super) fn io(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Io { path: self.shown.clone(), reason: reason.into() }
    }

    /// What an error of the library means.
    pub(crate) fn error(&self, error: &rusqlite::Error) -> StoreError {
        let reason = error.to_string();
        let path = self.shown.clone();
        let Some(code) = error.sqlite_error_code() else {
            // Not SQLite but the decoding of what it read: no version of ours wrote that.
            return StoreError::Corrupt { path, reason };
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library's set of codes is open; whatever is not named here is an input or output error"
        )]
        match code {
            ErrorCode::DiskFull => StoreError::Full { path },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                StoreError::ReadOnly { path, reason }
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch => {
                StoreError::Corrupt { path, reason }
            }
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen if self.disk_is_full() => {
                StoreError::Full { path }
            }
            ErrorCode::CannotOpen if self.file.is_dir() => {
                self.io("it is a directory; `store.path` names a file")
            }
            ErrorCode::CannotOpen => match std::fs::File::open(&self.file) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    self.io("it does not exist")
                }
                Err(error) => StoreError::from_opening(&self.shown, &error),
                Ok(_) => StoreError::ReadOnly { path, reason },
            },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                self.io("another program is writing to it; end that program")
            }
            _ => StoreError::Io { path, reason },
        }
    }

    /// Some calls fail with an input or output error when the disk is full, as the growth of the shared index does.
    fn disk_is_full(&self) -> bool {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        rustix::fs::statvfs(directory)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < NO_SPACE_BYTES)
    }
}
