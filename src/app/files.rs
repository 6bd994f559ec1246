//! A task for each watched directory: looks into it every second and hands whole files to the engine.

use super::parse::{self, Body, Form};
use super::pollers::report_figures;
use crate::config::{FilesConfig, ValidConfig};
use crate::domain::activity::IdentityKey;
use crate::domain::ids::OrgName;
use crate::domain::observation::Refusal;
use crate::domain::problem::ProblemReason;
use crate::domain::time::Timestamp;
use crate::engine::{Clock, Handle};
use crate::events::{Event, Events};
use crate::metrics::{ReportFigures, SelfMetrics};
use crate::sources::failure::FailureReason;
use crate::sources::files::{Dropped, FileKind, Refused, Taken, Trouble, Watcher};
use crate::sources::ingest_error::{IngestError, OnError};
use crate::sources::salesforce::{Columns, read_csv};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What stands for a directory in the labels of polls.
const SOURCE: &str = "files";
/// How often a directory is looked into: people wait for a file that they put there.
const EVERY: Duration = Duration::from_secs(1);
/// A trouble that lasts is logged again after this many looks: every ten minutes.
const LOGGED_EVERY: u32 = 600;

/// Why an exported error report is not taken.
const NO_COLUMNS: &str = "the name says that this is an exported sync error report, but orgs[].files.report does not say which columns to read; add object_column and user_column there, or rename a snapshot so that it does not end in .report.csv";

/// All watched directories.
pub(super) struct Directories {
    pub(super) door: Door,
    pub(super) clock: Clock,
    pub(super) tasks: Mutex<HashMap<OrgName, Task>>,
}

/// The way of a file into the engine.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) engine: Handle,
    pub(super) identity: IdentityKey,
    pub(super) events: Events,
    pub(super) own: Arc<SelfMetrics>,
}

/// The watching of one directory.
pub(super) struct Task {
    files: FilesConfig,
    handle: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Directories {
    /// Starts and ends tasks, so that those directories are watched that `config` names.
    pub(super) fn configure(&self, config: &ValidConfig) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: HashMap<&OrgName, &FilesConfig> = config
            .orgs
            .iter()
            .filter_map(|org| Some((&org.policy.name, org.files.as_ref()?)))
            .collect();
        tasks.retain(|org, task| {
            let stays = wanted.get(org) == Some(&&task.files);
            if !stays {
                self.door.own.forget_polls(org, SOURCE);
                if task.files.report.is_some() {
                    self.door.own.report_told(org, &ReportFigures::default());
                }
            }
            stays
        });
        for (org, files) in wanted {
            if !tasks.contains_key(org) {
                tasks.insert(org.clone(), self.start(org, files));
            }
        }
    }

    fn start(&self, org: &OrgName, files: &FilesConfig) -> Task {
        self.door.own.begin_polls(org, SOURCE);
        let looks = Looks {
            org: org.clone(),
            report: files.report.clone().map(Arc::new),
            door: self.door.clone(),
            clock: self.clock.clone(),
            failed: 0,
        };
        Task {
            files: files.clone(),
            handle: tokio::spawn(looks.run(Watcher::new(files.directory.clone()))),
        }
    }

    /// Ends all tasks. A file that is being read is taken again after the next start, which changes nothing.
    pub(super) fn stop(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.clear();
    }
}

/// The looks into one directory.
struct Looks {
    org: OrgName,
    /// The columns of an exported error report, where one is expected.
    report: Option<Arc<Columns>>,
    door: Door,
    clock: Clock,
    /// How many looks failed in a row.
    failed: u32,
}

impl Looks {
    async fn run(mut self, mut watcher: Watcher) {
        loop {
            let began = (self.clock.steady)();
            let (org, door, clock) = (self.org.clone(), self.door.clone(), self.clock.clone());
            let report = self.report.clone();
            // A network share may hang, and then only this task does.
            let look = tokio::task::spawn_blocking(move || {
                let now = (clock.wall)();
                let taken =
                    watcher.look(began, |file| door.take(&org, report.as_deref(), file, now));
                (watcher, taken)
            });
            let Ok((back, looked)) = look.await else {
                return;
            };
            watcher = back;
            self.tell(looked, (self.clock.steady)().saturating_sub(began));
            tokio::time::sleep(EVERY).await;
        }
    }

