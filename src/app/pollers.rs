//! A task for each organisation that is asked: polls it at its pace and hands what it tells to the engine.

use crate::config::ValidConfig;
use crate::domain::ids::{ObjectType, OrgName, Source};
use crate::domain::observation::{Observation, Refusal, Snapshot};
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::setup::{SetupChanges, SetupTrail};
use crate::domain::source_state::{PollFailing, SourceFacts, SourceState, Successor};
use crate::domain::time::Timestamp;
use crate::engine::{Clock, Handle};
use crate::events::{Event, Events};
use crate::http_client::Trust;
use crate::metrics::{ReportFigures, SalesforceFigures, SelfMetrics};
use crate::sources::failure::{Failure, FailureReason};
use crate::sources::salesforce::{
    Connectivity, Failed, Onboarding, Part, Polled, Poller, Report, Settings,
};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const SOURCE: Source = Source::Salesforce;
/// The first polls of many organisations are spread over this long, or over the interval where that is shorter.
const SPREAD: TimeDelta = TimeDelta::minutes(1);
/// Waiting looks at the clock this often: the demonstration's runs faster than the machine's.
const GLANCE: Duration = Duration::from_secs(1);
/// A failure that lasts is logged again after this many polls of the same kind.
const LOGGED_EVERY: u32 = 60;

/// All polling tasks.
pub(super) struct Pollers {
    pub(super) engine: Handle,
    pub(super) own: Arc<SelfMetrics>,
    pub(super) events: Events,
    pub(super) clock: Clock,
    /// The system's authorities, read when the first organisation is asked.
    pub(super) trust: OnceLock<Trust>,
    pub(super) tasks: Mutex<HashMap<OrgName, Task>>,
}

/// A polling task and what it was started with.
pub(super) struct Task {
    policy: Arc<OrgPolicy>,
    settings: Arc<Settings>,
    handle: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Pollers {
    /// Starts and ends tasks, so that those run that `config` names. One whose settings are as they were goes on.
    pub(super) fn configure(&self, config: &ValidConfig) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: HashMap<&OrgName, (&Arc<OrgPolicy>, &Arc<Settings>)> = config
            .orgs
            .iter()
            .filter_map(|org| Some((&org.policy.name, (&org.policy, org.salesforce.as_ref()?))))
            .collect();
        tasks.retain(|org, task| {
            let stays = wanted.get(org).is_some_and(|(policy, settings)| {
                ***settings == *task.settings
                    && policy.product == task.policy.product
                    && policy.connection == task.policy.connection
            });
            if !stays {
                self.own.forget_polls(org, SOURCE.name());
                if task.settings.report.is_some() {
                    self.own.report_told(org, &ReportFigures::default());
                }
                self.engine.set_source_state(org, SOURCE.name(), None);
            }
            stays
        });
        let new: Vec<_> = config
            .orgs
            .iter()
            .filter(|org| !tasks.contains_key(&org.policy.name))
            .filter_map(|org| Some((&org.policy, org.salesforce.as_ref()?)))
            .collect();
        let count = i32::try_from(new.len()).unwrap_or(i32::MAX).max(1);
        for (place, (policy, settings)) in (0..).zip(new) {
            let first = settings.poll_every.min(SPREAD) / count * place;
            tasks.insert(policy.name.clone(), self.start(policy, settings, first));
        }
    }

    fn start(&self, policy: &Arc<OrgPolicy>, settings: &Arc<Settings>, first: TimeDelta) -> Task {
        self.own.begin_polls(&policy.name, SOURCE.name());
        let trust = self.trust.get_or_init(system_trust);
        let round = Round {
            org: policy.name.clone(),
            poller: Poller::new(policy, Arc::clone(settings), trust)
                .resume(self.last_syncs(&policy.name)),
            engine: self.engine.clone(),
            own: Arc::clone(&self.own),
            events: self.events.clone(),
            clock: self.clock.clone(),
            reports: settings.report.is_some(),
            failing: None,
        };
        Task {
            policy: Arc::clone(policy),
            settings: Arc::clone(settings),
            handle: tokio::spawn(round.run(first)),
        }
    }

