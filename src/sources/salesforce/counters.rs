//! From counters that begin anew at midnight to "when last" and "how many in 60 minutes and 24 hours".
//!
//! The vendor counts each user's records since midnight, which is taken to be the organisation's own. What we know is only
//! what rose between two looks: the time of a rise is the time of the look that saw it, what synced between the last look
//! and midnight is lost, and before a window is filled with looks its count is unknown, not 0. After a restart, or a long
//! pause, a rise is as old as it may be: the look before it, or midnight.

use super::users::CaptureUser;
use crate::domain::ids::ObjectType;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::windows::{DAY, HOUR};
use chrono::{NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use enum_map::EnumMap;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A pause between looks that leaves the count of an hour as it is: a sixth of the window.
const PAUSE_OF_HOUR: TimeDelta = TimeDelta::minutes(10);
/// A pause between looks that leaves the count of a day as it is: a twelfth of the window, twice the longest interval.
const PAUSE_OF_DAY: TimeDelta = TimeDelta::hours(2);

/// How many configurations are remembered; an organisation has a few. Of the others, only a user's own count shows a sync.
const MAX_CONFIGURATIONS: usize = 256;

/// The day on which clocks go back.
const LONGEST_DAY: TimeDelta = TimeDelta::hours(25);

/// What was seen of the counters of one organisation.
#[derive(Debug)]
pub(super) struct Counters {
    zone: Tz,
    /// By the user's id, or name where there is none.
    users: HashMap<String, UserCounts>,
    objects: EnumMap<ObjectType, ObjectCounts>,
}

#[derive(Debug)]
struct UserCounts {
    counts: EnumMap<ObjectType, Option<u64>>,
    at: Timestamp,
}

/// What one look sees of an object type.
#[derive(Debug, Clone, Copy, Default)]
struct ObjectLook {
    rise: u64,
    sum: u64,
    /// How many users have a count.
    users: u64,
}

/// What a restart has to know of an object type: the counters' sum at the last look, and whose users were seen to sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Baseline {
    sum: u64,
    /// Of how many users, where that is known.
    #[serde(default)]
    users: Option<u64>,
    /// When, in nanoseconds since the epoch.
    looked_at: i64,
    #[serde(default)]
    configurations: BTreeSet<String>,
}

/// Since when there were looks without a pause; `None` before the first.
type Since = Option<Timestamp>;

/// One object type.
#[derive(Debug, Default)]
struct ObjectCounts {
    /// Looks that saw a rise, and by how much; not older than a day.
    rises: VecDeque<(Timestamp, u64)>,
    last_rise: Option<Timestamp>,
    /// The first look, if it saw records, and nothing has risen since or was known before.
    found: Option<Timestamp>,
    /// What the last look of an earlier poller saw.
    baseline: Option<Baseline>,
    /// Configurations of which a user had a record; the empty name is for users of none.
    configurations: BTreeSet<String>,
    /// The latest look, and when.
    look: ObjectLook,
    looked_at: Option<Timestamp>,
    hour_since: Since,
    day_since: Since,
}

impl Counters {
    /// Counters of an organisation in a time zone, that nobody has looked at.
    pub(super) fn new(zone: Tz) -> Self {
        Self { zone, users: HashMap::new(), objects: EnumMap::default() }
    }

    /// Goes on from what was known before the first look: the last syncs, and what [`Self::memory`] gave. Memory of
    /// another form is none.
    pub(super) fn resume(
        &mut self,
        last_rises: EnumMap<ObjectType, Option<Timestamp>>,
        memory: Option<&[u8]>,
    ) {
        let baselines: [Option<Baseline>; ObjectType::COUNT] =
            memory.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        for ((object, counts), baseline) in self.objects.iter_mut().zip(baselines) {
            if counts.looked_at.is_none() {
                counts.last_rise = last_rises[object];
                let known = baseline.iter().flat_map(|known| known.configurations.iter().cloned());
                counts.configurations = known.take(MAX_CONFIGURATIONS).collect();
                counts.baseline = baseline;
            }
        }
    }

