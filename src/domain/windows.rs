//! Exact sliding windows `(now − 60 min, now]` and `(now − 24 h, now]` over records that survive in a [`Ledger`].
//!
//! Memory does not depend on how many records there are: each lane keeps two counters, and three cursors walk over
//! the ledger. A record is counted when it enters, and taken out when a cursor passes it on its way out. Late records
//! that no cursor will meet are not counted; future ones wait until they are due. After a step of the clock, or at the
//! start, the counters are made anew from the ledger's totals.

use super::activity::{ActivityKind, ActivityRecord};
use super::ids::OrgId;
use super::time::Timestamp;
use chrono::TimeDelta;
use std::collections::HashMap;

/// The short window.
pub const HOUR: TimeDelta = TimeDelta::minutes(60);
/// The long window.
pub const DAY: TimeDelta = TimeDelta::hours(24);
/// The largest step forward that the cursors walk; a larger one (a suspended machine, a moved clock) is cheaper and
/// safer to answer from totals.
const LONGEST_WALK: TimeDelta = TimeDelta::minutes(5);

/// How many records of a kind lie in a range, and the newest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneTally {
    /// Whose records.
    pub org: OrgId,
    /// Which kind.
    pub kind: ActivityKind,
    /// How many.
    pub count: u64,
    /// The newest `at` among them.
    pub newest: Timestamp,
}

/// Stored records as ranges of time.
pub trait Ledger {
    /// Why a range could not be read.
    type Error;

    /// Sums of the records with `after < at <= upto`, at most one for each organisation and kind.
    ///
    /// # Errors
    /// When the store cannot be read; the windows stay as they were.
    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, Self::Error>;

    /// The newest `at <= upto` of each organisation and kind, records that were too old to be stored included.
    ///
    /// # Errors
    /// When the store cannot be read; the windows stay as they were.
    fn newest(&self, upto: Timestamp)
    -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, Self::Error>;
}

/// The figures of one organisation and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneFigures {
    /// Records in `(now − 60 min, now]`.
    pub last_60m: u64,
    /// Records in `(now − 24 h, now]`.
    pub last_24h: u64,
    /// The newest record up to now.
    pub newest: Option<Timestamp>,
}

/// The lanes of one organisation, by [`ActivityKind::index`].
pub type Lanes = [LaneFigures; ActivityKind::COUNT];

/// The windows of every organisation at one instant.
#[derive(Debug, Clone, Default)]
pub struct Windows {
    head: Option<Timestamp>,
    lanes: HashMap<OrgId, Lanes>,
}

impl Windows {
    /// Windows that know nothing; the first [`Self::advance`] reads the ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// The instant the figures are exact for.
    pub fn head(&self) -> Option<Timestamp> {
        self.head
    }

    /// The figures of an organisation.
    pub fn lanes(&self, org: OrgId) -> Lanes {
        self.lanes.get(&org).copied().unwrap_or_default()
    }

    /// Moves the windows to `now`.
    ///
    /// # Errors
    /// When the ledger cannot be read; nothing has changed then.
    pub fn advance<L: Ledger>(&mut self, now: Timestamp, ledger: &L) -> Result<(), L::Error> {
        match self.head {
            Some(head) if head == now => Ok(()),
            Some(head) if head < now && now.since(head) <= LONGEST_WALK => {
                self.walk(head, now, ledger)
            }
            _ => self.rebuild(now, ledger),
        }
    }

    /// Makes every figure anew from the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read; nothing has changed then.
    pub fn rebuild<L: Ledger>(&mut self, now: Timestamp, ledger: &L) -> Result<(), L::Error> {
        let hour = ledger.tally(now.minus(HOUR), now)?;
        let day = ledger.tally(now.minus(DAY), now)?;
        let newest = ledger.newest(now)?;
        self.lanes.clear();
        for (org, kind, at) in newest {
            self.lane(org, kind).newest = Some(at);
        }
        self.each(hour, |lane, tally| lane.last_60m = tally.count);
        self.each(day, |lane, tally| lane.last_24h = tally.count);
        self.head = Some(now);
        Ok(())
    }

    fn walk<L: Ledger>(
        &mut self,
        head: Timestamp,
        now: Timestamp,
        ledger: &L,
    ) -> Result<(), L::Error> {
        let entering = ledger.tally(head, now)?;
        let leaving_hour = ledger.tally(head.minus(HOUR), now.minus(HOUR))?;
        let leaving_day = ledger.tally(head.minus(DAY), now.minus(DAY))?;
        self.each(entering, |lane, tally| {
            lane.last_60m += tally.count;
            lane.last_24h += tally.count;
            lane.newest = lane.newest.max(Some(tally.newest));
        });
        self.each(leaving_hour, |lane, tally| {
            lane.last_60m = lane.last_60m.saturating_sub(tally.count);
        });
        self.each(leaving_day, |lane, tally| {
            lane.last_24h = lane.last_24h.saturating_sub(tally.count);
        });
        self.head = Some(now);
        Ok(())
    }

    /// Counts a record that the ledger has just taken for the first time.
    pub fn insert(&mut self, org: OrgId, record: &ActivityRecord) {
        let Some(head) = self.head else { return };
        if record.at > head {
            return;
        }
        let lane = self.lane(org, record.kind);
        lane.last_60m += u64::from(record.at > head.minus(HOUR));
        lane.last_24h += u64::from(record.at > head.minus(DAY));
        lane.newest = lane.newest.max(Some(record.at));
    }

