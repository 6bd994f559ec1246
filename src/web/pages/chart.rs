//! The past as inline SVG: no script, no style of its own, colours from the style sheet, its figures in words beside it.

use crate::domain::ids::{ObjectType, Outcome, Source};
use crate::domain::rows::OrgValue;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{counted, local, span};
use crate::web::history::RecentHistory;
use askama::Template;
use chrono::{TimeDelta, Timelike};
use chrono_tz::Tz;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;
/// Where the plot begins and ends. What is left beside and below it holds the texts of the size they have on a phone.
const LEFT: f64 = 60.0;
const FLOOR: f64 = 132.0;
const TOP: f64 = 16.0;
/// How many points a line of ages has.
const POINTS: i32 = 168;

/// How far back a chart looks, in hours.
const DAY: i64 = 24;
const WEEK: i64 = 168;

/// A chart; its template asks it where things stand.
#[derive(Template)]
#[template(path = "chart.html", config = "src/web/pages/askama.toml")]
pub(super) struct Chart {
    pub(super) title: String,
    /// The same in words.
    pub(super) words: String,
    hours: i64,
    zone: Tz,
    /// What the plot shows from left to right.
    from: Timestamp,
    upto: Timestamp,
    /// The figure at its top.
    top: f64,
    objects: Vec<ObjectType>,
    gaps: Vec<Gap>,
    bars: Vec<Bar>,
    lines: Vec<AgeLine>,
    /// The figure above which it is bad.
    limit: Option<f64>,
}

/// A time of which nothing is known of an object type: one thick line, dashed into stripes.
struct Gap {
    object: ObjectType,
    from: Timestamp,
    upto: Timestamp,
}

/// A count of an hour, one bar for each object type beside the other.
struct Bar {
    object: ObjectType,
    hour: Timestamp,
    count: u64,
}

/// Figures over time.
struct AgeLine {
    object: ObjectType,
    /// Whether nobody looked any more.
    held: bool,
    points: Vec<(Timestamp, f64)>,
}

/// A number of pixels or things with at most one digit after the point.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The next round number above a figure, at least 2, so that its half is round too.
fn nice(figure: f64) -> f64 {
    let power = 10_f64.powf(figure.max(2.0).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|top| *top >= figure.max(2.0))
        .unwrap_or(figure)
}

impl Chart {
    fn x(&self, at: &Timestamp) -> f64 {
        let whole = self.upto.since(self.from).num_seconds().max(1) as f64;
        let part = at.since(self.from).num_seconds() as f64 / whole;
        LEFT + (WIDTH - LEFT) * part.clamp(0.0, 1.0)
    }

    fn y(&self, figure: &f64) -> f64 {
        FLOOR - (FLOOR - TOP) * figure / self.top
    }

    /// The figures that have a line across.
    fn ticks(&self) -> [f64; 3] {
        [0.0, self.top / 2.0, self.top]
    }

    fn place(&self, object: &ObjectType) -> f64 {
        self.objects.iter().position(|one| one == object).unwrap_or(0) as f64
    }

    /// The height of the band that each object type has for its gaps.
    fn band(&self) -> f64 {
        (FLOOR - TOP) / self.objects.len().max(1) as f64
    }

    /// The width of a bar; a slot of an hour is a little wider than its bars.
    fn bar_width(&self) -> f64 {
        (WIDTH - LEFT) / self.hours as f64 * 0.85 / self.objects.len().max(1) as f64
    }

    fn hour_of(&self, bar: &Bar) -> impl std::fmt::Display {
        bar.hour.datetime().with_timezone(&self.zone).format("%a %H:%M")
    }

    /// The instants that have a text on the axis.
    fn marks(&self) -> Vec<(Timestamp, String)> {
        (self.from.hour()..=self.upto.hour())
            .map(Timestamp::of_hour)
            .filter(|at| *at >= self.from && *at < self.upto)
            .filter_map(|at| {
                let local = at.datetime().with_timezone(&self.zone);
                let text = match self.hours {
                    DAY if local.hour().is_multiple_of(6) => local.format("%H:%M"),
                    WEEK if local.hour() == 0 => local.format("%a"),
                    _ => return None,
                };
                Some((at, text.to_string()))
            })
            .collect()
    }
}

/// The charts of the last day and the last week.
pub(super) fn charts(past: &RecentHistory, org: &OrgView, now: Timestamp) -> Vec<Chart> {
    [(DAY, "24 hours"), (WEEK, "7 days")]
        .into_iter()
        .flat_map(|(hours, name)| {
            [synced(past, hours, name, org, now), ages(past, hours, name, org, now)]
        })
        .collect()
}