    /// What a restart has to know; `None` before the first look.
    pub(super) fn memory(&self) -> Option<Vec<u8>> {
        let baselines = self.objects.as_array().each_ref().map(|counts| {
            let ObjectLook { sum, users, .. } = counts.look;
            let looked_at = counts.looked_at?.nanos();
            let configurations = counts.configurations.clone();
            Some(Baseline { sum, users: Some(users), looked_at, configurations })
        });
        let any = baselines.iter().any(Option::is_some);
        any.then(|| serde_json::to_vec(&baselines).ok())?
    }

    /// Takes a look at `now`.
    pub(super) fn look(&mut self, users: &[CaptureUser], now: Timestamp) {
        let today = self.day(now);
        let mut looks: EnumMap<ObjectType, ObjectLook> = EnumMap::default();
        for user in users {
            let before = self.users.get(user.key());
            let same_day = before.is_some_and(|before| self.day(before.at) == today);
            let mut counts = before.map(|before| before.counts).unwrap_or_default();
            for (object, look) in &mut looks {
                let Some(new) = user.synced[object] else { continue };
                if new > 0 {
                    self.objects[object].note_configuration(user);
                }
                look.users += 1;
                look.sum = look.sum.saturating_add(new);
                look.rise = look.rise.saturating_add(risen(counts[object], new, same_day));
                counts[object] = Some(new);
            }
            self.users.insert(user.key().to_owned(), UserCounts { counts, at: now });
        }
        let midnight = self.midnight(now);
        for (object, look) in looks {
            if look.users > 0 {
                self.objects[object].take(look, now, midnight);
            }
        }
        // A user who comes back within the day goes on where they were.
        self.users.retain(|_, seen| now.since(seen.at).abs() < DAY);
    }

    /// Whether anything was seen to sync since an instant.
    pub(super) fn synced_since(&self, since: Timestamp) -> bool {
        self.objects.values().any(|counts| counts.last_rise.is_some_and(|at| at >= since))
    }

    /// Whether a record of the object type was ever counted for somebody of the user's configuration. A count of 0 alone
    /// also is what a configuration shows that does not sync the object type.
    pub(super) fn was_seen(&self, object: ObjectType, user: &CaptureUser) -> bool {
        let configuration = user.configuration.as_deref().unwrap_or_default();
        user.synced[object] > Some(0) || self.objects[object].configurations.contains(configuration)
    }

    fn day(&self, at: Timestamp) -> NaiveDate {
        at.datetime().with_timezone(&self.zone).date_naive()
    }

    /// When the day of `now` began: where clocks skip midnight, at the first hour that there is.
    fn midnight(&self, now: Timestamp) -> Timestamp {
        let day = self.day(now).and_time(NaiveTime::MIN);
        (0..4)
            .filter_map(|hour| {
                let begins = self.zone.from_local_datetime(&(day + TimeDelta::hours(hour)));
                Timestamp::from_datetime(begins.earliest()?.to_utc())
            })
            .next()
            .unwrap_or(now)
    }

    /// What is known at `now`, for a snapshot; rows that are not known are left out.
    pub(super) fn rows(&self, now: Timestamp) -> Vec<(OrgRow, OrgValue)> {
        let mut rows = Vec::new();
        for (object, counts) in &self.objects {
            if counts.looked_at != Some(now) {
                continue;
            }
            if let Some(at) = counts.last_sync(now) {
                rows.push((OrgRow::LastSync(object), OrgValue::Instant(at)));
            }
            let windows = [
                (OrgRow::Synced60m(object), counts.hour_since, HOUR),
                (OrgRow::Synced24h(object), counts.day_since, DAY),
            ];
            for (row, since, window) in windows {
                if !counts.may_have_synced(now)
                    && since.is_some_and(|since| now.since(since) >= window)
                {
                    rows.push((row, OrgValue::Count(counts.within(window, now))));
                }
            }
        }
        rows
    }
}

/// By how much a counter rose. The first look knows no rise. One that fell has begun anew, at midnight; within a day a
/// small fall is a correction. (A large one is another midnight than we know of.)
fn risen(before: Option<u64>, now: u64, same_day: bool) -> u64 {
    match before {
        None => 0,
        Some(before) if now >= before => now - before,
        Some(before) if same_day && now >= before / 2 => 0,
        Some(_) => now,
    }
}

