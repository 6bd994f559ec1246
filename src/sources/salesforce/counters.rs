//! From counters that begin anew at midnight to "when last" and "how many in 60 minutes and 24 hours".
//!
//! The vendor counts each user's records since midnight and does not say of which time zone, so a counter that falls has
//! begun anew. What we know is only what rose between two looks: the time of a rise is the time of the look that saw it,
//! what synced between the last look and midnight is lost, and before a window is filled with looks its count is
//! unknown, not 0. A first look that sees records knows that something synced within the day, and not when: until
//! something rises, or a day has passed, that is unknown too.

use super::capture::CaptureUser;
use crate::domain::ids::{ObjectType, UserName};
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::windows::{DAY, HOUR};
use chrono::TimeDelta;
use std::collections::{HashMap, VecDeque};

/// A pause between looks that leaves the count of an hour as it is: a sixth of the window.
const PAUSE_OF_HOUR: TimeDelta = TimeDelta::minutes(10);
/// A pause between looks that leaves the count of a day as it is: a twelfth of the window, twice the longest interval.
const PAUSE_OF_DAY: TimeDelta = TimeDelta::hours(2);

/// What was seen of the counters of one organisation.
#[derive(Debug, Default)]
pub(super) struct Counters {
    seen: HashMap<UserName, Seen>,
    lanes: [Lane; ObjectType::COUNT],
}

#[derive(Debug)]
struct Seen {
    counts: [Option<u64>; ObjectType::COUNT],
    at: Timestamp,
}

/// Since when there were looks without a pause; `None` before the first.
type Since = Option<Timestamp>;

/// One object type.
#[derive(Debug, Default)]
struct Lane {
    /// Looks that saw a rise, and by how much; not older than a day.
    rises: VecDeque<(Timestamp, u64)>,
    last_rise: Option<Timestamp>,
    /// The first look, if it saw records and nothing has risen since.
    found: Option<Timestamp>,
    looked_at: Option<Timestamp>,
    hour_since: Since,
    day_since: Since,
}

impl Counters {
    /// Goes on from what was known before the first look.
    pub(super) fn resume(&mut self, last_rises: [Option<Timestamp>; ObjectType::COUNT]) {
        for (lane, last_rise) in self.lanes.iter_mut().zip(last_rises) {
            if lane.looked_at.is_none() {
                lane.last_rise = last_rise;
            }
        }
    }

    /// Takes a look at `now`.
    pub(super) fn look(&mut self, users: &[CaptureUser], now: Timestamp) {
        let mut rises = [0_u64; ObjectType::COUNT];
        let mut told = [false; ObjectType::COUNT];
        let mut sums = [0_u64; ObjectType::COUNT];
        for user in users {
            let before = self
                .seen
                .get(&user.name)
                .map_or([None; 2], |seen| seen.counts);
            let mut counts = before;
            let lanes = rises.iter_mut().zip(&mut told).zip(&mut sums);
            for (((rise, told), sum), (count, new)) in lanes.zip(counts.iter_mut().zip(user.synced))
            {
                let Some(new) = new else { continue };
                *told = true;
                *sum = sum.saturating_add(new);
                *rise = rise.saturating_add(risen(*count, new));
                *count = Some(new);
            }
            self.seen
                .insert(user.name.clone(), Seen { counts, at: now });
        }
        for (((lane, rise), told), sum) in self.lanes.iter_mut().zip(rises).zip(told).zip(sums) {
            if told {
                lane.look(rise, sum, now);
            }
        }
        // A user who comes back within the day goes on where they were.
        self.seen.retain(|_, seen| now.since(seen.at).abs() < DAY);
    }

    /// What is known at `now`, for a snapshot; rows that are not known are left out.
    pub(super) fn rows(&self, now: Timestamp) -> Vec<(OrgRow, OrgValue)> {
        let mut rows = Vec::new();
        for (object, lane) in ObjectType::ALL.iter().copied().zip(&self.lanes) {
            if lane.looked_at != Some(now) {
                continue;
            }
            if let Some(at) = lane.last_sync(now) {
                rows.push((OrgRow::LastSync(object), OrgValue::Instant(at)));
            }
            let windows = [
                (OrgRow::Synced60m(object), lane.hour_since, HOUR),
                (OrgRow::Synced24h(object), lane.day_since, DAY),
            ];
            for (row, since, window) in windows {
                if !lane.may_have_synced(now)
                    && since.is_some_and(|since| now.since(since) >= window)
                {
                    rows.push((row, OrgValue::Count(lane.within(window, now))));
                }
            }
        }
        rows
    }
}

