//! The clock of the machine steps under the daemon: by 25 hours either way, by the second that repeats after a leap second,
//! and to both ends of summer time. What counts is always what a count by hand gives.

use super::{Answer, RECORDS, counted, push, shim, terminate};
use crate::support::process::{Daemon, wait_until};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lightning_sync_exporter::app::now;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

const NEW: Answer = Answer::Taken(Some((RECORDS, 0)));
const KNOWN: Answer = Answer::Taken(Some((0, RECORDS)));

/// A daemon whose clock a test sets.
struct Stepped {
    directory: tempfile::TempDir,
    shim: PathBuf,
    added: TimeDelta,
    daemon: Option<Daemon>,
    /// The instants of all batches that were taken, in seconds.
    taken: Vec<DateTime<Utc>>,
}

impl Stepped {
    fn start(at: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let shim = shim(directory.path(), "clock");
        let config = format!(
            "store: {{ path: {} }}\norgs: [{{ name: acme, time_zone: Europe/Berlin }}]\n",
            directory.path().join("a.db").display()
        );
        std::fs::write(directory.path().join("config.yaml"), config).expect("it is writable");
        let mut it =
            Self { directory, shim, added: TimeDelta::zero(), daemon: None, taken: Vec::new() };
        it.step_to(at);
        it.start_again();
        it
    }

    fn start_again(&mut self) {
        // The last one is killed first.
        self.daemon = None;
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let (shim, clock) = (self.shim.display().to_string(), path("clock"));
        let environment = [("LD_PRELOAD", shim.as_str()), ("FAULTS_CLOCK", &clock)];
        let config = self.directory.path().join("config.yaml");
        self.daemon = Some(Daemon::start_or_end(&config, &environment).expect("it starts"));
    }

    fn now(&self) -> DateTime<Utc> {
        now().datetime() + self.added
    }

    fn step_by(&mut self, step: TimeDelta) {
        self.added += step;
        let mut file = std::fs::File::options();
        let file = file.write(true).create(true).truncate(false);
        let file = file.open(self.directory.path().join("clock")).expect("it is writable");
        let nanos = self.added.num_nanoseconds().expect("less than centuries");
        file.write_all_at(&nanos.to_ne_bytes(), 0).expect("it is writable");
    }

    fn step_to(&mut self, at: &str) {
        let at: DateTime<Utc> = at.parse().expect("an instant");
        self.step_by(at - self.now());
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("started")
    }

    /// Sends a batch of an instant.
    fn push(&self, batch: &str, at: &str) -> Answer {
        push(self.daemon().address, batch, at)
    }

    /// Sends a batch of now; its instant.
    fn take(&mut self, batch: &str) -> String {
        let text = self.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        assert_eq!(self.push(batch, &text), NEW, "{batch} of {text}");
        self.taken.push(text.parse().expect("our own"));
        text
    }

    /// Waits until the daemon counts what a count by hand gives.
    fn counts_what_is_due(&self) -> u64 {
        let due = |it: &&DateTime<Utc>| {
            let age = self.now() - **it;
            age >= TimeDelta::zero() && age < TimeDelta::hours(24)
        };
        let expected = self.taken.iter().filter(due).count() as u64 * RECORDS;
        let what = format!("{expected} are counted at {}", self.now());
        wait_until(&what, Duration::from_secs(20), || {
            (counted(self.daemon().address)? == expected).then_some(expected)
        })
    }

    fn is_suspect(&self) -> bool {
        let page = super::page(self.daemon().address).expect("it lives");
        page.contains("\nlightning_sync_exporter_clock_suspect 1\n")
    }
}

impl Drop for Stepped {
    fn drop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        if std::thread::panicking() {
            eprintln!("{}", daemon.process.log());
            return;
        }
        terminate(&daemon);
        assert_eq!(daemon.process.wait_for_exit(), Some(0));
    }
}

