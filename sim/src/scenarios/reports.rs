//! What a probe of Exchange and a canary report of a life.

use super::life::{Life, What};
use crate::domain::canary::{CanaryClass, CanaryReport, CanaryState, LaneReport};
use crate::domain::causes::Cause;
use crate::domain::ids::{Direction, Source};
use crate::domain::policy::OrgPolicy;
use crate::domain::probe::{ProbeReport, ProbeStep, ProbeTrouble, StepReport, StepVerdict};
use crate::domain::source_state::{SourceFacts, SourceState};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// How often each of them looks.
const LOOKS_EVERY: TimeDelta = TimeDelta::minutes(5);
/// How long an item of the canary may take.
pub(super) const CANARY_ALLOWS: TimeDelta = TimeDelta::minutes(45);
/// How many mailboxes are looked at.
const MAILBOXES: u32 = 5;

/// The states of what is polled, at the last look before `at`.
pub(super) fn source_states(
    policy: &OrgPolicy,
    life: &Life,
    at: Timestamp,
) -> Vec<(&'static str, SourceState)> {
    let every = LOOKS_EVERY.num_nanoseconds().unwrap_or(i64::MAX);
    let at = Timestamp::from_nanos(at.nanos().div_euclid(every).saturating_mul(every));
    let mut states = Vec::new();
    if policy.probes_exchange {
        let facts =
            SourceFacts { probe: Some(Arc::new(probe(life, at))), ..SourceFacts::default() };
        states.push((Source::Exchange.name(), SourceState { failing: None, facts }));
    }
    if policy.runs_canary {
        let facts =
            SourceFacts { canary: Some(Arc::new(canary(life, at))), ..SourceFacts::default() };
        states.push((Source::Canary.name(), SourceState { failing: None, facts }));
    }
    states
}

/// Since when something holds at `at`.
fn since(life: &Life, at: Timestamp, holds: impl Fn(&What) -> bool) -> Option<Timestamp> {
    let changes = life.changes.iter().filter(|change| change.from <= at && at < change.until);
    changes.filter(|change| holds(&change.what)).map(|change| change.from).min()
}

/// The step that shows a cause.
fn shown_by(cause: Cause) -> ProbeStep {
    let known = [
        (Cause::ExchangeAccountRefused, ProbeStep::Auth),
        (Cause::ExchangeEwsOff, ProbeStep::Http),
        (Cause::ExchangeImpersonationRefused, ProbeStep::Impersonation),
    ];
    known.iter().find(|(of, _)| *of == cause).map_or(ProbeStep::Tls, |(_, step)| *step)
}

fn probe(life: &Life, at: Timestamp) -> ProbeReport {
    let cause = life
        .at(at)
        .find_map(|what| if let What::Probed(cause) = what { Some(*cause) } else { None });
    let trouble = cause.map(|cause| ProbeTrouble {
        cause,
        step: shown_by(cause),
        reason: "refused",
        advice: "",
        since: since(life, at, |what| matches!(what, What::Probed(other) if *other == cause))
            .unwrap_or(at),
    });
    let throttled = since(life, at, |what| matches!(what, What::Throttled)).is_some();
    let broken = trouble.map(|trouble| trouble.step);
    ProbeReport {
        at,
        steps: EnumMap::from_fn(|step| StepReport {
            verdict: match broken {
                Some(broken) if step == broken => StepVerdict::Failed,
                Some(broken) if step > broken => StepVerdict::Skipped,
                _ if throttled => StepVerdict::Held,
                _ => StepVerdict::Passed,
            },
            last_success: Some(trouble.map_or(at, |trouble| trouble.since)),
            ..StepReport::SKIPPED
        }),
        certificate_ends: life
            .at(at)
            .find_map(|what| if let What::CertificateEnds(at) = what { Some(*at) } else { None }),
        tls_version: None,
        throttled_until: throttled.then(|| at.plus(LOOKS_EVERY)),
        suspended_until: None,
        mailboxes: MAILBOXES,
        places: EnumMap::default(),
        ews_ends: None,
        trouble,
        decided: !throttled,
    }
}

fn canary(life: &Life, at: Timestamp) -> CanaryReport {
    let lane = |direction: Direction| {
        let stopped = |what: &What| matches!(what, What::CanaryLate(other) if *other == direction);
        let stopped = since(life, at, stopped);
        let late = stopped.map(|since| since.plus(CANARY_ALLOWS)).filter(|late| *late <= at);
        LaneReport {
            class: CanaryClass::Plain,
            state: if late.is_some() { CanaryState::Late } else { CanaryState::InTime },
            last_proof: Some(stopped.unwrap_or(at)),
            last_round_trip: Some(TimeDelta::minutes(4)),
            allowed: CANARY_ALLOWS,
            late_since: late,
            trips: VecDeque::new(),
        }
    };
    CanaryReport {
        lanes: EnumMap::from_fn(|object| {
            EnumMap::from_fn(|direction| life.objects.contains(&object).then(|| lane(direction)))
        }),
        every: TimeDelta::minutes(30),
        leftovers: Vec::new(),
    }
}
