//! The section `business_hours`.

use super::dates;
use super::mistakes::quoted;
use super::section::{ConfigSection, KeyRead};
use super::table::DAYS;
use crate::domain::calendar::{Calendar, Weekly};
use crate::domain::policy::{CountHours, OrgPolicy};
use chrono::Weekday;
use chrono_tz::Tz;

/// The organisation's calendar; the second is whether there is a section at all.
pub(super) fn read(org: &ConfigSection<'_>, zone: Tz) -> (Calendar, KeyRead<()>) {
    let (given, section) = org.section("business_hours");
    let days = section.choices("days", weekday).or(WORKING_DAYS.to_vec());
    let from = section.text("from", |text| match dates::minute_of_day(text)? {
        1440 => Err("24:00 is the end of a day, and work begins before it".to_owned()),
        minute => Ok((minute, text.to_owned())),
    });
    let from = section.require("from", from);
    let to = section.text("to", |text| Ok((dates::minute_of_day(text)?, text.to_owned())));
    let to = section.require("to", to);
    let holidays = section.texts("holidays", dates::day).or(Vec::new());
    let (KeyRead::Given(()), Some((from_minute, _)), Some((to_minute, to_text))) =
        (given, &from, &to)
    else {
        return (Calendar::Always, given);
    };
    if to_minute <= from_minute {
        let says = format!(
            "found {}; allowed: a time later than from, at most 24:00, because hours over midnight look like slips",
            quoted(to_text)
        );
        section.wrong("to", says);
    }
    let calendar = Calendar::Weekly(Weekly {
        time_zone: zone,
        days,
        from_minute: *from_minute,
        to_minute: *to_minute,
        holidays: holidays.into_iter().collect(),
    });
    (calendar, given)
}

/// What happens over a weekend to an organisation whose hours are counted by the clock, where work rests for longer than
/// `stale_after`.
pub(super) fn weekend(policy: &OrgPolicy) -> Option<String> {
    let Calendar::Weekly(weekly) = &policy.calendar else {
        return None;
    };
    if policy.count_hours == CountHours::Business {
        return None;
    }
    let (from, to) = (i64::from(weekly.from_minute), i64::from(weekly.to_minute));
    let limit = policy.stale_after.num_minutes();
    let after = |day: Weekday, days: i64| (0..days).fold(day, |day, _| day.succ());
    let closing = weekly.days.iter().copied().find(|day| {
        let next = (1..=7).find(|days| weekly.days.contains(&after(*day, *days)));
        next.is_some_and(|days| days * DAY + from - to > limit)
    })?;
    let paged = to + limit;
    let time = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
    Some(format!(
        "count_hours is wall beside business_hours: a last sync on {closing} at {} pages on {} at {}; \
         `count_hours: business` counts working hours only",
        time(to),
        after(closing, paged / DAY),
        time(paged % DAY),
    ))
}

/// Minutes of a day.
const DAY: i64 = 24 * 60;

const WORKING_DAYS: [Weekday; 5] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

fn weekday(name: &str) -> Option<Weekday> {
    let from_monday = DAYS.iter().position(|day| *day == name)?;
    Weekday::try_from(u8::try_from(from_monday).ok()?).ok()
}
