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
use crate::web::org_verdict::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::routes::Site;
use askama::Template;
use std::cmp::Reverse;

#[derive(Template)]
#[template(path = "overview.html", config = "src/web/pages/askama.toml")]
struct Overview<'a> {
    frame: Frame<'a>,
    tally: Vec<Count>,
    /// Those that need somebody, or of which nobody knows, in full.
    orgs: Vec<Line>,
    /// The others, a line each.
    short: Vec<Line>,
}

struct Count {
    level: Level,
    orgs: usize,
}

struct Line {
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

/// `GET /`.
pub(in crate::web) fn overview(site: &Site) -> Result<Answer, Problem> {
    let (view, now) = ((site.services.view)(), (site.services.now)());
    let mut lines: Vec<Line> = view
        .orgs
        .iter()
        .map(|org| Line::of(&view, org, now))
        .collect();
    lines.sort_by(|one, other| {
        (one.level, Reverse(one.more), &one.name).cmp(&(
            other.level,
            Reverse(other.more),
            &other.name,
        ))
    });
    let tally = Level::ALL
        .iter()
        .map(|level| Count {
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
        frame: Frame::of(
            site,
            &view,
            now,
            "All organisations",
            None,
            "/api/v1/orgs".to_owned(),
        ),
        tally,
        orgs: lines,
        short,
    })
}

impl Line {
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
