//! Charts as inline SVG: no script, no style of their own, colours from the style sheet, their figures in words beside them.

use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use askama::Template;
use chrono::{TimeDelta, Timelike};
use chrono_tz::Tz;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;
/// Where the plot begins and ends. What is left beside and below it holds the texts of the size they have on a phone.
const LEFT: f64 = 60.0;
const FLOOR: f64 = 132.0;
const TOP: f64 = 16.0;

/// A chart with its geometry.
#[derive(Template)]
#[template(path = "chart.html", config = "src/web/pages/askama.toml")]
pub(super) struct Chart {
    pub(super) title: String,
    /// The same in words.
    pub(super) words: String,
    width: f64,
    height: f64,
    left: f64,
    floor: f64,
    ticks: Vec<Tick>,
    days: Vec<Day>,
    gaps: Vec<Gap>,
    bars: Vec<Bar>,
    lines: Vec<AgeLine>,
    limit: Option<String>,
}

/// A time of which nothing is known of an object type: one thick line, dashed into stripes.
struct Gap {
    from: String,
    upto: String,
    at: String,
    thick: String,
    title: String,
}

struct Tick {
    at: String,
    text_at: String,
    text: String,
}

struct Day {
    at: String,
    text_at: String,
    text: String,
}

impl Day {
    /// A mark, whose text stays within the picture.
    fn of(at: f64, text: String) -> Self {
        Self { at: number(at), text_at: number(at.min(WIDTH - 30.0)), text }
    }
}

/// From when until when something is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) object: ObjectType,
    pub(super) from: Timestamp,
    pub(super) upto: Timestamp,
}

/// Where times stand in a plot.
struct Plot {
    from: Timestamp,
    upto: Timestamp,
}

impl Plot {
    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.upto.since(self.from).num_seconds().max(1) as f64;
        let part = at.since(self.from).num_seconds() as f64 / whole;
        LEFT + (WIDTH - LEFT) * part.clamp(0.0, 1.0)
    }

    /// The gaps, each in the band of its object type.
    fn gaps(&self, unknown: &[Unknown], objects: &[ObjectType]) -> Vec<Gap> {
        let band = (FLOOR - TOP) / objects.len().max(1) as f64;
        unknown
            .iter()
            .filter(|gap| gap.upto > self.from && gap.upto > gap.from)
            .filter_map(|gap| {
                let place = objects.iter().position(|object| *object == gap.object)?;
                Some(Gap {
                    from: number(self.x(gap.from)),
                    upto: number(self.x(gap.upto)),
                    at: number(TOP + band * (place as f64 + 0.5)),
                    thick: number(band - 2.0),
                    title: format!("{}: not known", gap.object),
                })
            })
            .collect()
    }
}

struct Bar {
    class: &'static str,
    x: String,
    y: String,
    width: String,
    height: String,
    title: String,
}

struct AgeLine {
    class: &'static str,
    /// Whether nobody looked any more.
    held: bool,
    points: String,
}

/// How far back a chart looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Week,
}

impl Span {
    pub(super) const fn hours(self) -> i64 {
        match self {
            Self::Day => 24,
            Self::Week => 168,
        }
    }

    pub(super) const fn length(self) -> TimeDelta {
        TimeDelta::hours(self.hours())
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
        }
    }

    /// The text of an instant on the axis, where there is one at this hour.
    fn mark(self, at: Timestamp, zone: Tz) -> Option<String> {
        let local = at.datetime().with_timezone(&zone);
        match self {
            Self::Day if local.hour().is_multiple_of(6) => Some(local.format("%H:%M").to_string()),
            Self::Week if local.hour() == 0 => Some(local.format("%a").to_string()),
            Self::Day | Self::Week => None,
        }
    }
}

/// Counts by hour, one bar for each object type beside the other.
pub(super) struct Bars {
    pub(super) title: String,
    pub(super) words: String,
    /// The number of the first hour.
    pub(super) first: i64,
    pub(super) counts: Vec<(ObjectType, Vec<u64>)>,
    pub(super) unknown: Vec<Unknown>,
    pub(super) span: Span,
    pub(super) zone: Tz,
}

