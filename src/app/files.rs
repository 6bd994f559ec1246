//! A watched directory as a source that is polled: looks into it every second and hands whole files to the engine.

use super::daemon::Shared;
use super::parse::{self, PushedBody, PushedForm};
use crate::config::FilesConfig;
use crate::domain::ids::OrgName;
use crate::domain::observation::Refusal;
use crate::domain::problem::ProblemReason;
use crate::domain::source_state::SourceFacts;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::events::{Event, RefusalLog};
use crate::sources::failure::Failure;
use crate::sources::files::{
    DIRECTORY_UNAVAILABLE, FileKind, LookError, Refused, Taken, Watcher, WholeFile,
};
use crate::sources::ingest_error::{IngestError, OnError};
use crate::sources::polling::{BoxedFuture, PollOutcome, PollPace, PollSettings, PolledSource};
use crate::sources::salesforce::{ErrorReport, read_csv, report_figures};
use crate::web::Refusals;
use chrono::TimeDelta;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What stands for a directory in the labels of polls.
const SOURCE: &str = "files";
/// How often a directory is looked into: people wait for a file that they put there.
const EVERY: TimeDelta = TimeDelta::seconds(1);

/// A look that takes longer than this hangs: 256 files of the largest size are taken within a minute.
const LOOK_WITHIN: Duration = Duration::from_secs(120);

/// Why an exported error report is not taken.
const NO_COLUMNS: &str = "the name says that this is an exported sync error report, but orgs[].files.report does not say which columns to read; add object_column and user_column there, or rename a snapshot so that it does not end in .report.csv";

/// The directory of an organisation as a source that is polled.
#[derive(Clone)]
pub(super) struct WatchedDirectory {
    pub(super) org: OrgName,
    pub(super) files: FilesConfig,
    pub(super) shared: Shared,
    /// What was refused lately: a flood of files is no flood of lines.
    pub(super) refusals: Arc<Refusals>,
}

impl PollSettings for WatchedDirectory {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn pace(&self) -> PollPace {
        PollPace { every: EVERY, budget_percent: 100, steady: true }
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| self.files == other.files)
    }

    fn start(&self) -> Box<dyn PolledSource> {
        Box::new(DirectoryPoller {
            directory: Arc::new(self.clone()),
            watcher: Arc::new(Mutex::new(Watcher::new(self.files.directory.clone()))),
            report: Arc::default(),
            look: None,
        })
    }
}

/// The looks into one directory.
struct DirectoryPoller {
    directory: Arc<WatchedDirectory>,
    watcher: Arc<Mutex<Watcher>>,
    /// The exported report that was read last.
    report: Arc<Mutex<Option<ErrorReport>>>,
    /// The look that is under way: a network share may hang, and then only its thread does.
    look: Option<JoinHandle<Result<usize, LookError>>>,
}

impl DirectoryPoller {
    fn look(&self, now: Timestamp) -> JoinHandle<Result<usize, LookError>> {
        let directory = Arc::clone(&self.directory);
        let (watcher, report) = (Arc::clone(&self.watcher), Arc::clone(&self.report));
        let steady = (directory.shared.clock.steady)();
        tokio::task::spawn_blocking(move || {
            let mut watcher = watcher.lock().unwrap_or_else(PoisonError::into_inner);
            watcher.look(steady, |file| directory.take(file, now, &report))
        })
    }
}

impl PolledSource for DirectoryPoller {
    fn poll<'a>(&'a mut self, now: Timestamp, _: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            let mut look = self.look.take().unwrap_or_else(|| self.look(now));
            let looked = match tokio::time::timeout(LOOK_WITHIN, &mut look).await {
                Ok(Ok(looked)) => {
                    looked.map_err(|error| Failure::new(DIRECTORY_UNAVAILABLE, error.to_string()))
                }
                // What ended the look is for the loop to log, to count and to start again.
                Ok(Err(ended)) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Ok(0),
                },
                Err(_) => {
                    self.look = Some(look);
                    let seconds = LOOK_WITHIN.as_secs();
                    Err(Failure::new(
                        DIRECTORY_UNAVAILABLE,
                        format!("a look into the directory takes longer than {seconds} s"),
                    ))
                }
            };
            PollOutcome {
                snapshot: looked.map(|_| None),
                memory: None,
                facts: SourceFacts::default(),
                figures: report_figures(
                    *self.report.lock().unwrap_or_else(PoisonError::into_inner),
                ),
                usage: None,
                news: Vec::new(),
            }
        })
    }
}

