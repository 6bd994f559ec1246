//! The parts of an organisation's page below its verdict, each made from the View alone.

use super::cells::text;
use super::when::When;
use crate::domain::ids::Source;
use crate::domain::policy::Product;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::OrgState;
use crate::web::row_status::{self, RowStatus};
use std::cmp::Reverse;

pub(super) struct KnownFrom {
    pub(super) name: &'static str,
    pub(super) when: When,
    pub(super) live: bool,
}

/// Which sources have reported, the latest first.
pub(super) fn known_from(org: &OrgView, now: Timestamp) -> Vec<KnownFrom> {
    let mut reported: Vec<(Timestamp, Source)> = Source::ALL
        .iter()
        .filter_map(|source| Some((org.last_report[*source]?, *source)))
        .collect();
    reported.sort_by_key(|(at, _)| Reverse(*at));
    reported
        .into_iter()
        .map(|(at, source)| KnownFrom {
            name: source.name(),
            when: When::of(at, org, now),
            live: org.is_live(source, now),
        })
        .collect()
}

pub(super) struct Glance {
    pub(super) name: &'static str,
    pub(super) cells: Vec<GlanceCell>,
}

pub(super) struct GlanceCell {
    pub(super) class: &'static str,
    pub(super) text: String,
    /// Of an instant: when it was.
    pub(super) when: Option<When>,
    pub(super) held: bool,
}

/// Last sync and both counts of each object type.
pub(super) fn glance(org: &OrgView, statuses: &[RowStatus], now: Timestamp) -> Vec<Glance> {
    org.policy
        .objects
        .iter()
        .map(|object| {
            let rows =
                [OrgRow::LastSync(*object), OrgRow::Synced60m(*object), OrgRow::Synced24h(*object)];
            Glance {
                name: object.name(),
                cells: rows
                    .into_iter()
                    .filter_map(|row| statuses.iter().find(|status| status.row == row))
                    .map(|status| glance_cell(status, org, now))
                    .collect(),
            }
        })
        .collect()
}

fn glance_cell(status: &RowStatus, org: &OrgView, now: Timestamp) -> GlanceCell {
    let plain = |class, text: String| GlanceCell { class, text, when: None, held: false };
    let Some(current) = &status.current else {
        return match status.never {
            true => plain("broken", "never".to_owned()),
            false => plain("unknown", "unknown".to_owned()),
        };
    };
    let class = match (status.shows, current.stale) {
        (_, true) => "held",
        (OrgState::Past, false) => "broken",
        (_, false) => "",
    };
    let cell = match &current.value {
        OrgValue::Instant(at) => {
            GlanceCell { when: Some(When::of(*at, org, now)), ..plain(class, String::new()) }
        }
        value @ (OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_)) => {
            plain(class, text(status.row, value))
        }
    };
    GlanceCell { held: current.stale, ..cell }
}

pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// Account, linked users and Outlook integration in a word each.
pub(super) fn facts(org: &OrgView, statuses: &[RowStatus], now: Timestamp) -> Vec<Fact> {
    [
        (OrgRow::ServiceAccountProvided, "Account"),
        (OrgRow::ServiceAccountRecognized, "Recognised"),
        (OrgRow::LinkedUsers, "Linked"),
        (OrgRow::OutlookIntegration, "Outlook"),
    ]
    .into_iter()
    .filter_map(|(row, name)| Some((statuses.iter().find(|status| status.row == row)?, name)))
    .map(|(status, name)| fact(org, status, name, now))
    .collect()
}

fn fact(org: &OrgView, status: &RowStatus, name: &'static str, now: Timestamp) -> Fact {
    let (class, text) = match &status.current {
        _ if !status.applies => ("", "n/a".to_owned()),
        None => ("unknown", "unknown".to_owned()),
        Some(current) => {
            let mut text = match &current.value {
                // The fact's name is a question; a mark and its letter would say it twice.
                OrgValue::Flag(true) => "✓ yes".to_owned(),
                OrgValue::Flag(false) => "✗ no".to_owned(),
                value @ (OrgValue::Account(_) | OrgValue::Count(_) | OrgValue::Instant(_)) => {
                    text(status.row, value)
                }
            };
            if status.row == OrgRow::LinkedUsers
                && let Some(expected) = org.expected_linked_users(now)
            {
                text = format!("{text}/{expected}");
            }
            let bad = matches!(
                status.shows,
                OrgState::No | OrgState::NoneShown | OrgState::Zero | OrgState::Unexpected
            );
            match (current.stale, bad) {
                (true, _) => ("held", format!("{text}, stale")),
                (false, true) => ("broken", text),
                (false, false) => ("", text),
            }
        }
    };
    Fact { name, class, text }
}

