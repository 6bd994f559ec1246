//! What the canary says of a sync that fails in the ways in which a sync fails, and of other kinds of events.

use super::fixture::{APP, CANARY, Flock};
use chrono::TimeDelta;
use lightning_sync_exporter::domain::canary::{CanaryClass, CanaryState};
use lightning_sync_exporter::domain::ids::{Direction, ObjectType};
use lightning_sync_exporter::sources::canary::CanarySettings;
use lightning_sync_sim::simulator::exchange::ExchangeScene;
use lightning_sync_sim::simulator::salesforce::EventClass;
use lightning_sync_sim::simulator::synchroniser::SlowNight;
use std::sync::Arc;

#[tokio::test]
async fn deletions_that_the_sync_loses_are_named_after_a_day_and_nothing_is_late() {
    let mut flock = Flock::new().await;
    flock.minutes(5).await;
    flock.both.sync.settings.loses_deletions = true;
    flock.minutes(60).await;
    flock.both.sync.settings.loses_deletions = false;
    flock.tens_of_minutes(20 * 6).await;
    assert_eq!(flock.report.as_ref().unwrap().leftovers, []);
    flock.tens_of_minutes(5 * 6).await;
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    let leftovers = flock.report.clone().unwrap().leftovers;
    assert!(leftovers.len() >= 4, "{leftovers:?}");
    assert!(leftovers.iter().all(|it| it.on_other_side));
    // They are where the canary says that they are.
    for leftover in &leftovers {
        let there = match leftover.direction {
            Direction::ToExchange => {
                flock.both.items().iter().any(|(_, item)| item.subject == leftover.title)
            }
            Direction::ToSalesforce => {
                flock.both.records().iter().any(|record| record.subject == leftover.title)
            }
        };
        assert!(there, "{leftover:?}");
    }
    // Somebody deletes them, as the alert says.
    flock.both.exchange.change(|org| {
        let items = &mut org.mailbox(CANARY).unwrap().items;
        items.retain(|item| !leftovers.iter().any(|it| it.title == item.subject));
    });
    flock.both.salesforce.change(APP, |org| {
        org.records.retain(|record| !leftovers.iter().any(|it| it.title == record.subject));
    });
    flock.tens_of_minutes(12).await;
    assert_eq!(flock.report.as_ref().unwrap().leftovers, []);
    flock.is_clean().await;
}

#[tokio::test]
async fn of_an_item_that_the_sync_doubles_only_the_canarys_own_is_deleted_by_it() {
    let mut flock = Flock::new().await;
    let foreign: Vec<String> =
        flock.both.items().into_iter().map(|(_, item)| item.subject).collect();
    // It doubles contacts of both directions, and loses its doubles of those that were written in Exchange.
    flock.both.sync.settings.duplicates = true;
    flock.minutes(100).await;
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    flock.both.sync.settings.duplicates = false;
    let lanes = enum_map::EnumMap::default();
    flock.settings = Arc::new(CanarySettings { lanes, ..(*flock.settings).clone() });
    flock.restart();
    flock.tens_of_minutes(26 * 6).await;
    // What of the doubles has stayed is named, and is nobody's but the sync's.
    let named: Vec<String> =
        flock.report.clone().unwrap().leftovers.into_iter().map(|it| it.title).collect();
    let left: Vec<String> = flock
        .both
        .items()
        .into_iter()
        .filter(|(_, item)| !flock.foreign.contains(&item.id))
        .map(|(_, item)| item.subject)
        .filter(|title| title.len() == 44 && !foreign.contains(title))
        .collect();
    assert!(left.iter().all(|title| named.contains(title)), "{left:?}, named {named:?}");
    println!("{} doubles are left, each is named", left.len());
}

