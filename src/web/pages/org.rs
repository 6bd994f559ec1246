//! An organisation: what is wrong, what to do next and who; then everything that stands behind it.

use super::cells::Row;
use super::chart::Chart;
use super::finding::{Card, Held};
use super::frame::Frame;
use super::org_parts::{
    Check, Fact, Glance, KnownFrom, Running, SourceLine, checks, facts, glance, known_from,
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
use crate::web::api::Moment;
use crate::web::history;
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::routes::Site;
use crate::web::row_status;
use askama::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "org.html", config = "src/web/pages/askama.toml")]
struct Org<'a> {
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
    held_back: Vec<Held>,
    rows: Vec<Row>,
    sources: Vec<SourceLine>,
    charts: Vec<Chart>,
    /// What the charts show, for their key.
    objects: Vec<&'static str>,
    zone: &'static str,
    checks: Vec<Check>,
    running: Vec<Running>,
    unknowns: Vec<String>,
    setup: Option<Setup>,
    retirement: &'static str,
    retires: Option<When>,
    /// How many users have not moved to the successor product, and how many have to.
    not_moved: Option<(u64, u64)>,
}

/// `GET /orgs/{org}`.
pub(in crate::web) async fn org(site: &Site, name: &str) -> Result<Answer, Problem> {
    let moment = Moment::of(site);
    let now = moment.now;
    let org: Arc<OrgView> = Arc::clone(moment.org(name)?);
    let past = history::of_org(site, &org, now).await;
    let judged = OrgVerdict::of(&moment.view, &org, now);
    let told = row_status::rows(&org, moment.view.is_fresh(now), now);
    let OrgVerdict { verdict, findings } = judged;
    let (retirement, retires) = retirement(&org, now);
    page(&Org {
        frame: Frame::of(
            site,
            &moment.view,
            now,
            name,
            Some(name),
            format!("/api/v1/orgs/{name}"),
        ),
        name,
        level: verdict.level,
        headline: verdict.headline,
        sentence: verdict.sentence,
        step: verdict.next_step,
        urgent: verdict.level == Level::Broken,
        steps: verdict
            .acting
            .first()
            .map_or(&[][..], |finding| steps(finding, org.policy.product)),
        runbook: verdict.cause.and_then(|cause| site.options.runbook(cause)),
        known_from: known_from(&org, now),
        glance: glance(&org, &told, now),
        facts: facts(&org, &told, now),
        users: row_status::UserTotals::of(&org),
        calm: matches!(verdict.level, Level::Fine | Level::Retired),
        findings: verdict
            .acting
            .iter()
            .map(|finding| Card::of(finding, &org, &told, &site.options, now))
            .collect(),
        held_back: verdict
            .held_back
            .iter()
            .map(|held| Held::of(held, &org, now))
            .collect(),
        rows: told
            .iter()
            .map(|told| Row::of(told, &org, &findings, now))
            .collect(),
        sources: sources(&org, now),
        charts: past.map_or(Vec::new(), |past| past.charts(&org, now)),
        objects: org
            .policy
            .objects
            .iter()
            .map(|object| object.name())
            .collect(),
        zone: org.policy.time_zone.name(),
        checks: checks(&org, now),
        running: running(&org, now),
        unknowns: unknowns(&org, &told, now),
        setup: setup(&org, now),
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
