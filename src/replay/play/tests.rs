use super::*;
use crate::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use crate::domain::ids::{Direction, Outcome};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(1_757_203_200).plus(TimeDelta::minutes(minute))
}

/// Synced contacts and events at these minutes.
fn past(minutes: impl IntoIterator<Item = i64>) -> Past {
    let records = minutes.into_iter().flat_map(|minute| {
        ObjectType::ALL.iter().map(move |object| ActivityRecord {
            at: at(minute),
            kind: ActivityKind {
                object_type: *object,
                direction: Some(Direction::ToExchange),
                outcome: Outcome::Synced,
            },
            key: RecordKey([u8::from(*object == ObjectType::Events); 16]),
        })
    });
    Past::of_records(&records.collect::<Vec<_>>()).unwrap()
}

fn policy() -> OrgPolicy {
    let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
    policy.retirement = None;
    policy
}

fn played(past: &Past, policy: &OrgPolicy, (from, until): (i64, i64)) -> Replay {
    let period = Period::new(at(from), at(until), Period::STEP).unwrap();
    play(past, policy, period, &[], |_, _| {})
}

fn of(replay: &Replay, cause: Cause) -> Vec<(ObjectType, i64, Option<i64>)> {
    let minute = |at_: Timestamp| at_.since(at(0)).num_minutes();
    let spans = replay.alerts.iter().filter(|span| span.key.subject.cause == cause);
    spans
        .map(|span| {
            let object = span.key.subject.object_type.unwrap();
            (object, minute(span.from), span.until.map(minute))
        })
        .collect()
}

#[test]
fn a_stop_pages_when_its_deadline_has_passed_and_the_rule_has_waited() {
    // Every five minutes for two days, then a day and a half of nothing, then syncs again.
    let day = 24 * 60;
    let past = past((0..2 * day).step_by(5).chain((3 * day + 720..4 * day).step_by(5)));
    let replay = played(&past, &policy(), (0, 4 * day));
    let last = 2 * day - 5;
    let expected = ObjectType::ALL
        .iter()
        .map(|object| (*object, last + day + 5 + 1, Some(3 * day + 720)))
        .collect::<Vec<_>>();
    assert_eq!(of(&replay, Cause::NoSyncIn24Hours), expected);
    assert_eq!(replay.pages(), 2);
    assert_eq!(replay.unknown, []);
    // Fifteen minutes fresh, a step until it is seen, ten minutes of waiting.
    let delayed = of(&replay, Cause::Delayed);
    assert_eq!(
        delayed.first(),
        Some(&(ObjectType::Contacts, last + 20 + 10, Some(last + day + 5)))
    );
    // A period within it shows the true beginning, and what goes on beyond its end.
    let within = played(&past, &policy(), (3 * day + 100, 3 * day + 200));
    let expected: Vec<_> =
        expected.into_iter().map(|(object, from, _)| (object, from, None)).collect();
    assert_eq!(of(&within, Cause::NoSyncIn24Hours), expected);
    let after = played(&past, &policy(), (3 * day + 720, 3 * day + 800));
    assert_eq!(of(&after, Cause::NoSyncIn24Hours), []);
}

#[test]
fn a_changed_policy_changes_what_alerts() {
    let past = past((0..600).step_by(20));
    let delayed = |fresh| {
        let policy = OrgPolicy { fresh_within: TimeDelta::minutes(fresh), ..policy() };
        of(&played(&past, &policy, (0, 600)), Cause::Delayed).len()
    };
    // Syncs come every 20 minutes, and the rule waits for ten.
    assert_eq!(delayed(15), 0);
    assert_eq!(delayed(2), 60);
}

#[test]
fn time_at_which_nobody_looked_is_unknown() {
    let mut policy = policy();
    policy.expected_every[Source::Activity] = Some(TimeDelta::hours(1));
    let past = past((0..600).step_by(20).chain([2000]));
    let replay = played(&past, &policy, (-60, 2000));
    let unknown: Vec<_> = replay
        .unknown
        .iter()
        .map(|span| (span.key, span.from, span.until))
        .filter(|(object, ..)| *object == ObjectType::Events)
        .collect();
    let events = ObjectType::Events;
    assert_eq!(unknown, [(events, at(-60), Some(at(0))), (events, at(705), Some(at(2000)))]);
    assert_eq!(of(&replay, Cause::NoSyncIn24Hours), []);
    assert_eq!(of(&replay, Cause::ObservationsStale).len(), 2);
}

#[test]
fn what_ends_before_its_rule_has_waited_does_not_fire() {
    let period = Period::new(at(0), at(60), Period::STEP).unwrap();
    let span =
        |from, until: Option<i64>| HoldingSpan { key: (), from: at(from), until: until.map(at) };
    let fires = |from, until| {
        let spans = fired(vec![span(from, until)], period, |()| TimeDelta::minutes(10));
        spans.first().map(|span| span.from.since(at(0)).num_minutes())
    };
    assert_eq!(fires(0, Some(10)), None);
    assert_eq!(fires(0, Some(15)), Some(10));
    assert_eq!(fires(50, None), Some(60));
    assert_eq!(fires(55, None), None);
    assert_eq!(fires(-60, Some(0)), None);
    assert_eq!(fires(-60, Some(5)), Some(-50));
}

#[test]
fn a_period_has_bounds() {
    let new = |from, until, step| {
        Period::new(at(from), at(until), step).map_err(|error| error.to_string())
    };
    assert_eq!(new(0, 60, Period::STEP).unwrap().steps(), 13);
    assert_eq!(new(3, 60, Period::STEP).unwrap().from, at(0));
    let error = |result: Result<Period, String>| result.unwrap_err();
    assert_eq!(error(new(60, 60, Period::STEP)), "the time that is played ends before it begins");
    assert_eq!(error(new(0, 60, TimeDelta::zero())), "a step is from 1s to 1h long");
    assert_eq!(error(new(0, 60, TimeDelta::hours(2))), "a step is from 1s to 1h long");
    let long = new(0, 500 * 24 * 60, Period::STEP).unwrap_err();
    assert_eq!(long, "144000 steps are more than 110000; play a shorter time, or longer steps");
    assert!(Period::new(Timestamp::MIN, Timestamp::MAX, TimeDelta::seconds(1)).is_err());
}

#[test]
fn every_rule_of_a_finding_has_its_wait() {
    let holds = holds();
    assert_eq!(holds[&Cause::NoSyncIn24Hours], TimeDelta::minutes(1));
    assert_eq!(holds[&Cause::Delayed], TimeDelta::minutes(10));
}