#[tokio::test]
async fn slow_nights_are_late_until_they_are_learnt_and_a_slow_night_within_bounds_is_no_news() {
    let mut flock = Flock::new().await;
    flock.minutes(200).await;
    let within = SlowNight { from: 0, to: 24, delay: TimeDelta::minutes(7) };
    flock.both.sync.settings.slow_night = Some(within);
    flock.minutes(180).await;
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    let hours = TimeDelta::hours(3);
    flock.both.sync.settings.slow_night = Some(SlowNight { delay: hours, ..within });
    flock.minutes(60).await;
    assert_eq!(flock.states(), [CanaryState::Late; 4]);
    flock.both.sync.settings.slow_night = None;
    flock.minutes(60).await;
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    flock.is_clean().await;
}

#[tokio::test]
async fn a_dropped_kind_of_events_is_seen_by_the_canary_that_writes_it_and_by_no_other() {
    for related_to in [None, Some("001000000000001AAA".to_owned())] {
        let mut flock = Flock::new().await;
        let settings =
            CanarySettings { related_to: related_to.clone(), ..(*flock.settings).clone() };
        flock.settings = Arc::new(settings);
        flock.minutes(100).await;
        let class = |flock: &Flock, direction| {
            let lanes = &flock.report.as_ref().unwrap().lanes;
            lanes[ObjectType::Events][direction].as_ref().unwrap().class
        };
        assert_eq!(class(&flock, Direction::ToSalesforce), CanaryClass::Plain);
        let is_related = class(&flock, Direction::ToExchange) == CanaryClass::RelatedRecord;
        assert_eq!(is_related, related_to.is_some());
        flock.both.sync.settings.dropped_class = Some(EventClass::OfCustomObject);
        flock.minutes(60).await;
        for (object, direction, lane) in flock.report.clone().unwrap().lanes() {
            let hit =
                is_related && (object, direction) == (ObjectType::Events, Direction::ToExchange);
            assert_eq!(lane.late_since.is_some(), hit, "{object} {direction}");
        }
        flock.both.sync.settings.dropped_class = None;
        flock.minutes(60).await;
        flock.is_clean().await;
    }
}

#[tokio::test]
async fn an_event_with_an_attendee_goes_round_and_nobody_is_invited() {
    let mut flock = Flock::new().await;
    let attendee = Some("nobody@corp.example".to_owned());
    flock.settings = Arc::new(CanarySettings { attendee, ..(*flock.settings).clone() });
    flock.minutes(75).await;
    let lanes = flock.report.clone().unwrap().lanes;
    let lane = lanes[ObjectType::Events][Direction::ToSalesforce].as_ref().unwrap();
    assert_eq!((lane.class, lane.state), (CanaryClass::Attendee, CanaryState::InTime));
    let seen = flock.both.exchange.take_seen();
    let with = seen.iter().filter(|it| it.body.contains("<t:EmailAddress>nobody@corp.example<"));
    assert!(with.count() >= 2, "it attends");
    flock.texts_of(&seen).await;
    flock.is_clean().await;
    let mut invited = vec!["?".to_owned()];
    flock.both.exchange.change(|org| invited.clone_from(&org.mailbox(CANARY).unwrap().invited));
    assert_eq!(invited, Vec::<String>::new());
}

#[tokio::test]
async fn pauses_without_an_end_are_a_failure_and_prove_nothing() {
    let mut flock = Flock::new().await;
    flock.minutes(70).await;
    flock.both.exchange.change(|org| org.scene = ExchangeScene::Busy);
    flock.minutes(20).await;
    assert!(!flock.states().contains(&CanaryState::Failing), "a pause is no failure");
    flock.minutes(60).await;
    assert_eq!(flock.states(), [CanaryState::Failing; 4]);
    let failure = flock.poll().await.snapshot.unwrap_err();
    assert_eq!(failure.reason.name, "throttled");
    flock.both.exchange.change(|org| org.scene = ExchangeScene::Healthy);
    flock.minutes(70).await;
    assert_eq!(flock.states(), [CanaryState::InTime; 4]);
    flock.is_clean().await;
}
