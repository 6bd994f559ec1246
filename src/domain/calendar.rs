//! When an organisation works: local days and hours, holidays, and the change to daylight saving time.

use super::ids::closed_set;
use super::time::Timestamp;
use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The operator's business hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Calendar {
    /// No calendar: every hour counts.
    Always,
    /// Hours of some days of the week.
    Weekly(Weekly),
}

/// The same hours on some days of every week, holidays excepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weekly {
    /// The zone that days and hours are read in.
    pub time_zone: Tz,
    /// The working days.
    pub days: Vec<Weekday>,
    /// When work begins, in minutes after midnight.
    pub from_minute: u16,
    /// When work ends, in minutes after midnight; later than `from_minute`, at most 1440.
    pub to_minute: u16,
    /// Days without work.
    pub holidays: BTreeSet<NaiveDate>,
}

closed_set! {
    /// How long business must have lasted before a judgement may begin; the `span` label.
    Settle {
        /// A quarter of an hour without a break: at opening time nothing is overdue yet.
        QuarterHour = "15m",
        /// An hour without a break.
        Hour = "1h",
        /// Six hours within the 24 hours before.
        SixOfDay = "6h",
    }
}

/// Open spans of a calendar, laid out around one instant so that questions are answered without zone arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenHours {
    /// Where the layout begins; before it nothing is known. `None`: always open.
    laid_from: Option<Timestamp>,
    /// Half-open spans `[open, close)`, sorted, disjoint, never touching.
    spans: Arc<[(Timestamp, Timestamp)]>,
}

/// How far back a layout reaches: the longest deadline (two weeks of closed works) and much more.
const LAID_BEFORE: TimeDelta = TimeDelta::days(60);
/// How far ahead: deadlines that lie further ahead are simply not reached.
const LAID_AFTER: TimeDelta = TimeDelta::days(21);
/// A layout is laid out anew when `now` has moved this far, well within its margins.
const LAID_FOR: TimeDelta = TimeDelta::days(1);

impl Calendar {
    /// The open spans around `now`.
    pub fn lay_out(&self, now: Timestamp) -> OpenHours {
        let Self::Weekly(weekly) = self else {
            return OpenHours::always();
        };
        let (laid_from, laid_to) = (now.minus(LAID_BEFORE), now.plus(LAID_AFTER));
        let first = weekly.local_date(laid_from);
        let last = weekly.local_date(laid_to);
        let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut day = first;
        while day <= last {
            if let Some((open, close)) = weekly.span(day) {
                let (open, close) = (open.max(laid_from), close.min(laid_to));
                match spans.last_mut() {
                    Some(previous) if previous.1 >= open => previous.1 = close,
                    _ if open < close => spans.push((open, close)),
                    _ => {}
                }
            }
            let Some(next) = day.checked_add_days(Days::new(1)) else {
                break;
            };
            day = next;
        }
        OpenHours { laid_from: Some(laid_from), spans: spans.into() }
    }
}

impl Weekly {
    fn local_date(&self, at: Timestamp) -> NaiveDate {
        at.datetime().with_timezone(&self.time_zone).date_naive()
    }

    fn span(&self, day: NaiveDate) -> Option<(Timestamp, Timestamp)> {
        if !self.days.contains(&day.weekday()) || self.holidays.contains(&day) {
            return None;
        }
        let open = self.instant(day, self.from_minute, Edge::Open)?;
        let close = self.instant(day, self.to_minute, Edge::Close)?;
        (open < close).then_some((open, close))
    }

    fn instant(&self, day: NaiveDate, minute: u16, edge: Edge) -> Option<Timestamp> {
        let midnight = day.and_time(NaiveTime::MIN);
        let local = midnight.checked_add_signed(TimeDelta::minutes(i64::from(minute)))?;
        Timestamp::from_datetime(resolve(self.time_zone, local, edge)?)
    }
}

