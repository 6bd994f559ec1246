//! A life with a name, a beginning, an end and a truth line; and what is pushed of it when.

use super::life::{Life, LifeItem, What};
use super::page::StatusPage;
use super::people::user_name;
use super::reports::source_states;
use super::truth::{Breakage, Truth, breakages};
use crate::domain::causes::Cause;
use crate::domain::ids::{Direction, ObjectType, OrgName, Outcome, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::policy::OrgPolicy;
use crate::domain::source_state::SourceState;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// One record as a sender has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRecord {
    /// When it was synced.
    pub at: Timestamp,
    /// What was synced.
    pub object_type: ObjectType,
    /// Which way.
    pub direction: Direction,
    /// How it ended.
    pub outcome: Outcome,
    /// Whose it is.
    pub user: UserName,
    /// Its identity: the same whenever it is made.
    pub id: u64,
}

/// What is pushed of one stretch of a life.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pushes {
    /// Whether the sender of activity speaks within the stretch; without records that is a heartbeat.
    pub feed_speaks: bool,
    /// The records, in order of time; empty when the sender does not speak.
    pub records: Vec<SyncRecord>,
    /// The pages that were read, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// What polled sources report at the end of the stretch.
    pub states: Vec<(&'static str, SourceState)>,
}

/// What is wrong with the watching itself, from `from` (included) until `until` (not included).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchChange {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What.
    pub what: WatchFault,
}

/// What can be wrong with the watching itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFault {
    /// The exporter does not run.
    Down,
    /// The second exporter does not run.
    SecondDown,
    /// The exporter is restarted before every scrape.
    Restarts,
    /// Its clock is ahead of the world's by this; behind, below zero.
    ClockAhead(TimeDelta),
}

/// How a life is watched.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    /// What is wrong with it.
    pub changes: Vec<WatchChange>,
    /// Whether a second exporter watches the same.
    pub two_exporters: bool,
    /// Whether a second organisation, in which all is well, is watched by the same exporter.
    pub beside: bool,
    /// Rules are evaluated only this often, as by a Prometheus that is away in between.
    pub evaluated_every: Option<TimeDelta>,
}

impl Watching {
    /// What is wrong with it at `at`.
    pub fn at(&self, at: Timestamp) -> impl Iterator<Item = WatchFault> {
        let holds = move |change: &&WatchChange| change.from <= at && at < change.until;
        self.changes.iter().filter(holds).map(|change| change.what)
    }
}

/// How often somebody reads the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reads {
    /// The usual interval; readings fall on its multiples since the epoch.
    pub every: TimeDelta,
    /// How long after those multiples.
    pub at: TimeDelta,
    /// A shorter interval from an instant on.
    pub lately: Option<(Timestamp, TimeDelta)>,
}

/// What a sender that repeats itself sends again.
const REPEATED: TimeDelta = TimeDelta::minutes(30);

/// A named life of an organisation.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What happens, in one or two sentences.
    pub about: &'static str,
    /// What the operator of this organisation decided.
    pub policy: OrgPolicy,
    /// When we begin to watch: the organisation is first configured then, and nothing earlier is pushed.
    pub starts: Timestamp,
    /// When the story ends; pushes go on as the last change left things.
    pub ends: Timestamp,
    /// What somebody who knows the story would want to know, and nothing else.
    pub truth: Vec<Truth>,
    /// What is broken, where the findings were not worked out one by one.
    pub(super) broken: Vec<Breakage>,
    /// How it is watched.
    pub watching: Watching,
    pub(super) life: Life,
    pub(super) page: StatusPage,
    pub(super) reads: Reads,
}

impl Scenario {
    /// Everything from the beginning up to `now`.
    pub fn history(&self, now: Timestamp) -> Pushes {
        // The first instant itself belongs to the story.
        self.live(now, self.starts.minus(TimeDelta::nanoseconds(1)))
    }

    /// What is to be pushed at `now` when everything up to `since` has been. Stretches join without a gap or an
    /// overlap, and what is made twice is the same.
    pub fn live(&self, now: Timestamp, since: Timestamp) -> Pushes {
        let since = since.max(self.starts.minus(TimeDelta::nanoseconds(1)));
        let (sent, to_send) = (self.sent_up_to(since), self.sent_up_to(now));
        let feed_speaks = sent < to_send;
        let records = if feed_speaks {
            let repeats = self.life.at(now).any(|what| matches!(what, What::FeedRepeats));
            let sent = if repeats { sent.minus(REPEATED) } else { sent };
            let items = self.life.items(sent, to_send);
            items.iter().map(|item| self.record(item)).collect()
        } else {
            Vec::new()
        };
        Pushes {
            feed_speaks,
            records,
            snapshots: self.snapshots(since, now),
            states: source_states(&self.policy, &self.life, now),
        }
    }

