//! The immutable picture that the engine publishes and everybody reads: facts with their times. Everything that moves
//! by itself (ages, liveness, business hours) is answered here for the `now` of the reader.

use super::activity::ActivityKind;
use super::calendar::OpenHours;
use super::external_url::ExternalUrl;
use super::ids::{Direction, ObjectType, OrgId, OrgName, Outcome, Source};
use super::incidents::Incidents;
use super::policy::{CountHours, OrgPolicy, Product, UserNames, UserSeries};
pub use super::readings::Current;
use super::readings::{OrgReadings, believed};
use super::rhythm::{FeedDelay, Usual};
use super::rows::{OrgRow, OrgValue, Status, UserRow};
use super::source_state::SourceStates;
use super::time::Timestamp;
use super::users::{LiveSources, UserSummary, UserTable};
use super::windows::{DAY, HOUR, LaneFigures, Lanes};
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::sync::Arc;

/// Exact activity figures of an object type, counted for the View's own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActivityFigures {
    /// Synced records in the last 60 minutes.
    pub synced_60m: u64,
    /// Synced records in the last 24 hours.
    pub synced_24h: u64,
    /// Failed records in the last 24 hours.
    pub failed_24h: u64,
    /// The newest synced record.
    pub last_synced: Option<Timestamp>,
    /// Since when activity has answered for this object type without a gap; `None` before its first record.
    pub covered_since: Option<Timestamp>,
}

impl ActivityFigures {
    /// The figures of `object`, of which activity has answered since `covered_since`.
    pub fn of(lanes: &Lanes, object: ObjectType, covered_since: Option<Timestamp>) -> Self {
        let mut figures = Self { covered_since, ..Self::default() };
        let directions = [None, Some(Direction::ToExchange), Some(Direction::ToSalesforce)];
        let lane = |direction, outcome| -> LaneFigures {
            let kind = ActivityKind { object_type: object, direction, outcome };
            lanes.get(kind.index()).copied().unwrap_or_default()
        };
        for direction in directions {
            let synced = lane(direction, Outcome::Synced);
            figures.synced_60m += synced.last_60m;
            figures.synced_24h += synced.last_24h;
            figures.last_synced = figures.last_synced.max(synced.newest);
            figures.failed_24h += lane(direction, Outcome::Failed).last_24h;
        }
        figures
    }

    /// Since when activity answers once a request with records from `oldest` on has come at `at`, after a `gap` or not;
    /// `None` where it stays as it is. Before `horizon` nothing is stored.
    pub fn covered_from(
        &self,
        oldest: Option<Timestamp>,
        at: Timestamp,
        horizon: Timestamp,
        gap: bool,
    ) -> Option<Timestamp> {
        match (self.covered_since, oldest) {
            // What was missed while the feed was silent may never come, so the claim begins anew.
            (Some(_), _) if gap => Some(at),
            // The feed answers from its first record on; it cannot have covered what is not stored.
            (None, Some(oldest)) => Some(oldest.clamp(horizon.min(at), at)),
            (Some(_), _) | (None, None) => None,
        }
    }
}

/// What is known of one organisation.
#[derive(Debug, Clone)]
pub struct OrgView {
    /// The store's number for it.
    pub id: OrgId,
    /// What the operator decided.
    pub policy: Arc<OrgPolicy>,
    /// When it was first configured here.
    pub known_since: Timestamp,
    /// Every source's readings of the organisation's rows.
    pub readings: Arc<OrgReadings>,
    /// The latest instant that each source reported on: `captured_at` of a snapshot, the time of receipt of activity.
    pub last_report: EnumMap<Source, Option<Timestamp>>,
    /// Activity by object type.
    pub activity: EnumMap<ObjectType, ActivityFigures>,
    /// What the last weeks had at the hours before now; `None` while that is not known.
    pub usual: Option<Arc<Usual>>,
    /// How late records of activity come.
    pub feed_delay: FeedDelay,
    /// The users.
    pub users: Arc<UserTable>,
    /// Counts over the users.
    pub summary: Arc<UserSummary>,
    /// Business hours around the View's time.
    pub open_hours: OpenHours,
    /// How polled sources are doing, and what they report besides rows.
    pub source_states: Arc<SourceStates>,
    /// What was found before.
    pub incidents: Arc<Incidents>,
    /// Until when a feed may still send what it collected while this program was down: its silence is no answer before.
    pub caught_up_at: Timestamp,
}

