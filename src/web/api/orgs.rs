//! Organisations: all in short, one in full.

use super::findings::{FindingJson, Tally, path_of};
use super::json::{At, Envelope, StepJson, age_seconds};
use super::rows::{OrgRowJson, org_rows};
use super::setup::{SetupChangesJson, setup_changes};
use super::{Moment, answer_json};
use crate::domain::causes::Cause;
use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::OrgView;
use crate::guidance::verdict::Verdict;
use crate::web::answer::Answer;
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query;
use crate::web::routes::Site;
use crate::web::row_status::{self, UserTotals};
use serde::Serialize;

#[derive(Serialize)]
struct Orgs {
    #[serde(rename = "view")]
    envelope: Envelope,
    orgs: Vec<OrgInShort>,
}

#[derive(Serialize)]
struct OrgInShort {
    org: String,
    url: String,
    #[serde(flatten)]
    verdict: VerdictJson,
    worst_finding: Option<FindingJson>,
    findings: Tally,
    users: UserTotals,
}

/// `GET /api/v1/orgs`.
pub(in crate::web) fn orgs(site: &Site, query: Option<&str>) -> Result<Answer, Problem> {
    let [] = query::known(query, [])?;
    let moment = Moment::of(site);
    let in_short = |org: &std::sync::Arc<OrgView>| {
        let judged = OrgVerdict::of(&moment.view, org, moment.now);
        OrgInShort {
            org: org.policy.name.to_string(),
            url: path_of(&org.policy.name),
            verdict: VerdictJson::of(&judged.verdict),
            worst_finding: judged
                .verdict
                .acting
                .first()
                .map(|worst| FindingJson::of(worst, org, &site.options, moment.now)),
            findings: Tally::of(&judged.findings),
            users: UserTotals::of(org),
        }
    };
    answer_json(&Orgs {
        envelope: Envelope::of(&moment.view, moment.now),
        orgs: moment.view.orgs.iter().map(in_short).collect(),
    })
}

/// How an organisation stands, in the words of its page.
#[derive(Serialize)]
struct VerdictJson {
    verdict: &'static str,
    headline: String,
    sentence: String,
    cause: Option<&'static str>,
    since: Option<At>,
    held_as_of: Option<At>,
    next_step: Option<StepJson>,
}

impl VerdictJson {
    fn of(verdict: &Verdict) -> Self {
        Self {
            verdict: verdict.level.name(),
            headline: verdict.headline.clone(),
            sentence: verdict.sentence.clone(),
            cause: verdict.cause.map(Cause::name),
            since: verdict.since.map(At),
            held_as_of: verdict.held_as_of.map(At),
            next_step: verdict.next_step.as_ref().map(StepJson::of),
        }
    }
}

#[derive(Serialize)]
struct OrgInFull {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    #[serde(flatten)]
    verdict: VerdictJson,
    product: &'static str,
    connection: &'static str,
    known_since: At,
    business_hours: bool,
    setting_up: bool,
    migrating: bool,
    retirement: Option<At>,
    retired: bool,
    expected_linked_users: Option<u64>,
    rows: Vec<OrgRowJson>,
    sources: Vec<SourceJson>,
    users: UserTotals,
    users_url: String,
    /// `null` where Salesforce is not asked.
    setup_changes: Option<SetupChangesJson>,
    findings: Vec<FindingJson>,
}

/// `GET /api/v1/orgs/{org}`.
pub(in crate::web) fn org(site: &Site, name: &str, query: Option<&str>) -> Result<Answer, Problem> {
    let [] = query::known(query, [])?;
    let moment = Moment::of(site);
    let (org, now) = (moment.org(name)?, moment.now);
    let judged = OrgVerdict::of(&moment.view, org, now);
    let policy = &org.policy;
    answer_json(&OrgInFull {
        envelope: Envelope::of(&moment.view, now),
        org: policy.name.to_string(),
        verdict: VerdictJson::of(&judged.verdict),
        product: policy.product.name(),
        connection: policy.connection.name(),
        known_since: At(org.known_since),
        business_hours: org.open_hours.is_open(now),
        setting_up: policy.setting_up(now),
        migrating: policy.migrating(now),
        retirement: policy.retirement.map(At),
        retired: policy.retired(now),
        expected_linked_users: org.expected_linked_users(now),
        rows: org_rows(org, moment.view.is_fresh(now), now),
        sources: sources(org, now),
        users: UserTotals::of(org),
        users_url: format!("{}/users", path_of(&policy.name)),
        setup_changes: setup_changes(org),
        findings: judged
            .findings
            .iter()
            .map(|finding| FindingJson::of(finding, org, &site.options, now))
            .collect(),
    })
}

#[derive(Serialize)]
struct SourceJson {
    source: &'static str,
    live: bool,
    spoke_at: Option<At>,
    age_seconds: Option<f64>,
    /// Until when it counts as live; absent when it never spoke or its silence is an answer.
    live_until: Option<At>,
    expected_every_seconds: Option<f64>,
    /// Why asking it fails, while it does.
    poll_failing: Option<PollFailingJson>,
}

#[derive(Serialize)]
struct PollFailingJson {
    since: At,
    reason: &'static str,
    advice: &'static str,
}

fn sources(org: &OrgView, now: Timestamp) -> Vec<SourceJson> {
    row_status::sources(org, now)
        .into_iter()
        .map(|told| SourceJson {
            source: told.name,
            live: told.live,
            spoke_at: told.spoke_at.map(At),
            age_seconds: told.spoke_at.map(|at| age_seconds(at, now)),
            live_until: told.live_until.map(At),
            expected_every_seconds: told
                .source
                .and_then(|source| org.policy.expected_every[source])
                .map(seconds),
            poll_failing: told.failing.map(|failing| PollFailingJson {
                since: At(failing.since),
                reason: failing.reason,
                advice: failing.advice,
            }),
        })
        .collect()
}
