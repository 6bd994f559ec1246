//! Why the store did not do its job, in words that name the file and the next step.

use std::io;

/// Why the store did not do its job. `path` is the database as it was configured, `reason` the words of the system or the
/// library.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields' names say all")]
pub enum StoreError {
    /// Another daemon holds the database.
    #[error(
        "{path} is in use by another daemon; stop that one, or give this one a `{setting}` of its own"
    )]
    Locked { path: String, setting: &'static str },
    /// Another daemon became the writer of the database.
    #[error("{path} has another writer by now; nothing of this was written")]
    Deposed { path: String },
    /// The database cannot be written.
    #[error(
        "{path} cannot be written: {reason}; give the daemon's user write access to the file and its directory"
    )]
    ReadOnly { path: String, reason: String },
    /// The file is damaged or no database.
    #[error("{path} is damaged: {reason}; restore it from a backup, or move it away to begin anew")]
    Corrupt { path: String, reason: String },
    /// The file was written by a later version.
    #[error(
        "{path} has schema {found} and this version knows up to {known}; install the later version again, or restore a backup from before the upgrade"
    )]
    TooNew { path: String, found: i64, known: i64 },
    /// The disk is full.
    #[error("the disk of {path} is full; free some space, writing resumes by itself")]
    Full { path: String },
    /// Anything else: input and output, mostly.
    #[error("{path}: {reason}")]
    Io { path: String, reason: String },
}

impl StoreError {
    /// What a refusal to open or make a file means.
    pub(super) fn from_opening(path: &str, error: &io::Error) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the system's set of kinds is open; the others have no advice of their own"
        )]
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path: path.into(), reason: error.to_string() }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.into() }
            }
            io::ErrorKind::NotFound => Self::Io {
                path: path.into(),
                reason: "its directory does not exist; make it, or change `store.path`".into(),
            },
            _ => Self::Io { path: path.into(), reason: error.to_string() },
        }
    }
}