/// By how much a counter rose. The first look knows no rise, and one that fell has begun anew.
fn risen(before: Option<u64>, now: u64) -> u64 {
    match before {
        None => 0,
        Some(before) if now >= before => now - before,
        Some(_) => now,
    }
}

impl Lane {
    fn look(&mut self, rise: u64, sum: u64, now: Timestamp) {
        if self.looked_at.is_none() && sum > 0 {
            self.found = Some(now);
        }
        let pause = self.looked_at.map(|at| now.since(at));
        // A clock that went back makes every earlier look useless for windows that end now.
        if pause.is_some_and(|pause| pause < TimeDelta::zero()) {
            self.rises.clear();
        }
        let restarts = |longest: TimeDelta| {
            pause.is_none_or(|pause| pause < TimeDelta::zero() || pause > longest)
        };
        if restarts(PAUSE_OF_HOUR) {
            self.hour_since = Some(now);
        }
        if restarts(PAUSE_OF_DAY) {
            self.day_since = Some(now);
        }
        self.looked_at = Some(now);
        if rise > 0 {
            self.rises.push_back((now, rise));
            self.last_rise = Some(now);
            self.found = None;
        }
        while self
            .rises
            .front()
            .is_some_and(|(at, _)| *at <= now.minus(DAY))
        {
            self.rises.pop_front();
        }
    }

    /// Whether nobody can say yet when what the first look saw was synced.
    fn may_have_synced(&self, now: Timestamp) -> bool {
        self.last_rise.is_none() && self.found.is_some_and(|found| now.since(found) < DAY)
    }

    /// When a sync was seen last. Counters hold a day's records, so what the first look saw is younger than a last
    /// sync of more than a day before, and was there at that look at the latest.
    fn last_sync(&self, now: Timestamp) -> Option<Timestamp> {
        let Some(found) = self.found else {
            return self.last_rise;
        };
        match self.last_rise {
            Some(known) if found.since(known) < DAY && now.since(found) < DAY => Some(known),
            None if now.since(found) < DAY => None,
            Some(_) | None => Some(found),
        }
    }

    fn within(&self, window: TimeDelta, now: Timestamp) -> u64 {
        let from = now.minus(window);
        let inside = self.rises.iter().rev().take_while(|(at, _)| *at > from);
        inside.map(|(_, rise)| rise).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::salesforce::capture::{Connectivity, Onboarding};

    fn user(name: &str, contacts: Option<u64>) -> CaptureUser {
        CaptureUser {
            name: UserName::new(name).unwrap(),
            id: None,
            address: None,
            recommended: None,
            has_configuration: true,
            connectivity: Connectivity::Active,
            onboarding: Onboarding::Complete,
            synced: [contacts, None],
        }
    }

    fn minute(n: i64) -> Timestamp {
        Timestamp::from_seconds(n * 60)
    }

    fn looked(counters: &mut Counters, at: i64, count: u64) -> Vec<(OrgRow, OrgValue)> {
        counters.look(&[user("ann", Some(count))], minute(at));
        counters.rows(minute(at))
    }

    const CONTACTS: ObjectType = ObjectType::Contacts;

    #[test]
    fn before_the_first_rise_and_a_full_window_nothing_is_claimed() {
        let mut counters = Counters::default();
        assert_eq!(looked(&mut counters, 0, 41), []);
        assert_eq!(
            looked(&mut counters, 5, 43),
            [(OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(5)))]
        );
    }

