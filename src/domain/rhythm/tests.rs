use super::*;
use crate::activity::{ActivityKind, RecordKey};
use crate::calendar::{Calendar, Weekly};
use crate::windows::LaneTally;
use ObjectType::{Contacts, Events};
use chrono::{NaiveDate, Weekday};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// 2026-11-24T12:00:00Z, a Tuesday.
const HEAD: i64 = 1_795_521_600 / 3600;
const TICK: TimeDelta = TimeDelta::nanoseconds(1);

fn hours_before(hours: i64) -> Timestamp {
    Timestamp::of_hour(HEAD - hours)
}

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

/// Open from eight to six on working days.
fn office(zone: Tz, head: i64, from_minute: u16, holidays: &[NaiveDate]) -> OpenHours {
    let days = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    let holidays = holidays.iter().copied().collect::<BTreeSet<_>>();
    let weekly = Weekly { time_zone: zone, days, from_minute, to_minute: 18 * 60, holidays };
    Calendar::Weekly(weekly).lay_out(Timestamp::of_hour(head))
}

fn always() -> OpenHours {
    Calendar::Always.lay_out(hours_before(0))
}

/// What is usual of contacts, by the counts of hours before noon: the last one is number 1.
fn usual(open: &OpenHours, count: impl Fn(i64) -> u64) -> Usual {
    Usual::of(
        HEAD,
        Tz::UTC,
        open,
        |object, hour| {
            if object == Contacts { count(HEAD - hour) } else { 0 }
        },
    )
}

#[test]
fn whole_hours_between_the_last_record_and_now_are_counted() {
    let usual = usual(&always(), |_| 10);
    let missing = |last: Timestamp, upto: Timestamp| usual.is_missing(Contacts, last, upto);
    let (last, now) = (hours_before(2).minus(TICK), hours_before(0));
    assert!(missing(last, now) && usual.head() == HEAD);
    assert!(!usual.is_missing(Events, last, now), "none are usual");
    assert!(!missing(last, now.minus(TICK)), "the hour is not over");
    assert!(!missing(hours_before(2), now), "that hour has one");
    assert!(missing(hours_before(WEEK + 9), hours_before(WEEK - 2)), "the first two of the week");
    assert!(!missing(hours_before(WEEK + 9), hours_before(WEEK - 1)), "the first alone");
    assert!(!missing(now, now) && !missing(now, last));
    let (last, upto) = (hours_before(WEEK + 9), hours_before(WEEK - 1));
    assert!(!self::usual(&always(), |_| 19).is_missing(Contacts, last, upto));
}

/// Whether a silence in the last hour alone is unusual, by the counts in that hour of the weeks before.
fn of_weeks(open: &OpenHours, weeks: [u64; 6]) -> bool {
    let count = |back: i64| {
        let week = usize::try_from((back - 1) / WEEK).unwrap();
        if week > 0 && (back - 1) % WEEK == 0 { weeks[week - 1] } else { 1 }
    };
    usual(open, count).is_missing(Contacts, hours_before(1).minus(TICK), hours_before(0))
}

#[test]
fn the_least_of_the_last_four_weeks_counts() {
    assert!(of_weeks(&always(), [50, 40, 30, 20, 0, 0]));
    assert!(of_weeks(&always(), [20, 30, 40, 50, 0, 0]));
    assert!(!of_weeks(&always(), [50, 40, 30, 19, 90, 90]));
    assert!(!of_weeks(&always(), [19, 40, 30, 50, 90, 90]));
}

#[test]
fn a_week_with_a_holiday_is_not_compared_and_a_holiday_has_nothing_missing() {
    let open = |holidays: &[NaiveDate]| office(Tz::UTC, HEAD, 480, holidays);
    let two = [day(11, 17), day(11, 3)];
    assert!(of_weeks(&open(&two), [0, 40, 0, 20, 30, 20]));
    assert!(!of_weeks(&open(&two), [0, 40, 0, 20, 30, 19]), "the sixth counts");
    let three = [day(11, 17), day(11, 3), day(10, 20)];
    assert!(!of_weeks(&open(&three), [0, 40, 0, 30, 0, 40]), "three weeks are not four");
    assert!(of_weeks(&open(&[]), [30; 6]));
    assert!(!of_weeks(&open(&[day(11, 24)]), [30; 6]), "today");
    // The hour from eleven is open when any part of it is.
    assert!(of_weeks(&office(Tz::UTC, HEAD, 719, &[]), [30; 6]));
    assert!(!of_weeks(&office(Tz::UTC, HEAD, 720, &[]), [30; 6]));
}

