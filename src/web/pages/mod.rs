//! Pages for people: templates that escape what they are given, one style sheet beside them, nothing from elsewhere, and
//! nothing that needs a script. A new page is a template, a struct and a line in `routes.rs`.
//!
//! Whatever a source said goes through a template's own escaping and stands within `<bdi>`. The filter `safe` is for
//! other templates only.

mod cells;
mod chart;
mod charts;
mod finding;
mod frame;
pub(super) mod org;
mod org_parts;
pub(super) mod overview;
pub(super) mod paste;
mod preview;
pub(super) mod runbook;
mod setup;
pub(super) mod user;
pub(super) mod users;
pub(super) mod userscript;
mod when;

use super::answer::{Answer, answer, set};
use super::problem::{Problem, ProblemReason, http_status};
use super::routes::Site;
use askama::Template;
use axum::response::IntoResponse;
use frame::Frame;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

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
    set(&mut page, CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(page)
}

#[derive(Template)]
#[template(path = "trouble.html", config = "src/web/pages/askama.toml")]
struct ProblemPage<'a> {
    frame: Frame<'a>,
    title: &'static str,
    detail: &'a str,
}

/// A problem for people. It says nothing but the problem: whoever gets it may not be let in.
pub(super) fn trouble(site: &Site, problem: Problem) -> Answer {
    let title = problem.reason.title();
    let page =
        ProblemPage { frame: Frame::of_problem(site, title), title, detail: &problem.detail };
    match render(http_status(problem.reason), &page) {
        Ok(mut page) => {
            problem.dress(&mut page);
            page
        }
        Err(_) => problem.into_response(),
    }
}

/// The style of every page, and the script of the paste box.
const STYLE: &str = include_str!("assets/style.css");
const PASTE: &str = include_str!("assets/paste.js");

/// The addresses that pages use: they name the content, so that a browser may keep it.
static STYLE_ADDRESS: LazyLock<String> = LazyLock::new(|| versioned("/assets/style.css", STYLE));
static PASTE_ADDRESS: LazyLock<String> = LazyLock::new(|| versioned("/assets/paste.js", PASTE));

fn versioned(path: &str, content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let version: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{path}?v={version}")
}

/// The style of the pages
#[utoipa::path(get, path = "/assets/style.css", responses((status = 200, content_type = "text/css")))]
pub(super) async fn style() -> Answer {
    asset("text/css; charset=utf-8", STYLE)
}

/// The script of the paste box
#[utoipa::path(get, path = "/assets/paste.js", responses((status = 200, content_type = "text/javascript")))]
pub(super) async fn paste_script() -> Answer {
    asset("text/javascript; charset=utf-8", PASTE)
}

fn asset(media_type: &'static str, content: &'static str) -> Answer {
    let mut file = answer(StatusCode::OK, media_type, content);
    let a_day = HeaderValue::from_static("public, max-age=86400");
    set(&mut file, CACHE_CONTROL, a_day);
    file
}
