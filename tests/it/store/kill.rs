//! A writer is killed at random moments, again and again, on one database. Whatever it acknowledged is there, whole
//! and once; what it did not acknowledge is there whole or not at all; the sender sends that again.

use super::places::{Place as _, PlaceOnDisk, PostgresDatabase, SqliteFile, on_disk};
use crate::random::Random;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::ids::{OrgId, OrgName, Source};
use lightning_sync_exporter::domain::readings::Reading;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::{DAY, HOUR, Lanes, Windows};
use lightning_sync_exporter::store::{Store, StoreWrite};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const SEED: u64 = 42;
const ORGS: u64 = 3;
const START: Timestamp = Timestamp::from_seconds(1_795_000_000);
/// Each batch is as much later than the one before, so that pruning has something to do within a run.
const BETWEEN_BATCHES: TimeDelta = TimeDelta::minutes(20);
const KEEP: TimeDelta = TimeDelta::days(3);

/// What the child reads from its environment: the file of the database, which store it is, how it writes, and its first
/// batch.
const WRITER: [&str; 4] = [
    "LIGHTNING_SYNC_TEST_WRITER",
    "LIGHTNING_SYNC_TEST_WRITER_STORE",
    "LIGHTNING_SYNC_TEST_WRITER_KIND",
    "LIGHTNING_SYNC_TEST_WRITER_FIRST",
];

/// So few that one pruning does not end an hour.
const PRUNE_ROWS: usize = 40;

fn open<P: PlaceOnDisk>(place: &P) -> P::Store {
    P::open_file(&place.file(), PRUNE_ROWS)
}

fn now(batch: u64) -> Timestamp {
    START.plus(BETWEEN_BATCHES * i32::try_from(batch).unwrap())
}

/// The records of a batch: the same in the child that sends them and in the parent that looks for them.
fn records(batch: u64) -> Vec<(OrgId, Vec<ActivityRecord>)> {
    let mut random = Random::new(SEED ^ (batch << 20));
    let mut writes = Vec::new();
    for write in 0..=random.below(3) {
        let org = OrgId(1 + random.below(ORGS) as u32);
        let mut records = Vec::new();
        for index in 0..random.below(30) {
            let at = match random.below(8) {
                0 => now(batch).minus(TimeDelta::seconds(random.between(0, 90_000))),
                1 => now(batch).plus(TimeDelta::seconds(random.between(0, 7_200))),
                2 => now(batch).minus(KEEP + TimeDelta::seconds(random.between(0, 90_000))),
                _ => now(batch).minus(TimeDelta::milliseconds(random.between(0, 60_000))),
            };
            let mut key = [0; 16];
            key[0] = random.below(256) as u8;
            key[1..9].copy_from_slice(&batch.to_be_bytes());
            key[9] = write as u8;
            key[10] = index as u8;
            let kind = ActivityKind::from_index(random.below(12) as usize).unwrap();
            let key = RecordKey(key);
            records.push(ActivityRecord { at, kind, key });
        }
        writes.push((org, records));
    }
    if batch > 0 && random.below(3) == 0 {
        // What came before comes again.
        writes.extend(records_of_one(batch - 1 - random.below(batch.min(30))));
    }
    writes
}

/// The first write of an earlier batch; without what that one repeated itself.
fn records_of_one(batch: u64) -> Option<(OrgId, Vec<ActivityRecord>)> {
    records(batch).into_iter().next()
}

fn writes(batch: u64) -> Vec<StoreWrite> {
    let mut writes: Vec<StoreWrite> = records(batch)
        .into_iter()
        .map(|(org, records)| StoreWrite::Activity {
            org,
            records: records.into(),
            horizon: now(batch).minus(KEEP),
        })
        .collect();
    writes.push(StoreWrite::Reading {
        org: OrgId(1),
        row: OrgRow::LinkedUsers,
        source: Source::Snapshot,
        reading: Reading {
            value: OrgValue::Count(batch),
            observed_at: now(batch),
            changed_at: now(batch),
        },
    });
    writes.push(StoreWrite::ClockSeen { at: now(batch) });
    writes
}