#[test]
fn weeks_are_those_of_the_clocks_on_the_wall() {
    // Clocks went back on 2026-10-25: eight o'clock is at 7:00 UTC before, and at 8:00 UTC after.
    let zone = Tz::Europe__London;
    let monday = 1_792_972_800 / 3600;
    let open = office(zone, monday, 480, &[]);
    let missing = |hour: i64, count: fn(i64, i64) -> bool| {
        let count = |_, at: i64| {
            let shift = if at < monday - 24 { 1 } else { 0 };
            if count(at.rem_euclid(24), shift) { 30 } else { 0 }
        };
        let last = Timestamp::of_hour(monday + hour).minus(TICK);
        let upto = Timestamp::of_hour(monday + hour + 1);
        Usual::of(monday + 19, zone, &open, count).is_missing(Contacts, last, upto)
    };
    let office_hours = |utc: i64, shift: i64| (8..18).contains(&(utc + shift));
    assert!(!missing(7, office_hours) && missing(8, office_hours) && missing(16, office_hours));
    assert!(!missing(17, office_hours), "by UTC that hour was closed");
    assert!(!missing(9, |utc, shift| utc + shift == 9), "by UTC that hour had none");
    assert!(!missing(9, |utc, _| utc == 9), "a job by UTC");
    assert!(missing(9, |utc, shift| utc + shift == 9 || utc == 9));
}

#[test]
fn an_hour_that_the_clocks_show_twice_is_one() {
    // 2026-10-25, from 2:00 to 3:00 in Berlin: 0:00 and 1:00 UTC.
    let sunday = 1_792_886_400 / 3600;
    let usual = |count: u64| {
        let count =
            move |_, hour: i64| if (sunday..=sunday + 1).contains(&hour) { 0 } else { count };
        Usual::of(sunday + 2, Tz::Europe__Berlin, &always(), count)
    };
    let last = Timestamp::of_hour(sunday).minus(TICK);
    assert!(usual(10).is_missing(Contacts, last, Timestamp::of_hour(sunday + 2)));
    assert!(!usual(9).is_missing(Contacts, last, Timestamp::of_hour(sunday + 2)));
}

/// Whether so many silent hours before noon are unusual, with thirty records in an hour and these silences before.
fn after_silences(silent: i64, before: &[(i64, i64)]) -> bool {
    let count = |back: i64| {
        let was = before.iter().any(|(from, hours)| (*from..from + hours).contains(&back));
        if was || back <= silent { 0 } else { 30 }
    };
    let last = hours_before(silent).minus(TICK);
    usual(&always(), count).is_missing(Contacts, last, hours_before(0))
}

#[test]
fn where_silences_are_common_more_has_to_be_missing() {
    let long = (WEEK + 50, 9);
    assert!(after_silences(1, &[]));
    assert!(after_silences(1, &[long]), "one may have been a stop");
    let short = (2 * WEEK + 90, 2);
    assert!(!after_silences(5, &[long, short]) && after_silences(6, &[long, short]));
    let other = [(WEEK + 50, 2), (2 * WEEK + 90, 9)];
    assert!(!after_silences(5, &other) && after_silences(6, &other), "in any order");
    let third = (3 * WEEK + 20, 1);
    assert!(!after_silences(5, &[third, long, short]) && after_silences(6, &[third, long, short]));
    assert!(!after_silences(5, &[(WEEK + 50, 2), (2 * WEEK + 90, 2)]), "equally long");
}

#[test]
fn where_silences_are_very_common_there_is_no_rhythm() {
    let silences = |count: i64| -> Vec<(i64, i64)> {
        (0..count).map(|number| (2 * WEEK + 22 + 3 * number, 1)).collect()
    };
    // Of 888 usual hours 44 were silent, beside one that may have been a stop; of 882, 45.
    assert!(after_silences(3, &silences(45)));
    assert!(!after_silences(3, &silences(46)) && !after_silences(19, &silences(46)));
    // 42 of 840.
    assert!(after_silences(13, &silences(43)));
    let one_an_hour = |count: i64| {
        let silences = silences(count);
        let count = |back: i64| u64::from(!silences.contains(&(back, 1)));
        usual(&always(), count).is_missing(Contacts, hours_before(20).minus(TICK), hours_before(0))
    };
    assert!(one_an_hour(40) && !one_an_hour(47));
}

#[test]
fn silences_of_the_first_weeks_are_judged_by_three_others_and_not_by_two() {
    // Nothing before the last five weeks, or four: an hour of the past has four others beside it, or three.
    let begins = |weeks: i64, silences: &'static [(i64, i64)]| {
        let open = OpenHoursSince::open(weeks);
        let count = move |back: i64| {
            let was = silences.iter().any(|(from, hours)| (*from..from + hours).contains(&back));
            if was || back == 1 { 0 } else { 30 }
        };
        usual(&open, count).is_missing(Contacts, hours_before(1).minus(TICK), hours_before(0))
    };
    let silences: &[(i64, i64)] = &[(WEEK + 4, 1), (2 * WEEK + 3, 1)];
    assert!(!begins(5, silences));
    assert!(begins(5, &[]));
}

