//! Activity records: NDJSON or a JSON array of objects → [`ActivityBatch`].
//!
//! A body is judged to its end, so that a sender learns of every mistake at once. Each record is read without copying
//! its texts; they end in the record's identity and nowhere else.

mod record;

use super::ingest_error::{IngestError, Mistakes, OnError, WithRejected, without_mark};
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
) -> Result<WithRejected<ActivityBatch>, IngestError> {
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
        body @ [b'[', ..] => array(body, &mut take)?,
        _ => lines(body, &mut take),
    }
    if context.on_error == OnError::Refuse && mistakes.total > 0 {
        let (wrong, all) = (mistakes.total, mistakes.total + records.len() as u64);
        let detail = format!(
            "{wrong} of {all} records are wrong and nothing was taken; correct them, or send with on_error=skip"
        );
        return Err(mistakes.refusal(ProblemReason::Invalid, detail));
    }
    records.shrink_to(records.len().saturating_mul(2));
    Ok(WithRejected {
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

/// Hands out the lines that are not blank, with their numbers from 1, without their line ends.
fn lines(body: &[u8], take: &mut impl FnMut(u64, &[u8])) {
    let (mut rest, mut number) = (body, 0);
    while !rest.is_empty() {
        number += 1;
        let (line, after) =
            match memchr::memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end)) {
                Some((line, after)) => (line, after.get(1..).unwrap_or_default()),
                None => (rest, [].as_slice()),
            };
        rest = after;
        let line = line.trim_ascii();
        if !line.is_empty() {
            take(number, line);
        }
    }
}

/// Hands out the elements of an array, with their places from 1. The brackets, the commas and the ends of strings are
/// ours to judge; what an element is, its reader's. So a body passes exactly when it is an array and all elements pass.
fn array(body: &[u8], take: &mut impl FnMut(u64, &[u8])) -> Result<(), IngestError> {
    let mut rest = body.get(1..).unwrap_or_default().trim_ascii_start();
    let mut place = 0;
    if let [b']', after @ ..] = rest {
        return nothing_more(after, place);
    }
    loop {
        place += 1;
        let end = element_end(rest).ok_or_else(|| {
            malformed(format!("the array ends within record {place}; send the whole body"))
        })?;
        let (element, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let element = element.trim_ascii_end();
        if element.is_empty() {
            return Err(malformed(format!("there is a comma without a record at place {place}")));
        }
        take(place, element);
        match after {
            [b',', after @ ..] => rest = after.trim_ascii_start(),
            [b']', after @ ..] => return nothing_more(after, place),
            _ => {
                return Err(malformed(format!(
                    "after record {place} there is neither a comma nor the array's end"
                )));
            }
        }
    }
}

fn nothing_more(after: &[u8], place: u64) -> Result<(), IngestError> {
    if after.trim_ascii_start().is_empty() {
        return Ok(());
    }
    Err(malformed(format!(
        "something follows the array's end after {place} records; send one array, or one record a line"
    )))
}

fn malformed(detail: String) -> IngestError {
    IngestError::whole(ProblemReason::Malformed, detail)
}

/// Where the comma or bracket stands that ends the element at the front; `None` when the body ends before.
fn element_end(body: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match body.get(at)? {
            b'"' => at = string_end(body, at + 1)?,
            b'{' | b'[' => depth += 1,
            b',' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
}

/// Where the quote stands that ends the string which `from` lies in.
fn string_end(body: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', body.get(from..)?)?;
        match body.get(at)? {
            b'"' => return Some(at),
            _ => from = at + 2,
        }
    }
}

#[cfg(test)]
mod tests;
