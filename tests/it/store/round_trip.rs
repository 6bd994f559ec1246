//! All stores give back what was written, over a restart, and tell the same history.

use super::places::{Place, on_every_store};
use super::{NOW, batch};
use crate::support::memory_store::MemoryStore;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::alerts::{AlertId, AlertState};
use lightning_sync_exporter::domain::causes::{Cause, Severity};
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::incidents::{Incident, Incidents, Subject};
use lightning_sync_exporter::domain::readings::Reading;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::UserReadings;
use lightning_sync_exporter::store::{
    History, ReadingChange, StatusChange, Store, StoreWrite, UserChange, Written,
};
use std::sync::Arc;

fn at(minutes: i64) -> Timestamp {
    NOW.plus(TimeDelta::minutes(minutes))
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

/// An alert of an organisation by its number, or of none; nothing is left of one that never was held.
fn alert(org: u32, held_since: Option<Timestamp>) -> StoreWrite {
    let name = ["acme", "beta"].get(org.wrapping_sub(1) as usize);
    let of_org = name.map(|name| OrgName::new(name).unwrap());
    let subject = Subject {
        cause: if name.is_some() { Cause::InitialSyncStuck } else { Cause::ManyOrganizations },
        object_type: name.map(|_| ObjectType::Events),
        check: name.map(|_| UserRow::checks().next().unwrap()),
    };
    let shared = name.is_none().then_some(Cause::NeverSynced);
    StoreWrite::Alert {
        org: name.map(|_| OrgId(org)),
        id: AlertId { severity: Severity::Warning, subject, org: of_org, shared },
        state: held_since.map(|at| AlertState {
            held_since: Some(at),
            fired_at: name.map(|_| at),
            resolved_at: None,
            description: "acme: it is \"so\".".into(),
        }),
    }
}

fn reading(row: OrgRow, source: Source, value: OrgValue, minutes: i64) -> StoreWrite {
    StoreWrite::Reading {
        org: OrgId(1),
        row,
        source,
        reading: Reading { value, observed_at: at(minutes), changed_at: at(minutes) },
    }
}

fn cells(reset: Status, minutes: i64) -> UserReadings {
    let mut cells = UserReadings::default();
    cells.take(UserRow::Reset, Status::None.into(), at(0));
    cells.take(UserRow::Reset, reset.into(), at(minutes));
    cells.take(UserRow::ContactsRecords, UserValue::Records(312 + minutes as u32), at(minutes));
    cells
}

/// What was found of an organisation: one with all that can be known of it, and one with as little as possible.
fn incidents() -> Incidents {
    let full = Incident {
        severity: Severity::Critical,
        since: at(1),
        users: Some(7),
        first_sync: Some(at(2)),
        synced_before: Some(960),
        ended: Some(at(3)),
        calm_until: Some(at(4)),
    };
    let scarce = Incident {
        severity: Severity::Info,
        since: at(5),
        users: None,
        first_sync: None,
        synced_before: None,
        ended: None,
        calm_until: None,
    };
    let check = UserRow::checks().next();
    let of = |cause, object_type, check| Subject { cause, object_type, check };
    Incidents(
        [
            (of(Cause::ServiceAccountNotRecognized, None, None), full),
            (of(Cause::Delayed, Some(ObjectType::Events), None), scarce),
            (of(Cause::UsersFailing, Some(ObjectType::Contacts), check), scarce),
        ]
        .into(),
    )
}

fn put(name: &str, reset: Status, minutes: i64, before: Option<&UserReadings>) -> StoreWrite {
    let now = cells(reset, minutes);
    StoreWrite::User {
        org: OrgId(1),
        source: Source::Snapshot,
        user: user(name),
        changes: before.map_or_else(Vec::new, |before| StatusChange::between(before, &now)),
        readings: Box::new(now),
    }
}

/// A little of everything, in three commits.
pub(super) fn live(store: &mut impl Store) {
    for (name, known_since) in [("acme", 0), ("beta", 5), ("acme", 9)] {
        let (id, since) = store.org(&OrgName::new(name).unwrap(), at(known_since)).unwrap();
        let expected = if name == "acme" { (OrgId(1), at(0)) } else { (OrgId(2), at(5)) };
        assert_eq!((id, since), expected);
    }
    let account = |name: Option<&str>| OrgValue::Account(name.map(Into::into));
    store
        .commit(&[
            reading(OrgRow::ServiceAccountProvided, Source::Snapshot, account(Some("svc")), 1),
            reading(OrgRow::LinkedUsers, Source::Snapshot, OrgValue::Count(41), 1),
            reading(OrgRow::OutlookIntegration, Source::Salesforce, OrgValue::Flag(true), 1),
            put("ann@acme.example", Status::None, 1, None),
            put("bob@acme.example", Status::None, 1, None),
            batch(OrgId(2), 0, 30),
            StoreWrite::SourceHeartbeat {
                org: OrgId(1),
                source: Source::Snapshot,
                at: at(1),
                users_complete: Some(true),
            },
        ])
        .unwrap();
    store
        .commit(&[
            reading(OrgRow::ServiceAccountProvided, Source::Snapshot, account(None), 2),
            reading(OrgRow::LinkedUsers, Source::Snapshot, OrgValue::Count(41), 2),
            reading(
                OrgRow::LastSync(ObjectType::Events),
                Source::Canary,
                OrgValue::Instant(at(2)),
                2,
            ),
            put("ann@acme.example", Status::MarkedForReset, 2, Some(&cells(Status::None, 1))),
            StoreWrite::ForgetUser {
                org: OrgId(1),
                source: Source::Snapshot,
                user: user("bob@acme.example"),
            },
            StoreWrite::SourceHeartbeat {
                org: OrgId(1),
                source: Source::Snapshot,
                at: at(2),
                users_complete: None,
            },
            StoreWrite::SourceHeartbeat {
                org: OrgId(2),
                source: Source::Activity,
                at: at(2),
                users_complete: None,
            },
            StoreWrite::Covered { org: OrgId(2), object_type: ObjectType::Events, since: at(1) },
            StoreWrite::SourceMemory {
                org: OrgId(2),
                source: Source::Salesforce,
                bytes: b"[1]"[..].into(),
            },
            StoreWrite::Incidents { org: OrgId(2), incidents: Arc::new(incidents()) },
            StoreWrite::ClockSeen { at: at(2) },
            alert(1, Some(at(1))),
            alert(2, Some(at(1))),
            alert(2, None),
            alert(0, Some(at(2))),
        ])
        .unwrap();
    store
        .commit(&[put(
            "ann@acme.example",
            Status::ResetInProgress,
            3,
            Some(&cells(Status::MarkedForReset, 2)),
        )])
        .unwrap();
}

/// What [`live`] leaves.
pub(super) fn expect_loaded(store: &mut impl Store) {
    let stored = store.load(&|_| u64::MAX).unwrap();
    assert_eq!(stored.clock_seen, Some(at(2)));
    for number in [0, 1] {
        let StoreWrite::Alert { id, state: Some(state), .. } =
            alert(number, Some(at(2 - i64::from(number))))
        else {
            panic!("an alert has a state");
        };
        assert!(stored.alerts.contains(&(id, state)), "{:#?}", stored.alerts);
    }
    assert_eq!(stored.alerts.len(), 2);
    let [acme, beta] = stored.orgs.as_slice() else {
        panic!("{} organisations", stored.orgs.len());
    };
    assert_eq!((acme.id, acme.name.as_str(), acme.known_since), (OrgId(1), "acme", at(0)));
    let read = |row, source, value, observed, changed| {
        let reading = Reading { value, observed_at: at(observed), changed_at: at(changed) };
        (row, source, reading)
    };
    assert_eq!(
        acme.readings,
        [
            read(OrgRow::ServiceAccountProvided, Source::Snapshot, OrgValue::Account(None), 2, 2),
            read(OrgRow::OutlookIntegration, Source::Salesforce, OrgValue::Flag(true), 1, 1),
            read(OrgRow::LinkedUsers, Source::Snapshot, OrgValue::Count(41), 2, 2),
            read(
                OrgRow::LastSync(ObjectType::Events),
                Source::Canary,
                OrgValue::Instant(at(2)),
                2,
                2
            ),
        ]
    );
    assert_eq!(
        acme.users,
        [(
            user("ann@acme.example"),
            Arc::from([(Source::Snapshot, cells(Status::ResetInProgress, 3))])
        )]
        .into()
    );
    assert_eq!(acme.heartbeats, [(Source::Snapshot, at(2), true)]);
    assert_eq!(acme.covered, []);
    assert_eq!((beta.id, beta.name.as_str(), beta.known_since), (OrgId(2), "beta", at(5)));
    assert_eq!((beta.readings.len(), beta.users.len()), (0, 0));
    assert_eq!(beta.heartbeats, [(Source::Activity, at(2), false)]);
    assert_eq!(beta.memories, [(Source::Salesforce, b"[1]"[..].into())]);
    assert_eq!(beta.covered, [(ObjectType::Events, at(1))]);
    assert_eq!((&acme.incidents, &beta.incidents), (&Incidents::default(), &incidents()));
}

pub(super) fn expect_history(history: &impl History) {
    let change =
        |minutes, value| ReadingChange { at: at(minutes), source: Source::Snapshot, value };
    let all = (Timestamp::MIN, Timestamp::MAX);
    let changes = |row, (from, upto)| {
        history.reading_changes(OrgId(1), row, from, upto, TimeDelta::nanoseconds(1)).unwrap()
    };
    let named = change(1, OrgValue::Account(Some("svc".into())));
    let none = change(2, OrgValue::Account(None));
    assert_eq!(changes(OrgRow::ServiceAccountProvided, all), [named, none.clone()]);
    assert_eq!(changes(OrgRow::ServiceAccountProvided, (at(2), at(2))), [none]);
    assert_eq!(changes(OrgRow::LinkedUsers, all), [change(1, OrgValue::Count(41))]);

    let turn = |minutes, before, after| UserChange {
        at: at(minutes),
        source: Source::Snapshot,
        row: UserRow::Reset,
        before,
        after,
    };
    let turns = |name| history.user_changes(OrgId(1), &user(name), all, usize::MAX).unwrap();
    assert_eq!(
        turns("ann@acme.example"),
        [
            turn(2, Status::None, Status::MarkedForReset),
            turn(3, Status::MarkedForReset, Status::ResetInProgress),
        ]
    );
    assert_eq!(turns("bob@acme.example"), []);
    // Who shows only some is given only these, the newest.
    let newest = history.user_changes(OrgId(1), &user("ann@acme.example"), all, 1);
    assert_eq!(newest.unwrap(), [turn(3, Status::MarkedForReset, Status::ResetInProgress)]);

    let hours = history.hours(OrgId(2), NOW, NOW).unwrap();
    let counts: Vec<(usize, u64)> = hours.iter().map(|it| (it.kind.index(), it.count)).collect();
    let expected: Vec<(usize, u64)> =
        (0..12).map(|kind| (kind, if kind < 6 { 3 } else { 2 })).collect();
    assert_eq!(counts, expected);
    assert!(hours.iter().all(|it| it.hour == Timestamp::of_hour(NOW.hour())));
    assert_eq!(history.hours(OrgId(2), at(60), at(120)).unwrap(), []);
    assert_eq!(history.hours(OrgId(2), at(1), at(0)).unwrap(), []);
    assert_eq!(history.hours(OrgId(1), all.0, all.1).unwrap(), []);
    assert_eq!(history.hours(OrgId(2), all.0, all.1).unwrap(), hours);
}

fn what_was_written_is_given_back_after_a_closing<P: Place>() {
    let place = P::new();
    let mut store = place.open().unwrap();
    let identity = store.load(&|_| u64::MAX).unwrap().identity.bytes();
    live(&mut store);
    let history = place.past();
    expect_history(&history);
    expect_loaded(&mut store);
    drop(store);
    expect_history(&history);
    let mut store = place.open().unwrap();
    expect_loaded(&mut store);
    assert_eq!(store.load(&|_| u64::MAX).unwrap().identity.bytes(), identity, "made once");
}

/// Runs a store past both horizons; what is left of hours and of changes.
fn pruned(store: &mut impl Store, history: &impl History) -> (usize, usize, usize) {
    live(store);
    let (horizon, end) = (at(60 * 24 * 3), at(3));
    while store.prune(horizon, end).unwrap() {}
    assert_eq!(store.tally(Timestamp::of_hour(NOW.hour()), at(600)).unwrap(), []);
    let newest = store.newest(at(600)).unwrap();
    assert_eq!(newest.len(), 12, "the newest of each kind outlives its record");
    let (from, upto) = (Timestamp::MIN, Timestamp::MAX);
    let hours = history.hours(OrgId(2), from, upto).unwrap().len();
    let row = OrgRow::ServiceAccountProvided;
    let readings = history
        .reading_changes(OrgId(1), row, from, upto, TimeDelta::nanoseconds(1))
        .unwrap()
        .len();
    let turns = history
        .user_changes(OrgId(1), &user("ann@acme.example"), (from, upto), usize::MAX)
        .unwrap()
        .len();
    while store.prune(horizon, horizon).unwrap() {}
    assert_eq!(history.hours(OrgId(2), from, upto).unwrap(), []);
    assert_eq!(store.newest(at(600)).unwrap(), newest);
    (hours, readings, turns)
}

fn pruning_leaves_hours_and_changes_of_the_kept_history_and_the_newest_of_each_kind<P: Place>() {
    let place = P::new();
    let mut store = place.open().unwrap();
    assert_eq!(pruned(&mut store, &place.past()), (12, 0, 1));
}

#[test]
fn a_memory_store_that_is_told_to_fail_fails_until_it_is_mended() {
    let mut store = MemoryStore::new();
    live(&mut store);
    store.fail();
    assert!(store.commit(&[]).is_err());
    assert!(store.reopen().is_err());
    store.recover();
    store.reopen().unwrap();
    expect_loaded(&mut store);
}

fn record(minutes: i64, key: u8) -> ActivityRecord {
    ActivityRecord {
        at: at(minutes),
        kind: ActivityKind::from_index(0).unwrap(),
        key: RecordKey([key; 16]),
    }
}

fn send(store: &mut impl Store, records: &[ActivityRecord], horizon: Timestamp) -> Written {
    let write = StoreWrite::Activity { org: OrgId(1), records: records.into(), horizon };
    store.commit(&[write]).unwrap().remove(0)
}

/// The clock was ahead when records were pruned; it is right again, and they are sent again.
fn sent_again_after_pruning(store: &mut impl Store, history: &impl History) {
    store.org(&OrgName::new("acme").unwrap(), NOW).unwrap();
    let old = record(0, 1);
    assert_eq!(send(store, &[old], at(-60)).fresh, [true]);
    while store.prune(at(180), Timestamp::MIN).unwrap() {}
    let again = send(store, &[old], at(-60));
    assert_eq!((again.fresh, again.expired), (vec![false], 1));
    assert!(again.horizon.unwrap() > old.at);
    let hours = history.hours(OrgId(1), at(-600), at(600)).unwrap();
    assert_eq!(hours.iter().map(|hour| hour.count).sum::<u64>(), 1);
}

/// One record is kept, a later one came when the clock was ahead and was too old then, and one lies in the future.
fn newest_between_kept_and_future(store: &mut impl Store) {
    store.org(&OrgName::new("acme").unwrap(), NOW).unwrap();
    let (kept, expired, future) = (record(0, 1), record(60, 2), record(600, 3));
    send(store, &[kept, future], at(-60));
    assert_eq!(send(store, &[expired], at(120)).expired, 1);
    let newest = |upto| {
        let found = store.newest(at(upto)).unwrap();
        found.into_iter().map(|(_, _, at)| at).collect::<Vec<_>>()
    };
    assert_eq!(newest(-1), []);
    assert_eq!(newest(59), [kept.at]);
    assert_eq!(newest(60), [expired.at]);
    assert_eq!(newest(599), [expired.at]);
    assert_eq!(newest(600), [future.at]);
}

fn a_record_that_was_pruned_does_not_count_again_when_the_clock_goes_back<P: Place>() {
    let place = P::new();
    let mut store = place.open().unwrap();
    sent_again_after_pruning(&mut store, &place.past());
}

fn the_newest_record_is_found_among_kept_expired_and_future_ones<P: Place>() {
    let place = P::new();
    newest_between_kept_and_future(&mut place.open().unwrap());
}

/// A page that is pushed every minute moves its last sync every minute; a chart of a week has a point an hour.
fn thinned(store: &mut impl Store, history: &impl History) {
    let row = OrgRow::LastSync(ObjectType::Events);
    let (org, _) = store.org(&OrgName::new("acme").unwrap(), at(0)).unwrap();
    let reading = |source, minute: i64| StoreWrite::Reading {
        org,
        row,
        source,
        reading: Reading {
            value: OrgValue::Instant(at(minute - 1)),
            observed_at: at(minute),
            changed_at: at(minute),
        },
    };
    let minutes = 0..60 * 24;
    let writes: Vec<StoreWrite> = minutes
        .flat_map(|minute| [Source::Snapshot, Source::Salesforce].map(|by| reading(by, minute)))
        .collect();
    store.commit(&writes).unwrap();
    let read =
        |every| history.reading_changes(org, row, Timestamp::MIN, Timestamp::MAX, every).unwrap();
    assert_eq!(read(TimeDelta::minutes(1)).len(), 2 * 60 * 24);
    let hourly = read(TimeDelta::hours(1));
    assert!((48..=50).contains(&hourly.len()), "{}", hourly.len());
    assert!(hourly.is_sorted_by_key(|change| (change.at, change.source)));
    // Of each hour the last change: the newest of all is never left out.
    let last = |source| hourly.iter().rfind(|change| change.source == source).unwrap();
    for source in [Source::Snapshot, Source::Salesforce] {
        assert_eq!(last(source).at, at(60 * 24 - 1));
        assert_eq!(last(source).value, OrgValue::Instant(at(60 * 24 - 2)));
    }
}

fn of_changes_that_come_close_together_a_chart_reads_the_last<P: Place>() {
    let place = P::new();
    let mut store = place.open().unwrap();
    thinned(&mut store, &place.past());
}

fn of_each_organisation_no_more_users_are_read_than_it_may_have<P: Place>() {
    let place = P::new();
    let mut store = place.open().unwrap();
    for name in ["acme", "beta"] {
        let (org, _) = store.org(&OrgName::new(name).unwrap(), at(0)).unwrap();
        let mut users = ["cid", "ann", "bob"].map(|name| put(name, Status::None, 1, None));
        for write in &mut users {
            if let StoreWrite::User { org: of, .. } = write {
                *of = org;
            }
        }
        store.commit(&users).unwrap();
    }
    let mut read = |most: u64| {
        let stored = store.load(&|org| if org.as_str() == "acme" { most } else { 9 }).unwrap();
        let orgs = stored.orgs.iter().map(|org| {
            let names = org.users.keys().map(ToString::to_string);
            (names.collect::<Vec<_>>().join(" "), org.users_left_out)
        });
        orgs.collect::<Vec<_>>()
    };
    let all = ("ann bob cid".to_owned(), false);
    assert_eq!(read(2), [("ann bob".to_owned(), true), all.clone()]);
    assert_eq!(read(3), [all.clone(), all]);
}

fn what_several_sources_say_of_a_user_is_given_back<P: Place>() {
    let place = P::new();
    let mut store = place.open().unwrap();
    store.org(&OrgName::new("acme").unwrap(), at(0)).unwrap();
    let by = |of: Source, name: &str, minutes: i64| {
        let mut write = put(name, Status::None, minutes, None);
        if let StoreWrite::User { source, .. } = &mut write {
            *source = of;
        }
        write
    };
    let sources = [Source::Snapshot, Source::Salesforce, Source::Exchange];
    let writes = sources.map(|source| by(source, "bob", source.index() as i64));
    store.commit(&writes).unwrap();
    store.commit(&[by(Source::Exchange, "ann", 1)]).unwrap();
    let mut stored = store.load(&|_| u64::MAX).unwrap();
    let mut bob = sources.map(|source| (source, cells(Status::None, source.index() as i64)));
    bob.sort_by_key(|(source, _)| source.index());
    assert_eq!(
        stored.orgs.remove(0).users.into_iter().collect::<Vec<_>>(),
        [
            (user("ann"), Arc::from([(Source::Exchange, cells(Status::None, 1))])),
            (user("bob"), Arc::from(bob)),
        ]
    );
}

on_every_store! {
    what_several_sources_say_of_a_user_is_given_back
    what_was_written_is_given_back_after_a_closing
    pruning_leaves_hours_and_changes_of_the_kept_history_and_the_newest_of_each_kind
    a_record_that_was_pruned_does_not_count_again_when_the_clock_goes_back
    the_newest_record_is_found_among_kept_expired_and_future_ones
    of_changes_that_come_close_together_a_chart_reads_the_last
    of_each_organisation_no_more_users_are_read_than_it_may_have
}
