//! What the source says of users and of the organisation, and no more than it knows.

use super::daemon::{config, wait_for_metric};
use super::fixture::{CLIENT_ID, SECRET, World, people, policy, settings};
use crate::support::http::get;
use crate::support::process::{Daemon, wait_until};
use chrono::TimeDelta;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::{ConnectionMethod, OrgPolicy};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::http_client::Trust;
use lightning_sync_exporter::sources::salesforce::{Poller, SalesforcePart, SalesforceSettings};
use lightning_sync_sim::simulator::salesforce::{Person, Salesforce, SimulatedOrg};
use std::fs;
use std::sync::Arc;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

async fn world(people: Vec<Person>) -> World {
    World::of(SimulatedOrg::healthy(CLIENT_ID, SECRET, people)).await
}

fn repoll(world: &mut World, policy: &OrgPolicy, change: impl FnOnce(&mut SalesforceSettings)) {
    let mut settings = settings(&format!("http://{}", world.salesforce.address()));
    change(&mut settings);
    world.poller = Poller::new(policy, Arc::new(settings), &Trust::of_system());
}

fn row(snapshot: &Snapshot, row: OrgRow) -> Option<OrgValue> {
    snapshot.rows.iter().find(|(of, _)| *of == row).map(|(_, value)| value.clone())
}

fn status(snapshot: &Snapshot, name: &str, row: UserRow) -> Status {
    let (_, values) = snapshot.users.iter().find(|(user, _)| user.as_str() == name).unwrap();
    values.iter().find(|(of, _)| *of == row).unwrap().1.status()
}

const LINKED: OrgRow = OrgRow::LinkedUsers;
const RECOGNIZED: OrgRow = OrgRow::ServiceAccountRecognized;

#[tokio::test]
async fn one_stale_status_does_not_break_the_organisation() {
    let mut hundred = people(100);
    hundred[7].connectivity = "NEEDSATTENTIONGLOBAL";
    let mut world = world(hundred).await;
    let first = world.poll().await.snapshot.unwrap();
    assert_eq!(row(&first, RECOGNIZED), None, "before anything was seen to sync");
    assert_eq!(row(&first, LINKED), Some(OrgValue::Count(99)));
    assert_eq!(status(&first, "user7@corp.example", UserRow::ServiceAccount), Status::No);
    world.pass(TimeDelta::minutes(10));
    let second = world.poll().await.snapshot.unwrap();
    assert_eq!(row(&second, RECOGNIZED), Some(OrgValue::Flag(true)), "others sync");
    // When all are shown it and nothing syncs, it is so.
    let stopped = world.now();
    world.salesforce.change(CLIENT_ID, |org| {
        org.stopped = Some(stopped);
        org.people.iter_mut().for_each(|one| one.connectivity = "NEEDSATTENTIONGLOBAL");
    });
    world.pass(MINUTE);
    let broken = world.poll().await.snapshot.unwrap();
    assert_eq!(row(&broken, RECOGNIZED), Some(OrgValue::Flag(false)));
    assert_eq!(row(&broken, LINKED), Some(OrgValue::Count(0)));
}

#[tokio::test]
async fn a_new_organisation_connects_and_nobody_fails() {
    let mut new = people(3);
    for person in &mut new {
        person.connectivity = "PENDING";
        person.onboarding = "NOT_STARTED";
        person.address = None;
        person.fixed = Some([0, 0]);
    }
    let mut world = world(new).await;
    let snapshot = world.poll().await.snapshot.unwrap();
    assert_eq!((row(&snapshot, LINKED), row(&snapshot, RECOGNIZED)), (None, None));
    for (user, _) in &snapshot.users {
        let of = |row| status(&snapshot, user.as_str(), row);
        assert_eq!(of(UserRow::ContactsToExchange), Status::NotStarted);
        assert_eq!(of(UserRow::ContactsLinked), Status::Unknown);
        assert_eq!(of(UserRow::ServiceAccount), Status::Unknown);
    }
}

