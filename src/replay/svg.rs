//! A replay as a picture: a lane for each object type and each alert over one axis of time. Attributes alone, no style and
//! no script, so that it stands in a page and in a file.

use super::{HoldingSpan, Replay};
use crate::domain::causes::Severity;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
/// Where the axis begins: the longest name of an alert stands before it.
const LEFT: f64 = 300.0;
const LANE: f64 = 24.0;
/// The zone, above the first lane.
const TOP: f64 = 30.0;
/// The texts of the axis, below the last lane.
const BOTTOM: f64 = 26.0;
/// As many texts as stand side by side.
const MARKS: i64 = 8;

/// One line of the picture.
struct PictureLane {
    name: String,
    object: Option<ObjectType>,
    bars: Vec<PictureBar>,
}

struct PictureBar {
    from: Timestamp,
    until: Timestamp,
    colour: &'static str,
    says: String,
}

impl Replay {
    /// The picture, whole and without a reference to anything else.
    pub fn svg(&self) -> String {
        let mut out = String::new();
        self.put_svg(&mut out).ok();
        out
    }

    fn put_svg(&self, out: &mut String) -> std::fmt::Result {
        let lanes = self.lanes();
        let floor = TOP + LANE * lanes.len() as f64;
        let title = escaped(&format!("{}: {}", self.org, self.summary()));
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{title}\" font-family=\"sans-serif\" font-size=\"13\">",
            floor + BOTTOM
        )?;
        writeln!(out, "<title>{title}</title>")?;
        writeln!(out, "<rect width=\"{WIDTH}\" height=\"{}\" fill=\"#fff\"/>", floor + BOTTOM)?;
        let zone = escaped(self.policy.time_zone.name());
        let (from, until) = (self.local(self.period.from), self.local(self.period.until));
        writeln!(
            out,
            "<text x=\"4\" y=\"18\" fill=\"#1a1a1a\">{from} to {until}, times in {zone}; striped: not known</text>"
        )?;
        for (at, text) in self.marks() {
            let x = self.x(at);
            writeln!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{floor}\" stroke=\"#d0d0d0\"/><text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#595959\">{text}</text>",
                x.clamp(LEFT + 20.0, WIDTH - 20.0),
                floor + 18.0
            )?;
        }
        for (place, lane) in lanes.iter().enumerate() {
            self.put_lane(out, TOP + LANE * place as f64, lane)?;
        }
        writeln!(out, "</svg>")
    }

    fn put_lane(&self, out: &mut String, top: f64, lane: &PictureLane) -> std::fmt::Result {
        let middle = top + LANE / 2.0;
        writeln!(
            out,
            "<text x=\"4\" y=\"{}\" fill=\"#1a1a1a\">{}</text><line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#e4e4e4\"/>",
            middle + 4.0,
            escaped(&lane.name)
        )?;
        let of_lane = self.unknown.iter().filter(|unknown| Some(unknown.key) == lane.object);
        for unknown in of_lane {
            let (x1, x2) = self.ends(unknown);
            writeln!(
                out,
                "<line x1=\"{x1:.1}\" x2=\"{x2:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#8a8a8a\" stroke-width=\"{}\" stroke-dasharray=\"2 4\"><title>{}: not known, {}</title></line>",
                LANE - 6.0,
                unknown.key,
                escaped(&self.when(unknown))
            )?;
        }
        for bar in &lane.bars {
            let (x1, x2) = (self.x(bar.from), self.x(bar.until));
            writeln!(
                out,
                "<rect x=\"{x1:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"><title>{}</title></rect>",
                top + 5.0,
                // What is shorter than a point is seen, too.
                (x2 - x1).max(1.5),
                LANE - 10.0,
                bar.colour,
                escaped(&bar.says)
            )?;
        }
        Ok(())
    }

    fn lanes(&self) -> Vec<PictureLane> {
        let objects = self.policy.objects.iter().copied();
        let mut lanes: Vec<PictureLane> = objects
            .map(|object| PictureLane {
                name: format!("{object}: last sync"),
                object: Some(object),
                bars: Vec::new(),
            })
            .collect();
        let mut of_alerts: BTreeMap<(Severity, &str, &str), PictureLane> = BTreeMap::new();
        let acting = self.alerts.iter().map(|span| (span.key, None, span.from, span.until));
        let held = self.held_back.iter();
        let held = held.map(|span| (span.key.alert, Some(span.key.by), span.from, span.until));
        for (alert, by, from, until) in acting.chain(held) {
            let key = (alert.severity, alert.name(), alert.about());
            let name = alert.name().trim_start_matches("LightningSync");
            let lane = of_alerts.entry(key).or_insert_with(|| PictureLane {
                name: format!("{name} {} ({})", alert.about(), alert.severity).replace("  ", " "),
                object: alert.subject.object_type,
                bars: Vec::new(),
            });
            let when = self.when(&HoldingSpan { key: (), from, until });
            let says = by.map_or(String::new(), |by| format!(", held back by {by}"));
            lane.bars.push(PictureBar {
                from,
                until: until.unwrap_or(self.period.until),
                colour: match (by, alert.severity) {
                    (Some(_), _) => "#c8c8c8",
                    (None, Severity::Critical) => "#b3261e",
                    (None, Severity::Warning) => "#c77700",
                    (None, Severity::Info) => "#0b57a4",
                },
                says: format!("{} {}: {when}{says}", alert.name(), alert.about()),
            });
        }
        lanes.extend(of_alerts.into_values());
        lanes
    }

    fn ends<K>(&self, span: &HoldingSpan<K>) -> (f64, f64) {
        (self.x(span.from), self.x(span.until.unwrap_or(self.period.until)))
    }

    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.period.until.since(self.period.from).num_seconds().max(1) as f64;
        let part = at.since(self.period.from).num_seconds() as f64 / whole;
        LEFT + (WIDTH - LEFT) * part.clamp(0.0, 1.0)
    }

    /// Whole days where the organisation is, or every six hours of two days.
    fn marks(&self) -> Vec<(Timestamp, String)> {
        let span = self.period.until.since(self.period.from);
        let short = span <= TimeDelta::days(2);
        let days = (span.num_days() / MARKS + 1).max(1);
        let first = self.period.from.hour();
        let mut midnights = 0;
        let mut marks = Vec::new();
        for hour in first..=self.period.until.hour() {
            let at = Timestamp::of_hour(hour);
            let local = at.datetime().with_timezone(&self.policy.time_zone);
            let of_day = local.format("%H").to_string();
            let midnight = of_day == "00";
            midnights += i64::from(midnight);
            let format = match (short, midnight) {
                (true, _) if ["00", "06", "12", "18"].contains(&of_day.as_str()) => "%d. %H:%M",
                (false, true) if midnights % days == 1 % days => "%m-%d",
                _ => continue,
            };
            if at >= self.period.from && at <= self.period.until {
                marks.push((at, local.format(format).to_string()));
            }
        }
        marks
    }
}

/// A text between tags or in an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character if character.is_control() => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_in_markup_is_escaped() {
        assert_eq!(escaped("<a b='\"&\u{1}\">"), "&lt;a b=&#39;&quot;&amp;\u{fffd}&quot;&gt;");
    }
}
