//! What the early warning is worth: random rhythms in which all is well for a quarter and then stops, and lives that have a
//! past.

use crate::alarms::{let_through, spans};
use crate::player::{Exporter, STEP};
use crate::scores::{Score, score};
use chrono::{Datelike, Days, NaiveDate, TimeDelta, Timelike, Weekday};
use chrono_tz::Tz;
use lightning_sync_exporter::domain::calendar::{Calendar, OpenHours, Weekly};
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::rhythm::{FeedDelay, Usual};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_sim::scenarios::{Scenario, named};
use std::collections::BTreeSet;

const WEEK: i64 = 168;
/// How many weeks the history has before anything is judged, and how many are judged: a quarter.
const HISTORY: i64 = 5;
const QUARTER: i64 = 13;
/// How many records of one object type a busy organisation has in a business hour, on average.
const BUSY: f64 = 60.0;

/// What the early warning made of an organisation.
#[derive(Debug, Clone, Default)]
pub struct QuietScore {
    /// Organisations.
    pub orgs: usize,
    /// Silences that it was wrong about.
    pub false_notices: usize,
    /// The most of them in one organisation.
    pub most: usize,
    /// How many business hours after each stop it was found, in minutes; `None`: not before the limit of 24 hours.
    pub delays: Vec<Option<i64>>,
}

impl QuietScore {
    fn add(&mut self, other: &Self) {
        self.orgs += other.orgs;
        self.false_notices += other.false_notices;
        self.most = self.most.max(other.most);
        self.delays.extend(&other.delays);
    }
}

/// A generator of random numbers (`SplitMix64`): the same rhythm of the same number, for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Above 0, below 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn of<T: Copy>(&mut self, all: &[T], otherwise: T) -> T {
        let index = self.below(all.len() as u64);
        usize::try_from(index).ok().and_then(|index| all.get(index)).copied().unwrap_or(otherwise)
    }

    fn normal(&mut self) -> f64 {
        let (one, other) = (self.unit(), self.unit());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    /// How many of what happens `mean` times on average.
    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 40.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A factor of mean 1 that varies the more the lower `shape` is (Marsaglia and Tsang's gamma).
    fn burst(&mut self, shape: f64) -> f64 {
        let boosted = shape + 1.0;
        let d = boosted - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = self.unit();
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v * self.unit().powf(1.0 / shape) / shape;
            }
        }
    }
}

/// How records are spread within what is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Noise {
    /// Each by itself.
    Even,
    /// Days and hours vary.
    Varied,
    /// Hours vary so much that many have none.
    Bursts(f64),
    /// A job brings all of some hours at once, this much early or late.
    Jobs { hours: i64, shifts: f64 },
    /// Few, and now and then very many.
    Imports,
}

/// How records come to us.
#[derive(Debug, Clone, Copy)]
enum Feed {
    /// So much later.
    Late(TimeDelta),
    /// Up to so much later, each otherwise.
    Jitter(i64),
    /// All at the next multiple.
    Every(TimeDelta),
}

impl Feed {
    fn arrival(self, at: Timestamp, dice: &mut Dice) -> Timestamp {
        match self {
            Self::Late(by) => at.plus(by),
            Self::Jitter(minutes) => {
                at.plus(TimeDelta::seconds((dice.between(0.0, 60.0) * minutes as f64) as i64))
            }
            Self::Every(every) => {
                let every = every.num_nanoseconds().unwrap_or(1);
                let number = at.nanos().div_euclid(every).saturating_add(1);
                Timestamp::from_nanos(number.saturating_mul(every))
            }
        }
    }
}

/// An organisation in which all is well.
struct Healthy {
    zone: Tz,
    calendar: Calendar,
    /// The first hour.
    first: i64,
    /// Records of an object type in a business hour.
    rate: f64,
    night: f64,
    weekend: f64,
    lunch: f64,
    /// By which the rate grows in a week.
    growth: f64,
    noise: Noise,
    feed: Feed,
    days: Vec<Weekday>,
    opens: u32,
    closes: u32,
    holidays: BTreeSet<NaiveDate>,
}

const ZONES: [Tz; 9] = [
    Tz::Europe__Berlin,
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::America__Los_Angeles,
    Tz::America__Sao_Paulo,
    Tz::Asia__Kolkata,
    Tz::Asia__Tokyo,
    Tz::Australia__Sydney,
    Tz::Australia__Lord_Howe,
];

