//! How an organisation stands at one instant, and what its rows, sources and users show, for pages and JSON alike.

use crate::domain::causes::Cause;
use crate::domain::ids::{ObjectType, Source};
use crate::domain::judge::{Finding, Judgement, judgement};
use crate::domain::policy::{ConnectionMethod, Product};
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::source_state::PollFailing;
use crate::domain::time::Timestamp;
use crate::domain::users::Standing;
use crate::domain::view::{Current, OrgView, View};
use crate::guidance::verdict::{Level, Verdict, counted, local_in, span, verdict_in};
use crate::guidance::{self, OrgState, RowGuide, Text};
use chrono_tz::Tz;
use enum_map::EnumMap;
use std::collections::BTreeMap;

/// An organisation as it is judged: guidance's verdict, held back while the engine itself stands still.
pub(super) struct OrgVerdict {
    /// How it stands and what to do.
    pub(super) verdict: Verdict,
    /// Worst first.
    pub(super) findings: Vec<Finding>,
    /// When a last sync becomes too old; [`Timestamp::MAX`] where no limit runs.
    pub(super) deadlines: EnumMap<ObjectType, Timestamp>,
}

impl OrgVerdict {
    /// Judges an organisation of `view`, in words with its own zone.
    pub(super) fn of(view: &View, org: &OrgView, now: Timestamp) -> Self {
        Self::in_zone(view, org, org.policy.time_zone, now)
    }

    /// The same, where organisations of several zones are on one page.
    pub(super) fn in_zone(view: &View, org: &OrgView, zone: Tz, now: Timestamp) -> Self {
        let fresh = view.is_fresh(now);
        let Judgement { findings, deadlines, .. } = judgement(org, fresh, now);
        let mut verdict = verdict_in(&findings, org, zone, now);
        // Sources look alive to an engine that has stopped hearing them: nothing good is reported then.
        if !fresh && matches!(verdict.level, Level::Fine | Level::Watch | Level::Waiting) {
            verdict.level = Level::Held;
            verdict.held_as_of = Some(view.as_of);
            verdict.headline = format!("STALE, last counted {}", local_in(view.as_of, zone, now));
            verdict.sentence = format!(
                "This program itself has stood still for {}: what it shows is as old.",
                span(now.since(view.as_of))
            );
        }
        Self { verdict, findings, deadlines }
    }
}

/// One row, its current value and what the article says of it.
pub(super) struct RowStatus {
    pub(super) row: OrgRow,
    /// Whether the row means anything for this organisation.
    pub(super) applies: bool,
    /// The value with its source; `None`: not known.
    pub(super) current: Option<Current>,
    /// Whether a source that could tell when it last synced is live and knows of no time: it never did.
    pub(super) never: bool,
    /// Within which span it synced, where only counts say so.
    pub(super) counted: Option<String>,
    /// Why it is not known.
    pub(super) unknown_because: Option<&'static str>,
    /// What the article would call the value.
    pub(super) shows: OrgState,
    /// What that means and what to do; `None` of what never happened, which its finding speaks of.
    pub(super) guide: Option<RowGuide>,
}

/// The rows of what the organisation syncs. `fresh` says whether the View is recent enough for its counts.
pub(super) fn rows(org: &OrgView, fresh: bool, now: Timestamp) -> Vec<RowStatus> {
    OrgRow::ALL
        .into_iter()
        .filter(|row| org.policy.covers(*row))
        .map(|row| RowStatus::of(org, row, fresh, now))
        .collect()
}

impl RowStatus {
    /// What would be found of the value.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self.guide {
            None if self.never => Some(Cause::NeverSynced),
            guide => guide.and_then(|guide| guide.cause),
        }
    }

    /// What the value means.
    pub(super) fn meaning(&self) -> Option<Text> {
        match self.guide {
            None if self.never => {
                Some(Text::new("No source that can tell has seen anything sync."))
            }
            guide => guide.map(|guide| guide.meaning),
        }
    }

    /// Whether the row's value is what a finding is about.
    pub(super) fn shows_why(&self, finding: &Finding) -> bool {
        self.cause() == Some(finding.cause)
            && (finding.object_type.is_none() || finding.object_type == self.row.object_type())
    }

    fn of(org: &OrgView, row: OrgRow, fresh: bool, now: Timestamp) -> Self {
        let is_count = matches!(row, OrgRow::Synced60m(_) | OrgRow::Synced24h(_));
        let reported = org.current(row, now);
        let was_reported = reported.is_some();
        // A count of an engine that stands still would look exact and be old.
        let current = reported.filter(|_| fresh || !is_count);
        let shows =
            current.as_ref().map_or(OrgState::Unknown, |current| shows(org, row, current, now));
        let never =
            matches!(row, OrgRow::LastSync(object) if org.ever_synced(object, now) == Some(false));
        let counted = match (row, &current) {
            (OrgRow::LastSync(object), None) => counted(object, org, now),
            _ => None,
        };
        let unknown_because = match current {
            Some(_) => None,
            None if counted.is_some() => Some("only counts are reported, and they say no time"),
            None if never => Some("it never synced, as far as any source can tell"),
            None if was_reported => Some("the engine has not published for too long"),
            None if org.readings.of_row(row).next().is_some() => {
                Some("no source of this count is live")
            }
            None => Some("no source has reported it"),
        };
        Self {
            row,
            applies: applies(org, row),
            current,
            never,
            counted,
            unknown_because,
            shows,
            // The guide of what is not known would contradict it.
            guide: (!never).then(|| guidance::org_row_of(org.policy.product, row, shows)).flatten(),
        }
    }
}

