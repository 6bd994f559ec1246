//! Organisations: all in short, one in full with its rows; what is wrong, worst first, with the next steps and what stands
//! behind it; and the past behind the charts.

use super::{Envelope, InstantJson, Knowledge, StepJson, age_seconds, known, steps};
use crate::domain::canary::{CanaryReport, LaneReport, Leftover};
use crate::domain::causes::{Cause, Severity};
use crate::domain::exchange_log::ExchangeCalls;
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::judge::Finding;
use crate::domain::rows::OrgValue;
use crate::domain::setup::SetupTrail;
use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::OrgView;
use crate::guidance;
use crate::guidance::exchange::{case, row_steps};
use crate::guidance::verdict::{self, Verdict, describe};
use crate::store::HourTotal;
use crate::web::answer::json;
use crate::web::history;
use crate::web::org_status::{self, OrgVerdict, RowStatus, UserTotals};
use crate::web::problem::{Problem, ProblemReason};
use crate::web::query::{
    CauseName, CheckName, ConnectionName, DirectionName, LevelName, Moment, Named, NoKeys,
    ObjectTypeName, OrgAt, OutcomeName, OwnerName, ProductName, Query, SetupAreaName, SeverityName,
    SourceName,
};
use crate::web::routes::WebState;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

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
    State(site): State<Arc<WebState>>,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Response, Problem> {
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
                .map(|worst| FindingJson::of(worst, org, &site, moment.now)),
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
    since: Option<InstantJson>,
    held_as_of: Option<InstantJson>,
    next_step: Option<StepJson>,
}

impl VerdictJson {
    fn of(verdict: &Verdict) -> Self {
        Self {
            verdict: Named(verdict.level),
            headline: verdict.headline.clone(),
            sentence: verdict.sentence.clone(),
            cause: verdict.cause.map(Named),
            since: verdict.since.map(InstantJson),
            held_as_of: verdict.held_as_of.map(InstantJson),
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
    known_since: InstantJson,
    business_hours: bool,
    setting_up: bool,
    migrating: bool,
    retirement: Option<InstantJson>,
    retired: bool,
    expected_linked_users: Option<u64>,
    rows: Vec<OrgRowJson>,
    /// When a last sync becomes too old, by object type; absent where no limit runs
    last_sync_deadlines: Vec<DeadlineJson>,
    sources: Vec<SourceJson>,
    users: UserTotals,
    users_url: String,
    /// `null` where Salesforce is not polled.
    setup_changes: Option<SetupChangesJson>,
    /// `null` where Exchange's logs are not read.
    exchange_log: Option<ExchangeLogJson>,
    /// `null` where no canary writes.
    canary: Option<CanaryJson>,
    /// A text for Salesforce's support, while Exchange answers and something does not sync
    support_case: Option<String>,
    findings: Vec<FindingJson>,
}

/// One organisation: its rows, sources, users in numbers, findings and changes of the set-up
#[utoipa::path(get, path = "/api/v1/orgs/{org}", responses((status = 200, body = OrgInFull)))]
pub(in crate::web) async fn org(
    at: OrgAt,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Response, Problem> {
    let (org, view, now) = (&at.org, &at.moment.view, at.moment.now);
    let judged = OrgVerdict::of(view, org, now);
    let policy = &org.policy;
    json(&OrgInFull {
        envelope: Envelope::of(view, now),
        org: policy.name.to_string(),
        verdict: VerdictJson::of(&judged.verdict),
        product: Named(policy.product),
        connection: Named(policy.connection),
        known_since: InstantJson(org.known_since),
        business_hours: org.open_hours.is_open(now),
        setting_up: policy.setting_up(now),
        migrating: policy.migrating(now),
        retirement: policy.retirement.map(InstantJson),
        retired: policy.retired(now),
        expected_linked_users: org.expected_linked_users(now),
        rows: org_rows(org, view.is_fresh(now), now),
        last_sync_deadlines: judged
            .deadlines
            .iter()
            .filter(|(_, at)| **at < Timestamp::MAX)
            .map(|(object, at)| DeadlineJson { object_type: Named(object), at: InstantJson(*at) })
            .collect(),
        sources: sources(org, now),
        users: UserTotals::of(org),
        users_url: format!("/api/v1/orgs/{}/users", policy.name),
        setup_changes: SetupChangesJson::of(org),
        exchange_log: org.source_states.exchange_calls().map(ExchangeLogJson::of),
        canary: org.source_states.canary().map(CanaryJson::of),
        support_case: case(&judged.verdict.acting, org, now),
        findings: judged
            .findings
            .iter()
            .map(|finding| FindingJson::of(finding, org, &at.site, now))
            .collect(),
    })
}

#[derive(Serialize, ToSchema)]
#[schema(as = LastSyncDeadline)]
struct DeadlineJson {
    object_type: ObjectTypeName,
    at: InstantJson,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SourceStatus)]
struct SourceJson {
    source: &'static str,
    live: bool,
    last_report_at: Option<InstantJson>,
    age_seconds: Option<f64>,
    /// Until when it counts as live; absent when it never reported or its silence is an answer.
    live_until: Option<InstantJson>,
    expected_every_seconds: Option<f64>,
    /// Why polling it fails, while it does.
    poll_failing: Option<PollFailingJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PollFailing)]
struct PollFailingJson {
    since: InstantJson,
    reason: &'static str,
    advice: &'static str,
}

fn sources(org: &OrgView, now: Timestamp) -> Vec<SourceJson> {
    org_status::sources(org, now)
        .into_iter()
        .map(|status| SourceJson {
            source: status.name,
            live: status.live,
            last_report_at: status.last_report_at.map(InstantJson),
            age_seconds: status.last_report_at.map(|at| age_seconds(at, now)),
            live_until: status.live_until.map(InstantJson),
            expected_every_seconds: status
                .source
                .and_then(|source| org.policy.expected_every[source])
                .map(seconds),
            poll_failing: status.failing.map(|failing| PollFailingJson {
                since: InstantJson(failing.since),
                reason: failing.reason,
                advice: failing.advice,
            }),
        })
        .collect()
}

/// What Exchange's logs say of Salesforce's calls. It is Exchange's side only.
#[derive(Serialize, ToSchema)]
#[schema(as = ExchangeLog)]
struct ExchangeLogJson {
    read_at: InstantJson,
    /// Until when the EWS logs of all servers were read; `null`: those of one were not read to their end.
    complete_until: Option<InstantJson>,
    /// The latest call that worked.
    last_call_at: Option<InstantJson>,
    /// The latest write that worked.
    last_write_at: Option<InstantJson>,
    writes_60m: u64,
    writes_24h: u64,
    /// Mailboxes with a call in 30 days.
    mailboxes: usize,
    /// Mailboxes into which a second sync program writes.
    mailboxes_two_writers: u32,
    /// Whether a log of IIS is read, which alone shows refused sign-ins.
    sees_refusals: bool,
    /// Sign-ins that are refused, without one that works.
    sign_ins_refused: Option<SignInsRefusedJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SignInsRefused)]
