//! Builders of short lives: each begins healthy, and what is different is added to it.

use super::scenario;
use crate::domain::causes::Cause;
use crate::domain::policy::{CountHours, OrgPolicy};
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::scenarios::life::{LifeChange, What};
use crate::scenarios::scenario::{Scenario, WatchChange, WatchFault};
use crate::scenarios::setting::{BERLIN, day, local, office, org_name};
use crate::scenarios::truth::Breakage;
use chrono::TimeDelta;
use std::ops::Range;

/// From a change of the page to its next reading.
pub(super) const NEXT_READ: TimeDelta = TimeDelta::minutes(30);
/// The probe looks every five minutes.
pub(super) const PROBE_FINDS: TimeDelta = TimeDelta::minutes(5);
/// The documented limit.
pub(super) const HOURS_24: TimeDelta = TimeDelta::hours(24);
/// Prometheus scrapes every minute.
pub(super) const DOWN_FOR: TimeDelta = TimeDelta::minutes(1);

/// From when until when.
pub(super) type Span = (Timestamp, Timestamp);

/// A local time of November 2026; the ninth is a Monday.
pub(super) fn at(date: u32, hour: u32, minute: u32) -> Timestamp {
    local(BERLIN, day(11, date), hour, minute)
}

/// A midnight of the days around the vendor's retirement: the 29th of March 2027 is day 0.
pub(super) fn late_march(days: i64) -> Timestamp {
    local(BERLIN, day(15, 29), 0, 0).plus(TimeDelta::days(days))
}

/// A healthy life of so many days from Monday, the ninth of November, on; the 24 hours are counted as documented.
pub(super) fn life(
    name: &'static str,
    title: &'static str,
    days: i64,
    about: &'static str,
) -> Scenario {
    from(name, title, at(9, 0, 0), days, about)
}

/// The same from another day on.
pub(super) fn from(
    name: &'static str,
    title: &'static str,
    starts: Timestamp,
    days: i64,
    about: &'static str,
) -> Scenario {
    let policy = office(org_name(name), BERLIN, &[]);
    let mut story = scenario(name, policy, starts, starts.plus(TimeDelta::days(days)));
    story.title = title;
    story.about = about;
    story
}

/// The same where nothing syncs out of business hours, in which the 24 hours are counted.
pub(super) fn office_life(
    name: &'static str,
    title: &'static str,
    days: i64,
    about: &'static str,
) -> Scenario {
    let mut story = life(name, title, days, about);
    story.policy.count_hours = CountHours::Business;
    story.life.rhythm.closed_one_in = 0;
    story
}

/// What else is right while nothing syncs.
pub(super) fn stop_notices() -> [Cause; 1] {
    [Cause::NothingIn24Hours]
}

/// A row of some users shows something else.
pub(super) const fn users(who: Range<u32>, row: UserRow, status: Status) -> What {
    What::Users { who, row, status }
}

/// The rows of first syncs.
pub(super) fn directions() -> impl Iterator<Item = UserRow> {
    UserRow::ALL.into_iter().filter(|row| row.is_direction())
}

impl Scenario {
    pub(super) fn with(mut self, (from, until): Span, what: What) -> Self {
        self.life.changes.push(LifeChange { from, until, what });
        self
    }

    pub(super) fn broken(mut self, breakage: Breakage) -> Self {
        self.broken.push(breakage);
        self
    }

    pub(super) fn watched(mut self, (from, until): Span, what: WatchFault) -> Self {
        self.watching.changes.push(WatchChange { from, until, what });
        self
    }

    pub(super) fn policy(mut self, change: impl FnOnce(&mut OrgPolicy)) -> Self {
        change(&mut self.policy);
        self.life.calendar.clone_from(&self.policy.calendar);
        self
    }

    pub(super) fn probed(self) -> Self {
        self.policy(|policy| policy.probes_exchange = true)
    }

    pub(super) fn canary(self) -> Self {
        self.policy(|policy| policy.runs_canary = true)
    }

    /// So many records that half of them never look late.
    pub(super) fn busy(mut self) -> Self {
        self.life.rhythm.most = 8;
        self
    }

    /// Three records a day.
    pub(super) fn sparse(mut self) -> Self {
        self.life.rhythm.slot_seconds = 12_000;
        self.life.rhythm.most = 1;
        self
    }
}