impl Healthy {
    fn new(dice: &mut Dice) -> Self {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        let zone = dice.of(&ZONES, Tz::UTC);
        // 2026-01-05T00:00:00Z, a Monday.
        let first = 1_767_571_200 / 3600 + dice.below(365) as i64 * 24;
        let days = match dice.below(6) {
            0 => vec![Mon, Tue, Wed, Thu, Fri, Sat],
            1 => vec![Sun, Mon, Tue, Wed, Thu],
            _ => vec![Mon, Tue, Wed, Thu, Fri],
        };
        let (opens, closes) = (7 + dice.below(4) as u32, 16 + dice.below(5) as u32);
        let begins = Timestamp::of_hour(first).datetime().date_naive();
        let span = (HISTORY + QUARTER) as u64 * 7;
        let mut holidays: BTreeSet<NaiveDate> = (0..dice.below(7))
            .filter_map(|_| begins.checked_add_days(Days::new(dice.below(span))))
            .collect();
        if dice.below(4) == 0 {
            let closed = begins.checked_add_days(Days::new(dice.below(span)));
            holidays.extend(closed.into_iter().flat_map(|day| day.iter_days().take(12)));
        }
        let calendar = if dice.below(8) == 0 {
            holidays.clear();
            Calendar::Always
        } else {
            Calendar::Weekly(Weekly {
                time_zone: zone,
                days: days.clone(),
                from_minute: (opens * 60 + dice.of(&[0, 0, 30], 0)) as u16,
                to_minute: (closes * 60) as u16,
                holidays: holidays.clone(),
            })
        };
        let noise = match dice.below(8) {
            0..=2 => Noise::Even,
            3 | 4 => Noise::Varied,
            5 => Noise::Bursts(dice.between(0.15, 2.0)),
            6 => Noise::Jobs { hours: 1 + dice.below(6) as i64, shifts: dice.between(0.0, 20.0) },
            _ => Noise::Imports,
        };
        let least = dice.of(&[0.5, BUSY], BUSY);
        let rate = dice.between(least.ln(), 300_f64.ln()).exp();
        let feed = match dice.below(8) {
            0 => Feed::Late(TimeDelta::minutes(90)),
            1 => Feed::Jitter(90),
            2 => Feed::Every(TimeDelta::minutes(60)),
            3 => Feed::Every(TimeDelta::hours(4)),
            _ => Feed::Late(TimeDelta::seconds(20)),
        };
        Self {
            zone,
            calendar,
            first,
            rate,
            night: dice.of(&[0.0, 0.01, 0.2], 0.0),
            weekend: dice.of(&[0.0, 0.02, 0.2], 0.0),
            lunch: dice.between(0.1, 1.0),
            growth: dice.between(-0.03, 0.05),
            noise,
            feed,
            days,
            opens,
            closes,
            holidays,
        }
    }

    /// Whether a stop in it is to be found within two hours.
    fn is_busy(&self) -> bool {
        let regular = matches!(self.noise, Noise::Even | Noise::Varied);
        let late = match self.feed {
            Feed::Late(by) => by,
            Feed::Jitter(minutes) => TimeDelta::minutes(minutes),
            Feed::Every(every) => every,
        };
        let grown = self.rate * (1.0 + self.growth).powi((HISTORY + QUARTER) as i32);
        let rate = self.rate.min(grown);
        regular && rate >= BUSY && self.lunch > 0.5 && late < TimeDelta::minutes(5)
    }

    /// How many records are usual in an hour.
    fn mean(&self, hour: i64) -> f64 {
        let at = Timestamp::of_hour(hour).datetime();
        let local = at.with_timezone(&self.zone);
        let day = local.date_naive();
        let week = (hour - self.first) as f64 / WEEK as f64;
        let mut mean = self.rate * (1.0 + self.growth).powf(week);
        if self.holidays.contains(&day) {
            return 0.0;
        }
        if !self.days.contains(&day.weekday()) {
            mean *= self.weekend;
        }
        match local.hour() {
            hour if hour < self.opens || hour >= self.closes => mean * self.night,
            12 => mean * self.lunch,
            _ => mean,
        }
    }

