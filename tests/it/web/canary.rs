//! The canary on the page and in the JSON: one of which all arrives, and one of which a direction has stopped.

use super::fixture::{Setting, Site, minutes_ago, view};
use crate::support::browser::look;
use crate::support::http::get;
use chrono::TimeDelta;
use enum_map::EnumMap;
use lightning_sync_exporter::domain::canary::{
    CanaryClass, CanaryReport, CanaryState, LaneReport, Leftover, RoundTrip,
};
use lightning_sync_exporter::domain::ids::{Direction, ObjectType, OrgName};
use lightning_sync_exporter::domain::source_state::{SourceFacts, SourceState};
use lightning_sync_exporter::domain::view::OrgView;
use serde_json::json;
use std::sync::Arc;

fn lane(object: ObjectType, direction: Direction, lost: usize) -> LaneReport {
    let trip = |place: i64| RoundTrip {
        written_at: minutes_ago(24 * 60 - 30 * place),
        took: (place < 48 - lost as i64).then(|| TimeDelta::seconds(100 + 40 * (place % 7))),
    };
    let related = (object, direction) == (ObjectType::Events, Direction::ToExchange);
    LaneReport {
        class: if related { CanaryClass::RelatedRecord } else { CanaryClass::Plain },
        state: if lost > 0 { CanaryState::Late } else { CanaryState::InTime },
        last_proof: Some(minutes_ago(28 + 30 * lost as i64)),
        last_round_trip: Some(TimeDelta::seconds(140)),
        allowed: TimeDelta::minutes(10),
        late_since: (lost > 0).then(|| minutes_ago(50)),
        trips: (0..48).map(trip).collect(),
    }
}

fn org(name: &str, lost: usize) -> Arc<OrgView> {
    let mut org = (*view().orgs[0]).clone();
    let mut policy = (*org.policy).clone();
    policy.name = OrgName::new(name).unwrap();
    policy.runs_canary = true;
    org.policy = Arc::new(policy);
    let leftover = Leftover {
        object_type: ObjectType::Contacts,
        direction: Direction::ToExchange,
        on_other_side: true,
        title: "Sync canary 0123456789abcdef0123456789abcdef".to_owned(),
        written_at: minutes_ago(40 * 60),
    };
    let report = CanaryReport {
        lanes: EnumMap::from_fn(|object| {
            EnumMap::from_fn(|direction| {
                let stopped = direction == Direction::ToExchange;
                Some(lane(object, direction, if stopped { lost } else { 0 }))
            })
        }),
        every: TimeDelta::minutes(30),
        leftovers: if lost > 0 { vec![leftover] } else { Vec::new() },
    };
    let facts = SourceFacts { canary: Some(Arc::new(report)), ..SourceFacts::default() };
    let state = SourceState { failing: None, facts };
    Arc::make_mut(&mut org.source_states).set("canary", Some(state));
    Arc::new(org)
}

#[test]
fn the_last_48_round_trips_are_dots_with_their_times_and_hold_in_a_browser() {
    let mut view = view();
    view.orgs = vec![org("broken", 5), org("healthy", 0)];
    let site = Site::with(Setting { view, ..Setting::default() });
    let healthy = get(site.address, "/orgs/healthy").text();
    assert_eq!(healthy.matches("class=\"arrived\" title=").count(), 4 * 48);
    assert_eq!(healthy.matches("class=\"lost\"").count(), 0);
    assert!(healthy.contains("related to a record") && healthy.contains("(plain)"));
    assert!(!healthy.contains("Should have been gone"));
    let broken = get(site.address, "/orgs/broken").text();
    assert_eq!(broken.matches("class=\"arrived\" title=").count(), 4 * 48 - 10);
    assert_eq!(broken.matches("class=\"lost\" title=").count(), 10);
    assert!(broken.contains(": lost\"") && broken.contains("48 round trips, 5 lost"), "{broken}");
    assert!(
        broken
            .contains("Sync canary 0123456789abcdef0123456789abcdef</code>, contacts, in Exchange")
    );

    let json = get(site.address, "/api/v1/orgs/broken").json();
    let canary = &json["canary"];
    assert_eq!(canary["every_seconds"], 1800.0);
    let lanes = canary["lanes"].as_array().unwrap();
    assert_eq!(lanes.len(), 4);
    let of = |object: &str| {
        let found = lanes.iter();
        let mut found =
            found.filter(|it| it["object_type"] == object && it["direction"] == "to_exchange");
        found.next().unwrap()
    };
    let events = of("events");
    assert_eq!((&events["class"], &events["state"]), (&"related_record".into(), &"late".into()));
    assert_eq!(of("contacts")["class"], "plain");
    let trips = events["round_trips"].as_array().unwrap();
    assert_eq!(trips.len(), 48);
    assert_eq!(trips[0], json!({ "written_at": "2026-11-21T14:00:00Z", "took_seconds": 100.0 }));
    assert_eq!(trips[47]["took_seconds"], json!(null));
    assert_eq!(canary["leftovers"][0]["on_other_side"], true);
    let json = get(site.address, "/api/v1/orgs/healthy").json();
    assert_eq!(json["canary"]["leftovers"], json!([]));

    let looks = ["healthy", "broken"].map(|name| {
        json!({ "name": format!("canary {name}"), "url": format!("http://{}/orgs/{name}", site.address) })
    });
    look(&looks);
}
