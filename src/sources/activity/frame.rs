//! Where one record ends and the next begins, without understanding the records.

use crate::domain::problem::ProblemReason;
use crate::sources::ingest_error::IngestError;

/// Hands out the lines that are not blank, with their numbers from 1, without their line ends.
pub(super) fn lines(body: &[u8], take: &mut impl FnMut(u64, &[u8])) {
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
pub(super) fn array(body: &[u8], take: &mut impl FnMut(u64, &[u8])) -> Result<(), IngestError> {
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