/// What the engine knew at one instant.
#[derive(Debug, Clone)]
pub struct View {
    /// The instant for which the windows are exact.
    pub as_of: Timestamp,
    /// The organisations, sorted by name.
    pub orgs: Vec<Arc<OrgView>>,
    /// Whether the clock was seen to step or to lie behind what the store remembers.
    pub clock_suspect: bool,
    /// Whether the store refuses to commit.
    pub store_failing: bool,
    /// Whether this daemon takes what is pushed.
    pub role: DaemonRole,
    /// Whether users have series of their own.
    pub user_series: UserSeries,
    /// What stands for a user in labels and pages.
    pub user_names: UserNames,
}

/// What a daemon is among those that share a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonRole {
    /// It alone takes what is pushed, polls, and sends alerts; as one that shares with nobody does.
    Leader,
    /// It shows what the leader has stored.
    Follower {
        /// Where the leader is reached, if it says so.
        leader: Option<ExternalUrl>,
    },
}

impl DaemonRole {
    /// Whether it is the leader.
    pub const fn leads(&self) -> bool {
        matches!(self, Self::Leader)
    }
}

/// What a follower says of itself; the next step is in it.
impl std::fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Leader => f.write_str("This daemon leads."),
            Self::Follower { leader: Some(leader) } => {
                write!(f, "This daemon follows. Push to the leader, {leader}.")
            }
            Self::Follower { leader: None } => {
                f.write_str("This daemon follows, and the leader does not say where it is.")
            }
        }
    }
}

/// The last sync of an object type and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSync {
    /// The latest proof of any source.
    pub at: Timestamp,
    /// Where that proof comes from.
    pub source: Source,
    /// When any source that can tell last looked.
    pub observed_at: Timestamp,
    /// Since when the proof has been known.
    pub changed_at: Timestamp,
    /// Whether a source that can tell is live.
    pub live: bool,
}

/// The order in which sources are believed about the two counts; activity has rules of its own before that.
const COUNT_ORDER: [Source; 2] = [Source::Snapshot, Source::Salesforce];
/// The sources that can tell when something last synced.
const SYNC_SOURCES: [Source; 4] =
    [Source::Activity, Source::Snapshot, Source::Salesforce, Source::Canary];

impl View {
    /// How old the View may be before its counts are no longer given out: a healthy engine publishes every second.
    pub const FRESH_FOR: TimeDelta = TimeDelta::seconds(30);

    /// A View of nothing.
    pub fn empty(as_of: Timestamp) -> Self {
        Self {
            as_of,
            orgs: Vec::new(),
            clock_suspect: false,
            store_failing: false,
            role: DaemonRole::Leader,
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        }
    }

    /// The organisation of a name.
    pub fn org(&self, name: &OrgName) -> Option<&Arc<OrgView>> {
        let index = self.orgs.binary_search_by(|org| org.policy.name.cmp(name)).ok()?;
        self.orgs.get(index)
    }

    /// Whether the engine published lately enough for counts to be given out.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.as_of) <= Self::FRESH_FOR
    }
}

impl OrgView {
    /// An organisation of which nothing is known.
    pub fn new(id: OrgId, policy: Arc<OrgPolicy>, known_since: Timestamp, now: Timestamp) -> Self {
        Self {
            id,
            open_hours: policy.calendar.lay_out(now),
            policy,
            known_since,
            readings: Arc::default(),
            last_report: EnumMap::default(),
            activity: EnumMap::default(),
            usual: None,
            feed_delay: FeedDelay::default(),
            users: Arc::default(),
            summary: Arc::default(),
            source_states: Arc::default(),
            incidents: Arc::default(),
            caught_up_at: Timestamp::MIN,
        }
    }

    /// Until when `source` counts as live unless it reports again: twice its expected interval, in business hours for
    /// what people feed by hand. `None`: it never reported. [`Timestamp::MAX`]: its silence is an answer.
    pub fn live_until(&self, source: Source) -> Option<Timestamp> {
        let reported_at = self.last_report[source]?;
        let every = self.policy.expected_every[source];
        Some(every.map_or(Timestamp::MAX, |every| self.lasts(source, reported_at, every)))
    }

    /// Until when a report of `source` from `at` lasts, when the next is expected after `every`.
    fn lasts(&self, source: Source, at: Timestamp, every: TimeDelta) -> Timestamp {
        if source == Source::Snapshot {
            self.open_hours.deadline(at, every * 2)
        } else {
            at.plus(every * 2)
        }
    }

    /// Whether `source` is live at `now`.
    pub fn is_live(&self, source: Source, now: Timestamp) -> bool {
        self.live_until(source).is_some_and(|until| now <= until)
    }

