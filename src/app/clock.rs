//! The clocks: the machine's, and one that runs faster for the demonstration.

use crate::domain::time::Timestamp;
use crate::engine::Clock;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time of day; the only place that reads it.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
pub fn now() -> Timestamp {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_nanos(nanos(since)),
        Err(before) => Timestamp::from_nanos(-nanos(before.duration())),
    }
}

/// The machine's clocks.
pub fn real_clock() -> Clock {
    let started = Instant::now();
    Clock { wall: Arc::new(now), steady: Arc::new(move || started.elapsed()) }
}

/// Clocks that stand at `start` now and run `speed` times as fast as the machine's.
pub fn running_clock(start: Timestamp, speed: u32) -> Clock {
    let started = Instant::now();
    let steady = move || started.elapsed().saturating_mul(speed);
    let wall = move || start.plus(TimeDelta::from_std(steady()).unwrap_or(TimeDelta::MAX));
    Clock { wall: Arc::new(wall), steady: Arc::new(steady) }
}
