//! Every call that writes the database, truncates it or makes it durable goes wrong once, by its number, until a run has
//! no call of that number. `LIGHTNING_SYNC_TEST_FAULTS=all` tries every kind of fault at every number; otherwise it is
//! every third number and one kind after the other.

use super::{Answer, RECORDS, counted, page, push, shim, terminate};
use crate::support::http::request;
use crate::support::process::{Daemon, wait_until};
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BATCHES: usize = 6;
const ENDINGS: [&str; 3] = ["", "-wal", "-journal"];

/// What goes wrong; what each does is written in `disk.c`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// An error; later the daemon is told to end.
    Fails,
    /// An error; later power is cut.
    FailsThenPowerCut,
    NoSpace,
    Torn,
    PowerCut,
    /// No error: each call takes 20 ms.
    Slow,
}

const FAULTS: [Fault; 5] =
    [Fault::Fails, Fault::FailsThenPowerCut, Fault::NoSpace, Fault::Torn, Fault::PowerCut];

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Fails | Self::FailsThenPowerCut => "eio",
            Self::NoSpace => "enospc",
            Self::Torn => "torn",
            Self::PowerCut => "cut",
            Self::Slow => "slow",
        }
    }

    fn loses_power(self) -> bool {
        matches!(self, Self::FailsThenPowerCut | Self::PowerCut)
    }
}

/// What a sender knows.
#[derive(Default)]
struct Sender {
    acknowledged: usize,
    /// The next batch was sent, and nobody knows what became of it.
    under_way: bool,
    users_acknowledged: bool,
    refused: u64,
}

