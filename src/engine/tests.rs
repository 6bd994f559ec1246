use super::core::{Engine, EngineSettings};
use super::memory_store::MemoryStore;
use super::{Clock, spawn};
use crate::domain::activity::{ActivityKind, ActivityRecord};
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{ObjectType, OrgName, Outcome, Source, UserName};
use crate::domain::incidents::Subject;
use crate::domain::judge::judgement;
use crate::domain::observation::{
    ActivityBatch, Observation, Receipt, Refusal, Snapshot, SourceMemory,
};
use crate::domain::policy::{OrgPolicy, UserNames, UserSeries};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::source_state::{PollFailing, SourceState};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::domain::view::{ActivityFigures, OrgView};
use crate::events::Events;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;

const CONTACTS: ActivityKind =
    ActivityKind { object_type: ObjectType::Contacts, direction: None, outcome: Outcome::Synced };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn acme() -> OrgName {
    OrgName::new("acme").unwrap()
}

fn settings(change: impl Fn(&mut OrgPolicy), names: &[&str]) -> EngineSettings {
    let policy = |name: &&str| {
        let mut policy = OrgPolicy::defaults(OrgName::new(name).unwrap());
        change(&mut policy);
        Arc::new(policy)
    };
    EngineSettings {
        policies: names.iter().map(policy).collect(),
        keep_activity: TimeDelta::days(7),
        keep_history: TimeDelta::days(400),
        user_series: UserSeries::Aggregate,
        user_names: UserNames::Pseudonym,
    }
}

fn start(store: &MemoryStore, now: Timestamp) -> Engine<MemoryStore> {
    Engine::start(store.clone(), settings(|_| {}, &["acme"]), Events::log_only(), now).unwrap()
}

fn records(
    engine: &Engine<MemoryStore>,
    received_at: Timestamp,
    times: &[Timestamp],
) -> Observation {
    let record = |at: &Timestamp| ActivityRecord {
        at: *at,
        kind: CONTACTS,
        key: engine.identity().of_id("acme", *at, "r"),
    };
    Observation::Activity(ActivityBatch {
        org: acme(),
        received_at,
        records: times.iter().map(record).collect(),
    })
}

fn observe(
    engine: &mut Engine<MemoryStore>,
    observation: Observation,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    engine.observe(vec![observation], now).remove(0)
}

fn org(engine: &Engine<MemoryStore>) -> Arc<OrgView> {
    Arc::clone(engine.view().org(&acme()).expect("configured"))
}

fn contacts(engine: &Engine<MemoryStore>) -> ActivityFigures {
    org(engine).activity[ObjectType::Contacts]
}

fn snapshot(captured_at: Timestamp, rows: Vec<(OrgRow, OrgValue)>) -> Snapshot {
    Snapshot {
        org: acme(),
        source: Source::Snapshot,
        captured_at,
        rows,
        users: Vec::new(),
        users_complete: false,
    }
}

fn user(name: &str, values: UserValues) -> (UserName, UserValues) {
    (UserName::new(name).unwrap(), values)
}

#[test]
fn an_acknowledged_record_is_in_the_view_at_once_and_once() {
    let mut engine = start(&MemoryStore::new(), at(0));
    let batch = records(&engine, at(10), &[at(9), at(-7_200), at(9)]);
    assert_eq!(
        observe(&mut engine, batch.clone(), at(10)),
        Ok(Receipt { accepted: 2, duplicates: 1, expired: 0 })
    );
    let figures = contacts(&engine);
    assert_eq!((figures.synced_60m, figures.synced_24h, figures.last_synced), (1, 2, Some(at(9))));
    assert_eq!(
        observe(&mut engine, batch, at(11)),
        Ok(Receipt { accepted: 0, duplicates: 3, expired: 0 })
    );
    assert_eq!(contacts(&engine), figures);
}

#[test]
fn a_record_too_old_to_store_only_raises_the_last_sync_and_does_so_over_a_restart() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    let old = at(-8 * 86_400);
    let batch = records(&engine, at(0), &[old]);
    assert_eq!(
        observe(&mut engine, batch, at(0)),
        Ok(Receipt { accepted: 0, duplicates: 0, expired: 1 })
    );
    assert_eq!((contacts(&engine).synced_24h, contacts(&engine).last_synced), (0, Some(old)));
    drop(engine);
    assert_eq!(contacts(&start(&store, at(5))).last_synced, Some(old));
}

