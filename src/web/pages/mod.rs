//! Pages for people: templates that escape what they are given, one style sheet beside them, nothing from elsewhere, and
//! nothing that needs a script. A new page is a template, a struct and a line in `routes.rs`.
//!
//! Whatever a source said goes through a template's own escaping and stands within `<bdi>`. The filter `safe` is for
//! other templates only.

mod asset;
mod cells;
mod chart;
mod charts;
mod finding;
mod frame;
mod org;
mod org_parts;
mod overview;
mod paste;
mod preview;
mod runbook;
mod setup;
mod trouble;
mod user;
mod users;
mod userscript;
mod when;

pub(super) use asset::{Asset, asset};
pub(super) use org::org;
pub(super) use overview::overview;
pub(super) use paste::paste;
pub(super) use runbook::runbook;
pub(super) use trouble::trouble;
pub(super) use user::user;
pub(super) use users::users;
pub(super) use userscript::userscript;

use super::answer::{Answer, answer, set};
use super::problem::{Problem, ProblemReason};
use askama::Template;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

/// What a browser may do with a page: show it in our style, run our script and send a form back to us; nothing inline,
/// nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

fn page(template: &impl Template) -> Result<Answer, Problem> {
    render(StatusCode::OK, template)
}

fn render(status: StatusCode, template: &impl Template) -> Result<Answer, Problem> {
    let html = template
        .render()
        .map_err(|_| Problem::new(ProblemReason::Internal, "The page could not be written."))?;
    let mut page = answer(status, "text/html; charset=utf-8", html);
    set(
        &mut page,
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    Ok(page)
}
