//! Plays a life to the engine, and writes down what Prometheus scrapes.

use crate::alarms::LabelSet;
use crate::baselines::{self, NaiveRules};
use crate::memory_store::MemoryStore;
use anyhow::Context;
use chrono::TimeDelta;
use lightning_sync_exporter::alerting::{AlertBook, JudgedAlerts};
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord};
use lightning_sync_exporter::domain::alerts::AlertId;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::judge::judge;
use lightning_sync_exporter::domain::observation::{
    ACTIVITY_AHEAD, ActivityBatch, Observation, SNAPSHOT_AHEAD,
};
use lightning_sync_exporter::domain::policy::{UserNames, UserSeries};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::engine::{Engine, EngineSettings};
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::rules::{ScrapeTarget, alert_of, groups, rule};
use lightning_sync_sim::scenarios::{Pushes, Scenario, WatchFault};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often a life is played on, scraped, and judged.
pub const STEP: TimeDelta = TimeDelta::minutes(5);

/// How often rules are evaluated over a life.
pub(crate) fn evaluated_every(life: &Scenario) -> TimeDelta {
    life.watching.evaluated_every.unwrap_or(STEP)
}

/// How many steps of a life there are to an evaluation.
pub(crate) fn steps_each(life: &Scenario) -> usize {
    let steps = evaluated_every(life).num_minutes() / STEP.num_minutes();
    usize::try_from(steps).unwrap_or(1).max(1)
}

/// How many steps lie before the first: promtool's time begins at zero, which the rules take for "does not hold".
pub(crate) const LEAD: usize = 2;

/// What exporters say of organisations at an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The alerts that one judges, whether they have waited long enough or not.
    pub(crate) judged: BTreeSet<LabelSet>,
    /// Those that fire by what each of them sends itself.
    pub(crate) sent: BTreeSet<LabelSet>,
}

/// What Prometheus scrapes of a life, step by step.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// By series; `None` where a scrape has no such value.
    pub(crate) series: BTreeMap<String, Vec<Option<f64>>>,
    pub(crate) steps: usize,
    /// What exporters say at each evaluation, and when; `None` where none answers with a picture of now.
    pub(crate) said: Vec<(Timestamp, Option<Said>)>,
    /// What other rules would fire at each step, by rule set.
    pub(crate) naive: BTreeMap<NaiveRules, Vec<BTreeSet<LabelSet>>>,
}

/// One exporter and its store.
pub(crate) struct Exporter {
    instance: String,
    store: MemoryStore,
    settings: EngineSettings,
    engine: Engine<MemoryStore>,
    pages: MetricsPages,
    /// How far the alerts have got that it sends.
    book: AlertBook,
    started: Timestamp,
    /// Up to when it has got what is sent.
    received: Timestamp,
    /// When it last ticked since its start, by the world's clock.
    ticked: Option<Timestamp>,
}

impl Exporter {
    pub(crate) fn start(life: &Scenario, instance: String) -> anyhow::Result<Self> {
        let mut policies = vec![Arc::new(life.policy.clone())];
        policies.extend(beside(life).map(|life| Arc::new(life.policy)));
        let settings = EngineSettings {
            policies,
            keep_activity: TimeDelta::days(7),
            keep_history: TimeDelta::days(400),
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        };
        let store = MemoryStore::new();
        let engine =
            Engine::start(store.clone(), settings.clone(), Events::log_only(), life.starts)?;
        let own = SelfMetrics::new(&[])?;
        own.set_store_since(life.starts);
        let pages = MetricsPages::new(Arc::new(own));
        let received = life.starts.minus(TimeDelta::nanoseconds(1));
        Ok(Self {
            instance,
            store,
            settings,
            engine,
            pages,
            book: AlertBook::default(),
            started: life.starts,
            received,
            ticked: None,
        })
    }

    fn restart(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let (store, settings) = (self.store.clone(), self.settings.clone());
        self.engine = Engine::start(store, settings, Events::log_only(), now)?;
        self.book = AlertBook::of(self.engine.take_alerts());
        self.started = now;
        self.ticked = None;
        Ok(())
    }

