//! One word for an organisation, and which findings stand behind which. Unknown is never taken for well.

use crate::domain::judge::{Finding, judge_org};
use crate::domain::reasons::{Reason, Severity};
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use std::fmt;

/// How an organisation is, in one word; worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Somebody has to act now.
    Critical,
    /// Somebody has to act in office hours.
    Warning,
    /// Nothing is known to be wrong, and nobody live says that it syncs.
    Unknown,
    /// Something to be seen, nothing to be done.
    Info,
    /// Somebody live says when everything last synced, and nothing is wrong.
    Ok,
}

impl Verdict {
    /// The word.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::Ok => "ok",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An organisation as it is judged at one instant.
pub(super) struct Judged {
    /// The one word.
    pub(super) verdict: Verdict,
    /// Worst first.
    pub(super) findings: Vec<Finding>,
}

impl Judged {
    /// Judges an organisation of `view`.
    pub(super) fn of(view: &View, org: &OrgView, now: Timestamp) -> Self {
        let findings = judge_org(org, view.is_fresh(now), now);
        let known = view.is_fresh(now)
            && org
                .policy
                .objects
                .iter()
                .all(|object| org.last_sync(*object, now).is_some_and(|last| last.live));
        let verdict = match findings.first().map(|worst| worst.severity) {
            Some(Severity::Critical) => Verdict::Critical,
            Some(Severity::Warning) => Verdict::Warning,
            Some(Severity::Info) if known || org.policy.retired(now) => Verdict::Info,
            None if known => Verdict::Ok,
            Some(Severity::Info) | None => Verdict::Unknown,
        };
        Self { verdict, findings }
    }

    /// The causes that hold `finding` back: what is mended first.
    pub(super) fn held_back_by(&self, finding: &Finding) -> Vec<Reason> {
        let mut causes: Vec<Reason> = self
            .findings
            .iter()
            .map(|cause| cause.reason)
            .filter(|cause| cause.consequences().contains(&finding.reason))
            .collect();
        causes.sort();
        causes.dedup();
        causes
    }
}
