//! The canary against both simulators: what it writes, finds and removes, and what it costs.

mod faults;
mod fixture;
mod killed;
mod live;
mod paged;
mod read;

use chrono::TimeDelta;
use fixture::{ACCOUNT, APP, BothSides, Flock, SECRET};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::canary::CanaryState;
use lightning_sync_exporter::domain::ids::{Direction, ObjectType};
use lightning_sync_exporter::domain::rows::OrgRow;
use lightning_sync_sim::simulator::exchange::ExchangeScene;
use live::Site;
use std::sync::Arc;

fn used(flock: &Flock) -> u64 {
    let mut used = 0;
    flock.both.salesforce.change(APP, |org| used = org.used);
    used
}

#[tokio::test]
async fn round_trips_both_ways_are_measured_within_a_hundred_calls_a_day() {
    let mut flock = Flock::new().await;
    flock.minutes(62).await;
    flock.texts_are_valid().await;
    let before = used(&flock);
    let mut rows = Vec::new();
    for _ in 0..24 * 60 {
        flock.minute().await;
        let outcome = flock.poll().await;
        rows.extend(outcome.snapshot.unwrap().into_iter().flat_map(|snapshot| snapshot.rows));
    }
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    for (object, direction, lane) in flock.report.clone().unwrap().lanes() {
        let took = lane.last_round_trip.unwrap();
        assert!(
            (TimeDelta::zero()..=TimeDelta::minutes(2)).contains(&took),
            "{object} {direction}: {took}"
        );
        assert_eq!(lane.trips.len(), 48);
        assert!(lane.trips.iter().all(|trip| trip.took.is_some()));
    }
    let calls = used(&flock) - before;
    println!("{calls} requests a day to Salesforce, of 100");
    assert!((90..=100).contains(&calls), "{calls} calls a day");
    for object in ObjectType::ALL {
        let proofs = rows.iter().filter(|(row, _)| *row == OrgRow::LastSync(*object)).count();
        assert!((48..=100).contains(&proofs), "{object}: {proofs}");
    }
    flock.is_clean().await;
}

#[tokio::test]
async fn a_stopped_direction_is_found_within_two_intervals_and_recovers() {
    for direction in Direction::ALL.iter().copied() {
        let mut flock = Flock::new().await;
        flock.minutes(100).await;
        flock.both.sync.settings.dropped = Some(direction);
        let mut minutes = 0;
        while !flock.states().contains(&CanaryState::Late) {
            minutes += 1;
            assert!(minutes <= 60, "{direction}");
            flock.minutes(1).await;
        }
        flock.minutes(20).await;
        for (_, of, lane) in flock.report.clone().unwrap().lanes() {
            assert_eq!(lane.late_since.is_some(), of == direction, "{direction}: {of}");
        }
        flock.both.sync.settings.dropped = None;
        flock.minutes(70).await;
        assert_eq!(flock.states(), [CanaryState::InTime; 4]);
        flock.is_clean().await;
    }
}

#[tokio::test]
async fn what_is_refused_is_a_failure_with_advice_and_no_late_sync() {
    let mut flock = Flock::new().await;
    flock.minutes(70).await;
    flock.both.salesforce.change(APP, |org| org.records_read_only = true);
    flock.minutes(65).await;
    let failure = loop {
        flock.minute().await;
        // A proof is handed over beside a failure.
        if let Err(failure) = flock.poll().await.snapshot {
            break failure;
        }
    };
    assert!(["canary_write_refused", "canary_delete_refused"].contains(&failure.reason.name));
    assert!(!flock.states().contains(&CanaryState::Late));
    flock.both.salesforce.change(APP, |org| org.records_read_only = false);
    flock.both.exchange.change(|org| org.others.clear());
    flock.both.exchange.take_seen();
    flock.minutes(55).await;
    let signs_in = flock
        .both
        .exchange
        .take_seen()
        .iter()
        .filter(|seen| seen.body.contains("FindFolder"))
        .count();
    assert!(signs_in <= 60, "{signs_in}");
    flock.both.exchange.change(|org| org.others.push((ACCOUNT.to_owned(), SECRET.to_owned())));
    flock.both.exchange.change(|org| org.scene = ExchangeScene::Busy);
    flock.minutes(5).await;
    flock.both.exchange.change(|org| org.scene = ExchangeScene::Healthy);
    flock.minutes(130).await;
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    flock.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_has_a_line_for_each_side() {
    let both = BothSides::start("acme", Arc::new(now)).await;
    let site = Site::new(&[("acme", &both, String::new())]);
    let lines = site.doctor();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, side) in lines.iter().zip(["salesforce", "exchange"]) {
        assert!(line.contains("PASS") && line.contains(side), "{line}");
    }
    both.exchange.change(|org| org.others.clear());
    both.salesforce.change(APP, |org| org.people[0].active = false);
    let lines = site.doctor();
    assert!(lines.iter().all(|line| line.contains("FAIL")), "{lines:?}");
    assert!(lines[0].contains("canary.user"), "{lines:?}");
}

#[tokio::test]
async fn doctors_look_finds_both_sides_and_writes_nothing() {
    use lightning_sync_exporter::http_client::Trust;
    use lightning_sync_exporter::sources::canary::CanarySource;
    let flock = Flock::new().await;
    let before = flock.ids();
    let source = CanarySource { settings: Arc::clone(&flock.settings), trust: Trust::of_nobody() };
    for (side, looked) in source.look(flock.now()).await {
        assert_eq!(looked, Ok(()), "{side}");
    }
    flock.both.exchange.change(|org| org.others.clear());
    let looked = source.look(flock.now()).await;
    assert!(looked[0].1.is_ok());
    assert_eq!(looked[1].1.as_ref().unwrap_err().reason.name, "sign_in_refused");
    assert_eq!(flock.ids(), before);
}