    /// Takes what is sent at `now`, by the exporter's own clock.
    fn hear(&mut self, org: &OrgName, pushes: Pushes, now: Timestamp) -> anyhow::Result<()> {
        let identity = self.engine.identity();
        let mut observations = Vec::new();
        if pushes.feed_speaks {
            let records =
                pushes.records.iter().filter(|record| record.at <= now.plus(ACTIVITY_AHEAD));
            let records = records.map(|record| ActivityRecord {
                at: record.at,
                kind: ActivityKind {
                    object_type: record.object_type,
                    direction: Some(record.direction),
                    outcome: record.outcome,
                },
                key: identity.of_id(org.as_str(), record.at, &record.id.to_string()),
            });
            observations.push(Observation::Activity(ActivityBatch {
                org: org.clone(),
                received_at: now,
                records: records.collect(),
            }));
        }
        let pages = pushes.snapshots.into_iter();
        let pages = pages.filter(|page| page.captured_at <= now.plus(SNAPSHOT_AHEAD));
        observations.extend(pages.map(Observation::Snapshot));
        for receipt in self.engine.observe(observations, now) {
            receipt.context("the engine refuses a part of a life")?;
        }
        for (source, state) in pushes.states {
            self.engine.set_source_state(org, source, Some(state));
        }
        Ok(())
    }

    /// Takes what has been sent since `since`, and judges; gives what fires by what it sends itself.
    pub(crate) fn live(
        &mut self,
        life: &Scenario,
        since: Timestamp,
        now: Timestamp,
    ) -> anyhow::Result<BTreeSet<LabelSet>> {
        self.hear(&life.policy.name, life.live(now, since), now)?;
        self.engine.tick(now, now.since(since));
        let view = self.engine.view();
        self.send(&view, now)
    }

    /// A round of sending: gives what fires.
    fn send(&mut self, view: &View, now: Timestamp) -> anyhow::Result<BTreeSet<LabelSet>> {
        let judged = JudgedAlerts::of(view, &[], now);
        let hold = |cause| rule(cause).and_then(|rule| rule.hold).unwrap_or_default();
        let changes = self.book.changes(&judged, hold, now);
        if !changes.is_empty() {
            self.engine.record_alerts(changes.clone(), now).context("alerts are not stored")?;
            self.book.apply(changes);
        }
        let sent = self.book.outgoing(now);
        let firing = sent.iter().filter(|alert| alert.ended.is_none());
        Ok(firing.filter_map(|alert| labels(&alert.id)).collect())
    }
}

/// The second organisation that the same exporter watches.
fn beside(life: &Scenario) -> Option<Scenario> {
    life.watching.beside.then(|| life.beside())
}