struct SignInsRefusedJson {
    since: InstantJson,
    latest_at: InstantJson,
    reason: &'static str,
}

impl ExchangeLogJson {
    fn of(calls: &ExchangeCalls) -> Self {
        let [writes_60m, writes_24h] = calls.writes;
        Self {
            read_at: InstantJson(calls.read_at),
            complete_until: calls.complete_until.map(InstantJson),
            last_call_at: calls.last_call.map(InstantJson),
            last_write_at: calls.last_write.map(InstantJson),
            writes_60m,
            writes_24h,
            mailboxes: calls.mailboxes.len(),
            mailboxes_two_writers: calls.two_writers_count,
            sees_refusals: calls.sees_refusals,
            sign_ins_refused: calls.refused.map(|refused| SignInsRefusedJson {
                since: InstantJson(refused.since),
                latest_at: InstantJson(refused.latest),
                reason: refused.reason.name(),
            }),
        }
    }
}

/// What the canary found: items of its own, written on one side and looked for on the other.
#[derive(Serialize, ToSchema)]
#[schema(as = Canary)]
struct CanaryJson {
    /// How often an item is written.
    every_seconds: f64,
    lanes: Vec<CanaryLaneJson>,
    /// Items that should have been gone for a day, the oldest first.
    leftovers: Vec<CanaryLeftoverJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CanaryLane)]
struct CanaryLaneJson {
    object_type: ObjectTypeName,
    direction: DirectionName,
    /// What its items prove: `plain`, `related_record` or `attendee`.
    class: &'static str,
    /// `starting`, `in_time`, `late` or `failing`.
    state: &'static str,
    last_proof_at: Option<InstantJson>,
    late_since: Option<InstantJson>,
    /// How long an item may take, as learnt.
    allowed_seconds: f64,
    /// The last 48, the oldest first.
    round_trips: Vec<RoundTripJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RoundTrip)]
struct RoundTripJson {
    written_at: InstantJson,
    /// `null`: it was lost.
    took_seconds: Option<f64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CanaryLeftover)]
struct CanaryLeftoverJson {
    title: String,
    object_type: ObjectTypeName,
    direction: DirectionName,
    /// Whether it is on the other side than the one that it was written to.
    on_other_side: bool,
    written_at: InstantJson,
}

