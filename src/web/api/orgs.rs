//! Organisations: all in short, one in full.

use super::findings::{FindingJson, FindingTotals};
use super::rows::{OrgRowJson, org_rows};
use super::{At, Envelope, StepJson, age_seconds};
use crate::domain::setup::SetupTrail;
use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::OrgView;
use crate::guidance::verdict::Verdict;
use crate::web::answer::{Answer, json};
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query::{
    CauseName, ConnectionName, LevelName, Moment, Named, NoKeys, OrgAt, ProductName, Query,
    SetupAreaName,
};
use crate::web::routes::Site;
use crate::web::row_status::{self, UserTotals};
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Orgs)]
struct OrgsJson {
    #[serde(rename = "view")]
    envelope: Envelope,
    orgs: Vec<OrgInShort>,
}

#[derive(Serialize, ToSchema)]
struct OrgInShort {
    org: String,
    url: String,
    #[serde(flatten)]
    verdict: VerdictJson,
    worst_finding: Option<FindingJson>,
    findings: FindingTotals,
    users: UserTotals,
}

/// All organisations in short
#[utoipa::path(get, path = "/api/v1/orgs", responses((status = 200, body = OrgsJson)))]
pub(in crate::web) async fn orgs(
    State(site): State<Arc<Site>>,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Answer, Problem> {
    let moment = Moment::of(&site);
    let in_short = |org: &Arc<OrgView>| {
        let judged = OrgVerdict::of(&moment.view, org, moment.now);
        OrgInShort {
            org: org.policy.name.to_string(),
            url: format!("/api/v1/orgs/{}", org.policy.name),
            verdict: VerdictJson::of(&judged.verdict),
            worst_finding: judged
                .verdict
                .acting
                .first()
                .map(|worst| FindingJson::of(worst, org, moment.now)),
            findings: FindingTotals::of(&judged.findings),
            users: UserTotals::of(org),
        }
    };
    json(&OrgsJson {
        envelope: Envelope::of(&moment.view, moment.now),
        orgs: moment.view.orgs.iter().map(in_short).collect(),
    })
}

/// How an organisation stands, in the words of its page.
#[derive(Serialize, ToSchema)]
#[schema(as = Verdict)]
struct VerdictJson {
    verdict: LevelName,
    headline: String,
    sentence: String,
    cause: Option<CauseName>,
    since: Option<At>,
    held_as_of: Option<At>,
    next_step: Option<StepJson>,
}

impl VerdictJson {
    fn of(verdict: &Verdict) -> Self {
        Self {
            verdict: Named(verdict.level),
            headline: verdict.headline.clone(),
            sentence: verdict.sentence.clone(),
            cause: verdict.cause.map(Named),
            since: verdict.since.map(At),
            held_as_of: verdict.held_as_of.map(At),
            next_step: verdict.next_step.as_ref().map(StepJson::of),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct OrgInFull {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    #[serde(flatten)]
    verdict: VerdictJson,
    product: ProductName,
    connection: ConnectionName,
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
    /// `null` where Salesforce is not polled.
    setup_changes: Option<SetupChanges>,
    findings: Vec<FindingJson>,
}

/// One organisation: its rows, sources, users in numbers, findings and changes of the set-up
#[utoipa::path(get, path = "/api/v1/orgs/{org}", responses((status = 200, body = OrgInFull)))]
pub(in crate::web) async fn org(
    at: OrgAt,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Answer, Problem> {
    let (org, view, now) = (&at.org, &at.moment.view, at.moment.now);
    let judged = OrgVerdict::of(view, org, now);
    let policy = &org.policy;
    json(&OrgInFull {
        envelope: Envelope::of(view, now),
        org: policy.name.to_string(),
        verdict: VerdictJson::of(&judged.verdict),
        product: Named(policy.product),
        connection: Named(policy.connection),
        known_since: At(org.known_since),
        business_hours: org.open_hours.is_open(now),
        setting_up: policy.setting_up(now),
        migrating: policy.migrating(now),
        retirement: policy.retirement.map(At),
        retired: policy.retired(now),
        expected_linked_users: org.expected_linked_users(now),
        rows: org_rows(org, view.is_fresh(now), now),
        sources: sources(org, now),
        users: UserTotals::of(org),
        users_url: format!("/api/v1/orgs/{}/users", policy.name),
        setup_changes: SetupChanges::of(org),
        findings: judged
            .findings
            .iter()
            .map(|finding| FindingJson::of(finding, org, now))
            .collect(),
    })
}

#[derive(Serialize, ToSchema)]
#[schema(as = SourceStatus)]
struct SourceJson {
    source: &'static str,
    live: bool,
    last_report_at: Option<At>,
    age_seconds: Option<f64>,
    /// Until when it counts as live; absent when it never reported or its silence is an answer.
    live_until: Option<At>,
    expected_every_seconds: Option<f64>,
    /// Why polling it fails, while it does.
    poll_failing: Option<PollFailingJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PollFailing)]
struct PollFailingJson {
    since: At,
    reason: &'static str,
    advice: &'static str,
}

fn sources(org: &OrgView, now: Timestamp) -> Vec<SourceJson> {
    row_status::sources(org, now)
        .into_iter()
        .map(|status| SourceJson {
            source: status.name,
            live: status.live,
            last_report_at: status.last_report_at.map(At),
            age_seconds: status.last_report_at.map(|at| age_seconds(at, now)),
            live_until: status.live_until.map(At),
            expected_every_seconds: status
                .source
                .and_then(|source| org.policy.expected_every[source])
                .map(seconds),
            poll_failing: status.failing.map(|failing| PollFailingJson {
                since: At(failing.since),
                reason: failing.reason,
                advice: failing.advice,
            }),
        })
        .collect()
}

/// Changes of the set-up in Salesforce's audit trail.
#[derive(Serialize, ToSchema)]
struct SetupChanges {
    /// When the trail was last read; `null` when it could not be read.
    read_at: Option<At>,
    /// From when on none is left out.
    since: Option<At>,
    /// Newest first.
    changes: Vec<SetupChangeJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SetupChange)]
struct SetupChangeJson {
    at: At,
    area: SetupAreaName,
}

impl SetupChanges {
    /// `None` where nobody polls.
    fn of(org: &OrgView) -> Option<Self> {
        let read = match org.source_states.setup() {
            SetupTrail::Off => return None,
            SetupTrail::NotRead => None,
            SetupTrail::Read(read) => Some(read),
        };
        let latest = read.map_or(&[][..], |read| &read.latest);
        Some(Self {
            read_at: read.map(|read| At(read.read_at)),
            since: read.map(|read| At(read.since)),
            changes: latest
                .iter()
                .map(|change| SetupChangeJson { at: At(change.at), area: Named(change.area) })
                .collect(),
        })
    }
}
