//! What is configured, what the calendar says, what the windows count, and what moves by itself.

use super::rows::{Rows, instant};
use crate::domain::ids::ObjectType;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use chrono::{Offset, TimeDelta, TimeZone};
use enum_map::EnumMap;

/// Its business hours and its clock at the scrape.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Hours {
    pub(in crate::metrics) open: bool,
    /// How far its local time is ahead of UTC.
    pub(in crate::metrics) utc_offset: i32,
}

impl Hours {
    pub(super) fn of(org: &OrgView, now: Timestamp) -> Self {
        let zone = org.policy.time_zone;
        let offset = zone.offset_from_utc_datetime(&now.datetime().naive_utc());
        Self { open: org.open_hours.is_open(now), utc_offset: offset.fix().local_minus_utc() }
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
