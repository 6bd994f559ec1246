//! What needs attention of the daemon itself, in the form of the organisations' findings, so that the rules carry it
//! over a daemon that dies in the same way.

use super::catalogue::{Metric, metric};
use super::encoder::Lines;
use crate::domain::alerts::{OwnFinding, OwnState};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{OrgName, Source};
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::events::Figure;
use bytes::BytesMut;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For how long a refusal, or a commit that failed, is a finding: a sender that repeats it keeps it up, and one that was
/// corrected lets go of it within the hour.
const AFTER_EVENT: TimeDelta = TimeDelta::hours(1);
/// Certificates last 90 days or less and are renewed a third of that ahead: two weeks before the end nobody did.
const CERTIFICATE_ENDS: TimeDelta = TimeDelta::days(14);
/// What is judged of the daemon as a whole.
const OF_DAEMON: [Cause; 7] = [
    Cause::StoreFailing,
    Cause::ClockSuspect,
    Cause::ConfigReloadFailed,
    Cause::WebReloadFailed,
    Cause::CertificateExpiring,
    Cause::BackupTooOld,
    Cause::IngestRejected,
];
/// What is judged of each organisation.
const OF_ORG: [Cause; 3] =
    [Cause::IngestRejected, Cause::SalesforceApiBudgetLow, Cause::SalesforceUsageUnknown];

/// The findings.
#[derive(Debug)]
pub(super) struct OwnFindings {
    states: Mutex<BTreeMap<(String, Cause), FindingState>>,
}

/// How something stands. Times come with a scrape: what happens has none.
#[derive(Debug, Clone, Copy, Default)]
struct FindingState {
    holds: bool,
    /// It happened since the last scrape.
    happened: bool,
    /// The scrape after it last happened.
    last: Option<Timestamp>,
    since: Option<Timestamp>,
    /// Whether it cannot be judged: of an organisation whose Salesforce is not polled.
    unknown: bool,
}

impl OwnFindings {
    pub(super) const METRIC: &Metric =
        metric("lightning_sync_exporter_finding_since_timestamp_seconds");

    pub(super) fn new() -> Self {
        let states = OF_DAEMON.map(|cause| ((String::new(), cause), FindingState::default()));
        Self { states: Mutex::new(states.into()) }
    }

    /// Begins the findings of configured organisations, and drops those of organisations that are gone.
    pub(super) fn set_orgs<'a>(&self, orgs: impl Iterator<Item = &'a OrgName>) {
        let mut states = self.states();
        let mut known: BTreeMap<(String, Cause), FindingState> = OF_DAEMON
            .into_iter()
            .map(|cause| (String::new(), cause))
            .chain(orgs.flat_map(|org| OF_ORG.map(|cause| (org.to_string(), cause))))
            .map(|key| (key, FindingState::default()))
            .collect();
        for (key, state) in &mut known {
            let unknown =
                matches!(key.1, Cause::SalesforceApiBudgetLow | Cause::SalesforceUsageUnknown);
            let begun = FindingState { unknown, ..FindingState::default() };
            *state = states.get(key).copied().unwrap_or(begun);
        }
        *states = known;
    }

    /// Says whether something holds; `None`: it cannot be judged, and has no series.
    pub(super) fn set(&self, org: &str, cause: Cause, holds: impl Into<Option<bool>>) {
        let holds = holds.into();
        if let Some(state) = self.states().get_mut(&(org.to_owned(), cause)) {
            (state.holds, state.unknown) = (holds == Some(true), holds.is_none());
        }
    }

    /// Says that something happened.
    pub(super) fn happened(&self, org: &str, cause: Cause) {
        if let Some(state) = self.states().get_mut(&(org.to_owned(), cause)) {
            state.happened = true;
        }
    }

    /// Judges what Salesforce reported of its limits; nothing is known of them once it is no longer polled.
    pub(super) fn figures(&self, org: &str, source: &str, figures: &[Figure]) {
        if source != Source::Salesforce.name() {
            return;
        }
        let of = |name| figures.iter().find(|figure| figure.metric == name);
        let used = of("lightning_sync_salesforce_api_budget_used_ratio");
        let low = used.is_some_and(|used| used.value > OrgPolicy::API_BUDGET_LOW);
        let reported = of("lightning_sync_salesforce_api_requests_used").is_some();
        for (cause, holds) in
            [(Cause::SalesforceApiBudgetLow, low), (Cause::SalesforceUsageUnknown, !reported)]
        {
            self.set(org, cause, (!figures.is_empty()).then_some(holds));
        }
    }

    /// Judges at `now`, when `view` is the latest.
    pub(super) fn judge(
        &self,
        view: &View,
        certificate_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<OwnFinding> {
        self.set("", Cause::ClockSuspect, view.clock_suspect);
        self.set("", Cause::StoreFailing, view.store_failing);
        let ends = certificate_until.is_some_and(|until| now >= until.minus(CERTIFICATE_ENDS));
        self.set("", Cause::CertificateExpiring, ends);
        let mut states = self.states();
        let judged = states.iter_mut().map(|((org, cause), state)| {
            if std::mem::take(&mut state.happened) {
                state.last = Some(now);
            }
            let lately = state.last.is_some_and(|last| now.since(last) < AFTER_EVENT);
            state.since = (state.holds || lately).then(|| state.since.unwrap_or(now));
            let known = match state.since {
                _ if state.unknown => OwnState::Unknown,
                Some(since) => OwnState::Holds(since),
                None => OwnState::Refuted,
            };
            OwnFinding { org: OrgName::new(org).ok(), cause: *cause, state: known }
        });
        judged.collect()
    }

    /// Writes what is known of some findings.
    pub(super) fn write(out: &mut BytesMut, lines: &mut Lines, findings: &[OwnFinding]) {
        for OwnFinding { org, cause, state } in findings {
            // As of organisations: what does not hold is 0 and has no severity.
            let (severity, since) = match state {
                OwnState::Holds(since) => (Severity::Warning.name(), since.seconds()),
                OwnState::Refuted => ("", 0.0),
                OwnState::Unknown => continue,
            };
            let org = org.as_ref().map_or("", OrgName::as_str);
            let labels = [("org", org), ("cause", cause.name()), ("severity", severity)];
            lines.labelled(out, Self::METRIC, "", labels.into_iter(), since);
        }
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<(String, Cause), FindingState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