    /// A second organisation in which all is well, at the same time.
    pub fn beside(&self) -> Self {
        let mut other = self.clone();
        if let Ok(name) = OrgName::new(&format!("{}-beside", self.policy.name)) {
            other.policy.name = name.clone();
            other.page.org = name;
        }
        other.life.changes.clear();
        other.watching = Watching::default();
        other
    }

    /// The same life with the early warning on, after so long a time in which all was well; `None` where its first sync is
    /// a part of it.
    pub fn with_past(&self, past: TimeDelta) -> Option<Self> {
        if self.life.began >= self.starts {
            return None;
        }
        let mut life = self.clone();
        life.broken = self.breakages();
        for breakage in life.broken.iter_mut().filter(|breakage| breakage.page.is_some()) {
            breakage.notices.push(Cause::UnusuallyQuiet);
        }
        life.starts = self.starts.minus(past);
        life.life.began = life.starts.minus(TimeDelta::days(1));
        for change in &mut life.life.changes {
            change.from = change.from.max(self.starts);
        }
        life.policy.unusually_quiet = true;
        Some(life)
    }

    /// Everything that is broken in it.
    pub fn breakages(&self) -> Vec<Breakage> {
        if !self.broken.is_empty() {
            return self.broken.clone();
        }
        breakages(&self.truth, |line| {
            let changes = self.life.changes.iter();
            let may = changes.filter(|change| self.starts < change.from);
            let may = may.filter(|change| change.from <= line.from && line.from < change.until);
            may.map(|change| change.from).min().unwrap_or(line.from)
        })
    }

    /// What is pushed in the minute after `minute` minutes of the story.
    pub fn moment(&self, minute: u32) -> Pushes {
        let since = self.starts.plus(TimeDelta::minutes(i64::from(minute)));
        self.live(since.plus(TimeDelta::minutes(1)), since)
    }

    /// How late something may be noticed because nothing syncs or is read more often.
    pub fn grain(&self) -> TimeDelta {
        TimeDelta::seconds(2 * i64::from(self.life.rhythm.slot_seconds))
    }

    /// Up to when records had been sent at `at`: a silent sender has sent nothing since its silence began.
    fn sent_up_to(&self, at: Timestamp) -> Timestamp {
        let late = self
            .life
            .at(at)
            .find_map(|what| if let What::FeedLate(by) = what { Some(*by) } else { None });
        let at = late.map_or(at, |by| at.minus(by));
        self.life
            .changes
            .iter()
            .filter(|change| matches!(change.what, What::FeedSilent))
            .filter(|change| change.from <= at && at < change.until)
            .map(|change| {
                let before = change.from.max(self.starts);
                before.minus(TimeDelta::nanoseconds(1))
            })
            .min()
            .unwrap_or(at)
    }

    fn record(&self, item: &LifeItem) -> SyncRecord {
        SyncRecord {
            at: item.at,
            object_type: item.object_type,
            direction: item.direction,
            outcome: item.outcome,
            user: user_name(
                &self.policy.name,
                u32::try_from(item.bits % u64::from(self.page.users.max(1))).unwrap_or(0),
            ),
            id: item.bits,
        }
    }

    fn snapshots(&self, since: Timestamp, now: Timestamp) -> Vec<Snapshot> {
        let mut instants = match self.reads.lately {
            None => self.usual_reads(since, now),
            Some((from, every)) => {
                let mut instants = self.usual_reads(since, now.min(from));
                instants.extend(multiples(every, since.max(from), now));
                instants
            }
        };
        instants.retain(|at| !self.life.at(*at).any(|what| matches!(what, What::PageUnread)));
        instants.into_iter().map(|at| self.page.at(&self.life, at)).collect()
    }

    fn usual_reads(&self, after: Timestamp, upto: Timestamp) -> Vec<Timestamp> {
        let at = self.reads.at;
        multiples(self.reads.every, after.minus(at), upto.minus(at))
            .into_iter()
            .map(|multiple| multiple.plus(at))
            .collect()
    }
}