    /// The hours of one object type.
    fn live(&self, dice: &mut Dice) -> Lived {
        let hours = (HISTORY + QUARTER + 2) * WEEK;
        let (mut day, mut waiting) = (1.0, 0.0);
        let mut lived = Lived { first: self.first, counts: Vec::new(), ends: Vec::new() };
        for hour in self.first..self.first + hours {
            if (hour - self.first) % 24 == 0 {
                day = (0.25 * dice.normal()).exp();
            }
            let mean = self.mean(hour);
            let count = match self.noise {
                Noise::Even => dice.poisson(mean),
                Noise::Varied => {
                    let varied = mean * day * dice.burst(6.0);
                    dice.poisson(varied)
                }
                Noise::Bursts(shape) => {
                    let varied = mean * dice.burst(shape);
                    dice.poisson(varied)
                }
                Noise::Jobs { hours, .. } => {
                    waiting += mean;
                    if hour % hours == 0 { dice.poisson(std::mem::take(&mut waiting)) } else { 0 }
                }
                Noise::Imports => {
                    let import = if mean > 0.0 && dice.below(40) == 0 { 500.0 } else { 0.0 };
                    dice.poisson(mean / 20.0 + import)
                }
            };
            lived.counts.push(count);
            if count == 0 {
                continue;
            }
            let (earliest, latest) = if let Noise::Jobs { shifts, .. } = self.noise {
                let minute = 30.0 + shifts * dice.between(-1.0, 1.0);
                (minute / 60.0, minute / 60.0 + 0.02)
            } else {
                // The least and the greatest of so many.
                let earliest = 1.0 - dice.unit().powf(1.0 / count as f64);
                let rest = dice.unit().powf(1.0 / (count as f64 - 1.0).max(1.0));
                (earliest, if count == 1 { earliest } else { earliest + (1.0 - earliest) * rest })
            };
            for part in [earliest, latest] {
                let within = TimeDelta::milliseconds((part * 3_599_000.0) as i64);
                let at = Timestamp::of_hour(hour).plus(within);
                lived.ends.push((at, self.feed.arrival(at, dice)));
            }
        }
        lived
    }
}

/// What one object type of an organisation had.
struct Lived {
    first: i64,
    counts: Vec<u64>,
    /// The first and the last record of each hour, and when we got them.
    ends: Vec<(Timestamp, Timestamp)>,
}

impl Lived {
    fn count(&self, hour: i64) -> u64 {
        let index = usize::try_from(hour - self.first).ok();
        index.and_then(|index| self.counts.get(index)).copied().unwrap_or(0)
    }

    /// Whether any week before may make a silence unusual: what is certainly not is not looked at.
    fn may_be_missing(&self, last: Timestamp, upto: Timestamp) -> bool {
        let most = |hour: i64| {
            let weeks =
                (1..=6).flat_map(|week| (-1..=1).map(move |shift| hour - week * WEEK + shift));
            weeks.map(|hour| self.count(hour)).max().unwrap_or(0)
        };
        upto.hour() > last.hour() + 1 && (last.hour() + 1..upto.hour()).map(most).sum::<u64>() >= 20
    }

    /// What is usual at `now`, when nothing came after `last`.
    fn usual(&self, healthy: &Healthy, open: &OpenHours, last: Timestamp, now: Timestamp) -> Usual {
        Usual::of(now.hour(), healthy.zone, open, |_, hour| {
            if hour > last.hour() { 0 } else { self.count(hour) }
        })
    }
}

/// Lays business hours out anew as often as the daemon does.
struct Open<'a>(&'a Calendar, OpenHours);

impl Open<'_> {
    fn at(&mut self, now: Timestamp) -> &OpenHours {
        if self.1.outdated(now) {
            self.1 = self.0.lay_out(now);
        }
        &self.1
    }
}