    /// Which sources are live for what they report of users.
    pub fn live(&self, now: Timestamp) -> LiveSources {
        EnumMap::from_fn(|source| self.is_live(source, now) && self.reads_users(source, now))
    }

    /// Whether `source` still reads the users it once reported: Salesforce counts the linked ones whenever it does.
    fn reads_users(&self, source: Source, now: Timestamp) -> bool {
        source != Source::Salesforce
            || self.readings.get(OrgRow::LinkedUsers, source).is_none()
            || self.row_is_live(OrgRow::LinkedUsers, source, now)
    }

    /// Until when a row of `source` counts as live unless it is read again. A report on other rows, as the page of one
    /// user is, makes no reading of this one newer.
    fn row_live_until(&self, row: OrgRow, source: Source) -> Option<Timestamp> {
        let until = self.live_until(source)?;
        let observed_at = self.readings.get(row, source)?.observed_at;
        let every = match (source, row) {
            (Source::Salesforce, OrgRow::OutlookIntegration) => OrgPolicy::SETTINGS_READ_EVERY,
            _ => TimeDelta::zero(),
        };
        Some(match self.policy.expected_every[source] {
            None => until,
            Some(expected) => until.min(self.lasts(source, observed_at, every.max(expected))),
        })
    }

    fn row_is_live(&self, row: OrgRow, source: Source, now: Timestamp) -> bool {
        self.row_live_until(row, source).is_some_and(|until| now <= until)
    }

    /// Whether `source` could report now that `object` never synced: a polled source only where it counts records.
    fn looks_at_sync(&self, source: Source, object: ObjectType, now: Timestamp) -> bool {
        if source != Source::Salesforce {
            return self.is_live(source, now);
        }
        [OrgRow::Synced60m(object), OrgRow::LastSync(object)]
            .into_iter()
            .any(|row| self.row_is_live(row, source, now))
    }

    /// What holds of an organisation's row. Counts are `None` when no live source gives them; states and the last sync
    /// become stale instead.
    pub fn current(&self, row: OrgRow, now: Timestamp) -> Option<Current> {
        match row {
            OrgRow::LastSync(object) => self.last_sync(object, now).map(|last| Current {
                value: OrgValue::Instant(last.at),
                source: last.source,
                observed_at: last.observed_at,
                changed_at: last.changed_at,
                stale: !last.live,
            }),
            OrgRow::Synced60m(object) => self.count(row, object, HOUR, now),
            OrgRow::Synced24h(object) => self.count(row, object, DAY, now),
            OrgRow::ServiceAccountProvided
            | OrgRow::OutlookIntegration
            | OrgRow::ServiceAccountRecognized
            | OrgRow::LinkedUsers => believed(
                |source| self.readings.get(row, source),
                |source| self.row_is_live(row, source, now),
            ),
        }
    }

    fn count(
        &self,
        row: OrgRow,
        object: ObjectType,
        window: TimeDelta,
        now: Timestamp,
    ) -> Option<Current> {
        let read = COUNT_ORDER
            .into_iter()
            .filter(|source| self.row_is_live(row, *source, now))
            .find_map(|source| Some(self.readings.get(row, source)?.current(source, false)));
        match (self.coverage(object, now), read) {
            (Some(covered), read) if covered >= window || read.is_none() => {
                Some(self.counted(window, object, now))
            }
            (_, read) => read,
        }
    }

    fn counted(&self, window: TimeDelta, object: ObjectType, now: Timestamp) -> Current {
        let figures = self.activity[object];
        let value = if window == HOUR { figures.synced_60m } else { figures.synced_24h };
        let observed_at = self.activity_looked_at(now);
        // A zero began when the newest record left the window; a number has no beginning worth showing.
        let changed_at = match figures.last_synced {
            Some(last) if value == 0 => last.plus(window),
            _ => observed_at,
        };
        Current {
            value: OrgValue::Count(value),
            source: Source::Activity,
            observed_at,
            changed_at,
            stale: false,
        }
    }

    /// For how long activity has answered for an object type without a gap; `None` when it does not answer now.
    pub fn coverage(&self, object: ObjectType, now: Timestamp) -> Option<TimeDelta> {
        let since = self.activity[object].covered_since?;
        self.is_live(Source::Activity, now).then(|| now.since(since).max(TimeDelta::zero()))
    }

    /// Whether nobody live looks at when `object` last synced: whatever is shown is as it was.
    pub fn is_unknown(&self, object: ObjectType, now: Timestamp) -> bool {
        match self.last_sync(object, now) {
            Some(last) => !last.live,
            None => self.ever_synced(object, now).is_none(),
        }
    }

