//! What is played, and what it cannot say.

use super::ReplayError;
use crate::domain::activity::{ActivityKind, ActivityRecord};
use crate::domain::ids::{ObjectType, OrgId, Source};
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::windows::{LaneTally, Ledger};
use crate::store::{History, HourTotal, ReadingChange, StoreError};
use chrono::TimeDelta;
use std::collections::BTreeSet;
use std::convert::Infallible;

/// The number of the one organisation that is played.
pub(super) const ORG: OrgId = OrgId(1);
/// The most records or samples: a month of a busy organisation, in about 100 MB.
pub(super) const MOST: usize = 2_000_000;

/// Of which kind what is played is, and so what is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PastKind {
    Records,
    History,
    Metrics,
}

/// A reading that came to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PastReading {
    pub(super) at: Timestamp,
    pub(super) source: Source,
    pub(super) row: OrgRow,
    pub(super) value: OrgValue,
}

/// What is played.
#[derive(Debug, Clone)]
pub struct Past {
    pub(super) kind: PastKind,
    /// Of each kind of activity its instants, with how many records there were up to them.
    lanes: Vec<Vec<(Timestamp, u64)>>,
    /// Every instant of activity with its object type, in order.
    pub(super) reports: Vec<(Timestamp, ObjectType)>,
    /// In order.
    pub(super) readings: Vec<PastReading>,
    /// When the organisation was first configured; the first that is known of it.
    pub(super) known_since: Timestamp,
    /// How far samples are apart.
    pub(super) every: Option<TimeDelta>,
}

impl Past {
    /// Records of activity. Each counts as reported when it happened; what comes twice counts once.
    ///
    /// # Errors
    /// When there is none, or too many.
    pub fn of_records(records: &[ActivityRecord]) -> Result<Self, ReplayError> {
        bounded(records.len())?;
        let mut known = BTreeSet::new();
        let fresh = records.iter().filter(|record| known.insert((record.at, record.key)));
        let tallies = fresh.map(|record| (record.at, record.kind, 1)).collect();
        Self::of(PastKind::Records, tallies, Vec::new(), None)
    }

    /// What the store knows of an organisation that it has known `since`: hours of activity and changes of readings.
    ///
    /// # Errors
    /// When it cannot be read, or knows nothing.
    pub fn of_history(
        history: &dyn History,
        org: OrgId,
        since: Timestamp,
        (from, until): (Timestamp, Timestamp),
        step: TimeDelta,
    ) -> Result<Self, ReplayError> {
        let failed = |error: StoreError| ReplayError::new(error.to_string());
        let hours = history.hours(org, from, until).map_err(failed)?;
        let mut readings = Vec::new();
        for row in OrgRow::ALL {
            let changes = history.reading_changes(org, row, from, until, step).map_err(failed)?;
            readings.extend(
                changes.into_iter().map(|ReadingChange { at, source, value }| PastReading {
                    at,
                    source,
                    row,
                    value,
                }),
            );
            bounded(readings.len())?;
        }
        let tallies = hours.iter().flat_map(spread).collect();
        Self::of(PastKind::History, tallies, readings, Some(since))
    }

    pub(super) fn of(
        kind: PastKind,
        mut tallies: Vec<(Timestamp, ActivityKind, u64)>,
        mut readings: Vec<PastReading>,
        known_since: Option<Timestamp>,
    ) -> Result<Self, ReplayError> {
        tallies.sort_by_key(|(at, kind, _)| (*at, *kind));
        readings.sort_by_key(|reading| (reading.at, reading.source, reading.row));
        let mut lanes = vec![Vec::new(); ActivityKind::COUNT];
        let mut reports = Vec::new();
        for (at, kind, count) in tallies {
            let Some(lane) = lanes.get_mut(kind.index()) else { continue };
            let before = lane.last().map_or(0, |(_, sum)| *sum);
            lane.push((at, before + count));
            reports.push((at, kind.object_type));
        }
        let first = reports.first().map(|(at, _)| *at);
        let first = first.into_iter().chain(readings.first().map(|reading| reading.at)).min();
        let first = first.ok_or_else(|| ReplayError::new("nothing is known of this time"))?;
        let known_since = known_since.unwrap_or(first);
        Ok(Self { kind, lanes, reports, readings, known_since, every: None })
    }

