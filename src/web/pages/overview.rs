//! The first page: every organisation, worst first, one sentence each.

use super::frame::Frame;
use super::page;
use super::when::When;
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use crate::guidance::Step;
use crate::guidance::verdict::Level;
use crate::web::answer::Answer;
use crate::web::limits::CARDS;
use crate::web::openapi::Html;
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query::Moment;
use crate::web::routes::Site;
use askama::Template;
use axum::extract::State;
use std::cmp::Reverse;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "overview.html", config = "src/web/pages/askama.toml")]
struct Overview<'a> {
    frame: Frame<'a>,
    tally: Vec<LevelCount>,
    /// Those that need somebody, or of which nobody knows, in full.
    orgs: Vec<OrgLine>,
    /// The others, a line each.
    short: Vec<OrgLine>,
}

struct LevelCount {
    level: Level,
    orgs: usize,
}

struct OrgLine {
    name: String,
    level: Level,
    headline: String,
    sentence: String,
    since: Option<When>,
    step: Option<Step>,
    /// How many more findings need somebody.
    more: usize,
    held_back: usize,
}

/// The page of all organisations
#[utoipa::path(get, path = "/", responses(Html))]
pub(in crate::web) async fn overview(State(site): State<Arc<Site>>) -> Result<Answer, Problem> {
    let Moment { view, now } = Moment::of(&site);
    let mut lines: Vec<OrgLine> =
        view.orgs.iter().map(|org| OrgLine::of(&view, org, now)).collect();
    lines.sort_by(|one, other| {
        (one.level, Reverse(one.more), &one.name).cmp(&(
            other.level,
            Reverse(other.more),
            &other.name,
        ))
    });
    let tally = Level::ALL
        .iter()
        .map(|level| LevelCount {
            level: *level,
            orgs: lines.iter().filter(|line| line.level == *level).count(),
        })
        .filter(|count| count.orgs > 0)
        .collect();
    let in_full = lines
        .iter()
        .take_while(|line| !matches!(line.level, Level::Fine | Level::Retired))
        .count()
        .min(CARDS);
    let short = lines.split_off(in_full);
    page(&Overview {
        frame: Frame::of(&site, &view, now, "All organisations", "/api/v1/orgs"),
        tally,
        orgs: lines,
        short,
    })
}

impl OrgLine {
    fn of(view: &View, org: &OrgView, now: Timestamp) -> Self {
        let verdict = OrgVerdict::of(view, org, now).verdict;
        Self {
            name: org.policy.name.to_string(),
            level: verdict.level,
            headline: verdict.headline,
            sentence: verdict.sentence,
            since: verdict.since.map(|since| When::of(since, org, now)),
            step: verdict.next_step,
            more: verdict.acting.len().saturating_sub(1),
            held_back: verdict.held_back.len(),
        }
    }
}
