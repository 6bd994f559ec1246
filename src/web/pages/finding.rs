//! A finding with its evidence and its next step.

use super::cells::{Row, Value, class_of, word_of};
use super::when::When;
use crate::domain::causes::Cause;
use crate::domain::judge::Finding;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{HeldBack, describe, steps};
use crate::guidance::{self, Step};
use crate::web::row_status::RowStatus;
use crate::web::services::ServerOptions;

pub(super) struct Card {
    pub(super) class: &'static str,
    pub(super) severity: &'static str,
    pub(super) name: &'static str,
    pub(super) sentence: String,
    pub(super) since: Option<When>,
    pub(super) evidence: Vec<Evidence>,
    /// The users it is about.
    pub(super) users: Option<String>,
    pub(super) step: Option<Step>,
    pub(super) runbook: Option<String>,
}

/// A row that says so.
pub(super) struct Evidence {
    pub(super) label: &'static str,
    pub(super) object: &'static str,
    pub(super) value: Value,
    pub(super) source: &'static str,
    pub(super) seen: Option<When>,
    pub(super) held: bool,
}

pub(super) struct Held {
    pub(super) sentence: String,
    pub(super) by: &'static str,
}

impl Card {
    pub(super) fn of(
        finding: &Finding,
        org: &OrgView,
        told: &[RowStatus],
        options: &ServerOptions,
        now: Timestamp,
    ) -> Self {
        let evidence = told
            .iter()
            .filter(|told| told.guide.and_then(|guide| guide.cause) == Some(finding.cause))
            .filter(|told| told.current.is_some())
            .filter(|told| {
                finding.object_type.is_none() || finding.object_type == told.row.object_type()
            })
            .map(|told| Evidence::of(Row::of(told, org, std::slice::from_ref(finding), now)))
            .collect();
        Self {
            class: class_of(finding.severity),
            severity: word_of(finding.severity),
            name: finding.cause.alert().unwrap_or(finding.cause.name()),
            sentence: describe(finding, org, now),
            since: finding.since.map(|since| When::of(since, org, now)),
            evidence,
            users: finding.check.map(|check| {
                if finding.cause == Cause::UsersFailing {
                    format!(
                        "/orgs/{}/users?check={}&failing=true",
                        finding.org,
                        check.check()
                    )
                } else {
                    "#resets".to_owned()
                }
            }),
            step: steps(finding, org.policy.product).first().copied(),
            runbook: options.runbook(finding.cause),
        }
    }
}

impl Evidence {
    fn of(row: Row) -> Self {
        Self {
            label: row.label,
            object: row.object,
            value: row.value,
            source: row.source,
            seen: row.seen,
            held: row.held,
        }
    }
}

impl Held {
    pub(super) fn of(held: &HeldBack, org: &OrgView, now: Timestamp) -> Self {
        Self {
            sentence: describe(&held.finding, org, now),
            by: guidance::cause_of(org.policy.product, held.by).summary,
        }
    }
}