/// The first instant of a local day; `None` outside the years that an instant covers.
pub fn start_of_day(zone: Tz, day: NaiveDate) -> Option<Timestamp> {
    Timestamp::from_datetime(resolve(zone, day.and_time(NaiveTime::MIN), Edge::Open)?)
}

#[derive(Clone, Copy)]
enum Edge {
    Open,
    Close,
}

/// The instant of a local time: of a doubled hour the one that keeps the span longest, of a skipped one the first after it.
fn resolve(zone: Tz, local: NaiveDateTime, edge: Edge) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Some(at.to_utc()),
        LocalResult::Ambiguous(early, late) => Some(match edge {
            Edge::Open => early.to_utc(),
            Edge::Close => late.to_utc(),
        }),
        // Clocks have never been moved forward by more than a day.
        LocalResult::None => (1..=24 * 4).find_map(|quarters| {
            let later = local.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
            zone.from_local_datetime(&later).earliest().map(|at| at.to_utc())
        }),
    }
}

impl OpenHours {
    fn always() -> Self {
        Self { laid_from: None, spans: Arc::new([(Timestamp::MIN, Timestamp::MAX)]) }
    }

    /// Whether a new layout is due at `now`.
    pub fn outdated(&self, now: Timestamp) -> bool {
        let laid_at = self.laid_from.map(|from| from.plus(LAID_BEFORE));
        laid_at.is_some_and(|laid_at| now.since(laid_at).abs() > LAID_FOR)
    }

