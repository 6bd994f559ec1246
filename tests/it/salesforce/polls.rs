//! What good polls tell, and what they cost.

use super::fixture::{CLIENT_ID, SECRET, World, people, policy, settings, signing_key};
use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::Product;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::http_client::Trust;
use lightning_sync_exporter::sources::polling::PolledSource;
use lightning_sync_exporter::sources::salesforce::{
    Auth, Connectivity, Poller, ReportColumns, ReportSettings, SalesforceFailure, SalesforcePart,
    SalesforceSettings,
};
use lightning_sync_sim::simulator::salesforce::{Scene, SimulatedOrg};
use std::sync::Arc;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

fn value(snapshot: &Snapshot, row: OrgRow) -> Option<OrgValue> {
    let found = snapshot.rows.iter().find(|(of, _)| *of == row)?;
    Some(found.1.clone())
}

#[tokio::test]
async fn a_poll_tells_the_users_and_the_rows_that_follow_from_them() {
    let mut people = people(4);
    people[1].connectivity = "NEEDSATTENTION";
    people[2].onboarding = "IN_PROGRESS";
    people[3].connectivity = "NEEDSATTENTIONGLOBAL";
    let mut world = World::of(SimulatedOrg::healthy(CLIENT_ID, SECRET, people)).await;
    let polled = world.poll().await;
    let snapshot = polled.snapshot.unwrap();
    assert_eq!(value(&snapshot, OrgRow::LinkedUsers), Some(OrgValue::Count(2)));
    // One who is shown a broken connection of the organisation does not refute the two who are connected.
    assert_eq!(value(&snapshot, OrgRow::ServiceAccountRecognized), None);
    assert_eq!((snapshot.users.len(), snapshot.users_complete), (4, true));
    let status = |user: usize, row: UserRow| {
        let (_, value) = snapshot.users[user].1.iter().find(|(of, _)| *of == row).unwrap();
        value.status()
    };
    assert_eq!(status(0, UserRow::ContactsToExchange), Status::InSync);
    assert_eq!(status(1, UserRow::ServiceAccount), Status::No);
    assert_eq!(status(1, UserRow::EventsToSalesforce), Status::Unknown);
    assert_eq!(status(2, UserRow::EventsToExchange), Status::InitialSyncInProgress);
    assert_eq!(polled.facts.assigned, Some([4, 0]));
    let connectivity = polled.facts.connectivity.unwrap();
    assert_eq!(connectivity[Connectivity::Active], 2);
}

#[tokio::test]
async fn beside_lightning_sync_the_successors_users_prove_nothing() {
    let mut world = World::healthy(3).await;
    let mut policy = policy();
    policy.product = Product::LightningSync;
    let settings = settings(&format!("http://{}", world.salesforce.address()));
    world.poller = Poller::new(&policy, Arc::new(settings), &Trust::of_system());
    let polled = world.poll().await;
    let snapshot = polled.snapshot.unwrap();
    let outlook = (OrgRow::OutlookIntegration, OrgValue::Flag(true));
    assert_eq!((snapshot.rows, snapshot.users.len()), (vec![outlook], 0));
    assert_eq!(polled.facts.connectivity.unwrap()[Connectivity::Active], 3);
}

#[tokio::test]
async fn two_thousand_users_cost_four_calls_at_most_and_each_further_page_one() {
    for (users, page_rows, further) in [(2_000, 2_000, 0), (6_001, 2_000, 3), (2_000, 500, 3)] {
        let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(users));
        org.page_rows = page_rows;
        let mut world = World::of(org).await;
        // The first poll, one with a session, and one whose session was ended.
        for round in 0..3 {
            if round == 2 {
                world.salesforce.expire_sessions();
            }
            let polled = world.poll().await;
            let snapshot = polled.snapshot.unwrap();
            let active = polled.facts.connectivity.unwrap()[Connectivity::Active];
            assert_eq!(active, users as u64);
            // The assignments have pages too, and are asked for in the first round alone.
            let bound = 4 + further * if round == 0 { 2 } else { 1 };
            assert!(polled.requests <= bound, "{users} users: {} calls", polled.requests);
            assert_eq!(world.requests("/services/"), usize::try_from(polled.requests).unwrap());
            assert!(round > 0 || snapshot.users.len() == users);
            assert!(
                polled.facts.switches.values().all(Option::is_some),
                "pages take nothing of theirs"
            );
            world.pass(MINUTE);
        }
    }
}