    /// The last syncs that this source saw before, by [`ObjectType::index`].
    fn last_syncs(&self, org: &OrgName) -> [Option<Timestamp>; ObjectType::COUNT] {
        let mut last_syncs = [None; ObjectType::COUNT];
        let view = self.engine.view();
        let readings = view.org(org).map(|org| &org.readings);
        for (slot, object) in last_syncs.iter_mut().zip(ObjectType::ALL) {
            let reading = readings.and_then(|all| all.get(OrgRow::LastSync(*object), SOURCE));
            *slot = reading.and_then(|reading| match reading.value {
                OrgValue::Instant(at) => Some(at),
                OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
            });
        }
        last_syncs
    }

    /// Ends all tasks. A poll that is under way is cut off: what it read was not promised to anybody.
    pub(super) fn stop(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.clear();
    }
}

/// The polls of one organisation.
struct Round {
    org: OrgName,
    poller: Poller,
    engine: Handle,
    own: Arc<SelfMetrics>,
    events: Events,
    clock: Clock,
    /// Whether the error report is asked for.
    reports: bool,
    /// The polls that fail; `None` while all is well.
    failing: Option<Failing>,
}

/// Polls that failed in a row.
#[derive(Clone, Copy)]
struct Failing {
    /// When the first began.
    since: Timestamp,
    /// The reason of the latest.
    reason: FailureReason,
    /// How many.
    failures: u32,
}

impl Round {
    async fn run(mut self, first: TimeDelta) {
        let mut due = self.steady().saturating_add(span(first));
        loop {
            self.wait_until(due).await;
            let wait = self.poll().await;
            // From when it was due, so that polls do not drift; from now, when one took longer than the interval.
            due = due.saturating_add(span(wait)).max(self.steady());
        }
    }

    fn steady(&self) -> Duration {
        (self.clock.steady)()
    }