impl CanaryJson {
    fn of(report: &CanaryReport) -> Self {
        let lane = |(object, direction, lane): (ObjectType, Direction, &LaneReport)| {
            let trips = lane.trips.iter().map(|trip| RoundTripJson {
                written_at: InstantJson(trip.written_at),
                took_seconds: trip.took.map(seconds),
            });
            CanaryLaneJson {
                object_type: Named(object),
                direction: Named(direction),
                class: lane.class.name(),
                state: lane.state.name(),
                last_proof_at: lane.last_proof.map(InstantJson),
                late_since: lane.late_since.map(InstantJson),
                allowed_seconds: seconds(lane.allowed),
                round_trips: trips.collect(),
            }
        };
        let leftover = |leftover: &Leftover| CanaryLeftoverJson {
            title: leftover.title.clone(),
            object_type: Named(leftover.object_type),
            direction: Named(leftover.direction),
            on_other_side: leftover.on_other_side,
            written_at: InstantJson(leftover.written_at),
        };
        Self {
            every_seconds: seconds(report.every),
            lanes: report.lanes().map(lane).collect(),
            leftovers: report.leftovers.iter().map(leftover).collect(),
        }
    }
}

/// Changes of the set-up in Salesforce's audit trail.
#[derive(Serialize, ToSchema)]
#[schema(as = SetupChanges)]
struct SetupChangesJson {
    /// When the trail was last read; `null` when it could not be read.
    read_at: Option<InstantJson>,
    /// From when on none is left out.
    since: Option<InstantJson>,
    /// Newest first.
    changes: Vec<SetupChangeJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SetupChange)]
struct SetupChangeJson {
    at: InstantJson,
    area: SetupAreaName,
}

impl SetupChangesJson {
    /// `None` where nobody polls.
    fn of(org: &OrgView) -> Option<Self> {
        let read = match org.source_states.setup() {
            SetupTrail::Off => return None,
            SetupTrail::NotRead => None,
            SetupTrail::Read(read) => Some(read),
        };
        let latest = read.map_or(&[][..], |read| &read.latest);
        Some(Self {
            read_at: read.map(|read| InstantJson(read.read_at)),
            since: read.map(|read| InstantJson(read.since)),
            changes: latest
                .iter()
                .map(|change| SetupChangeJson {
                    at: InstantJson(change.at),
                    area: Named(change.area),
                })
                .collect(),
        })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrgRow)]
struct OrgRowJson {
    row: &'static str,
    label: &'static str,
    object_type: Option<ObjectTypeName>,
    /// Whether the row means anything for this organisation.
    applies: bool,
    state: Knowledge,
    unknown_because: Option<&'static str>,
    /// Of a last sync of which only counts are reported: "within the last 60 minutes".
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    /// A text, a number, true or false; `null` when it is unknown, and when the page shows None.
    value: serde_json::Value,
    /// What the article would call this value.
    shows: &'static str,
    source: Option<SourceName>,
    observed_at: Option<InstantJson>,
    changed_at: Option<InstantJson>,
    age_seconds: Option<f64>,
    meaning: Option<String>,
    owner: Option<OwnerName>,
    next_steps: Vec<StepJson>,
    #[serde(rename = "reason")]
    cause: Option<CauseName>,
}

/// The organisation's rows of what it syncs.
fn org_rows(org: &OrgView, fresh: bool, now: Timestamp) -> Vec<OrgRowJson> {
    org_status::rows(org, fresh, now).into_iter().map(|status| org_row(&status, org, now)).collect()
}

fn org_row(status: &RowStatus, org: &OrgView, now: Timestamp) -> OrgRowJson {
    let (row, current, guide) = (status.row, status.current.as_ref(), status.guide);
    OrgRowJson {
        row: row.id(),
        label: row.label(),
        object_type: row.object_type().map(Named),
        applies: status.applies,
        state: match status.never {
            true => Knowledge::Never,
            false => known(current.map(|current| current.stale)),
        },
        unknown_because: status.unknown_because,
        within: status.counted.clone(),
        value: current.map_or(serde_json::Value::Null, |current| match &current.value {
            OrgValue::Account(Some(name)) => name.to_string().into(),
            OrgValue::Account(None) => serde_json::Value::Null,
            OrgValue::Flag(flag) => (*flag).into(),
            OrgValue::Count(count) => (*count).into(),
            OrgValue::Instant(at) => at.to_string().into(),
        }),
        shows: status.shows.name(),
        source: current.map(|current| Named(current.source)),
        observed_at: current.map(|current| InstantJson(current.observed_at)),
        changed_at: current.map(|current| InstantJson(current.changed_at)),
        age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
        meaning: status.meaning().map(|meaning| meaning.plain()),
        owner: guide.map(|guide| Named(guide.owner())),
        next_steps: guide.map(|guide| steps(&row_steps(&guide, org, now))).unwrap_or_default(),
        cause: status.cause().map(Named),
    }
}

