//! Exchange's logs in the frame of polled sources: what makes a poller, and what is known as metrics.

use super::columns::{LogColumns, LogKind};
use super::failure::ExchangeLogFailure;
use super::files::{FilePositions, read_directory};
use super::rows;
use super::settings::ExchangeLogSettings;
use super::totals::{DAY, LogTotals};
use crate::domain::exchange_log::{CallError, EwsOperation, ExchangeCalls, SignInRefusal};
use crate::domain::ids::{OrgName, Source};
use crate::domain::observation::Snapshot;
use crate::domain::source_state::SourceFacts;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::events::Figure;
use crate::sources::failure::Failure;
use crate::sources::polling::{BoxedFuture, PollOutcome, PollPace, PollSettings, PolledSource};
use chrono::TimeDelta;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How much is read in one poll: what is committed together, and read again after a crash. At 200 MB/s it takes 5 s.
const BUDGET: u64 = 1 << 30;
/// How far back the first reading goes: the longest window, and what its minutes are rounded by.
const BACK: TimeDelta = TimeDelta::hours(25);
/// A reading that takes longer than this hangs: a share that went away, not a slow disk.
const READ_WITHIN: Duration = Duration::from_secs(120);

/// The logs of one organisation's servers.
#[derive(Clone)]
pub struct ExchangeLogSource {
    /// The organisation.
    pub org: OrgName,
    /// The section `exchange_log`.
    pub settings: Arc<ExchangeLogSettings>,
}

impl PollSettings for ExchangeLogSource {
    fn source(&self) -> &'static str {
        Source::ExchangeLog.name()
    }

    fn pace(&self) -> PollPace {
        self.settings.pace()
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| self.settings == other.settings)
    }

    fn start(&self) -> Box<dyn PolledSource> {
        Box::new(LogPoller {
            org: self.org.clone(),
            settings: Arc::clone(&self.settings),
            totals: None,
            reading: None,
            known: None,
            incomplete: None,
        })
    }
}

/// Polls the directories.
struct LogPoller {
    org: OrgName,
    settings: Arc<ExchangeLogSettings>,
    /// What was added up; `None` until it is resumed from what is stored, and while a reading is under way.
    totals: Option<LogTotals>,
    /// The reading that is under way: a share may hang, and then only its thread does.
    reading: Option<JoinHandle<LogReading>>,
    known: Option<Arc<ExchangeCalls>>,
    incomplete: Option<Failure>,
}

/// What one poll read.
struct LogReading {
    totals: LogTotals,
    now: Timestamp,
    bytes: u64,
    rows: u64,
    unreadable: u64,
    more: bool,
    failure: Option<(ExchangeLogFailure, String)>,
}

/// Reads what is new in all directories.
fn read(mut totals: LogTotals, settings: &ExchangeLogSettings, now: Timestamp) -> LogReading {
    totals.tidy(settings, now);
    let directories: Vec<_> = (settings.servers.iter())
        .flat_map(|server| {
            let paths = server.directories.iter();
            paths.filter_map(|(kind, path)| Some((server.name.as_str(), kind, path.as_deref()?)))
        })
        .collect();
    let (mut bytes, mut rows, mut unreadable) = (0, 0, 0);
    let (mut more, mut failure) = (false, None);
    let mut left = directories.len() as u64;
    for (server, kind, path) in directories {
        let positions = totals.servers.get_mut(server).and_then(|it| it.files.remove(kind.name()));
        let mut positions: FilePositions = positions.unwrap_or_default();
        // Each gets its share of what the others before it did not use.
        let budget = BUDGET.saturating_sub(bytes) / left.max(1);
        left = left.saturating_sub(1);
        let mut take = |columns: &LogColumns, line: &[u8]| {
            rows::read(columns, line, &settings.account)
                .is_some_and(|(at, row)| totals.add(server, kind, (at, &row), now))
        };
        let window = (now.minus(BACK), now);
        let report = read_directory((kind, path), &mut positions, window, budget, &mut take);
        if let Some(totals) = totals.servers.get_mut(server) {
            totals.files.insert(kind.name().to_owned(), positions);
        }
        bytes += report.bytes;
        rows += report.rows;
        unreadable += report.unreadable;
        // What the back end logged is all that silence is read from.
        more |= (report.more || report.failure.is_some()) && kind == LogKind::Ews;
        failure = failure.or_else(|| {
            report.failure.map(|(kind_of, detail)| (kind_of, format!("{server}, {kind}: {detail}")))
        });
    }
    LogReading { totals, now, bytes, rows, unreadable, more, failure }
}

impl LogPoller {
    /// Goes on from what is stored.
    fn resume(&self, now: Timestamp, org: &OrgView, news: &mut Vec<String>) -> LogTotals {
        let stored = org.source_states.memory(Source::ExchangeLog);
        let totals = stored.map(LogTotals::from_memory);
        if totals == Some(None) {
            news.push(
                "what was stored of the logs is of another version; the last day is read again"
                    .to_owned(),
            );
        }
        totals.flatten().unwrap_or_else(|| LogTotals::new(now))
    }

    async fn read(
        &mut self,
        now: Timestamp,
        org: &OrgView,
        news: &mut Vec<String>,
    ) -> Result<LogReading, Failure> {
        let mut reading = self.reading.take().unwrap_or_else(|| {
            let totals = self.totals.take().unwrap_or_else(|| self.resume(now, org, news));
            let settings = Arc::clone(&self.settings);
            tokio::task::spawn_blocking(move || read(totals, &settings, now))
        });
        match tokio::time::timeout(READ_WITHIN, &mut reading).await {
            Ok(Ok(reading)) => Ok(reading),
            // What ended the reading is for the loop to log, to count and to start again.
            Ok(Err(ended)) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(unavailable("the reading was ended")),
            },
            Err(_) => {
                self.reading = Some(reading);
                let seconds = READ_WITHIN.as_secs();
                Err(unavailable(&format!("reading takes longer than {seconds} s")))
            }
        }
    }
}

