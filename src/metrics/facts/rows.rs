//! The rows of an organisation as they hold for a scrape: what is said, and when it was seen.

use super::Summary;
use super::time::{Each, each};
use crate::domain::ids::{ObjectType, Source};
use crate::domain::judge::Judgement;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::view::{Current, OrgView};
use enum_map::EnumMap;
use std::sync::Arc;

/// What holds of each row, by row.
pub(super) type Rows = EnumMap<OrgRow, Option<Current>>;

/// What is said, by whom, and what follows from it.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Values {
    rows: EnumMap<OrgRow, Option<Answer>>,
    pub(in crate::metrics) ever_synced: Each<bool>,
    pub(in crate::metrics) expected_linked_users: Option<u64>,
    /// Whether a source has ever spoken, by [`Source::index`].
    pub(in crate::metrics) spoken: EnumMap<Source, bool>,
    pub(in crate::metrics) summary: Summary,
    pub(in crate::metrics) judgement: Judgement,
}

/// A row's value, without the time at which it was seen.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Answer {
    /// `None` for what windows count: that changes more often than who counts it, and is a part of its own.
    pub(in crate::metrics) value: Option<OrgValue>,
    pub(in crate::metrics) source: Source,
    pub(in crate::metrics) stale: bool,
}

impl Values {
    pub(super) fn of(org: &OrgView, rows: Rows, judgement: Judgement, now: Timestamp) -> Self {
        Self {
            ever_synced: each(|object| org.ever_synced(object, now)),
            expected_linked_users: org.expected_linked_users(now),
            spoken: org.last_report.map(|_, at| at.is_some()),
            summary: Summary(Arc::clone(&org.summary)),
            judgement,
            rows: answers(rows),
        }
    }

    /// What holds of a row of the whole organisation or of an object type that it syncs.
    pub(in crate::metrics) fn answer(&self, row: OrgRow) -> Option<&Answer> {
        self.rows[row].as_ref()
    }

    pub(in crate::metrics) fn last_sync(&self, object: ObjectType) -> Option<Timestamp> {
        at(self.answer(OrgRow::LastSync(object))?.value.as_ref()?)
    }
}

fn answers(mut rows: Rows) -> EnumMap<OrgRow, Option<Answer>> {
    EnumMap::from_fn(|row: OrgRow| {
        let current = rows[row].take()?;
        Some(Answer {
            value: (!is_window(row)).then_some(current.value),
            source: current.source,
            stale: current.stale,
        })
    })
}

const fn is_window(row: OrgRow) -> bool {
    matches!(row, OrgRow::Synced60m(_) | OrgRow::Synced24h(_))
}

/// When what is said was seen.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct ObservedAt {
    rows: EnumMap<OrgRow, Option<Timestamp>>,
    /// When a source last spoke, by [`Source::index`].
    pub(in crate::metrics) spoke_at: EnumMap<Source, Option<Timestamp>>,
    pub(in crate::metrics) summary: Summary,
}

impl ObservedAt {
    pub(super) fn of(org: &OrgView, rows: &Rows) -> Self {
        Self {
            rows: EnumMap::from_fn(|row: OrgRow| Some(rows[row].as_ref()?.observed_at)),
            spoke_at: org.last_report,
            summary: Summary(Arc::clone(&org.summary)),
        }
    }

    pub(in crate::metrics) fn at(&self, row: OrgRow) -> Option<Timestamp> {
        self.rows[row]
    }
}

/// What holds of every row at `now`; no window counts from an engine that got stuck.
pub(super) fn current(org: &OrgView, stuck_at: Option<Timestamp>, now: Timestamp) -> Rows {
    EnumMap::from_fn(|row: OrgRow| {
        if !org.policy.covers(row) {
            return None;
        }
        if is_window(row) && stuck_at.is_some() {
            return None;
        }
        let mut current = org.current(row, now)?;
        if let Some(stuck_at) = stuck_at {
            // It has not looked since: a feed whose silence is an answer must not seem to go on.
            current.observed_at = current.observed_at.min(stuck_at);
        }
        Some(current)
    })
}

pub(super) fn instant(rows: &Rows, row: OrgRow) -> Option<Timestamp> {
    at(&rows[row].as_ref()?.value)
}

fn at(value: &OrgValue) -> Option<Timestamp> {
    match value {
        OrgValue::Instant(at) => Some(*at),
        OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
    }
}