impl ObjectCounts {
    fn note_configuration(&mut self, user: &CaptureUser) {
        let configuration = user.configuration.as_deref().unwrap_or_default();
        if !self.configurations.contains(configuration)
            && self.configurations.len() < MAX_CONFIGURATIONS
        {
            self.configurations.insert(configuration.to_owned());
        }
    }

    fn take(&mut self, look: ObjectLook, now: Timestamp, midnight: Timestamp) {
        if self.looked_at.is_none() {
            self.first_look(look, now, midnight);
        }
        let pause = self.looked_at.map(|at| now.since(at));
        // A clock that went back makes every earlier look useless for windows that end now; what was known before is as
        // old as it was.
        if let Some(step) = pause.filter(|pause| *pause < TimeDelta::zero()) {
            self.rises.clear();
            self.last_rise = self.last_rise.map(|at| at.plus(step));
            self.found = self.found.map(|at| at.plus(step));
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
        if look.rise > 0 {
            self.rises.push_back((now, look.rise));
            // After a long pause nobody knows when in it something rose.
            let since = match self.looked_at {
                Some(before) if restarts(PAUSE_OF_HOUR) => before.min(now),
                Some(_) | None => now,
            };
            self.last_rise = self.last_rise.max(Some(since));
            self.found = None;
        }
        self.looked_at = Some(now);
        self.look = look;
        while self.rises.front().is_some_and(|(at, _)| *at <= now.minus(DAY)) {
            self.rises.pop_front();
        }
    }

    /// Compares what the first look sees with what the last one before a restart saw: what rose since did so not before
    /// that look, and not before the midnight at which the counters began anew. Other users have other sums: on the same
    /// day that proves nothing.
    fn first_look(&mut self, look: ObjectLook, now: Timestamp, midnight: Timestamp) {
        let sum = look.sum;
        let Some(before) = self.baseline.take() else {
            self.found = (sum > 0).then_some(now);
            if let Some(known) = self.last_rise.filter(|_| sum > 0) {
                // Records of today: whatever was known before, something synced since midnight.
                self.last_rise = Some(known.max(midnight));
                self.found = None;
            }
            return;
        };
        let looked_at = Timestamp::from_nanos(before.looked_at).min(now);
        let same_day = looked_at >= midnight;
        let comparable = !same_day || before.users.is_none_or(|users| users == look.users);
        let rose = match sum.cmp(&before.sum) {
            _ if !comparable => false,
            Ordering::Equal => sum > 0 && now.since(looked_at) > LONGEST_DAY,
            Ordering::Greater => true,
            Ordering::Less => sum > 0 && (!same_day || sum < before.sum / 2),
        };
        if rose {
            let since = if same_day { looked_at } else { midnight };
            self.last_rise = self.last_rise.max(Some(since));
        }
    }

    /// Whether nobody can say yet when what the first look saw was synced.
    fn may_have_synced(&self, now: Timestamp) -> bool {
        self.last_rise.is_none() && self.found.is_some_and(|found| now.since(found) < DAY)
    }

    /// When a sync was seen last. What the first look saw and nothing was known before is reported when it is a day old: it
    /// was there at that look at the latest.
    fn last_sync(&self, now: Timestamp) -> Option<Timestamp> {
        let found = self.found.filter(|found| now.since(*found) >= DAY);
        self.last_rise.or(found)
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
    use crate::domain::ids::UserName;
    use crate::sources::salesforce::users::{Connectivity, Onboarding};

    fn user(name: &str, contacts: Option<u64>) -> CaptureUser {
        CaptureUser {
            name: UserName::new(name).unwrap(),
            id: None,
            address: None,
            recommended: None,
            has_configuration: None,
            configuration: None,
            connectivity: Connectivity::Active,
            onboarding: Onboarding::Complete,
            synced: EnumMap::from_array([contacts, None]),
        }
    }

    fn known_at(contacts: Option<Timestamp>) -> EnumMap<ObjectType, Option<Timestamp>> {
        EnumMap::from_array([contacts, None])
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
        let mut counters = Counters::new(Tz::UTC);
        assert_eq!(looked(&mut counters, 0, 41), []);
        assert_eq!(
            looked(&mut counters, 5, 43),
            [(OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(5)))]
        );
    }

    #[test]
    fn an_hour_of_looks_makes_a_count_and_a_day_makes_the_other() {
        let mut counters = Counters::new(Tz::UTC);
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
        let mut counters = Counters::new(Tz::UTC);
        for at in 0..61 {
            looked(&mut counters, at, 500);
        }
        let rows = looked(&mut counters, 61, 3);
        assert!(rows.contains(&(OrgRow::Synced60m(CONTACTS), OrgValue::Count(3))), "{rows:?}");
        assert!(rows.contains(&(OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(61)))));
        let rows = looked(&mut counters, 62, 3);
        assert!(rows.contains(&(OrgRow::Synced60m(CONTACTS), OrgValue::Count(3))));
    }

