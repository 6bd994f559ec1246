//! An organisation's verdict: one line, the cause, the one next step and who takes it, and what that cause holds back.
//! Pages, JSON and the command line show the same because all take it from here.

#[cfg(test)]
mod tests;

mod words;

pub use words::{counted, local, local_in, span, which_way};

use super::exchange::steps_now;
use super::successor::check_steps;
use super::{Step, cause_of};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{ObjectType, closed_set};
use crate::domain::judge::Finding;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::view::{Current, OrgView};
use chrono_tz::Tz;
use words::{Words, looked_at};

closed_set! {
    /// How an organisation stands, worst first. Grey (`held`, `unknown`, `waiting`) is never green.
    Level {
        /// Sync stands still, or nobody can sync.
        Broken = "broken",
        /// No source has reported when something last synced.
        Unknown = "unknown",
        /// Reported once, and stale by now.
        Held = "held",
        /// Something needs somebody in office hours.
        Attention = "attention",
        /// Later or quieter than usual.
        Watch = "watch",
        /// Being set up, or before its first sync: a source speaks, and nothing has synced yet.
        Waiting = "waiting",
        /// A live source says that everything syncs.
        Fine = "fine",
        /// The product has ended here.
        Retired = "retired",
    }
}

/// How an organisation stands and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it stands.
    pub level: Level,
    /// The level and since when, in the organisation's own time: "BROKEN since 02:10".
    pub headline: String,
    /// The cause with its facts in one sentence.
    pub sentence: String,
    /// The leading cause, if something was found.
    pub cause: Option<Cause>,
    /// Since when the cause holds, where that is known.
    pub since: Option<Timestamp>,
    /// When the facts were last confirmed, if nobody has confirmed them lately.
    pub held_as_of: Option<Timestamp>,
    /// The one thing to do now.
    pub next_step: Option<Step>,
    /// The findings that need somebody, root causes and worst first.
    pub acting: Vec<Finding>,
    /// The findings that wait for their cause to end.
    pub held_back: Vec<Finding>,
}

/// Sums an organisation's findings up at `now`, with times of day in its own zone. Findings of other organisations are
/// passed over.
pub fn verdict(findings: &[Finding], org: &OrgView, now: Timestamp) -> Verdict {
    verdict_in(findings, org, org.policy.time_zone, now)
}

/// The same with times of day in `zone`.
pub fn verdict_in(findings: &[Finding], org: &OrgView, zone: Tz, now: Timestamp) -> Verdict {
    let mut own: Vec<Finding> =
        findings.iter().filter(|finding| finding.org == org.policy.name).cloned().collect();
    own.sort();
    let (held_back, acting): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|finding| finding.held_back_by.is_some());
    let leading = acting.first();
    let level = match leading {
        Some(finding) => level_of(finding, &acting, org, now),
        // Its cause has ended, and it has not recovered yet.
        None if !held_back.is_empty() => Level::Watch,
        None => level_of_silence(org, now),
    };
    let held_as_of = match leading {
        Some(finding) => confirmed(finding, org, now),
        None if level == Level::Held => oldest_look(org, now),
        None => None,
    };
    let since = leading.and_then(|finding| finding.since);
    let next_step = match leading {
        Some(finding) => steps(finding, org, now).first().copied(),
        None if matches!(level, Level::Unknown | Level::Held) => {
            cause_of(org.policy.product, Cause::ObservationsStale).steps.first().copied()
        }
        None => None,
    };
    let words = Words { org, now, zone };
    let sentence = match leading {
        Some(finding) if !is_calm(level) => words.together(finding, &acting),
        Some(_) | None => words.calm(level),
    };
    Verdict {
        level,
        headline: words.headline(level, since, held_as_of),
        sentence,
        cause: leading.map(|finding| finding.cause),
        since,
        held_as_of,
        next_step,
        acting,
        held_back,
    }
}

/// A finding in one sentence with its facts, without the organisation's name.
pub fn describe(finding: &Finding, org: &OrgView, now: Timestamp) -> String {
    let zone = org.policy.time_zone;
    Words { org, now, zone }.together(finding, std::slice::from_ref(finding))
}