impl WatchedDirectory {
    /// Reads a file and waits until what it says is on disk.
    fn take(
        &self,
        found: Result<WholeFile, Refused>,
        now: Timestamp,
        latest: &Mutex<Option<ErrorReport>>,
    ) -> Taken {
        let file = match found {
            Ok(file) => file,
            Err(refused) => return self.of_no_form(&refused.name, refused.reason),
        };
        let view = self.shared.engine.view();
        // An organisation that is new waits for the engine to know it.
        let Some(policy) = view.org(&self.org).map(|org| Arc::clone(&org.policy)) else {
            return Taken::Later;
        };
        let form = match file.kind {
            FileKind::Activity => PushedForm::Activity,
            FileKind::Json => PushedForm::Json,
            FileKind::Csv => PushedForm::Csv,
            FileKind::Report => return self.report(&file, latest),
            FileKind::Html => PushedForm::Html,
            FileKind::Text => PushedForm::Text,
        };
        let body = PushedBody {
            form,
            bytes: &file.body,
            received_at: now,
            on_error: OnError::Refuse,
            captured_at: None,
            // A JSON snapshot says its own time; a page cannot, and a table may.
            written_at: (form != PushedForm::Json).then(|| file.modified.min(now)),
            user: file.user.as_deref(),
        };
        let read = match parse::read(&policy, &self.shared.identity, &body) {
            Ok(read) => read,
            Err(error) => return self.reject(&file.name, &error),
        };
        let answer = self
            .shared
            .engine
            .submit(read.observation)
            .and_then(|answer| answer.blocking_recv().unwrap_or(Err(Refusal::ShuttingDown)));
        match answer {
            Ok(_) => Taken::Accepted,
            Err(refusal @ Refusal::TooManyUsers(_)) => {
                let reason = ProblemReason::TooManyUsers;
                self.reject(&file.name, &IngestError::whole(reason, refusal.to_string()))
            }
            // All others pass, and the file is as good then as it is now.
            Err(_) => Taken::Later,
        }
    }

    /// Reads an exported error report. Nothing of it goes to disk: like one that is polled, it is figures alone.
    fn report(&self, file: &WholeFile, latest: &Mutex<Option<ErrorReport>>) -> Taken {
        let Some(columns) = &self.files.report else {
            return self.of_no_form(&file.name, NO_COLUMNS.to_owned());
        };
        match read_csv(&file.body, columns) {
            Ok(report) => {
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
                Taken::Accepted
            }
            Err(error) => self.reject(&file.name, &error),
        }
    }

    fn of_no_form(&self, name: &str, reason: String) -> Taken {
        let detail = format!("file {}: {reason}", name.escape_debug());
        self.refuse(ProblemReason::MediaTypeUnsupported, detail);
        Taken::Rejected(reason)
    }

    fn reject(&self, name: &str, error: &IngestError) -> Taken {
        // Whoever drops files may drop one that only the daemon can read: nothing of it is repeated.
        let reason = error.without_quotes();
        let first = reason.lines().next().unwrap_or_default();
        let detail = format!("file {}: {first}", name.escape_debug());
        self.refuse(error.reason, detail);
        Taken::Rejected(reason)
    }