/// What a day of polls costs: requests on the wire, calls as Salesforce counts them, and as the metric does.
async fn a_day(change: impl FnOnce(&mut SalesforceSettings)) -> [u64; 3] {
    let mut world = World::healthy(5).await;
    let mut settings = settings(&format!("http://{}", world.salesforce.address()));
    change(&mut settings);
    world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    let view = OrgView::new(OrgId(1), Arc::new(policy()), world.now(), world.now());
    let mut metric = 0.0;
    for minute in 0..1_440 {
        let now = world.now();
        let polled = PolledSource::poll(&mut world.poller, now, &view).await;
        assert!(polled.snapshot.is_ok());
        let calls = "lightning_sync_salesforce_api_calls_total";
        metric += polled.figures.iter().find(|figure| figure.metric == calls).unwrap().value;
        // No two polls are exactly a minute apart.
        world.pass(MINUTE + TimeDelta::milliseconds([40, -40, 15, -15][minute % 4]));
    }
    let seen = world.salesforce.take_seen();
    let batches = seen.iter().filter(|seen| seen.path.ends_with("/composite/batch")).count();
    assert_eq!(batches, 1_440);
    let mut used = 0;
    world.salesforce.change(CLIENT_ID, |org| used = org.used);
    // The session is a request that Salesforce does not count.
    [seen.len() as u64, used + 1, metric as u64]
}

#[tokio::test]
async fn a_day_costs_what_the_metric_counts_and_the_documents_say() {
    let usual = a_day(|_| {}).await;
    let more = a_day(|settings| {
        settings.approximate_activity = true;
        settings.report = Some(ReportSettings {
            id: "00O000000000001".to_owned(),
            columns: ReportColumns {
                object: "Object".to_owned(),
                user: "User".to_owned(),
                contact: None,
                event: None,
            },
        });
    })
    .await;
    println!("a day: {usual:?}; with the report and approximate activity: {more:?}");
    // Each part of a batch counts: the users with every poll, who is assigned and their accounts every hour, the audit
    // trail every 10 minutes. Besides: two kinds of settings every hour, and one session.
    let expected = 1_440 + 24 + 24 + 144 + 2 * 24 + 1;
    assert_eq!(usual, [1_440 + 2 * 24 + 1, expected, expected]);
    assert_eq!(more, [usual[0] + 96, expected + 96 + 192, expected + 96 + 192]);
    let document = include_str!("../../../docs/salesforce-source.md");
    let document = document.split_whitespace().collect::<Vec<_>>().join(" ");
    for figure in [
        format!("that is {},{:03} a day", expected / 1_000, expected % 1_000),
        "a report 96, and approximate activity 192".to_owned(),
    ] {
        assert!(document.contains(&figure), "{figure}");
    }
}

