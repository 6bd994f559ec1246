//! What is configured, what the calendar says, what the windows count, and what moves by itself.

use super::rows::{Rows, instant};
use crate::domain::calendar::Settle;
use crate::domain::ids::ObjectType;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::domain::windows::DAY;
use chrono::TimeDelta;
use enum_map::EnumMap;

/// What was configured of an organisation.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Settings {
    pub(in crate::metrics) known_since: Timestamp,
    pub(in crate::metrics) retired: bool,
    pub(in crate::metrics) setting_up: bool,
}

impl Settings {
    pub(super) fn of(org: &OrgView, now: Timestamp) -> Self {
        Self {
            known_since: org.known_since,
            retired: org.policy.retired(now),
            setting_up: org.policy.setting_up(now),
        }
    }
}

/// Its business hours around the scrape.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Hours {
    pub(in crate::metrics) open: bool,
    pub(in crate::metrics) open_24h: TimeDelta,
}

impl Hours {
    pub(super) fn of(org: &OrgView, now: Timestamp) -> Self {
        Self {
            open: org.open_hours.is_open(now),
            open_24h: org.open_hours.open_time(now.minus(DAY), now),
        }
    }
}

/// By when business had lasted for each span.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Settled([Option<Timestamp>; Settle::COUNT]);

impl Settled {
    pub(super) fn of(org: &OrgView, now: Timestamp) -> Self {
        Self(std::array::from_fn(|index| {
            let span = Settle::ALL.get(index)?;
            org.open_hours.settled(*span, now)
        }))
    }

    pub(in crate::metrics) fn each(&self) -> impl Iterator<Item = (Settle, Option<Timestamp>)> {
        Settle::ALL.iter().copied().zip(self.0.iter().copied())
    }
}

/// A figure of each object type; `None` where nobody tells.
pub(in crate::metrics) type Each<T> = EnumMap<ObjectType, Option<T>>;

/// What the windows count.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Counts {
    pub(in crate::metrics) synced_60m: Each<u64>,
    pub(in crate::metrics) synced_24h: Each<u64>,
    pub(in crate::metrics) failed_24h: Each<u64>,
}

impl Counts {
    pub(super) fn of(org: &OrgView, rows: &Rows, fresh: bool, now: Timestamp) -> Self {
        let count = |row: OrgRow| match rows[row].as_ref()?.value {
            OrgValue::Count(count) => Some(count),
            OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Instant(_) => None,
        };
        Self {
            synced_60m: each(|object| count(OrgRow::Synced60m(object))),
            synced_24h: each(|object| count(OrgRow::Synced24h(object))),
            failed_24h: each(|object| {
                let answers = fresh && org.coverage(object, now).is_some();
                answers.then_some(org.activity[object].failed_24h)
            }),
        }
    }
}

/// What moves with every scrape.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Ages {
    pub(in crate::metrics) age: Each<TimeDelta>,
    pub(in crate::metrics) coverage: Each<TimeDelta>,
}

impl Ages {
    pub(super) fn of(org: &OrgView, rows: &Rows, fresh: bool, now: Timestamp) -> Self {
        Self {
            age: each(|object| {
                let last = instant(rows, OrgRow::LastSync(object))?;
                Some(now.since(last).max(TimeDelta::zero()))
            }),
            coverage: each(|object| org.coverage(object, now).filter(|_| fresh)),
        }
    }
}

/// The answer for each object type.
pub(super) fn each<T>(answer: impl Fn(ObjectType) -> Option<T>) -> Each<T> {
    EnumMap::from_fn(answer)
}