/// Open hours that begin some weeks before noon: from eight to six, with holidays before.
struct OpenHoursSince;

impl OpenHoursSince {
    fn open(weeks: i64) -> OpenHours {
        let first = hours_before(weeks * WEEK).datetime().date_naive();
        let before = (1..40).map(|days| first - TimeDelta::days(days)).collect::<Vec<_>>();
        office(Tz::UTC, HEAD, 480, &before)
    }
}

/// Records by hour, and whether they can be read.
#[derive(Default)]
struct HourLedger {
    hours: RefCell<Vec<LaneTally>>,
    read: RefCell<Vec<i64>>,
    fails: Cell<bool>,
}

impl HourLedger {
    fn put(&self, hour: i64, org: u32, outcome: Outcome, count: u64) {
        let kind = ActivityKind { object_type: Contacts, direction: None, outcome };
        let newest = Timestamp::of_hour(hour);
        let org = OrgId(org);
        self.hours.borrow_mut().push(LaneTally { org, kind, count, newest });
    }
}

impl Ledger for HourLedger {
    type Error = ();

    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, ()> {
        if self.fails.get() {
            return Err(());
        }
        assert_eq!(
            after.plus(TICK),
            Timestamp::of_hour(upto.hour()),
            "whole hours, which are read at once"
        );
        assert_eq!(upto.since(after), TimeDelta::hours(1));
        self.read.borrow_mut().push(upto.hour());
        let within = |tally: &&LaneTally| after < tally.newest && tally.newest <= upto;
        Ok(self.hours.borrow().iter().filter(within).copied().collect())
    }

    fn newest(&self, _: Timestamp) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, ()> {
        Ok(Vec::new())
    }
}

/// Reads all there is at a time.
fn read_all(rhythms: &mut Rhythms, now: Timestamp, totals: &HourLedger) {
    for _ in 0..HOURS / HOURS_A_CALL {
        rhythms.advance(now, totals).unwrap();
    }
}

fn held(rhythms: &Rhythms, org: u32, hour: i64) -> u16 {
    let counts = rhythms.orgs.get(&OrgId(org));
    counts.map_or(0, |counts| counts[Contacts][place(hour)])
}

fn record(at: Timestamp, outcome: Outcome) -> ActivityRecord {
    let kind = ActivityKind { object_type: Contacts, direction: None, outcome };
    ActivityRecord { at, kind, key: RecordKey([0; 16]) }
}

#[test]
fn hours_are_read_some_at_a_time_each_once_and_then_as_they_end() {
    let (totals, mut rhythms) = (HourLedger::default(), Rhythms::default());
    totals.put(HEAD - 1, 1, Outcome::Synced, 7);
    totals.put(HEAD - 1, 1, Outcome::Failed, 9);
    totals.put(HEAD - HOURS, 2, Outcome::Synced, 70_000);
    for call in 1..HOURS / HOURS_A_CALL {
        rhythms.advance(hours_before(0), &totals).unwrap();
        assert_eq!(totals.read.borrow().len() as i64, call * HOURS_A_CALL);
        assert_eq!((rhythms.head(), rhythms.usual(OrgId(1), Tz::UTC, &always())), (None, None));
    }
    rhythms.advance(hours_before(0), &totals).unwrap();
    assert_eq!(rhythms.head(), Some(HEAD));
    assert_eq!(held(&rhythms, 1, HEAD - 1), 7);
    assert_eq!(held(&rhythms, 2, HEAD - HOURS), u16::MAX);
    let read: BTreeSet<i64> = totals.read.borrow().iter().copied().collect();
    assert_eq!(read.len() as i64, HOURS);
    assert_eq!((read.first(), read.last()), (Some(&(HEAD - HOURS)), Some(&(HEAD - 1))));
    rhythms.advance(hours_before(-1).minus(TICK), &totals).unwrap();
    assert_eq!(totals.read.borrow().len() as i64, HOURS, "no hour has ended");
    rhythms.advance(hours_before(-1), &totals).unwrap();
    assert_eq!(totals.read.borrow()[usize::try_from(HOURS).unwrap()..], [HEAD]);
    assert_eq!(rhythms.head(), Some(HEAD + 1));
    assert_eq!(held(&rhythms, 2, HEAD), 0, "what is seven weeks old is gone");
}

