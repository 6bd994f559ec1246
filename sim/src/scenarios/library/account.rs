//! Lives in which the account that connects the two systems breaks: the root causes.

use super::{STOPPED, change, scenario};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::ObjectType;
use crate::domain::policy::ConnectionMethod;
use crate::domain::time::Timestamp;
use crate::scenarios::life::What;
use crate::scenarios::scenario::Scenario;
use crate::scenarios::setting::{BERLIN, NEW_YORK, day, local, office, office_hours, org_name};
use crate::scenarios::truth::{Truth, late, nothing_for_an_hour};

pub(super) fn stories() -> Vec<Scenario> {
    vec![service_account_broken(), account_missing(), password_expired(), oauth_connection()]
}

fn at(date: u32, hour: u32, minute: u32) -> Timestamp {
    local(BERLIN, day(11, date), hour, minute)
}

fn service_account_broken() -> Scenario {
    let policy = office(org_name("service_account_broken"), BERLIN, &[]);
    let mut story = scenario("service_account_broken", policy, at(9, 0, 0), at(13, 0, 0));
    story.title = "The service account broke";
    story.about = "The account is locked on Tuesday morning: sync stops, and the page shows an X when it is next read. \
                   Unlocked on Wednesday afternoon. One cause, one page, although 24 hours pass without a sync.";
    let (broke, read, restored) = (at(10, 10, 20), at(10, 10, 30), at(11, 14, 50));
    // A single record may be a straggler: the next reading of the page ends it.
    let ended = at(11, 15, 0);
    story.life.changes =
        vec![change(broke, restored, STOPPED), change(broke, restored, What::NotRecognized)];
    story.truth =
        vec![Truth::org(Cause::ServiceAccountNotRecognized, Severity::Critical, read, ended)];
    story
}

fn account_missing() -> Scenario {
    let policy = office_hours(org_name("account_missing"), NEW_YORK, &[]);
    let at = |date, hour, minute| local(NEW_YORK, day(11, date), hour, minute);
    let mut story = scenario("account_missing", policy, at(6, 0, 0), at(10, 0, 0));
    story.title = "The service account is gone";
    story.about = "New credentials could not be saved on Saturday: the page shows None until Sunday evening. A root cause \
                   pages at any hour.";
    story.life.rhythm.closed_one_in = 0;
    let (lost, saved) = (at(7, 12, 0), at(8, 20, 0));
    story.life.changes = vec![
        change(lost, saved, STOPPED),
        change(lost, saved, What::NoAccount),
        change(lost, saved, What::NotRecognized),
    ];
    story.truth = vec![Truth::org(Cause::ServiceAccountMissing, Severity::Critical, lost, saved)];
    story
}

fn password_expired() -> Scenario {
    let policy = office(org_name("password_expired"), BERLIN, &[]);
    let mut story = scenario("password_expired", policy, at(11, 0, 0), at(14, 0, 0));
    story.title = "The password expired";
    story.about = "Sync stops on Thursday morning; Salesforce notices three hours later and shows an X. The new password is \
                   saved in the afternoon.";
    let (expired, noticed, read, saved) =
        (at(12, 9, 40), at(12, 12, 40), at(12, 13, 0), at(12, 16, 10));
    story.life.changes =
        vec![change(expired, saved, STOPPED), change(noticed, saved, What::NotRecognized)];
    story.truth = ObjectType::ALL
        .iter()
        .flat_map(|object| {
            [late(expired, read).of(*object), nothing_for_an_hour(expired, read).of(*object)]
        })
        .chain([Truth::org(
            Cause::ServiceAccountNotRecognized,
            Severity::Critical,
            read,
            at(12, 16, 30),
        )])
        .collect();
    story
}

fn oauth_connection() -> Scenario {
    let mut policy = office(org_name("oauth_connection"), BERLIN, &[]);
    policy.connection = ConnectionMethod::Oauth;
    let mut story = scenario("oauth_connection", policy, at(9, 0, 0), at(11, 0, 0));
    story.title = "Connected without a service account";
    story.about = "Salesforce reaches Exchange by OAuth: the page shows None and an X for an account that nobody needs.";
    story.life.changes = vec![
        change(Timestamp::MIN, Timestamp::MAX, What::NoAccount),
        change(Timestamp::MIN, Timestamp::MAX, What::NotRecognized),
    ];
    story
}
