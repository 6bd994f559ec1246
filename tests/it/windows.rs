//! Windows against brute force over random histories: bursts, late, future and repeated records, restarts, pruning,
//! and clocks that jump. After every step every figure of every organisation must be the same.

use crate::random::Random;
use crate::support::memory_store::MemoryStore;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::ids::{OrgId, OrgName};
use lightning_sync_exporter::domain::observation::newest_expired;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::{DAY, HOUR, LaneFigures, LaneTally, Windows};
use lightning_sync_exporter::store::{OpenOptions, SqliteStore, Store, StoreWrite};
use std::collections::{BTreeMap, HashMap, HashSet};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOURS: i64 = 60 * MINUTE;
/// The shortest time that activity may be kept for.
const KEEP: TimeDelta = TimeDelta::days(3);
/// Short, so that hours are dropped within a history too.
const KEEP_HISTORY: TimeDelta = TimeDelta::days(5);
const ORGS: usize = 3;
const STEPS: usize = 40;

/// One history: the store under test with its windows, and beside them everything that was ever taken.
struct History<'a, S> {
    seed: u64,
    random: Random,
    store: Option<S>,
    /// Ends the process and starts the next on what it left.
    restart: Restart<'a, S>,
    windows: Windows,
    orgs: Vec<OrgId>,
    /// The true time, and how wrong the clock is.
    true_now: i64,
    offset: i64,
    sent: Vec<(OrgId, ActivityRecord)>,
    known: HashSet<(Timestamp, RecordKey)>,
    counted: Vec<(OrgId, ActivityKind, Timestamp)>,
    proofs: Vec<(OrgId, ActivityKind, Timestamp)>,
    /// The latest horizon so far; before it the store alone knows what it has let go.
    latest_horizon: Timestamp,
    next_key: u128,
    checks: u64,
}

type Restart<'a, S> = &'a dyn Fn(S) -> S;

impl<'a, S: Store> History<'a, S> {
    fn new(seed: u64, mut store: S, restart: Restart<'a, S>) -> Self {
        let mut random = Random::new(seed);
        let true_now = 1_795_000_000 * SECOND + random.between(0, 24 * HOURS);
        let orgs = (0..ORGS)
            .map(|index| {
                let name = OrgName::new(&format!("org-{index}")).unwrap();
                store.org(&name, Timestamp::from_nanos(true_now)).unwrap().0
            })
            .collect();
        Self {
            seed,
            random,
            store: Some(store),
            restart,
            windows: Windows::new(),
            orgs,
            true_now,
            offset: 0,
            sent: Vec::new(),
            known: HashSet::new(),
            counted: Vec::new(),
            proofs: Vec::new(),
            latest_horizon: Timestamp::MIN,
            next_key: 0,
            checks: 0,
        }
    }

