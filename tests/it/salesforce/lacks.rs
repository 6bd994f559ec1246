//! What a version, a user or an organisation lacks, what it costs, and what is old.

use super::fixture::{CLIENT_ID, SECRET, World, people, policy, settings};
use chrono::TimeDelta;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::http_client::Trust;
use lightning_sync_exporter::sources::polling::Usage;
use lightning_sync_exporter::sources::salesforce::{
    Poller, ReportColumns, ReportSettings, SalesforceFailure, SalesforcePart,
};
use lightning_sync_sim::simulator::salesforce::{Scene, SimulatedOrg};
use std::sync::Arc;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

#[tokio::test]
async fn a_column_that_is_not_there_loses_neither_users_nor_settings() {
    let optional = [
        "EmailAddress",
        "ConfigurationName",
        "ContactsSynced",
        "EventsSynced",
        "UserOnboardingStatus",
        "RecommendedActionTitle",
    ];
    let mut cases: Vec<Vec<&str>> = optional.iter().map(|column| vec![*column]).collect();
    cases.push(optional.to_vec());
    for missing in cases {
        let mut world = World::healthy(3).await;
        world.salesforce.change(CLIENT_ID, |org| org.missing_columns.clone_from(&missing));
        let polled = world.poll().await;
        let snapshot = polled.snapshot.unwrap();
        assert_eq!(snapshot.users.len(), 3, "{missing:?}");
        let outlook = (OrgRow::OutlookIntegration, OrgValue::Flag(true));
        assert!(snapshot.rows.contains(&outlook), "{missing:?}");
        assert_eq!(polled.news.len(), missing.len(), "{:?}", polled.news);
        for column in &missing {
            assert!(polled.news.iter().any(|news| news.contains(&format!("without {column},"))));
        }
        let status =
            |row| snapshot.users[0].1.iter().find(|(of, _)| *of == row).unwrap().1.status();
        let linked = snapshot.rows.contains(&(OrgRow::LinkedUsers, OrgValue::Count(3)));
        assert_eq!(linked, !missing.contains(&"EmailAddress"), "{missing:?}");
        let expected = if linked { Status::Yes } else { Status::Unknown };
        assert_eq!(status(UserRow::ContactsLinked), expected, "{missing:?}");
        assert_eq!(status(UserRow::ActiveConfiguration), Status::Yes, "{missing:?}");
        // It is left out from now on, and costs nothing more.
        world.pass(MINUTE);
        let polled = world.poll().await;
        assert_eq!((polled.requests, polled.news), (1, Vec::new()), "{missing:?}");
    }
    let mut world = World::healthy(3).await;
    world.salesforce.change(CLIENT_ID, |org| org.missing_columns = vec!["UserId"]);
    let failure = world.poll().await.snapshot.unwrap_err();
    assert_eq!(failure.reason.name, SalesforceFailure::FieldUnknown.name());
}

#[tokio::test]
async fn a_column_that_comes_back_is_read_again_the_next_day() {
    let mut world = World::healthy(1).await;
    world.salesforce.change(CLIENT_ID, |org| org.missing_columns = vec!["EmailAddress"]);
    world.poll().await;
    world.salesforce.change(CLIENT_ID, |org| org.missing_columns.clear());
    world.pass(TimeDelta::hours(23));
    let linked = (OrgRow::LinkedUsers, OrgValue::Count(1));
    assert!(!world.poll().await.snapshot.unwrap().rows.contains(&linked));
    world.pass(TimeDelta::hours(1));
    assert!(world.poll().await.snapshot.unwrap().rows.contains(&linked));
}

#[tokio::test]
async fn neither_the_product_nor_the_limits_is_no_outage() {
    let mut world = World::healthy(3).await;
    world.salesforce.change(CLIENT_ID, |org| {
        org.scene = Scene::ObjectMissing;
        org.limits_fault = Some("INSUFFICIENT_ACCESS");
    });
    for minute in 0..30 {
        let polled = world.poll().await;
        assert!(polled.snapshot.is_ok(), "{minute}: {:?}", polled.snapshot);
        world.pass(MINUTE);
    }
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::PermissionDenied);
    world.pass(TimeDelta::hours(1));
    assert!(world.poll().await.snapshot.is_err(), "no right to the interface itself is one");
}