    /// The first and the last instant of which something is known.
    pub fn reach(&self) -> (Timestamp, Timestamp) {
        let reports = || self.reports.iter().map(|(at, _)| *at);
        let readings = || self.readings.iter().map(|reading| reading.at);
        let first = reports().next().into_iter().chain(readings().next()).min();
        let last = reports().next_back().into_iter().chain(readings().next_back()).max();
        (first.unwrap_or(Timestamp::MIN), last.unwrap_or(Timestamp::MAX))
    }

    /// Whether the silence of what is played may say that a source was silent.
    pub(super) const fn shows_silence(&self) -> bool {
        matches!(self.kind, PastKind::Records)
    }

    /// What is not known of the past, a sentence each.
    pub fn not_known(&self) -> &'static [&'static str] {
        match self.kind {
            PastKind::Records => &[
                "Only records of activity were played: the account, linked users, users' checks, polls, Exchange, the canary and the exporter itself are not in them.",
                "A record counts as reported when it happened; one that came late was known later. LightningSyncUnusuallyQuiet is not judged.",
                "A request without records leaves nothing: a feed that had nothing to send looks like one that was silent.",
            ],
            PastKind::History => &[
                "Records are stored by the hour: the newest of an hour is exact, the others are taken as spread evenly before it.",
                "A reading that was confirmed unchanged leaves nothing: whether nothing synced or nobody looked is not known, and neither LightningSyncObservationsStale nor LightningSyncUnusuallyQuiet is judged.",
                "Users' checks, polls, the probe of Exchange, the canary and the exporter's own troubles are not played. When the exporter was down is not stored.",
            ],
            PastKind::Metrics => &[
                "Only last syncs, counts, the account, linked users and the Outlook integration were played: users' checks, polls, Exchange, the canary and the exporter itself are not.",
                "Between samples that are more than twice the usual distance apart nothing is known, and neither LightningSyncObservationsStale nor LightningSyncUnusuallyQuiet is judged.",
            ],
        }
    }
}

fn bounded(found: usize) -> Result<(), ReplayError> {
    if found <= MOST {
        return Ok(());
    }
    Err(ReplayError::new(format!(
        "there are more than {MOST} records or samples; play a shorter time"
    )))
}

/// The records of an hour: the newest where it was, the others evenly before it, at most one a minute: more say nothing
/// else to the judgement.
fn spread(total: &HourTotal) -> impl Iterator<Item = (Timestamp, ActivityKind, u64)> {
    let HourTotal { hour, kind, count, newest } = *total;
    let others = count.saturating_sub(1);
    let places = others.min(59);
    let whole = newest.since(hour);
    let others = (0..places).map(move |place| {
        let part = i32::try_from(place).unwrap_or(0);
        let at = hour.plus(whole * (part + 1) / i32::try_from(places + 1).unwrap_or(1));
        let share = others / places + u64::from(place < others % places);
        (at, kind, share)
    });
    others.chain((count > 0).then_some((newest, kind, 1)))
}

impl Ledger for Past {
    type Error = Infallible;

    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, Infallible> {
        let sum = |lane: &[(Timestamp, u64)], upto: Timestamp| {
            let end = lane.partition_point(|(at, _)| *at <= upto);
            end.checked_sub(1).and_then(|last| lane.get(last)).copied()
        };
        let tallied = self.lanes.iter().enumerate().filter_map(|(index, lane)| {
            let (newest, upto) = sum(lane, upto)?;
            let count = upto - sum(lane, after).map_or(0, |(_, sum)| sum);
            let kind = ActivityKind::from_index(index)?;
            (count > 0).then_some(LaneTally { org: ORG, kind, count, newest })
        });
        Ok(tallied.collect())
    }

    fn newest(&self, upto: Timestamp) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, Infallible> {
        let tallies = self.tally(Timestamp::MIN, upto)?;
        Ok(tallies.into_iter().map(|tally| (tally.org, tally.kind, tally.newest)).collect())
    }
}
