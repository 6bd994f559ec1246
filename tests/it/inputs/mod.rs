//! Further inputs of the kinds that people and attackers send, by generators that know what each means before they write
//! it: names, encodings, line ends, locales, headers, slow peers, and bodies at the bounds. Nothing here asks the program
//! what is right. `LIGHTNING_SYNC_TEST_INPUTS_SEED` repeats a run, or makes other inputs.

mod encodings;
mod headers;
mod lines;
mod locales;
mod names;
mod peers;

use crate::random::Random;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::snapshot::SnapshotContext;
use std::fmt::Debug;

/// After every instant that an input names.
const NOW: Timestamp = Timestamp::from_seconds(2_000_000_000);

/// How many inputs each kind has.
const NAMES: usize = 80;
const ENCODINGS: usize = 50;
const LINES: usize = 60;
const DATES: usize = 80;
const COUNTS: usize = 20;
const INSTANTS: usize = 30;
const HEADERS: usize = 60;
const PEERS: usize = 30;
const BOUNDS: usize = 30;

#[test]
fn there_are_more_than_three_hundred() {
    let all = NAMES + ENCODINGS + LINES + DATES + COUNTS + INSTANTS + HEADERS + PEERS + BOUNDS;
    assert_eq!(all, 440);
}

/// The inputs of one kind: what was wrong is collected, so that one run shows all of it.
struct Inputs {
    kind: &'static str,
    seed: u64,
    count: usize,
    wrong: Vec<String>,
}

impl Inputs {
    fn new(kind: &'static str) -> (Self, Random) {
        let seed: u64 = std::env::var("LIGHTNING_SYNC_TEST_INPUTS_SEED")
            .map_or(20_261_128_u64, |seed| seed.parse().expect("a number"));
        // Each kind has numbers of its own, whatever the others take.
        let own = kind.bytes().fold(seed, |own, byte| own.rotate_left(7) ^ u64::from(byte));
        (Self { kind, seed, count: 0, wrong: Vec::new() }, Random::new(own))
    }

    /// Counts an input; `input` says what it was when `got` is not `right`.
    fn is<T: PartialEq + Debug>(&mut self, input: impl FnOnce() -> String, got: &T, right: &T) {
        self.count += 1;
        if got != right {
            self.wrong.push(format!("{}: {got:?} and not {right:?}", input()));
        }
    }

    fn finish(self, count: usize) {
        let Self { kind, seed, count: tried, wrong } = self;
        println!("{kind}: {tried} inputs of seed {seed}, {} wrong", wrong.len());
        assert!(wrong.is_empty(), "{kind}, seed {seed}: {wrong:#?}");
        assert_eq!(tried, count, "{kind}");
    }
}

fn org() -> OrgName {
    OrgName::new("acme").unwrap()
}

fn context(org: &OrgName) -> SnapshotContext<'_> {
    SnapshotContext { org, now: NOW, captured_at: Some("2026-11-22T13:55:00Z"), written_at: None }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, by counting leap years.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let leap = i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let lengths = [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths.iter().take(month as usize - 1).sum();
    before * 365 + leaps(before) + months + day - 719_163
}

#[test]
fn the_clock_of_these_tests_is_right() {
    assert_eq!(days(1970, 1, 1), 0);
    assert_eq!(days(2000, 3, 1), 11_017);
    assert_eq!(days(2026, 11, 28), 1_795_824_000 / 86_400);
}