#[tokio::test]
async fn a_settings_record_that_is_not_there_is_not_available() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(2));
    org.has_settings = false;
    let mut world = World::of(org).await;
    for settings in [false, true, false] {
        world.salesforce.change(CLIENT_ID, |org| org.has_settings = settings);
        let polled = world.poll().await;
        assert!(polled.snapshot.is_ok());
        for part in [SalesforcePart::EmailSettings, SalesforcePart::CaptureSettings] {
            assert_eq!(polled.facts.parts[part], Some(settings), "{part}");
        }
        assert!(polled.facts.switches.values().all(|state| state.is_some() == settings));
        world.pass(TimeDelta::hours(1));
    }
}

#[tokio::test]
async fn settings_are_not_read_where_the_operator_does_not_want_it() {
    let mut world = World::healthy(2).await;
    let mut settings = settings(&format!("http://{}", world.salesforce.address()));
    settings.read_settings = false;
    world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    let polled = world.poll().await;
    assert_eq!(polled.snapshot.unwrap().users.len(), 2);
    assert_eq!(polled.facts.parts[SalesforcePart::EmailSettings], None);
    assert_eq!(world.requests("/services/Soap/"), 0);
}

#[tokio::test]
async fn without_the_header_the_limits_show_the_usage_or_it_is_unknown() {
    let mut world = World::healthy(2).await;
    world.salesforce.change(CLIENT_ID, |org| (org.shows_usage, org.used) = (false, 500));
    let polled = world.poll().await;
    let used = polled.usage.unwrap();
    assert!(used.used > 500 && used.allowed == 100_000, "{used:?}");
    world.salesforce.take_seen();
    for _ in 0..14 {
        world.pass(MINUTE);
        assert!(world.poll().await.usage.is_some());
    }
    assert_eq!(world.requests("/services/data/v67.0/limits"), 0, "not with every poll");
    // Nobody shows it any more: what was known is not the present.
    world.salesforce.change(CLIENT_ID, |org| org.limits_fault = Some("INSUFFICIENT_ACCESS"));
    world.pass(MINUTE);
    let polled = world.poll().await;
    assert_eq!((polled.snapshot.is_ok(), polled.usage), (true, None::<Usage>));
}

#[tokio::test]
async fn a_row_on_two_pages_is_no_endless_list() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(4));
    (org.twice, org.page_rows) = (true, 3);
    // Rows 0 1 2 | 3 0 1 | 2 3: the last page has no new one.
    let snapshot = World::of(org).await.poll().await.snapshot.unwrap();
    assert_eq!((snapshot.users.len(), snapshot.users_complete), (4, true));
}

fn report() -> ReportSettings {
    ReportSettings {
        id: "00O000000000001".to_owned(),
        columns: ReportColumns {
            object: "Object".to_owned(),
            user: "User".to_owned(),
            contact: None,
            event: None,
        },
    }
}

#[tokio::test]
async fn a_report_in_another_language_has_kinds_and_one_that_fails_no_old_figures() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(1));
    org.report = vec![("Ann".to_owned(), "Contact"), ("Bob".to_owned(), "Event")];
    org.report_label = Some("Kontakt oder Ereignis");
    let mut world = World::of(org).await;
    let mut settings = settings(&format!("http://{}", world.salesforce.address()));
    settings.report = Some(report());
    world.poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    world.poll().await;
    world.pass(MINUTE);
    let polled = world.poll().await;
    assert_eq!(polled.facts.report.unwrap().records.into_array(), [1, 1, 0]);
    world.salesforce.change(CLIENT_ID, |org| org.report_runs = false);
    let mut last = None;
    for minute in 1..=90 {
        world.pass(MINUTE);
        let facts = world.poll().await.facts;
        if facts.report.is_some() {
            last = Some(minute);
        }
        assert_eq!(facts.parts[SalesforcePart::Report], Some(minute < 15), "{minute}");
    }
    assert_eq!(last, Some(60), "absent after its limit");
}

#[tokio::test]
async fn answers_come_compressed() {
    let mut world = World::healthy(5_000).await;
    world.poll().await;
    world.pass(MINUTE);
    world.salesforce.take_sent();
    let polled = world.poll().await;
    assert!(polled.snapshot.is_ok());
    let sent = world.salesforce.take_sent();
    println!("5,000 users: {sent} bytes in a poll, {} MB a day", sent * 1_440 / 1_000_000);
    assert!(sent < 150_000, "{sent}");
}