#[test]
fn a_record_of_the_future_counts_when_it_is_due() {
    let mut engine = start(&MemoryStore::new(), at(0));
    let batch = records(&engine, at(0), &[at(30)]);
    assert!(observe(&mut engine, batch, at(0)).is_ok());
    assert_eq!(contacts(&engine).last_synced, None);
    engine.tick(at(29), TimeDelta::seconds(29));
    assert_eq!(contacts(&engine).synced_60m, 0);
    engine.tick(at(30), TimeDelta::seconds(1));
    assert_eq!((contacts(&engine).synced_60m, contacts(&engine).last_synced), (1, Some(at(30))));
}

#[test]
fn a_commit_that_fails_acknowledges_nothing_and_the_store_is_opened_again() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    store.fail();
    let batch = records(&engine, at(1), &[at(1)]);
    assert_eq!(observe(&mut engine, batch.clone(), at(1)), Err(Refusal::StoreFailing));
    assert!(engine.view().store_failing);
    assert_eq!(contacts(&engine).synced_60m, 0);
    engine.tick(at(3), TimeDelta::seconds(2));
    assert!(engine.view().store_failing, "still broken");
    assert_eq!(observe(&mut engine, batch.clone(), at(3)), Err(Refusal::StoreFailing));
    store.recover();
    engine.tick(at(5), TimeDelta::seconds(2));
    assert!(!engine.view().store_failing);
    assert_eq!(
        observe(&mut engine, batch, at(6)),
        Ok(Receipt { accepted: 1, duplicates: 0, expired: 0 })
    );
    assert_eq!(contacts(&engine).synced_60m, 1);
}

#[test]
fn a_silent_feed_of_which_words_are_expected_loses_its_coverage() {
    let five_minutes = |policy: &mut OrgPolicy| {
        policy.expected_every[Source::Activity] = Some(TimeDelta::minutes(5))
    };
    let store = MemoryStore::new();
    let mut engine =
        Engine::start(store, settings(five_minutes, &["acme"]), Events::log_only(), at(0)).unwrap();
    let first = records(&engine, at(0), &[at(-60)]);
    observe(&mut engine, first, at(0)).unwrap();
    assert_eq!(org(&engine).coverage(ObjectType::Contacts, at(0)), Some(TimeDelta::seconds(60)));
    let heartbeat = records(&engine, at(540), &[]);
    observe(&mut engine, heartbeat, at(540)).unwrap();
    assert_eq!(org(&engine).coverage(ObjectType::Contacts, at(540)), Some(TimeDelta::seconds(600)));
    assert_eq!(
        org(&engine).coverage(ObjectType::Contacts, at(1_200)),
        None,
        "silent for eleven minutes"
    );
    let again = records(&engine, at(1_200), &[]);
    observe(&mut engine, again, at(1_200)).unwrap();
    assert_eq!(
        org(&engine).coverage(ObjectType::Contacts, at(1_260)),
        Some(TimeDelta::seconds(60)),
        "begun anew"
    );
    assert_eq!(org(&engine).coverage(ObjectType::Events, at(1_260)), None, "never reported events");
}

#[test]
fn a_snapshot_replaces_row_by_row_and_an_older_one_changes_nothing() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    let x = (OrgRow::ServiceAccountRecognized, OrgValue::Flag(false));
    let linked = (OrgRow::LinkedUsers, OrgValue::Count(40));
    let first = snapshot(at(0), vec![x.clone(), linked]);
    assert_eq!(observe(&mut engine, Observation::Snapshot(first), at(1)).unwrap().accepted, 2);
    let older = snapshot(at(-1), vec![(OrgRow::ServiceAccountRecognized, OrgValue::Flag(true))]);
    assert_eq!(observe(&mut engine, Observation::Snapshot(older), at(2)).unwrap().accepted, 0);
    let newer = snapshot(at(60), vec![x.clone()]);
    assert_eq!(observe(&mut engine, Observation::Snapshot(newer), at(61)).unwrap().accepted, 1);
    drop(engine);
    let engine = start(&store, at(120));
    let current = org(&engine).current(x.0, at(120)).expect("it survived");
    assert_eq!((current.value, current.observed_at, current.changed_at), (x.1, at(60), at(0)));
    assert_eq!(
        org(&engine).current(OrgRow::LinkedUsers, at(120)).expect("it stayed").observed_at,
        at(0)
    );
    assert_eq!(
        org(&engine).current(OrgRow::OutlookIntegration, at(120)),
        None,
        "nobody ever reported it"
    );
}

