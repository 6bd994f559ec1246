//! What is wrong, worst first, with the next steps and what stands behind it.

use super::json::{At, Envelope, StepJson, age_seconds, steps};
use super::{Moment, answer_json};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::OrgName;
use crate::domain::judge::Finding;
use crate::domain::rows::UserRow;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance;
use crate::guidance::verdict::{self, describe};
use crate::web::answer::Answer;
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query;
use crate::web::routes::Site;
use crate::web::services::ServerOptions;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct FindingJson {
    org: String,
    severity: &'static str,
    reason: &'static str,
    alert: Option<&'static str>,
    object_type: Option<&'static str>,
    check: Option<&'static str>,
    since: Option<At>,
    since_seconds: Option<f64>,
    users: Option<u32>,
    summary: &'static str,
    /// The finding with its facts.
    sentence: String,
    meaning: String,
    impact: String,
    owner: &'static str,
    next_steps: Vec<StepJson>,
    runbook: Option<String>,
    held_back_by: Vec<&'static str>,
}

impl FindingJson {
    pub(super) fn of(
        finding: &Finding,
        org: &OrgView,
        options: &ServerOptions,
        now: Timestamp,
    ) -> Self {
        let words = guidance::cause_of(org.policy.product, finding.cause);
        Self {
            org: finding.org.to_string(),
            severity: finding.severity.name(),
            reason: finding.cause.name(),
            alert: finding.cause.alert(),
            object_type: finding.object_type.map(|object| object.name()),
            check: finding.check.map(UserRow::check),
            since: finding.since.map(At),
            since_seconds: finding.since.map(|since| age_seconds(since, now)),
            users: finding.users,
            summary: words.summary,
            sentence: describe(finding, org, now),
            meaning: words.meaning.plain(),
            impact: words.impact.plain(),
            owner: words.owner().name(),
            next_steps: steps(verdict::steps(finding, org.policy.product)),
            runbook: options.runbook(finding.cause),
            held_back_by: finding.held_back_by.into_iter().map(Cause::name).collect(),
        }
    }
}

#[derive(Serialize)]
struct Findings {
    #[serde(rename = "view")]
    envelope: Envelope,
    findings: Vec<FindingJson>,
}

/// `GET /api/v1/findings`, of one organisation with `?org=`, of one severity with `?severity=`.
pub(in crate::web) fn findings(site: &Site, query: Option<&str>) -> Result<Answer, Problem> {
    let [org, severity] = query::known(query, ["org", "severity"])?;
    let moment = Moment::of(site);
    let severity = severity
        .map(|name| {
            Severity::from_name(&name).ok_or_else(|| {
                query::not_one_of("severity", Severity::ALL.iter().map(|known| known.name()))
            })
        })
        .transpose()?;
    let orgs = match &org {
        Some(name) => std::slice::from_ref(moment.org(name)?),
        None => moment.view.orgs.as_slice(),
    };
    let mut found: Vec<(Finding, FindingJson)> = Vec::new();
    for org in orgs {
        let judged = OrgVerdict::of(&moment.view, org, moment.now);
        found.extend(
            judged
                .findings
                .iter()
                .filter(|finding| severity.is_none_or(|severity| finding.severity == severity))
                .map(|finding| {
                    let json = FindingJson::of(finding, org, &site.options, moment.now);
                    (finding.clone(), json)
                }),
        );
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    answer_json(&Findings {
        envelope: Envelope::of(&moment.view, moment.now),
        findings: found.into_iter().map(|(_, json)| json).collect(),
    })
}

/// How many findings there are of each severity.
#[derive(Serialize, Default)]
pub(super) struct Tally {
    critical: usize,
    warning: usize,
    info: usize,
}

impl Tally {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let count = |severity| {
            findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        Self {
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
        }
    }
}

/// The name of an organisation in a path of the API.
pub(super) fn path_of(org: &OrgName) -> String {
    format!("/api/v1/orgs/{org}")
}
