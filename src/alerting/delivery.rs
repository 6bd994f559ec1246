//! The rounds: judge, record, send. Each Alertmanager has a task of its own, so that none waits for another; what it has
//! not taken is sent again, because every round holds everything that fires or ended lately.

use super::book::{AlertBook, OutgoingAlert};
use super::client::{AlertmanagerClient, HeartbeatClient, SendFailure};
use super::judged::JudgedAlerts;
use super::settings::{AlertingSettings, HeartbeatSettings};
use super::wire::posted;
use crate::domain::alerts::{AlertChange, AlertId, AlertState, OwnFinding};
use crate::domain::causes::Cause;
use crate::domain::observation::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::events::{Event, Events, spawn_restarting};
use crate::http_client::Trust;
use crate::rules::rule;
use chrono::TimeDelta;
use serde_json::Value;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// How often the shipped rules are evaluated, and how often Prometheus sends again what fires.
const EVERY: Duration = Duration::from_secs(60);
/// For how long an alert fires that is not sent again: four rounds, as Prometheus has it.
const FIRES_FOR: TimeDelta = TimeDelta::minutes(4);
/// How soon a round that failed is tried again: a page must not wait for the next.
const RETRY: Duration = Duration::from_secs(5);
/// Alerts of one request, as Prometheus has it: about half a megabyte.
const BATCH: usize = 256;
/// Changes of one transaction: some ten milliseconds of the engine's time.
const RECORDED_AT_ONCE: usize = 1_000;
/// For how long the heartbeat goes on without an Alertmanager that took a round: one that restarts is back by then.
const UNDELIVERED: u32 = 3;

/// The answer of the store to changes.
pub type Recorded = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// The daemon as this module needs it.
pub trait AlertHost: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// The latest View.
    fn view(&self) -> Arc<View>;
    /// Whether nobody else sends alerts.
    fn may_send(&self) -> bool {
        true
    }
    /// What the daemon found of itself.
    fn own_findings(&self, view: &View, now: Timestamp) -> Vec<OwnFinding>;
    /// Stores changes.
    fn record(&self, changes: Vec<AlertChange>) -> Recorded;
}

/// Everything of a round.
type Outbox = Arc<[OutgoingAlert]>;

/// Judges and sends while it is configured to.
pub struct Alerting {
    host: Arc<dyn AlertHost>,
    events: Events,
    /// How many times faster than by the clock rounds follow each other and conditions have held: 1, and more in tests.
    pace: u32,
    book: tokio::sync::Mutex<AlertBook>,
    outbox: watch::Sender<Outbox>,
    /// When any Alertmanager last took a round.
    delivered: Mutex<Option<Instant>>,
    running: Mutex<AlertTasks>,
}

/// What runs, and by which settings.
#[derive(Default)]
struct AlertTasks {
    settings: Option<Arc<AlertingSettings>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Alerting {
    /// Nothing runs before [`Self::configure`]. `stored` is how far alerts had got before.
    pub fn new(
        host: Arc<dyn AlertHost>,
        events: Events,
        stored: Vec<(AlertId, AlertState)>,
        pace: u32,
    ) -> Arc<Self> {
        Arc::new(Self {
            host,
            events,
            pace: pace.max(1),
            book: tokio::sync::Mutex::new(AlertBook::of(stored)),
            outbox: watch::channel(Outbox::default()).0,
            delivered: Mutex::default(),
            running: Mutex::default(),
        })
    }

    /// Runs as the configuration says from now on. What was under way to others is cut off; it is sent again.
    pub fn configure(self: &Arc<Self>, settings: Option<Arc<AlertingSettings>>, trust: &Trust) {
        let mut running = self.running();
        if running.settings == settings {
            return;
        }
        running.tasks.drain(..).for_each(|task| task.abort());
        running.settings.clone_from(&settings);
        *self.delivered() = None;
        let Some(settings) = settings else {
            return;
        };
        for alertmanager in &settings.alertmanagers {
            let client = Arc::new(AlertmanagerClient::new(alertmanager, trust));
            let (this, settings) = (Arc::clone(self), Arc::clone(&settings));
            running.tasks.push(spawn_restarting("alerting", self.events.clone(), move || {
                Arc::clone(&this).send(Arc::clone(&client), Arc::clone(&settings))
            }));
        }
        if !settings.alertmanagers.is_empty() {
            let this = Arc::clone(self);
            running.tasks.push(spawn_restarting("alerting", self.events.clone(), move || {
                Arc::clone(&this).judge()
            }));
        }
        if let Some(heartbeat) = settings.heartbeat.clone() {
            let this = Arc::clone(self);
            let client = Arc::new(HeartbeatClient::new(&heartbeat, trust));
            let sends = !settings.alertmanagers.is_empty();
            running.tasks.push(spawn_restarting("alerting", self.events.clone(), move || {
                Arc::clone(&this).beat(Arc::clone(&client), heartbeat.clone(), sends)
            }));
        }
    }

    /// Goes on from how far alerts have got by now, as nothing ran meanwhile.
    pub async fn resume(&self, stored: Vec<(AlertId, AlertState)>) {
        *self.book.lock().await = AlertBook::of(stored);
    }

    /// Ends everything; what is recorded is sent after the next start.
    pub fn stop(&self) {
        self.running().tasks.drain(..).for_each(|task| task.abort());
    }

    fn running(&self) -> MutexGuard<'_, AlertTasks> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn delivered(&self) -> MutexGuard<'_, Option<Instant>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn every(&self) -> Duration {
        EVERY / self.pace
    }

    fn hold(&self, cause: Cause) -> TimeDelta {
        let hold = rule(cause).and_then(|rule| rule.hold).unwrap_or_default();
        hold / i32::try_from(self.pace).unwrap_or(i32::MAX)
    }

    async fn judge(self: Arc<Self>) {
        let mut rounds = interval(self.every());
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            self.round().await;
        }
    }

