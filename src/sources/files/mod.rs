//! A watched directory: files that senders drop are taken once, then moved to `done/`, or to `rejected/` with the
//! reason beside them. Taking a file again after a crash changes nothing, because what it says carries its own time.
//!
//! Polling, on purpose: it works on network shares, where notifications do not.

mod archive;
mod names;
#[cfg(test)]
mod tests;
mod watcher;

pub use watcher::{Dropped, FileKind, LookError, Refused, Taken, Watcher};