    /// Whether the organisation works at `at`.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let begun = self.spans.partition_point(|span| span.0 <= at);
        let last_begun = begun.checked_sub(1).and_then(|index| self.spans.get(index));
        last_begun.is_some_and(|span| at < span.1)
    }

    /// How much of `(after, upto]` was open. Time before the layout counts as nothing.
    pub fn open_time(&self, after: Timestamp, upto: Timestamp) -> TimeDelta {
        let first = self.spans.partition_point(|span| span.1 <= after);
        let spans = self.spans.iter().skip(first).take_while(|span| span.0 < upto);
        spans.fold(TimeDelta::zero(), |sum, span| {
            sum + span.1.min(upto).since(span.0.max(after)).max(TimeDelta::zero())
        })
    }

    /// The first instant by which `amount` of open time has passed since `start`. [`Timestamp::MAX`] when that lies
    /// beyond the layout; `start` itself when `start` lies before it, because then it is long past.
    pub fn deadline(&self, start: Timestamp, amount: TimeDelta) -> Timestamp {
        if self.laid_from.is_some_and(|from| start < from) {
            return start;
        }
        let mut left = amount;
        let first = self.spans.partition_point(|span| span.1 <= start);
        for span in self.spans.iter().skip(first) {
            let open = span.0.max(start);
            let length = span.1.since(open);
            if length >= left {
                return open.plus(left);
            }
            left -= length;
        }
        Timestamp::MAX
    }

    /// The latest instant up to `now` by which business had lasted for `span`; a judgement that is bound to business
    /// hours may speak of what began before it. `None`: not within the layout.
    pub fn settled(&self, span: Settle, now: Timestamp) -> Option<Timestamp> {
        let begun = self.spans.partition_point(|open| open.0 <= now);
        self.spans.iter().take(begun).rev().find_map(|&(open, close)| {
            let end = close.min(now);
            let has_lasted = match span {
                Settle::QuarterHour => end.since(open) >= TimeDelta::minutes(15),
                Settle::Hour => end.since(open) >= TimeDelta::hours(1),
                // Within a span the open time of the last 24 h never falls, so its end is the latest instant to look at.
                Settle::SixOfDay => {
                    self.open_time(end.minus(TimeDelta::hours(24)), end) >= TimeDelta::hours(6)
                }
            };
            has_lasted.then_some(end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_datetime(DateTime::parse_from_rfc3339(text).unwrap().to_utc()).unwrap()
    }

    fn berlin() -> Weekly {
        Weekly {
            time_zone: Tz::Europe__Berlin,
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
            from_minute: 8 * 60,
            to_minute: 18 * 60,
            holidays: BTreeSet::from([NaiveDate::from_ymd_opt(2026, 12, 25).unwrap()]),
        }
    }

    #[test]
    fn hours_are_local_on_both_sides_of_the_change_to_winter_time() {
        let hours = Calendar::Weekly(berlin()).lay_out(at("2026-10-24T12:00:00Z"));
        assert!(hours.is_open(at("2026-10-23T06:00:00Z")), "08:00 CEST on Friday");
        assert!(!hours.is_open(at("2026-10-26T06:00:00Z")), "07:00 CET on Monday");
        assert!(hours.is_open(at("2026-10-26T07:00:00Z")), "08:00 CET on Monday");
        assert!(!hours.is_open(at("2026-10-26T17:00:00Z")), "closed at 18:00 sharp");
    }

    #[test]
    fn a_night_shift_over_the_skipped_hour_is_an_hour_shorter() {
        let night =
            Weekly { days: vec![Weekday::Sun], from_minute: 60, to_minute: 6 * 60, ..berlin() };
        let hours = Calendar::Weekly(night).lay_out(at("2026-03-29T12:00:00Z"));
        assert_eq!(
            hours.open_time(at("2026-03-28T23:00:00Z"), at("2026-03-29T12:00:00Z")),
            TimeDelta::hours(4)
        );
    }

    #[test]
    fn an_opening_time_in_the_skipped_hour_moves_to_its_end() {
        let night =
            Weekly { days: vec![Weekday::Sun], from_minute: 150, to_minute: 6 * 60, ..berlin() };
        let hours = Calendar::Weekly(night).lay_out(at("2026-03-29T12:00:00Z"));
        assert!(!hours.is_open(at("2026-03-29T00:59:59Z")));
        assert!(
            hours.is_open(at("2026-03-29T01:00:00Z")),
            "03:00 CEST is the first instant after 01:59:59 CET"
        );
    }

    #[test]
    fn holidays_and_weekends_are_closed() {
        let hours = Calendar::Weekly(berlin()).lay_out(at("2026-12-24T12:00:00Z"));
        assert_eq!(
            hours.open_time(at("2026-12-24T17:00:00Z"), at("2026-12-28T07:00:00Z")),
            TimeDelta::zero()
        );
    }

    #[test]
    fn a_deadline_counts_open_time_only() {
        let hours = Calendar::Weekly(berlin()).lay_out(at("2026-12-24T12:00:00Z"));
        // Thursday 16:00 CET: two hours left, then Christmas and the weekend; one more hour on Monday.
        assert_eq!(
            hours.deadline(at("2026-12-24T15:00:00Z"), TimeDelta::hours(3)),
            at("2026-12-28T08:00:00Z")
        );
        assert_eq!(
            hours.deadline(at("2026-12-24T15:00:00Z"), TimeDelta::hours(2)),
            at("2026-12-24T17:00:00Z")
        );
        assert_eq!(hours.deadline(at("2026-12-24T15:00:00Z"), TimeDelta::days(90)), Timestamp::MAX);
        assert_eq!(
            hours.deadline(at("2020-01-01T00:00:00Z"), TimeDelta::hours(2)),
            at("2020-01-01T00:00:00Z")
        );
    }

    #[test]
    fn nothing_is_settled_at_opening_time() {
        let hours = Calendar::Weekly(berlin()).lay_out(at("2026-11-23T12:00:00Z"));
        let friday_close = at("2026-11-20T17:00:00Z");
        let settled = |span, text| hours.settled(span, at(text)).unwrap();
        assert_eq!(settled(Settle::QuarterHour, "2026-11-23T07:14:59Z"), friday_close);
        assert_eq!(
            settled(Settle::QuarterHour, "2026-11-23T07:15:00Z"),
            at("2026-11-23T07:15:00Z")
        );
        assert_eq!(settled(Settle::Hour, "2026-11-23T07:59:59Z"), friday_close);
        assert_eq!(settled(Settle::Hour, "2026-11-23T08:00:00Z"), at("2026-11-23T08:00:00Z"));
        assert_eq!(settled(Settle::SixOfDay, "2026-11-23T12:59:59Z"), friday_close);
        assert_eq!(settled(Settle::SixOfDay, "2026-11-23T13:00:00Z"), at("2026-11-23T13:00:00Z"));
        assert_eq!(settled(Settle::QuarterHour, "2026-11-22T12:00:00Z"), friday_close, "a Sunday");
    }

    #[test]
    fn without_a_calendar_every_instant_is_settled() {
        let now = at("2026-11-22T03:00:00Z");
        assert_eq!(OpenHours::always().settled(Settle::SixOfDay, now), Some(now));
        assert!(!OpenHours::always().outdated(now));
    }

    #[test]
    fn days_that_touch_are_one_span_and_none_is_empty() {
        let days = [Weekday::Sat, Weekday::Sun].into_iter().chain(berlin().days).collect();
        let always = Weekly {
            days,
            from_minute: 0,
            to_minute: 24 * 60,
            holidays: BTreeSet::new(),
            ..berlin()
        };
        let after_midnight = at("2026-11-23T23:15:00Z");
        let hours = Calendar::Weekly(always).lay_out(after_midnight);
        assert_eq!(hours.settled(Settle::Hour, after_midnight), Some(after_midnight));
        assert_eq!(hours.spans.len(), 1);
        // Sixty days before, business closed at this minute, or had closed.
        for now in ["2026-09-01T16:00:00Z", "2026-09-01T19:00:00Z"] {
            let hours = Calendar::Weekly(berlin()).lay_out(at(now));
            assert!(hours.spans.iter().all(|(open, close)| open < close), "{now}");
        }
    }

    #[test]
    fn a_day_begins_with_its_first_instant() {
        let begins = |zone, year, month, day| {
            start_of_day(zone, NaiveDate::from_ymd_opt(year, month, day).unwrap())
        };
        assert_eq!(begins(Tz::Europe__Berlin, 2026, 3, 29), Some(at("2026-03-28T23:00:00Z")));
        // Clocks went forward at midnight, and over a whole day.
        assert_eq!(begins(Tz::America__Sao_Paulo, 2018, 11, 4), Some(at("2018-11-04T03:00:00Z")));
        assert_eq!(begins(Tz::Pacific__Apia, 2011, 12, 30), Some(at("2011-12-30T10:00:00Z")));
        let late =
            Weekly { days: vec![Weekday::Sun], from_minute: 165, to_minute: 6 * 60, ..berlin() };
        let hours = Calendar::Weekly(late).lay_out(at("2026-03-29T12:00:00Z"));
        assert!(hours.is_open(at("2026-03-29T01:00:00Z")), "02:45 was skipped");
    }

    #[test]
    fn a_layout_is_good_for_a_day_on_both_sides_and_from_its_first_instant() {
        let now = at("2026-12-24T12:00:00Z");
        let hours = Calendar::Weekly(berlin()).lay_out(now);
        let (day, second) = (TimeDelta::days(1), TimeDelta::seconds(1));
        for fresh in [now, now.plus(day), now.minus(day)] {
            assert!(!hours.outdated(fresh), "{fresh}");
        }
        for old in [now.plus(day).plus(second), now.minus(day).minus(second)] {
            assert!(hours.outdated(old), "{old}");
        }
        let first = now.minus(LAID_BEFORE);
        assert_eq!(hours.deadline(first, TimeDelta::hours(2)), at("2026-10-26T09:00:00Z"));
    }
}
