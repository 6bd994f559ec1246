//! Sums over ranges of time, whatever the store. A long range is whole hours, whole minutes around them and records at its
//! two ends, so it costs the same however many records lie in it; a short one is records alone.

use crate::domain::activity::ActivityKind;
use crate::domain::ids::OrgId;
use crate::domain::time::Timestamp;
use crate::domain::windows::LaneTally;
use std::collections::HashMap;

pub(super) type LaneKey = (OrgId, ActivityKind);
pub(super) type LaneSums = HashMap<LaneKey, (u64, Timestamp)>;

/// What a part of a range is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TallyPart {
    /// Records, by their instants.
    Records,
    /// Totals of minutes, by their numbers.
    Minutes,
    /// Totals of hours, by their numbers.
    Hours,
}
use TallyPart::{Hours, Minutes, Records};

/// The newest record of a lane, and the newest that is no longer (or never was) among the records.
pub(super) type LaneRow = (LaneKey, Timestamp, Option<Timestamp>);

/// What a store reads for this.
pub(super) trait TallyTables {
    /// Why something could not be read.
    type Failure;

    /// Adds a part to sums by [`add_sum`]; the first and the last number are included.
    fn add(
        &self,
        part: TallyPart,
        first: i64,
        last: i64,
        sums: &mut LaneSums,
    ) -> Result<(), Self::Failure>;

    /// The lanes.
    fn lanes(&self) -> Result<Vec<LaneRow>, Self::Failure>;

    /// The first hour that records may lie in: what was before has been pruned, and lanes tell of it.
    fn oldest_hour(&self) -> Result<Option<i64>, Self::Failure>;
}

/// Adds a count and its newest record to the sum of a lane.
pub(super) fn add_sum(sums: &mut LaneSums, lane: LaneKey, count: u64, newest: Timestamp) {
    let sum = sums.entry(lane).or_insert((0, newest));
    *sum = (sum.0 + count, sum.1.max(newest));
}

/// The first hour of the oldest record that has not been pruned.
pub(super) fn first_hour(oldest: Option<Timestamp>, pruned_hour: Option<i64>) -> Option<i64> {
    oldest.map(|at| at.hour().max(pruned_hour.unwrap_or(i64::MIN)))
}

/// How many hours [`newest`] looks at in one step backwards at most; steps double up to this.
const LONGEST_STEP: i64 = 64;

/// Sums of the records with `after < at <= upto`.
pub(super) fn tally<T: TallyTables>(
    tables: &T,
    after: Timestamp,
    upto: Timestamp,
) -> Result<Vec<LaneTally>, T::Failure> {
    let mut sums = LaneSums::new();
    for (part, first, last) in parts(after, upto) {
        tables.add(part, first, last, &mut sums)?;
    }
    let tally = |((org, kind), (count, newest))| LaneTally { org, kind, count, newest };
    Ok(sums.into_iter().map(tally).collect())
}

/// What makes up a range, each with its first and last number, both included.
fn parts(after: Timestamp, upto: Timestamp) -> Vec<(TallyPart, i64, i64)> {
    if after >= upto {
        return Vec::new();
    }
    let (first, last) = (after.nanos().saturating_add(1), upto.nanos());
    // The first minute that begins in the range, and the first one that does not end in it.
    let minute = ceiling(first, |at| at.minute(), Timestamp::of_minute);
    let minute_end = Timestamp::from_nanos(last.saturating_add(1)).minute();
    if minute >= minute_end {
        return vec![(Records, first, last)];
    }
    let hour = ceiling(Timestamp::of_minute(minute).nanos(), |at| at.hour(), Timestamp::of_hour);
    let hour_end = Timestamp::of_minute(minute_end).hour();
    let mut parts = vec![(Records, first, Timestamp::of_minute(minute).nanos() - 1)];
    if hour >= hour_end {
        parts.push((Minutes, minute, minute_end - 1));
    } else {
        parts.push((Minutes, minute, hour * 60 - 1));
        parts.push((Hours, hour, hour_end - 1));
        parts.push((Minutes, hour_end * 60, minute_end - 1));
    }
    parts.push((Records, Timestamp::of_minute(minute_end).nanos(), last));
    parts.retain(|(_, first, last)| first <= last);
    parts
}