/// Writes batches and says so after each; runs until it is killed when the parent asks for it, and a little by itself
/// otherwise.
#[test]
fn a_writer_acknowledges_each_batch_on_its_output() {
    let Ok(path) = std::env::var(WRITER[0]) else {
        let place = SqliteFile::new();
        let mut store = open(&place);
        let acknowledged = write_on(&mut store, Kind::Honest, 0..5);
        assert_eq!(acknowledged, 5);
        assert_eq!(store.load(&|_| u64::MAX).unwrap().clock_seen, Some(now(4)));
        return;
    };
    let kind = match std::env::var(WRITER[2]).unwrap().as_str() {
        "honest" => Kind::Honest,
        "hasty" => Kind::Hasty,
        other => panic!("no such writer: {other}"),
    };
    let first: u64 = std::env::var(WRITER[3]).unwrap().parse().unwrap();
    let (path, batches) = (Path::new(&path), first..u64::MAX);
    match std::env::var(WRITER[1]).unwrap().as_str() {
        SqliteFile::NAME => write_on(&mut SqliteFile::open_file(path, PRUNE_ROWS), kind, batches),
        PostgresDatabase::NAME => {
            write_on(&mut PostgresDatabase::open_file(path, PRUNE_ROWS), kind, batches)
        }
        other => panic!("no such store: {other}"),
    };
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Commits, then acknowledges.
    Honest,
    /// Acknowledges, then commits: what the harness has to find.
    Hasty,
}

fn write_on(store: &mut impl Store, kind: Kind, batches: std::ops::Range<u64>) -> u64 {
    for org in 0..ORGS {
        let name = OrgName::new(&format!("org-{org}")).unwrap();
        assert_eq!(store.org(&name, START).unwrap().0, OrgId(org as u32 + 1));
    }
    let mut acknowledged = 0;
    for batch in batches {
        let mut acknowledge = || {
            let mut out = std::io::stdout().lock();
            writeln!(out, "taken {batch}").unwrap();
            out.flush().unwrap();
            acknowledged += 1;
        };
        if kind == Kind::Hasty {
            acknowledge();
        }
        store.commit(&writes(batch)).unwrap();
        if kind == Kind::Honest {
            acknowledge();
        }
        if batch % 5 == 4 {
            let history = Timestamp::MIN;
            store.prune(now(batch).minus(KEEP), history).unwrap();
        }
    }
    acknowledged
}

/// Starts a writer, kills it at a random moment, and returns the latest batch it acknowledged.
fn kill_a_writer<P: PlaceOnDisk>(
    place: &P,
    kind: Kind,
    first: u64,
    random: &mut Random,
) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "store::kill::a_writer_acknowledges_each_batch_on_its_output",
            "--exact",
            "--nocapture",
        ])
        .env(WRITER[0], place.file())
        .env(WRITER[1], P::NAME)
        .env(WRITER[2], if kind == Kind::Honest { "honest" } else { "hasty" })
        .env(WRITER[3], first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (send, taken) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(batch) = line.split("taken ").nth(1) {
                send.send(batch.trim().parse::<u64>().unwrap()).unwrap();
            }
        }
    });
    let mut latest = None;
    for _ in 0..random.below(25) {
        latest = Some(taken.recv_timeout(Duration::from_secs(30)).expect("a writer that goes on"));
    }
    // Somewhere in the next commits, or while the database is being opened.
    if let Ok(batch) = taken.recv_timeout(Duration::from_micros(random.below(3_000))) {
        latest = Some(batch);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    taken.try_iter().last().or(latest)
}

/// Everything that should be there after a number of batches.
#[derive(Debug, Clone, Default, PartialEq)]
struct Expected {
    batches: u64,
    records: BTreeMap<(Timestamp, RecordKey), (OrgId, usize)>,
    newest: BTreeMap<(OrgId, usize), Timestamp>,
}

impl Expected {
    fn take(&mut self, batch: u64) {
        self.batches = batch + 1;
        let horizon = now(batch).minus(KEEP);
        for (org, records) in records(batch) {
            for record in records {
                let lane = (org, record.kind.index());
                if record.at >= horizon {
                    let place = self.records.entry((record.at, record.key));
                    if *place.or_insert(lane) != lane {
                        continue;
                    }
                }
                let newest = self.newest.entry(lane).or_insert(record.at);
                *newest = record.at.max(*newest);
            }
        }
    }

