//! Days of many organisations by an accelerated clock, in the engine, its SQLite file and its pages as the daemon has
//! them: records on time, late, ahead and repeated, snapshots of users, reloads that take organisations out and put them
//! back, restarts, prunes and scrapes. At every look each window of each organisation is compared with a count of all
//! records that were accepted; memory and the file must stay as large as what is retained.
//!
//! 12 days of 40 organisations; `LIGHTNING_SYNC_TEST_SOAK=full` makes it 30 days of 1,000.

use crate::random::Random;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::ids::{ObjectType, OrgName, Outcome, Source, UserName};
use lightning_sync_exporter::domain::observation::{ActivityBatch, Observation, Snapshot};
use lightning_sync_exporter::domain::policy::{OrgPolicy, UserNames, UserSeries};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::engine::{Engine, EngineSettings};
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::store::{OpenOptions, SqliteStore};
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BEGIN: Timestamp = Timestamp::from_seconds(1_795_000_000);
const HOUR: TimeDelta = TimeDelta::hours(1);
const DAY: TimeDelta = TimeDelta::hours(24);
/// How far ahead of the clock a sender's may be.
const AHEAD: i64 = 120;
/// One look in so many steps. Of a step of five minutes in the middle, 30 days have 1,080 looks.
const LOOK_EVERY: u64 = 8;
/// What SQLite leaves free between two prunes, and what the allocator does not give back.
const GROWTH: f64 = 1.15;
/// To what the write-ahead log is cut back, in MB: 128 MiB.
const LOG_MB: f64 = 134.3;

struct Size {
    days: i64,
    orgs: usize,
    keep_activity: TimeDelta,
    keep_history: TimeDelta,
    /// How many looks there are at least.
    looks: usize,
}

impl Size {
    fn wanted() -> Self {
        if std::env::var("LIGHTNING_SYNC_TEST_SOAK").is_ok_and(|size| size == "full") {
            let (keep_activity, keep_history) = (TimeDelta::days(7), TimeDelta::days(10));
            Self { days: 30, orgs: 1_000, keep_activity, keep_history, looks: 1_000 }
        } else {
            let (keep_activity, keep_history) = (TimeDelta::days(3), TimeDelta::days(4));
            Self { days: 12, orgs: 40, keep_activity, keep_history, looks: 350 }
        }
    }

    /// From then on as much is dropped as comes in.
    fn full_at(&self) -> Timestamp {
        BEGIN.plus(self.keep_history + DAY)
    }

    fn settings(&self, without: Option<usize>) -> EngineSettings {
        let configured = (0..self.orgs).filter(|org| Some(*org) != without);
        let policy = |org| Arc::new(OrgPolicy::defaults(name(org)));
        EngineSettings {
            policies: configured.map(policy).collect(),
            keep_activity: self.keep_activity,
            keep_history: self.keep_history,
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        }
    }
}

fn name(org: usize) -> OrgName {
    OrgName::new(&format!("org-{org:04}")).expect("a name")
}

struct Soak {
    size: Size,
    file: PathBuf,
    engine: Engine<SqliteStore>,
    pages: MetricsPages,
    random: Random,
    now: Timestamp,
    /// The organisation that is not configured now.
    without: Option<usize>,
    /// What was accepted of each organisation, in the order of its coming, as long as a window may count it.
    accepted: Vec<VecDeque<ActivityRecord>>,
    records: u64,
    looks: usize,
    restarts: u64,
    reloads: u64,
}

fn open(file: &Path, size: &Size, without: Option<usize>, now: Timestamp) -> Engine<SqliteStore> {
    let store = SqliteStore::open(file, OpenOptions::default()).expect("the file opens");
    Engine::start(store, size.settings(without), Events::log_only(), now).expect("it starts")
}

impl Soak {
    fn begin(directory: &Path) -> Self {
        let size = Size::wanted();
        let file = directory.join("soak.db");
        let own = SelfMetrics::new(&[]).expect("metrics");
        own.set_orgs(&(0..size.orgs).map(name).collect::<Vec<_>>());
        Self {
            engine: open(&file, &size, None, BEGIN),
            pages: MetricsPages::new(Arc::new(own)),
            random: Random::new(1),
            now: BEGIN,
            without: None,
            accepted: vec![VecDeque::new(); size.orgs],
            records: 0,
            looks: 0,
            restarts: 0,
            reloads: 0,
            size,
            file,
        }
    }