    async fn wait_until(&self, due: Duration) {
        loop {
            let left = due.saturating_sub(self.steady());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(GLANCE)).await;
        }
    }

    /// Polls once; says how long after its beginning the next poll begins.
    async fn poll(&mut self) -> TimeDelta {
        let (began, at) = (Instant::now(), (self.clock.wall)());
        let Polled {
            snapshot,
            told,
            usage,
            calls,
            news,
        } = self.poller.poll(at).await;
        let taken = match snapshot {
            Ok(snapshot) => self.submit(snapshot).await,
            Err(failure) => Err(failure),
        };
        let pace = self.poller.pace();
        let (successor, setup) = (told.successor.clone(), told.setup.clone());
        self.own.salesforce_told(
            &self.org,
            &SalesforceFigures {
                calls,
                requests: usage.map(|usage| (usage.used, usage.allowed)),
                budget_used: usage.map(|usage| usage.share_of(pace.budget_percent)),
                connectivity: counts(
                    Connectivity::ALL.iter().map(|c| c.name()),
                    told.connectivity,
                ),
                onboarding: counts(Onboarding::ALL.iter().map(|o| o.name()), told.onboarding),
                assignments: told.assigned.map_or(Vec::new(), |(users, profiles)| {
                    vec![("user", users), ("profile", profiles)]
                }),
                parts: Part::ALL
                    .iter()
                    .map(|part| (part.name(), told.parts.get(part.index()).copied().flatten()))
                    .collect(),
                not_moved: successor.as_deref().and_then(|list| self.not_moved(list)),
                settings: told.switches,
                approximate: ObjectType::ALL
                    .iter()
                    .zip(told.approximate)
                    .filter_map(|(object, changed)| Some((object.name(), changed?)))
                    .collect(),
                setup_changes: told.new_setup_changes,
                last_setup_change: told.last_setup_change,
                clock_ahead: told.clock_ahead,
            },
        );
        // Without one to ask for, an exported one may have been told.
        if self.reports {
            self.own
                .report_told(&self.org, &report_figures(told.report));
        }
        for news in news {
            self.events.emit(Event::SourceNews {
                org: self.org.to_string(),
                source: SOURCE.name(),
                news,
            });
        }
        let wait = match taken {
            Ok(()) => {
                self.succeeded(at, began.elapsed());
                pace.after_success(usage)
            }
            Err(failure) => {
                let failures = self.failed(&failure, at, began.elapsed());
                pace.after_failure(failure.reason, failures, spread(&self.org))
            }
        };
        self.tell(successor, setup);
        wait
    }

    /// How many users have not moved, by a list of the successor's users that is not in the View yet.
    fn not_moved(&self, successor: &Successor) -> Option<u64> {
        let view = self.engine.view();
        let (left, _) = view.org(&self.org)?.not_moved(successor)?;
        Some(left)
    }

    /// Tells what is no row: the successor's users, changes of the set-up, and whether polls fail.
    fn tell(&self, successor: Option<Arc<Successor>>, setup: Option<Arc<SetupChanges>>) {
        let state = SourceState {
            failing: self.failing.map(|failing| PollFailing {
                since: failing.since,
                reason: failing.reason.name(),
                advice: failing.reason.advice(),
            }),
            facts: SourceFacts {
                successor,
                setup: setup.map_or(SetupTrail::NotRead, SetupTrail::Read),
            },
        };
        self.engine
            .set_source_state(&self.org, SOURCE.name(), Some(state));
    }

    async fn submit(&mut self, snapshot: Snapshot) -> Result<(), Failure> {
        let answer = match self.engine.submit(Observation::Snapshot(snapshot)) {
            Ok(submitted) => submitted.await.unwrap_or(Err(Refusal::ShuttingDown)),
            Err(refusal) => Err(refusal),
        };
        answer.map(drop).map_err(|refusal| {
            self.poller.not_taken();
            Failure::new(FailureReason::NotTaken, refusal.to_string())
        })
    }

    fn succeeded(&mut self, at: Timestamp, took: Duration) {
        self.events.emit(Event::Polled {
            org: self.org.to_string(),
            source: SOURCE.name(),
            took,
            at_seconds: at.seconds(),
            recovered: self.failing.take().is_some(),
        });
    }

    /// Notes a failure; says how many came in a row.
    fn failed(&mut self, failure: &Failure, at: Timestamp, took: Duration) -> u32 {
        let (repeated, failures, since) = match self.failing {
            Some(before) => (
                before.reason == failure.reason && before.failures % LOGGED_EVERY != 0,
                before.failures.saturating_add(1),
                before.since,
            ),
            None => (false, 1, at),
        };
        self.failing = Some(Failing {
            since,
            reason: failure.reason,
            failures,
        });
        self.events.emit(Event::PollFailed {
            org: self.org.to_string(),
            source: SOURCE.name(),
            reason: failure.reason.name(),
            detail: failure.detail.clone(),
            advice: failure.reason.advice(),
            took,
            repeated,
        });
        failures
    }
}

/// What an error report says, as figures of its metrics.
pub(super) fn report_figures(report: Option<Report>) -> ReportFigures {
    let kinds = || Failed::ALL.iter().map(|failed| failed.name());
    ReportFigures {
        records: counts(kinds(), report.map(|report| report.records)),
        users: counts(kinds(), report.map(|report| report.users)),
        truncated: report.and_then(|report| report.truncated),
    }
}

fn counts<const N: usize>(
    names: impl Iterator<Item = &'static str>,
    counts: Option<[u64; N]>,
) -> Vec<(&'static str, u64)> {
    counts.map_or(Vec::new(), |counts| names.zip(counts).collect())
}

fn span(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

/// A number between 0 and 1 that an organisation keeps.
fn spread(org: &OrgName) -> f64 {
    let mut hasher = DefaultHasher::new();
    org.hash(&mut hasher);
    (hasher.finish() % 1_000) as f64 / 1_000.0
}

/// The system's authorities. A machine that has none refuses every https answer, which is said once and in the beginning.
fn system_trust() -> Trust {
    let (trust, troubles) = Trust::found_in_system();
    if trust.is_empty() {
        tracing::warn!(
            "No authority was found on this machine, so that no certificate is believed: install the package ca-certificates, or name a ca_file beside each URL.{}",
            troubles.map_or_else(String::new, |says| format!(" {says}"))
        );
    }
    trust
}