/// Plays a life to its end. What judges is shown to `judging` at each step: the first exporter's picture whose clock is right.
pub(crate) fn play(
    life: &Scenario,
    judging: &mut dyn FnMut(&Arc<View>, Timestamp),
) -> anyhow::Result<Recording> {
    let read = metrics_of_rules();
    let mut exporters = vec![Exporter::start(life, life.name.to_owned())?];
    if life.watching.two_exporters {
        exporters.push(Exporter::start(life, format!("{}-2", life.name))?);
    }
    let beside = beside(life);
    let lives: Vec<&Scenario> = [life].into_iter().chain(beside.as_ref()).collect();
    let mut recording = Recording::default();
    let mut now = life.starts;
    while now <= life.ends {
        let evaluated = (recording.steps + LEAD).is_multiple_of(steps_each(life));
        let (mut answered, mut said) = (false, None);
        let mut naive: BTreeMap<NaiveRules, BTreeSet<LabelSet>> = BTreeMap::new();
        for (number, exporter) in exporters.iter_mut().enumerate() {
            let faults: Vec<WatchFault> = life.watching.at(now).collect();
            let first = number == 0;
            let down = if first { WatchFault::Down } else { WatchFault::SecondDown };
            let down = faults.contains(&down);
            let instance = exporter.instance.clone();
            recording.put(
                &format!("up{{job=\"lightning-sync\",instance=\"{instance}\"}}"),
                f64::from(u8::from(!down)),
            );
            if down {
                continue;
            }
            let ahead = faults.iter().find_map(|fault| {
                if let WatchFault::ClockAhead(by) = fault { Some(*by) } else { None }
            });
            let clock = ahead.map_or(now, |by| now.plus(by));
            if faults.contains(&WatchFault::Restarts) || exporter.received < now.minus(STEP) {
                exporter.restart(clock)?;
            }
            for life in &lives {
                let pushes = life.live(now, exporter.received);
                exporter.hear(&life.policy.name, pushes, clock)?;
            }
            exporter.received = now;
            let ticked = exporter.ticked.replace(now).unwrap_or(now);
            exporter.engine.tick(clock, now.since(ticked));
            let view = Arc::new(exporter.engine.view());
            if ahead.is_none() && !std::mem::replace(&mut answered, true) {
                judging(&view, now);
            }
            if ahead.is_none() && evaluated {
                let sent = exporter.send(&view, now)?;
                let judged = || {
                    let alerts = judge(&view, now).iter().filter_map(alert_of).collect::<Vec<_>>();
                    Said { judged: alerts.iter().filter_map(labels).collect(), ..Said::default() }
                };
                said.get_or_insert_with(judged).sent.extend(sent);
            }
            let page: Vec<u8> =
                exporter.pages.text(view, clock, PageFormat::Text).flatten().collect();
            let page = std::str::from_utf8(&page)?;
            for line in page.lines().filter(|line| !line.starts_with('#')) {
                let (series, value) = line.rsplit_once(' ').context("a line without a value")?;
                let value: f64 = value.parse()?;
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                for (baseline, alert) in baselines::firing(name, labels, value) {
                    naive.entry(baseline).or_default().insert(alert);
                }
                if read.contains(name) {
                    let comma = if labels == "}" { "" } else { "," };
                    recording.put(
                        &format!(
                            "{name}{{job=\"lightning-sync\",instance=\"{instance}\"{comma}{labels}"
                        ),
                        value,
                    );
                }
            }
            recording.put(
                &format!(
                    "process_start_time_seconds{{job=\"lightning-sync\",instance=\"{instance}\"}}"
                ),
                exporter.started.seconds(),
            );
        }
        if evaluated {
            recording.said.push((now, said));
        }
        for baseline in NaiveRules::ALL {
            let firing = naive.remove(&baseline).unwrap_or_default();
            recording.naive.entry(baseline).or_default().push(firing);
        }
        recording.steps += 1;
        now = now.plus(STEP);
    }
    Ok(recording)
}

impl Recording {
    fn put(&mut self, series: &str, value: f64) {
        if let Some(values) = self.series.get_mut(series) {
            values.resize(self.steps, None);
            values.push(Some(value));
            return;
        }
        let mut values = vec![None; self.steps];
        values.push(Some(value));
        self.series.insert(series.to_owned(), values);
    }
}

/// The labels of an alert.
fn labels(id: &AlertId) -> Option<LabelSet> {
    // No alert of an organisation names an exporter.
    let exporter = ScrapeTarget { job: String::new(), instance: String::new() };
    Some(LabelSet::of(rule(id.subject.cause)?.labels(id, &exporter)))
}

/// The exporter's metrics that any rule reads.
pub fn metrics_of_rules() -> BTreeSet<String> {
    let groups = groups();
    let recording = groups.iter().flat_map(|group| group.recording.iter().map(|rule| &rule.expr));
    let alerts = groups.iter().flat_map(|group| group.alerts.iter().map(|rule| &rule.expr));
    recording
        .chain(alerts)
        .flat_map(|expr| expr.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))))
        .filter(|token| token.starts_with("lightning_sync_"))
        // These are read together, by a pattern.
        .chain([
            "lightning_sync_finding_since_timestamp_seconds",
            "lightning_sync_exporter_finding_since_timestamp_seconds",
        ])
        .map(str::to_owned)
        .collect()
}