    fn step(&mut self) {
        // Short steps are walked by the windows, those of over five minutes are counted anew.
        let seconds = self.random.between(1, 599);
        let elapsed =
            TimeDelta::seconds(seconds) + TimeDelta::nanoseconds(self.random.between(0, 999));
        self.now = self.now.plus(elapsed);
        self.engine.tick(self.now, elapsed);
        self.send();
        match self.random.below(48) {
            0 => self.restart(),
            1 => self.reload(),
            2..=4 => self.send_users(),
            _ => {}
        }
        if self.random.below(LOOK_EVERY) == 0 {
            self.look();
        }
        if self.random.below(3) == 0 {
            let view = Arc::new(self.engine.view());
            assert!(self.pages.gzip(view, self.now, PageFormat::Text).count() > 0);
        }
    }

    /// Half of the organisations send a few records, and one in ten of them repeats what it sent.
    fn send(&mut self) {
        let mut batches = Vec::new();
        for org in 0..self.size.orgs {
            if Some(org) == self.without || self.random.below(2) == 0 {
                continue;
            }
            let count = self.random.between(1, 3);
            let mut records: Vec<_> = (0..count).map(|_| self.record()).collect();
            if self.random.below(10) == 0 {
                records.extend(self.accepted[org].iter().rev().take(5));
            }
            let (org, received_at) = (name(org), self.now);
            batches.push(Observation::Activity(ActivityBatch { org, received_at, records }));
        }
        let sent = batches.clone();
        let answers = self.engine.observe(batches, self.now);
        for (batch, answer) in sent.iter().zip(answers) {
            let Observation::Activity(batch) = batch else { continue };
            let org: usize = batch.org.as_str()[4..].parse().expect("a number");
            let known = &mut self.accepted[org];
            let repeated = batch.records.iter().filter(|record| known.contains(record)).count();
            let fresh: Vec<_> =
                batch.records.iter().filter(|record| !known.contains(record)).copied().collect();
            known.extend(&fresh);
            self.records += fresh.len() as u64;
            let answer = answer.expect("it is taken");
            assert_eq!((answer.accepted, answer.duplicates), (fresh.len() as u64, repeated as u64));
        }
    }