    /// What differs, in words; nothing when all is well.
    fn differs(&self, place: &impl PlaceOnDisk) -> Option<String> {
        let mut store = open(place);
        let stored = store.load(&|_| u64::MAX).unwrap();
        let clock = self.batches.checked_sub(1).map(now);
        if stored.clock_seen != clock {
            return Some(format!("clock {:?}, expected {clock:?}", stored.clock_seen));
        }
        let reading = stored.orgs.first().and_then(|org| org.readings.first());
        let read = reading.map(|(_, _, reading)| reading.value.clone());
        let expected = self.batches.checked_sub(1).map(OrgValue::Count);
        if read != expected {
            return Some(format!("reading {read:?}, expected {expected:?}"));
        }
        let found = Rows::read(place);
        self.differs_in_rows(&found).or_else(|| self.differs_in_windows(&store))
    }

    fn differs_in_rows(&self, found: &Rows) -> Option<String> {
        // Pruning takes away from the oldest on, and never from within the time that is kept.
        let kept_from = found.records.first_key_value().map(|(key, _)| *key);
        let horizon = now(self.batches.saturating_sub(1)).minus(KEEP);
        let kept: BTreeMap<_, _> = match kept_from {
            Some(first) => self.records.range(first..).map(|(k, v)| (*k, *v)).collect(),
            None => BTreeMap::new(),
        };
        let mut let_go = self.records.keys().take(self.records.len() - kept.len());
        if let Some((at, _)) = let_go.next_back().filter(|(at, _)| *at >= horizon) {
            return Some(format!("a record of {at} is gone, the horizon is {horizon}"));
        }
        if kept != found.records {
            return Some(format!("{} records, expected {}", found.records.len(), kept.len()));
        }
        // While an hour is being let go its minutes still tell of it; those of whole hours that are kept are exact.
        let whole = kept_from.map_or(0, |(at, _)| at.hour() + 1) * 60;
        let minutes = totals(&self.records, |at| at.minute());
        if minutes.range((whole, OrgId(0), 0)..).ne(found.minutes.range((whole, OrgId(0), 0)..)) {
            return Some("minute totals differ from the records".into());
        }
        if totals(&self.records, |at| at.hour()) != found.hours {
            return Some("hour totals differ from the records".into());
        }
        (self.newest != found.newest).then(|| "the newest records differ".into())
    }

    fn differs_in_windows(&self, store: &impl Store) -> Option<String> {
        let now = now(self.batches);
        let mut windows = Windows::new();
        windows.advance(now, store).unwrap();
        let mut expected: BTreeMap<OrgId, Lanes> = BTreeMap::new();
        for ((at, _), (org, kind)) in self.records.iter().filter(|((at, _), _)| *at <= now) {
            let lane = &mut expected.entry(*org).or_default()[*kind];
            lane.last_60m += u64::from(*at > now.minus(HOUR));
            lane.last_24h += u64::from(*at > now.minus(DAY));
            lane.newest = lane.newest.max(Some(*at));
        }
        for ((org, kind), newest) in self.newest.iter().filter(|(_, newest)| **newest <= now) {
            let lane = &mut expected.entry(*org).or_default()[*kind];
            lane.newest = lane.newest.max(Some(*newest));
        }
        let differs = |org| windows.lanes(org) != expected.get(&org).copied().unwrap_or_default();
        (1..=ORGS as u32)
            .map(OrgId)
            .find(|org| differs(*org))
            .map(|org| format!("windows of {org:?} differ"))
    }
}

type Totals = BTreeMap<(i64, OrgId, usize), (u64, Timestamp)>;

fn totals(
    records: &BTreeMap<(Timestamp, RecordKey), (OrgId, usize)>,
    span: impl Fn(Timestamp) -> i64,
) -> Totals {
    let mut totals = Totals::new();
    for ((at, _), (org, kind)) in records {
        let sum = totals.entry((span(*at), *org, *kind)).or_insert((0, *at));
        *sum = (sum.0 + 1, sum.1.max(*at));
    }
    totals
}

