//! Named internal events: each logs one line and is counted once. Modules emit events; `app` wires the sink.

mod restarting_task;

pub use restarting_task::spawn_restarting;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Where events go. Metrics implement it; logging happens in [`Event::log`] for every sink.
pub trait EventSink: Send + Sync {
    /// Counts the event.
    fn count(&self, event: &Event);
}

/// Hands events to the log and to the sink; `None`: to nobody.
#[derive(Clone)]
pub struct Events(Option<Arc<dyn EventSink>>);

impl Events {
    /// Events that are counted by `sink`.
    pub fn new(sink: Arc<dyn EventSink>) -> Self {
        Self(Some(sink))
    }

    /// Events that are only logged.
    pub fn log_only() -> Self {
        struct Nobody;
        impl EventSink for Nobody {
            fn count(&self, _: &Event) {}
        }
        Self(Some(Arc::new(Nobody)))
    }

    /// Events that are neither logged nor counted: those of what is read again and again.
    pub fn discarded() -> Self {
        Self(None)
    }

    /// Logs and counts `event`.
    pub fn emit(&self, event: Event) {
        if let Some(sink) = &self.0 {
            event.log();
            sink.count(&event);
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

/// The tasks that are started again after a defect: the `task` label.
pub const TASKS: [&str; 7] =
    ["accept", "alerting", "backup", "poll", "page_cache", "reload", "watchdog"];

/// A value of a metric of the catalogue: what a gauge is, or what to add to a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The metric's name in the catalogue.
    pub metric: &'static str,
    /// The labels' values besides the organisation, in the catalogue's order.
    pub labels: Vec<Cow<'static, str>>,
    /// The value.
    pub value: f64,
}

/// How a refusal is logged.
#[derive(Debug, Clone)]
pub struct RefusalLog {
    /// For how many of its kind it stands.
    pub count: u64,
    /// The address of who sent it.
    pub peer: String,
}

/// Something worth a log line and a count. Organisations are named only where they are configured ones.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "most fields are what their names say; the others have a line")]
pub enum Event {
    /// A request to an ingest path was refused.
    IngestRejected {
        /// The configured organisation, or "" when the request named none.
        org: String,
        /// The closed reason; see `web::problem`.
        reason: &'static str,
        detail: String,
        field: Option<String>,
        /// How it is logged; `None`: one of its kind was logged not long ago.
        log: Option<RefusalLog>,
    },
    /// Records were taken and are on disk.
    ActivityAccepted { org: String, accepted: u64, duplicates: u64, expired: u64 },
    /// A snapshot was taken and is on disk.
    SnapshotAccepted { org: String, rows: u64 },
    /// A commit is on disk.
    Committed { took: Duration },
    /// A commit failed; nothing of it was acknowledged.
    CommitFailed { error: String },
    /// The store was opened again after a failure.
    StoreReopened,
    /// This daemon follows a leader from now on, or another leader than before.
    Following {
        /// Where that one is reached; "" where it does not say so.
        leader: String,
    },
    /// This daemon became the leader of those that share its database.
    Leading { took: Duration },
    /// Another daemon became the leader; this one ends.
    Deposed,
    /// A follower could not read the database.
    FollowingFailed {
        error: String,
        /// Whether the look before failed, too.
        repeated: bool,
    },
    /// The windows could not be moved.
    WindowsFailed { error: String },
    /// The clock stepped, or lies behind what the store remembers.
    ClockSuspect {
        /// How far, in seconds; negative for a step back.
        step_seconds: i64,
    },
    /// A source was polled and answered, and the answer is on disk.
    Polled {
        org: String,
        source: &'static str,
        took: Duration,
        /// When it began, in Unix seconds.
        at_seconds: f64,
        recovered: bool,
    },
    /// A source was polled in vain; what it reported before stays and grows old.
    PollFailed {
        org: String,
        source: &'static str,
        /// The closed reason; see `sources::failure`.
        reason: &'static str,
        detail: String,
        advice: &'static str,
        took: Duration,
        /// Whether the poll before failed for the same reason, and was logged not long ago.
        repeated: bool,
    },
    /// Polls of a source of an organisation begin; its own counters stand at 0.
    PollingBegan { org: String, source: &'static str },
    /// A source of an organisation is no longer polled: its series go.
    PollingEnded { org: String, source: &'static str },
    /// The values of a source's own metrics after a poll.
    SourceFigures { org: String, source: &'static str, figures: Vec<Figure> },
    /// A task ended by a defect and is started again.
    TaskRestarted {
        /// Which one of [`TASKS`].
        task: &'static str,
    },
    /// A source reports something that an operator may want to know of, once.
    SourceNews {
        org: String,
        source: &'static str,
        /// A sentence without its full stop.
        news: String,
    },
    /// A name and a password were refused.
    PasswordRefused {
        /// How it is logged; `None`: one from this peer was logged not long ago.
        log: Option<RefusalLog>,
    },
    /// The web's file or a certificate changed and cannot be used; the earlier settings stay in force.
    WebReloadFailed { says: String },
    /// An Alertmanager took alerts.
    AlertsSent { alertmanager: String, alerts: u64 },
    /// An Alertmanager did not take all alerts of a round; they are sent again.
    AlertsNotSent {
        alertmanager: String,
        detail: String,
        /// Whether the round before failed, too.
        repeated: bool,
    },
    /// An Alertmanager takes alerts again.
    AlertmanagerRecovered { alertmanager: String },
    /// The heartbeat was not taken.
    HeartbeatFailed { detail: String, repeated: bool },
    /// The configuration was read again.
    ConfigReloaded,
    /// The configuration could not be read again; the old one stays.
    ConfigRejected {
        /// Every mistake, one a line.
        errors: String,
    },
}

impl Event {
    /// Writes the event's one log line.
    pub fn log(&self) {
        match self {
            Self::IngestRejected { log: None, .. } => {}
            Self::IngestRejected {
                org,
                reason,
                detail,
                field,
                log: Some(RefusalLog { count, peer }),
            } => {
                let org = if org.is_empty() { "unknown" } else { org };
                let field = field.as_deref().unwrap_or_default();
                tracing::warn!(
                    org,
                    reason,
                    peer,
                    count,
                    field,
                    detail,
                    "Refused an ingest request. Others like it are counted for a minute before the next line."
                );
            }
            Self::ActivityAccepted { org, accepted, duplicates, expired } => {
                tracing::debug!(
                    org,
                    accepted,
                    duplicates,
                    expired,
                    "Took {accepted} activity records."
                );
            }
            Self::SnapshotAccepted { org, rows } => {
                tracing::debug!(org, rows, "Took a snapshot of {rows} rows.")
            }
            Self::Committed { took } => tracing::trace!(?took, "Committed."),
            Self::CommitFailed { error } => tracing::error!(
                error,
                "A commit failed and nothing of it was acknowledged; senders will retry: {error}"
            ),
            Self::StoreReopened => tracing::info!("The store was opened again."),
            Self::Following { leader } => tracing::info!(
                leader,
                "This daemon follows: it shows what the leader stores, and takes nothing."
            ),
            Self::Leading { took } => {
                tracing::info!(
                    ?took,
                    "This daemon leads: it takes what is pushed, polls, and sends alerts."
                )
            }
            Self::Deposed => tracing::error!(
                "Another daemon leads, because this one did not renew its lease in time; it ends, and follows once it is started again."
            ),
            Self::FollowingFailed { error, repeated: false } => tracing::error!(
                error,
                "The follower cannot read the database; what it shows grows old: {error}"
            ),
            Self::FollowingFailed { error, repeated: true } => {
                tracing::debug!(error, "The follower still cannot read the database: {error}");
            }
            Self::WindowsFailed { error } => tracing::error!(
                error,
                "The windows could not be read; counts go absent until they can: {error}"
            ),
            Self::ClockSuspect { step_seconds } => {
                tracing::warn!(
                    step_seconds,
                    "The clock stepped by {step_seconds} s; retention pauses for an hour. Check time synchronisation."
                );
            }
            Self::Polled { org, source, took, recovered, .. } => {
                if *recovered {
                    tracing::info!(org, source, ?took, "{org}: {source} answers again.");
                } else {
                    tracing::debug!(org, source, ?took, "{org}: polled {source}.");
                }
            }
            Self::PollFailed { org, source, reason, detail, advice, repeated, .. } => {
                if *repeated {
                    tracing::debug!(
                        org,
                        source,
                        reason,
                        detail,
                        "{org}: {source} still fails: {detail}."
                    );
                } else {
                    tracing::warn!(
                        org,
                        source,
                        reason,
                        detail,
                        "{org}: asking {source} failed ({reason}): {detail}. {advice}"
                    );
                }
            }
            Self::PollingBegan { org, source } => tracing::debug!(org, source, "Polling begins."),
            Self::PollingEnded { org, source } => tracing::debug!(org, source, "Polling ends."),
            Self::SourceFigures { .. } => {}
            Self::TaskRestarted { task } => tracing::error!(
                task,
                "The task {task} ended by a defect and is started again; report the panic's lines above this one."
            ),
            Self::SourceNews { org, source, news } => {
                tracing::info!(org, source, "{org}: {source}: {news}.");
            }
            Self::PasswordRefused { log } => {
                if let Some(RefusalLog { count, peer }) = log {
                    tracing::warn!(
                        peer,
                        count,
                        "A wrong name or password. Others from there are counted for a minute before the next line."
                    );
                }
            }
            Self::WebReloadFailed { says } => tracing::error!(
                "The earlier settings stay in force, because the web's file or a certificate changed and cannot be used: {says}"
            ),
            Self::AlertsSent { alertmanager, alerts } => {
                tracing::debug!(alertmanager, alerts, "{alertmanager} took {alerts} alerts.");
            }
            Self::AlertsNotSent { alertmanager, detail, repeated } => {
                if *repeated {
                    tracing::debug!(alertmanager, detail, "{alertmanager} still fails: {detail}.");
                } else {
                    tracing::error!(
                        alertmanager,
                        detail,
                        "Alerts cannot be sent to {alertmanager} and are sent again: {detail}."
                    );
                }
            }
            Self::AlertmanagerRecovered { alertmanager } => {
                tracing::info!(alertmanager, "{alertmanager} takes alerts again.");
            }
            Self::HeartbeatFailed { detail, repeated } => {
                if *repeated {
                    tracing::debug!(detail, "The heartbeat still fails: {detail}.");
                } else {
                    tracing::error!(detail, "The heartbeat was not taken: {detail}.");
                }
            }
            Self::ConfigReloaded => tracing::info!("The configuration was read again."),
            Self::ConfigRejected { errors } => {
                // A line each, so that none is cut off or taken for part of another by what collects logs.
                let mut lines = errors.lines().map(str::trim);
                let first = lines.next().unwrap_or_default();
                tracing::error!(
                    "The configuration has mistakes and the old one stays in force: {first}"
                );
                for mistake in lines {
                    tracing::error!(mistake, "Mistake: {mistake}");
                }
            }
        }
    }
}
