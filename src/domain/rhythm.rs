//! What is usual of an organisation: how many records its own last four weeks had at the same hours of the week.
//!
//! Of four weeks the least counts, hour by hour: a silence is unusual only where every one of them had records. What
//! cannot be compared adds nothing: closed hours, holidays, an hour that is not over, and what was never reported. Where
//! silences are common, because records come in bursts, more has to be missing.

use super::activity::ActivityRecord;
use super::calendar::OpenHours;
use super::ids::{ObjectType, OrgId, Outcome};
use super::time::Timestamp;
use super::windows::Ledger;
use chrono::{Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use enum_map::EnumMap;
use std::collections::HashMap;
use std::sync::Arc;

const WEEK: i64 = 168;
/// How many weeks are compared with.
const COMPARED: usize = 4;
/// How many suffice to judge a silence of the past: those of the first weeks have fewer beside them.
const COMPARED_BEFORE: usize = 3;
/// How many weeks are looked at: the week before now, those that it is compared with, and two in which holidays fall.
const WEEKS: i64 = 7;
const HOURS: i64 = WEEKS * WEEK;
/// How many hours one call reads at most: a start with many organisations reads seven weeks in under a minute of ticks, and
/// no tick takes long.
const HOURS_A_CALL: i64 = 24;
/// How many records have to be missing: with so many in the least of four weeks, an hour without any is no accident.
const MISSING: u64 = 20;
/// How many times as many as in the silences of the past.
const TIMES_BEFORE: u64 = 3;

/// Where more than one of so many usual hours was silent there is no rhythm.
const RHYTHM: u64 = 20;

/// Synced records by hour, a ring: the place of an hour is its number modulo [`HOURS`].
type Counts = EnumMap<ObjectType, Box<[u16]>>;

/// How many records synced in each hour of the last weeks, of every organisation.
#[derive(Debug, Default)]
pub struct Rhythms {
    /// The hours that are known, the first included, the last not.
    known: Option<(i64, i64)>,
    orgs: HashMap<OrgId, Counts>,
}

fn place(hour: i64) -> usize {
    hour.rem_euclid(HOURS) as usize
}

impl Rhythms {
    /// Reads hours that are over by `now` and not known yet, some in each call. After a step of the clock it begins anew.
    ///
    /// # Errors
    /// When the ledger cannot be read; the same hours are read again then.
    pub fn advance<L: Ledger>(&mut self, now: Timestamp, ledger: &L) -> Result<(), L::Error> {
        let head = now.hour();
        let goes_on = self.known.filter(|(_, end)| (0..=WEEK).contains(&(head - end)));
        let (mut first, mut end) = goes_on.unwrap_or((head, head));
        if goes_on.is_none() {
            self.orgs.clear();
        }
        for _ in 0..HOURS_A_CALL {
            if end < head {
                self.read(end, ledger)?;
                end += 1;
                first = first.max(end - HOURS);
            } else if first > end - HOURS {
                self.read(first - 1, ledger)?;
                first -= 1;
            }
            self.known = Some((first, end));
        }
        Ok(())
    }

    fn read<L: Ledger>(&mut self, hour: i64, ledger: &L) -> Result<(), L::Error> {
        let just_before = |hour| Timestamp::from_nanos(Timestamp::of_hour(hour).nanos() - 1);
        let tallies = ledger.tally(just_before(hour), just_before(hour + 1))?;
        for counts in self.orgs.values_mut().flat_map(EnumMap::values_mut) {
            if let Some(count) = counts.get_mut(place(hour)) {
                *count = 0;
            }
        }
        for tally in tallies.iter().filter(|tally| tally.kind.outcome == Outcome::Synced) {
            self.add(tally.org, tally.kind.object_type, hour, tally.count);
        }
        Ok(())
    }

    fn add(&mut self, org: OrgId, object: ObjectType, hour: i64, records: u64) {
        let counts = self
            .orgs
            .entry(org)
            .or_insert_with(|| EnumMap::from_fn(|_| vec![u16::MIN; HOURS as usize].into()));
        if let Some(count) = counts[object].get_mut(place(hour)) {
            *count = count.saturating_add(u16::try_from(records).unwrap_or(u16::MAX));
        }
    }

    /// Counts a record that the ledger has just taken for the first time. Those of hours that are still to be read come
    /// with them.
    pub fn insert(&mut self, org: OrgId, record: &ActivityRecord) {
        let Some((first, end)) = self.known else {
            return;
        };
        let hour = record.at.hour();
        if (first..end).contains(&hour) && record.kind.outcome == Outcome::Synced {
            self.add(org, record.kind.object_type, hour, 1);
        }
    }

    /// The hour that all is known up to; `None` while there is more to read.
    pub fn head(&self) -> Option<i64> {
        self.known.and_then(|(first, end)| (end - first == HOURS).then_some(end))
    }

    /// What is usual of an organisation in the week before the head.
    pub fn usual(&self, org: OrgId, zone: Tz, open: &OpenHours) -> Option<Arc<Usual>> {
        let head = self.head()?;
        let counts = self.orgs.get(&org);
        Some(Arc::new(Usual::of(head, zone, open, |object, hour| {
            let counts = counts.map(|counts| &counts[object]);
            let count = counts.and_then(|counts| counts.get(place(hour)));
            count.map(|count| u64::from(*count)).unwrap_or_default()
        })))
    }
}

/// What is usual of an organisation in the week before an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usual {
    head: i64,
    objects: EnumMap<ObjectType, UsualRecords>,
}

