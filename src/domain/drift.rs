//! Contacts in sync as Salesforce counts them, beside the contacts in the folder as Exchange counts them: a difference that
//! lasts, and a folder whose count doubles. A time at which nobody looked counts for nothing.

use super::ids::{Source, UserName};
use super::policy::OrgPolicy;
use super::rows::{Status, UserRow, UserValue};
use super::time::Timestamp;
use super::users::{LiveSources, UserEntry};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far counts may be apart, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftLimits {
    /// Differences up to so many records are none.
    pub records: u32,
    /// And neither are those up to this share of the larger count, in percent.
    pub percent: u32,
    /// A difference that is shorter than this is on its way.
    pub lasting: TimeDelta,
}

impl DriftLimits {
    /// When the operator does not say. A working day's contacts of one user are fewer than 20; a tenth of a large address
    /// book may be on its way at once; a day outlasts a slow night and the page that somebody reads each morning.
    pub const DEFAULT: Self = Self { records: 20, percent: 10, lasting: TimeDelta::hours(24) };

    fn are_passed(&self, counts: ContactCounts) -> bool {
        let (one, other) = (u64::from(counts.salesforce), u64::from(counts.exchange));
        let differ = one.abs_diff(other);
        differ > u64::from(self.records) && differ * 100 > one.max(other) * u64::from(self.percent)
    }
}

/// Both counts of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactCounts {
    /// Records in sync, as Salesforce reports it.
    pub salesforce: u32,
    /// Contacts in the folder.
    pub exchange: u32,
}

/// Within this span a count that doubles is a surge: duplicates come within a day or two after a set-up that copies in
/// both directions.
pub const SURGE_WITHIN: TimeDelta = TimeDelta::days(2);
/// Below this many contacts twice as many are a morning's work.
const SURGE_FROM: u32 = 10;
/// The lowest counts are remembered by stretches of this length.
const STRETCH_HOURS: i64 = 12;

/// What is known of one user's counts over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountTrail {
    /// Both counts, where both are confirmed.
    pub counts: Option<ContactCounts>,
    /// Since when they are too far apart, while they are.
    pub differs_since: Option<Timestamp>,
    /// When both had been confirmed last.
    confirmed_at: Timestamp,
    /// Since when the count of the folder has been at least twice what it was within [`SURGE_WITHIN`].
    pub surges_since: Option<Timestamp>,
    /// When the folder was first counted.
    begun_at: Timestamp,
    /// The lowest count in each stretch.
    lowest: Vec<(i64, u32)>,
}

impl CountTrail {
    /// Whether the difference has lasted, as far as somebody looked.
    pub fn drifts(&self, limits: &DriftLimits) -> bool {
        self.differs_since.is_some_and(|since| self.confirmed_at.since(since) >= limits.lasting)
    }

    /// What is known at `now`; `None` where the folder was never counted or the user does not count.
    fn after(
        earlier: Option<&Self>,
        user: &UserEntry,
        policy: &OrgPolicy,
        live: &LiveSources,
        now: Timestamp,
    ) -> Option<Self> {
        let reading = |source: Source| {
            let reading = user.of_source(source)?.get(UserRow::ContactsRecords)?;
            match reading.value {
                UserValue::Records(records) => Some((records, reading)),
                UserValue::Status(_) => None,
            }
        };
        let (exchange, folder) = reading(Source::Exchange)?;
        let mut next = earlier.cloned().unwrap_or(Self {
            counts: None,
            differs_since: None,
            confirmed_at: Timestamp::MIN,
            surges_since: None,
            begun_at: folder.observed_at,
            lowest: Vec::new(),
        });
        let settling = [UserRow::ContactsToExchange, UserRow::ContactsToSalesforce, UserRow::Reset]
            .into_iter()
            .any(|row| is_settling(user.status(row, live)));
        if !live[Source::Exchange] || settling {
            // What was not looked at, or is being filled, says nothing.
            (next.counts, next.differs_since) = (None, None);
            if settling {
                (next.lowest, next.begun_at) = (Vec::new(), now);
            }
            return Some(next);
        }
        next.take_count(exchange, folder.changed_at, &policy.drift, now);
        let theirs = [Source::Snapshot, Source::Salesforce]
            .into_iter()
            .filter(|source| live[*source])
            .find_map(reading);
        let Some((salesforce, page)) = theirs else {
            (next.counts, next.differs_since) = (None, None);
            return Some(next);
        };
        let counts = ContactCounts { salesforce, exchange };
        // Both have had these values since the later of their changes.
        let since = page.changed_at.max(folder.changed_at);
        let differ = policy.drift.are_passed(counts);
        next.differs_since = differ.then(|| next.differs_since.map_or(since, |at| at.min(since)));
        next.confirmed_at = page.observed_at.min(folder.observed_at);
        next.counts = Some(counts);
        Some(next)
    }

