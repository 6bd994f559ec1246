//! Wires the rooms and owns the clock. Nothing is decided here: each line hands one room's value to another.

mod daemon;
mod ingest;
mod pages;
mod reload;

pub use daemon::{Daemon, Options, StartError};

use crate::domain::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock; the only place that reads it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that everybody else is given"
)]
pub fn now() -> Timestamp {
    let nanos = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_nanos(nanos(since)),
        Err(before) => Timestamp::from_nanos(-nanos(before.duration())),
    }
}
