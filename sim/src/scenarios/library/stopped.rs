//! Lives in which sync stops although every account is fine, and one that ends for good.

use super::{STOPPED, change, scenario};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::scenarios::life::What;
use crate::scenarios::scenario::Scenario;
use crate::scenarios::setting::{BERLIN, day, local, office, office_hours, org_name};
use crate::scenarios::truth::{Truth, late, nothing_for_an_hour};

pub(super) fn stories() -> Vec<Scenario> {
    vec![contacts_stopped(), stopped_over_clock_change(), one_direction_stopped(), retirement_day()]
}

fn at(date: u32, hour: u32, minute: u32) -> Timestamp {
    local(BERLIN, day(11, date), hour, minute)
}

fn contacts_stopped() -> Scenario {
    let policy = office(org_name("contacts_stopped"), BERLIN, &[]);
    let mut story = scenario("contacts_stopped", policy, at(9, 0, 0), at(13, 0, 0));
    story.title = "Contacts stopped";
    story.about = "Contacts stop on Tuesday morning while events go on: notes for a day, then the headline page until \
                   Thursday morning.";
    let (stopped, page, resumed) = (at(10, 10, 0), at(11, 10, 0), at(12, 9, 0));
    let contacts = ObjectType::Contacts;
    story.life.changes =
        vec![change(stopped, resumed, What::Stopped { object: Some(contacts), direction: None })];
    story.truth = vec![
        late(stopped, page).of(contacts),
        nothing_for_an_hour(stopped, page).of(contacts),
        Truth::org(Cause::NoSyncIn24Hours, Severity::Critical, page, resumed).of(contacts),
    ];
    story
}

/// Two hours on Friday, ten on Monday and on Tuesday, two on Wednesday: 24 business hours, whatever the clocks do.
fn stopped_over_clock_change() -> Scenario {
    let policy = office_hours(org_name("stopped_over_clock_change"), BERLIN, &[]);
    let at = |date, hour, minute| local(BERLIN, day(10, date), hour, minute);
    let mut story = scenario("stopped_over_clock_change", policy, at(22, 0, 0), at(30, 0, 0));
    story.title = "Stopped over the change of the clocks";
    story.about = "Everything stops on Friday afternoon, the clocks go back on Sunday, and 24 business hours are over on \
                   Wednesday at ten.";
    story.life.rhythm.closed_one_in = 0;
    let (stopped, nothing, page, resumed) =
        (at(23, 16, 0), at(26, 14, 0), at(28, 10, 0), at(28, 14, 0));
    story.life.changes = vec![change(stopped, resumed, STOPPED)];
    story.truth = ObjectType::ALL
        .iter()
        .flat_map(|object| {
            [
                late(stopped, page),
                nothing_for_an_hour(stopped, nothing),
                // Six business hours without a record are over on Monday at two.
                Truth::org(Cause::NothingIn24Hours, Severity::Warning, nothing, page),
                Truth::org(Cause::NoSyncIn24Hours, Severity::Critical, page, resumed),
            ]
            .map(|truth| truth.of(*object))
        })
        .collect();
    story
}

/// The limit of what the page's rows can tell; a canary in each direction would see it.
fn one_direction_stopped() -> Scenario {
    let policy = office(org_name("one_direction_stopped"), BERLIN, &[]);
    let mut story = scenario("one_direction_stopped", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "One direction stopped";
    story.about = "Nothing reaches Salesforce any more while everything reaches Exchange. The vendor's rows count both \
                   directions together, so nobody is alerted, and above all nobody is alerted for a wrong reason.";
    // So much by day that what is left never looks late.
    story.life.rhythm.most = 8;
    story.life.changes = vec![change(
        at(10, 10, 0),
        Timestamp::MAX,
        What::Stopped { object: None, direction: Some(Direction::ToSalesforce) },
    )];
    story
}

fn retirement_day() -> Scenario {
    let holidays = [day(13, 1), day(15, 26), day(15, 29)];
    let policy = office_hours(org_name("retirement_day"), BERLIN, &holidays);
    let starts = local(BERLIN, day(12, 29), 0, 0);
    let mut story = scenario("retirement_day", policy, starts, local(BERLIN, day(16, 6), 0, 0));
    story.title = "The product ends";
    story.about = "Three months to the vendor's date, and the days after it: news in January, a warning in March, and from \
                   the first of April one note instead of pages, although nothing syncs any more.";
    story.life.rhythm.closed_one_in = 0;
    // Nobody reads the page every half hour for three months to come.
    story.reads.every = chrono::TimeDelta::hours(12);
    let end = OrgPolicy::VENDOR_RETIREMENT;
    story.life.changes = vec![change(end, Timestamp::MAX, STOPPED)];
    // New Year is a holiday and a Friday: the news waits for Monday morning.
    let (news, warning) = (local(BERLIN, day(13, 4), 8, 15), local(BERLIN, day(15, 2), 8, 15));
    story.truth = vec![
        Truth::org(Cause::RetirementNear, Severity::Info, news, warning),
        Truth::org(Cause::RetirementNear, Severity::Warning, warning, end),
        Truth::org(Cause::Retired, Severity::Info, end, Timestamp::MAX),
    ];
    story
}
