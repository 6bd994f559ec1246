//! A probe that is under way: how its steps ended so far.

use super::super::failure::ExchangeFailure;
use super::state::MailboxLook;
use crate::domain::probe::ProbeStep;
use crate::domain::time::Timestamp;
use crate::http_client::{HttpConnection, Trace, TracePhase};
use crate::sources::failure::{Failure, FailureReason};
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The longest that one probe goes on: mailboxes that were not reached come first in the next one.
pub(super) const CYCLE: Duration = Duration::from_secs(300);

/// How one step ended.
#[derive(Clone, Copy)]
pub(super) enum StepEnd {
    Passed,
    Failed(FailureReason),
    Held(FailureReason),
    Skipped,
}

impl StepEnd {
    /// Two ways to Exchange have one list of steps, on which the worse end counts.
    fn weight(self) -> u8 {
        match self {
            Self::Failed(_) => 3,
            Self::Held(_) => 2,
            Self::Passed => 1,
            Self::Skipped => 0,
        }
    }
}

/// A probe that is under way, over one protocol or over both.
pub(super) struct ProbeRound {
    pub(super) now: Timestamp,
    began: Instant,
    pub(super) ends: EnumMap<ProbeStep, StepEnd>,
    pub(super) took: EnumMap<ProbeStep, Option<Duration>>,
    pub(super) certificate_ends: Option<Timestamp>,
    pub(super) tls_version: Option<&'static str>,
    /// Whether mailboxes could be looked at.
    pub(super) went_on: bool,
    /// Until when nothing is requested.
    pub(super) throttled_until: Option<Timestamp>,
    pub(super) looks: BTreeMap<usize, MailboxLook>,
}

impl ProbeRound {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            began: Instant::now(),
            ends: EnumMap::from_fn(|_| StepEnd::Skipped),
            took: EnumMap::default(),
            certificate_ends: None,
            tls_version: None,
            went_on: false,
            throttled_until: None,
            looks: BTreeMap::new(),
        }
    }

    /// When a pause ends that is demanded now; the probe itself may have taken minutes.
    pub(super) fn after(&self, wait: TimeDelta) -> Timestamp {
        let took = i64::try_from(self.began.elapsed().as_secs()).unwrap_or_default();
        self.now.plus(TimeDelta::seconds(took)).plus(wait)
    }

    /// Holds every step, because Exchange demands a pause.
    pub(super) fn pause(&mut self, until: Timestamp) {
        self.throttled_until = Some(until);
        let held = StepEnd::Held(ExchangeFailure::ExchangeThrottled.into());
        self.ends = EnumMap::from_fn(|_| held);
    }

    /// Adds what was found over the other protocol.
    pub(super) fn add(&mut self, other: Self) {
        for (step, end) in other.ends {
            if end.weight() > self.ends[step].weight() {
                self.ends[step] = end;
            }
            self.took[step] = self.took[step].max(other.took[step]);
        }
        self.certificate_ends =
            [self.certificate_ends, other.certificate_ends].into_iter().flatten().min();
        self.tls_version = self.tls_version.or(other.tls_version);
        self.went_on |= other.went_on;
        self.throttled_until = self.throttled_until.max(other.throttled_until);
        self.looks.extend(other.looks);
    }

    /// Takes how a connection was opened: the first three steps.
    pub(super) fn connected(&mut self, trace: Trace) -> Result<HttpConnection, Failure> {
        self.certificate_ends = trace.certificate_ends;
        self.tls_version = trace.tls_version;
        for (phase, took) in trace.took {
            let step = step_of(phase);
            self.took[step] = took;
            if took.is_some() {
                self.ends[step] = StepEnd::Passed;
            }
        }
        trace.opened.map_err(|(phase, error, distrust)| {
            let reason = distrust.map_or_else(
                || FailureReason::from(error.failure),
                |distrust| ExchangeFailure::from(distrust).into(),
            );
            self.ends[step_of(phase)] = StepEnd::Failed(reason);
            Failure::new(reason, error.detail)
        })
    }
}

fn step_of(phase: TracePhase) -> ProbeStep {
    match phase {
        TracePhase::Name => ProbeStep::Dns,
        TracePhase::Tcp => ProbeStep::Tcp,
        TracePhase::Tls => ProbeStep::Tls,
    }
}

/// What a server itself refuses and is not believed yet, and how often in a row it was seen.
#[derive(Default)]
pub(super) struct Doubt(Option<(ExchangeFailure, u32)>);

impl Doubt {
    /// How a step ends that fails so: believed or held.
    pub(super) fn judge(
        &mut self,
        reason: FailureReason,
        kind: Option<ExchangeFailure>,
    ) -> StepEnd {
        let Some(kind) = kind else {
            self.0 = None;
            return StepEnd::Failed(reason);
        };
        let before = self.0.filter(|(doubted, _)| *doubted == kind);
        let times = before.map_or(0, |(_, times)| times).saturating_add(1);
        self.0 = Some((kind, times));
        if times >= kind.believed_after() { StepEnd::Failed(reason) } else { StepEnd::Held(reason) }
    }

    /// It works.
    pub(super) fn ends(&mut self) {
        self.0 = None;
    }
}

/// The pause that Exchange demanded, while it lasts. A clock that went back must not stop the probe for longer than ever.
pub(super) fn pause_at(now: Timestamp, until: Option<Timestamp>) -> Option<Timestamp> {
    until.filter(|until| now < *until && until.since(now) <= chrono::TimeDelta::hours(1))
}
