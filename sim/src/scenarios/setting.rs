//! Where and when the stories happen: days of real calendars, and the policies of organisations that work by them.

use crate::domain::calendar::{Calendar, Weekly};
use crate::domain::ids::OrgName;
use crate::domain::policy::{CountHours, OrgPolicy};
use crate::domain::time::Timestamp;
use chrono::{NaiveDate, TimeZone, Weekday};
use chrono_tz::Tz;

/// Central Europe: clocks go back on Sunday 2026-10-25.
pub(super) const BERLIN: Tz = Tz::Europe__Berlin;
/// The East of the United States: clocks go forward on Sunday 2026-03-08.
pub(super) const NEW_YORK: Tz = Tz::America__New_York;

const WORKING_DAYS: [Weekday; 5] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// A day of the year 2026, or of 2027 with a month above twelve: `(13, 1)` is the first of January 2027.
#[expect(
    clippy::expect_used,
    reason = "the days are constants of the stories, and a test tells every story"
)]
pub(super) fn day(month: u32, day: u32) -> NaiveDate {
    let (year, month) = if month > 12 { (2027, month - 12) } else { (2026, month) };
    NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar")
}

/// The instant of a local time.
#[expect(
    clippy::expect_used,
    reason = "the times are constants of the stories outside of skipped hours, and a test tells every story"
)]
pub(super) fn local(zone: Tz, date: NaiveDate, hour: u32, minute: u32) -> Timestamp {
    date.and_hms_opt(hour, minute, 0)
        .and_then(|time| zone.from_local_datetime(&time).earliest())
        .and_then(|time| Timestamp::from_datetime(time.to_utc()))
        .expect("a time of the day")
}

/// The policy of an organisation that works from Monday to Friday, eight to six, in `zone`.
pub(super) fn office(name: OrgName, zone: Tz, holidays: &[NaiveDate]) -> OrgPolicy {
    OrgPolicy {
        time_zone: zone,
        calendar: Calendar::Weekly(Weekly {
            time_zone: zone,
            days: WORKING_DAYS.to_vec(),
            from_minute: 8 * 60,
            to_minute: 18 * 60,
            holidays: holidays.iter().copied().collect(),
        }),
        ..OrgPolicy::defaults(name)
    }
}

/// The same, with the hours of the headline rule counted in business hours: for those who do not sync at weekends.
pub(super) fn office_hours(name: OrgName, zone: Tz, holidays: &[NaiveDate]) -> OrgPolicy {
    OrgPolicy { count_hours: CountHours::Business, ..office(name, zone, holidays) }
}

/// The name of the organisation of a story.
#[expect(
    clippy::expect_used,
    reason = "the names are constants of lower-case letters, digits and hyphens, and a test tells every story"
)]
pub(super) fn org_name(name: &str) -> OrgName {
    OrgName::new(&name.replace('_', "-")).expect("an organisation's name")
}
