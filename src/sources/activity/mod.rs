//! Activity records: NDJSON or a JSON array of objects → [`ActivityBatch`].
//!
//! A body is judged to its end, so that a sender learns of every mistake at once. Each record is read without copying
//! its texts; they end in the record's identity and nowhere else.

mod frame;
mod record;

use super::ingest_error::{IngestError, Mistakes, OnError, Parsed, without_mark};
use crate::domain::activity::IdentityKey;
use crate::domain::ids::OrgName;
use crate::domain::observation::{ACTIVITY_AHEAD, ActivityBatch};
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::time::Timestamp;

/// The longest record: the identity of an item and an error text; whoever sends more sends something else.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;
/// The shortest record that can be right (`{"at":"…Z","object_type":"events"}`); what a body's length is divided by
/// to allocate once.
const MIN_RECORD_BYTES: usize = 53;

/// What the reading of a body depends on.
#[derive(Debug, Clone, Copy)]
pub struct ActivityContext<'a> {
    /// Whose records.
    pub org: &'a OrgName,
    /// The secret of the store's record identities.
    pub identity: &'a IdentityKey,
    /// The time of receipt.
    pub now: Timestamp,
    /// What becomes of wrong records.
    pub on_error: OnError,
}

/// Reads a body of records. It is an array when its first character is `[` and lines otherwise: no record begins so.
/// An empty body, an empty array and blank lines are a heartbeat.
///
/// `line` of a mistake is the line of NDJSON and the place in an array, both from 1.
///
/// # Errors
/// When the body is no sequence of records, or a record is wrong and `on_error` is [`OnError::Refuse`].
pub fn parse(
    body: &[u8],
    context: &ActivityContext<'_>,
) -> Result<Parsed<ActivityBatch>, IngestError> {
    let body = without_mark(body)?;
    let latest = context.now.plus(ACTIVITY_AHEAD);
    let mut mistakes = Mistakes::default();
    let mut records = Vec::with_capacity(records_at_most(body));
    let mut take = |line: u64, record: &[u8]| match record::read(record, context, latest) {
        Ok(record) => records.push(record),
        Err(mistake) => mistakes.note(|| {
            let (field, message) = mistake.describe(context.now);
            FieldError::new(line, field, message)
        }),
    };
    match body.trim_ascii_start() {
        array @ [b'[', ..] => frame::array(array, &mut take)?,
        _ => frame::lines(body, &mut take),
    }
    if context.on_error == OnError::Refuse && mistakes.total > 0 {
        let (wrong, all) = (mistakes.total, mistakes.total + records.len() as u64);
        let detail = format!(
            "{wrong} of {all} records are wrong and nothing was taken; correct them, or send with on_error=skip"
        );
        return Err(mistakes.refusal(ProblemReason::Invalid, detail));
    }
    records.shrink_to(records.len().saturating_mul(2));
    Ok(Parsed {
        value: ActivityBatch { org: context.org.clone(), received_at: context.now, records },
        rejected: mistakes.listed,
        rejected_total: mistakes.total,
    })
}

/// How many records there may be: as many lines as fit, judged by the first one.
fn records_at_most(body: &[u8]) -> usize {
    let first = memchr::memchr(b'\n', body).unwrap_or(body.len());
    body.len() / first.max(MIN_RECORD_BYTES) + 1
}

#[cfg(test)]
mod tests;