#[tokio::test]
async fn what_is_switched_off_or_not_configured_is_not_in_sync() {
    let to = UserRow::ContactsToExchange;
    let name = "user0@corp.example";
    for (contact_sync, engine) in [(false, true), (true, false)] {
        let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(1));
        (org.contact_and_event_sync, org.activity_sync_engine) = (contact_sync, engine);
        let first = World::of(org).await.poll().await.snapshot.unwrap();
        assert_eq!(status(&first, name, to), Status::NotSetToSync, "{contact_sync} {engine}");
    }
    let mut only_events = people(1);
    only_events[0].counted = [false, true];
    let snapshot = world(only_events).await.poll().await.snapshot.unwrap();
    assert_eq!(status(&snapshot, name, to), Status::Unknown);
    assert_eq!(status(&snapshot, name, UserRow::EventsToExchange), Status::InSync);
    let mut world = world(people(1)).await;
    let policy = OrgPolicy { objects: vec![ObjectType::Events], ..policy() };
    repoll(&mut world, &policy, |_| {});
    let snapshot = world.poll().await.snapshot.unwrap();
    assert_eq!(status(&snapshot, name, to), Status::NotSetToSync);
    assert_eq!(status(&snapshot, name, UserRow::EventsToExchange), Status::InSync);
}

#[tokio::test]
async fn user_level_oauth_has_no_service_account() {
    let mut two = people(2);
    two[1].connectivity = "NEEDSATTENTION";
    let mut world = world(two).await;
    let policy = OrgPolicy { connection: ConnectionMethod::Oauth, ..policy() };
    repoll(&mut world, &policy, |_| {});
    let snapshot = world.poll().await.snapshot.unwrap();
    assert_eq!(
        (row(&snapshot, LINKED), row(&snapshot, RECOGNIZED)),
        (Some(OrgValue::Count(1)), None)
    );
    for name in ["user0@corp.example", "user1@corp.example"] {
        assert_eq!(status(&snapshot, name, UserRow::ServiceAccount), Status::Unknown);
    }
    // Whoever cannot be reached does not go unseen.
    assert_eq!(status(&snapshot, "user1@corp.example", UserRow::EventsLinked), Status::No);
}

#[tokio::test]
async fn who_was_deactivated_or_turned_off_is_no_failing_user() {
    let mut five = people(5);
    five[1].active = false;
    five[1].connectivity = "NEEDSATTENTION";
    five[2].connectivity = "DISABLED";
    five[2].configuration = None;
    five[2].assigned = false;
    five[3].connectivity = "DISABLED";
    five[3].onboarding = "IN_PROGRESS";
    let mut world = world(five).await;
    world.poll().await;
    world.pass(MINUTE);
    let snapshot = world.poll().await.snapshot.unwrap();
    let names: Vec<&str> = snapshot.users.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["user0@corp.example", "user3@corp.example", "user4@corp.example"]);
    assert!(snapshot.users_complete);
    assert_eq!(row(&snapshot, LINKED), Some(OrgValue::Count(2)));
    let disabled = |row| status(&snapshot, "user3@corp.example", row);
    assert_eq!(disabled(UserRow::ContactsToExchange), Status::Unknown);
    assert_eq!(disabled(UserRow::ServiceAccount), Status::No, "turned off while assigned");
    // Without the right to see accounts, everybody counts as active.
    world.salesforce.change(CLIENT_ID, |org| org.refused = vec![("User", "INSUFFICIENT_ACCESS")]);
    repoll(&mut world, &policy(), |_| {});
    world.poll().await;
    world.pass(TimeDelta::minutes(5));
    let polled = world.poll().await;
    assert_eq!(polled.facts.parts[SalesforcePart::Accounts], Some(false));
    assert_eq!(polled.snapshot.unwrap().users.len(), 4);
}