/// Plays an organisation: a quarter in which all is well, then a stop in business hours.
fn play(number: u64, every_stop: bool) -> (Healthy, QuietScore) {
    let mut dice = Dice(number);
    let healthy = Healthy::new(&mut dice);
    let mut score = QuietScore { orgs: 1, ..QuietScore::default() };
    let begins = Timestamp::of_hour(healthy.first + HISTORY * WEEK);
    let ends = begins.plus(TimeDelta::days(7 * QUARTER));
    let mut open = Open(&healthy.calendar, healthy.calendar.lay_out(begins));
    let stop = (0..500).map(|_| ends.plus(TimeDelta::minutes(dice.below(7 * 24 * 60) as i64)));
    let stop = stop.collect::<Vec<_>>().into_iter().find(|at| {
        let usual = healthy.mean(at.hour()) > 0.8 * healthy.rate * healthy.lunch * 0.5;
        let hours = open.at(*at);
        usual && hours.is_open(*at)
    });
    let mut found: Option<Timestamp> = None;
    for _ in ObjectType::ALL {
        let lived = healthy.live(&mut dice);
        let mut delay = FeedDelay::default();
        let mut stopped = (Timestamp::MIN, FeedDelay::default());
        for pair in lived.ends.windows(2) {
            let [(last, received_at), (next, arrives)] = pair else { continue };
            delay.take(*last, *received_at);
            if stop.is_some_and(|stop| *last <= stop) {
                stopped = (*last, delay);
            }
            let now = arrives.minus(TimeDelta::nanoseconds(1));
            if *next < begins || now > ends || !lived.may_be_missing(*last, *next) {
                continue;
            }
            let usual = lived.usual(&healthy, open.at(now), *last, now);
            let upto = now.minus(delay.usual().unwrap_or_default());
            score.false_notices += usize::from(usual.is_missing(ObjectType::Contacts, *last, upto));
        }
        let (Some(stop), (last, delay)) = (stop, stopped) else { continue };
        if !(healthy.is_busy() || every_stop) {
            continue;
        }
        let late = delay.usual().unwrap_or_default();
        let hours = stop.hour() + 1..stop.hour() + 24 * 7;
        let found_at = hours.map(Timestamp::of_hour).find_map(|hour| {
            let now = hour.plus(late);
            let hours = open.at(now);
            let within = hours.open_time(stop, now) < TimeDelta::hours(24);
            let open = hours.is_open(hour.minus(TimeDelta::nanoseconds(1))) && within;
            let usual = || lived.usual(&healthy, hours, last, now);
            (open && usual().is_missing(ObjectType::Contacts, last, hour)).then_some(now)
        });
        found = found.into_iter().chain(found_at).min();
    }
    score.most = score.false_notices;
    if let Some(stop) = stop.filter(|_| healthy.is_busy() || every_stop) {
        let after = |now: Timestamp| open.at(now).open_time(stop, now).num_minutes();
        score.delays.push(found.map(after));
    }
    (healthy, score)
}

/// Plays so many random organisations: the busy ones, and the others. Stops in the others take a while to play.
pub fn random(orgs: u64, every_stop: bool) -> (QuietScore, QuietScore) {
    let (mut busy, mut others) = (QuietScore::default(), QuietScore::default());
    for number in 0..orgs {
        let (healthy, score) = play(number.wrapping_mul(0x2545_f491_4f6c_dd1d), every_stop);
        if healthy.is_busy() { busy.add(&score) } else { others.add(&score) }
    }
    (busy, others)
}

/// How many random organisations are played.
pub const ORGS: u64 = 200;

/// Lives that are played with a past as well: what stops, and what only looks like it.
const WITH_PAST: [&str; 13] = [
    "healthy",
    "weekend",
    "holiday",
    "holiday_unlisted",
    "clocks_go_back",
    "declines_to_two_a_day",
    "service_account_broken",
    "everything_stops",
    "events_stop",
    "stops_before_a_weekend",
    "stops_twice",
    "three_syncs_a_day_stop",
    "feed_late_and_stopped",
];

/// Lives that have had five weeks in which all was well, with the early warning on: what it makes of them, and what is sent
/// of them altogether.
///
/// # Errors
/// When the engine refuses a part of a life.
pub fn of_lives(lives: &[Scenario]) -> anyhow::Result<(QuietScore, Score)> {
    let (mut quiet, mut sum) = (QuietScore::default(), Score::default());
    for life in lives {
        if let Some(with_past) = life.with_past(TimeDelta::days(7 * HISTORY)) {
            let (one, all) = of_life(&with_past, life.starts)?;
            quiet.add(&one);
            sum.add(&all);
        }
    }
    Ok((quiet, sum))
}