#[test]
fn records_are_counted_in_hours_that_were_read() {
    let (totals, mut rhythms) = (HourLedger::default(), Rhythms::default());
    rhythms.insert(OrgId(1), &record(hours_before(1), Outcome::Synced));
    read_all(&mut rhythms, hours_before(0), &totals);
    let (first, last) = (hours_before(1), hours_before(0).minus(TICK));
    for at in [first, first, last, hours_before(0), hours_before(HOURS)] {
        rhythms.insert(OrgId(1), &record(at, Outcome::Synced));
    }
    rhythms.insert(OrgId(1), &record(hours_before(1), Outcome::Failed));
    rhythms.insert(OrgId(1), &record(hours_before(HOURS + 1), Outcome::Synced));
    assert_eq!(held(&rhythms, 1, HEAD - 1), 3);
    assert_eq!(held(&rhythms, 1, HEAD), 1, "the first of seven weeks");
}

#[test]
fn an_error_is_tried_again_and_a_clock_that_stepped_begins_anew() {
    let (totals, mut rhythms) = (HourLedger::default(), Rhythms::default());
    read_all(&mut rhythms, hours_before(0), &totals);
    totals.put(HEAD, 1, Outcome::Synced, 5);
    totals.fails.set(true);
    assert!(rhythms.advance(hours_before(-1), &totals).is_err());
    totals.fails.set(false);
    rhythms.advance(hours_before(-1), &totals).unwrap();
    assert_eq!((rhythms.head(), held(&rhythms, 1, HEAD)), (Some(HEAD + 1), 5));
    // A week is caught up with; after more, and backwards, everything is read again.
    for _ in 0..WEEK / HOURS_A_CALL {
        rhythms.advance(hours_before(-1 - WEEK), &totals).unwrap();
    }
    assert_eq!(rhythms.head(), Some(HEAD + 1 + WEEK));
    let later = hours_before(-2 - 2 * WEEK);
    rhythms.advance(later, &totals).unwrap();
    assert_eq!((rhythms.head(), held(&rhythms, 1, HEAD)), (None, 0));
    read_all(&mut rhythms, later, &totals);
    assert_eq!(held(&rhythms, 1, HEAD), 5);
    rhythms.advance(later.minus(TimeDelta::hours(1)), &totals).unwrap();
    assert_eq!(rhythms.head(), None);
}

#[test]
fn rhythms_answer_by_organisation() {
    let (totals, mut rhythms) = (HourLedger::default(), Rhythms::default());
    for week in 1..=4 {
        totals.put(HEAD - 1 - week * WEEK, 1, Outcome::Synced, 20);
    }
    read_all(&mut rhythms, hours_before(0), &totals);
    let missing = |org: u32| {
        let usual = rhythms.usual(OrgId(org), Tz::UTC, &always()).unwrap();
        usual.is_missing(Contacts, hours_before(1).minus(TICK), hours_before(0))
    };
    assert!(missing(1) && !missing(2));
    let nothing = rhythms.usual(OrgId(2), Tz::UTC, &always()).unwrap();
    assert!(!nothing.is_missing(Contacts, hours_before(WEEK), hours_before(0)));
}

#[test]
fn a_feed_is_as_late_as_today_and_as_on_all_days_before_but_one() {
    let mut delay = FeedDelay::default();
    assert_eq!(delay.usual(), None);
    let at = |days: i64| hours_before(-24 * days);
    let mut take = |days: i64, late: TimeDelta| {
        delay.take(at(days), at(days).plus(late));
        assert_eq!(FeedDelay::of_bytes(&delay.bytes()), delay);
        delay.usual().unwrap().num_minutes()
    };
    assert_eq!(take(0, TimeDelta::seconds(59)), 1);
    assert_eq!(take(0, TimeDelta::minutes(1)), 2);
    assert_eq!(take(0, TimeDelta::minutes(-5)), 2);
    assert_eq!(take(0, TimeDelta::minutes(89)), 90);
    assert_eq!(take(1, TimeDelta::minutes(9)), 90, "the one day before");
    assert_eq!(take(2, TimeDelta::minutes(4)), 10, "of two the lesser");
    assert_eq!(take(2, TimeDelta::minutes(199)), 200, "today");
    assert_eq!(take(2, TimeDelta::minutes(4)), 200);
    assert_eq!(take(1, TimeDelta::minutes(4)), 200, "a clock that went back");
    for day in 3..=7 {
        assert_eq!(take(day, TimeDelta::minutes(4)), 90, "{day}");
    }
    assert_eq!(take(8, TimeDelta::minutes(4)), 10, "the first day is forgotten");
    assert_eq!(take(9, TimeDelta::days(99)), 65_535);
}

#[test]
fn a_delay_that_was_not_stored_by_us_is_not_known() {
    let bytes = FeedDelay::default().bytes();
    for bytes in [&[][..], &bytes[1..], &[1; 25], &[1; 26]] {
        assert_eq!(FeedDelay::of_bytes(bytes), FeedDelay::default());
    }
}