    /// Whether a feed may still send what it collected while this program was down.
    pub fn catches_up(&self, now: Timestamp) -> bool {
        now < self.caught_up_at
    }

    /// Whether the silence of a feed says that `object` did not sync.
    pub fn silence_answers(&self, object: ObjectType, now: Timestamp) -> bool {
        self.policy.expected_every[Source::Activity].is_none()
            && self.activity[object].last_synced.is_some()
            && self.is_live(Source::Activity, now)
            && !self.catches_up(now)
    }

    /// Whether so much is missing since `last`, the last sync of `object`, that this is unusual; `None` when a feed's
    /// silence says nothing, or nobody knows what is usual.
    pub fn is_unusually_quiet(
        &self,
        object: ObjectType,
        last: Timestamp,
        now: Timestamp,
    ) -> Option<bool> {
        let usual = self.usual.as_ref()?;
        let since = self.activity[object].covered_since?;
        if !self.is_live(Source::Activity, now) || self.catches_up(now) {
            return None;
        }
        let complete_to = self.activity_looked_at(now).minus(self.feed_delay.usual()?);
        Some(usual.is_missing(object, last.max(since), complete_to))
    }

    /// Whether somebody live lists the users, if only to say that there are none.
    pub fn lists_users(&self, now: Timestamp) -> bool {
        self.users.complete && self.live(now).values().any(|live| *live)
    }

    /// When activity was last known to be complete: now, where its silence is an answer.
    fn activity_looked_at(&self, now: Timestamp) -> Timestamp {
        let reported_at = self.last_report[Source::Activity].unwrap_or(Timestamp::MIN);
        match self.policy.expected_every[Source::Activity] {
            None if !self.catches_up(now) => now.max(reported_at),
            _ => reported_at,
        }
    }

    /// The latest proof of a sync of `object`, from any source.
    pub fn last_sync(&self, object: ObjectType, now: Timestamp) -> Option<LastSync> {
        SYNC_SOURCES.into_iter().filter_map(|source| self.proof(source, object, now)).reduce(
            |best, next| LastSync {
                observed_at: best.observed_at.max(next.observed_at),
                live: best.live || next.live,
                ..(if next.at > best.at { next } else { best })
            },
        )
    }

    fn proof(&self, source: Source, object: ObjectType, now: Timestamp) -> Option<LastSync> {
        if source == Source::Activity {
            let live = self.is_live(source, now);
            let at = self.activity[object].last_synced?;
            let observed_at = self.activity_looked_at(now);
            return Some(LastSync { at, source, observed_at, changed_at: at, live });
        }
        let reading = self.readings.get(OrgRow::LastSync(object), source)?;
        let OrgValue::Instant(at) = reading.value else {
            return None;
        };
        Some(LastSync {
            at,
            source,
            observed_at: reading.observed_at,
            changed_at: reading.changed_at,
            live: self.row_is_live(OrgRow::LastSync(object), source, now),
        })
    }

    /// Within which span before which reading something synced, where a count above zero is all that says so.
    pub fn counted_within(&self, object: ObjectType) -> Option<(TimeDelta, Timestamp)> {
        let windows = [(OrgRow::Synced60m(object), HOUR), (OrgRow::Synced24h(object), DAY)];
        let readings = windows.into_iter().flat_map(|(row, window)| {
            let readings = self.readings.of_row(row);
            readings
                .filter(|(_, reading)| matches!(reading.value, OrgValue::Count(1..)))
                .map(move |(_, reading)| (window, reading.observed_at))
        });
        readings.max_by_key(|(window, at)| at.minus(*window))
    }

    /// Whether `object` ever synced; `None` when no live source could report that it never did.
    pub fn ever_synced(&self, object: ObjectType, now: Timestamp) -> Option<bool> {
        if self.last_sync(object, now).is_some() || self.counted_within(object).is_some() {
            return Some(true);
        }
        self.somebody_looks(object, now).then_some(false)
    }

    /// Whether a live source would say it, had `object` synced.
    fn somebody_looks(&self, object: ObjectType, now: Timestamp) -> bool {
        SYNC_SOURCES.into_iter().any(|source| self.looks_at_sync(source, object, now))
    }

    /// When the last sync becomes older than the documented limit, in the hours it is counted in.
    pub fn last_sync_deadline(&self, last: &LastSync) -> Timestamp {
        match self.policy.count_hours {
            CountHours::Wall => last.at.plus(self.policy.stale_after),
            CountHours::Business => self.open_hours.deadline(last.at, self.policy.stale_after),
        }
    }