impl Bars {
    pub(super) fn draw(self) -> Chart {
        let most = self.counts.iter().flat_map(|(_, counts)| counts).copied().max().unwrap_or(0);
        let top = nice(most as f64);
        let slot = (WIDTH - LEFT) / self.span.hours() as f64;
        let width = slot * 0.85 / self.counts.len().max(1) as f64;
        let mut bars = Vec::new();
        for (place, (object, counts)) in self.counts.iter().enumerate() {
            for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let height = (FLOOR - TOP) * *count as f64 / top;
                let hour = Timestamp::of_hour(self.first + i64::try_from(index).unwrap_or(0));
                let local = hour.datetime().with_timezone(&self.zone);
                bars.push(Bar {
                    class: object.name(),
                    x: number(LEFT + slot * index as f64 + width * place as f64),
                    y: number(FLOOR - height),
                    width: number(width),
                    height: number(height),
                    title: format!("{}: {count} {object}", local.format("%a %H:%M")),
                });
            }
        }
        let days = (0..self.span.hours())
            .filter_map(|hour| {
                let text = self.span.mark(Timestamp::of_hour(self.first + hour), self.zone)?;
                Some(Day::of(LEFT + slot * hour as f64, text))
            })
            .collect();
        let plot = Plot {
            from: Timestamp::of_hour(self.first),
            upto: Timestamp::of_hour(self.first + self.span.hours()),
        };
        let objects: Vec<ObjectType> = self.counts.iter().map(|(object, _)| *object).collect();
        Chart {
            gaps: plot.gaps(&self.unknown, &objects),
            bars,
            days,
            ..Chart::empty(self.title, self.words, top)
        }
    }
}

/// Figures over time, evenly spaced up to now.
pub(super) struct LineChart {
    pub(super) title: String,
    pub(super) words: String,
    pub(super) lines: Vec<(ObjectType, Vec<Option<f64>>)>,
    /// From when on nobody looked any more, by object type.
    pub(super) held_from: Vec<(ObjectType, Timestamp)>,
    pub(super) unknown: Vec<Unknown>,
    /// The figure above which it is bad.
    pub(super) limit: f64,
    pub(super) now: Timestamp,
    pub(super) span: Span,
    pub(super) zone: Tz,
}

impl LineChart {
    pub(super) fn draw(self) -> Chart {
        let most = self
            .lines
            .iter()
            .flat_map(|(_, figures)| figures)
            .flatten()
            .fold(self.limit, |most, figure| most.max(*figure));
        let top = nice(most);
        let plot = Plot { from: self.now.minus(self.span.length()), upto: self.now };
        let lines = self
            .lines
            .iter()
            .flat_map(|(object, figures)| {
                let step = (WIDTH - LEFT) / (figures.len().max(2) - 1) as f64;
                let held_from = self
                    .held_from
                    .iter()
                    .find(|(of, _)| of == object)
                    .map_or(f64::INFINITY, |(_, from)| plot.x(*from));
                let points: Vec<(f64, String)> = figures
                    .iter()
                    .enumerate()
                    .filter_map(|(index, figure)| {
                        let x = LEFT + step * index as f64;
                        let y = FLOOR - (FLOOR - TOP) * (*figure)? / top;
                        Some((x, format!("{},{}", number(x), number(y))))
                    })
                    .collect();
                // The held part begins at the last point that is not, so that the line has no hole.
                let known = points.iter().filter(|(x, _)| *x <= held_from).count();
                let part = |points: &[(f64, String)], held| {
                    let points: Vec<&str> = points.iter().map(|(_, at)| at.as_str()).collect();
                    (points.len() > usize::from(held)).then(|| AgeLine {
                        class: object.name(),
                        held,
                        points: points.join(" "),
                    })
                };
                let (seen, _) = points.split_at(known);
                let (_, after) = points.split_at(known.saturating_sub(1));
                let after = if known < points.len() { after } else { &[] };
                [part(seen, false), part(after, true)]
            })
            .flatten()
            .collect();
        let objects: Vec<ObjectType> = self.lines.iter().map(|(object, _)| *object).collect();
        let hours = self.span.hours();
        let days = (0..hours)
            .filter_map(|back| {
                let at = Timestamp::of_hour(self.now.hour() - back);
                let text = self.span.mark(at, self.zone)?;
                let left = hours as f64 - self.now.since(at).num_seconds() as f64 / 3600.0;
                (left > 0.0).then(|| Day::of(LEFT + (WIDTH - LEFT) * left / hours as f64, text))
            })
            .collect();
        Chart {
            gaps: plot.gaps(&self.unknown, &objects),
            lines,
            days,
            limit: Some(number(FLOOR - (FLOOR - TOP) * self.limit / top)),
            ..Chart::empty(self.title, self.words, top)
        }
    }
}