/// What is usual of one object type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct UsualRecords {
    /// Hours in which records are usual, with the sum of all up to each.
    sums: Vec<(i64, u64)>,
    /// How many have to be missing.
    missing: u64,
}

impl Usual {
    /// From the counts of the hours before `head`. Weeks are those of the clocks in `zone`, and where these were put
    /// forward or back those of UTC as well: people follow the one, and many a job the other.
    pub fn of(
        head: i64,
        zone: Tz,
        open: &OpenHours,
        count: impl Fn(ObjectType, i64) -> u64,
    ) -> Self {
        let mut clocks = [zone, Tz::UTC].map(|zone| LocalHours::new(head, zone, open));
        let objects = EnumMap::from_fn(|object| {
            for weeks in &mut clocks {
                weeks.count(|hour| count(object, hour));
            }
            let [here, utc] = clocks.each_ref().map(|weeks| weeks.usual(head));
            let mut sum = u64::default();
            let usual = here.into_iter().zip(utc).filter_map(|((hour, here), (_, utc))| {
                sum += here?.min(utc?);
                Some((hour, sum))
            });
            let sums = usual.collect();
            let [here, _] = &clocks;
            UsualRecords { sums, missing: here.missing() }
        });
        Self { head, objects }
    }

    /// The hour that it was made for.
    pub fn head(&self) -> i64 {
        self.head
    }

    /// Whether records of `object` are missing when there is none after `last` up to `upto`: by whole hours between.
    pub fn is_missing(&self, object: ObjectType, last: Timestamp, upto: Timestamp) -> bool {
        let records = &self.objects[object];
        let before = |hour: i64| {
            let index = records.sums.partition_point(|(known, _)| *known < hour);
            let sum = index.checked_sub(1).and_then(|index| records.sums.get(index));
            sum.map_or(0, |(_, sum)| *sum)
        };
        before(upto.hour()).saturating_sub(before(last.hour() + 1)) >= records.missing
    }
}

/// Hours by what the clocks of a zone show, as numbers like those of UTC. An hour that the clocks show twice is one, and one
/// that they skip is closed.
struct LocalHours {
    /// Each open hour with its place.
    places: Vec<(i64, usize)>,
    /// The records of the hour at each place; `None`: closed.
    records: Vec<Option<u64>>,
}

impl LocalHours {
    fn new(head: i64, zone: Tz, open: &OpenHours) -> Self {
        let local = |hour: i64| {
            let at = Timestamp::of_hour(hour).datetime().naive_utc();
            let offset = zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
            hour + i64::from(offset).div_euclid(3600)
        };
        let is_open = |hour: &i64| {
            let (begins, ends) = (Timestamp::of_hour(*hour), Timestamp::of_hour(hour + 1));
            open.open_time(begins, ends) > TimeDelta::zero()
        };
        // A week to spare on both sides: no zone ever changed by as much.
        let first = local(head - HOURS) - WEEK;
        let places = (head - HOURS..head).filter(is_open);
        let places = places.map(|hour| (hour, (local(hour) - first) as usize)).collect();
        Self { places, records: vec![None; (WEEK + HOURS + WEEK) as usize] }
    }

