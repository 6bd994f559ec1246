//! Snapshots: the status page's values as JSON or CSV → `Snapshot`; the page itself is read in [`super::page`].

mod csv;
mod draft;
mod json;
mod write;

pub use csv::parse_csv;
pub use json::parse_json;
pub use write::to_json;

use crate::domain::ids::OrgName;
use crate::domain::time::Timestamp;

/// The most users of one snapshot: twice the largest organisation that we are built for.
pub const MAX_USERS: usize = 200_000;

/// What the reading of a snapshot depends on.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotContext<'a> {
    /// Whose rows.
    pub org: &'a OrgName,
    /// The time of receipt.
    pub now: Timestamp,
    /// `captured_at` as the request says it, beside the body.
    pub captured_at: Option<&'a str>,
    /// When a file was written: then it was true, unless somebody says otherwise.
    pub written_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