#[tokio::test]
async fn identity_is_the_id() {
    let mut three = people(3);
    // Two with one address and no name of their own, and two rows for each.
    for person in &mut three[..2] {
        person.name = "Cut To One Length".to_owned();
        person.address = Some("shared@corp.example".to_owned());
    }
    let mut world = world(three).await;
    let snapshot = world.poll().await.snapshot.unwrap();
    let names: Vec<&str> = snapshot.users.iter().map(|(name, _)| name.as_str()).collect();
    let [first, second] = ["(005000000000000aaa)", "(005000000000001aaa)"]
        .map(|id| format!("cut to one length {id}"));
    assert_eq!(names, [first.as_str(), second.as_str(), "user2@corp.example"]);
    assert_eq!(row(&snapshot, LINKED), Some(OrgValue::Count(3)));
    world.salesforce.change(CLIENT_ID, |org| (org.twice, org.backwards) = (true, true));
    world.pass(MINUTE);
    let polled = world.poll().await;
    assert_eq!(row(&polled.snapshot.unwrap(), LINKED), Some(OrgValue::Count(3)));
}

#[tokio::test]
async fn order_repetition_and_corrections_are_no_sync() {
    let mut two = people(2);
    two[0].fixed = Some([40, 12]);
    two[1].fixed = Some([7, 3]);
    let mut world = world(two).await;
    let last = |snapshot: &Snapshot| row(snapshot, OrgRow::LastSync(ObjectType::Contacts));
    assert_eq!(last(&world.poll().await.snapshot.unwrap()), None);
    let changes: [fn(&mut SimulatedOrg); 4] = [
        |org| org.backwards = true,
        |org| org.twice = true,
        |org| org.people[0].fixed = Some([38, 12]),
        |org| (org.twice, org.backwards) = (false, false),
    ];
    for change in changes {
        world.salesforce.change(CLIENT_ID, change);
        world.pass(MINUTE);
        assert_eq!(last(&world.poll().await.snapshot.unwrap()), None);
    }
    world.salesforce.change(CLIENT_ID, |org| org.people[0].fixed = Some([39, 12]));
    world.pass(MINUTE);
    let seen = last(&world.poll().await.snapshot.unwrap());
    assert_eq!(seen, Some(OrgValue::Instant(world.now())));
}

#[tokio::test]
async fn assigned_users_who_are_not_listed_are_counted() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(60));
    org.unlisted = 40;
    let mut world = World::of(org).await;
    // Whether they are active is read with the second poll.
    assert_eq!(world.poll().await.facts.unlisted, Some(0));
    world.pass(MINUTE);
    world.poll().await;
    world.pass(MINUTE);
    let polled = world.poll().await;
    assert_eq!((polled.facts.assigned, polled.facts.unlisted), (Some([100, 0]), Some(40)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_assigned_and_sixty_listed_is_found_and_a_status_shows_its_age() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(60));
    org.unlisted = 40;
    org.people[3].logged_in_at = Some(now().minus(TimeDelta::days(9)));
    let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = config(directory.path(), &format!("http://{}", salesforce.address()));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("user_names: plain\n{text}")).unwrap();
    let daemon = Daemon::start(&file);
    wait_for_metric(daemon.address, "lightning_sync_expected_linked_users{org=\"acme\"} 100");
    let found = get(daemon.address, "/api/v1/findings").text();
    assert!(found.contains("linked_users_unexpected"), "{found}");
    let path = "/orgs/acme/users/user3@corp.example";
    let page = wait_until("the log-in is read", std::time::Duration::from_secs(60), || {
        let page = get(daemon.address, path).text();
        page.contains("as it was at the last log-in").then_some(page)
    });
    assert!(page.contains("9 days ago"), "{page}");
    let json = get(daemon.address, &format!("/api/v1{path}")).json();
    assert!(json["successor"]["logged_in_at"].is_string(), "{json}");
}
