//! An organisation as pages and JSON judge it: guidance's verdict, held back while the engine itself stands still.

use crate::domain::judge::{Finding, judge_org};
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use crate::guidance::verdict::{Level, Verdict, local, span, verdict};

/// An organisation as it is judged at one instant.
pub(super) struct OrgVerdict {
    /// How it stands and what to do.
    pub(super) verdict: Verdict,
    /// Worst first.
    pub(super) findings: Vec<Finding>,
}

impl OrgVerdict {
    /// Judges an organisation of `view`.
    pub(super) fn of(view: &View, org: &OrgView, now: Timestamp) -> Self {
        let fresh = view.is_fresh(now);
        let findings = judge_org(org, fresh, now);
        let mut verdict = verdict(&findings, org, now);
        // Sources look alive to an engine that has stopped hearing them: nothing good may be said then.
        if !fresh && matches!(verdict.level, Level::Fine | Level::Watch | Level::Waiting) {
            verdict.level = Level::Held;
            verdict.held_as_of = Some(view.as_of);
            verdict.headline = format!("STALE, last counted {}", local(view.as_of, org, now));
            verdict.sentence = format!(
                "This program itself has stood still for {}: what it shows is as old.",
                span(now.since(view.as_of))
            );
        }
        Self { verdict, findings }
    }
}