    fn store(&mut self) -> &mut S {
        self.store.as_mut().unwrap()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.true_now + self.offset)
    }

    fn run(mut self) -> u64 {
        self.advance();
        for step in 0..STEPS {
            self.act();
            self.compare(step);
            self.compare_a_range(step);
        }
        self.checks
    }

    fn act(&mut self) {
        match self.random.below(16) {
            0..=4 => self.send_some(),
            5..=9 => {
                let step = self.step();
                self.true_now += step;
                self.advance();
            }
            10 => {
                self.jump();
                self.advance();
            }
            11 => self.send_again(),
            12 => {
                // Records come in between a jump and the next tick as well.
                self.jump();
                self.send_some();
                self.advance();
            }
            13 => self.prune(),
            _ => {
                self.windows = Windows::new();
                self.store = self.store.take().map(self.restart);
                self.advance();
            }
        }
    }

    fn step(&mut self) -> i64 {
        let any = self.random.between(1, 90 * MINUTE);
        self.random.one_of(&[
            1,
            SECOND,
            SECOND,
            13 * SECOND + 1,
            MINUTE,
            5 * MINUTE,
            5 * MINUTE + 1,
            any,
            any / 60,
            HOURS,
            26 * HOURS,
        ])
    }

    fn jump(&mut self) {
        let any = self.random.between(-25 * HOURS, 25 * HOURS);
        let jump = self.random.one_of(&[
            1,
            -1,
            SECOND,
            -SECOND,
            61 * SECOND,
            -61 * SECOND,
            2 * HOURS,
            -2 * HOURS,
            25 * HOURS,
            -25 * HOURS,
            any,
            -self.offset,
            -self.offset,
        ]);
        self.offset = (self.offset + jump).clamp(-25 * HOURS, 25 * HOURS);
    }

    fn instant(&mut self) -> Timestamp {
        let now = self.now().nanos();
        let edge = self.random.one_of(&[0, HOURS, 24 * HOURS]);
        let round = self.random.one_of(&[MINUTE, HOURS]);
        let at = match self.random.below(10) {
            0 => now - edge + self.random.between(-1, 1),
            1 => (now - edge).div_euclid(round) * round + self.random.between(-1, 1),
            2 => now + self.random.between(1, 48 * HOURS),
            3 => now + self.random.between(1, 2 * MINUTE),
            4 => now - self.random.between(0, 4 * 24 * HOURS),
            5 => now - self.random.between(0, 25 * HOURS),
            6 => now - self.random.between(0, 61 * MINUTE),
            _ => now - self.random.between(0, 3 * SECOND),
        };
        Timestamp::from_nanos(at)
    }

    fn record(&mut self) -> ActivityRecord {
        let kinds = ActivityKind::COUNT as u64;
        self.next_key += 1;
        let mut key = self.next_key.to_be_bytes();
        key[0] = self.random.below(256) as u8;
        ActivityRecord {
            at: self.instant(),
            kind: ActivityKind::from_index(self.random.below(kinds) as usize).unwrap(),
            key: RecordKey(key),
        }
    }

    fn send_some(&mut self) {
        let org = self.random.below(ORGS as u64) as usize;
        let org = self.orgs[org];
        let mut records = Vec::new();
        for _ in 0..self.random.between(0, 3) {
            let record = self.record();
            let burst = self.random.one_of(&[1, 1, 2, 9]);
            for _ in 0..burst {
                self.next_key += 1;
                let mut key = self.next_key.to_be_bytes();
                key[0] = self.random.below(256) as u8;
                let key = RecordKey(key);
                records.push(ActivityRecord { key, ..record });
            }
            if self.random.below(4) == 0 {
                records.push(*records.last().unwrap());
            }
        }
        self.send(org, records);
    }

    /// What was taken before comes again, now and then said to be of another kind: its identity decides.
    fn send_again(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let at = self.random.below(self.sent.len() as u64) as usize;
        let (org, mut record) = self.sent[at];
        if self.random.below(3) == 0 {
            record.kind = ActivityKind::from_index(0).unwrap();
        }
        let fresh = self.record();
        self.send(org, vec![record, fresh, record]);
    }

    fn send(&mut self, org: OrgId, records: Vec<ActivityRecord>) {
        let horizon = self.now().minus(KEEP);
        self.latest_horizon = self.latest_horizon.max(horizon);
        let write = StoreWrite::Activity { org, records: records.clone().into(), horizon };
        let written = self.store().commit(&[write]).unwrap().remove(0);
        assert_eq!(written.fresh.len(), records.len());
        let before = written.horizon.unwrap();
        assert!(horizon <= before && before <= self.latest_horizon);
        let mut expired = 0;
        for (record, fresh) in records.iter().zip(&written.fresh) {
            let due = record.at >= before && self.known.insert((record.at, record.key));
            assert_eq!(*fresh, due, "seed {}: {record:?}", self.seed);
            if due {
                self.counted.push((org, record.kind, record.at));
                self.windows.insert(org, record);
            }
            if record.at < before {
                expired += 1;
                self.proofs.push((org, record.kind, record.at));
            }
            self.sent.push((org, *record));
        }
        for (kind, at) in newest_expired(&records, before) {
            self.windows.note_expired(org, kind, at);
        }
        assert_eq!(written.expired, expired, "seed {}", self.seed);
    }

    fn prune(&mut self) {
        // While the clock is suspect nothing is let go.
        if self.offset.abs() > HOURS {
            return;
        }
        let horizon = self.now().minus(KEEP);
        self.latest_horizon = self.latest_horizon.max(horizon);
        let history = self.now().minus(KEEP_HISTORY);
        for _ in 0..self.random.between(1, 20) {
            self.store().prune(horizon, history).unwrap();
        }
    }

    fn advance(&mut self) {
        let now = self.now();
        self.windows.advance(now, self.store.as_ref().unwrap()).unwrap();
    }

    fn compare(&mut self, step: usize) {
        // The figures hold for the latest tick, which lies before the clock when records came last.
        let now = self.windows.head().unwrap();
        let mut lanes: HashMap<(OrgId, ActivityKind), LaneFigures> = HashMap::new();
        for (org, kind, at) in self.counted.iter().filter(|(_, _, at)| *at <= now) {
            let lane = lanes.entry((*org, *kind)).or_default();
            lane.last_60m += u64::from(*at > now.minus(HOUR));
            lane.last_24h += u64::from(*at > now.minus(DAY));
            lane.newest = lane.newest.max(Some(*at));
        }
        for (org, kind, at) in self.proofs.iter().filter(|(_, _, at)| *at <= now) {
            let lane = lanes.entry((*org, *kind)).or_default();
            lane.newest = lane.newest.max(Some(*at));
        }
        for org in self.orgs.iter().copied() {
            for (index, found) in self.windows.lanes(org).iter().enumerate() {
                let kind = ActivityKind::from_index(index).unwrap();
                let expected = lanes.get(&(org, kind)).copied().unwrap_or_default();
                assert_eq!(
                    (*found, org, kind),
                    (expected, org, kind),
                    "seed {}, step {step}, now {now}",
                    self.seed
                );
                self.checks += 1;
            }
        }
    }

    /// Any range that begins after what has been let go.
    fn compare_a_range(&mut self, step: usize) {
        let ends = [self.instant(), self.instant()];
        let after = ends[0].min(ends[1]).max(self.latest_horizon);
        let upto = ends[0].max(ends[1]);
        let mut expected: BTreeMap<(OrgId, ActivityKind), (u64, Timestamp)> = BTreeMap::new();
        for (org, kind, at) in &self.counted {
            if after < *at && *at <= upto {
                let sum = expected.entry((*org, *kind)).or_insert((0, *at));
                *sum = (sum.0 + 1, sum.1.max(*at));
            }
        }
        let found = self.store().tally(after, upto).unwrap();
        let lane = |it: &LaneTally| ((it.org, it.kind), (it.count, it.newest));
        let as_map: BTreeMap<_, _> = found.iter().map(lane).collect();
        assert_eq!(found.len(), as_map.len(), "one tally for each lane");
        assert_eq!(as_map, expected, "seed {}, step {step}, {after} to {upto}", self.seed);
        self.checks += 1;
    }
}