    fn take_count(
        &mut self,
        count: u32,
        changed_at: Timestamp,
        limits: &DriftLimits,
        now: Timestamp,
    ) {
        let stretch = |at: Timestamp| at.hour().div_euclid(STRETCH_HOURS);
        let oldest = stretch(now.minus(SURGE_WITHIN));
        self.lowest.retain(|(of, _)| *of > oldest);
        match self.lowest.last_mut() {
            Some((of, lowest)) if *of == stretch(now) => *lowest = (*lowest).min(count),
            _ => self.lowest.push((stretch(now), count)),
        }
        let lowest = self.lowest.iter().map(|(_, lowest)| *lowest).min().unwrap_or(count);
        let surges = lowest >= SURGE_FROM && count / 2 >= lowest && count - lowest > limits.records;
        self.surges_since = surges.then(|| self.surges_since.unwrap_or(changed_at));
    }

    /// Whether the counts of the whole span are known.
    fn is_whole(&self, now: Timestamp) -> bool {
        now.since(self.begun_at) >= SURGE_WITHIN
    }
}

/// Whether a first sync or a reset fills the folder, or will.
const fn is_settling(status: Status) -> bool {
    matches!(
        status,
        Status::NotStarted
            | Status::InitialSyncInProgress
            | Status::MarkedForReset
            | Status::ResetInProgress
    )
}

/// The counts of all users of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CountTrails {
    /// By user, as far as Exchange counted their contacts.
    pub users: Arc<BTreeMap<UserName, CountTrail>>,
    /// Users whose counts are apart for too long, and since when the first of them; `None` where nobody can tell.
    pub drifting: Option<(u32, Timestamp)>,
    /// Whether both counts of every user are confirmed and none differs.
    pub agree: bool,
    /// Users whose folder doubled, and since when the first of them.
    pub surging: Option<(u32, Timestamp)>,
    /// Whether every folder's count is known for the whole span, and none doubled.
    pub steady: bool,
}