    fn tell(&mut self, looked: Result<usize, Trouble>, took: Duration) {
        let org = self.org.to_string();
        match looked {
            Ok(_) => {
                self.door.events.emit(Event::Polled {
                    org,
                    source: SOURCE,
                    took,
                    at_seconds: (self.clock.wall)().seconds(),
                    recovered: self.failed > 0,
                });
                self.failed = 0;
            }
            Err(trouble) => {
                let reason = FailureReason::DirectoryUnavailable;
                self.door.events.emit(Event::PollFailed {
                    org,
                    source: SOURCE,
                    reason: reason.name(),
                    detail: trouble.to_string(),
                    advice: reason.advice(),
                    took,
                    repeated: !self.failed.is_multiple_of(LOGGED_EVERY),
                });
                self.failed += 1;
            }
        }
    }
}

impl Door {
    /// Reads a file and waits until what it says is on disk.
    fn take(
        &self,
        org: &OrgName,
        report: Option<&Columns>,
        found: Result<Dropped, Refused>,
        now: Timestamp,
    ) -> Taken {
        let file = match found {
            Ok(file) => file,
            Err(refused) => return self.of_no_form(org, &refused.name, refused.reason),
        };
        let view = self.engine.view();
        // An organisation that is new waits for the engine to know it.
        let Some(policy) = view.org(org).map(|org| Arc::clone(&org.policy)) else {
            return Taken::Later;
        };
        let form = match file.kind {
            FileKind::Activity => Form::Activity,
            FileKind::Json => Form::Json,
            FileKind::Csv => Form::Csv,
            FileKind::Report => return self.report(org, report, &file),
            FileKind::Html => Form::Html,
            FileKind::Text => Form::Text,
        };
        let body = Body {
            form,
            bytes: &file.body,
            received_at: now,
            on_error: OnError::Refuse,
            captured_at: None,
            // A JSON snapshot says its own time; a page cannot, and a table may.
            written_at: (form != Form::Json).then(|| file.modified.min(now)),
            user: file.user.as_deref(),
        };
        let read = match parse::read(&policy, &self.identity, &body) {
            Ok(read) => read,
            Err(error) => return self.reject(org, &file.name, &error),
        };
        let answer = self
            .engine
            .submit(read.observation)
            .and_then(|answer| answer.blocking_recv().unwrap_or(Err(Refusal::ShuttingDown)));
        match answer {
            Ok(_) => Taken::Accepted,
            Err(_) => Taken::Later,
        }
    }

    /// Reads an exported error report. Nothing of it goes to disk: like one that is asked for, it is figures alone.
    fn report(&self, org: &OrgName, columns: Option<&Columns>, file: &Dropped) -> Taken {
        let Some(columns) = columns else {
            return self.of_no_form(org, &file.name, NO_COLUMNS.to_owned());
        };
        match read_csv(&file.body, columns) {
            Ok(report) => {
                self.own.report_told(org, &report_figures(Some(report)));
                Taken::Accepted
            }
            Err(error) => self.reject(org, &file.name, &error),
        }
    }

    fn of_no_form(&self, org: &OrgName, name: &str, reason: String) -> Taken {
        let detail = format!("file {}: {reason}", name.escape_debug());
        self.refuse(org, ProblemReason::MediaTypeUnsupported, detail);
        Taken::Rejected(reason)
    }

    fn reject(&self, org: &OrgName, name: &str, error: &IngestError) -> Taken {
        let mut reason = error.to_string();
        for mistake in &error.errors {
            // Writing to a string does not fail.
            write!(reason, "\n{mistake}").ok();
        }
        let detail = format!("file {}: {error}", name.escape_debug());
        self.refuse(org, error.reason, detail);
        Taken::Rejected(reason)
    }

    fn refuse(&self, org: &OrgName, reason: ProblemReason, detail: String) {
        self.events.emit(Event::IngestRejected {
            org: org.to_string(),
            reason: reason.name(),
            detail,
        });
    }
}