#[test]
fn a_whole_list_forgets_the_users_it_does_not_name() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    let failing = vec![(UserRow::ServiceAccount, Status::No.into())];
    let users = |captured_at, names: &[&str], users_complete| {
        let users = names.iter().map(|name| user(name, failing.clone())).collect();
        Observation::Snapshot(Snapshot {
            users,
            users_complete,
            ..snapshot(captured_at, Vec::new())
        })
    };
    let names = |engine: &Engine<MemoryStore>| -> Vec<String> {
        org(engine).users.users.iter().map(|user| user.name.to_string()).collect()
    };
    observe(&mut engine, users(at(0), &["cid", "ann"], false), at(0)).unwrap();
    observe(&mut engine, users(at(1), &["bob"], false), at(1)).unwrap();
    assert_eq!(names(&engine), ["ann", "bob", "cid"]);
    assert_eq!(org(&engine).summary.failing(UserRow::ServiceAccount), Some((3, at(0))));
    observe(&mut engine, users(at(2), &["bob"], true), at(2)).unwrap();
    assert_eq!(names(&engine), ["bob"]);
    drop(engine);
    let engine = start(&store, at(3));
    assert_eq!(names(&engine), ["bob"]);
    assert_eq!(org(&engine).summary.failing(UserRow::ServiceAccount), Some((1, at(1))));
}

#[test]
fn an_organisation_that_leaves_the_configuration_and_comes_back_keeps_what_is_known() {
    let mut engine = start(&MemoryStore::new(), at(0));
    let batch = records(&engine, at(0), &[at(0)]);
    observe(&mut engine, batch.clone(), at(0)).unwrap();
    let known_since = org(&engine).known_since;
    engine.configure(settings(|_| {}, &["beta"]), at(1)).unwrap();
    assert!(engine.view().org(&acme()).is_none());
    assert_eq!(observe(&mut engine, batch, at(2)), Err(Refusal::UnknownOrg));
    engine.configure(settings(|_| {}, &["acme", "beta"]), at(3)).unwrap();
    assert_eq!((contacts(&engine).synced_60m, org(&engine).known_since), (1, known_since));
}

#[test]
fn an_emptied_store_begins_later_and_judges_nothing_that_it_cannot_know_any_more() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    engine.configure(settings(|_| {}, &["beta"]), at(5)).unwrap();
    assert_eq!(engine.known_since(at(9)), at(0), "of organisations that are not configured, too");
    assert_eq!(start(&store, at(7)).known_since(at(9)), at(0), "over a restart");

    let mut emptied = start(&MemoryStore::new(), at(100));
    assert_eq!(emptied.known_since(at(200)), at(100));
    let heartbeat = records(&emptied, at(101), &[]);
    observe(&mut emptied, heartbeat, at(101)).unwrap();
    let judged = |engine: &Engine<MemoryStore>, now| {
        let judgement = judgement(&org(engine), true, now);
        let of = |cause| {
            let holds = judgement.findings.iter().any(|found| found.cause == cause);
            let refuted = judgement.refuted.iter().any(|subject| subject.cause == cause);
            (holds, refuted)
        };
        [Cause::NoSyncIn24Hours, Cause::NeverSynced].map(of)
    };
    // Its feed is alive and reports no sync, as of a fresh set-up: that refutes nothing of what was found before.
    assert_eq!(judged(&emptied, at(102)), [(false, false), (false, false)]);
    // Of what never synced for days it is certain, and that says more than the other.
    let later = at(100 + 73 * 3600);
    emptied.tick(later, TimeDelta::seconds(1));
    assert_eq!(judged(&emptied, later), [(false, true), (true, false)]);
}

