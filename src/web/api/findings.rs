//! What is wrong, worst first, with the next steps and what stands behind it.

use super::{At, Envelope, StepJson, age_seconds, steps};
use crate::domain::causes::{Cause, Severity};
use crate::domain::judge::Finding;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance;
use crate::guidance::verdict::{self, describe};
use crate::web::answer::{Answer, json};
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query::{
    CauseName, CheckName, Moment, Named, ObjectTypeName, OwnerName, Query, SeverityName,
};
use crate::web::routes::Site;
use crate::web::services::runbook;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Something that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(super) struct FindingJson {
    org: String,
    severity: SeverityName,
    reason: CauseName,
    alert: Option<&'static str>,
    object_type: Option<ObjectTypeName>,
    check: Option<CheckName>,
    since: Option<At>,
    since_seconds: Option<f64>,
    users: Option<u32>,
    summary: &'static str,
    /// The finding with its facts.
    sentence: String,
    meaning: String,
    impact: String,
    owner: OwnerName,
    next_steps: Vec<StepJson>,
    runbook: Option<String>,
    /// The causes that explain it.
    held_back_by: Vec<CauseName>,
}

impl FindingJson {
    pub(super) fn of(finding: &Finding, org: &OrgView, now: Timestamp) -> Self {
        let words = guidance::cause_of(org.policy.product, finding.cause);
        Self {
            org: finding.org.to_string(),
            severity: Named(finding.severity),
            reason: Named(finding.cause),
            alert: finding.cause.alert(),
            object_type: finding.object_type.map(Named),
            check: finding.check.map(Named),
            since: finding.since.map(At),
            since_seconds: finding.since.map(|since| age_seconds(since, now)),
            users: finding.users,
            summary: words.summary,
            sentence: describe(finding, org, now),
            meaning: words.meaning.plain(),
            impact: words.impact.plain(),
            owner: Named(words.owner()),
            next_steps: steps(verdict::steps(finding, org.policy.product)),
            runbook: runbook(finding.cause),
            held_back_by: finding.held_back_by.into_iter().map(Named::<Cause>).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Findings)]
struct FindingsJson {
    #[serde(rename = "view")]
    envelope: Envelope,
    findings: Vec<FindingJson>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct FindingsQuery {
    /// Of one organisation.
    org: Option<String>,
    /// Of one severity.
    #[param(inline)]
    severity: Option<SeverityName>,
}

/// What is wrong, worst first, with the next steps
#[utoipa::path(get, path = "/api/v1/findings", params(FindingsQuery), responses((status = 200, body = FindingsJson)))]
pub(in crate::web) async fn findings(
    State(site): State<Arc<Site>>,
    Query(query): Query<FindingsQuery>,
) -> Result<Answer, Problem> {
    let moment = Moment::of(&site);
    let orgs = match &query.org {
        Some(name) => std::slice::from_ref(moment.org(name)?),
        None => moment.view.orgs.as_slice(),
    };
    let mut found: Vec<(Finding, FindingJson)> = Vec::new();
    for org in orgs {
        let judged = OrgVerdict::of(&moment.view, org, moment.now);
        let wanted = |finding: &&Finding| {
            query.severity.is_none_or(|severity| severity.0 == finding.severity)
        };
        found.extend(judged.findings.iter().filter(wanted).map(|finding| {
            let json = FindingJson::of(finding, org, moment.now);
            (finding.clone(), json)
        }));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    json(&FindingsJson {
        envelope: Envelope::of(&moment.view, moment.now),
        findings: found.into_iter().map(|(_, json)| json).collect(),
    })
}

/// How many findings there are of each severity.
#[derive(Serialize, ToSchema)]
pub(super) struct FindingTotals {
    critical: usize,
    warning: usize,
    info: usize,
}

impl FindingTotals {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let count =
            |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
        }
    }
}
