//! A finding with its evidence and its next step.

use super::cells::{RowLine, class_of, word_of};
use super::when::When;
use crate::domain::causes::Cause;
use crate::domain::judge::Finding;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{describe, steps};
use crate::guidance::{self, Step};
use crate::web::row_status::RowStatus;
use crate::web::services::runbook;

pub(super) struct Card {
    pub(super) class: &'static str,
    pub(super) severity: &'static str,
    pub(super) name: &'static str,
    pub(super) sentence: String,
    pub(super) since: Option<When>,
    /// The rows that show it.
    pub(super) evidence: Vec<RowLine>,
    /// The users it is about.
    pub(super) users: Option<String>,
    pub(super) step: Option<Step>,
    pub(super) runbook: Option<String>,
}

/// A finding that another one explains.
pub(super) struct Explained {
    pub(super) sentence: String,
    pub(super) by: &'static str,
}

impl Card {
    pub(super) fn of(
        finding: &Finding,
        org: &OrgView,
        statuses: &[RowStatus],
        now: Timestamp,
    ) -> Self {
        let evidence = statuses
            .iter()
            .filter(|status| status.guide.and_then(|guide| guide.cause) == Some(finding.cause))
            .filter(|status| status.current.is_some())
            .filter(|status| {
                finding.object_type.is_none() || finding.object_type == status.row.object_type()
            })
            .map(|status| RowLine::of(status, org, std::slice::from_ref(finding), now))
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
                    format!("/orgs/{}/users?check={}&failing=true", finding.org, check.check())
                } else {
                    "#resets".to_owned()
                }
            }),
            step: steps(finding, org.policy.product).first().copied(),
            runbook: runbook(finding.cause),
        }
    }
}

impl Explained {
    pub(super) fn of(held: &Finding, org: &OrgView, now: Timestamp) -> Self {
        let by = held.held_back_by.map(|by| guidance::cause_of(org.policy.product, by).summary);
        Self { sentence: describe(held, org, now), by: by.unwrap_or_default() }
    }
}
