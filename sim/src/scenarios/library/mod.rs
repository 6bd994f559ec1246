//! Every story with fixed dates, by name. A new one is a function in one of these files and a line in its list.

mod account;
mod broken;
mod first;
mod plain;
mod quiet;
mod stopped;
mod users;
mod watched;
mod watching;

use super::life::{Life, LifeChange, Rhythm, What};
use super::page::StatusPage;
use super::scenario::{Reads, Scenario, Watching};
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// Every story.
pub fn all() -> Vec<Scenario> {
    let mut all = exact();
    all.extend(broken::stories());
    all.extend(watched::stories());
    all
}

/// The stories whose findings were worked out one by one, each with its first and last instant.
pub fn exact() -> Vec<Scenario> {
    [
        quiet::stories(),
        account::stories(),
        stopped::stories(),
        first::stories(),
        users::stories(),
        watching::stories(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The story of a name.
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

/// Busy by day, a trickle by night.
const TRICKLE: u32 = 6;
/// How many users an organisation of the stories has.
const USERS: u32 = 40;

/// A story in which nothing happens: forty users, something every two minutes by day, a trickle by night, the page read
/// every half hour, and ten days that nobody watched before it begins.
fn scenario(name: &'static str, policy: OrgPolicy, starts: Timestamp, ends: Timestamp) -> Scenario {
    let seed =
        name.bytes().fold(1, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Scenario {
        name,
        title: "",
        about: "",
        starts,
        ends,
        truth: Vec::new(),
        broken: Vec::new(),
        watching: Watching::default(),
        life: Life {
            seed,
            rhythm: Rhythm { slot_seconds: 120, most: 2, closed_one_in: TRICKLE, fails_one_in: 0 },
            began: starts.minus(TimeDelta::days(10)),
            objects: policy.objects.clone(),
            calendar: policy.calendar.clone(),
            changes: Vec::new(),
        },
        page: StatusPage {
            org: policy.name.clone(),
            users: USERS,
            outlook: policy.reps_select_events,
        },
        reads: Reads { every: TimeDelta::minutes(30), at: TimeDelta::zero(), lately: None },
        policy,
    }
}

const fn change(from: Timestamp, until: Timestamp, what: What) -> LifeChange {
    LifeChange { from, until, what }
}

/// Nothing syncs at all.
const STOPPED: What = What::Stopped { object: None, direction: None };