pub(super) struct SourceLine {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) about: &'static str,
    pub(super) when: Option<When>,
    pub(super) until: Option<When>,
    /// Why asking it fails, since when, and what to do about it.
    pub(super) failing: Option<(&'static str, When, &'static str)>,
}

/// Every source that can be fed or has reported, and how it is doing.
pub(super) fn sources(org: &OrgView, now: Timestamp) -> Vec<SourceLine> {
    row_status::sources(org, now)
        .into_iter()
        .map(|status| {
            let (class, state) = match status.last_report_at {
                None if status.source.is_none() && status.live => ("fine", "watched"),
                None if status.source.is_none() => ("broken", "fails"),
                None => ("unknown", "never reported"),
                Some(_) if status.live => ("fine", "live"),
                Some(_) => ("held", "silent"),
            };
            SourceLine {
                name: status.name,
                class,
                state,
                about: about(status.source),
                when: status.last_report_at.map(|at| When::of(at, org, now)),
                until: status.live_until.map(|until| When::until(until, org, now)),
                failing: status.failing.map(|failing| {
                    let since = When::of(failing.since, org, now);
                    (failing.reason, since, failing.advice)
                }),
            }
        })
        .collect()
}

const fn about(source: Option<Source>) -> &'static str {
    let Some(source) = source else {
        return "a watched directory; what its files say is another source's.";
    };
    match source {
        Source::Activity => "one record for each synced item: last sync and counts, exactly.",
        Source::Snapshot => "the status page as somebody read it: every row.",
        Source::Canary => "a record written on one side and looked for on the other.",
        Source::Exchange => "a read-only look at Exchange and its mailboxes.",
        Source::Salesforce => "Salesforce's documented interfaces.",
    }
}

pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) label: &'static str,
    pub(super) object: &'static str,
    pub(super) users: u32,
    pub(super) since: When,
}

/// The checks at which users fail first, most users first.
pub(super) fn checks(org: &OrgView, now: Timestamp) -> Vec<Check> {
    let mut checks: Vec<Check> = UserRow::checks()
        .filter_map(|check| {
            let (users, since) = org.summary.failing(check)?;
            Some(Check {
                check: check.check(),
                label: check.label(),
                object: check.object_type().map_or("", |object| object.name()),
                users,
                since: When::of(since, org, now),
            })
        })
        .collect();
    checks.sort_by_key(|check| Reverse(check.users));
    checks
}

pub(super) struct RunningSync {
    pub(super) users: u32,
    pub(super) check: &'static str,
    pub(super) status: &'static str,
    pub(super) words: String,
    pub(super) since: When,
}

/// Resets and first syncs under way.
pub(super) fn running(org: &OrgView, now: Timestamp) -> Vec<RunningSync> {
    UserRow::checks()
        .flat_map(|row| {
            [
                (Status::MarkedForReset, "marked for a reset"),
                (Status::ResetInProgress, "in a reset"),
                (Status::InitialSyncInProgress, "in their first sync"),
            ]
            .into_iter()
            .map(move |(status, words)| (row, status, words))
        })
        .filter_map(|(row, status, words)| {
            let since = org.summary.oldest(row, status)?;
            let words = match row.is_direction() {
                true => format!(
                    "{words} of {}: {}",
                    row.object_type().map_or("", |object| object.name()),
                    row.label()
                ),
                false => words.to_owned(),
            };
            Some(RunningSync {
                users: org.summary.status(row, status),
                check: row.check(),
                status: status.name(),
                words,
                since: When::of(since, org, now),
            })
        })
        .collect()
}

/// What is not known, and why, a sentence each.
pub(super) fn unknowns(org: &OrgView, statuses: &[RowStatus], now: Timestamp) -> Vec<String> {
    let mut unknowns: Vec<String> = statuses
        .iter()
        .filter(|status| status.applies)
        .filter_map(|status| {
            let because = status.unknown_because.filter(|_| !status.never)?;
            let label = status.row.label();
            let object = status.row.object_type();
            Some(match object {
                Some(object) => format!("{label} ({object}): {because}."),
                None => format!("{label}: {because}."),
            })
        })
        .collect();
    if org.policy.product == Product::LightningSync && org.expected_linked_users(now).is_none() {
        unknowns.push(
            "How many users should be linked: nobody has set it, and no whole list of users was read. Only 0 can be judged."
                .to_owned(),
        );
    }
    if !org.users.complete {
        unknowns.push(
            "Whether these are all users: no list was reported as whole. A user that no source reports may fail unseen."
                .to_owned(),
        );
    }
    unknowns
}
