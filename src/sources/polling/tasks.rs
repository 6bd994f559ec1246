//! The loop: a task for each poller, which outlives the poller's own defects.

use super::{Pending, PollSettings, PolledSource, Usage};
use crate::domain::ids::OrgName;
use crate::domain::observation::{Observation, Refusal, Snapshot, SourceMemory};
use crate::domain::source_state::{PollFailing, SourceFacts, SourceState};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::events::{Event, Events};
use crate::sources::failure::{Failure, FailureReason, OwnFailure};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};

/// The first polls of many organisations are spread over this long, or over the interval where that is shorter.
const SPREAD: TimeDelta = TimeDelta::minutes(1);
/// Waiting looks at the clock this often: the demonstration's runs faster than the machine's.
const GLANCE: Duration = Duration::from_secs(1);
/// A failure that lasts is logged again after this long.
const LOGGED_EVERY: TimeDelta = TimeDelta::hours(1);
/// An organisation that the engine does not know yet is looked for again after this long.
const UNKNOWN_ORG_WAIT: TimeDelta = TimeDelta::seconds(1);

/// What the loop needs of the rest of the program.
pub trait Host: Send + Sync {
    /// The time of day, which may step.
    fn now(&self) -> Timestamp;

    /// A time that never steps.
    fn steady(&self) -> Duration;

    /// What is known of an organisation; `None` while it is not configured.
    fn org(&self, org: &OrgName) -> Option<Arc<OrgView>>;

    /// Hands over an observation and waits until it is on disk.
    fn submit(&self, observation: Observation) -> Pending<'static, Result<(), Refusal>>;

    /// Replaces the state of a source; `None`: it is no longer polled.
    fn set_state(&self, org: &OrgName, source: &'static str, state: Option<SourceState>);
}

/// The pollers that a configuration names.
pub type Wanted = Vec<(OrgName, Arc<dyn PollSettings>)>;

/// All polling tasks.
pub struct Tasks {
    host: Arc<dyn Host>,
    events: Events,
    running: Mutex<HashMap<(OrgName, &'static str), Task>>,
}

struct Task {
    settings: Arc<dyn PollSettings>,
    handle: JoinHandle<()>,
    /// Whether the task may still report. A poll that ends while its task is stopped must not bring back its series.
    open: Arc<Mutex<bool>>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Tasks {
    /// No tasks yet.
    pub fn new(host: Arc<dyn Host>, events: Events) -> Self {
        Self { host, events, running: Mutex::default() }
    }

    /// Starts and ends tasks, so that those run that `wanted` names. One whose settings are as they were goes on.
    pub fn configure(&self, wanted: Wanted) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(org, source), task| {
            let stays = wanted
                .iter()
                .any(|(name, settings)| name == org && settings.equals(task.settings.as_ref()));
            if !stays {
                *lock(&task.open) = false;
                self.events.emit(Event::PollingEnded { org: org.to_string(), source });
                self.host.set_state(org, source, None);
            }
            stays
        });
        let new: Vec<_> = wanted
            .into_iter()
            .filter(|(org, settings)| !running.contains_key(&(org.clone(), settings.source())))
            .collect();
        let count = i32::try_from(new.len()).unwrap_or(i32::MAX).max(1);
        for (place, (org, settings)) in (0..).zip(new) {
            let source = settings.source();
            let task = self.start(org.clone(), settings, (place, count));
            running.insert((org, source), task);
        }
    }

    fn start(&self, org: OrgName, settings: Arc<dyn PollSettings>, place: (i32, i32)) -> Task {
        let source = settings.source();
        self.events.emit(Event::PollingBegan { org: org.to_string(), source });
        let open = Arc::new(Mutex::new(true));
        let lane = Lane {
            org,
            source,
            settings: Arc::clone(&settings),
            host: Arc::clone(&self.host),
            events: self.events.clone(),
            open: Arc::clone(&open),
            failing: None,
            facts: SourceFacts::default(),
        };
        Task { settings, handle: tokio::spawn(lane.run(place)), open }
    }

