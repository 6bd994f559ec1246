//! Notices that the wall clock stepped, by comparing it with a clock that does not.

use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// How far wall clock and steady clock may part between two looks: slewing and a busy machine stay below, a step or a
/// suspended machine does not.
const TOLERATED: TimeDelta = TimeDelta::seconds(10);
/// How long nothing is dropped after a start or a step, so that a wrong clock can be put right before records that
/// only seem old are gone. The clock counts as suspect for as long.
const RETENTION_PAUSE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Clone)]
pub(super) struct ClockWatch {
    seen: Timestamp,
    behind: Option<TimeDelta>,
    suspect_left: TimeDelta,
    pause_left: TimeDelta,
}

impl ClockWatch {
    /// Begins at `now`; `stored` is the latest time that an earlier run saw.
    pub(super) fn start(stored: Option<Timestamp>, now: Timestamp) -> Self {
        let behind = stored.map(|stored| now.since(stored)).filter(|ahead| *ahead < -TOLERATED);
        let suspect_left = if behind.is_some() { RETENTION_PAUSE } else { TimeDelta::zero() };
        Self { seen: now, behind, suspect_left, pause_left: RETENTION_PAUSE }
    }

    /// Compares the next look with `now`: what the start took is no step.
    pub(super) fn watch_from(&mut self, now: Timestamp) {
        self.seen = now;
    }

    /// By how much the clock lay behind the store at the start, if it did.
    pub(super) fn behind_at_start(&self) -> Option<TimeDelta> {
        self.behind
    }

    /// Looks at the clock again; `elapsed` by the steady clock since the last look. Says by how much it stepped.
    pub(super) fn tick(&mut self, now: Timestamp, elapsed: TimeDelta) -> Option<TimeDelta> {
        let step = now.since(self.seen) - elapsed;
        self.seen = now;
        self.suspect_left = (self.suspect_left - elapsed).max(TimeDelta::zero());
        self.pause_left = (self.pause_left - elapsed).max(TimeDelta::zero());
        if step.abs() <= TOLERATED {
            return None;
        }
        self.suspect_left = RETENTION_PAUSE;
        self.pause_left = RETENTION_PAUSE;
        Some(step)
    }

    /// Whether the clock stepped within the last hour.
    pub(super) fn suspect(&self) -> bool {
        self.suspect_left > TimeDelta::zero()
    }

    /// Whether old records may be dropped.
    pub(super) fn retention_allowed(&self) -> bool {
        self.pause_left == TimeDelta::zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn retention_waits_an_hour_after_the_start_and_after_a_step() {
        let mut watch = ClockWatch::start(None, at(0));
        assert!(!watch.retention_allowed());
        assert_eq!(watch.tick(at(3600), TimeDelta::hours(1)), None);
        assert!(watch.retention_allowed() && !watch.suspect());
        assert_eq!(watch.tick(at(7200 + 86_400), TimeDelta::hours(1)), Some(TimeDelta::days(1)));
        assert!(!watch.retention_allowed() && watch.suspect());
        watch.tick(at(7200 + 86_400 + 3600), TimeDelta::hours(1));
        assert!(watch.retention_allowed() && !watch.suspect());
    }

    #[test]
    fn a_clock_behind_the_store_is_suspect_from_the_start() {
        let watch = ClockWatch::start(Some(at(100)), at(0));
        assert_eq!(watch.behind_at_start(), Some(TimeDelta::seconds(-100)));
        assert!(watch.suspect());
        assert!(!ClockWatch::start(Some(at(5)), at(0)).suspect(), "slewing");
    }
}