    #[test]
    fn a_pause_makes_the_count_of_the_hour_unknown_but_not_that_of_the_day() {
        let mut counters = Counters::new(Tz::UTC);
        for at in 0..1441 {
            looked(&mut counters, at, 10);
        }
        let rows = looked(&mut counters, 1441 + 20, 17);
        assert_eq!(
            rows,
            [
                // Within the pause, nobody knows when.
                (OrgRow::LastSync(CONTACTS), OrgValue::Instant(minute(1440))),
                (OrgRow::Synced24h(CONTACTS), OrgValue::Count(7)),
            ]
        );
        assert_eq!(looked(&mut counters, 1461 + 121, 17).len(), 1);
    }

    const LAST: OrgRow = OrgRow::LastSync(CONTACTS);

    #[test]
    fn records_of_before_the_first_look_are_not_taken_for_silence() {
        let mut counters = Counters::new(Tz::UTC);
        for at in 0..1440 {
            assert_eq!(looked(&mut counters, at, 500), [], "{at}");
        }
        // Nothing rose for a day: what the first look saw was synced before it.
        let rows = looked(&mut counters, 1440, 500);
        assert_eq!(rows[0], (LAST, OrgValue::Instant(minute(0))));
        assert_eq!(rows[2], (OrgRow::Synced24h(CONTACTS), OrgValue::Count(0)));
        let mut counters = Counters::new(Tz::UTC);
        looked(&mut counters, 0, 500);
        let rows = looked(&mut counters, 1, 501);
        assert_eq!(rows, [(LAST, OrgValue::Instant(minute(1)))]);
    }

    #[test]
    fn an_outage_goes_on_across_a_restart() {
        let resumed = |known| {
            let mut counters = Counters::new(Tz::UTC);
            counters.resume(known_at(Some(minute(known))), None);
            counters
        };
        // It was quiet for 20 hours; the counters have begun anew since.
        let mut counters = resumed(0);
        assert_eq!(looked(&mut counters, 1200, 0), [(LAST, OrgValue::Instant(minute(0)))]);
        assert_eq!(looked(&mut counters, 1500, 0)[0].1, OrgValue::Instant(minute(0)));
        // After two days without a look, records of today were synced since.
        let mut counters = resumed(0);
        assert_eq!(looked(&mut counters, 2880, 7)[0].1, OrgValue::Instant(minute(2880)));
    }

    /// A poller of after a restart, with what one before it knew.
    fn restarted(before: &Counters, known: Option<Timestamp>) -> Counters {
        let mut counters = Counters::new(before.zone);
        counters.resume(known_at(known), before.memory().as_deref());
        counters
    }

    #[test]
    fn a_restart_does_not_make_an_outage_look_fresh() {
        // The longest day of the year in Berlin: 25 hours from midnight to midnight.
        let berlin = Tz::Europe__Berlin;
        let midnight = Timestamp::from_datetime(
            berlin.with_ymd_and_hms(2026, 10, 25, 0, 0, 0).unwrap().to_utc(),
        )
        .unwrap();
        let stopped = midnight.plus(TimeDelta::minutes(10));
        for hours in [3.0, 13.0, 24.6, 26.0, 49.0] {
            let now = stopped.plus(TimeDelta::seconds((hours * 3_600.0) as i64));
            let count_at =
                |at: Timestamp| u64::from(at.since(midnight) < TimeDelta::hours(25)) * 40;
            let mut before = Counters::new(berlin);
            before.resume(known_at(Some(stopped)), None);
            let earlier = now.minus(TimeDelta::minutes(3));
            before.look(&[user("ann", Some(count_at(earlier)))], earlier);
            let mut counters = restarted(&before, Some(stopped));
            counters.look(&[user("ann", Some(count_at(now)))], now);
            assert_eq!(counters.rows(now), [(LAST, OrgValue::Instant(stopped))], "{hours}");
        }
    }

