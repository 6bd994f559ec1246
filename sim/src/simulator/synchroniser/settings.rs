//! How a synchroniser behaves, and what can go wrong with it.

use crate::domain::ids::Direction;
use crate::domain::time::Timestamp;
use crate::simulator::salesforce::EventClass;
use chrono::{TimeDelta, Timelike};

/// How a synchroniser behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncSettings {
    /// How long a change waits before it is brought over.
    pub delay: TimeDelta,
    /// Hours of the day, UTC, in which it waits longer, and how long.
    pub slow_night: Option<SlowNight>,
    /// The direction in which nothing is brought over.
    pub dropped: Option<Direction>,
    /// The class of events that is left out.
    pub dropped_class: Option<EventClass>,
    /// Every contact is written into the mailbox twice, those of before as well.
    pub duplicates: bool,
    /// What is deleted on one side stays on the other.
    pub loses_deletions: bool,
    /// Nothing is done at all, and nobody calls Exchange.
    pub stopped: bool,
}

/// Hours in which a sync is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowNight {
    /// The first hour of the day, UTC.
    pub from: u32,
    /// The first hour in which it is over; before `from` it is over on the next day.
    pub to: u32,
    /// How long a change waits then.
    pub delay: TimeDelta,
}

impl SyncSettings {
    /// A sync in which all is well: a change is there within a minute.
    pub const HEALTHY: Self = Self {
        delay: TimeDelta::seconds(30),
        slow_night: None,
        dropped: None,
        dropped_class: None,
        duplicates: false,
        loses_deletions: false,
        stopped: false,
    };

    /// How long a change waits at an instant.
    pub(super) fn delay_at(&self, now: Timestamp) -> TimeDelta {
        let hour = now.datetime().hour();
        let within = |night: &SlowNight| {
            if night.from <= night.to {
                (night.from..night.to).contains(&hour)
            } else {
                hour >= night.from || hour < night.to
            }
        };
        self.slow_night.filter(within).map_or(self.delay, |night| night.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_may_pass_midnight() {
        let night = SlowNight { from: 22, to: 5, delay: TimeDelta::hours(2) };
        let settings = SyncSettings { slow_night: Some(night), ..SyncSettings::HEALTHY };
        let at = |hour: i64| settings.delay_at(Timestamp::from_seconds(hour * 3_600));
        for hour in [22, 23, 24, 28] {
            assert_eq!(at(hour), TimeDelta::hours(2), "{hour}");
        }
        for hour in [5, 12, 21] {
            assert_eq!(at(hour), TimeDelta::seconds(30), "{hour}");
        }
    }
}