    /// Notes a record that was too old to be stored: it proves a sync and counts in no window.
    pub fn note_expired(&mut self, org: OrgId, kind: ActivityKind, at: Timestamp) {
        if self.head.is_some_and(|head| at <= head) {
            let lane = self.lane(org, kind);
            lane.newest = lane.newest.max(Some(at));
        }
    }

    fn each(&mut self, tallies: Vec<LaneTally>, change: impl Fn(&mut LaneFigures, &LaneTally)) {
        for tally in tallies {
            change(self.lane(tally.org, tally.kind), &tally);
        }
    }

    fn lane(&mut self, org: OrgId, kind: ActivityKind) -> &mut LaneFigures {
        let lanes = self.lanes.entry(org).or_default();
        #[expect(
            clippy::indexing_slicing,
            reason = "a kind's index is below the number of kinds, which is the array's length"
        )]
        &mut lanes[kind.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::IdentityKey;
    use std::cell::Cell;
    use std::convert::Infallible;

    /// A ledger in memory that counts how often it is read, and how often for the newest.
    #[derive(Default)]
    struct Records {
        all: Vec<(OrgId, ActivityRecord)>,
        reads: Cell<(u32, u32)>,
    }

    impl Records {
        fn of(&self, org: OrgId, kind: ActivityKind) -> impl Iterator<Item = Timestamp> + Clone {
            let of =
                move |(by, record): &&(OrgId, ActivityRecord)| *by == org && record.kind == kind;
            self.all.iter().filter(of).map(|(_, record)| record.at)
        }

        fn lanes(&self) -> impl Iterator<Item = (OrgId, ActivityKind)> {
            let kinds = (0..ActivityKind::COUNT).filter_map(ActivityKind::from_index);
            kinds.flat_map(|kind| [OrgId(1), OrgId(2)].map(|org| (org, kind)))
        }
    }

    impl Ledger for Records {
        type Error = Infallible;

        fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, Infallible> {
            let (tallies, newest) = self.reads.get();
            self.reads.set((tallies + 1, newest));
            let tally = |(org, kind)| {
                let within = self.of(org, kind).filter(|at| after < *at && *at <= upto);
                let newest = within.clone().max()?;
                Some(LaneTally { org, kind, count: within.count() as u64, newest })
            };
            Ok(self.lanes().filter_map(tally).collect())
        }

        fn newest(
            &self,
            upto: Timestamp,
        ) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, Infallible> {
            let (tallies, newest) = self.reads.get();
            self.reads.set((tallies, newest + 1));
            let newest =
                |(org, kind)| Some((org, kind, self.of(org, kind).filter(|at| *at <= upto).max()?));
            Ok(self.lanes().filter_map(newest).collect())
        }
    }

    #[test]
    fn every_figure_is_what_a_count_of_all_records_gives() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let minutes = [0, 1, 5, 4, 0, 2, 6, 5, 1, -10, 3, 90, 5, 5, 1440, 1, 5, 5, 5, 60, 1];
        let lateness = [0, 1, 59, 60, 61, 300, 1439, 1440, 1441, -1, -3, 1380];
        let (mut windows, mut records) = (Windows::new(), Records::default());
        let (mut now, mut number) = (start, 0);
        for step in minutes.into_iter().cycle().take(210) {
            let head = windows.head();
            now = now.plus(TimeDelta::minutes(step));
            records.reads.set((0, 0));
            windows.advance(now, &records).unwrap();
            let reads = match head {
                Some(_) if step == 0 => (0, 0),
                Some(_) if (1..=5).contains(&step) => (3, 0),
                _ => (2, 1),
            };
            assert_eq!((records.reads.get(), windows.head()), (reads, Some(now)), "{step} min");
            for late in lateness {
                number += 1;
                let kind = ActivityKind::from_index(number % ActivityKind::COUNT).unwrap();
                let at = now.minus(TimeDelta::minutes(late));
                let key = IdentityKey::new([7; 16]).of_id("acme", at, &number.to_string());
                let org = OrgId(1 + u32::from(number % 5 == 0));
                let record = ActivityRecord { at, kind, key };
                windows.insert(org, &record);
                records.all.push((org, record));
            }
            for (org, kind) in records.lanes() {
                let within = |span| {
                    let after = now.minus(span);
                    records.of(org, kind).filter(|at| after < *at && *at <= now).count() as u64
                };
                let figures = LaneFigures {
                    last_60m: within(HOUR),
                    last_24h: within(DAY),
                    newest: records.of(org, kind).filter(|at| *at <= now).max(),
                };
                assert_eq!(windows.lanes(org)[kind.index()], figures, "{now} {org:?} {kind:?}");
            }
        }
    }

    #[test]
    fn what_was_too_old_to_be_stored_proves_a_sync_and_counts_in_no_window() {
        let at = Timestamp::from_seconds;
        let (org, kind) = (OrgId(1), ActivityKind::from_index(0).unwrap());
        let newest = |windows: &Windows| windows.lanes(org)[kind.index()];
        let mut windows = Windows::new();
        windows.note_expired(org, kind, at(0));
        assert_eq!(newest(&windows), LaneFigures::default(), "nothing is known yet");
        windows.advance(at(100), &Records::default()).unwrap();
        for (noted, known) in [(101, None), (100, Some(100)), (90, Some(100))] {
            windows.note_expired(org, kind, at(noted));
            let figures = LaneFigures { newest: known.map(at), ..LaneFigures::default() };
            assert_eq!(newest(&windows), figures, "{noted}");
        }
    }
}