#[tokio::test]
async fn counts_go_on_across_midnight() {
    let mut world = World::healthy(10).await;
    // Midnight of the counters is at 08:00 UTC, twenty hours later.
    let mut last = None;
    for minute in 0..26 * 60 {
        let snapshot = world.poll().await.snapshot.unwrap();
        let contacts = ObjectType::Contacts;
        let hour = value(&snapshot, OrgRow::Synced60m(contacts));
        let day = value(&snapshot, OrgRow::Synced24h(contacts));
        assert_eq!(hour.is_some(), minute >= 60, "{minute}");
        assert_eq!(day.is_some(), minute >= 24 * 60, "{minute}");
        if let Some(OrgValue::Count(hour)) = hour {
            // Ten people with six an hour; what rose between the last look and midnight is not seen.
            assert!((50..=60).contains(&hour), "{minute}: {hour}");
        }
        if let Some(OrgValue::Count(day)) = day {
            assert!((1_430..=1_440).contains(&day), "{minute}: {day}");
        }
        last = value(&snapshot, OrgRow::LastSync(contacts)).or(last);
        world.pass(MINUTE);
    }
    let Some(OrgValue::Instant(at)) = last else {
        panic!("no sync was seen");
    };
    assert!(world.now().since(at) <= TimeDelta::minutes(11), "{at}");
    // Sync stops; the last sync stays where it was seen, and the hour empties.
    world.salesforce.change(CLIENT_ID, |org| org.stopped = Some(at));
    let mut snapshot = None;
    for _ in 0..75 {
        world.pass(MINUTE);
        snapshot = Some(world.poll().await.snapshot.unwrap());
    }
    let snapshot = snapshot.unwrap();
    let hour = value(&snapshot, OrgRow::Synced60m(ObjectType::Contacts));
    assert_eq!(hour, Some(OrgValue::Count(0)));
    assert_eq!(
        value(&snapshot, OrgRow::LastSync(ObjectType::Contacts)),
        Some(OrgValue::Instant(at))
    );
}

#[tokio::test]
async fn an_object_that_is_not_there_is_no_outage_and_asked_again_hourly() {
    let mut world = World::healthy(3).await;
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::ObjectMissing);
    let polled = world.poll().await;
    assert!(polled.snapshot.unwrap().users.is_empty());
    assert_eq!(polled.facts.parts[SalesforcePart::Capture], Some(false));
    assert_eq!(polled.news.len(), 2, "{:?}", polled.news);
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::Healthy);
    for minute in 1..=60 {
        world.pass(MINUTE);
        let polled = world.poll().await;
        let users = polled.snapshot.unwrap().users.len();
        assert_eq!(users, if minute == 60 { 3 } else { 0 }, "{minute}");
        assert_eq!(polled.news, Vec::<String>::new());
    }
}

#[tokio::test]
async fn odd_values_are_left_out_or_counted_as_other_and_told_once() {
    let mut world = World::healthy(12).await;
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::OddValues);
    let polled = world.poll().await;
    let snapshot = polled.snapshot.unwrap();
    assert_eq!(snapshot.users.len(), 12);
    assert_eq!(polled.facts.connectivity.unwrap()[Connectivity::Other], 2);
    let news: Vec<_> = polled.news.iter().filter(|news| news.contains("HOVERING")).collect();
    assert_eq!(news.len(), 1);
    world.pass(MINUTE);
    assert_eq!(world.poll().await.news, Vec::<String>::new());
}

#[tokio::test]
async fn without_batches_the_same_is_asked_one_by_one() {
    let mut world = World::healthy(3).await;
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::NoBatch);
    let polled = world.poll().await;
    assert_eq!((polled.snapshot.unwrap().users.len(), polled.requests), (3, 4));
    // The audit trail, the accounts and the settings had to wait for the polls after it.
    for requests in [4, 2] {
        world.pass(MINUTE);
        let polled = world.poll().await;
        assert_eq!((polled.snapshot.is_ok(), polled.requests), (true, requests));
    }
}

#[tokio::test]
async fn switches_the_report_and_approximate_counts_are_told_within_the_calls_of_a_poll() {
    for aggregates in [true, false] {
        let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(3));
        org.outlook_integration = false;
        org.aggregates = aggregates;
        org.report = [("Ann", "Contact"), ("Bob", "Event"), ("Bob", "Event")]
            .map(|(user, object)| (user.to_owned(), object))
            .to_vec();
        let mut world = World::of(org).await;
        let mut settings = settings(&format!("http://{}", world.salesforce.address()));
        settings.approximate_activity = true;
        settings.report = Some(ReportSettings {
            id: "00O000000000001".to_owned(),
            columns: ReportColumns {
                object: "Object".to_owned(),
                user: "User".to_owned(),
                contact: None,
                event: None,
            },
        });
        world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
        let first = world.poll().await;
        assert_eq!(first.requests, 4, "a session, a batch and two kinds of settings");
        let outlook = value(&first.snapshot.unwrap(), OrgRow::OutlookIntegration);
        assert_eq!(outlook, Some(OrgValue::Flag(false)));
        world.pass(MINUTE);
        let second = world.poll().await;
        assert_eq!(second.requests, 2, "a batch and the report");
        let report = second.facts.report.unwrap();
        let counts = (report.records.into_array(), report.users.into_array());
        assert_eq!(counts, ([1, 2, 0], [1, 1, 0]));
        assert_eq!(second.facts.approximate.into_array(), [Some(18), Some(36)], "{aggregates}");
        assert!(second.facts.switches.values().all(Option::is_some));
        assert!(second.facts.parts.values().all(|there| *there != Some(false)));
    }
}

