//! Days and times of day as the operator writes them, read in the organisation's time zone.

use super::mistakes::nearest;
use crate::domain::calendar::start_of_day;
use crate::domain::time::Timestamp;
use chrono::{Datelike, NaiveDate};
use chrono_tz::{TZ_VARIANTS, Tz};

/// Before there was a product to sync, and after anybody plans: a slip in the year.
const YEARS: std::ops::RangeInclusive<i32> = 2010..=2100;

/// A day, exactly as `2026-12-31`.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn day(text: &str) -> Result<NaiveDate, String> {
    const SHAPE: &str = "allowed: a date such as 2026-12-31";
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(index, b)| match index {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let date = shaped.then(|| text.parse::<NaiveDate>().ok()).flatten().ok_or(SHAPE)?;
    if YEARS.contains(&date.year()) {
        Ok(date)
    } else {
        Err(format!("allowed: a year from {} to {}", YEARS.start(), YEARS.end()))
    }
}

/// The first instant of a day in a zone.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn start_of(text: &str, zone: Tz) -> Result<Timestamp, String> {
    start_of_day(zone, day(text)?).ok_or_else(|| format!("this day has no beginning in {zone}"))
}

/// Minutes after midnight of `HH:MM`; 24:00 is the end of the day.
pub(super) fn minute_of_day(text: &str) -> Result<u16, String> {
    const SHAPE: &str =
        "allowed: a time of day such as 08:00, with two digits for the hour, at most 24:00";
    let (hour, minute) = match text.as_bytes() {
        [h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let two = |tens: &u8, ones: &u8| u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
            (two(h1, h2), two(m1, m2))
        }
        _ => return Err(SHAPE.to_owned()),
    };
    if minute < 60 && hour * 60 + minute <= 24 * 60 {
        Ok(hour * 60 + minute)
    } else {
        Err(SHAPE.to_owned())
    }
}

/// A zone of the IANA database.
pub(super) fn zone(text: &str) -> Result<Tz, String> {
    text.parse::<Tz>().map_err(|_| {
        let last_part = |name: &&str| {
            name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(text))
        };
        let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
        let near = names().find(last_part).or_else(|| nearest(text, names()));
        let meant = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("allowed: a name of the IANA time zone database such as Europe/Berlin{meant}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_local_midnight_or_at_the_first_instant_after_a_skipped_one() {
        for (text, zone, start) in [
            ("2026-12-01", Tz::Europe__Berlin, "2026-11-30T23:00:00Z"),
            ("2027-04-01", Tz::UTC, "2027-04-01T00:00:00Z"),
            // Beirut skips the hour from midnight to one.
            ("2026-03-29", Tz::Asia__Beirut, "2026-03-28T22:00:00Z"),
        ] {
            assert_eq!(
                start_of(text, zone).map(|at| at.to_string()),
                Ok(start.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn only_whole_plausible_days_are_dates() {
        for bad in [
            "",
            "2026-2-1",
            "2026-02-30",
            "01.02.2026",
            "2026-12-01T00:00",
            "+026-12-01",
            "1999-01-01",
            "2026–12–1",
        ] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_of_day_reach_to_24_00() {
        assert_eq!(minute_of_day("00:00"), Ok(0));
        assert_eq!(minute_of_day("08:30"), Ok(510));
        assert_eq!(minute_of_day("24:00"), Ok(1440));
        for bad in ["", "8:00", "08:60", "24:01", "25:00", "08-00", "08:00 ", "８:00", "ab:cd"] {
            assert!(minute_of_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zone_that_is_almost_right_is_suggested() {
        assert_eq!(zone("Europe/Berlin"), Ok(Tz::Europe__Berlin));
        for (text, meant) in [
            ("Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("Europe/Berlni", "Europe/Berlin"),
            ("America/Newyork", "America/New_York"),
        ] {
            assert!(
                zone(text).is_err_and(|says| says.ends_with(&format!("did you mean {meant}?"))),
                "{text}"
            );
        }
        assert!(
            zone("W. Europe Standard Time")
                .is_err_and(|says| says.ends_with("such as Europe/Berlin"))
        );
    }
}