/// Something that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
struct FindingJson {
    org: String,
    severity: SeverityName,
    #[serde(rename = "reason")]
    cause: CauseName,
    alert: Option<&'static str>,
    object_type: Option<ObjectTypeName>,
    check: Option<CheckName>,
    since: Option<InstantJson>,
    since_seconds: Option<f64>,
    users: Option<u32>,
    summary: &'static str,
    /// The finding with its facts.
    sentence: String,
    meaning: String,
    impact: String,
    owner: OwnerName,
    next_steps: Vec<StepJson>,
    /// Absolute where `web.external_url` is set.
    runbook: Option<String>,
    /// The causes that explain it.
    held_back_by: Vec<CauseName>,
}

impl FindingJson {
    fn of(finding: &Finding, org: &OrgView, site: &WebState, now: Timestamp) -> Self {
        let words = guidance::cause_of(org.policy.product, finding.cause);
        let next_steps = verdict::steps(finding, org, now);
        Self {
            org: finding.org.to_string(),
            severity: Named(finding.severity),
            cause: Named(finding.cause),
            alert: finding.cause.alert(),
            object_type: finding.object_type.map(Named),
            check: finding.check.map(Named),
            since: finding.since.map(InstantJson),
            since_seconds: finding.since.map(|since| age_seconds(since, now)),
            users: finding.users,
            summary: words.summary,
            sentence: describe(finding, org, now),
            meaning: words.meaning.plain(),
            impact: words.impact.plain(),
            owner: Named(next_steps.first().map_or(words.owner(), |step| step.owner)),
            next_steps: steps(&next_steps),
            runbook: finding.cause.alert().map(|alert| site.services.runbook(alert)),
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
    State(site): State<Arc<WebState>>,
    Query(query): Query<FindingsQuery>,
) -> Result<Response, Problem> {
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
            let json = FindingJson::of(finding, org, &site, moment.now);
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
struct FindingTotals {
    critical: usize,
    warning: usize,
    info: usize,
}

impl FindingTotals {
    fn of(findings: &[Finding]) -> Self {
        let count =
            |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = History)]
struct HistoryJson {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    /// How far back it was read.
    from: InstantJson,
    hours: Vec<HourJson>,
    last_syncs: Vec<SyncJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Hour)]
struct HourJson {
    hour: InstantJson,
    object_type: ObjectTypeName,
    direction: Option<DirectionName>,
    outcome: OutcomeName,
    count: u64,
    newest: InstantJson,
}

/// A last sync that a source reported, from when on.
#[derive(Serialize, ToSchema)]
#[schema(as = LastSync)]
struct SyncJson {
    object_type: ObjectTypeName,
    at: InstantJson,
    last_sync: InstantJson,
    source: SourceName,
}

/// Totals of each hour, eight days back, and the last syncs that were reported: of each five minutes the latest of a source
#[utoipa::path(get, path = "/api/v1/orgs/{org}/history", responses((status = 200, body = HistoryJson)))]
pub(in crate::web) async fn history(
    at: OrgAt,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Response, Problem> {
    let now = at.moment.now;
    // A history that cannot be read passes by itself, or the store says why.
    let past = history::of_org(&at.site, &at.org, now).await.ok_or_else(|| {
        Problem::new(
            ProblemReason::NotReady,
            "The history cannot be read just now. /-/ready and the log say why.",
        )
    })?;
    let last_syncs = past.syncs.iter().flat_map(|(object, changes)| {
        changes.iter().filter_map(|change| match change.value {
            OrgValue::Instant(synced) => Some(SyncJson {
                object_type: Named(*object),
                at: InstantJson(change.at),
                last_sync: InstantJson(synced),
                source: Named(change.source),
            }),
            OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
        })
    });
    json(&HistoryJson {
        envelope: Envelope::of(&at.moment.view, now),
        org: at.org.policy.name.to_string(),
        from: InstantJson(now.minus(history::READ_BACK)),
        hours: past.hours.iter().map(HourJson::of).collect(),
        last_syncs: last_syncs.collect(),
    })
}

impl HourJson {
    fn of(total: &HourTotal) -> Self {
        Self {
            hour: InstantJson(total.hour),
            object_type: Named(total.kind.object_type),
            direction: total.kind.direction.map(Named),
            outcome: Named(total.kind.outcome),
            count: total.count,
            newest: InstantJson(total.newest),
        }
    }
}
