//! Parts of the interface that fail, go away or say nothing, while the users are facts.

use super::fixture::{CLIENT_ID, SECRET, World, people, policy, settings};
use chrono::TimeDelta;
use enum_map::EnumMap;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::http_client::TransportFailure;
use lightning_sync_exporter::http_client::Trust;
use lightning_sync_exporter::sources::salesforce::{Poller, SalesforcePart};
use lightning_sync_sim::simulator::salesforce::{Scene, SimulatedOrg};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MINUTE: TimeDelta = TimeDelta::minutes(1);

#[tokio::test]
async fn a_part_that_fails_spoils_no_poll_and_is_asked_again_at_its_interval() {
    for code in ["UNKNOWN_EXCEPTION", "QUERY_TIMEOUT", "SOMETHING_NEW"] {
        let mut world = World::healthy(3).await;
        world.salesforce.change(CLIENT_ID, |org| {
            org.refused = vec![("SetupAuditTrail", code), ("UserEmailCalendarSync", code)];
        });
        let polled = world.poll().await;
        assert_eq!(polled.snapshot.unwrap().users.len(), 3, "{code}");
        let there = polled.facts.parts;
        assert_eq!(there[SalesforcePart::SetupTrail], Some(false), "{code}");
        assert_eq!(there[SalesforcePart::Assignments], Some(false), "{code}");
        assert_eq!(polled.news.len(), 2, "{:?}", polled.news);
        assert!(!polled.news.iter().any(|news| news.ends_with('.')));
        world.salesforce.change(CLIENT_ID, |org| org.refused.clear());
        let mut found = None;
        for minute in 1..=60 {
            world.pass(MINUTE);
            let polled = world.poll().await;
            assert!(polled.snapshot.is_ok(), "{code}");
            if polled.facts.parts[SalesforcePart::SetupTrail] == Some(true) {
                found = found.or(Some(minute));
            }
        }
        // A code that says that the user does not have it is asked for hourly.
        let expected = if code == "SOMETHING_NEW" { 60 } else { 10 };
        assert_eq!(found, Some(expected), "{code}");
    }
}

#[tokio::test]
async fn an_answer_without_users_is_no_list_of_nobody() {
    let mut world = World::healthy(3).await;
    assert_eq!(world.poll().await.snapshot.unwrap().users.len(), 3);
    world.salesforce.change(CLIENT_ID, |org| org.people.clear());
    world.pass(MINUTE);
    let polled = world.poll().await;
    let snapshot = polled.snapshot.unwrap();
    assert!(!snapshot.users_complete && snapshot.users.is_empty());
    assert!(snapshot.rows.iter().all(|(row, _)| *row == OrgRow::OutlookIntegration));
    assert_eq!(polled.facts.parts[SalesforcePart::Capture], Some(false));
    assert_eq!((polled.facts.connectivity, polled.facts.successor), (None, None));
    assert_eq!(polled.news.len(), 1, "{:?}", polled.news);
    assert!(polled.news[0].contains("Customize Application"));
    // It is asked for again with the next poll, and everybody is told anew.
    world.salesforce.change(CLIENT_ID, |org| org.people = people(2));
    world.pass(MINUTE);
    let snapshot = world.poll().await.snapshot.unwrap();
    assert_eq!((snapshot.users.len(), snapshot.users_complete), (2, true));
}

#[tokio::test]
async fn what_goes_away_is_no_longer_told() {
    let mut world = World::healthy(3).await;
    let facts = world.poll().await.facts;
    assert!(facts.successor.is_some() && facts.assigned.is_some());
    assert!(facts.switches.values().all(Option::is_some));
    world.salesforce.change(CLIENT_ID, |org| {
        org.scene = Scene::ObjectMissing;
        org.metadata_fault = Some("INSUFFICIENT_ACCESS");
    });
    world.pass(TimeDelta::hours(1));
    let facts = world.poll().await.facts;
    assert_eq!((facts.connectivity, facts.onboarding), (None, None));
    assert_eq!((facts.successor, facts.assigned), (None, None));
    assert!(facts.switches.values().all(Option::is_none));
}

#[tokio::test]
async fn settings_that_refuse_a_session_cost_no_new_session_at_every_poll() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(3));
    org.metadata_fault = Some("INVALID_SESSION_ID");
    let mut world = World::of(org).await;
    let polled = world.poll().await;
    assert_eq!(polled.facts.parts[SalesforcePart::EmailSettings], Some(false));
    assert_eq!(polled.news.len(), 2, "{:?}", polled.news);
    for _ in 0..30 {
        world.pass(MINUTE);
        assert_eq!(world.poll().await.requests, 1);
    }
}

#[tokio::test]
async fn who_is_assigned_is_known_with_the_first_users() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(1));
    org.people[0].configuration = None;
    let snapshot = World::of(org).await.poll().await.snapshot.unwrap();
    let (_, value) =
        snapshot.users[0].1.iter().find(|(row, _)| *row == UserRow::ActiveConfiguration).unwrap();
    assert_eq!(value.status(), Status::Yes);
}

#[tokio::test]
async fn a_poller_goes_on_from_the_last_sync_that_was_known() {
    let mut world = World::healthy(3).await;
    let last = world.now().minus(TimeDelta::hours(30));
    let settings = settings(&format!("http://{}", world.salesforce.address()));
    world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    world.poller.resume(EnumMap::from_fn(|_| Some(last)), None);
    world.salesforce.change(CLIENT_ID, |org| org.stopped = Some(last));
    let rows = world.poll().await.snapshot.unwrap().rows;
    for object in ObjectType::ALL {
        let known = (OrgRow::LastSync(*object), OrgValue::Instant(last));
        assert!(rows.contains(&known), "{rows:?}");
    }
}

#[tokio::test]
async fn a_redirect_takes_the_secret_nowhere() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(1));
    org.scene = Scene::TokenRedirect;
    org.elsewhere = format!("http://{}", stranger.local_addr().unwrap());
    let mut world = World::of(org).await;
    let polled = world.poll().await;
    let failure = polled.snapshot.unwrap_err();
    assert_eq!(failure.reason.name, TransportFailure::Redirected.name());
    assert_eq!(polled.requests, 1);
    let nobody = stranger.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_slow_service_is_read_until_the_polls_time_is_over() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(8));
    org.scene = Scene::Slow;
    org.slowness = Duration::from_millis(200);
    org.page_rows = 4;
    let mut world = World::of(org).await;
    assert_eq!(world.poll().await.snapshot.unwrap().users.len(), 8);
    world.salesforce.change(CLIENT_ID, |org| org.page_rows = 1);
    let settings = settings(&format!("http://{}", world.salesforce.address()));
    world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system())
        .within(Duration::from_secs(1));
    let began = Instant::now();
    let failure = world.poll().await.snapshot.unwrap_err();
    assert_eq!(failure.reason.name, TransportFailure::Timeout.name());
    assert!(began.elapsed() < Duration::from_secs(5));
}