/// The multiples of `every` since the epoch within `(after, upto]`.
fn multiples(every: TimeDelta, after: Timestamp, upto: Timestamp) -> Vec<Timestamp> {
    let Some(every) = every.num_nanoseconds().filter(|nanos| *nanos > 0) else {
        return Vec::new();
    };
    let first = after.nanos().div_euclid(every).saturating_add(1);
    let last = upto.nanos().div_euclid(every);
    (first..=last).map(|number| Timestamp::from_nanos(number.saturating_mul(every))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rows::{OrgRow, OrgValue, RowKind};
    use crate::domain::windows::{DAY, HOUR};
    use crate::scenarios::life::LifeChange;
    use crate::scenarios::{all, demo};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    /// Without those that send records twice.
    fn stories() -> Vec<Scenario> {
        let mut stories: Vec<Scenario> = all().into_iter().chain(demo(NOW)).collect();
        let repeats = |change: &LifeChange| matches!(change.what, What::FeedRepeats);
        stories.retain(|story| !story.life.changes.iter().any(repeats));
        stories
    }

    /// A day or two of a story: stories are long, and what is tested holds of every stretch alike.
    fn upto(story: &Scenario) -> Timestamp {
        story.starts.plus(TimeDelta::hours(31))
    }

    fn takes(kind: RowKind, value: &OrgValue) -> bool {
        matches!(
            (kind, value),
            (RowKind::Account, OrgValue::Account(_))
                | (RowKind::YesNo | RowKind::Mark, OrgValue::Flag(_))
                | (RowKind::Count(_), OrgValue::Count(_))
                | (RowKind::Instant, OrgValue::Instant(_))
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn stretches_join_to_the_whole_wherever_they_are_cut(
            which in 0..stories().len(),
            mut minutes in prop::collection::vec(0..31 * 60_i64, 0..12),
        ) {
            let story = &stories()[which];
            minutes.sort_unstable();
            let cuts = minutes.iter().map(|minute| story.starts.plus(TimeDelta::minutes(*minute)));
            let mut joined = Pushes::default();
            let mut since = Timestamp::MIN;
            for now in cuts.chain([upto(story)]) {
                let pushes = story.live(now, since);
                prop_assert!(pushes.records.iter().all(|record| record.at <= now));
                prop_assert!(pushes.snapshots.iter().all(|page| since < page.captured_at && page.captured_at <= now));
                joined.records.extend(pushes.records);
                joined.snapshots.extend(pushes.snapshots);
                since = now;
            }
            let whole = story.history(upto(story));
            prop_assert_eq!(joined.records, whole.records);
            prop_assert_eq!(joined.snapshots, whole.snapshots);
        }

        #[test]
        fn the_page_shows_what_the_records_add_up_to(which in 0..stories().len()) {
            let mut story = stories().swap_remove(which);
            // From the beginning of the life, so that the page knows nothing that the records do not show.
            story.life.began = story.starts;
            let hidden = |what: &What| {
                matches!(what, What::FeedSilent | What::FeedLate(_) | What::CountsOnly)
            };
            story.life.changes.retain(|change| !hidden(&change.what));
            let whole = story.history(upto(&story));
            let synced = |object, after: Timestamp, upto: Timestamp| {
                whole.records.iter().filter(move |record| {
                    record.object_type == object
                        && record.outcome == Outcome::Synced
                        && after < record.at
                        && record.at <= upto
                })
            };
            for page in &whole.snapshots {
                let at = page.captured_at;
                for object in story.policy.objects.iter().copied() {
                    let count = |window| OrgValue::Count(synced(object, at.minus(window), at).count() as u64);
                    let value = |row| page.rows.iter().find(|(known, _)| *known == row).map(|(_, value)| value.clone());
                    prop_assert_eq!(value(OrgRow::Synced60m(object)), Some(count(HOUR)));
                    prop_assert_eq!(value(OrgRow::Synced24h(object)), Some(count(DAY)));
                    let last = synced(object, Timestamp::MIN, at).map(|record| record.at).max();
                    prop_assert_eq!(value(OrgRow::LastSync(object)), last.map(OrgValue::Instant));
                }
            }
        }
    }

    #[test]
    fn a_story_made_twice_is_the_same_story_minute_by_minute() {
        for (story, again) in stories().iter().zip(stories()) {
            let mut records = Vec::new();
            for minute in 0..180 {
                let moment = story.moment(minute);
                assert_eq!(moment, again.moment(minute), "{}", story.name);
                records.extend(moment.records);
            }
            let mut ids: Vec<u64> = records.iter().map(|record| record.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), records.len(), "{}", story.name);
        }
    }

    #[test]
    fn every_value_is_one_that_its_row_can_show() {
        for story in stories() {
            for page in story.history(story.starts.plus(TimeDelta::hours(2))).snapshots {
                assert!(
                    page.rows.iter().all(|(row, value)| takes(row.spec().kind, value)),
                    "{}",
                    story.name
                );
            }
        }
    }
}
