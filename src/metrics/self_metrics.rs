//! The daemon's own counters and histograms, in a registry of their own. Series of organisations come and go with the
//! configuration and start at 0, so that the first refusal is an increase that a rule can see.

use super::catalogue::{METRICS, Metric, MetricGroup, metric};
use super::encoder::Lines;
use super::own_findings::OwnFindings;
use super::polls::Polls;
use super::scrape::Scrape;
use crate::build_info;
use crate::domain::alerts::OwnFinding;
use crate::domain::causes::Cause;
use crate::domain::ids::OrgName;
use crate::domain::problem::ProblemReason;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::events::{Event, EventSink, TASKS};
use bytes::BytesMut;
use chrono::TimeDelta;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramTimer, HistogramVec, IntCounter,
    IntCounterVec, Opts, Registry, core::Collector, proto::MetricFamily,
};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError, RwLock};

/// From a page of a few organisations to one that outlasts the usual scrape timeout of 10 s.
const SCRAPE_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a local flash disk to a network disk that is in trouble.
const COMMIT_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// What can become of a record in a request that was taken.
const OUTCOMES: [&str; 3] = ["accepted", "duplicate", "expired"];
/// The organisation of a request that named none that is configured.
const NO_ORG: &str = "";

/// The daemon's own metrics.
#[derive(Debug)]
pub struct SelfMetrics {
    registry: Registry,
    reasons: Vec<&'static str>,
    orgs: RwLock<BTreeSet<OrgName>>,
    findings: OwnFindings,
    alertmanagers: Mutex<Vec<String>>,
    alerts_sent: IntCounterVec,
    alert_failures: IntCounterVec,
    certificate_ends: Mutex<Option<Timestamp>>,
    backup: Mutex<BackupAge>,
    commit_duration: Histogram,
    commit_failures: IntCounter,
    config_loaded_at: Gauge,
    config_reload_success: Gauge,
    ingest_records: IntCounterVec,
    ingest_rejected: IntCounterVec,
    ingest_snapshots: IntCounterVec,
    last_backup: GaugeVec,
    polls: Polls,
    queue_bytes: Gauge,
    scrape_duration: Histogram,
    scrapes: IntCounter,
    store_since: Gauge,
    task_restarts: IntCounterVec,
    certificate_until: GaugeVec,
    passwords_refused: IntCounter,
    web_reload_failures: IntCounter,
}

/// What is known of backups.
#[derive(Debug, Clone, Copy, Default)]
struct BackupAge {
    /// How old the last one may be; `None`: nobody is alerted of them.
    max: Option<TimeDelta>,
    last: Option<Timestamp>,
}

impl BackupAge {
    /// Whether the last one is too old; `None` where nobody is alerted of that.
    fn is_over(self, now: Timestamp) -> Option<bool> {
        let max = self.max?;
        Some(self.last.is_none_or(|last| now.since(last) > max))
    }
}