/// The name of a watched directory as a source that is polled.
const DIRECTORY: &str = "files";

/// A source and how it is doing.
pub(super) struct SourceStatus {
    pub(super) name: &'static str,
    /// Whose readings these are; `None`: what it finds is another source's, as a watched directory's files are.
    pub(super) source: Option<Source>,
    pub(super) live: bool,
    pub(super) last_report_at: Option<Timestamp>,
    /// Until when it counts as live; `None` when it never reported or its silence is an answer.
    pub(super) live_until: Option<Timestamp>,
    /// Why polls of it fail, while they do.
    pub(super) failing: Option<PollFailing>,
}

/// Every source that has reported, should have, or can be fed.
pub(super) fn sources(org: &OrgView, now: Timestamp) -> Vec<SourceStatus> {
    let failing = |name| org.source_states.of(name)?.failing;
    let directory = org.source_states.of(DIRECTORY).map(|directory| SourceStatus {
        name: DIRECTORY,
        source: None,
        live: directory.failing.is_none(),
        last_report_at: None,
        live_until: None,
        failing: directory.failing,
    });
    Source::ALL
        .iter()
        .map(|source| SourceStatus {
            name: source.name(),
            source: Some(*source),
            live: org.is_live(*source, now),
            last_report_at: org.last_report[*source],
            live_until: org.live_until(*source).filter(|until| *until < Timestamp::MAX),
            failing: failing(source.name()),
        })
        .filter(|status| {
            status.last_report_at.is_some()
                || status.failing.is_some()
                || matches!(status.source, Some(Source::Activity | Source::Snapshot))
        })
        .chain(directory)
        .collect()
}

/// The users in numbers.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct UserTotals {
    pub(super) known: u32,
    pub(super) healthy: u32,
    pub(super) partly_known: u32,
    pub(super) failing: u32,
    pub(super) failing_by_check: BTreeMap<&'static str, u32>,
    pub(super) stuck: u32,
    pub(super) resetting: u32,
    pub(super) excluded: u32,
    pub(super) leaving: u32,
    pub(super) unknown: u32,
}

impl UserTotals {
    pub(super) fn of(org: &OrgView) -> Self {
        let summary = &org.summary;
        let failing_by_check: BTreeMap<&'static str, u32> = UserRow::checks()
            .filter_map(|check| Some((check.check(), summary.failing(check)?.0)))
            .collect();
        let count = |standing| summary.standings[standing];
        Self {
            known: summary.known,
            healthy: count(Standing::Healthy),
            partly_known: count(Standing::PartlyKnown),
            failing: count(Standing::Failing),
            failing_by_check,
            stuck: count(Standing::Stuck),
            resetting: count(Standing::Resetting),
            excluded: count(Standing::Excluded),
            leaving: count(Standing::Leaving),
            unknown: count(Standing::Unknown),
        }
    }
}

fn applies(org: &OrgView, row: OrgRow) -> bool {
    match row {
        OrgRow::ServiceAccountProvided => {
            org.policy.connection == ConnectionMethod::ServiceAccount
                && org.policy.product == Product::LightningSync
        }
        OrgRow::ServiceAccountRecognized => {
            org.policy.connection == ConnectionMethod::ServiceAccount
        }
        OrgRow::OutlookIntegration => org.policy.reps_select_events,
        OrgRow::LinkedUsers | OrgRow::LastSync(_) | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
            true
        }
    }
}

/// What the article would call a value. Of a held last sync only what was already so when it was read.
fn shows(org: &OrgView, row: OrgRow, current: &Current, now: Timestamp) -> OrgState {
    match &current.value {
        OrgValue::Account(Some(_)) => OrgState::Named,
        OrgValue::Account(None) => OrgState::NoneShown,
        OrgValue::Flag(true) => OrgState::Yes,
        OrgValue::Flag(false) => OrgState::No,
        OrgValue::Count(0) => OrgState::Zero,
        OrgValue::Count(count) if row == OrgRow::LinkedUsers => {
            match org.expected_linked_users(now) {
                Some(expected) if expected == *count => OrgState::Expected,
                Some(_) => OrgState::Unexpected,
                None => OrgState::Number,
            }
        }
        OrgValue::Count(_) => OrgState::Number,
        OrgValue::Instant(at) => {
            let seen_at = if current.stale { current.observed_at } else { now };
            let overdue = row
                .object_type()
                .and_then(|object| org.last_sync(object, now))
                .is_some_and(|last| seen_at > org.last_sync_deadline(&last));
            if overdue {
                OrgState::Past
            } else if seen_at.since(*at) <= org.policy.fresh_within {
                OrgState::Minutes
            } else {
                OrgState::Hours
            }
        }
    }
}