    fn record(&mut self) -> ActivityRecord {
        let any_late = self.random.between(0, 30 * 3_600);
        let late =
            [0, 0, 1, 5, 59, 60, 3_599, 3_600, 3_601, 86_399, 86_400, 86_401, -AHEAD, any_late];
        let late = TimeDelta::seconds(self.random.one_of(&late));
        let kind = ActivityKind::from_index(self.random.below(12) as usize).expect("a kind");
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.random.next().to_be_bytes());
        ActivityRecord { at: self.now.minus(late), kind, key: RecordKey(key) }
    }

    fn restart(&mut self) {
        let nothing = tempfile::tempdir().expect("a temporary directory");
        let other = open(&nothing.path().join("none.db"), &self.size, Some(0), self.now);
        // The old one ends before the new one opens the file: it is locked.
        drop(std::mem::replace(&mut self.engine, other));
        self.engine = open(&self.file, &self.size, self.without, self.now);
        self.restarts += 1;
    }

    fn reload(&mut self) {
        self.without = match self.without {
            None => Some(self.random.below(self.size.orgs as u64) as usize),
            Some(_) => None,
        };
        let settings = self.size.settings(self.without);
        self.engine.configure(settings, self.now).expect("it is taken");
        self.reloads += 1;
    }

    /// A page of some users of every tenth organisation; who they are and how they are changes.
    fn send_users(&mut self) {
        let first = self.random.below(10) as usize;
        for org in (first..self.size.orgs).step_by(10).filter(|org| Some(*org) != self.without) {
            let users = (0..20).map(|_| {
                let user = format!("user-{}@corp.example", self.random.below(30));
                let well = self.random.below(20) > 0;
                let value = UserValue::Status(if well { Status::Yes } else { Status::No });
                (UserName::new(&user).expect("a name"), vec![(UserRow::ServiceAccount, value)])
            });
            let users = users.collect::<std::collections::BTreeMap<_, _>>().into_iter().collect();
            let snapshot = Snapshot {
                org: name(org),
                source: Source::Snapshot,
                captured_at: self.now,
                rows: vec![(OrgRow::LinkedUsers, OrgValue::Count(20))],
                users,
                users_complete: true,
            };
            let answer = self.engine.observe(vec![Observation::Snapshot(snapshot)], self.now);
            assert!(answer[0].is_ok(), "{answer:?}");
        }
    }

    /// Compares each window of each organisation with a count of all that was accepted.
    fn look(&mut self) {
        self.looks += 1;
        let oldest = self.now.minus(DAY);
        let view = self.engine.view();
        for (org, accepted) in self.accepted.iter_mut().enumerate() {
            accepted.retain(|record| record.at > oldest);
            if Some(org) == self.without {
                assert!(view.org(&name(org)).is_none());
                continue;
            }
            let org_view = view.org(&name(org)).expect("it is configured");
            for object in ObjectType::ALL.iter().copied() {
                let count = |outcome, window| {
                    let of = |record: &&ActivityRecord| {
                        let within = record.at > self.now.minus(window) && record.at <= self.now;
                        within
                            && record.kind.object_type == object
                            && record.kind.outcome == outcome
                    };
                    accepted.iter().filter(of).count() as u64
                };
                let figures = org_view.activity[object];
                assert_eq!(
                    (figures.synced_60m, figures.synced_24h, figures.failed_24h),
                    (
                        count(Outcome::Synced, HOUR),
                        count(Outcome::Synced, DAY),
                        count(Outcome::Failed, DAY)
                    ),
                    "organisation {org}, {object:?}, {}",
                    self.now
                );
            }
        }
    }

    /// The sizes of the file, of its log and of this process's memory, in MB.
    fn sizes(&self) -> [f64; 3] {
        let megabytes = |end: &str| {
            let mut path = self.file.clone().into_os_string();
            path.push(end);
            fs::metadata(path).map_or(0, |file| file.len()) as f64 / 1e6
        };
        let status = fs::read_to_string("/proc/self/status").expect("Linux");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let resident: f64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        [megabytes(""), megabytes("-wal"), resident / 1e3]
    }
}

#[test]
fn weeks_of_many_organisations_leave_memory_and_file_as_they_are_and_no_window_wrong() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut soak = Soak::begin(directory.path());
    let (mut day, mut full) = (BEGIN, None);
    let (mut largest_file, mut largest_memory) = (0.0_f64, 0.0_f64);
    while soak.now < BEGIN.plus(DAY * soak.size.days as i32) {
        soak.step();
        if soak.now < day.plus(DAY) {
            continue;
        }
        day = day.plus(DAY);
        let [file, log, memory] = soak.sizes();
        println!(
            "day {}: file {file:.1} MB, its log {log:.1} MB, memory {memory:.0} MB",
            day.since(BEGIN).num_days()
        );
        assert!(log < LOG_MB);
        if day >= soak.size.full_at() {
            full.get_or_insert((file, memory));
            (largest_file, largest_memory) = (largest_file.max(file), largest_memory.max(memory));
        }
    }
    println!(
        "{} days, {} organisations: {} records accepted, {} looks, {} restarts, {} reloads: 0 windows wrong",
        soak.size.days, soak.size.orgs, soak.records, soak.looks, soak.restarts, soak.reloads
    );
    assert!(soak.looks >= soak.size.looks, "{} looks", soak.looks);
    assert!(soak.restarts > 20 && soak.reloads > 20);
    let (file, memory) = full.expect("longer than the retention");
    assert!(largest_file < file * GROWTH, "the file grew from {file} to {largest_file} MB");
    assert!(largest_memory < memory * GROWTH, "memory grew from {memory} to {largest_memory} MB");
}
