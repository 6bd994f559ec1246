//! Lives in which something is wrong with some users, or only seems to be.

use super::{STOPPED, change, scenario};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::ObjectType;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::scenarios::life::{LifeChange, What};
use crate::scenarios::people::user_name;
use crate::scenarios::scenario::Scenario;
use crate::scenarios::setting::{BERLIN, day, local, office, org_name};
use crate::scenarios::truth::Truth;
use std::ops::Range;

pub(super) fn stories() -> Vec<Scenario> {
    vec![
        reset_ends(),
        reset_hangs(),
        users_failing(),
        users_leaving(),
        linked_users_drop(),
        contacts_only(),
        reps_select_events(),
    ]
}

fn at(date: u32, hour: u32, minute: u32) -> Timestamp {
    local(BERLIN, day(11, date), hour, minute)
}

fn shows(
    who: Range<u32>,
    row: UserRow,
    status: Status,
    from: Timestamp,
    until: Timestamp,
) -> LifeChange {
    change(from, until, What::Users { who, row, status })
}

fn reset_ends() -> Scenario {
    let policy = office(org_name("reset_ends"), BERLIN, &[]);
    let mut story = scenario("reset_ends", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "A reset that ends";
    story.about = "A user's sync is reset on Tuesday: queued, run and done within three hours. What fails meanwhile is held \
                   back.";
    let (marked, runs, done) = (at(10, 10, 0), at(10, 10, 30), at(10, 12, 30));
    let first = Status::InitialSyncInProgress;
    story.life.changes = vec![
        shows(3..4, UserRow::Reset, Status::MarkedForReset, marked, runs),
        shows(3..4, UserRow::Reset, Status::ResetInProgress, runs, done),
        shows(3..4, UserRow::ContactsFolder, Status::No, marked, done),
        shows(3..4, UserRow::ContactsToExchange, first, runs, done),
        shows(3..4, UserRow::EventsToExchange, first, runs, done),
    ];
    story
}

fn reset_hangs() -> Scenario {
    let policy = office(org_name("reset_hangs"), BERLIN, &[]);
    let mut story = scenario("reset_hangs", policy, at(9, 0, 0), at(13, 0, 0));
    story.title = "A reset that hangs";
    story.about = "A user's reset begins on Tuesday morning and does not end before Thursday: a warning after four hours.";
    let (marked, runs, limit, done) = (at(10, 10, 0), at(10, 11, 0), at(10, 14, 0), at(12, 9, 0));
    story.life.changes = vec![
        shows(3..4, UserRow::Reset, Status::MarkedForReset, marked, runs),
        shows(3..4, UserRow::Reset, Status::ResetInProgress, runs, done),
    ];
    story.truth =
        vec![Truth::org(Cause::ResetStuck, Severity::Warning, limit, done).check(UserRow::Reset)];
    story
}

fn users_failing() -> Scenario {
    let mut policy = office(org_name("users_failing"), BERLIN, &[]);
    policy.exclude_users.insert(user_name(&policy.name, 9));
    let mut story = scenario("users_failing", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "Users failing a check";
    story.about = "The service account cannot open three mailboxes since Monday evening: a warning in office hours. Somebody \
                   who left long ago is excluded and not failing.";
    story.life.changes = vec![
        shows(3..6, UserRow::ServiceAccount, Status::No, at(9, 18, 30), at(10, 15, 0)),
        shows(9..10, UserRow::ActiveConfiguration, Status::No, Timestamp::MIN, Timestamp::MAX),
    ];
    story.truth = vec![
        Truth::org(Cause::UsersFailing, Severity::Warning, at(10, 8, 15), at(10, 15, 0))
            .check(UserRow::ServiceAccount),
    ];
    story
}

fn users_leaving() -> Scenario {
    let mut policy = office(org_name("users_leaving"), BERLIN, &[]);
    policy.migrating_since = Some(at(11, 0, 0));
    policy.expected_linked_users = Some(40);
    let mut story = scenario("users_leaving", policy, at(9, 0, 0), at(14, 0, 0));
    story.title = "Users leave for the successor product";
    story.about = "Half of the users move from Wednesday on, a few each day: they lose their configuration and their link, \
                   and nothing is wrong.";
    let unassigned =
        |who, from| shows(who, UserRow::ActiveConfiguration, Status::No, from, Timestamp::MAX);
    story.life.changes = vec![
        unassigned(0..5, at(11, 10, 0)),
        unassigned(5..12, at(12, 10, 0)),
        unassigned(12..20, at(13, 10, 0)),
    ];
    story
}

fn linked_users_drop() -> Scenario {
    let mut policy = office(org_name("linked_users_drop"), BERLIN, &[]);
    policy.expected_linked_users = Some(40);
    let mut story = scenario("linked_users_drop", policy, at(9, 0, 0), at(13, 0, 0));
    story.title = "Linked users drop";
    story.about = "Nine users lose their link on Tuesday, all of them on Wednesday, when sync stops. One page: without a \
                   linked user nothing can sync.";
    let (some, stopped, none, resumed, read) =
        (at(10, 10, 0), at(11, 9, 50), at(11, 10, 0), at(11, 15, 50), at(11, 16, 0));
    story.life.changes = vec![
        change(some, none, What::Linked(31)),
        change(none, read, What::Linked(0)),
        change(stopped, resumed, STOPPED),
    ];
    story.truth = vec![
        Truth::org(Cause::LinkedUsersUnexpected, Severity::Warning, some, none),
        Truth::org(Cause::NoLinkedUsers, Severity::Critical, none, read),
    ];
    story
}

fn contacts_only() -> Scenario {
    let mut policy = office(org_name("contacts_only"), BERLIN, &[]);
    policy.objects = vec![ObjectType::Contacts];
    let mut story = scenario("contacts_only", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "Only contacts";
    story.about = "Events are not set to sync: that they never do is no news, and neither is a missing calendar folder.";
    story.life.changes =
        vec![shows(1..2, UserRow::EventsFolder, Status::No, Timestamp::MIN, Timestamp::MAX)];
    story
}

fn reps_select_events() -> Scenario {
    let mut policy = office(org_name("reps_select_events"), BERLIN, &[]);
    policy.reps_select_events = true;
    let mut story = scenario("reps_select_events", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "Reps choose their events";
    story.about = "The Outlook integration is off from Tuesday to Wednesday, and two users lose theirs: where reps choose \
                   which events sync, they cannot.";
    let (off, on) = (at(10, 9, 0), at(11, 9, 0));
    story.life.changes = vec![
        change(off, on, What::OutlookOff),
        shows(2..4, UserRow::OutlookIntegration, Status::No, off, on),
    ];
    story.truth = vec![
        Truth::org(Cause::OutlookIntegrationDisabled, Severity::Info, off, on),
        Truth::org(Cause::UsersFailing, Severity::Warning, off, on)
            .check(UserRow::OutlookIntegration),
    ];
    story
}