fn unavailable(detail: &str) -> Failure {
    Failure::new(ExchangeLogFailure::DirectoryUnavailable, detail)
}

impl PolledSource for LogPoller {
    fn poll<'a>(&'a mut self, now: Timestamp, org: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            let mut news = Vec::new();
            let read = self.read(now, org, &mut news).await;
            // Without a reading there are none: counts of a window that moved on would look like those of now.
            let mut figures = Vec::new();
            let mut memory = None;
            let snapshot = read.map(|reading| {
                // A reading that hung for long is of the time when it began.
                let (totals, now) = (&reading.totals, reading.now);
                let before = self.known.take();
                let known =
                    totals.calls_known(&self.settings, before.as_deref(), !reading.more, now);
                figures = figures_of(&self.settings, &reading, &known);
                self.known = Some(Arc::new(known));
                self.incomplete =
                    reading.failure.as_ref().map(|(kind, detail)| Failure::new(*kind, detail));
                let stored = org.source_states.memory(Source::ExchangeLog);
                memory = totals.memory().filter(|bytes| stored != Some(bytes.as_slice()));
                self.totals = Some(reading.totals);
                Some(Snapshot {
                    org: self.org.clone(),
                    source: Source::ExchangeLog,
                    captured_at: now,
                    rows: Vec::new(),
                    users: Vec::new(),
                    users_complete: false,
                })
            });
            PollOutcome {
                snapshot,
                memory,
                facts: SourceFacts { exchange_calls: self.known.clone(), ..SourceFacts::default() },
                figures,
                usage: None,
                news,
            }
        })
    }

    fn incomplete(&mut self) -> Option<Failure> {
        self.incomplete.take()
    }

    /// What is stored is what the next poll goes on from.
    fn not_taken(&mut self) {
        self.totals = None;
    }
}

/// What is known, as metrics of the catalogue.
fn figures_of(
    settings: &ExchangeLogSettings,
    reading: &LogReading,
    known: &ExchangeCalls,
) -> Vec<Figure> {
    let (totals, now) = (&reading.totals, reading.now);
    let mut figures = Vec::new();
    let mut put = |metric, labels: &[&str], value: f64| {
        let labels = labels.iter().map(|label| (*label).to_owned().into()).collect();
        figures.push(Figure { metric, labels, value });
    };
    put("lightning_sync_exchange_log_bytes_total", &[], reading.bytes as f64);
    put("lightning_sync_exchange_log_rows_total", &[], reading.rows as f64);
    put("lightning_sync_exchange_log_unreadable_lines_total", &[], reading.unreadable as f64);
    for (window, span) in [("60m", TimeDelta::minutes(60)), ("24h", DAY)] {
        put("lightning_sync_exchange_log_calls", &[window], totals.calls(span, now) as f64);
        put("lightning_sync_exchange_log_writes", &[window], totals.writes(span, now) as f64);
        let throttled = totals.throttled(span, now) as f64;
        put("lightning_sync_exchange_log_throttled_calls", &[window], throttled);
    }
    for error in CallError::ALL {
        let failed = totals.errors(*error, DAY, now) as f64;
        put("lightning_sync_exchange_log_failed_calls_24h", &[error.name()], failed);
    }
    if known.sees_refusals {
        for reason in SignInRefusal::ALL {
            let refused = totals.refusals(*reason, DAY, now) as f64;
            put("lightning_sync_exchange_log_refused_sign_ins_24h", &[reason.name()], refused);
            let lasting = known.refused.is_some_and(|refused| refused.reason == *reason);
            let lasting = f64::from(u8::from(lasting));
            put("lightning_sync_exchange_log_sign_in_refused", &[reason.name()], lasting);
        }
    }
    for operation in EwsOperation::ALL {
        if let Some(at) = totals.last_call(*operation) {
            let metric = "lightning_sync_exchange_log_last_call_timestamp_seconds";
            put(metric, &[operation.name()], at.seconds());
        }
    }
    for server in &settings.servers {
        for kind in LogKind::ALL {
            if let Some(at) = totals.reach(&server.name, *kind) {
                let metric = "lightning_sync_exchange_log_reach_timestamp_seconds";
                put(metric, &[&server.name, kind.name()], at.seconds());
            }
        }
    }
    if let Some(until) = known.complete_until {
        let metric = "lightning_sync_exchange_log_complete_until_timestamp_seconds";
        put(metric, &[], until.seconds());
    }
    let mailboxes = |fits: &dyn Fn(Timestamp) -> bool, writes: bool| {
        let last = known
            .mailboxes
            .values()
            .filter_map(|calls| if writes { calls.last_write() } else { calls.last_call() });
        last.filter(|at| fits(*at)).count() as f64
    };
    let in_day = |at: Timestamp| now.since(at) < DAY;
    put("lightning_sync_exchange_log_mailboxes", &[], known.mailboxes.len() as f64);
    put("lightning_sync_exchange_log_mailboxes_called_24h", &[], mailboxes(&in_day, false));
    put("lightning_sync_exchange_log_mailboxes_written_24h", &[], mailboxes(&in_day, true));
    put(
        "lightning_sync_exchange_log_mailboxes_two_writers",
        &[],
        f64::from(known.two_writers_count),
    );
    figures
}