    #[test]
    fn an_hour_of_looks_makes_a_count_and_a_day_makes_the_other() {
        let mut counters = Counters::default();
        for at in 0..60 {
            looked(&mut counters, at, u64::try_from(at).unwrap());
        }
        let rows = looked(&mut counters, 60, 60);
        assert!(rows.contains(&(OrgRow::Synced60m(CONTACTS), OrgValue::Count(60))));
        for at in 61..1440 {
            looked(&mut counters, at, 60);
        }
        let rows = looked(&mut counters, 1440, 60);
        assert_eq!(
            rows,
            [
                (OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(60))),
                (OrgRow::Synced60m(CONTACTS), OrgValue::Count(0)),
                (OrgRow::Synced24h(CONTACTS), OrgValue::Count(60)),
            ]
        );
    }

    #[test]
    fn midnight_takes_nothing_away_and_counts_what_came_after_it() {
        let mut counters = Counters::default();
        for at in 0..61 {
            looked(&mut counters, at, 500);
        }
        let rows = looked(&mut counters, 61, 3);
        assert!(
            rows.contains(&(OrgRow::Synced60m(CONTACTS), OrgValue::Count(3))),
            "{rows:?}"
        );
        assert!(rows.contains(&(OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(61)))));
        let rows = looked(&mut counters, 62, 3);
        assert!(rows.contains(&(OrgRow::Synced60m(CONTACTS), OrgValue::Count(3))));
    }

    #[test]
    fn a_pause_makes_the_count_of_the_hour_unknown_but_not_that_of_the_day() {
        let mut counters = Counters::default();
        for at in 0..1441 {
            looked(&mut counters, at, 10);
        }
        let rows = looked(&mut counters, 1441 + 20, 17);
        assert_eq!(
            rows,
            [
                (OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(1461))),
                (OrgRow::Synced24h(CONTACTS), OrgValue::Count(7)),
            ]
        );
        assert_eq!(looked(&mut counters, 1461 + 121, 17).len(), 1);
    }

    const LAST: OrgRow = OrgRow::LastSync(CONTACTS);

    #[test]
    fn records_of_before_the_first_look_are_not_taken_for_silence() {
        let mut counters = Counters::default();
        for at in 0..1440 {
            assert_eq!(looked(&mut counters, at, 500), [], "{at}");
        }
        // Nothing rose for a day: what the first look saw was synced before it.
        let rows = looked(&mut counters, 1440, 500);
        assert_eq!(rows[0], (LAST, OrgValue::Instant(minute(0))));
        assert_eq!(rows[2], (OrgRow::Synced24h(CONTACTS), OrgValue::Count(0)));
        let mut counters = Counters::default();
        looked(&mut counters, 0, 500);
        let rows = looked(&mut counters, 1, 501);
        assert_eq!(rows, [(LAST, OrgValue::Instant(minute(1)))]);
    }

    #[test]
    fn an_outage_goes_on_across_a_restart() {
        let resumed = |known| {
            let mut counters = Counters::default();
            counters.resume([Some(minute(known)), None]);
            counters
        };
        // It was quiet for 20 hours; the counters have begun anew since.
        let mut counters = resumed(0);
        assert_eq!(
            looked(&mut counters, 1200, 0),
            [(LAST, OrgValue::Instant(minute(0)))]
        );
        assert_eq!(
            looked(&mut counters, 1500, 0)[0].1,
            OrgValue::Instant(minute(0))
        );
        // After two days without a look, records of today were synced since.
        let mut counters = resumed(0);
        assert_eq!(
            looked(&mut counters, 2880, 7)[0].1,
            OrgValue::Instant(minute(2880))
        );
    }

    #[test]
    fn users_who_come_and_go_are_no_rise() {
        let mut counters = Counters::default();
        counters.look(&[user("ann", Some(5))], minute(0));
        counters.look(&[user("ann", Some(5)), user("bob", Some(900))], minute(1));
        counters.look(&[user("bob", Some(900))], minute(2));
        counters.look(&[user("ann", Some(7)), user("bob", Some(900))], minute(3));
        assert_eq!(
            counters.rows(minute(3)),
            [(OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(3)))]
        );
    }

    #[test]
    fn fields_that_are_not_there_claim_nothing() {
        let mut counters = Counters::default();
        for at in 0..2000 {
            counters.look(&[user("ann", None)], minute(at));
        }
        assert_eq!(counters.rows(minute(1999)), []);
    }
}
