//! RFC 3339 instants, and those that Salesforce writes: the common forms by hand, all others by chrono.

use crate::domain::observation::SNAPSHOT_AHEAD;
use crate::domain::time::Timestamp;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// Why a text is no instant that we can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InstantError {
    /// Not RFC 3339, or without its zone.
    #[error("is no RFC 3339 time with a zone; write it like 2026-11-22T13:55:00Z")]
    Malformed,
    /// Beyond what fits.
    #[error("lies outside the years 1678 to 2261")]
    OutOfRange,
}

/// Reads an RFC 3339 time with a zone. Digits beyond the nanosecond are dropped.
pub(super) fn parse(text: &str) -> Result<Timestamp, InstantError> {
    match common(text.as_bytes()) {
        Some(at) => Ok(at),
        None => by_chrono(text),
    }
}

/// The instant, unless it lies ahead of `now` by more than clocks may differ; then what to do.
pub(super) fn not_ahead(at: Timestamp, now: Timestamp) -> Result<Timestamp, String> {
    if at > now.plus(SNAPSHOT_AHEAD) {
        return Err(format!(
            "{at} is more than 5 minutes ahead of our clock ({now}); check the sender's clock and zone"
        ));
    }
    Ok(at)
}

/// Any other form, and the one that Salesforce writes: an offset without its colon, `2026-11-28T06:14:18.000+0000`.
fn by_chrono(text: &str) -> Result<Timestamp, InstantError> {
    let at = DateTime::parse_from_rfc3339(text)
        .or_else(|error| match text.split_at_checked(text.len().saturating_sub(2)) {
            Some((head, minutes)) if matches!(head.as_bytes(), [.., b'+' | b'-', _, _]) => {
                DateTime::parse_from_rfc3339(&format!("{head}:{minutes}"))
            }
            _ => Err(error),
        })
        .map_err(|_| InstantError::Malformed)?;
    Timestamp::from_datetime(at.with_timezone(&Utc)).ok_or(InstantError::OutOfRange)
}

/// `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM|±HHMM)` with fewer than ten digits of the second; `None` leaves the judgement
/// to chrono.
fn common(text: &[u8]) -> Option<Timestamp> {
    let (head, mut rest) = text.split_first_chunk::<19>()?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] =
        head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), two(m1, m2)?, two(d1, d2)?)?;
    let mut nanos = 0;
    if let [b'.', digits @ ..] = rest {
        let (mut scale, mut left) = (1_000_000_000, digits);
        while let [digit @ b'0'..=b'9', after @ ..] = left {
            if scale == 1 {
                return None;
            }
            scale /= 10;
            nanos += u32::from(digit - b'0') * scale;
            left = after;
        }
        if left.len() == digits.len() {
            return None;
        }
        rest = left;
    }
    let offset = match *rest {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = i64::from(hours * 60 + minutes);
            if sign == b'+' { ahead } else { -ahead }
        }
        _ => return None,
    };
    let time = NaiveTime::from_hms_nano_opt(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?, nanos)?;
    let nanos = date.and_time(time).and_utc().timestamp_nanos_opt()?;
    nanos.checked_sub(offset * 60_000_000_000).map(Timestamp::from_nanos)
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_that_differ_only_in_writing_are_one_instant() {
        let at = parse("2026-11-22T13:55:00Z").unwrap();
        for same in [
            "2026-11-22T13:55:00z",
            "2026-11-22t13:55:00Z",
            "2026-11-22T13:55:00.000Z",
            "2026-11-22T13:55:00.0000000000Z",
            "2026-11-22T14:55:00+01:00",
            "2026-11-22T09:25:00-04:30",
            "2026-11-22T13:55:00-00:00",
            "2026-11-22T13:55:00.000+0000",
            "2026-11-22T09:25:00-0430",
            "2026-11-22t13:55:00+0000",
            "2026-11-23T13:54:00+23:59",
        ] {
            assert_eq!(parse(same), Ok(at), "{same}");
        }
    }

    #[test]
    fn what_has_no_zone_or_no_such_day_is_refused() {
        for bad in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T13:55:00",
            "2026-11-22T13:55Z",
            "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T13:55:00.Z",
            "2026-11-22T13:55:00+24:00",
            "2026-11-22T13:55:00Z ",
            "１０26-11-22T13:55:00Z",
            "+2026-11-22T13:55:00Z",
        ] {
            assert_eq!(parse(bad), Err(InstantError::Malformed), "{bad}");
        }
        for bad in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(parse(bad), Err(InstantError::OutOfRange), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn every_real_time_is_read_as_chrono_reads_it(
            seconds in -9_000_000_000_i64..9_000_000_000,
            nanos in 0_u32..1_000_000_000,
            digits in 0_usize..=11,
            offset in -1439_i32..=1439,
        ) {
            let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
            let at = DateTime::from_timestamp(seconds, nanos).unwrap().with_timezone(&zone);
            let fraction = format!("{nanos:09}00");
            let fraction = if digits == 0 { String::new() } else { format!(".{fraction:.digits$}") };
            let text = format!("{}{fraction}{}", at.format("%Y-%m-%dT%H:%M:%S"), at.format("%:z"));
            prop_assert_eq!(parse(&text), by_chrono(&text), "{}", text);
            prop_assert!(parse(&text).is_ok());
        }

        #[test]
        fn every_near_time_is_judged_as_chrono_judges_it(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,11})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9]|)"
        ) {
            prop_assert_eq!(parse(&text), by_chrono(&text));
        }
    }
}