#[test]
fn steps_of_25_hours_either_way_lose_nothing_and_count_nothing_twice() {
    let day_and_an_hour = TimeDelta::hours(25);
    let mut it = Stepped::start("2026-12-09T12:00:00Z");
    let first = it.take("first");
    assert_eq!(it.counts_what_is_due(), RECORDS);
    assert!(!it.is_suspect());

    it.step_by(day_and_an_hour);
    let ahead = it.take("ahead");
    assert_eq!(it.counts_what_is_due(), RECORDS, "the first left the window");
    wait_until("the step is noticed", Duration::from_secs(20), || it.is_suspect().then_some(()));

    it.step_by(-day_and_an_hour);
    assert_eq!(it.counts_what_is_due(), RECORDS, "the one ahead is not due");
    assert_eq!(it.push("ahead", &ahead), KNOWN);

    it.step_by(-day_and_an_hour);
    assert_eq!(it.counts_what_is_due(), 0);
    it.take("behind");
    assert_eq!(it.counts_what_is_due(), RECORDS);
    it.start_again();
    assert_eq!(it.counts_what_is_due(), RECORDS);
    assert_eq!(it.push("first", &first), KNOWN);
    // More than 48 hours ahead of a clock that is wrong: the sender is told, and nothing changes.
    assert_eq!(it.push("ahead", &ahead), Answer::Refused(422));

    it.step_by(day_and_an_hour);
    assert_eq!(it.counts_what_is_due(), RECORDS);
    it.step_by(day_and_an_hour);
    assert_eq!(it.counts_what_is_due(), RECORDS);
    for (batch, at) in [("first", &first), ("ahead", &ahead)] {
        assert_eq!(it.push(batch, at), KNOWN, "{batch}");
    }
    it.start_again();
    assert_eq!(it.counts_what_is_due(), RECORDS);
}

#[test]
fn a_leap_second_is_one_instant_however_it_is_written_and_kept() {
    let mut it = Stepped::start("2026-12-31T23:59:58Z");
    it.take("before");
    // A kernel repeats the last second.
    it.step_to("2027-01-01T00:00:00Z");
    it.step_by(TimeDelta::seconds(-1));
    it.take("again");
    assert_eq!(it.counts_what_is_due(), 2 * RECORDS);
    // The sixty-first second is where the next day begins.
    let next_day: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().expect("an instant");
    it.step_to("2027-01-01T00:00:30Z");
    assert_eq!(it.push("leap", "2026-12-31T23:59:60Z"), NEW);
    it.taken.push(next_day);
    assert_eq!(it.push("leap", "2027-01-01T00:00:00Z"), KNOWN);
    assert_eq!(it.counts_what_is_due(), 3 * RECORDS);
}

#[test]
fn at_both_ends_of_summer_time_a_day_is_24_hours_and_each_hour_counts_once() {
    for (end, before, after) in [
        // Berlin has no hour from 2 to 3.
        ("2027-03-28T00:59:50Z", "2027-03-28T01:59:59+01:00", "2027-03-28T03:00:00+02:00"),
        // Berlin has it twice.
        ("2027-10-31T00:59:50Z", "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"),
    ] {
        let mut it = Stepped::start(end);
        it.take("ends");
        let at = |day: i64, clock: &str| {
            let end: DateTime<Utc> = end.parse().expect("an instant");
            format!("{}T{clock}Z", (end + TimeDelta::days(day)).date_naive())
        };
        it.step_to(&at(0, "01:40:00"));
        it.take("begins");
        // The same name at both: two instants, so two records, however alike the clocks on the wall are.
        for wall in [before, after] {
            assert_eq!(it.push("wall", wall), NEW, "{wall}");
            assert_eq!(it.push("wall", wall), KNOWN, "{wall}");
            it.taken.push(wall.parse().expect("an instant"));
        }
        assert_eq!(it.counts_what_is_due(), 4 * RECORDS);
        it.step_to(&at(1, "00:25:00"));
        assert_eq!(it.counts_what_is_due(), 4 * RECORDS, "{end}");
        it.step_to(&at(1, "01:39:00"));
        assert_eq!(it.counts_what_is_due(), RECORDS, "{end}");
        it.start_again();
        assert_eq!(it.counts_what_is_due(), RECORDS, "{end}");
    }
}