/// The tables as anybody else reads them, past the store's own code.
struct Rows {
    records: BTreeMap<(Timestamp, RecordKey), (OrgId, usize)>,
    minutes: Totals,
    hours: Totals,
    newest: BTreeMap<(OrgId, usize), Timestamp>,
}

impl Rows {
    fn read(place: &impl PlaceOnDisk) -> Self {
        fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
            text.parse().unwrap()
        }
        let instant = |text: &str| Timestamp::from_nanos(number(text));
        let totals = |sql| {
            let rows = place.query(sql);
            let total = |row: &Vec<String>| {
                let key = (number(&row[0]), OrgId(number(&row[1])), number(&row[2]));
                (key, (number(&row[3]), instant(&row[4])))
            };
            rows.iter().map(total).collect()
        };
        let records = place.query("SELECT at, hex(key), org, kind FROM activity");
        let record = |row: &Vec<String>| {
            let key = u128::from_str_radix(&row[1], 16).unwrap().to_be_bytes();
            ((instant(&row[0]), RecordKey(key)), (OrgId(number(&row[2])), number(&row[3])))
        };
        let lanes = place.query("SELECT org, kind, newest FROM lanes");
        let lane =
            |row: &Vec<String>| ((OrgId(number(&row[0])), number(&row[1])), instant(&row[2]));
        Self {
            records: records.iter().map(record).collect(),
            minutes: totals("SELECT minute, org, kind, count, newest FROM minute_totals"),
            hours: totals("SELECT hour, org, kind, count, newest FROM hour_totals"),
            newest: lanes.iter().map(lane).collect(),
        }
    }
}

/// Kills writers until something is wrong or all cycles are done; returns how many batches survived.
fn kill_again_and_again<P: PlaceOnDisk>(kind: Kind, cycles: u64) -> Result<u64, String> {
    let place = P::new();
    let mut random = Random::new(SEED);
    let mut expected = Expected::default();
    for cycle in 0..cycles {
        let latest = kill_a_writer(&place, kind, expected.batches, &mut random);
        for batch in expected.batches..latest.map_or(0, |latest| latest + 1) {
            expected.take(batch);
        }
        let Some(difference) = expected.differs(&place) else {
            continue;
        };
        // The batch that was under way may have arrived, but then as a whole; it will be sent again nevertheless.
        let mut one_more = expected.clone();
        one_more.take(expected.batches);
        if let Some(also) = one_more.differs(&place) {
            return Err(format!(
                "cycle {cycle}, acknowledged up to {latest:?}: {difference}; with one more: {also}"
            ));
        }
        // Sent again by the next writer, because nobody acknowledged it: it must not count twice.
        let mut store = open(&place);
        let again = store.commit(&writes(expected.batches)).unwrap();
        let taken = again.iter().flat_map(|written| &written.fresh).filter(|fresh| **fresh).count();
        if taken > 0 {
            return Err(format!("cycle {cycle}: {taken} records counted twice"));
        }
        drop(store);
        if let Some(difference) = one_more.differs(&place) {
            return Err(format!("cycle {cycle}: sent again: {difference}"));
        }
        expected = one_more;
    }
    Ok(expected.batches)
}

fn a_writer_killed_at_any_moment_loses_nothing_acknowledged_and_counts_nothing_twice<
    P: PlaceOnDisk,
>() {
    let kills =
        std::env::var("LIGHTNING_SYNC_TEST_KILLS").map_or(P::KILLS, |it| it.parse().unwrap());
    let batches = kill_again_and_again::<P>(Kind::Honest, kills).unwrap();
    println!("{}: {kills} kills, {batches} batches, 0 acknowledged lost, 0 counted twice", P::NAME);
    assert!(batches > kills, "the writers must get to write: {batches} batches");
}

fn the_harness_finds_a_writer_that_acknowledges_before_it_commits<P: PlaceOnDisk>() {
    let found = kill_again_and_again::<P>(Kind::Hasty, 100).unwrap_err();
    assert!(found.contains("acknowledged up to"), "{found}");
}

on_disk! {
    a_writer_killed_at_any_moment_loses_nothing_acknowledged_and_counts_nothing_twice
    the_harness_finds_a_writer_that_acknowledges_before_it_commits
}
