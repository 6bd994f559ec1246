//! Metrics of sources that ask: how polls went, and what Salesforce told besides the article's rows. Series of an
//! organisation begin when it is asked for the first time and go when it is no longer asked.

use super::catalogue::{Metric, metric};
use crate::domain::ids::Source;
use crate::domain::time::{Timestamp, seconds};
use chrono::TimeDelta;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};
use std::collections::HashMap;
use std::time::Duration;

/// What Salesforce told of an organisation at a poll; what is not known is left out, and its series go.
#[derive(Debug, Clone, Default)]
pub struct SalesforceFigures {
    /// Requests of this poll.
    pub calls: u64,
    /// Requests of the last 24 hours by anybody, and how many are allowed.
    pub requests: Option<(u64, u64)>,
    /// The used share of our budget of them.
    pub budget_used: Option<f64>,
    /// Users of Einstein Activity Capture by connectivity.
    pub connectivity: Vec<(&'static str, u64)>,
    /// The same by the state of their first sync.
    pub onboarding: Vec<(&'static str, u64)>,
    /// Assignments by what is assigned.
    pub assignments: Vec<(&'static str, u64)>,
    /// Whether parts of the interface are there; `None`: nobody asked yet.
    pub parts: Vec<(&'static str, Option<bool>)>,
    /// Users who have not moved to the successor product.
    pub not_moved: Option<u64>,
    /// Switches of the settings; `None`: no longer told.
    pub settings: Vec<(&'static str, Option<bool>)>,
    /// Changed records of the last hour, by object type.
    pub approximate: Vec<(&'static str, u64)>,
    /// New changes of the sync's set-up.
    pub setup_changes: u64,
    /// The latest of them.
    pub last_setup_change: Option<Timestamp>,
    /// How far the server's clock is ahead of ours.
    pub clock_ahead: Option<TimeDelta>,
}

/// What the sync error report says, asked for or exported; what is not known is left out, and its series go.
#[derive(Debug, Clone, Default)]
pub struct ReportFigures {
    /// Failed records, by kind.
    pub records: Vec<(&'static str, u64)>,
    /// Users with failed records, by kind.
    pub users: Vec<(&'static str, u64)>,
    /// Whether rows were left out.
    pub truncated: Option<bool>,
}

/// The metrics.
#[derive(Debug)]
pub(super) struct Polls {
    success: GaugeVec,
    duration: GaugeVec,
    last_success: GaugeVec,
    failures: IntCounterVec,
    approximate: GaugeVec,
    budget_used: GaugeVec,
    calls: IntCounterVec,
    allowed: GaugeVec,
    used: GaugeVec,
    assignments: GaugeVec,
    onboarding: GaugeVec,
    connectivity: GaugeVec,
    clock_ahead: GaugeVec,
    last_setup_change: GaugeVec,
    not_moved: GaugeVec,
    parts: GaugeVec,
    report_records: GaugeVec,
    report_users: GaugeVec,
    report_truncated: GaugeVec,
    settings: GaugeVec,
    setup_changes: IntCounterVec,
}

impl Polls {
    /// Metrics of nobody yet, in `registry`.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges = |metric: &Metric| -> Result<GaugeVec, prometheus::Error> {
            let gauges = GaugeVec::new(opts(metric), metric.labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let counters = |metric: &Metric| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(opts(metric), metric.labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        Ok(Self {
            success: gauges(metric("lightning_sync_poll_success"))?,
            duration: gauges(metric("lightning_sync_poll_duration_seconds"))?,
            last_success: gauges(metric("lightning_sync_poll_last_success_timestamp_seconds"))?,
            failures: counters(metric("lightning_sync_poll_failures_total"))?,
            approximate: gauges(metric(
                "lightning_sync_salesforce_approximate_changed_records_60m",
            ))?,
            budget_used: gauges(metric("lightning_sync_salesforce_api_budget_used_ratio"))?,
            calls: counters(metric("lightning_sync_salesforce_api_calls_total"))?,
            allowed: gauges(metric("lightning_sync_salesforce_api_requests_allowed"))?,
            used: gauges(metric("lightning_sync_salesforce_api_requests_used"))?,
            assignments: gauges(metric("lightning_sync_salesforce_assignments"))?,
            onboarding: gauges(metric("lightning_sync_salesforce_capture_onboarding_users"))?,
            connectivity: gauges(metric("lightning_sync_salesforce_capture_users"))?,
            clock_ahead: gauges(metric("lightning_sync_salesforce_clock_ahead_seconds"))?,
            last_setup_change: gauges(metric(
                "lightning_sync_salesforce_last_setup_change_timestamp_seconds",
            ))?,
            not_moved: gauges(metric("lightning_sync_salesforce_users_not_moved"))?,
            parts: gauges(metric("lightning_sync_salesforce_part_available"))?,
            report_records: gauges(metric("lightning_sync_salesforce_report_failed_records"))?,
            report_users: gauges(metric("lightning_sync_salesforce_report_failing_users"))?,
            report_truncated: gauges(metric("lightning_sync_salesforce_report_truncated"))?,
            settings: gauges(metric("lightning_sync_salesforce_setting_enabled"))?,
            setup_changes: counters(metric("lightning_sync_salesforce_setup_changes_total"))?,
        })
    }

    /// Begins the counters of a source of an organisation at 0. Failures begin with the first of their reason: an
    /// organisation would otherwise have a series for every reason there is.
    pub(super) fn begin(&self, org: &str, source: &str) {
        if source != Source::Salesforce.name() {
            return;
        }
        for counters in [&self.calls, &self.setup_changes] {
            drop(counters.get_metric_with_label_values(&[org]));
        }
    }

    /// Drops every series of a source of an organisation.
    pub(super) fn forget(&self, org: &str, source: &str) {
        let polls = [("org", org), ("source", source)];
        for gauges in [&self.success, &self.duration, &self.last_success] {
            forget(gauges, &polls);
        }
        forget(&self.failures, &polls);
        if source != Source::Salesforce.name() {
            return;
        }
        for gauges in [
            &self.budget_used,
            &self.allowed,
            &self.used,
            &self.assignments,
            &self.onboarding,
            &self.connectivity,
            &self.clock_ahead,
            &self.last_setup_change,
            &self.parts,
            &self.not_moved,
            &self.approximate,
            &self.settings,
        ] {
            forget(gauges, &[("org", org)]);
        }
        for counters in [&self.calls, &self.setup_changes] {
            forget(counters, &[("org", org)]);
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

    /// Says what Salesforce told.
    pub(super) fn salesforce(&self, org: &str, told: &SalesforceFigures) {
        add(&self.calls, &[org], told.calls);
        add(&self.setup_changes, &[org], told.setup_changes);
        let one = |gauges: &GaugeVec, value| set_or_drop(gauges, org, value);
        one(&self.not_moved, told.not_moved.map(|users| users as f64));
        one(&self.used, told.requests.map(|(used, _)| used as f64));
        one(
            &self.allowed,
            told.requests.map(|(_, allowed)| allowed as f64),
        );
        one(&self.budget_used, told.budget_used);
        one(
            &self.last_setup_change,
            told.last_setup_change.map(Timestamp::seconds),
        );
        one(&self.clock_ahead, told.clock_ahead.map(seconds));
        for (gauges, counts) in [
            (&self.connectivity, &told.connectivity),
            (&self.onboarding, &told.onboarding),
            (&self.assignments, &told.assignments),
            (&self.approximate, &told.approximate),
        ] {
            set_counts(gauges, org, counts);
        }
        for (gauges, states) in [(&self.parts, &told.parts), (&self.settings, &told.settings)] {
            for (name, state) in states {
                match state {
                    Some(state) => set(gauges, &[org, name], f64::from(u8::from(*state))),
                    None => drop(gauges.remove_label_values(&[org, name])),
                }
            }
        }
    }

    /// Says what the error report says. It has another way in than polls alone, so that it goes with its own.
    pub(super) fn report(&self, org: &str, told: &ReportFigures) {
        set_counts(&self.report_records, org, &told.records);
        set_counts(&self.report_users, org, &told.users);
        let cut = told.truncated.map(|cut| f64::from(u8::from(cut)));
        set_or_drop(&self.report_truncated, org, cut);
    }
}

fn set_counts(gauges: &GaugeVec, org: &str, counts: &[(&str, u64)]) {
    if counts.is_empty() {
        forget(gauges, &[("org", org)]);
    }
    for (name, count) in counts {
        set(gauges, &[org, name], *count as f64);
    }
}

fn set_or_drop(gauges: &GaugeVec, org: &str, value: Option<f64>) {
    match value {
        Some(value) => set(gauges, &[org], value),
        // An error says that there is no such series, which is what is wanted.
        None => drop(gauges.remove_label_values(&[org])),
    }
}

fn opts(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
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
            let labels: HashMap<&str, &str> = series
                .get_label()
                .iter()
                .map(|pair| (pair.name(), pair.value()))
                .collect();
            if of
                .iter()
                .all(|(name, value)| labels.get(name) == Some(value))
            {
                // An error says that the series is not there, which is what is wanted.
                drop(all.remove(&labels));
            }
        }
    }
}