/// What to do about a finding, in order: for users' checks the steps of that check, else those of the cause, as they stand
/// while Exchange does what it does.
pub fn steps(finding: &Finding, org: &OrgView, now: Timestamp) -> Vec<Step> {
    let product = org.policy.product;
    let of_check = finding.check.filter(|_| finding.cause == Cause::UsersFailing);
    match of_check.and_then(|check| check_steps(product, check)) {
        Some(steps) => steps.to_vec(),
        None => steps_now(cause_of(product, finding.cause).steps, finding.cause, org, now),
    }
}

/// Levels whose sentence tells how sync is, whatever else was found.
const fn is_calm(level: Level) -> bool {
    matches!(level, Level::Fine | Level::Waiting)
}

fn level_of(leading: &Finding, acting: &[Finding], org: &OrgView, now: Timestamp) -> Level {
    match (leading.cause, leading.severity) {
        (Cause::Retired, _) => Level::Retired,
        (Cause::ObservationsStale, _) => {
            let never_reported = objects_of(Cause::ObservationsStale, acting)
                .any(|object| looked_at(org, object, now).is_none());
            if never_reported { Level::Unknown } else { Level::Held }
        }
        (_, Severity::Critical) => Level::Broken,
        (_, Severity::Warning) => Level::Attention,
        (Cause::Delayed | Cause::NothingIn60Minutes, Severity::Info) => Level::Watch,
        (_, Severity::Info) => level_of_silence(org, now),
    }
}

/// The level when nothing that concerns sync was found: fine only if a live source says so of every object type.
fn level_of_silence(org: &OrgView, now: Timestamp) -> Level {
    org.policy
        .objects
        .iter()
        .map(|object| match org.last_sync(*object, now) {
            Some(last) if last.live => Level::Fine,
            Some(_) => Level::Held,
            None if org.counted_within(*object).is_some() => {
                let counts = [OrgRow::Synced60m(*object), OrgRow::Synced24h(*object)];
                let live = counts.into_iter().filter_map(|row| org.current(row, now));
                let synced = |count: Current| matches!(count.value, OrgValue::Count(1..));
                if live.into_iter().any(synced) { Level::Fine } else { Level::Held }
            }
            None if org.ever_synced(*object, now).is_some() => Level::Waiting,
            None if org.policy.setting_up(now) => Level::Waiting,
            None => Level::Unknown,
        })
        .min()
        .unwrap_or(Level::Unknown)
}

fn objects_of(cause: Cause, findings: &[Finding]) -> impl Iterator<Item = ObjectType> {
    findings
        .iter()
        .filter(move |finding| finding.cause == cause)
        .filter_map(|finding| finding.object_type)
}

fn oldest_look(org: &OrgView, now: Timestamp) -> Option<Timestamp> {
    org.policy
        .objects
        .iter()
        .filter(|object| org.last_sync(**object, now).is_none_or(|last| !last.live))
        .filter_map(|object| looked_at(org, *object, now))
        .min()
}

/// The causes that the last sync of an object type is evidence of.
const OF_LAST_SYNC: [Cause; 3] = [Cause::NoSyncIn24Hours, Cause::ObservationsStale, Cause::Delayed];
/// The row of the organisation that is evidence of a cause.
const EVIDENCE: [(Cause, OrgRow); 5] = [
    (Cause::ServiceAccountMissing, OrgRow::ServiceAccountProvided),
    (Cause::ServiceAccountNotRecognized, OrgRow::ServiceAccountRecognized),
    (Cause::NoLinkedUsers, OrgRow::LinkedUsers),
    (Cause::LinkedUsersUnexpected, OrgRow::LinkedUsers),
    (Cause::OutlookIntegrationDisabled, OrgRow::OutlookIntegration),
];

/// When the facts behind a finding were last confirmed; `None` while a live source confirms them.
fn confirmed(finding: &Finding, org: &OrgView, now: Timestamp) -> Option<Timestamp> {
    let row = |row| {
        let current = org.current(row, now)?;
        current.stale.then_some(current.observed_at)
    };
    if let Some(check) = finding.check.filter(|_| finding.cause != Cause::CanaryLate) {
        let (observed_at, stale) = org.summary.observed(check)?;
        return stale.then_some(observed_at);
    }
    match finding.object_type {
        Some(object) if OF_LAST_SYNC.contains(&finding.cause) => row(OrgRow::LastSync(object)),
        _ => row(EVIDENCE.iter().find(|(cause, _)| *cause == finding.cause)?.1),
    }
}