    /// Ends all tasks. A poll that is under way is cut off: what it read was not promised to anybody.
    pub fn stop(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The polls of one source of one organisation.
struct Lane {
    org: OrgName,
    source: &'static str,
    settings: Arc<dyn PollSettings>,
    host: Arc<dyn Host>,
    events: Events,
    open: Arc<Mutex<bool>>,
    /// The polls that fail; `None` while all is well.
    failing: Option<Failing>,
    /// What the source reported last.
    facts: SourceFacts,
}

/// Polls that failed in a row.
#[derive(Clone, Copy)]
struct Failing {
    since: Timestamp,
    /// The reason of the latest.
    reason: FailureReason,
    /// How many.
    failures: u32,
    logged_at: Timestamp,
}

/// A poller and how its poll went.
type Polled = (Box<dyn PolledSource>, Option<(Result<(), Failure>, Report)>);

/// What a poll reported besides its snapshot.
struct Report {
    facts: SourceFacts,
    usage: Option<Usage>,
    events: Vec<Event>,
}

impl Lane {
    async fn run(mut self, (place, count): (i32, i32)) {
        let pace = self.settings.pace();
        let first = pace.every.min(SPREAD) / count * place;
        let mut due = self.host.steady().saturating_add(span(first));
        let mut poller = None;
        loop {
            self.wait_until(due).await;
            let (began, at) = (Instant::now(), self.host.now());
            // A task of its own: a defect of the source ends that task and not this loop. Dropped, it is cut off.
            let mut set = JoinSet::new();
            set.spawn(round(
                Arc::clone(&self.host),
                Arc::clone(&self.settings),
                poller.take(),
                self.org.clone(),
                at,
            ));
            let wait = match set.join_next().await {
                Some(Ok((back, polled))) => {
                    poller = Some(back);
                    match polled {
                        None => UNKNOWN_ORG_WAIT,
                        Some((Ok(()), report)) => {
                            let wait = pace.after_success(report.usage);
                            self.succeeded(report, at, began.elapsed());
                            wait
                        }
                        Some((Err(failure), report)) => {
                            self.failed(&failure, Some(report), at, began.elapsed());
                            pace.after_failure(failure.reason, self.failures(), self.jitter())
                        }
                    }
                }
                Some(Err(ended)) if ended.is_panic() => {
                    self.events.emit(Event::TaskRestarted { task: "poll" });
                    let failure = Failure::new(
                        OwnFailure::Defect,
                        "the poll ended by a defect of this program",
                    );
                    self.failed(&failure, None, at, began.elapsed());
                    pace.after_failure(failure.reason, self.failures(), self.jitter())
                }
                // The program ends.
                Some(Err(_)) | None => return,
            };
            // From when it was due, so that polls do not drift; from now, when one took longer than the interval.
            due = due.saturating_add(span(wait)).max(self.host.steady());
        }
    }

    async fn wait_until(&self, due: Duration) {
        loop {
            let left = due.saturating_sub(self.host.steady());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(GLANCE)).await;
        }
    }

    fn failures(&self) -> u32 {
        self.failing.map_or(0, |failing| failing.failures)
    }

    /// A number between 0 and 1 that an organisation keeps.
    fn jitter(&self) -> f64 {
        let mut hasher = DefaultHasher::new();
        self.org.hash(&mut hasher);
        (hasher.finish() % 1_000) as f64 / 1_000.0
    }

    fn succeeded(&mut self, report: Report, at: Timestamp, took: Duration) {
        let recovered = self.failing.take().is_some();
        self.facts = report.facts;
        let mut events = report.events;
        events.push(Event::Polled {
            org: self.org.to_string(),
            source: self.source,
            took,
            at_seconds: at.seconds(),
            recovered,
        });
        self.report(events);
    }

    fn failed(&mut self, failure: &Failure, report: Option<Report>, at: Timestamp, took: Duration) {
        let mut events = Vec::new();
        if let Some(report) = report {
            self.facts = report.facts;
            events = report.events;
        }
        let before = self.failing;
        let repeated = before.is_some_and(|before| {
            before.reason == failure.reason
                && (TimeDelta::zero()..LOGGED_EVERY).contains(&at.since(before.logged_at))
        });
        self.failing = Some(Failing {
            // A clock that went back must not make a failure seem to begin later than it was seen.
            since: before.map_or(at, |before| before.since.min(at)),
            reason: failure.reason,
            failures: self.failures().saturating_add(1),
            logged_at: before.filter(|_| repeated).map_or(at, |before| before.logged_at),
        });
        events.push(Event::PollFailed {
            org: self.org.to_string(),
            source: self.source,
            reason: failure.reason.name,
            detail: failure.detail.clone(),
            advice: failure.reason.advice,
            took,
            repeated,
        });
        self.report(events);
    }

    /// Says how the source is doing, unless the task was stopped meanwhile.
    fn report(&self, events: Vec<Event>) {
        let open = lock(&self.open);
        if !*open {
            return;
        }
        let state = SourceState {
            failing: self.failing.map(|failing| PollFailing {
                since: failing.since,
                reason: failing.reason.name,
                advice: failing.reason.advice,
            }),
            facts: self.facts.clone(),
        };
        for event in events {
            self.events.emit(event);
        }
        self.host.set_state(&self.org, self.source, Some(state));
    }
}

/// One poll, and the way of what it read into the engine.
async fn round(
    host: Arc<dyn Host>,
    settings: Arc<dyn PollSettings>,
    poller: Option<Box<dyn PolledSource>>,
    org: OrgName,
    at: Timestamp,
) -> Polled {
    let mut poller = poller.unwrap_or_else(|| settings.start());
    let Some(view) = host.org(&org) else {
        return (poller, None);
    };
    let outcome = poller.poll(at, &view).await;
    let taken = match outcome.snapshot {
        Ok(Some(snapshot)) => {
            let memory = outcome.memory.map(|bytes| SourceMemory {
                org: org.clone(),
                source: snapshot.source,
                bytes: bytes.into(),
            });
            let taken = submit(host.as_ref(), snapshot, memory).await;
            taken.inspect_err(|_| poller.not_taken())
        }
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    let source = settings.source();
    let mut events =
        vec![Event::SourceFigures { org: org.to_string(), source, figures: outcome.figures }];
    events.extend(outcome.news.into_iter().map(|news| Event::SourceNews {
        org: org.to_string(),
        source,
        news,
    }));
    let report = Report { facts: outcome.facts, usage: outcome.usage, events };
    (poller, Some((taken, report)))
}

/// Hands over both at once, so that one commit takes them.
async fn submit(
    host: &dyn Host,
    snapshot: Snapshot,
    memory: Option<SourceMemory>,
) -> Result<(), Failure> {
    let snapshot = host.submit(Observation::Snapshot(snapshot));
    let memory = memory.map(|memory| host.submit(Observation::Memory(memory)));
    let mut taken = snapshot.await;
    if let Some(memory) = memory {
        taken = taken.and(memory.await);
    }
    taken.map_err(|refusal| Failure::new(OwnFailure::NotTaken, refusal.to_string()))
}

fn span(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

fn lock(open: &Mutex<bool>) -> std::sync::MutexGuard<'_, bool> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
