//! A runbook as a page: what an alert means and what to do about it.

use super::frame::Frame;
use super::page;
use crate::domain::causes::Cause;
use crate::guidance::{self, CauseGuide};
use crate::web::answer::Answer;
use crate::web::problem::{Problem, ProblemReason};
use crate::web::routes::Site;
use askama::Template;

#[derive(Template)]
#[template(path = "runbook.html", config = "src/web/pages/askama.toml")]
struct Runbook<'a> {
    frame: Frame<'a>,
    name: &'static str,
    guide: &'static CauseGuide,
    explains: Vec<&'static str>,
}

/// `GET /runbooks/{alert}`; the cause's name, as metrics have it, will do too: dashboards know no other, and it is all
/// there is of a cause without an alert.
pub(in crate::web) fn runbook(site: &Site, alert: &str) -> Result<Answer, Problem> {
    let cause = Cause::ALL
        .iter()
        .copied()
        .find(|cause| cause.alert() == Some(alert) || cause.name() == alert)
        .ok_or_else(|| {
            Problem::new(
                ProblemReason::UnknownPath,
                "There is no alert of this name.",
            )
        })?;
    let (view, now) = ((site.services.view)(), (site.services.now)());
    page(&Runbook {
        frame: Frame::of(site, &view, now, alert, None, "/api/v1/findings".to_owned()),
        name: cause.alert().unwrap_or(cause.name()),
        guide: guidance::cause(cause),
        explains: cause
            .consequences()
            .iter()
            .map(|one| guidance::cause(*one).summary)
            .collect(),
    })
}