/// The number of the first span that begins at or after an instant.
fn ceiling(nanos: i64, number: impl Fn(Timestamp) -> i64, begin: impl Fn(i64) -> Timestamp) -> i64 {
    let inside = number(Timestamp::from_nanos(nanos));
    inside + i64::from(begin(inside).nanos() != nanos)
}

/// The newest record up to an instant of every organisation and kind.
///
/// Nearly always that is the newest ever. A lane with future records, or any lane after the clock went back, is looked
/// for in the totals, backwards, as far as there are records; before that only the newest expired one is known.
pub(super) fn newest<T: TallyTables>(
    tables: &T,
    upto: Timestamp,
) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, T::Failure> {
    let mut found = Vec::new();
    let mut open: HashMap<LaneKey, Option<Timestamp>> = HashMap::new();
    for (lane, newest, expired) in tables.lanes()? {
        if newest <= upto {
            found.push((lane.0, lane.1, newest));
        } else {
            open.insert(lane, expired.filter(|at| *at <= upto));
        }
    }
    if open.is_empty() {
        return Ok(found);
    }
    let oldest_hour = tables.oldest_hour()?;
    let mut end = upto;
    let mut hours = 1;
    while let Some(oldest) = oldest_hour.filter(|oldest| *oldest <= end.hour()) {
        let first_hour = (end.hour() - hours + 1).max(oldest);
        let after = Timestamp::from_nanos(Timestamp::of_hour(first_hour).nanos().saturating_sub(1));
        for tally in tally(tables, after, end)? {
            if let Some(expired) = open.remove(&(tally.org, tally.kind)) {
                let at = expired.map_or(tally.newest, |at| at.max(tally.newest));
                found.push((tally.org, tally.kind, at));
            }
        }
        if open.is_empty() {
            break;
        }
        end = after;
        hours = (hours * 2).min(LONGEST_STEP);
    }
    let only_expired = open.into_iter();
    found.extend(only_expired.filter_map(|((org, kind), at)| Some((org, kind, at?))));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;

    fn of(after: i64, upto: i64) -> Vec<(TallyPart, i64, i64)> {
        parts(Timestamp::from_nanos(after), Timestamp::from_nanos(upto))
    }

    #[test]
    fn a_short_range_is_records_alone() {
        assert_eq!(of(5, 9), [(Records, 6, 9)]);
        assert_eq!(of(MINUTE - 5, MINUTE + 5), [(Records, MINUTE - 4, MINUTE + 5)]);
        assert_eq!(of(9, 9), []);
        assert_eq!(of(10, 9), []);
    }

    #[test]
    fn a_range_of_whole_minutes_reads_no_record() {
        assert_eq!(of(MINUTE - 1, 3 * MINUTE - 1), [(Minutes, 1, 2)]);
    }

    #[test]
    fn a_whole_hour_is_its_total_which_is_there_when_its_records_and_minutes_are_not() {
        assert_eq!(of(HOUR - 1, 2 * HOUR - 1), [(Hours, 1, 1)]);
    }

    #[test]
    fn a_long_range_is_hours_with_minutes_around_them_and_records_at_the_ends() {
        assert_eq!(
            of(HOUR - 90 * SECOND, 3 * HOUR + 61 * SECOND),
            [
                (Records, HOUR - 90 * SECOND + 1, HOUR - MINUTE - 1),
                (Minutes, 59, 59),
                (Hours, 1, 2),
                (Minutes, 180, 180),
                (Records, 3 * HOUR + MINUTE, 3 * HOUR + 61 * SECOND),
            ]
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let all = parts(Timestamp::MIN, Timestamp::MAX);
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|(_, first, last)| first <= last));
    }
}