#[test]
fn observations_of_one_commit_see_each_other_and_one_that_is_refused_stops_no_other() {
    let mut engine = start(&MemoryStore::new(), at(0));
    let rows = |value| vec![(OrgRow::LinkedUsers, OrgValue::Count(value))];
    let stranger = Snapshot { org: OrgName::new("stranger").unwrap(), ..snapshot(at(1), rows(9)) };
    let group = vec![
        Observation::Snapshot(snapshot(at(1), rows(1))),
        Observation::Snapshot(stranger),
        Observation::Snapshot(snapshot(at(2), rows(2))),
    ];
    let answers = engine.observe(group, at(3));
    assert_eq!(
        answers.iter().map(|answer| answer.is_ok()).collect::<Vec<_>>(),
        [true, false, true]
    );
    let current = org(&engine).current(OrgRow::LinkedUsers, at(3)).expect("reported");
    assert_eq!((current.value, current.changed_at), (OrgValue::Count(2), at(2)));
}

#[test]
fn states_of_polled_sources_stand_side_by_side_and_do_not_outlive_the_configuration() {
    let failing = |reason| {
        Some(SourceState {
            failing: Some(PollFailing { since: at(0), reason, advice: "Wait." }),
            ..SourceState::default()
        })
    };
    let mut engine = start(&MemoryStore::new(), at(0));
    let reasons = |engine: &Engine<MemoryStore>| {
        let view = engine.view();
        let org = view.org(&acme()).unwrap();
        let reasons = org.source_states.failing();
        reasons.map(|(_, failing)| failing.reason).collect::<Vec<_>>()
    };
    engine.set_source_state(&acme(), "exchange", failing("timeout"));
    engine.set_source_state(&acme(), "salesforce", failing("maintenance"));
    assert_eq!(reasons(&engine), ["timeout", "maintenance"]);
    engine.set_source_state(&acme(), "salesforce", None);
    assert_eq!(reasons(&engine), ["timeout"]);
    // Removed, and back without a source that is polled: nobody says that it fails.
    engine.configure(settings(|_| {}, &[]), at(1)).unwrap();
    engine.set_source_state(&acme(), "exchange", None);
    engine.configure(settings(|_| {}, &["acme"]), at(2)).unwrap();
    assert!(reasons(&engine).is_empty());
}

fn polled(
    captured_at: Timestamp,
    linked: u64,
    users: &[&str],
    users_complete: bool,
) -> Observation {
    Observation::Snapshot(Snapshot {
        org: acme(),
        source: Source::Salesforce,
        captured_at,
        rows: vec![(OrgRow::LinkedUsers, OrgValue::Count(linked))],
        users: users
            .iter()
            .map(|user| {
                let values: UserValues = vec![(UserRow::ServiceAccount, Status::No.into())];
                (UserName::new(user).unwrap(), values)
            })
            .collect(),
        users_complete,
    })
}

#[test]
fn polls_after_a_step_back_of_the_clock_are_taken_and_nothing_stuck_looks_fresh() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    engine.tick(at(1), TimeDelta::seconds(1));
    engine.observe(vec![polled(at(1), 5, &["ann@b.c"], true)], at(1));
    let hours = |n: i64| at(-3_600 * n);
    let linked = |engine: &Engine<MemoryStore>, now| {
        let org = org(engine);
        let current = org.current(OrgRow::LinkedUsers, now).unwrap();
        (current.value, current.stale)
    };
    // Two hours back. Without another word the source goes silent when it is due by the new time.
    engine.tick(hours(2), TimeDelta::seconds(1));
    let later = |seconds| hours(2).plus(TimeDelta::seconds(seconds));
    assert_eq!(linked(&engine, later(60)), (OrgValue::Count(5), false));
    assert_eq!(linked(&engine, later(3_600)), (OrgValue::Count(5), true));
    engine.observe(vec![polled(later(60), 4, &["ann@b.c"], true)], later(60));
    assert_eq!(linked(&engine, later(60)), (OrgValue::Count(4), false));
    let cell = |engine: &Engine<MemoryStore>| {
        let user = &org(engine).users.users[0];
        user.readings[0].1.get(UserRow::ServiceAccount).unwrap().observed_at
    };
    assert_eq!(cell(&engine), later(60));
    // The same for a start with a clock that lies behind the store.
    let engine = start(&store, hours(5));
    let silent = hours(5).plus(TimeDelta::hours(1));
    assert_eq!(linked(&engine, silent), (OrgValue::Count(4), true));
    assert!(cell(&engine) <= hours(5));
}

