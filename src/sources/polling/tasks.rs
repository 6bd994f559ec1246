//! The loop: a task for each poller, which outlives the poller's own defects.

use super::{BoxedFuture, PollSettings, PolledSource, Usage};
use crate::domain::ids::{OrgName, Source};
use crate::domain::observation::{Observation, Refusal, Snapshot, SourceMemory};
use crate::domain::source_state::{PollFailing, SourceFacts, SourceState};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::events::{Event, Events, spawn_restarting};
use crate::sources::failure::{Failure, FailureReason, OwnFailure};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

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
    fn submit(&self, observation: Observation) -> BoxedFuture<'static, Result<(), Refusal>>;

    /// Replaces the state of a source; `None`: it is no longer polled.
    fn set_state(&self, org: &OrgName, source: &'static str, state: Option<SourceState>);
}

/// The pollers that a configuration names.
pub type WantedPollers = Vec<(OrgName, Arc<dyn PollSettings>)>;

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
    pub fn configure(&self, wanted: WantedPollers) {
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
        let (place, places) = place;
        let first = settings.pace().every.min(SPREAD) / places * place;
        let task = PollTask {
            org,
            source,
            settings: Arc::clone(&settings),
            host: Arc::clone(&self.host),
            events: self.events.clone(),
            open: Arc::clone(&open),
            failing: None,
            facts: SourceFacts::default(),
            due: self.host.steady().saturating_add(span(first)),
            begun: false,
            poll_began: None,
            reports_defect: false,
        };
        let task = Arc::new(tokio::sync::Mutex::new(task));
        let handle = spawn_restarting("poll", self.events.clone(), move || {
            let task = Arc::clone(&task);
            async move { task.lock().await.run().await }
        });
        Task { settings, handle, open }
    }

    /// Ends all tasks. A poll that is under way is cut off: what it read was not promised to anybody.
    pub fn stop(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The polls of one source of one organisation.
struct PollTask {
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
    /// When the next poll begins, by the clock that does not step.
    due: Duration,
    /// Whether the loop was started before: it is started again after a defect only.
    begun: bool,
    /// When the poll that is under way began; `None` between polls.
    poll_began: Option<Instant>,
    /// Whether the report of a defect is under way, which may break as well.
    reports_defect: bool,
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

/// What a poll gave, and whether the engine took it.
struct Round {
    taken: Result<(), Failure>,
    facts: SourceFacts,
    usage: Option<Usage>,
    events: Vec<Event>,
}

impl PollTask {
    /// The loop. What the task knows outlives a defect; the poller begins anew.
    async fn run(&mut self) {
        let again = std::mem::replace(&mut self.begun, true);
        // A report that breaks each time must not keep the source from being polled.
        if again && !self.reports_defect {
            self.reports_defect = true;
            let defect =
                Failure::new(OwnFailure::Defect, "the poll ended by a defect of this program");
            let (facts, at) = (self.facts.clone(), self.host.now());
            let round = Round { taken: Err(defect), facts, usage: None, events: Vec::new() };
            // With the pause before the loop was started again.
            let took = self.poll_began.take().map_or(Duration::ZERO, |began| began.elapsed());
            self.report(round, at, took);
        }
        self.reports_defect = false;
        let mut poller = None;
        loop {
            self.wait().await;
            let (began, at) = (Instant::now(), self.host.now());
            self.poll_began = Some(began);
            let (back, round) = self.round(poller.take(), at).await;
            poller = Some(back);
            match round {
                Some(round) => self.report(round, at, began.elapsed()),
                None => self.wait_longer(UNKNOWN_ORG_WAIT),
            }
            self.poll_began = None;
        }
    }

    /// From when it was due, so that polls do not drift; from now, when one took longer than the interval.
    fn wait_longer(&mut self, wait: TimeDelta) {
        self.due = self.due.saturating_add(span(wait)).max(self.host.steady());
    }

    async fn wait(&self) {
        loop {
            let left = self.due.saturating_sub(self.host.steady());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(GLANCE)).await;
        }
    }

    /// A number between 0 and 1 that an organisation always has.
    fn jitter(&self) -> f64 {
        let mut hasher = DefaultHasher::new();
        self.org.hash(&mut hasher);
        (hasher.finish() % 1_000) as f64 / 1_000.0
    }

    /// Reports how the source is doing, unless the task was stopped meanwhile, and sets when the next poll begins.
    fn report(&mut self, round: Round, at: Timestamp, took: Duration) {
        let (org, source, pace) = (self.org.to_string(), self.source, self.settings.pace());
        let before = self.failing;
        let mut events = round.events;
        self.facts = round.facts;
        let (failing, wait) = match round.taken {
            Ok(()) => {
                let (at_seconds, recovered) = (at.seconds(), before.is_some());
                events.push(Event::Polled { org, source, took, at_seconds, recovered });
                (None, pace.after_success(round.usage))
            }
            Err(Failure { reason, detail }) => {
                let logged_at = before
                    .filter(|before| before.reason == reason)
                    .map(|before| before.logged_at)
                    .filter(|logged| {
                        (TimeDelta::zero()..LOGGED_EVERY).contains(&at.since(*logged))
                    });
                let failures = before.map_or(0, |before| before.failures).saturating_add(1);
                events.push(Event::PollFailed {
                    org,
                    source,
                    reason: reason.name,
                    detail,
                    advice: reason.advice,
                    took,
                    repeated: logged_at.is_some(),
                });
                let failing = Failing {
                    // A clock that went back must not make a failure seem to begin later than it was seen.
                    since: before.map_or(at, |before| before.since.min(at)),
                    reason,
                    failures,
                    logged_at: logged_at.unwrap_or(at),
                };
                (Some(failing), pace.after_failure(reason, failures, self.jitter()))
            }
        };
        self.wait_longer(wait);
        // What follows may break. A failure is shown first and ends last, so that no defect hides it.
        if failing.is_some() {
            self.failing = failing;
        }
        let open = lock(&self.open);
        if *open {
            if failing.is_some() {
                self.show(failing);
            }
            for event in events {
                self.events.emit(event);
            }
            if failing.is_none() {
                self.show(None);
            }
        }
        drop(open);
        self.failing = failing;
    }

    fn show(&self, failing: Option<Failing>) {
        let failing = failing.map(|failing| PollFailing {
            since: failing.since,
            reason: failing.reason.name,
            advice: failing.reason.advice,
        });
        let state = SourceState { failing, facts: self.facts.clone() };
        self.host.set_state(&self.org, self.source, Some(state));
    }

    /// One poll, and the way of what it read into the engine. No round: the engine does not know the organisation.
    async fn round(
        &self,
        poller: Option<Box<dyn PolledSource>>,
        at: Timestamp,
    ) -> (Box<dyn PolledSource>, Option<Round>) {
        let mut poller = poller.unwrap_or_else(|| self.settings.start());
        let Some(view) = self.host.org(&self.org) else {
            return (poller, None);
        };
        let outcome = poller.poll(at, &view).await;
        let memory = Source::from_name(self.source).zip(outcome.memory).map(|(source, bytes)| {
            SourceMemory { org: self.org.clone(), source, bytes: bytes.into() }
        });
        let taken = match outcome.snapshot {
            Ok(Some(snapshot)) => {
                let taken = submit(self.host.as_ref(), snapshot, memory).await;
                taken
                    .inspect_err(|_| poller.not_taken())
                    .and_then(|()| poller.incomplete().map_or(Ok(()), Err))
            }
            nothing => {
                // What a restart has to know of failures, such as that a sign-in was refused, is stored with the next
                // commit; the poll's own outcome counts.
                if let Some(memory) = memory {
                    self.host.submit(Observation::Memory(memory)).await.ok();
                }
                nothing.map(drop)
            }
        };
        let (org, source) = (self.org.to_string(), self.source);
        let mut events =
            vec![Event::SourceFigures { org: org.clone(), source, figures: outcome.figures }];
        let news = outcome.news.into_iter();
        events.extend(news.map(|news| Event::SourceNews { org: org.clone(), source, news }));
        let round = Round { taken, facts: outcome.facts, usage: outcome.usage, events };
        (poller, Some(round))
    }
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
    taken.map_err(|refusal| {
        let is_lasting = matches!(refusal, Refusal::TooManyUsers(_));
        let reason = if is_lasting { OwnFailure::TooManyUsers } else { OwnFailure::NotTaken };
        Failure::new(reason, refusal.to_string())
    })
}

fn span(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

fn lock(open: &Mutex<bool>) -> std::sync::MutexGuard<'_, bool> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