impl CountTrails {
    /// What is known at `now`, of the users who count.
    pub fn after<'u>(
        &self,
        users: impl Iterator<Item = &'u UserEntry>,
        policy: &OrgPolicy,
        live: &LiveSources,
        now: Timestamp,
    ) -> Self {
        let trails: BTreeMap<UserName, CountTrail> = users
            .filter_map(|user| {
                let earlier = self.users.get(&user.name);
                let trail = CountTrail::after(earlier, user, policy, live, now)?;
                Some((user.name.clone(), trail))
            })
            .collect();
        let first = |since: &mut dyn Iterator<Item = Timestamp>| {
            since.fold(None, |found: Option<(u32, Timestamp)>, since| {
                let (users, first) = found.unwrap_or((0, since));
                Some((users + 1, first.min(since)))
            })
        };
        let all = || trails.values();
        // Of a folder that doubled the other finding says it, and more exactly.
        let drifting = all().filter(|it| it.drifts(&policy.drift) && it.surges_since.is_none());
        let surging = first(&mut all().filter_map(|trail| trail.surges_since));
        Self {
            drifting: first(&mut drifting.filter_map(|trail| trail.differs_since)),
            agree: !trails.is_empty()
                && all().all(|trail| trail.counts.is_some() && trail.differs_since.is_none()),
            steady: surging.is_none()
                && !trails.is_empty()
                && live[Source::Exchange]
                && all().all(|trail| trail.is_whole(now)),
            surging,
            users: Arc::new(trails),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgName;
    use crate::users::UserReadings;
    use enum_map::EnumMap;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_521_600 + hours * 3_600)
    }

    /// One user whose counts are read again and again.
    struct Counted {
        policy: OrgPolicy,
        page: UserReadings,
        folder: UserReadings,
        live: LiveSources,
        trails: CountTrails,
    }

    impl Counted {
        fn new() -> Self {
            Self {
                policy: OrgPolicy::defaults(OrgName::new("acme").unwrap()),
                page: UserReadings::default(),
                folder: UserReadings::default(),
                live: EnumMap::from_fn(|_| true),
                trails: CountTrails::default(),
            }
        }

        fn page(&mut self, records: u32, hour: i64) -> &mut Self {
            self.page.take(UserRow::ContactsRecords, UserValue::Records(records), at(hour));
            self
        }

        fn folder(&mut self, records: u32, hour: i64) -> &mut Self {
            self.folder.take(UserRow::ContactsRecords, UserValue::Records(records), at(hour));
            self.judge(hour)
        }

        fn judge(&mut self, hour: i64) -> &mut Self {
            let user = UserEntry {
                name: UserName::new("ann@corp.example").unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([
                    (Source::Snapshot, self.page.clone()),
                    (Source::Exchange, self.folder.clone()),
                ]),
            };
            let users = std::iter::once(&user);
            self.trails = self.trails.after(users, &self.policy, &self.live, at(hour));
            self
        }

        /// Users who drift and since which hour, and whether all agree.
        fn drift(&self) -> (Option<(u32, i64)>, bool) {
            let hour = |since: Timestamp| since.since(at(0)).num_hours();
            let drifting = self.trails.drifting.map(|(users, since)| (users, hour(since)));
            (drifting, self.trails.agree)
        }

        fn surge(&self) -> (Option<(u32, i64)>, bool) {
            let hour = |since: Timestamp| since.since(at(0)).num_hours();
            let surging = self.trails.surging.map(|(users, since)| (users, hour(since)));
            (surging, self.trails.steady)
        }
    }

    #[test]
    fn a_difference_is_drift_once_both_were_confirmed_a_day_after_it_began() {
        let mut counted = Counted::new();
        counted.page(300, 0).folder(300, 0);
        assert_eq!(counted.drift(), (None, true));
        counted.page(300, 1).folder(260, 1);
        assert_eq!(counted.drift(), (None, false), "it may be on its way");
        // What moves on while it is apart is the same difference.
        counted.page(305, 12).folder(262, 12);
        // The probe goes on, and nobody reads the page: nothing is known of this time.
        counted.folder(262, 26);
        assert_eq!(counted.drift(), (None, false));
        counted.page(305, 24).folder(262, 26);
        assert_eq!(counted.drift(), (None, false), "an hour short of a day");
        counted.page(305, 25).judge(26);
        assert_eq!(counted.drift(), (Some((1, 1)), false));
        counted.page(305, 27).folder(301, 27);
        assert_eq!(counted.drift(), (None, true));
    }

    #[test]
    fn it_has_to_be_larger_than_both_limits() {
        for (salesforce, exchange, drifts) in [
            (100, 120, false),
            (100, 121, true),
            (121, 100, true),
            (1_000, 900, false),
            (1_000, 899, true),
            (0, 21, true),
            (u32::MAX, 0, true),
        ] {
            let mut counted = Counted::new();
            counted.page(salesforce, 0).folder(exchange, 0);
            counted.page(salesforce, 24).folder(exchange, 24);
            assert_eq!(counted.drift().0.is_some(), drifts, "{salesforce} {exchange}");
        }
    }

    #[test]
    fn unknown_and_stale_are_neither_drift_nor_agreement_and_begin_anew() {
        let mut counted = Counted::new();
        counted.folder(300, 0);
        assert_eq!(counted.drift(), (None, false), "no page");
        counted.page(100, 1).folder(300, 1);
        for source in [Source::Exchange, Source::Snapshot] {
            counted.live[source] = false;
            counted.judge(30);
            assert_eq!(counted.drift(), (None, false), "{source}");
            counted.live[source] = true;
        }
        // Neither moved meanwhile, so the difference lasted all the time.
        counted.page(100, 31).folder(300, 31);
        assert_eq!(counted.drift(), (Some((1, 1)), false));
        // Where one moved while nobody looked, it begins with that.
        counted.live[Source::Exchange] = false;
        counted.judge(40);
        counted.live[Source::Exchange] = true;
        counted.page(100, 60).folder(310, 60);
        assert_eq!(counted.drift(), (None, false));
        counted.page(100, 84).folder(310, 84);
        assert_eq!(counted.drift(), (Some((1, 60)), false));
    }

    #[test]
    fn a_first_sync_fills_the_folder_and_a_reset_empties_it() {
        for status in [Status::InitialSyncInProgress, Status::NotStarted] {
            let mut counted = Counted::new();
            counted.page.take(UserRow::ContactsToExchange, status.into(), at(0));
            counted.page(300, 0).folder(12, 0);
            counted.page(300, 30).folder(150, 30);
            assert_eq!((counted.drift().0, counted.surge().0), (None, None), "{status}");
            // What it left behind is where counting begins.
            counted.page.take(UserRow::ContactsToExchange, Status::InSync.into(), at(31));
            counted.page(300, 31).folder(300, 31);
            assert_eq!(counted.surge(), (None, false));
        }
    }

    #[test]
    fn a_count_that_doubles_within_two_days_is_a_surge_until_the_low_is_older() {
        let mut counted = Counted::new();
        for hour in 0..60 {
            counted.folder(40, hour);
        }
        assert_eq!(counted.surge(), (None, true));
        counted.folder(79, 60);
        assert_eq!(counted.surge(), (None, true), "not twice");
        counted.folder(80, 61).folder(84, 62);
        assert_eq!(counted.surge(), (Some((1, 61)), false));
        counted.folder(84, 90);
        assert_eq!(counted.surge(), (Some((1, 61)), false));
        counted.page(40, 63).folder(84, 63);
        counted.page(40, 91).folder(84, 91);
        assert_eq!(counted.drift(), (None, false), "the surge says it");
        counted.page(40, 120).folder(84, 120);
        assert_eq!(counted.surge(), (None, true), "it is what it is now");
        assert_eq!(counted.drift(), (Some((1, 63)), false));
    }

    #[test]
    fn slow_growth_few_contacts_and_a_folder_that_is_counted_for_the_first_time_are_no_surge() {
        let mut counted = Counted::new();
        counted.folder(500, 0);
        assert_eq!(counted.surge(), (None, false), "of the time before nothing is known");
        for day in 1..6_u32 {
            counted.folder(500 + day * 120, i64::from(day) * 24);
        }
        assert_eq!(counted.surge(), (None, true));
        let mut few = Counted::new();
        few.folder(9, 0).folder(90, 1);
        assert_eq!(few.surge().0, None);
        let mut little = Counted::new();
        little.folder(18, 0).folder(38, 1);
        assert_eq!(little.surge().0, None, "20 more are no surge");
        little.folder(39, 2);
        assert_eq!(little.surge().0, Some((1, 2)));
    }

    #[test]
    fn a_low_counts_for_four_stretches_and_each_stretch_has_one() {
        let mut counted = Counted::new();
        counted.folder(40, 0).folder(84, 1).folder(84, 47);
        assert_eq!(counted.surge().0, Some((1, 1)));
        counted.folder(84, 48);
        assert_eq!(counted.surge().0, None, "the low is older than two days");
        let mut counted = Counted::new();
        counted.folder(40, 0).folder(40, 24).folder(84, 49);
        assert_eq!(counted.surge().0, Some((1, 49)), "the low was seen again a day ago");
        for hour in 50..150 {
            counted.folder(84, hour);
        }
        assert!(counted.trails.users.values().all(|trail| trail.lowest.len() <= 4));
    }
}
