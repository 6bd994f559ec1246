//! The exporter's page of every step as OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`:
//! dashboards and rules can then be tried on the past.

use super::past::Past;
use crate::domain::policy::{UserNames, UserSeries};
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use crate::metrics::{MetricsPages, PageFormat, SelfMetrics};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Ten weeks of steps of five minutes: one organisation's series are some hundred megabytes of text then.
pub const MOST_STEPS_OF_SERIES: i64 = 20_000;

/// Who answers in the series.
const TARGET: &str = "job=\"lightning-sync\",instance=\"replay\"";

/// What Prometheus would have scraped.
pub struct Series {
    pages: MetricsPages,
    /// Whether the judgement that nobody reports is in it.
    shows_silence: bool,
    families: Vec<SeriesFamily>,
    /// Where a series is: its family, and its place there.
    places: HashMap<String, (usize, usize)>,
}

#[derive(Default)]
struct SeriesFamily {
    head: String,
    series: Vec<(String, Vec<(i64, f64)>)>,
}

impl Series {
    /// No step yet.
    ///
    /// # Errors
    /// When the metrics of the program itself cannot be laid out.
    pub fn of(past: &Past) -> Result<Self, prometheus::Error> {
        let up = "# HELP up Whether the exporter answered.\n# TYPE up gauge\n".to_owned();
        Ok(Self {
            pages: MetricsPages::new(Arc::new(SelfMetrics::new(&[])?)),
            shows_silence: past.shows_silence(),
            families: vec![SeriesFamily { head: up, series: Vec::new() }],
            places: HashMap::new(),
        })
    }

    /// Takes the page of a step, later than those before.
    pub fn take(&mut self, org: &Arc<OrgView>, now: Timestamp) {
        let view = View { orgs: vec![Arc::clone(org)], ..View::empty(now) };
        let view =
            View { user_series: UserSeries::Aggregate, user_names: UserNames::Pseudonym, ..view };
        let page = self.pages.text(Arc::new(view), now, PageFormat::OpenMetrics);
        let page: Vec<u8> = page.flatten().collect();
        self.put("up{", 1.0, 0, now);
        let (mut head, mut family) = (String::new(), None);
        for line in String::from_utf8_lossy(&page).lines() {
            if line.starts_with('#') {
                if family.take().is_some() {
                    head.clear();
                }
                head.push_str(line);
                head.push('\n');
                continue;
            }
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            if !self.shown(series) {
                family = Some(0);
                continue;
            }
            let of = *family.get_or_insert_with(|| self.family_of(&head));
            self.put(series, value, of, now);
        }
    }

    /// Whether a series is of the organisation, or says that the page is one of then.
    fn shown(&self, series: &str) -> bool {
        let own = series.starts_with("lightning_sync_exporter_")
            && !series.starts_with("lightning_sync_exporter_view_timestamp_seconds");
        let silence = series.contains("cause=\"observations_stale\"");
        series.starts_with("lightning_sync_") && !own && (self.shows_silence || !silence)
    }

    fn family_of(&mut self, head: &str) -> usize {
        match self.families.iter().position(|family| family.head == head) {
            Some(place) => place,
            None => {
                self.families.push(SeriesFamily { head: head.to_owned(), series: Vec::new() });
                self.families.len() - 1
            }
        }
    }

    fn put(&mut self, series: &str, value: f64, family: usize, now: Timestamp) {
        let at = now.nanos().div_euclid(1_000_000);
        let known = self.places.get(series).copied();
        let (family, place) = known.unwrap_or_else(|| {
            let of = self.families.get(family).map_or(0, |family| family.series.len());
            (family, of)
        });
        let Some(SeriesFamily { series: all, .. }) = self.families.get_mut(family) else { return };
        if known.is_none() {
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = if labels.is_empty() { "}" } else { labels };
            let comma = if labels == "}" { "" } else { "," };
            all.push((format!("{name}{{{TARGET}{comma}{labels}"), Vec::new()));
            self.places.insert(series.to_owned(), (family, place));
        }
        if let Some((_, samples)) = all.get_mut(place) {
            samples.push((at, value));
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for family in self.families.iter().filter(|family| !family.series.is_empty()) {
            out.push_str(&family.head);
            for (series, samples) in &family.series {
                for (at, value) in samples {
                    let value = match value {
                        value if *value == f64::INFINITY => "+Inf".to_owned(),
                        value if *value == f64::NEG_INFINITY => "-Inf".to_owned(),
                        value => value.to_string(),
                    };
                    let (seconds, rest) = (at.div_euclid(1000), at.rem_euclid(1000));
                    writeln!(out, "{series} {value} {seconds}.{rest:03}").ok();
                }
            }
        }
        out.push_str("# EOF\n");
        out
    }
}