    #[test]
    fn what_rose_around_a_restart_is_as_old_as_it_may_be() {
        let known = Some(minute(100));
        let before = |at, count| {
            let mut counters = Counters::new(Tz::UTC);
            looked(&mut counters, at, count);
            counters
        };
        let last = |before: &Counters, at, count| {
            let mut counters = restarted(before, known);
            looked(&mut counters, at, count)[0].1.clone()
        };
        let noon = before(720, 40);
        let at = |n| OrgValue::Instant(minute(n));
        assert_eq!(last(&noon, 900, 40), at(100), "nothing rose");
        assert_eq!(last(&noon, 900, 41), at(720), "not before the look before");
        assert_eq!(last(&noon, 900, 38), at(100), "a correction");
        assert_eq!(last(&noon, 900, 3), at(720), "another midnight than ours");
        assert_eq!(last(&noon, 1440 + 300, 3), at(1440), "since midnight");
        assert_eq!(last(&noon, 1440 + 300, 50), at(1440), "since midnight");
        assert_eq!(last(&noon, 1440 + 300, 0), at(100), "nothing yet today");
        assert_eq!(last(&noon, 2 * 1440 + 300, 40), at(2 * 1440), "not of that day");
        // From a version that stored no counters.
        let mut counters = Counters::new(Tz::UTC);
        counters.resume(known_at(known), Some(b"{}"));
        assert_eq!(looked(&mut counters, 900, 40)[0].1, at(100));
        let mut counters = Counters::new(Tz::UTC);
        counters.resume(known_at(known), None);
        assert_eq!(looked(&mut counters, 1440 + 300, 40)[0].1, at(1440));
    }

    #[test]
    fn order_repetition_and_corrections_are_no_sync() {
        let mut counters = Counters::new(Tz::UTC);
        let (ann, bob) = (user("ann", Some(40)), user("bob", Some(7)));
        counters.look(&[ann.clone(), bob.clone()], minute(720));
        counters.look(&[bob.clone(), ann], minute(721));
        counters.look(&[user("ann", Some(38)), bob.clone()], minute(722));
        counters.look(&[bob, user("ann", Some(38))], minute(723));
        assert_eq!(counters.rows(minute(723)), []);
        assert_eq!(looked(&mut counters, 724, 39), [(LAST, OrgValue::Instant(minute(724)))]);
        let rises: Vec<_> =
            counters.objects[CONTACTS].rises.iter().map(|(_, rise)| *rise).collect();
        assert_eq!(rises, [1]);
    }

    #[test]
    fn other_users_after_a_restart_are_no_sync() {
        let known = Some(minute(100));
        let mut before = Counters::new(Tz::UTC);
        looked(&mut before, 720, 40);
        for (users, last) in [
            (vec![user("ann", Some(40)), user("bob", Some(7))], 100),
            (vec![user("bob", Some(7)), user("ann", Some(40))], 100),
            (vec![user("eve", Some(41))], 720),
        ] {
            let mut counters = restarted(&before, known);
            counters.look(&users, minute(730));
            assert_eq!(counters.rows(minute(730)), [(LAST, OrgValue::Instant(minute(last)))]);
        }
    }

    #[test]
    fn a_step_back_of_the_clock_makes_nothing_younger() {
        let mut counters = Counters::new(Tz::UTC);
        looked(&mut counters, 700, 1);
        looked(&mut counters, 710, 2);
        looked(&mut counters, 730, 2);
        // Two hours back, 20 minutes after the last rise.
        let rows = looked(&mut counters, 610, 2);
        assert_eq!(rows, [(LAST, OrgValue::Instant(minute(590)))]);
    }

    #[test]
    fn users_who_come_and_go_are_no_rise() {
        let mut counters = Counters::new(Tz::UTC);
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
        let mut counters = Counters::new(Tz::UTC);
        for at in 0..2000 {
            counters.look(&[user("ann", None)], minute(at));
        }
        assert_eq!(counters.rows(minute(1999)), []);
    }
}
