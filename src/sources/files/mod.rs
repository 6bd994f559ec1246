//! A watched directory: files that senders drop are taken once, then moved to `done/`, or to `rejected/` with the
//! reason beside them. Taking a file again after a crash changes nothing, because what it says carries its own time.
//!
//! Polling, on purpose: it works on network shares, where notifications do not.

mod archive;
mod names;
#[cfg(test)]
mod tests;
mod watcher;

use crate::sources::failure::FailureReason;

/// The directory cannot be read, or files in it cannot be moved.
pub const DIRECTORY_UNAVAILABLE: FailureReason = FailureReason {
    name: "directory_unavailable",
    advice: "Check that the directory exists and that the daemon's user may read and write it; it is looked at again by itself.",
    wants_distance: false,
};

pub use watcher::{FileKind, LookError, Refused, Taken, Watcher, WholeFile};