impl Sender {
    /// Sends everything, each again until it is acknowledged, while the daemon lives.
    fn send(&mut self, address: SocketAddr, at: &str) -> Result<(), String> {
        let again = Instant::now();
        while !self.users_acknowledged {
            let users = format!("{{\"captured_at\":\"{at}\",\"linked_users\":41}}");
            let headers = [("Content-Type", "application/json")];
            let path = "/api/v1/orgs/acme/snapshot";
            match request(address, "POST", path, &headers, users.as_bytes()).map(|it| it.status) {
                Ok(200) => self.users_acknowledged = true,
                Ok(status) => self.wait(status, again)?,
                Err(_) => return Ok(()),
            }
        }
        while self.acknowledged < BATCHES {
            self.under_way = true;
            match push(address, &self.acknowledged.to_string(), at) {
                Answer::Taken(_) => {
                    self.acknowledged += 1;
                    self.under_way = false;
                }
                Answer::Refused(status) => {
                    self.wait(status, again)?;
                    continue;
                }
                Answer::None => return Ok(()),
            }
            let expected = self.acknowledged as u64 * RECORDS;
            match counted(address) {
                Some(count) if count == expected => {}
                Some(count) => {
                    return Err(format!("{count} counted and {expected} acknowledged, in life"));
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn wait(&mut self, status: u16, begun: Instant) -> Result<(), String> {
        self.refused += 1;
        if status != 503 || begun.elapsed() > Duration::from_secs(30) {
            return Err(format!("never taken: {status}"));
        }
        // The answer names seconds, which would be long here.
        std::thread::sleep(Duration::from_millis(10));
        Ok(())
    }

    /// Whether a daemon that was started anew has what was acknowledged, once, and nothing else; sends the rest.
    fn compare(&self, address: SocketAddr, at: &str) -> Result<(), String> {
        let count = || counted(address).expect("a daemon without faults lives");
        let (acknowledged, found) = (self.acknowledged as u64 * RECORDS, count());
        let half = self.under_way && found == acknowledged + RECORDS;
        if found != acknowledged && !half {
            return Err(format!("{found} counted and {acknowledged} acknowledged"));
        }
        let linked = "lightning_sync_linked_users{org=\"acme\"} 41\n";
        if self.users_acknowledged && !page(address).expect("it lives").contains(linked) {
            return Err("an acknowledged snapshot is not there".to_owned());
        }
        let known = (found / RECORDS) as usize;
        for batch in 0..BATCHES {
            let expected = if batch < known { (0, RECORDS) } else { (RECORDS, 0) };
            let answer = push(address, &batch.to_string(), at);
            if answer != Answer::Taken(Some(expected)) {
                return Err(format!("batch {batch} of {known} again: {answer:?}"));
            }
        }
        let (all, found) = (BATCHES as u64 * RECORDS, count());
        if found == all { Ok(()) } else { Err(format!("{found} counted and {all} sent")) }
    }
}

/// A disk that goes wrong at a call; it may also say that all is durable, and keep nothing.
struct Trial<'a> {
    shim: &'a Path,
    fault: Fault,
    at_call: u64,
    lies: bool,
}

/// What a trial met.
struct Met {
    calls: u64,
    refused: u64,
    /// It ended instead of listening.
    did_not_start: bool,
}

impl Trial<'_> {
    fn run(&self) -> Result<Met, String> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        let (store, disk, config, count) = (at("a.db"), at("disk"), at("config.yaml"), at("count"));
        std::fs::create_dir(&disk).expect("it is empty");
        let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", store.display());
        std::fs::write(&config, text).expect("it is writable");
        let number = self.at_call.to_string();
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (shim, file) = (text(self.shim), text(&store));
        let (kept, counts) = (text(&disk), text(&count));
        let mut environment = vec![
            ("LD_PRELOAD", shim.as_str()),
            ("FAULTS_FILE", &file),
            ("FAULTS_DISK", &kept),
            ("FAULTS_COUNT", &counts),
            ("FAULTS_AT", &number),
            ("FAULTS_KIND", self.fault.name()),
        ];
        if self.lies {
            environment.push(("FAULTS_LIES", "1"));
        }
        let time = now().datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut sender = Sender::default();
        let started = Daemon::start_or_end(&config, &environment);
        let did_not_start = started.is_err();
        if let Ok(mut daemon) = started {
            sender.send(daemon.address, &time)?;
            if self.fault == Fault::FailsThenPowerCut {
                drop(daemon);
            } else if daemon.process.ended().is_none() {
                terminate(&daemon);
                daemon.process.wait_for_exit();
            }
        }
        let calls = std::fs::read_to_string(&count).expect("the shim counts");
        let met = Met {
            calls: calls.trim().parse().unwrap_or(0),
            refused: sender.refused,
            did_not_start,
        };
        if self.fault.loses_power() {
            keep_what_is_durable(&store, &disk);
        }
        let Ok(daemon) = Daemon::start_or_end(&config, &[]) else {
            return Err("the daemon does not start again".to_owned());
        };
        sender.compare(daemon.address, &time)?;
        terminate(&daemon);
        wait_for_end(daemon);
        let database = rusqlite::Connection::open(&store).expect("it is there");
        let whole: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .map_err(|error| error.to_string())?;
        if whole == "ok" { Ok(met) } else { Err(whole) }
    }
}

fn wait_for_end(mut daemon: Daemon) {
    wait_until("the daemon ends", Duration::from_secs(30), || daemon.process.ended());
}

/// What is in the files that the disk had when power was cut takes the place of what the daemon wrote.
fn keep_what_is_durable(store: &Path, disk: &Path) {
    for ending in ENDINGS {
        let with = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        let (written, durable) = (with(store), with(&disk.join("database")));
        let bytes = std::fs::read(durable).expect("the shim made it");
        if written.exists() || !bytes.is_empty() {
            std::fs::write(written, bytes).expect("it is writable");
        }
    }
}

#[test]
fn whatever_call_of_the_store_goes_wrong_each_acknowledged_record_counts_once() {
    let all = std::env::var("LIGHTNING_SYNC_TEST_FAULTS").is_ok_and(|size| size == "all");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let shim = shim(directory.path(), "disk");
    let (mut trials, mut refused, mut not_started, mut most) = (0, 0, 0, 0);
    let begun = Instant::now();
    let step = if all { 1 } else { 3 };
    for (turn, at_call) in (1..).step_by(step).enumerate() {
        let kinds = if all { &FAULTS[..] } else { &FAULTS[turn % FAULTS.len()..][..1] };
        let mut met_one = false;
        for fault in kinds {
            let trial = Trial { shim: &shim, fault: *fault, at_call, lies: false };
            let met = trial.run().unwrap_or_else(|error| panic!("{fault:?} at {at_call}: {error}"));
            met_one |= met.calls >= at_call;
            trials += 1;
            refused += u64::from(met.refused > 0);
            not_started += u64::from(met.did_not_start);
            most = most.max(met.calls);
        }
        if !met_one {
            break;
        }
    }
    println!(
        "faults of the disk: {trials} trials, up to {most} calls each, 0 acknowledged records lost, 0 counted twice, 0 invented; \
         in {refused} senders were refused for a while, in {not_started} the daemon did not start, {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    // Creating the database alone takes more than a hundred.
    assert!(most > 100, "{most}");
    assert!(refused > 0 && not_started > 0, "{refused}, {not_started}");
}

#[test]
fn a_disk_that_says_durable_and_keeps_nothing_is_found() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let shim = shim(directory.path(), "disk");
    // Power is cut after the end of a run: by then everything was acknowledged.
    let trial = |lies| Trial { shim: &shim, fault: Fault::PowerCut, at_call: u64::MAX, lies }.run();
    trial(false).expect("an honest disk keeps it");
    let found = trial(true).map(|_| ()).unwrap_err();
    assert_eq!(found, format!("0 counted and {} acknowledged", BATCHES as u64 * RECORDS));
}

#[test]
fn a_slow_disk_is_waited_for_and_nobody_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let shim = shim(directory.path(), "disk");
    let begun = Instant::now();
    let trial = Trial { shim: &shim, fault: Fault::Slow, at_call: 0, lies: false };
    let met = trial.run().unwrap_or_else(|error| panic!("{error}"));
    let elapsed = begun.elapsed();
    println!("a slow disk: {} calls in {:.1} s", met.calls, elapsed.as_secs_f64());
    assert_eq!(met.refused, 0);
    assert!(met.calls > 100 && elapsed > Duration::from_millis(20 * met.calls), "{elapsed:?}");
}