impl SelfMetrics {
    /// Metrics of a daemon that has done nothing yet. `reasons` are all that a request can be refused for.
    ///
    /// # Errors
    /// When the registry refuses a metric, which only a mistake in the catalogue can bring about.
    #[rustfmt::skip]
    pub fn new(reasons: &[&'static str]) -> Result<Self, prometheus::Error> {
        let all = &Registry::new();
        gauges(all, const { metric("lightning_sync_exporter_build_info") })?
            .with_label_values(&[build_info::BRANCH, build_info::REVISION, build_info::RUST, build_info::VERSION])
            .set(1.0);
        let own = Self {
            reasons: reasons.to_vec(),
            orgs: RwLock::default(),
            findings: OwnFindings::new(),
            alertmanagers: Mutex::default(),
            alerts_sent: counters(all, const { metric("lightning_sync_exporter_alerts_sent_total") })?,
            alert_failures: counters(all, const { metric("lightning_sync_exporter_alert_send_failures_total") })?,
            certificate_ends: Mutex::default(),
            backup: Mutex::default(),
            commit_duration:
                histogram(all, const { metric("lightning_sync_exporter_commit_duration_seconds") }, COMMIT_BUCKETS)?,
            commit_failures: counter(all, const { metric("lightning_sync_exporter_commit_failures_total") })?,
            config_loaded_at:
                gauge(all, const { metric("lightning_sync_exporter_config_last_reload_success_timestamp_seconds") })?,
            config_reload_success: gauge(all, const { metric("lightning_sync_exporter_config_reload_success") })?,
            ingest_records: counters(all, const { metric("lightning_sync_exporter_ingest_records_total") })?,
            ingest_rejected: counters(all, const { metric("lightning_sync_exporter_ingest_rejected_total") })?,
            ingest_snapshots: counters(all, const { metric("lightning_sync_exporter_ingest_snapshots_total") })?,
            last_backup: gauges(all, const { metric("lightning_sync_exporter_last_backup_timestamp_seconds") })?,
            polls: Polls::new(all)?,
            queue_bytes: gauge(all, const { metric("lightning_sync_exporter_queue_bytes") })?,
            scrape_duration:
                histogram(all, const { metric("lightning_sync_exporter_scrape_duration_seconds") }, SCRAPE_BUCKETS)?,
            scrapes: counter(all, const { metric("lightning_sync_exporter_scrapes_total") })?,
            store_since: gauge(all, const { metric("lightning_sync_exporter_store_since_timestamp_seconds") })?,
            task_restarts: counters(all, const { metric("lightning_sync_exporter_task_restarts_total") })?,
            certificate_until:
                gauges(all, const { metric("lightning_sync_exporter_web_certificate_not_after_timestamp_seconds") })?,
            passwords_refused: counter(all, const { metric("lightning_sync_exporter_web_passwords_refused_total") })?,
            web_reload_failures: counter(all, const { metric("lightning_sync_exporter_web_reload_failures_total") })?,
            registry: all.clone(),
        };
        for task in TASKS {
            drop(own.task_restarts.get_metric_with_label_values(&[task]));
        }
        own.set_orgs(&[]);
        Ok(own)
    }

    /// Makes the series of the configured organisations, but those of refusals, which begin when there is one, and drops
    /// those of organisations that are gone.
    pub fn set_orgs(&self, orgs: &[OrgName]) {
        let now: BTreeSet<OrgName> = orgs.iter().cloned().collect();
        let mut known = self.orgs.write().unwrap_or_else(PoisonError::into_inner);
        for gone in known.difference(&now) {
            self.each_series(gone.as_str(), |counters, labels| {
                // An error says that the series is not there, which is what is wanted.
                drop(counters.remove_label_values(labels));
            });
            for reason in &self.reasons {
                drop(self.ingest_rejected.remove_label_values(&[gone.as_str(), reason]));
            }
        }
        for name in &now {
            self.each_series(name.as_str(), |counters, labels| {
                drop(counters.get_metric_with_label_values(labels));
            });
        }
        self.findings.set_orgs(now.iter());
        *known = now;
    }

    fn each_series(&self, org: &str, mut visit: impl FnMut(&IntCounterVec, &[&str])) {
        for outcome in OUTCOMES {
            visit(&self.ingest_records, &[org, outcome]);
        }
        visit(&self.ingest_snapshots, &[org]);
    }

    /// Says that the configuration in force was read at `at`.
    pub fn config_loaded(&self, at: Timestamp) {
        self.config_loaded_at.set(at.seconds());
        self.config_reload_success.set(1.0);
        self.findings.set(NO_ORG, Cause::ConfigReloadFailed, false);
    }

    /// Says until when the certificate in force is good, if there is one.
    pub fn set_certificate_until(&self, until: Option<Timestamp>) {
        *self.certificate_ends.lock().unwrap_or_else(PoisonError::into_inner) = until;
        self.findings.set(NO_ORG, Cause::WebReloadFailed, false);
        self.certificate_until.reset();
        if let Some(until) = until {
            self.certificate_until.with_label_values::<&str>(&[]).set(until.seconds());
        }
    }

    /// Says how old the last backup may be; `None`: nobody is alerted of backups.
    pub fn set_backup_max_age(&self, max: Option<TimeDelta>) {
        self.backup.lock().unwrap_or_else(PoisonError::into_inner).max = max;
    }

    /// Says when the last good backup began, if there is one.
    pub fn set_last_backup(&self, last: Option<Timestamp>) {
        self.backup.lock().unwrap_or_else(PoisonError::into_inner).last = last;
        self.last_backup.reset();
        if let Some(last) = last {
            self.last_backup.with_label_values::<&str>(&[]).set(last.seconds());
        }
    }

    /// Says since when the database knows the first of its organisations.
    pub fn set_store_since(&self, since: Timestamp) {
        self.store_since.set(since.seconds());
    }

    /// Says how many bytes are waiting to be written to the store.
    pub fn set_queue_bytes(&self, bytes: u64) {
        self.queue_bytes.set(bytes as f64);
    }

    /// Judges what needs attention of the daemon itself at `now`, when `view` is the latest.
    pub fn own_findings(&self, view: &View, now: Timestamp) -> Vec<OwnFinding> {
        let until = *self.certificate_ends.lock().unwrap_or_else(PoisonError::into_inner);
        let backup = *self.backup.lock().unwrap_or_else(PoisonError::into_inner);
        self.findings.set(NO_ORG, Cause::BackupTooOld, backup.is_over(now));
        self.findings.judge(view, until, now)
    }

    /// Makes the series of the Alertmanagers that alerts are sent to, and drops those of others.
    pub fn set_alertmanagers(&self, names: &[String]) {
        let mut known = self.alertmanagers.lock().unwrap_or_else(PoisonError::into_inner);
        for counters in [&self.alerts_sent, &self.alert_failures] {
            for gone in known.iter().filter(|name| !names.contains(name)) {
                // An error says that the series is not there, which is what is wanted.
                drop(counters.remove_label_values(&[gone]));
            }
            for name in names {
                drop(counters.get_metric_with_label_values(&[name]));
            }
        }
        *known = names.to_vec();
    }

    /// Adds to a series of an Alertmanager, while it is configured.
    fn add_sent(&self, counters: &IntCounterVec, alertmanager: &str, count: u64) {
        let known = self.alertmanagers.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|name| name == alertmanager) {
            counters.with_label_values(&[alertmanager]).inc_by(count);
        }
    }