/// How many histories to run: all of them, unless somebody asks for fewer or more.
fn histories() -> u64 {
    std::env::var("LIGHTNING_SYNC_TEST_HISTORIES").map_or(10_000, |count| count.parse().unwrap())
}

#[test]
fn windows_in_memory_equal_brute_force_after_every_step_of_every_history() {
    let checks: u64 = (0..histories())
        .map(|seed| History::new(seed, MemoryStore::new(), &|store| store).run())
        .sum();
    println!("{} histories in memory, {checks} figures compared, 0 differences", histories());
    assert!(checks > 0);
}

#[test]
fn windows_on_disk_equal_brute_force_after_every_step_of_every_history() {
    let count = histories().div_ceil(100) * 3;
    // What is compared is arithmetic, not durability: in memory the thousands of commits wait for no disk.
    let in_memory = std::path::Path::new("/dev/shm");
    let directory = if in_memory.is_dir() {
        tempfile::tempdir_in(in_memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    let mut checks = 0;
    for seed in 1_000_000..1_000_000 + count {
        let path = directory.path().join(format!("{seed}.db"));
        let open = || {
            let options = OpenOptions {
                // A few rows a call, so that histories go on in the middle of an hour that is being pruned.
                prune_rows: 7,
                ..OpenOptions::default()
            };
            SqliteStore::open(&path, options).unwrap()
        };
        let restart = |store| {
            drop(store);
            open()
        };
        checks += History::new(seed, open(), &restart).run();
        std::fs::remove_file(&path).unwrap();
    }
    println!("{count} histories on disk, {checks} figures compared, 0 differences");
    assert!(checks > 0);
}
