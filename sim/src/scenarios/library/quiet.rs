//! Lives in which nothing is broken, however quiet it gets.

use super::{STOPPED, change, scenario};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use crate::scenarios::scenario::Scenario;
use crate::scenarios::setting::{BERLIN, NEW_YORK, day, local, office, office_hours, org_name};
use crate::scenarios::truth::{Truth, late, nothing_for_an_hour};

pub(super) fn stories() -> Vec<Scenario> {
    vec![
        healthy(),
        quiet_night(),
        weekend(),
        weekend_in_wall_hours(),
        holiday(),
        holiday_unlisted(),
        daylight_saving(),
    ]
}

fn november(day_of_month: u32) -> Timestamp {
    local(BERLIN, day(11, day_of_month), 0, 0)
}

fn healthy() -> Scenario {
    let policy = office(org_name("healthy"), BERLIN, &[]);
    Scenario {
        title: "All is well",
        about: "Contacts and events sync all day and now and then at night.",
        ..scenario("healthy", policy, november(2), november(5))
    }
}

fn quiet_night() -> Scenario {
    let policy = office(org_name("quiet_night"), BERLIN, &[]);
    let mut story = scenario("quiet_night", policy, november(3), november(6));
    story.title = "Quiet at night";
    story.about =
        "Nobody works and nothing syncs between six in the evening and eight in the morning.";
    story.life.rhythm.closed_one_in = 0;
    story
}

fn weekend() -> Scenario {
    let policy = office_hours(org_name("weekend"), BERLIN, &[]);
    let mut story = scenario("weekend", policy, november(6), november(11));
    story.title = "A weekend";
    story.about = "Nothing syncs from Friday evening to Monday morning; the hours of the headline rule are business hours.";
    story.life.rhythm.closed_one_in = 0;
    story
}

/// Why `count_hours` exists: the rule as the vendor documents it counts the weekend.
fn weekend_in_wall_hours() -> Scenario {
    let policy = office(org_name("weekend_in_wall_hours"), BERLIN, &[]);
    let mut story = scenario("weekend_in_wall_hours", policy, november(6), november(11));
    story.title = "A weekend counted as documented";
    story.about = "The same weekend with the 24 hours of the headline rule counted as the vendor documents them: a page on \
                   Saturday evening that `count_hours: business` avoids.";
    story.life.rhythm.closed_one_in = 0;
    let saturday_evening = local(BERLIN, day(11, 7), 18, 0);
    let monday_morning = local(BERLIN, day(11, 9), 8, 0);
    story.truth =
        Truth::org(Cause::NoSyncIn24Hours, Severity::Critical, saturday_evening, monday_morning)
            .each(ObjectType::ALL)
            .collect();
    story
}

fn holiday() -> Scenario {
    let holidays = [day(12, 24), day(12, 25)];
    let policy = office_hours(org_name("holiday"), BERLIN, &holidays);
    let starts = local(BERLIN, day(12, 22), 0, 0);
    let mut story = scenario("holiday", policy, starts, local(BERLIN, day(12, 30), 0, 0));
    story.title = "Christmas";
    story.about = "Two holidays and a weekend without any sync, all of them in the calendar.";
    story.life.rhythm.closed_one_in = 0;
    story
}

fn holiday_unlisted() -> Scenario {
    let policy = office_hours(org_name("holiday_unlisted"), NEW_YORK, &[]);
    let at = |date, hour, minute| local(NEW_YORK, day(11, date), hour, minute);
    let mut story = scenario("holiday_unlisted", policy, at(24, 0, 0), at(28, 0, 0));
    story.title = "A holiday that nobody listed";
    story.about = "Everybody leaves on the afternoon before Thanksgiving and is back on Friday, but the calendar does not \
                   know the holiday: a warning, and no page.";
    story.life.rhythm.closed_one_in = 0;
    let (left, back) = (at(25, 15, 0), at(27, 8, 0));
    story.life.changes = vec![change(left, back, STOPPED)];
    story.truth = ObjectType::ALL
        .iter()
        .flat_map(|object| {
            [
                late(left, back).of(*object),
                nothing_for_an_hour(left, at(26, 15, 0)).of(*object),
                Truth::org(Cause::NothingIn24Hours, Severity::Warning, at(26, 15, 0), back)
                    .of(*object),
            ]
        })
        .collect();
    story
}

fn daylight_saving() -> Scenario {
    let policy = office_hours(org_name("daylight_saving"), NEW_YORK, &[]);
    let starts = local(NEW_YORK, day(3, 5), 0, 0);
    let mut story = scenario("daylight_saving", policy, starts, local(NEW_YORK, day(3, 11), 0, 0));
    story.title = "Clocks go forward";
    story.about = "A quiet weekend in which the clocks go forward: business begins an hour earlier by the sun on Monday.";
    story.life.rhythm.closed_one_in = 0;
    story
}