    /// Counts a scrape; its duration is noted when the timer is dropped.
    pub(super) fn scrape(&self) -> HistogramTimer {
        self.scrapes.inc();
        self.scrape_duration.start_timer()
    }

    /// Writes the daemon's own families in the order of the catalogue; one that the catalogue does not have is not written.
    pub(super) fn write(&self, out: &mut BytesMut, lines: &mut Lines, scrape: &Scrape) {
        let findings = self.own_findings(&scrape.view, scrape.now);
        let families = self.registry.gather();
        for metric in METRICS.iter().filter(|metric| metric.group == MetricGroup::Exporter) {
            if metric.name == OwnFindings::METRIC.name {
                OwnFindings::write(out, lines, &findings);
            }
            let family = families.iter().find(|family| family.name() == metric.name);
            for series in family.into_iter().flat_map(MetricFamily::get_metric) {
                lines.series(out, metric, series);
            }
        }
    }

    fn is_configured(&self, org: &str) -> bool {
        let known = self.orgs.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|name| name.as_str() == org)
    }

    /// Adds to a series of an organisation, while it is configured: labels stay a closed set.
    fn add(&self, counters: &IntCounterVec, org: &str, labels: &[&str], count: u64) {
        if (org == NO_ORG || self.is_configured(org))
            && let Ok(counter) = counters.get_metric_with_label_values(labels)
        {
            counter.inc_by(count);
        }
    }
}