    /// Judges, records what that changes, and hands out what is recorded. Where the View is not one of now, or the store
    /// refuses, what was recorded before goes on.
    async fn round(self: &Arc<Self>) {
        let mut book = self.book.lock().await;
        let now = self.host.now();
        if let Some(judged) = self.judged(now).await {
            let mut changes = book.changes(&judged, |cause| self.hold(cause), now);
            while !changes.is_empty() {
                let rest = changes.split_off(changes.len().min(RECORDED_AT_ONCE));
                if self.host.record(changes.clone()).await.is_err() {
                    break;
                }
                book.apply(std::mem::replace(&mut changes, rest));
            }
        }
        self.outbox.send_replace(book.outgoing(now).into());
    }

    async fn judged(self: &Arc<Self>, now: Timestamp) -> Option<JudgedAlerts> {
        let view = self.host.view();
        if !works(&view, now) {
            return None;
        }
        let host = Arc::clone(&self.host);
        let judging = move || JudgedAlerts::of(&view, &host.own_findings(&view, now), now);
        tokio::task::spawn_blocking(judging).await.ok()
    }

    async fn send(
        self: Arc<Self>,
        client: Arc<AlertmanagerClient>,
        settings: Arc<AlertingSettings>,
    ) {
        let mut outbox = self.outbox.subscribe();
        let mut failing = false;
        loop {
            let wait = if failing { RETRY / self.pace } else { Duration::MAX };
            if let Ok(Err(_)) = timeout(wait, outbox.changed()).await {
                return;
            }
            let round = Arc::clone(&outbox.borrow_and_update());
            let sent = self.send_round(&client, &settings, &round).await;
            let alertmanager = client.name.clone();
            match sent {
                Ok(()) => {
                    *self.delivered() = Some(Instant::now());
                    if failing {
                        self.events.emit(Event::AlertmanagerRecovered { alertmanager });
                    }
                }
                Err(detail) => {
                    let event = Event::AlertsNotSent { alertmanager, detail, repeated: failing };
                    self.events.emit(event);
                    failing = true;
                    continue;
                }
            }
            failing = false;
        }
    }

    /// Sends everything of a round. Nothing at all is sent, too: it shows whether the Alertmanager takes it.
    async fn send_round(
        &self,
        client: &AlertmanagerClient,
        settings: &AlertingSettings,
        round: &[OutgoingAlert],
    ) -> Result<(), String> {
        let mut refused = None;
        let empty = round.is_empty().then_some(round);
        for batch in empty.into_iter().chain(round.chunks(BATCH)) {
            let now = self.host.now();
            if !self.host.may_send() {
                return Err("another daemon may send them by now".to_owned());
            }
            let alerts: Vec<Value> =
                batch.iter().filter_map(|alert| written(alert, settings, now)).collect();
            let body = serde_json::to_vec(&alerts).map_err(|error| error.to_string())?;
            match client.post(body.into()).await {
                Ok(()) => self.events.emit(Event::AlertsSent {
                    alertmanager: client.name.clone(),
                    alerts: alerts.len() as u64,
                }),
                Err(SendFailure::Refused(says)) => refused = Some(says),
                Err(SendFailure::NoUse(says)) => return Err(says),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    async fn beat(
        self: Arc<Self>,
        client: Arc<HeartbeatClient>,
        settings: HeartbeatSettings,
        sends: bool,
    ) {
        let every = settings.every.to_std().unwrap_or(EVERY);
        let mut failing = false;
        loop {
            sleep(every).await;
            let lately =
                self.delivered().is_some_and(|at| at.elapsed() < self.every() * UNDELIVERED);
            let works = works(&self.host.view(), self.host.now()) && self.host.may_send();
            if !works || (sends && !lately) {
                continue;
            }
            let done = client.beat().await;
            if let Err(detail) = &done {
                let (detail, repeated) = (detail.clone(), failing);
                self.events.emit(Event::HeartbeatFailed { detail, repeated });
            }
            failing = done.is_err();
        }
    }
}

/// Whether the engine works, so that what it says is of now.
fn works(view: &View, now: Timestamp) -> bool {
    view.is_fresh(now) && !view.store_failing
}

/// An alert as it is sent at `now`.
fn written(alert: &OutgoingAlert, settings: &AlertingSettings, now: Timestamp) -> Option<Value> {
    let rule = rule(alert.id.subject.cause)?;
    let labels = rule.labels(&alert.id, &settings.exporter);
    let annotations = rule.annotations(&alert.id, &alert.description, &settings.external_url);
    // What ended must not end later because the clock went back meanwhile.
    let ends = alert.ended.map_or(now.plus(FIRES_FOR), |ended| ended.min(now));
    Some(posted(labels, annotations, alert.starts.min(now), ends))
}
