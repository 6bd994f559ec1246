//! How fast the store takes records (near now, and spread over a day), and how long a start takes with many records
//! in the window. `LIGHTNING_SYNC_BENCH_RECORDS` sets how many (10,000,000); `TMPDIR` decides on which disk.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::ids::{OrgId, OrgName};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::Windows;
use lightning_sync_exporter::store::{OpenOptions, SqliteStore, Store, StoreError, StoreWrite};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
const BATCH: u64 = 4_000;
const ORGS: u64 = 20;
const DAY_SECONDS: u64 = 24 * 3_600;
/// As many records as each rate is measured over.
const MEASURED: u64 = 1_000_000;

/// A number that looks random, always the same for the same input.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn record(number: u64, at: Timestamp) -> Option<ActivityRecord> {
    let mut key = [0; 16];
    let halves = mixed(number).to_be_bytes().into_iter();
    for (byte, from) in key.iter_mut().zip(halves.chain(number.to_be_bytes())) {
        *byte = from;
    }
    // Four kinds, as an organisation that syncs both object types both ways has.
    let kind = [2, 4, 8, 10].get((number % 4) as usize).copied()?;
    Some(ActivityRecord { at, kind: ActivityKind::from_index(kind)?, key: RecordKey(key) })
}

/// Batches of one organisation each; every hundredth record has come before.
fn batches(numbers: std::ops::Range<u64>, at: impl Fn(u64) -> Timestamp) -> Vec<StoreWrite> {
    let mut batches = Vec::new();
    let mut first = numbers.start;
    while first < numbers.end {
        let end = numbers.end.min(first + BATCH);
        let repeated = |number: u64| number.saturating_sub(u64::from(number % 100 == 99) * 7);
        let one = |number| record(repeated(number), at(repeated(number)));
        batches.push(StoreWrite::Activity {
            org: OrgId((1 + (first / BATCH) % ORGS) as u32),
            records: (first..end).filter_map(one).collect(),
            horizon: Timestamp::MIN,
        });
        first = end;
    }
    batches
}

/// Commits each batch by itself; the whole time, and the slowest commit.
fn take(
    store: &mut SqliteStore,
    batches: &[StoreWrite],
) -> Result<(Duration, Duration), StoreError> {
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    for batch in batches {
        let one = Instant::now();
        store.commit(std::slice::from_ref(batch))?;
        slowest = slowest.max(one.elapsed());
    }
    Ok((began.elapsed(), slowest))
}

/// How long this thread has been on a processor, as far as the system tells: on a busy machine the only fair figure.
fn on_cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

fn rate(what: &str, store: &mut SqliteStore, batches: &[StoreWrite]) -> Result<(), Box<dyn Error>> {
    let before = on_cpu();
    let (whole, slowest) = take(store, batches)?;
    let busy = on_cpu().saturating_sub(before);
    let per_second = MEASURED as f64 / whole.as_secs_f64();
    say(&format!(
        "{what}: {per_second:.0} records/s, commits of {BATCH}, slowest {} ms; {:.2} us of processor a record",
        slowest.as_millis(),
        busy.as_secs_f64() * 1e6 / MEASURED as f64
    ))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let records: u64 = std::env::var("LIGHTNING_SYNC_BENCH_RECORDS")
        .map_or(Ok(10_000_000), |count| count.parse())?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("bench.db");
    let mut store = SqliteStore::open(&path, OpenOptions::default())?;
    for org in 0..ORGS {
        store.org(&OrgName::new(&format!("org-{org}"))?, NOW)?;
    }

    // A day's records, in the order in which they came about.
    let nanos_apart = DAY_SECONDS * 1_000_000_000 / records.max(1);
    let begin = NOW.minus(TimeDelta::seconds(DAY_SECONDS as i64));
    let in_order =
        |number: u64| Timestamp::from_nanos(begin.nanos() + (number * nanos_apart) as i64);
    let mut preload = Duration::ZERO;
    for first in (0..records).step_by(400_000) {
        let part = batches(first..records.min(first + 400_000), in_order);
        preload += take(&mut store, &part)?.0;
    }
    say(&format!(
        "in order over 24 h: {:.0} records/s over {records} records",
        records as f64 / preload.as_secs_f64()
    ))?;
    start(store, &path)?;

    let mut store = SqliteStore::open(&path, OpenOptions::default())?;
    // Ten thousand records a second, each told of a little after it came about.
    let late = |longest_ms: u64| {
        move |number: u64| {
            let told = NOW.nanos() + ((number - records) * 100_000) as i64;
            Timestamp::from_nanos(told - (mixed(number) % (longest_ms * 1_000_000)) as i64)
        }
    };
    let parts = [("up to 1 s late", 1_000), ("up to 5 s late", 5_000), ("up to 60 s late", 60_000)];
    let mut first = records;
    for (what, longest_ms) in parts {
        rate(what, &mut store, &batches(first..first + MEASURED, late(longest_ms)))?;
        first += MEASURED;
    }
    let any = |number: u64| {
        NOW.minus(TimeDelta::milliseconds((mixed(number) % (DAY_SECONDS * 1_000)) as i64))
    };
    let spread = batches(first..first + MEASURED, any);
    rate("random over 24 h", &mut store, &spread)?;
    prune(&mut store)
}

/// Closes the store and starts as the daemon does.
fn start(store: SqliteStore, path: &Path) -> Result<(), Box<dyn Error>> {
    drop(store);
    let (began, before) = (Instant::now(), on_cpu());
    let mut store = SqliteStore::open(path, OpenOptions::default())?;
    let opened = began.elapsed();
    store.load(&|_| u64::MAX)?;
    let mut windows = Windows::new();
    windows.advance(NOW, &store)?;
    let ready = began.elapsed();
    let orgs = (1..=ORGS).map(|org| windows.lanes(OrgId(org as u32)));
    let busy = on_cpu().saturating_sub(before);
    let in_window: u64 = orgs.flatten().map(|lane| lane.last_24h).sum();
    say(&format!(
        "start with {in_window} records in the window: {:.3} s, of which opening {:.3} s; {:.3} s of processor",
        ready.as_secs_f64(),
        opened.as_secs_f64(),
        busy.as_secs_f64()
    ))?;
    Ok(())
}

fn prune(store: &mut SqliteStore) -> Result<(), Box<dyn Error>> {
    let horizon = NOW.minus(TimeDelta::hours(20));
    let (mut calls, mut slowest) = (0, Duration::ZERO);
    let began = Instant::now();
    loop {
        let one = Instant::now();
        let more = store.prune(horizon, horizon)?;
        slowest = slowest.max(one.elapsed());
        calls += 1;
        if !more {
            break;
        }
    }
    say(&format!(
        "pruning 4 of 24 h: {:.1} s in {calls} calls, slowest {} ms",
        began.elapsed().as_secs_f64(),
        slowest.as_millis()
    ))?;
    Ok(())
}