#[test]
fn whether_all_users_are_known_is_the_same_after_a_restart() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    let page = Snapshot {
        source: Source::Snapshot,
        ..match polled(at(2), 1, &["ann@b.c"], false) {
            Observation::Snapshot(snapshot) => snapshot,
            Observation::Activity(_) | Observation::Memory(_) => unreachable!(),
        }
    };
    for (observation, complete) in [
        (polled(at(1), 1, &["ann@b.c"], true), true),
        // The page of one user takes nothing from another source's whole list.
        (Observation::Snapshot(page), true),
        (polled(at(3), 1, &["ann@b.c"], false), false),
    ] {
        engine.observe(vec![observation], at(4));
        let again = start(&store, at(4));
        assert_eq!([&engine, &again].map(|engine| org(engine).users.complete), [complete; 2]);
    }
}

#[test]
fn what_a_source_has_to_know_survives_a_restart_and_a_time_without_configuration() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    let memory = |bytes: &[u8]| {
        Observation::Memory(SourceMemory {
            org: acme(),
            source: Source::Salesforce,
            bytes: bytes.into(),
        })
    };
    engine.observe(vec![memory(b"1"), memory(b"2")], at(1));
    let stored = |engine: &Engine<MemoryStore>| {
        let memory = org(engine).source_states.memory(Source::Salesforce).map(<[u8]>::to_vec);
        memory.unwrap()
    };
    assert_eq!(stored(&engine), b"2");
    engine.configure(settings(|_| {}, &[]), at(2)).unwrap();
    engine.configure(settings(|_| {}, &["acme"]), at(3)).unwrap();
    assert_eq!(stored(&engine), b"2");
    assert_eq!(stored(&start(&store, at(4))), b"2");
}

#[test]
fn an_organisation_has_no_more_users_than_it_may_and_what_would_make_it_more_leaves_nothing() {
    let store = MemoryStore::new();
    let at_most = |max_users| settings(move |policy| policy.max_users = max_users, &["acme"]);
    let begin = |max_users| {
        Engine::start(store.clone(), at_most(max_users), Events::log_only(), at(0)).unwrap()
    };
    let state = |engine: &Engine<MemoryStore>| {
        let org = org(engine);
        let names = org.users.users.iter().map(|user| user.name.to_string());
        let linked = org.current(OrgRow::LinkedUsers, at(9)).map(|current| current.value);
        (names.collect::<Vec<_>>().join(" "), linked, org.users.complete)
    };
    let linked = |count| Some(OrgValue::Count(count));
    let mut engine = begin(2);
    // Within one commit too, and the others of it are taken.
    let group = vec![
        polled(at(1), 1, &["ann", "bob"], false),
        polled(at(2), 2, &["Bob", "cid"], false),
        polled(at(3), 3, &["ANN"], false),
    ];
    let answers: Vec<_> = engine.observe(group, at(3)).iter().map(|it| it.map(drop)).collect();
    assert_eq!(answers, [Ok(()), Err(Refusal::TooManyUsers(2)), Ok(())]);
    assert_eq!(state(&engine), ("ann bob".to_owned(), linked(3), false));
    assert_eq!(state(&begin(2)), state(&engine), "nothing of it is in the store");
    // A whole list takes the place of the one before.
    observe(&mut engine, polled(at(4), 4, &["cid", "dan"], true), at(4)).unwrap();
    let too_long = polled(at(5), 5, &["cid", "dan", "eve"], true);
    assert_eq!(observe(&mut engine, too_long.clone(), at(5)), Err(Refusal::TooManyUsers(2)));
    assert_eq!(state(&engine), ("cid dan".to_owned(), linked(4), true));
    engine.configure(at_most(3), at(6)).unwrap();
    observe(&mut engine, too_long, at(6)).unwrap();
    // Under a lower limit those who are there stay, and may become fewer.
    engine.configure(at_most(1), at(7)).unwrap();
    observe(&mut engine, polled(at(7), 7, &["cid", "dan"], true), at(7)).unwrap();
    assert_eq!(state(&engine), ("cid dan".to_owned(), linked(7), true));
    // A start reads no more than it may, and then does not claim to know all.
    assert_eq!(state(&begin(1)), ("cid".to_owned(), linked(7), false));
    assert_eq!(state(&begin(2)), state(&engine));
}

