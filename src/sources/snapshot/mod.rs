//! Snapshots: the status page's values as JSON or CSV → [`Snapshot`]; the page itself is read in [`super::page`].

mod csv;
mod draft;
mod json;
mod write;

pub use write::to_json;

use super::ingest_error::IngestError;
use crate::domain::ids::OrgName;
use crate::domain::observation::Snapshot;
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

/// Reads a snapshot in JSON. Keys and values may be spelled as on the page, in any letter case.
///
/// # Errors
/// When the body is no JSON object, or a key, value or instant in it is wrong; every mistake has its path.
pub fn parse_json(body: &[u8], context: &SnapshotContext<'_>) -> Result<Snapshot, IngestError> {
    json::parse(body, context)
}

/// Reads a snapshot in CSV: a header with the names of the JSON form, `contacts.` and `events.` before those of an
/// object type; a row without a user is the organisation. Separators are commas, semicolons or tabs. Counts are digits
/// alone, because what a separator within them means depends on the country.
///
/// # Errors
/// When the body is no table, or a column or cell is wrong; every mistake has its line and column.
pub fn parse_csv(body: &[u8], context: &SnapshotContext<'_>) -> Result<Snapshot, IngestError> {
    csv::parse(body, context)
}

#[cfg(test)]
mod tests;
