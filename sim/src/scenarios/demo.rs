//! The four organisations of `demo`: stories that end now, whenever now is, going on in real time.

use super::life::{Life, LifeChange, Rhythm, What};
use super::page::StatusPage;
use super::scenario::{Reads, Scenario, Watching};
use super::setting::org_name;
use super::truth::Truth;
use crate::domain::calendar::{Calendar, Weekly};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::ObjectType;
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use chrono::{TimeDelta, Timelike, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeSet;

/// How far back the demo's stories begin: a whole window of 24 hours, and before it the check that the broken account
/// still had.
pub const DEMO_HISTORY: TimeDelta = TimeDelta::hours(30);
/// When the broken organisation broke: longer ago than the documented 24 hours, so that cause and consequence show.
const BROKE_AGO: TimeDelta = TimeDelta::hours(26);
/// How long the first sync has been running: well within its limit.
const FIRST_SYNC_AGO: TimeDelta = TimeDelta::hours(5);
/// When the product ends for one organisation of the demo: far enough ahead that it is no finding.
const RETIRES_IN: TimeDelta = TimeDelta::days(200);
/// In the past the page was read hourly, which keeps the history small; from now on each minute, so that one sees it move.
const READS: TimeDelta = TimeDelta::hours(1);
const READS_LIVE: TimeDelta = TimeDelta::minutes(1);
/// Zones around the globe, of which one always has the small hours.
const ZONES: [Tz; 8] = [
    Tz::Europe__London,
    Tz::Asia__Dubai,
    Tz::Asia__Dhaka,
    Tz::Asia__Tokyo,
    Tz::Pacific__Auckland,
    Tz::Pacific__Honolulu,
    Tz::America__Denver,
    Tz::America__Sao_Paulo,
];
const EVERY_DAY: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// The organisations of the demo as they stand at `now`: `acme` is healthy, the service account of `globex` broke,
/// `initech` is quiet because it is night there, and `umbrella` is in its first sync.
pub fn demo(now: Timestamp) -> Vec<Scenario> {
    vec![acme(now), globex(now), initech(now), umbrella(now)]
}

fn acme(now: Timestamp) -> Scenario {
    let mut acme = story(now, "acme", 40, 1);
    acme.title = "All is well";
    acme.about =
        "Contacts and events sync every few seconds, around the clock; one record in fifty fails.";
    acme.life.rhythm.fails_one_in = 50;
    acme
}

fn globex(now: Timestamp) -> Scenario {
    let mut globex = story(now, "globex", 24, 2);
    let broke = now.minus(BROKE_AGO);
    globex.title = "The service account broke";
    globex.about = "The service account was locked 26 hours ago: nothing has synced since, and Salesforce shows an X.";
    globex.life.changes = vec![
        lasting(broke, What::Stopped { object: None, direction: None }),
        lasting(broke, What::NotRecognized),
    ];
    globex.truth = vec![Truth::org(
        Cause::ServiceAccountNotRecognized,
        Severity::Critical,
        broke,
        Timestamp::MAX,
    )];
    globex
}

fn initech(now: Timestamp) -> Scenario {
    let mut initech = story(now, "initech", 12, 3);
    let zone = night_zone(now);
    let calendar = Calendar::Weekly(Weekly {
        time_zone: zone,
        days: EVERY_DAY.to_vec(),
        from_minute: 8 * 60,
        to_minute: 18 * 60,
        holidays: BTreeSet::new(),
    });
    initech.title = "Quiet at night";
    initech.about = "It is night where this organisation works: zero in the last hour is no news until the morning.";
    initech.policy.time_zone = zone;
    initech.policy.calendar = calendar.clone();
    initech.life.calendar = calendar;
    initech.life.rhythm.closed_one_in = 0;
    initech
}

fn umbrella(now: Timestamp) -> Scenario {
    let mut umbrella = story(now, "umbrella", 25, 4);
    let began = now.minus(FIRST_SYNC_AGO);
    umbrella.title = "In its first sync";
    umbrella.about = "Set up today: the first sync of contacts has been running for hours, events have not begun.";
    umbrella.policy.retirement = Some(now.plus(RETIRES_IN));
    umbrella.policy.setup_until = Some(now.plus(TimeDelta::days(2)));
    umbrella.starts = began.minus(TimeDelta::hours(1));
    umbrella.life.began = began;
    let users = |row, status| What::Users { who: 0..25, row, status };
    umbrella.life.changes = vec![
        lasting(began, What::Stopped { object: Some(ObjectType::Events), direction: None }),
        lasting(Timestamp::MIN, users(UserRow::EventsToExchange, Status::NotStarted)),
        lasting(Timestamp::MIN, users(UserRow::EventsToSalesforce, Status::NotStarted)),
        lasting(Timestamp::MIN, users(UserRow::ContactsToSalesforce, Status::NotStarted)),
        lasting(Timestamp::MIN, users(UserRow::ContactsToExchange, Status::NotStarted)),
        lasting(began, users(UserRow::ContactsToExchange, Status::InitialSyncInProgress)),
    ];
    umbrella
}

/// A story without changes that ends at `now`.
fn story(now: Timestamp, name: &'static str, users: u32, seed: u64) -> Scenario {
    let policy = OrgPolicy { retirement: None, ..OrgPolicy::defaults(org_name(name)) };
    let starts = now.minus(DEMO_HISTORY);
    Scenario {
        name,
        title: "",
        about: "",
        starts,
        ends: Timestamp::MAX,
        truth: Vec::new(),
        broken: Vec::new(),
        watching: Watching::default(),
        life: Life {
            seed,
            rhythm: Rhythm { slot_seconds: 20, most: 2, closed_one_in: 0, fails_one_in: 0 },
            began: starts,
            objects: policy.objects.clone(),
            calendar: policy.calendar.clone(),
            changes: Vec::new(),
        },
        page: StatusPage { org: policy.name.clone(), users, outlook: false },
        reads: Reads {
            every: READS,
            at: TimeDelta::zero(),
            lately: Some((now.minus(READS_LIVE), READS_LIVE)),
        },
        policy,
    }
}

fn lasting(from: Timestamp, what: What) -> LifeChange {
    LifeChange { from, until: Timestamp::MAX, what }
}

/// The zone where the day's first hours have just begun.
fn night_zone(now: Timestamp) -> Tz {
    let minutes_from_one = |zone: &Tz| {
        let local = now.datetime().with_timezone(zone);
        (i64::from(local.hour() * 60 + local.minute()) - 60).rem_euclid(24 * 60)
    };
    ZONES.into_iter().min_by_key(minutes_from_one).unwrap_or(Tz::UTC)
}