    /// Since when no source that could know has reported when `object` last synced; `None` while a live one does.
    pub fn unconfirmed_since(&self, object: ObjectType, now: Timestamp) -> Option<Timestamp> {
        match self.last_sync(object, now) {
            Some(last) if last.live => None,
            Some(_) => SYNC_SOURCES
                .into_iter()
                .filter(|source| self.proof(*source, object, now).is_some())
                .filter_map(|source| match source {
                    Source::Activity => self.live_until(source),
                    Source::Snapshot
                    | Source::Salesforce
                    | Source::Exchange
                    | Source::Canary
                    | Source::ExchangeLog => self.row_live_until(OrgRow::LastSync(object), source),
                })
                .max(),
            None if self.somebody_looks(object, now) => None,
            None => {
                let since = self.known_since.plus(OrgPolicy::FIRST_OBSERVATION_WITHIN);
                let since = self.policy.setup_until.map_or(since, |until| until.max(since));
                (now >= since).then_some(since)
            }
        }
    }

    /// How many users should be linked: as configured, else all that are assigned when the whole list is known.
    /// `None` also while users leave for the successor product. In that product who is listed and not linked fails a
    /// check, so only those count who are assigned and not listed at all.
    pub fn expected_linked_users(&self, now: Timestamp) -> Option<u64> {
        if self.policy.migrating(now) {
            return None;
        }
        let assigned = match self.policy.product {
            Product::LightningSync => self.summary.assigned,
            Product::EinsteinActivityCapture => {
                let unlisted = self.source_states.unlisted().filter(|users| *users > 0);
                let linked = self.current(OrgRow::LinkedUsers, now).map(|row| row.value);
                let Some(OrgValue::Count(linked)) = linked else {
                    return self.policy.expected_linked_users;
                };
                unlisted.map(|users| linked + users)
            }
        };
        self.policy.expected_linked_users.or(assigned)
    }