#[test]
fn a_start_that_takes_long_is_no_step_of_the_clock() {
    let engine = start(&MemoryStore::new(), at(0));
    let clock = Clock { wall: Arc::new(|| at(60)), steady: Arc::new(|| Duration::ZERO) };
    let running = spawn(engine, clock).unwrap();
    let view = loop {
        let view = running.handle.view();
        if view.as_of == at(60) {
            break view;
        }
        std::thread::yield_now();
    };
    assert!(!view.clock_suspect);
    running.stop();
}

#[test]
fn a_silence_at_hours_that_always_had_records_is_found_and_stays_over_a_restart_until_a_record() {
    let store = MemoryStore::new();
    let settings = EngineSettings {
        keep_activity: TimeDelta::days(60),
        ..settings(|policy| policy.unusually_quiet = true, &["acme"])
    };
    let begin = |now| Engine::start(store.clone(), settings.clone(), Events::log_only(), now);
    let mut engine = begin(at(0)).unwrap();
    // Twenty records in every hour of five weeks, and one that arrives within a minute.
    let times: Vec<Timestamp> = (1..=5 * 168 * 20).map(|number| at(-180 * number)).collect();
    let past = records(&engine, at(0), &times);
    assert!(observe(&mut engine, past, at(0)).is_ok());
    assert_eq!(org(&engine).feed_delay.usual(), None, "the past says nothing of the feed");
    let next = records(&engine, at(60), &[at(30)]);
    assert!(observe(&mut engine, next, at(60)).is_ok());
    let read = |engine: &mut Engine<MemoryStore>, from: i64| {
        for second in from..from + 50 {
            engine.tick(at(second), TimeDelta::seconds(1));
        }
    };
    read(&mut engine, 60);
    let found = |engine: &Engine<MemoryStore>, now: i64| {
        let findings = judgement(&org(engine), true, at(now)).findings;
        findings.iter().any(|finding| finding.cause == Cause::UnusuallyQuiet)
    };
    engine.tick(at(7_259), TimeDelta::seconds(7_150));
    assert!(org(&engine).usual.is_some() && !found(&engine, 7_259));
    engine.tick(at(7_260), TimeDelta::seconds(1));
    assert!(found(&engine, 7_260), "an hour was silent, and a minute for the feed");
    let mut engine = begin(at(7_300)).unwrap();
    assert!(org(&engine).usual.is_none() && found(&engine, 7_300));
    read(&mut engine, 7_300);
    assert!(org(&engine).usual.is_some() && found(&engine, 7_350));
    assert_eq!(org(&engine).feed_delay.usual(), Some(TimeDelta::minutes(1)));
    let record = records(&engine, at(7_400), &[at(7_399)]);
    assert!(observe(&mut engine, record, at(7_400)).is_ok());
    assert!(!found(&engine, 7_400));
    engine.tick(at(100_000), TimeDelta::seconds(1));
    assert!(org(&engine).usual.is_none(), "the clock stepped");
}

#[test]
fn how_far_alerts_have_got_is_there_after_a_restart_and_refused_while_the_store_fails() {
    let store = MemoryStore::new();
    let mut engine = start(&store, at(0));
    let alert = |held_since| {
        let subject = Subject { cause: Cause::NeverSynced, object_type: None, check: None };
        let id = AlertId { severity: Severity::Critical, subject, org: Some(acme()), shared: None };
        let state = AlertState {
            held_since: Some(held_since),
            fired_at: None,
            resolved_at: None,
            description: "".into(),
        };
        (id, state)
    };
    let change = |(id, state)| vec![(id, Some(state))];
    assert_eq!(engine.record_alerts(change(alert(at(1))), at(1)), Ok(()));
    store.fail();
    let refused = engine.record_alerts(change(alert(at(2))), at(2));
    assert_eq!(refused, Err(Refusal::StoreFailing));
    assert_eq!(engine.record_alerts(change(alert(at(2))), at(2)), Err(Refusal::StoreFailing));
    store.recover();
    let mut engine = start(&store, at(3));
    assert_eq!(engine.take_alerts(), [alert(at(1))]);
    assert_eq!(engine.take_alerts(), []);
}