impl Chart {
    fn empty(title: String, words: String, top: f64) -> Self {
        let ticks = [0.0, 0.5, 1.0]
            .into_iter()
            .map(|part: f64| {
                let at = FLOOR - (FLOOR - TOP) * part;
                Tick { at: number(at), text_at: number(at + 4.0), text: number(top * part) }
            })
            .collect();
        Self {
            title,
            words,
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            floor: FLOOR,
            ticks,
            days: Vec::new(),
            gaps: Vec::new(),
            bars: Vec::new(),
            lines: Vec::new(),
            limit: None,
        }
    }
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

/// A number of pixels or things with at most one digit after the point.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number_above_the_figures() {
        for (figure, top) in
            [(0.0, 2.0), (2.0, 2.0), (3.0, 4.0), (24.0, 40.0), (61.0, 100.0), (1_200.0, 2_000.0)]
        {
            assert_eq!(nice(figure), top, "{figure}");
        }
    }

    #[test]
    fn a_bar_stands_in_its_hour_and_has_its_words() {
        let mut counts = vec![0; 24];
        counts[3] = 10;
        let chart = Bars {
            title: "Records".to_owned(),
            words: "10 contacts".to_owned(),
            first: 0,
            counts: vec![(ObjectType::Contacts, counts)],
            unknown: vec![Unknown {
                object: ObjectType::Contacts,
                from: Timestamp::of_hour(-9),
                upto: Timestamp::of_hour(2),
            }],
            span: Span::Day,
            zone: Tz::UTC,
        }
        .draw();
        assert_eq!(chart.bars.len(), 1);
        let bar = &chart.bars[0];
        assert_eq!((bar.x.as_str(), bar.y.as_str()), ("132.5", "16"));
        let gap = &chart.gaps[0];
        assert_eq!(
            (gap.from.as_str(), gap.upto.as_str(), gap.title.as_str()),
            ("60", "108.3", "contacts: not known")
        );
        assert_eq!(bar.title, "Thu 03:00: 10 contacts");
        assert!(chart.render().unwrap().contains("aria-label=\"Records: 10 contacts\""));
    }

    #[test]
    fn what_nobody_looked_at_any_more_is_drawn_apart() {
        let now = Timestamp::of_hour(24);
        let lines = |held_from| {
            LineChart {
                title: "Age".to_owned(),
                words: String::new(),
                lines: vec![(
                    ObjectType::Events,
                    (0..=24).map(|hour| Some(f64::from(hour))).collect(),
                )],
                held_from,
                unknown: Vec::new(),
                limit: 24.0,
                now,
                span: Span::Day,
                zone: Tz::UTC,
            }
            .draw()
            .lines
            .iter()
            .map(|line| (line.held, line.points.split(' ').count()))
            .collect::<Vec<_>>()
        };
        assert_eq!(lines(Vec::new()), [(false, 25)]);
        let since = vec![(ObjectType::Events, Timestamp::of_hour(20))];
        assert_eq!(lines(since), [(false, 21), (true, 5)]);
    }
}
