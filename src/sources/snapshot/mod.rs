//! Snapshots: the status page's values as JSON or CSV → [`Snapshot`]; the page itself is read in [`super::page`].

mod draft;
mod given;
mod json;
mod node;
mod write;

pub use write::to_json;

use super::refusal::IngestError;
use crate::domain::ids::OrgName;
use crate::domain::observation::Snapshot;
use crate::domain::time::Timestamp;

/// The most users of one snapshot: twice the largest organisation that we are built for.
pub const MAX_USERS: usize = 200_000;

/// What the reading of a snapshot depends on.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whose rows.
    pub org: &'a OrgName,
    /// The time of receipt.
    pub now: Timestamp,
    /// `captured_at` as the request says it, beside the body.
    pub captured_at: Option<&'a str>,
}

/// Reads a snapshot in JSON. Keys and values may be spelled as on the page, in any letter case.
///
/// # Errors
/// When the body is no JSON object, or a key, value or instant in it is wrong; every mistake has its path.
pub fn parse_json(body: &[u8], context: &Context<'_>) -> Result<Snapshot, IngestError> {
    json::parse(body, context)
}

#[cfg(test)]
mod tests;