impl EventSink for SelfMetrics {
    fn count(&self, event: &Event) {
        match event {
            Event::IngestRejected { org, reason, .. } => {
                let org = if self.is_configured(org) { org } else { NO_ORG };
                // A sender that was led to a follower finds its way by the answer.
                if *reason != ProblemReason::NotLeader.name() {
                    self.findings.happened(org, Cause::IngestRejected);
                }
                self.add(&self.ingest_rejected, org, &[org, reason], 1);
            }
            Event::ActivityAccepted { org, accepted, duplicates, expired } => {
                for (outcome, count) in OUTCOMES.iter().zip([*accepted, *duplicates, *expired]) {
                    self.add(&self.ingest_records, org, &[org, outcome], count);
                }
            }
            Event::SnapshotAccepted { org, .. } => {
                self.add(&self.ingest_snapshots, org, &[org], 1);
            }
            Event::Committed { took } => self.commit_duration.observe(took.as_secs_f64()),
            Event::CommitFailed { .. } => {
                self.findings.happened(NO_ORG, Cause::StoreFailing);
                self.commit_failures.inc();
            }
            Event::PasswordRefused { .. } => self.passwords_refused.inc(),
            Event::WebReloadFailed { .. } => {
                self.findings.set(NO_ORG, Cause::WebReloadFailed, true);
                self.web_reload_failures.inc();
            }
            Event::ConfigReloaded => {
                self.findings.set(NO_ORG, Cause::ConfigReloadFailed, false);
                self.config_reload_success.set(1.0);
            }
            Event::ConfigRejected { .. } => {
                self.findings.set(NO_ORG, Cause::ConfigReloadFailed, true);
                self.config_reload_success.set(0.0);
            }
            Event::Polled { org, source, took, at_seconds, .. } => {
                self.polls.succeeded(org, source, *took, *at_seconds)
            }
            Event::PollFailed { org, source, reason, took, .. } => {
                self.polls.failed(org, source, reason, *took)
            }
            Event::PollingBegan { org, source } => self.polls.begin(org, source),
            Event::PollingEnded { org, source } => {
                self.findings.figures(org, source, &[]);
                self.polls.forget(org, source);
            }
            Event::SourceFigures { org, source, figures } => {
                self.findings.figures(org, source, figures);
                self.polls.figures(org, source, figures);
            }
            Event::TaskRestarted { task } => self.task_restarts.with_label_values(&[*task]).inc(),
            Event::AlertsSent { alertmanager, alerts } => {
                self.add_sent(&self.alerts_sent, alertmanager, *alerts);
            }
            Event::AlertsNotSent { alertmanager, .. } => {
                self.add_sent(&self.alert_failures, alertmanager, 1);
            }
            // The View says these as states; a count would say less.
            Event::StoreReopened
            | Event::Following { .. }
            | Event::Leading { .. }
            | Event::Deposed
            | Event::FollowingFailed { .. }
            | Event::AlertmanagerRecovered { .. }
            | Event::HeartbeatFailed { .. }
            | Event::WindowsFailed { .. }
            | Event::ClockSuspect { .. }
            | Event::SourceNews { .. } => {}
        }
    }
}

fn opts(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: Result<C, prometheus::Error>,
) -> Result<C, prometheus::Error> {
    let made = made?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauge(registry: &Registry, metric: &Metric) -> Result<Gauge, prometheus::Error> {
    register(registry, Gauge::with_opts(opts(metric)))
}

fn counter(registry: &Registry, metric: &Metric) -> Result<IntCounter, prometheus::Error> {
    register(registry, IntCounter::with_opts(opts(metric)))
}

/// Makes gauges with the labels of the catalogue, in `registry`.
pub(super) fn gauges(registry: &Registry, metric: &Metric) -> Result<GaugeVec, prometheus::Error> {
    register(registry, GaugeVec::new(opts(metric), metric.labels))
}

/// Makes counters with the labels of the catalogue, in `registry`.
pub(super) fn counters(
    registry: &Registry,
    metric: &Metric,
) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(opts(metric), metric.labels))
}

fn histogram(
    registry: &Registry,
    metric: &Metric,
    buckets: &[f64],
) -> Result<Histogram, prometheus::Error> {
    let opts = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    register(registry, Histogram::with_opts(opts))
}

/// Makes histograms with the labels of the catalogue, in `registry`.
pub(super) fn histograms(
    registry: &Registry,
    metric: &Metric,
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let opts = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    register(registry, HistogramVec::new(opts, metric.labels))
}