#[tokio::test]
async fn settings_that_the_user_may_not_read_are_told_once_and_spoil_nothing() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(3));
    org.metadata_fault = Some("INSUFFICIENT_ACCESS");
    let mut world = World::of(org).await;
    let polled = world.poll().await;
    assert_eq!(polled.snapshot.unwrap().users.len(), 3);
    assert_eq!(polled.facts.parts[SalesforcePart::EmailSettings], Some(false));
    assert_eq!(polled.news.len(), 2, "{:?}", polled.news);
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.poll().await.news, Vec::<String>::new());
}

#[tokio::test]
async fn a_clock_that_disagrees_is_measured() {
    let mut world = World::healthy(1).await;
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::ClockAhead);
    let polled = world.poll().await;
    assert!(polled.snapshot.is_ok());
    assert_eq!(polled.facts.clock_ahead, Some(TimeDelta::hours(2)));
}

#[tokio::test]
async fn changes_of_the_set_up_are_counted_once() {
    let mut world = World::healthy(1).await;
    world.poll().await;
    let at = world.now().plus(MINUTE);
    world.salesforce.change(CLIENT_ID, |org| {
        org.setup_changes = vec![
            (at, ["lightningSyncConfigChanged", "Outlook Integration and Sync", ""]),
            (at, ["changedUserEmail", "Manage Users", ""]),
        ];
    });
    let mut counts = Vec::new();
    for _ in 0..4 {
        world.pass(TimeDelta::minutes(10));
        let facts = world.poll().await.facts;
        counts.push(facts.new_setup_changes);
        assert_eq!(facts.last_setup_change, Some(at));
    }
    assert_eq!(counts, [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_signed_assertion_gets_a_session_too() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, "unused", people(2));
    org.public_key = include_bytes!("data/signing.pub.der").to_vec();
    let mut world = World::of(org).await;
    let mut settings = settings(&format!("http://{}", world.salesforce.address()));
    settings.auth = Auth::JwtBearer {
        client_id: CLIENT_ID.to_owned(),
        username: "integration@acme.example".to_owned(),
        key: Arc::new(signing_key()),
        audience: "https://login.salesforce.com".to_owned(),
    };
    world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    assert_eq!(world.poll().await.snapshot.unwrap().users.len(), 2);
    world.salesforce.change(CLIENT_ID, |org| org.public_key.truncate(10));
    world.salesforce.expire_sessions();
    let failure = world.poll().await.snapshot.unwrap_err();
    assert_eq!(failure.reason.name, SalesforceFailure::CredentialsRejected.name());
}

#[tokio::test]
async fn a_budget_that_is_spent_pauses_polling_until_requests_are_free() {
    let mut world = World::healthy(1).await;
    world.salesforce.change(CLIENT_ID, |org| (org.used, org.allowed) = (850, 1_000));
    assert!(world.poll().await.snapshot.is_ok());
    world.salesforce.take_seen();
    let spent = world.poll().await;
    assert_eq!(spent.snapshot.unwrap_err().reason.name, SalesforceFailure::BudgetSpent.name());
    assert_eq!(spent.requests, 1);
    world.salesforce.change(CLIENT_ID, |org| org.used = 100);
    assert!(world.poll().await.snapshot.is_ok());
}