    /// Since when the oldest first sync of `object` has been running.
    pub fn oldest_initial_sync(&self, object: ObjectType) -> Option<Timestamp> {
        UserRow::ALL
            .into_iter()
            .filter(|row| row.is_direction() && row.object_type() == Some(object))
            .filter_map(|row| self.summary.oldest(row, Status::InitialSyncInProgress))
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::Reading;
    use crate::source_state::{SourceFacts, SourceState};

    #[test]
    fn every_source_of_counts_and_of_syncs_is_in_its_list() {
        // A match, so that a new source is decided on here before anything compiles: whether it reports counts (besides
        // activity, which has rules of its own) and the last sync.
        let reports = |source| match source {
            Source::Activity | Source::Canary => (0, 1),
            Source::Snapshot | Source::Salesforce => (1, 1),
            Source::Exchange | Source::ExchangeLog => (0, 0),
        };
        let times = |list: &[Source], source| list.iter().filter(|one| **one == source).count();
        for source in Source::ALL {
            let listed = (times(&COUNT_ORDER, *source), times(&SYNC_SOURCES, *source));
            assert_eq!(listed, reports(*source), "{source:?}");
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + minutes * 60)
    }

    #[test]
    fn the_figures_of_an_object_type_are_the_sums_of_its_directions() {
        let mut lanes = Lanes::default();
        for (index, lane) in lanes.iter_mut().enumerate() {
            let kind = ActivityKind::from_index(index).unwrap();
            let number = 1 + index as u64;
            if kind.object_type == ObjectType::Contacts {
                let newest = Some(at(index as i64));
                *lane = LaneFigures { last_60m: number, last_24h: number * 100, newest };
            }
        }
        let lane = |outcome| {
            let kinds = (0..ActivityKind::COUNT).filter_map(ActivityKind::from_index);
            let kinds = kinds.filter(move |kind| {
                kind.object_type == ObjectType::Contacts && kind.outcome == outcome
            });
            kinds.map(|kind| lanes[kind.index()])
        };
        let figures = ActivityFigures {
            synced_60m: lane(Outcome::Synced).map(|lane| lane.last_60m).sum(),
            synced_24h: lane(Outcome::Synced).map(|lane| lane.last_24h).sum(),
            failed_24h: lane(Outcome::Failed).map(|lane| lane.last_24h).sum(),
            last_synced: lane(Outcome::Synced).filter_map(|lane| lane.newest).max(),
            covered_since: Some(at(-5)),
        };
        assert!(figures.failed_24h > 0 && figures.synced_60m > 0);
        let of = |object| ActivityFigures::of(&lanes, object, Some(at(-5)));
        assert_eq!(of(ObjectType::Contacts), figures);
        let none = ActivityFigures { covered_since: Some(at(-5)), ..ActivityFigures::default() };
        assert_eq!(of(ObjectType::Events), none);
    }

    #[test]
    fn activity_answers_from_its_first_record_on_and_anew_after_a_gap() {
        let covered = |covered_since, oldest, gap| {
            let figures = ActivityFigures { covered_since, ..ActivityFigures::default() };
            figures.covered_from(oldest, at(100), at(10), gap)
        };
        assert_eq!(covered(None, None, true), None);
        assert_eq!(covered(None, Some(at(50)), false), Some(at(50)));
        assert_eq!(covered(None, Some(at(5)), true), Some(at(10)), "nothing earlier is stored");
        assert_eq!(covered(None, Some(at(101)), false), Some(at(100)), "it has not come yet");
        assert_eq!(covered(Some(at(20)), Some(at(50)), false), None);
        assert_eq!(covered(Some(at(20)), None, true), Some(at(100)));
    }

    fn org(change: impl FnOnce(&mut OrgPolicy)) -> OrgView {
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        change(&mut policy);
        OrgView::new(OrgId(1), Arc::new(policy), at(0), at(0))
    }

    #[test]
    fn an_organisation_is_found_by_its_name() {
        let mut view = View::empty(at(0));
        let named = |name| {
            let mut org = org(|_| {});
            org.policy = Arc::new(OrgPolicy::defaults(OrgName::new(name).unwrap()));
            Arc::new(org)
        };
        view.orgs = ["acme", "beta"].map(named).into();
        let found =
            |name| view.org(&OrgName::new(name).unwrap()).map(|org| org.policy.name.as_str());
        assert_eq!(
            [found("acme"), found("beta"), found("gamma")],
            [Some("acme"), Some("beta"), None]
        );
        let second = TimeDelta::seconds(1);
        let fresh = |now| view.is_fresh(now);
        assert!(
            fresh(at(0).plus(View::FRESH_FOR)) && !fresh(at(0).plus(View::FRESH_FOR).plus(second))
        );
    }

    #[test]
    fn a_page_lasts_in_business_hours_and_what_is_polled_by_the_clock() {
        use crate::calendar::{Calendar, Weekly};
        // 2027-01-15T08:00:00Z, a Friday, on which business ends at nine.
        let weekly = Weekly {
            time_zone: chrono_tz::UTC,
            days: vec![chrono::Weekday::Mon, chrono::Weekday::Fri],
            from_minute: 8 * 60,
            to_minute: 9 * 60,
            holidays: std::collections::BTreeSet::new(),
        };
        let mut org = org(|policy| {
            policy.calendar = Calendar::Weekly(weekly);
            policy.expected_every[Source::Snapshot] = Some(TimeDelta::hours(1));
            policy.expected_every[Source::Salesforce] = Some(TimeDelta::hours(1));
        });
        for source in [Source::Snapshot, Source::Salesforce, Source::Activity] {
            org.last_report[source] = Some(at(0));
        }
        let until = |source| org.live_until(source).map(|until| until.since(at(0)).num_hours());
        assert_eq!(until(Source::Snapshot), Some(73), "the second hour of business is on Monday");
        assert_eq!(until(Source::Salesforce), Some(2));
        assert_eq!(org.live_until(Source::Activity), Some(Timestamp::MAX));
        assert_eq!(until(Source::Canary), None);
        assert!(
            org.is_live(Source::Salesforce, at(120)) && !org.is_live(Source::Salesforce, at(121))
        );
    }

    #[test]
    fn salesforce_reads_users_while_it_counts_the_linked_ones() {
        let mut org = org(|_| {});
        let live = |org: &OrgView, now| {
            let live = org.live(now);
            (live[Source::Snapshot], live[Source::Salesforce])
        };
        for source in [Source::Snapshot, Source::Salesforce] {
            org.last_report[source] = Some(at(30));
        }
        assert_eq!(live(&org, at(35)), (true, true), "it never counted them");
        let count = |observed_at| Reading {
            value: OrgValue::Count(3),
            observed_at,
            changed_at: observed_at,
        };
        let mut counted = |observed_at, now| {
            let readings = Arc::make_mut(&mut org.readings);
            readings.put(OrgRow::LinkedUsers, Source::Salesforce, count(observed_at));
            live(&org, now)
        };
        assert_eq!(counted(at(30), at(40)), (true, true));
        assert_eq!(counted(at(0), at(35)), (true, false), "it reports, and no longer these");
    }

    #[test]
    fn what_a_row_shows_is_as_live_as_whoever_reads_it() {
        let mut org = org(|policy| policy.expected_every[Source::Activity] = None);
        let contacts = ObjectType::Contacts;
        assert!(org.is_unknown(contacts, at(0)), "nobody looks");
        org.last_report[Source::Salesforce] = Some(at(110));
        for row in [OrgRow::OutlookIntegration, OrgRow::LinkedUsers] {
            let value = OrgValue::Flag(true);
            let reading = Reading { value, observed_at: at(0), changed_at: at(0) };
            Arc::make_mut(&mut org.readings).put(row, Source::Salesforce, reading);
        }
        let stale = |row, now| org.current(row, now).unwrap().stale;
        assert!(!stale(OrgRow::OutlookIntegration, at(115)), "it is read every hour");
        assert!(stale(OrgRow::LinkedUsers, at(115)), "it is read with every poll");
        assert!(stale(OrgRow::OutlookIntegration, at(121)));

        org.last_report[Source::Activity] = Some(at(0));
        org.activity[contacts] = ActivityFigures {
            synced_60m: 3,
            last_synced: Some(at(0)),
            covered_since: Some(at(-90)),
            ..ActivityFigures::default()
        };
        let current = |org: &OrgView, row| {
            let current = org.current(row, at(10)).unwrap();
            (current.value, current.changed_at, current.stale)
        };
        let hour = OrgRow::Synced60m(contacts);
        assert_eq!(current(&org, hour), (OrgValue::Count(3), at(10), false));
        org.activity[contacts].synced_60m = 0;
        assert_eq!(current(&org, hour), (OrgValue::Count(0), at(60), false), "since it left");
        let last = OrgRow::LastSync(contacts);
        assert_eq!(current(&org, last), (OrgValue::Instant(at(0)), at(0), false));
        assert!(!org.is_unknown(contacts, at(10)));
        let mut policy = (*org.policy).clone();
        policy.expected_every[Source::Activity] = Some(TimeDelta::minutes(2));
        org.policy = Arc::new(policy);
        assert_eq!(current(&org, last), (OrgValue::Instant(at(0)), at(0), true));
        assert!(org.is_unknown(contacts, at(10)), "the feed fell silent");
    }

    #[test]
    fn the_last_sync_is_the_latest_proof_and_anybody_who_looks_confirms_it() {
        let mut org = org(|_| {});
        let contacts = ObjectType::Contacts;
        assert_eq!(org.counted_within(contacts), None);
        let mut put = |row, value, observed_at| {
            let reading = Reading { value, observed_at, changed_at: observed_at };
            Arc::make_mut(&mut org.readings).put(row, Source::Snapshot, reading);
        };
        put(OrgRow::Synced24h(contacts), OrgValue::Count(2), at(9));
        put(OrgRow::LastSync(contacts), OrgValue::Instant(at(5)), at(9));
        assert_eq!(org.counted_within(contacts), Some((DAY, at(9))));
        org.activity[contacts].last_synced = Some(at(7));
        org.last_report[Source::Activity] = Some(at(8));
        let last = |org: &OrgView| {
            let last = org.last_sync(contacts, at(8)).unwrap();
            (last.at, last.source, last.observed_at, last.live)
        };
        assert_eq!(last(&org), (at(7), Source::Activity, at(9), true), "the page is not live");
        org.activity[contacts].last_synced = Some(at(5));
        assert_eq!(last(&org).1, Source::Activity, "of two that say the same the first");
        org.activity[contacts].last_synced = Some(at(4));
        assert_eq!(last(&org), (at(5), Source::Snapshot, at(9), true));
    }

    #[test]
    fn how_many_users_should_be_linked_is_as_configured_or_who_is_assigned() {
        let plain = |configured: Option<u64>, assigned: Option<u64>| {
            let mut org = org(|policy| policy.expected_linked_users = configured);
            Arc::make_mut(&mut org.summary).assigned = assigned;
            org.expected_linked_users(at(0))
        };
        assert_eq!(plain(None, None), None);
        assert_eq!(plain(None, Some(7)), Some(7));
        assert_eq!(plain(Some(5), Some(7)), Some(5));
        assert_eq!(plain(Some(5), None), Some(5));
        let leaving = org(|policy| {
            policy.expected_linked_users = Some(5);
            policy.migrating_since = Some(at(1));
        });
        assert_eq!(leaving.expected_linked_users(at(0)), Some(5));
        assert_eq!(leaving.expected_linked_users(at(1)), None);

        // In the successor product: who is assigned and not listed at all comes on top of who is linked.
        let successor = |configured, linked: Option<u64>, unlisted| {
            let mut org = org(|policy| {
                policy.product = Product::EinsteinActivityCapture;
                policy.expected_linked_users = configured;
            });
            Arc::make_mut(&mut org.summary).assigned = Some(7);
            if let Some(linked) = linked {
                let value = OrgValue::Count(linked);
                let reading = Reading { value, observed_at: at(0), changed_at: at(0) };
                Arc::make_mut(&mut org.readings).put(
                    OrgRow::LinkedUsers,
                    Source::Salesforce,
                    reading,
                );
            }
            let facts = SourceFacts { unlisted, ..SourceFacts::default() };
            let state = SourceState { facts, ..SourceState::default() };
            Arc::make_mut(&mut org.source_states).set("salesforce", Some(state));
            org.expected_linked_users(at(0))
        };
        assert_eq!(successor(None, Some(4), Some(2)), Some(6));
        assert_eq!(successor(None, Some(4), Some(0)), None, "all are listed");
        assert_eq!(successor(None, Some(4), None), None, "nobody knows who is listed");
        assert_eq!(successor(Some(9), Some(4), Some(2)), Some(9));
        assert_eq!(successor(Some(9), None, Some(2)), Some(9));
        assert_eq!(successor(None, None, Some(2)), None, "nobody counts who is linked");
    }

    #[test]
    fn that_something_never_synced_is_known_where_somebody_looks() {
        let contacts = ObjectType::Contacts;
        let mut org = org(|policy| policy.expected_every[Source::Activity] = None);
        assert_eq!(org.ever_synced(contacts, at(0)), None);
        org.last_report[Source::Activity] = Some(at(0));
        assert_eq!(org.ever_synced(contacts, at(0)), Some(false));
        let count = Reading { value: OrgValue::Count(1), observed_at: at(0), changed_at: at(0) };
        let readings = Arc::make_mut(&mut org.readings);
        readings.put(OrgRow::Synced24h(contacts), Source::Snapshot, count);
        assert_eq!(org.ever_synced(contacts, at(0)), Some(true), "a count says so");
        org.readings = Arc::default();
        org.activity[contacts].last_synced = Some(at(0));
        assert_eq!(org.ever_synced(contacts, at(0)), Some(true), "a record says so");
        assert_eq!(org.ever_synced(ObjectType::Events, at(0)), Some(false));
    }

    #[test]
    fn nobody_confirms_it_since_the_last_who_could_fell_silent_or_since_the_first_was_due() {
        let contacts = ObjectType::Contacts;
        let mut org = org(|policy| {
            policy.expected_every[Source::Activity] = Some(TimeDelta::minutes(10));
            policy.expected_every[Source::Salesforce] = Some(TimeDelta::minutes(2));
        });
        let since = |org: &OrgView, now| org.unconfirmed_since(contacts, now);
        let due = at(0).plus(OrgPolicy::FIRST_OBSERVATION_WITHIN);
        assert_eq!(since(&org, due.minus(TimeDelta::nanoseconds(1))), None);
        assert_eq!(since(&org, due), Some(due));
        let set_up = |until| {
            let mut org = org.clone();
            Arc::make_mut(&mut org.policy).setup_until = Some(until);
            since(&org, due.plus(TimeDelta::days(1)))
        };
        assert_eq!(set_up(at(0)), Some(due), "the later of both");
        assert_eq!(set_up(due.plus(TimeDelta::minutes(1))), Some(due.plus(TimeDelta::minutes(1))));
        org.last_report[Source::Activity] = Some(at(0));
        assert_eq!(since(&org, at(20)), None, "a live feed had nothing to say");
        org.activity[contacts].last_synced = Some(at(0));
        assert_eq!(since(&org, at(20)), None);
        assert_eq!(since(&org, at(21)), Some(at(20)));
        // The last sync of another source that was live for longer, and of one that was so for less long.
        let synced = |observed_at| Reading {
            value: OrgValue::Instant(at(-1)),
            observed_at,
            changed_at: observed_at,
        };
        for (read_at, until) in [(at(2), at(20)), (at(30), at(34))] {
            org.last_report[Source::Salesforce] = Some(read_at);
            let readings = Arc::make_mut(&mut org.readings);
            readings.put(OrgRow::LastSync(contacts), Source::Salesforce, synced(read_at));
            assert_eq!(since(&org, at(40)), Some(until));
        }
    }
}