    fn refuse(&self, reason: ProblemReason, detail: String) {
        let now = tokio::time::Instant::now();
        let log = self.refusals.note(reason.name(), self.org.as_str(), SOURCE, now);
        self.shared.events.emit(Event::IngestRejected {
            org: self.org.to_string(),
            reason: reason.name(),
            detail,
            field: None,
            log: log.map(|(count, peer)| RefusalLog { count, peer }),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{OrgPolicy, UserNames, UserSeries};
    use crate::engine::{Clock, Engine, EngineSettings, spawn};
    use crate::events::{EventSink, Events};
    use crate::metrics::SelfMetrics;
    use crate::sources::polling::Tasks;
    use crate::store::{HeldLease, OpenOptions, SqliteStore};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;
    use tokio::sync::mpsc;

    /// A directory whose first two looks end by a defect.
    struct Breaking {
        directory: WatchedDirectory,
        starts: AtomicU32,
    }

    impl PollSettings for Breaking {
        fn source(&self) -> &'static str {
            self.directory.source()
        }

        fn pace(&self) -> PollPace {
            self.directory.pace()
        }

        fn equals(&self, _: &dyn PollSettings) -> bool {
            false
        }

        fn start(&self) -> Box<dyn PolledSource> {
            let breaks = self.starts.fetch_add(1, Ordering::SeqCst) < 2;
            let look = breaks.then(|| {
                tokio::task::spawn_blocking(|| panic!("a defect while a directory is looked into"))
            });
            Box::new(DirectoryPoller {
                directory: Arc::new(self.directory.clone()),
                watcher: Arc::new(Mutex::new(Watcher::new(self.directory.files.directory.clone()))),
                report: Arc::default(),
                look,
            })
        }
    }

    /// Hands on what happens to polls.
    struct Seen(mpsc::UnboundedSender<String>);

    impl EventSink for Seen {
        fn count(&self, event: &Event) {
            let line = if let Event::Polled { source, recovered, .. } = event {
                format!("{source} {recovered}")
            } else if let Event::PollFailed { source, reason, .. } = event {
                format!("{source} {reason}")
            } else if let Event::TaskRestarted { task } = event {
                format!("restarted {task}")
            } else {
                return;
            };
            // The test may have ended.
            drop(self.0.send(line));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_defect_while_a_directory_is_looked_into_is_counted_shown_and_started_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("sync.db"), OpenOptions::default());
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let acme = policy.name.clone();
        let settings = EngineSettings {
            policies: vec![Arc::new(policy)],
            keep_activity: TimeDelta::days(7),
            keep_history: TimeDelta::days(7),
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        };
        let (sender, mut seen) = mpsc::unbounded_channel();
        let events = Events::new(Arc::new(Seen(sender)));
        let now = crate::app::now;
        let engine = Engine::start(store.unwrap(), settings, events.clone(), now()).unwrap();
        let identity = engine.identity();
        let began = Instant::now();
        let machine = Clock { wall: Arc::new(now), steady: Arc::new(move || began.elapsed()) };
        let fast = Arc::new(move || began.elapsed() * 10);
        let clock = Clock { steady: fast, ..machine.clone() };
        let running = spawn(engine, machine).unwrap();
        let own = Arc::new(SelfMetrics::new(&[]).unwrap());
        let shared = Shared {
            engine: running.handle.clone(),
            identity,
            events,
            own,
            clock,
            lease: HeldLease::default(),
        };
        let watched = tempfile::tempdir().unwrap();
        let files = FilesConfig { directory: watched.path().to_owned(), report: None };
        let directory = WatchedDirectory {
            org: acme.clone(),
            files,
            shared: shared.clone(),
            refusals: Arc::default(),
        };
        let source = Breaking { directory, starts: AtomicU32::new(0) };
        let tasks = Tasks::new(Arc::new(shared.clone()), shared.events);
        tasks.configure(vec![(acme, Arc::new(source))]);
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "files true") {
            lines.push(seen.recv().await.unwrap());
            if lines.last().is_some_and(|line| line == "restarted poll") {
                lines.push(seen.recv().await.unwrap());
            }
        }
        let broken = ["restarted poll", "files defect"];
        assert_eq!(lines, [&broken[..], &broken[..], &["files true"]].concat());
        tasks.stop();
        running.stop();
    }
}
