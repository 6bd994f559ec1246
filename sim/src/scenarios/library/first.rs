//! Lives at their beginning: first set-ups and first syncs.

use super::{USERS, change, scenario};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::ObjectType;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::scenarios::life::{LifeChange, What};
use crate::scenarios::scenario::Scenario;
use crate::scenarios::setting::{BERLIN, day, local, office, org_name};
use crate::scenarios::truth::Truth;
use std::ops::Range;

pub(super) fn stories() -> Vec<Scenario> {
    vec![first_setup(), first_sync_hangs(), first_sync_never_begins()]
}

fn at(date: u32, hour: u32, minute: u32) -> Timestamp {
    local(BERLIN, day(11, date), hour, minute)
}

fn directions() -> impl Iterator<Item = UserRow> {
    UserRow::ALL.into_iter().filter(|row| row.is_direction())
}

/// All directions of some users show `status`.
fn show(
    who: Range<u32>,
    status: Status,
    from: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = LifeChange> {
    directions().map(move |row| {
        let who = who.clone();
        change(from, until, What::Users { who, row, status })
    })
}

fn first_setup() -> Scenario {
    let mut policy = office(org_name("first_setup"), BERLIN, &[]);
    policy.setup_until = Some(at(16, 0, 0));
    let mut story = scenario("first_setup", policy, at(9, 9, 0), at(18, 0, 0));
    story.title = "First set-up";
    story.about = "Watched from the first minute: nothing has ever synced, the first sync of contacts begins in the \
                   afternoon and that of events the next morning, and a day later all is in sync.";
    let (began, events, done) = (at(9, 14, 0), at(10, 10, 0), at(10, 16, 0));
    story.life.began = began;
    story.life.changes = show(0..USERS, Status::NotStarted, Timestamp::MIN, began)
        .chain(show(0..USERS, Status::InitialSyncInProgress, began, done))
        .chain(show(0..USERS, Status::InitialSyncCompleted, done, at(10, 17, 0)))
        .chain([
            change(began, done, What::AllHours),
            change(
                began,
                events,
                What::Stopped { object: Some(ObjectType::Events), direction: None },
            ),
        ])
        .collect();
    story
}

fn first_sync_hangs() -> Scenario {
    let mut policy = office(org_name("first_sync_hangs"), BERLIN, &[]);
    policy.setup_until = Some(at(11, 0, 0));
    let mut story = scenario("first_sync_hangs", policy, at(9, 9, 0), at(14, 0, 0));
    story.title = "The first sync hangs";
    story.about = "The first sync begins on Monday afternoon and brings nothing. After its limit of three days an alert \
                   comes; the vendor's support gets it going on Friday.";
    let (began, limit, helped) = (at(9, 14, 0), at(12, 14, 0), at(13, 16, 0));
    story.life.began = helped;
    story.life.changes = show(0..USERS, Status::NotStarted, Timestamp::MIN, began)
        .chain(show(0..USERS, Status::InitialSyncInProgress, began, helped))
        .collect();
    story.truth = Truth::org(Cause::NeverSynced, Severity::Critical, limit, helped)
        .each(ObjectType::ALL)
        .collect();
    story
}

fn first_sync_never_begins() -> Scenario {
    let policy = office(org_name("first_sync_never_begins"), BERLIN, &[]);
    let mut story = scenario("first_sync_never_begins", policy, at(2, 0, 0), at(10, 0, 0));
    story.title = "A new user's first sync never begins";
    story.about = "One user is new on Tuesday and stays at \"not started\" although assigned: after three days somebody \
                   should look, in office hours.";
    let (new, limit, fixed) = (at(3, 10, 0), at(6, 10, 0), at(9, 10, 0));
    story.life.changes = show(7..8, Status::NotStarted, new, fixed).collect();
    story.truth = directions()
        .map(|row| Truth::org(Cause::InitialSyncStuck, Severity::Warning, limit, fixed).check(row))
        .collect();
    story
}