fn of_life(life: &Scenario, begins: Timestamp) -> anyhow::Result<(QuietScore, Score)> {
    let mut exporter = Exporter::start(life, life.name.to_owned())?;
    let (mut since, mut now) = (life.starts.minus(STEP), life.starts);
    let mut sent = Vec::new();
    while now <= life.ends {
        let firing = exporter.live(life, since, now)?;
        let past = now < begins;
        if !past {
            sent.push(let_through(&firing));
        }
        (since, now) = (now, now.plus(if past { TimeDelta::hours(1) } else { STEP }));
    }
    let alarms = spans(begins, STEP, sent.into_iter());
    let all = score(life, &alarms, STEP, true);
    let quiet = |note: &&String| note.contains("UnusuallyQuiet");
    let mut one = QuietScore { orgs: 1, ..QuietScore::default() };
    one.false_notices = all.notes.iter().filter(quiet).count();
    one.most = one.false_notices;
    let warned = alarms.iter().filter(|of| of.labels.cause() == Some(Cause::UnusuallyQuiet));
    let warned: Vec<Timestamp> = warned.map(|alarm| alarm.from).collect();
    for breakage in &life.breakages() {
        let Some((causes, _)) = &breakage.page else { continue };
        if causes.contains(&Cause::NoSyncIn24Hours) {
            let within = |at: &&Timestamp| breakage.since < **at && **at < breakage.until;
            let mut open = Open(&life.policy.calendar, life.policy.calendar.lay_out(begins));
            let after = |at: &Timestamp| open.at(*at).open_time(breakage.since, *at).num_minutes();
            one.delays.push(warned.iter().find(within).map(after));
        }
    }
    Ok((one, all))
}

/// What the early warning is worth, as a part of the document.
///
/// # Errors
/// When the engine refuses a part of a life.
pub fn section() -> anyhow::Result<String> {
    let (busy, others) = random(ORGS, true);
    let lives: Vec<Scenario> = WITH_PAST.into_iter().filter_map(named).collect();
    let (quiet, all) = of_lives(&lives)?;
    let rows = [busy_row(&busy), row("the others", &others), lives_row(&quiet)].concat();
    let woken = format!(
        "\nThe last line: lives from the table above after five weeks in which all was well (`{}`). Judged and sent with the \
         early\nwarning on, they have {} pages for {} causes: {} missed, {} false, {} ended early. It never pages.\n",
        WITH_PAST.join("`, `"),
        all.pages,
        all.due,
        all.missed,
        all.false_pages,
        all.early_ends
    );
    Ok(format!("{HEAD}{rows}{woken}"))
}

/// The line of lives that have a past.
pub fn lives_row(quiet: &QuietScore) -> String {
    row("lives with a past", quiet)
}

const HEAD: &str = "
## The early warning

LightningSyncUnusuallyQuiet on random organisations: zones, nights, weekends, lunch, listed holidays, growth, bursts, jobs,
imports, and feeds that are up to four hours late. Five weeks of history, a quarter in which all is well, then a stop. Found
means within 24 business hours; the alert waits 10 minutes more. A holiday that is not listed is a false notice.

| organisations | how many | false notices in a quarter | most in one | stops found | business time until found, median | at most |
|---|--:|--:|--:|--:|--:|--:|
";

/// The line of the busy ones.
pub fn busy_row(busy: &QuietScore) -> String {
    row("busy: at least 60 an hour of each object type, in time", busy)
}

fn row(name: &str, score: &QuietScore) -> String {
    let mut found: Vec<i64> = score.delays.iter().copied().flatten().collect();
    found.sort_unstable();
    let minutes =
        |at: Option<&i64>| at.map_or("-".to_owned(), |at| format!("{}:{:02} h", at / 60, at % 60));
    format!(
        "| {name} | {} | {} | {} | {} of {} | {} | {} |\n",
        score.orgs,
        score.false_notices,
        score.most,
        found.len(),
        score.delays.len(),
        minutes(found.get(found.len() / 2)),
        minutes(found.last())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_in_a_life_with_a_past_is_found_early_and_a_weekend_is_none() {
        let lives = ["events_stop", "weekend"].map(|name| named(name).unwrap());
        let (quiet, all) = of_lives(&lives).unwrap();
        assert_eq!((quiet.orgs, quiet.false_notices, all.missed, all.false_pages), (2, 0, 0, 0));
        assert!(quiet.delays.iter().all(|delay| delay.is_some_and(|it| it <= 130)), "{quiet:?}");
        assert_eq!((all.due, all.pages, quiet.delays.len()), (1, 1, 1), "{:?}", all.notes);
    }
}
