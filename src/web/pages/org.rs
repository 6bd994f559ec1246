//! An organisation: what is wrong, what to do next and who; then everything that stands behind it.

use super::cells::RowLine;
use super::chart::Chart;
use super::finding::{Card, Explained};
use super::frame::Frame;
use super::org_parts::{
    Check, Fact, Glance, KnownFrom, RunningSync, SourceLine, checks, facts, glance, known_from,
    running, sources, unknowns,
};
use super::page;
use super::setup::{Setup, setup};
use super::when::When;
use crate::domain::ids::Source;
use crate::domain::policy::Product;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::Step;
use crate::guidance::verdict::{Level, steps};
use crate::web::answer::Answer;
use crate::web::history;
use crate::web::openapi::Html;
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query::OrgAt;
use crate::web::row_status;
use crate::web::services::runbook;
use askama::Template;

#[derive(Template)]
#[template(path = "org.html", config = "src/web/pages/askama.toml")]
struct OrgPage<'a> {
    frame: Frame<'a>,
    name: &'a str,
    level: Level,
    headline: String,
    sentence: String,
    step: Option<Step>,
    /// Whether the next step is for now rather than for office hours.
    urgent: bool,
    steps: &'static [Step],
    runbook: Option<String>,
    known_from: Vec<KnownFrom>,
    glance: Vec<Glance>,
    facts: Vec<Fact>,
    users: row_status::UserTotals,
    /// Whether a live source says that everything syncs.
    calm: bool,
    findings: Vec<Card>,
    held_back: Vec<Explained>,
    rows: Vec<RowLine>,
    sources: Vec<SourceLine>,
    charts: Vec<Chart>,
    /// What the charts show, for their key.
    objects: Vec<&'static str>,
    zone: &'static str,
    checks: Vec<Check>,
    running: Vec<RunningSync>,
    unknowns: Vec<String>,
    setup: Option<Setup>,
    retirement: &'static str,
    retires: Option<When>,
    /// How many users have not moved to the successor product, and how many have to.
    not_moved: Option<(u64, u64)>,
}

/// The page of an organisation
#[utoipa::path(get, path = "/orgs/{org}", responses(Html))]
pub(in crate::web) async fn org_page(at: OrgAt) -> Result<Answer, Problem> {
    let (org, view, now) = (&*at.org, &at.moment.view, at.moment.now);
    let name = org.policy.name.as_str();
    let past = history::of_org(&at.site, org, now).await;
    let judged = OrgVerdict::of(view, org, now);
    let statuses = row_status::rows(org, view.is_fresh(now), now);
    let OrgVerdict { verdict, findings } = judged;
    let (retirement, retires) = retirement(org, now);
    page(&OrgPage {
        frame: Frame::of_org(&at, org, name, format!("/api/v1/orgs/{name}")),
        name,
        level: verdict.level,
        headline: verdict.headline,
        sentence: verdict.sentence,
        step: verdict.next_step,
        urgent: verdict.level == Level::Broken,
        steps: verdict.acting.first().map_or(&[][..], |finding| steps(finding, org.policy.product)),
        runbook: verdict.cause.and_then(runbook),
        known_from: known_from(org, now),
        glance: glance(org, &statuses, now),
        facts: facts(org, &statuses, now),
        users: row_status::UserTotals::of(org),
        calm: matches!(verdict.level, Level::Fine | Level::Retired),
        findings: verdict
            .acting
            .iter()
            .map(|finding| Card::of(finding, org, &statuses, now))
            .collect(),
        held_back: verdict.held_back.iter().map(|held| Explained::of(held, org, now)).collect(),
        rows: statuses.iter().map(|status| RowLine::of(status, org, &findings, now)).collect(),
        sources: sources(org, now),
        charts: past.map_or(Vec::new(), |past| past.charts(org, now)),
        objects: org.policy.objects.iter().map(|object| object.name()).collect(),
        zone: org.policy.time_zone.name(),
        checks: checks(org, now),
        running: running(org, now),
        unknowns: unknowns(org, &statuses, now),
        setup: setup(org, now),
        retirement,
        retires,
        not_moved: org
            .source_states
            .successor()
            .filter(|_| org.is_live(Source::Salesforce, now))
            .and_then(|successor| org.not_moved(successor)),
    })
}

fn retirement(org: &OrgView, now: Timestamp) -> (&'static str, Option<When>) {
    let policy = &org.policy;
    let words = match (policy.product, policy.retirement) {
        (Product::EinsteinActivityCapture, _) => {
            return ("This organisation uses the successor product.", None);
        }
        (Product::LightningSync, None) => {
            return ("No end is set for this organisation.", None);
        }
        (Product::LightningSync, Some(_)) if policy.retired(now) => "Lightning Sync ended here",
        (Product::LightningSync, Some(_)) if policy.migrating(now) => {
            "Users are moving to the successor product. Lightning Sync ends"
        }
        (Product::LightningSync, Some(_)) => {
            "What has synced by then stays; changes made later do not cross. Lightning Sync ends"
        }
    };
    (words, policy.retirement.map(|end| When::of(end, org, now)))
}
