//! Metrics of polled sources: how polls went, and the sources' own figures. Series of an organisation begin with its
//! first poll and go when it is no longer polled.

use super::catalogue::{METRICS, Metric, MetricGroup, MetricKind, find, metric};
use super::self_metrics::{counters, gauges, histograms};
use crate::domain::ids::Source;
use crate::events::Figure;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{GaugeVec, HistogramVec, IntCounterVec, Registry};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The metrics.
#[derive(Debug)]
pub(super) struct Polls {
    success: GaugeVec,
    duration: GaugeVec,
    last_success: GaugeVec,
    failures: IntCounterVec,
    gauges: HashMap<&'static str, GaugeVec>,
    counters: HashMap<&'static str, IntCounterVec>,
    histograms: HashMap<&'static str, HistogramVec>,
    /// The gauges that each source of each organisation has set, so that those go that it no longer knows.
    set: Mutex<HashMap<(String, &'static str), HashSet<PollSeries>>>,
}

/// From what a push takes to hours: a sync runs every few minutes, and 10 and 30 minutes are the canary's own limits.
const ROUND_TRIP_BUCKETS: &[f64] =
    &[15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0];

/// A series by its metric and the labels besides the organisation.
type PollSeries = (&'static str, Vec<Cow<'static, str>>);

/// Whether a metric is a source's own.
fn is_figure(metric: &Metric) -> bool {
    metric.group == MetricGroup::Exporter
        && metric.labels.first() == Some(&"org")
        && !metric.name.starts_with("lightning_sync_exporter_")
        && !metric.name.starts_with("lightning_sync_poll_")
}

impl Polls {
    /// Metrics of nobody yet, in `registry`.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let mut polls = Self {
            success: gauges(registry, const { metric("lightning_sync_poll_success") })?,
            duration: gauges(registry, const { metric("lightning_sync_poll_duration_seconds") })?,
            last_success: gauges(
                registry,
                const { metric("lightning_sync_poll_last_success_timestamp_seconds") },
            )?,
            failures: counters(registry, const { metric("lightning_sync_poll_failures_total") })?,
            gauges: HashMap::new(),
            counters: HashMap::new(),
            histograms: HashMap::new(),
            set: Mutex::default(),
        };
        for metric in METRICS.iter().filter(|metric| is_figure(metric)) {
            match metric.kind {
                MetricKind::Counter => {
                    drop(polls.counters.insert(metric.name, counters(registry, metric)?));
                }
                MetricKind::Histogram => {
                    let made = histograms(registry, metric, ROUND_TRIP_BUCKETS)?;
                    drop(polls.histograms.insert(metric.name, made));
                }
                MetricKind::Gauge | MetricKind::Info => {
                    drop(polls.gauges.insert(metric.name, gauges(registry, metric)?));
                }
            }
        }
        Ok(polls)
    }

    /// Begins a source's own counters at 0, where the organisation is their only label. Failures begin with the first of
    /// their reason: an organisation would otherwise have a series for every reason there is.
    pub(super) fn begin(&self, org: &str, source: &str) {
        for (name, counters) in &self.counters {
            if is_of(name, source) && find(name).is_some_and(|metric| metric.labels.len() == 1) {
                drop(counters.get_metric_with_label_values(&[org]));
            }
        }
    }

    /// Drops every series of a source of an organisation.
    pub(super) fn forget(&self, org: &str, source: &'static str) {
        let polls = [("org", org), ("source", source)];
        for gauges in [&self.success, &self.duration, &self.last_success] {
            forget(gauges, &polls);
        }
        forget(&self.failures, &polls);
        self.figures(org, source, &[]);
        for (name, counters) in &self.counters {
            if is_of(name, source) {
                forget(counters, &[("org", org)]);
            }
        }
        for (name, histograms) in &self.histograms {
            if is_of(name, source) {
                forget(histograms, &[("org", org)]);
            }
        }
    }

    pub(super) fn succeeded(&self, org: &str, source: &str, took: Duration, at_seconds: f64) {
        let labels = [org, source];
        set(&self.success, &labels, 1.0);
        set(&self.duration, &labels, took.as_secs_f64());
        set(&self.last_success, &labels, at_seconds);
    }

    pub(super) fn failed(&self, org: &str, source: &str, reason: &str, took: Duration) {
        set(&self.success, &[org, source], 0.0);
        set(&self.duration, &[org, source], took.as_secs_f64());
        add(&self.failures, &[org, source, reason], 1);
    }

    /// Takes a source's own figures: all gauges that it knows, and what to add to counters.
    pub(super) fn figures(&self, org: &str, source: &'static str, figures: &[Figure]) {
        let mut now = HashSet::new();
        for figure in figures {
            let mut labels = vec![org];
            labels.extend(figure.labels.iter().map(AsRef::as_ref));
            if let Some(counters) = self.counters.get(figure.metric) {
                add(counters, &labels, figure.value as u64);
            } else if let Some(gauges) = self.gauges.get(figure.metric) {
                set(gauges, &labels, figure.value);
                now.insert((figure.metric, figure.labels.clone()));
            } else if let Some(histograms) = self.histograms.get(figure.metric) {
                if let Ok(histogram) = histograms.get_metric_with_label_values(&labels) {
                    histogram.observe(figure.value);
                }
            } else {
                debug_assert!(false, "{} is not in the catalogue", figure.metric);
            }
        }
        let mut all = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (org.to_owned(), source);
        let before = all.remove(&key).unwrap_or_default();
        for (metric, labels) in before.difference(&now) {
            let mut values = vec![org];
            values.extend(labels.iter().map(AsRef::as_ref));
            if let Some(gauges) = self.gauges.get(metric) {
                // An error says that there is no such series, which is what is wanted.
                drop(gauges.remove_label_values(&values));
            }
        }
        if !now.is_empty() {
            all.insert(key, now);
        }
    }
}

/// Whether a metric is named after a source, and not after one whose name is longer.
fn is_of(metric: &str, source: &str) -> bool {
    let names = |source: &str| {
        metric
            .strip_prefix("lightning_sync_")
            .and_then(|rest| rest.strip_prefix(source))
            .is_some_and(|rest| rest.starts_with('_'))
    };
    let longer = |other: &&Source| other.name().len() > source.len() && names(other.name());
    names(source) && !Source::ALL.iter().any(|other| longer(&other))
}

fn set(gauges: &GaugeVec, labels: &[&str], value: f64) {
    if let Ok(gauge) = gauges.get_metric_with_label_values(labels) {
        gauge.set(value);
    }
}

fn add(counters: &IntCounterVec, labels: &[&str], count: u64) {
    if let Ok(counter) = counters.get_metric_with_label_values(labels) {
        counter.inc_by(count);
    }
}

fn forget<T: MetricVecBuilder>(all: &MetricVec<T>, of: &[(&str, &str)]) {
    for family in all.collect() {
        for series in family.get_metric() {
            let labels: HashMap<&str, &str> =
                series.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
            if of.iter().all(|(name, value)| labels.get(name) == Some(value)) {
                // An error says that the series is not there, which is what is wanted.
                drop(all.remove(&labels));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_of_the_source_with_the_longest_name_that_fits() {
        assert!(is_of("lightning_sync_exchange_log_rows_total", "exchange_log"));
        assert!(!is_of("lightning_sync_exchange_log_rows_total", "exchange"));
        assert!(is_of("lightning_sync_exchange_step_success", "exchange"));
        assert!(!is_of("lightning_sync_exchanged", "exchange"));
    }
}