/// Records synced, by hour.
fn synced(past: &RecentHistory, hours: i64, name: &str, org: &OrgView, now: Timestamp) -> Chart {
    let first = now.hour() - hours + 1;
    let (from, upto) = (Timestamp::of_hour(first), Timestamp::of_hour(now.hour() + 1));
    let (mut bars, mut gaps, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for object in org.policy.objects.iter().copied() {
        let mut total = 0;
        for hour in (first..=now.hour()).map(Timestamp::of_hour) {
            let count: u64 = past
                .hours
                .iter()
                .filter(|one| one.hour == hour && one.kind.object_type == object)
                .filter(|one| one.kind.outcome == Outcome::Synced)
                .map(|one| one.count)
                .sum();
            total += count;
            if count > 0 {
                bars.push(Bar { object, hour, count });
            }
        }
        let Some((since, until)) = known(object, org, now) else {
            words.push(format!("{object} not known: no feed of their records has reported"));
            gaps.push(Gap { object, from, upto });
            continue;
        };
        let mut text = vec![format!("{total} {object}")];
        if since > from {
            text.push(format!(" since {}", exactly(since, org, now)));
            gaps.push(Gap { object, from, upto: since });
        }
        if until < now {
            text.push(format!(", not known after {}", exactly(until, org, now)));
            gaps.push(Gap { object, from: until, upto });
        }
        words.push(text.concat());
    }
    Chart {
        title: format!("Records synced in each hour of the last {name}"),
        words: format!("{}. The current hour is not over.", words.join("; ")),
        hours,
        zone: org.policy.time_zone,
        from,
        upto,
        top: nice(bars.iter().map(|bar| bar.count).max().unwrap_or(0) as f64),
        objects: org.policy.objects.clone(),
        gaps,
        bars,
        lines: Vec::new(),
        limit: None,
    }
}

/// Ages of the last sync in hours, evenly spaced up to now.
fn ages(past: &RecentHistory, hours: i64, name: &str, org: &OrgView, now: Timestamp) -> Chart {
    let whole = TimeDelta::hours(hours);
    let from = now.minus(whole);
    let limit = org.policy.stale_after.num_seconds() as f64 / 3600.0;
    let (mut lines, mut gaps, mut words) = (Vec::new(), Vec::new(), Vec::new());
    let mut most = limit;
    for object in org.policy.objects.iter().copied() {
        let proofs = proofs(past, object, org, now);
        let points: Vec<(Timestamp, f64)> = (0..=POINTS)
            .filter_map(|point| {
                let at = now.minus(whole * (POINTS - point) / POINTS);
                let known = proofs.iter().filter(|(known_at, _)| *known_at <= at);
                let last = known.map(|(_, synced)| (*synced).min(at)).max()?;
                Some((at, at.since(last).num_seconds() as f64 / 3600.0))
            })
            .collect();
        most = points.iter().fold(most, |most, (_, age)| most.max(*age));
        let upto = points.first().map_or(now, |(at, _)| *at);
        if upto > from {
            gaps.push(Gap { object, from, upto });
        }
        let last = org.last_sync(object, now);
        let looked_until = last.as_ref().filter(|last| !last.live).map(|last| last.observed_at);
        // The held part begins at the last point that is not, so that the line has no hole.
        let is_seen = |at| looked_until.is_none_or(|until| at <= until);
        let seen = points.iter().filter(|(at, _)| is_seen(*at)).count();
        let held = points.iter().skip(seen.saturating_sub(1)).copied().collect();
        let is_held = seen < points.len();
        if seen > 0 {
            let seen = points.into_iter().take(seen).collect();
            lines.push(AgeLine { object, held: false, points: seen });
        }
        if is_held {
            lines.push(AgeLine { object, held: true, points: held });
        }
        words.push(match last {
            Some(last) if last.live => format!(
                "{object} now {}, since {}",
                span(now.since(last.at)),
                exactly(last.at, org, now)
            ),
            Some(last) => format!(
                "{object} held: it was {} when somebody last looked, {}; the dotted line is what it would be by now",
                span(last.observed_at.since(last.at)),
                exactly(last.observed_at, org, now)
            ),
            None if org.ever_synced(object, now) == Some(false) => format!("{object} never synced"),
            None => match counted(object, org, now) {
                Some(within) => format!("{object} synced {within}, at a time that nobody reported"),
                None => format!("{object} not known"),
            },
        });
    }
    Chart {
        title: format!("Age of the last sync over the last {name}, in hours"),
        words: format!(
            "{}. What a feed reported of past hours is known to the hour. The dashed line is the limit of {}.",
            words.join("; "),
            span(org.policy.stale_after)
        ),
        hours,
        zone: org.policy.time_zone,
        from,
        upto: now,
        top: nice(most),
        objects: org.policy.objects.clone(),
        gaps,
        bars: Vec::new(),
        lines,
        limit: Some(limit),
    }
}

/// When it was known that something had synced at an instant.
fn proofs(
    past: &RecentHistory,
    object: ObjectType,
    org: &OrgView,
    now: Timestamp,
) -> Vec<(Timestamp, Timestamp)> {
    let counted = past
        .hours
        .iter()
        .filter(|total| total.kind.object_type == object && total.kind.outcome == Outcome::Synced)
        .map(|total| (total.newest, total.newest));
    let read = past
        .syncs
        .iter()
        .filter(|(of, _)| *of == object)
        .flat_map(|(_, changes)| changes)
        .filter_map(|change| match change.value {
            OrgValue::Instant(synced) => Some((change.at, synced)),
            OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
        });
    // What holds now, in case it began before the time that was read.
    let current = org.last_sync(object, now).map(|last| (last.changed_at.max(last.at), last.at));
    counted.chain(read).chain(current).collect()
}

/// From when until when a feed of records has answered for an object type without a gap.
fn known(object: ObjectType, org: &OrgView, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let since = org.activity[object].covered_since?;
    let upto = match org.last_report[Source::Activity] {
        Some(at) if !org.is_live(Source::Activity, now) => at,
        Some(_) | None => now,
    };
    Some((since, upto))
}

/// An instant in the organisation's time, with its zone.
fn exactly(at: Timestamp, org: &OrgView, now: Timestamp) -> String {
    let zone = at.datetime().with_timezone(&org.policy.time_zone);
    format!("{} {}", local(at, org, now), zone.format("%Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{OrgId, OrgName};
    use crate::domain::policy::OrgPolicy;
    use crate::domain::readings::Reading;
    use crate::domain::rows::OrgRow;
    use enum_map::EnumMap;
    use std::sync::Arc;

    #[test]
    fn the_axis_ends_at_a_round_number_above_the_figures() {
        for (figure, top) in
            [(0.0, 2.0), (2.0, 2.0), (3.0, 4.0), (24.0, 40.0), (61.0, 100.0), (1_200.0, 2_000.0)]
        {
            assert_eq!(nice(figure), top, "{figure}");
        }
    }

    fn day() -> Chart {
        Chart {
            title: "Records".to_owned(),
            words: "10 contacts".to_owned(),
            hours: DAY,
            zone: Tz::UTC,
            from: Timestamp::of_hour(0),
            upto: Timestamp::of_hour(24),
            top: 10.0,
            objects: vec![ObjectType::Contacts],
            gaps: Vec::new(),
            bars: Vec::new(),
            lines: Vec::new(),
            limit: None,
        }
    }

    #[test]
    fn a_bar_stands_in_its_hour_and_has_its_words() {
        let object = ObjectType::Contacts;
        let html = Chart {
            bars: vec![Bar { object, hour: Timestamp::of_hour(3), count: 10 }],
            gaps: vec![Gap { object, from: Timestamp::of_hour(-9), upto: Timestamp::of_hour(2) }],
            ..day()
        }
        .render()
        .unwrap();
        for wanted in [
            "aria-label=\"Records: 10 contacts\"",
            "<rect class=\"contacts\" x=\"132.5\" y=\"16\" ",
            "<title>Thu 03:00: 10 contacts</title>",
            "<line class=\"gap\" x1=\"60\" x2=\"108.3\" ",
            "<title>contacts: not known</title>",
        ] {
            assert!(html.contains(wanted), "{wanted} is missing:\n{html}");
        }
    }

    #[test]
    fn what_nobody_looked_at_any_more_is_drawn_apart() {
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.expected_every = EnumMap::from_fn(|_| Some(TimeDelta::hours(1)));
        let seen_at = Timestamp::of_hour(20);
        let mut org = OrgView::new(OrgId(1), Arc::new(policy), Timestamp::of_hour(-99), seen_at);
        let lines = |org: &OrgView, now| {
            let past = RecentHistory { hours: Vec::new(), syncs: Vec::new() };
            let of_line = |line: &AgeLine| (line.held, line.points.len());
            let chart = ages(&past, DAY, "24 hours", org, now);
            chart.lines.iter().map(of_line).collect::<Vec<_>>()
        };
        assert_eq!(lines(&org, seen_at), []);
        let changed_at = Timestamp::of_hour(0);
        let reading =
            Reading { value: OrgValue::Instant(changed_at), observed_at: seen_at, changed_at };
        let row = OrgRow::LastSync(ObjectType::Events);
        Arc::make_mut(&mut org.readings).put(row, Source::Snapshot, reading);
        org.last_report[Source::Snapshot] = Some(seen_at);
        assert_eq!(lines(&org, seen_at), [(false, 141)]);
        assert_eq!(lines(&org, Timestamp::of_hour(32)), [(false, 85), (true, 85)]);
        assert_eq!(lines(&org, Timestamp::of_hour(99)), [(true, 169)]);
    }
}
