//! Instants with nanosecond resolution that fit into one integer, as the store and the windows compare them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::fmt;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MINUTE: i64 = 60 * NANOS_PER_SECOND;
const NANOS_PER_HOUR: i64 = 60 * NANOS_PER_MINUTE;

/// An instant as nanoseconds since 1970-01-01T00:00:00Z; covers the years 1678 to 2261.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every instant that a source can name.
    pub const MIN: Self = Self(i64::MIN);
    /// After every instant that a source can name.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the epoch, clamped to the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// From a calendar time; `None` outside the years that fit.
    pub fn from_datetime(at: DateTime<Utc>) -> Option<Self> {
        at.timestamp_nanos_opt().map(Self)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, as Prometheus writes them.
    pub fn seconds(self) -> f64 {
        let whole = self.0.div_euclid(NANOS_PER_SECOND);
        let rest = self.0.rem_euclid(NANOS_PER_SECOND);
        whole as f64 + rest as f64 / NANOS_PER_SECOND as f64
    }

    /// The calendar time in UTC.
    pub fn datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }

    /// The number of the minute since the epoch that this instant lies in.
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MINUTE)
    }

    /// The number of the hour since the epoch that this instant lies in.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(NANOS_PER_HOUR)
    }

    /// The first instant of a minute number.
    pub const fn of_minute(minute: i64) -> Self {
        Self(minute.saturating_mul(NANOS_PER_MINUTE))
    }

    /// The first instant of an hour number.
    pub const fn of_hour(hour: i64) -> Self {
        Self(hour.saturating_mul(NANOS_PER_HOUR))
    }

    /// This instant moved by `delta`, clamped to the range.
    pub fn plus(self, delta: TimeDelta) -> Self {
        match delta.num_nanoseconds() {
            Some(nanos) => Self(self.0.saturating_add(nanos)),
            None if delta > TimeDelta::zero() => Self::MAX,
            None => Self::MIN,
        }
    }

    /// This instant moved back by `delta`, clamped to the range.
    pub fn minus(self, delta: TimeDelta) -> Self {
        self.plus(-delta)
    }

    /// How long after `earlier` this instant is; negative when it is before.
    pub fn since(self, earlier: Self) -> TimeDelta {
        TimeDelta::nanoseconds(self.0.saturating_sub(earlier.0))
    }
}

/// RFC 3339 in UTC, with as many digits of the second as it has.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds of a span as Prometheus writes them.
pub fn seconds(span: TimeDelta) -> f64 {
    span.num_seconds() as f64 + f64::from(span.subsec_nanos()) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_before_the_epoch_round_down() {
        assert_eq!(Timestamp::from_nanos(-1).minute(), -1);
        assert_eq!(Timestamp::from_nanos(0).minute(), 0);
        assert_eq!(Timestamp::of_minute(-1).nanos(), -60_000_000_000);
    }

    #[test]
    fn a_timestamp_prints_as_rfc_3339_with_the_digits_it_has() {
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_nanos(1_500_000_000).to_string(), "1970-01-01T00:00:01.500Z");
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_range() {
        assert_eq!(Timestamp::MAX.plus(TimeDelta::days(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.plus(TimeDelta::MIN), Timestamp::MIN);
    }

    #[test]
    fn seconds_have_their_fraction_before_the_epoch_too() {
        for (nanos, shown) in [(2_500_000_000, 2.5), (-1_500_000_000, -1.5), (0, 0.0)] {
            assert_eq!(Timestamp::from_nanos(nanos).seconds(), shown);
            assert_eq!(seconds(TimeDelta::nanoseconds(nanos)), shown);
        }
    }

    #[test]
    fn a_span_that_no_integer_holds_leads_to_an_end_of_the_range() {
        let epoch = Timestamp::from_nanos(0);
        assert_eq!(epoch.plus(TimeDelta::MAX), Timestamp::MAX);
        assert_eq!(epoch.plus(TimeDelta::MIN), Timestamp::MIN);
        assert_eq!(format!("{epoch:?}"), "1970-01-01T00:00:00Z");
    }
}
