//! A runbook as a page: what an alert means and what to do about it.

use super::frame::Frame;
use super::page;
use crate::domain::causes::Cause;
use crate::guidance::{self, CauseGuide};
use crate::web::answer::Answer;
use crate::web::openapi::Html;
use crate::web::problem::{Problem, ProblemReason};
use crate::web::query::{Moment, Segment};
use crate::web::routes::Site;
use askama::Template;
use axum::extract::State;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "runbook.html", config = "src/web/pages/askama.toml")]
struct Runbook<'a> {
    frame: Frame<'a>,
    name: &'static str,
    guide: &'static CauseGuide,
    explains: Vec<&'static str>,
}

/// What an alert means and what to do
///
/// The cause's name, as metrics have it, will do too: dashboards know no other, and it is all there is of a cause
/// without an alert.
#[utoipa::path(get, path = "/runbooks/{alert}", responses(Html))]
pub(in crate::web) async fn runbook(
    State(site): State<Arc<Site>>,
    Segment(alert): Segment<String>,
) -> Result<Answer, Problem> {
    let cause = Cause::ALL
        .iter()
        .copied()
        .find(|cause| cause.alert() == Some(alert.as_str()) || cause.name() == alert)
        .ok_or_else(|| {
            Problem::new(ProblemReason::UnknownPath, "There is no alert of this name.")
        })?;
    let Moment { view, now } = Moment::of(&site);
    page(&Runbook {
        frame: Frame::of(&site, &view, now, &alert, "/api/v1/findings"),
        name: cause.alert().unwrap_or(cause.name()),
        guide: guidance::cause(cause),
        explains: cause.consequences().iter().map(|one| guidance::cause(*one).summary).collect(),
    })
}
