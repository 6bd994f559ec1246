//! The leader ends in every way that there is. `LIGHTNING_SYNC_TEST_TAKEOVERS` is how often in a row (4; 200 in the full
//! size).

use super::{Fault, PATIENCE, Pair};
use crate::random::Random;
use crate::support::postgres::server;
use crate::support::process::wait_until;
use crate::support::tcp_proxy::BlockedDirections;
use rustix::process::Signal;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const SEED: u64 = 29;
/// What operators are promised.
const AFTER_A_CRASH: Duration = Duration::from_secs(15);
const AFTER_A_STOP: Duration = Duration::from_secs(2);
const BOTH: BlockedDirections = BlockedDirections { to_server: true, to_client: true };
const TO_SERVER: BlockedDirections = BlockedDirections { to_server: true, to_client: false };
const TO_CLIENT: BlockedDirections = BlockedDirections { to_server: false, to_client: true };

fn one(fault: Fault, within: Duration) {
    let mut pair = Pair::start("");
    let took = pair.fault(fault);
    assert!(took < within, "{fault:?}: {took:?}");
    let records = pair.settle().unwrap();
    println!("{fault:?}: taken over within {took:?}; {records} records, each counted once");
}

#[test]
fn a_leader_that_is_killed_is_followed_within_15_s() {
    one(Fault::Killed, AFTER_A_CRASH);
}

#[test]
fn a_leader_that_is_stopped_is_followed_within_2_s() {
    one(Fault::Stopped, AFTER_A_STOP);
}

#[test]
fn a_leader_that_loses_its_way_to_the_database_is_followed_and_ends() {
    one(Fault::Cut(BOTH), AFTER_A_CRASH);
}

#[test]
fn a_leader_that_its_database_does_not_hear_is_followed_and_ends() {
    one(Fault::Cut(TO_SERVER), AFTER_A_CRASH);
}

#[test]
fn a_leader_that_does_not_hear_its_database_is_followed_and_ends() {
    one(Fault::Cut(TO_CLIENT), AFTER_A_CRASH);
}

#[test]
fn a_leader_that_was_held_acknowledges_writes_and_sends_nothing_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let hears = Arc::clone(&heard);
    thread::spawn(move || {
        for _heartbeat in listener.incoming() {
            hears.lock().unwrap().push(Instant::now());
        }
    });
    // It is due while the leader is held.
    let heartbeat =
        format!("alerting: {{ heartbeat: {{ url: \"http://127.0.0.1:{port}/\", every: 10s }} }}");
    let mut pair = Pair::start(&heartbeat);
    wait_until("the leader sends", PATIENCE, || (!heard.lock().unwrap().is_empty()).then_some(()));
    pair.signal(0, Signal::STOP);
    let began = Instant::now();
    let took = pair.taken_over(1, began);
    assert!(took < AFTER_A_CRASH, "{took:?}");
    wait_until("the heartbeat is due", PATIENCE, || {
        (began.elapsed() > Duration::from_secs(11)).then_some(())
    });
    let before = heard.lock().unwrap().len();
    pair.signal(0, Signal::CONT);
    pair.deposed(0);
    assert_eq!(heard.lock().unwrap().len(), before, "it sends nothing");
    pair.run(0);
    pair.settle().unwrap();
}

#[test]
fn takeovers_again_and_again_lose_nothing_and_count_nothing_twice() {
    let takeovers =
        std::env::var("LIGHTNING_SYNC_TEST_TAKEOVERS").map_or(4, |count| count.parse().unwrap());
    let mut random = Random::new(SEED);
    let mut pair = Pair::start("");
    let all = [
        Fault::Stopped,
        Fault::Killed,
        Fault::Held,
        Fault::Cut(BOTH),
        Fault::Cut(TO_SERVER),
        Fault::Cut(TO_CLIENT),
    ];
    let mut longest = Duration::ZERO;
    for number in 0..takeovers {
        // A few of them have one of each at least.
        let fault = all.get(number).copied().unwrap_or_else(|| random.one_of(&all));
        longest = longest.max(pair.fault(fault));
    }
    let records = pair.settle().unwrap();
    println!(
        "{takeovers} takeovers, the longest {longest:?}; {records} records acknowledged, 0 lost, 0 counted twice, 0 taken by a daemon that another had followed"
    );
}

#[test]
fn the_harness_finds_a_writer_without_a_fence() {
    let mut pair = Pair::start("");
    pair.load.goes_on_at(pair.address(0));
    // What a writer that was deposed would leave behind if its transactions did not ask.
    let late = "INSERT INTO activity SELECT at, decode(md5(at::text), 'hex'), org, kind FROM activity LIMIT 1; \
                UPDATE hour_totals SET count = count + 1 WHERE ctid = (SELECT ctid FROM hour_totals LIMIT 1)";
    server().psql(&pair.database.name, late).unwrap();
    let found = pair.settle().unwrap_err();
    assert!(found.contains("records were acknowledged, and there are"), "{found}");
    // And one that acknowledges after it was followed.
    let acks = pair.load.acks().clone();
    let other = pair.address(1);
    let mut late = acks[acks.len() / 2].clone();
    late.daemon = other;
    pair.load.acks().push(late);
    let found = pair.load.judged().unwrap_err();
    assert!(found.contains("acknowledged after"), "{found}");
}