    fn count(&mut self, count: impl Fn(i64) -> u64) {
        self.records.fill(None);
        for (hour, place) in &self.places {
            if let Some(records) = self.records.get_mut(*place) {
                *records = Some(records.unwrap_or_default() + count(*hour));
            }
        }
    }

    /// The least of the latest other weeks that were open at the same hour; `None` where fewer than `needed` were.
    fn least(&self, place: usize, needed: usize) -> Option<u64> {
        let week = WEEK as usize;
        let same = self.records.iter().enumerate().skip(place % week).step_by(week).rev();
        let others = same.filter(|(other, _)| *other != place).filter_map(|(_, records)| *records);
        let compared: Vec<u64> = others.take(COMPARED).collect();
        compared.iter().min().copied().filter(|_| compared.len() >= needed)
    }

    /// What is usual in the open hours of the week before `head`.
    fn usual(&self, head: i64) -> Vec<(i64, Option<u64>)> {
        let lately = self.places.iter().filter(|(hour, _)| *hour >= head - WEEK);
        lately.map(|(hour, place)| (*hour, self.least(*place, COMPARED))).collect()
    }

    /// How many records have to be missing, by what was missing in the silences of the past. The longest of them may have
    /// been a stop, and the one that goes on is not over. Where the others are many, there is no rhythm.
    fn missing(&self) -> u64 {
        // Each silence by the records that were missing, and its hours.
        let (mut silences, mut silence) = (Vec::new(), <(u64, u64)>::default());
        let mut hours = u64::default();
        for (place, records) in self.records.iter().enumerate() {
            let usual = self.least(place, COMPARED_BEFORE).filter(|usual| *usual > 0);
            match (records, usual) {
                (Some(0), Some(usual)) => silence = (silence.0 + usual, silence.1 + 1),
                (Some(1..), _) => silences.push(std::mem::take(&mut silence)),
                _ => {}
            }
            hours += u64::from(records.and(usual).is_some());
        }
        silences.sort_unstable();
        silences.pop();
        let silent: u64 = silences.iter().map(|(_, hours)| hours).sum();
        if silent * RHYTHM > hours {
            return u64::MAX;
        }
        let longest = silences.last().map(|(records, _)| records * TIMES_BEFORE);
        MISSING.max(longest.unwrap_or_default())
    }
}

/// How many days with records before today are remembered.
const DAYS_BEFORE: usize = 7;

/// How late records come: of each day the latest, in minutes, begun ones as whole ones; today's first, 0 where none is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedDelay {
    day: i64,
    minutes: [u16; DAYS_BEFORE + 1],
}

impl FeedDelay {
    /// Notes a record that is newer than all before it.
    pub fn take(&mut self, at: Timestamp, received_at: Timestamp) {
        let day = received_at.hour().div_euclid(24);
        let late = received_at.since(at).num_minutes().saturating_add(1).max(1);
        let late = u16::try_from(late).unwrap_or(u16::MAX);
        if day > self.day {
            self.minutes.rotate_right(1);
            self.day = day;
            let [today, ..] = &mut self.minutes;
            *today = late;
        }
        let [today, ..] = &mut self.minutes;
        *today = late.max(*today);
    }

    /// How late records usually are at most: as today, and as on all days before but one, on which the feed may have been
    /// down. `None` before the first.
    pub fn usual(&self) -> Option<TimeDelta> {
        let [today, mut before @ ..] = self.minutes;
        before.sort_unstable();
        let [.., second, latest] = before;
        let before = if second == 0 { latest } else { second };
        let usual = today.max(before);
        (usual > 0).then(|| TimeDelta::minutes(i64::from(usual)))
    }

    /// As the store has it.
    pub fn bytes(&self) -> Arc<[u8]> {
        let minutes = self.minutes.iter().flat_map(|minutes| minutes.to_le_bytes());
        self.day.to_le_bytes().into_iter().chain(minutes).collect()
    }

    /// From what [`Self::bytes`] gave; of anything else nothing is known.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let read = || {
            let (day, minutes) = bytes.split_first_chunk::<8>()?;
            let (pairs, []) = minutes.as_chunks::<2>() else { return None };
            let minutes: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
            Some(Self { day: i64::from_le_bytes(*day), minutes: minutes.try_into().ok()? })
        };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
