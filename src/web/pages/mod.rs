//! Pages for people: templates that escape what they are given, one style sheet beside them, nothing from elsewhere, and
//! nothing that needs a script. A new page is a template, a struct and a line in `routes.rs`.
//!
//! Whatever a source reports goes through a template's own escaping and stands within `<bdi>`. The filter `safe` is for
//! other templates, and for the picture of a replay, which escapes its texts itself. Templates ask the View itself; their structs have methods for what takes more than a look.

mod cells;
mod chart;
pub(super) mod org;
pub(super) mod overview;
pub(super) mod paste;
pub(super) mod replay;
pub(super) mod users;
pub(super) mod userscript;

use super::answer::{answer, set};
use super::openapi::Html;
use super::org_status::OrgVerdict;
use super::problem::{Problem, ProblemReason, http_status};
use super::query::{Moment, OrgAt, PathNames};
use super::routes::WebState;
use crate::domain::causes::Cause;
use crate::domain::policy::Product;
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use crate::guidance::verdict::{Level, Verdict};
use crate::guidance::{self, CauseGuide};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cells::iso;
use chrono_tz::Tz;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// What a browser may do with a page: show it in our style, run our script and send a form back to us; nothing inline,
/// nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

fn page(template: &impl Template) -> Result<Response, Problem> {
    render(StatusCode::OK, template)
}

fn render(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template
        .render()
        .map_err(|_| Problem::new(ProblemReason::Internal, "The page could not be written."))?;
    let mut page = answer(status, "text/html; charset=utf-8", html);
    set(&mut page, CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(page)
}

/// The frame of one page.
struct Frame<'a> {
    title: String,
    style: &'static str,
    /// The script that loads the page again.
    refresh: &'static str,
    /// The organisation that the page is about.
    org: Option<&'a str>,
    /// Whether it has a status page that can be pasted.
    has_page: bool,
    telemetry_path: &'a str,
    /// Where the page's facts are as JSON.
    json: String,
    /// Why what is shown may be old or incomplete.
    warnings: [(bool, Cow<'static, str>); 4],
    /// How the organisation stands, on pages of a part of it that could look fine while the whole is not.
    banner: Option<Verdict>,
    /// The instant, as the attribute of an element takes it.
    now: String,
    /// The instant for people, in the zone that the whole page is in.
    shown_now: String,
}

/// An instant to the second, with its zone.
fn full(at: Timestamp, zone: Tz) -> String {
    at.datetime().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

impl<'a> Frame<'a> {
    /// The frame of a page of all organisations.
    fn of(site: &'a WebState, view: &View, now: Timestamp, title: &str, json: &str) -> Self {
        Self {
            title: title.to_owned(),
            style: &STYLE_ADDRESS,
            refresh: &REFRESH_ADDRESS,
            org: None,
            has_page: false,
            telemetry_path: &site.options.telemetry_path,
            json: json.to_owned(),
            warnings: [
                (
                    !view.is_fresh(now),
                    "The engine has not published for too long. What follows may be old; counts are left out."
                        .into(),
                ),
                (
                    view.store_failing,
                    "The store cannot write. Nothing that is pushed is taken until it can.".into(),
                ),
                (view.clock_suspect, "The clock stepped. Ages and counts may be off.".into()),
                (!view.role.leads(), view.role.to_string().into()),
            ],
            banner: None,
            now: iso(now),
            shown_now: full(now, Tz::UTC),
        }
    }

    /// The frame of a page of one organisation.
    fn of_org(at: &'a OrgAt, org: &'a OrgView, title: &str, json: String) -> Self {
        Self {
            org: Some(org.policy.name.as_str()),
            has_page: org.policy.product == Product::LightningSync,
            shown_now: full(at.moment.now, org.policy.time_zone),
            ..Self::of(&at.site, &at.moment.view, at.moment.now, title, &json)
        }
    }

    /// The frame of a page of a part of an organisation.
    fn of_part(at: &'a OrgAt, org: &'a OrgView, title: &str, json: String) -> Self {
        let verdict = OrgVerdict::of(&at.moment.view, org, at.moment.now).verdict;
        let says_of_parts =
            matches!(verdict.level, Level::Broken | Level::Unknown | Level::Held | Level::Retired);
        Self { banner: says_of_parts.then_some(verdict), ..Self::of_org(at, org, title, json) }
    }
}

#[derive(Template)]
#[template(path = "trouble.html", config = "src/web/pages/askama.toml")]
struct ProblemPage<'a> {
    frame: Frame<'a>,
    title: &'static str,
    detail: &'a str,
}

/// A problem for people. It says nothing but the problem: whoever gets it may not be let in.
pub(super) fn trouble(site: &WebState, problem: Problem) -> Response {
    let title = problem.reason.title();
    let now = (site.services.now)();
    let frame = Frame::of(site, &View::empty(now), now, title, "/api/v1/orgs");
    let page = ProblemPage { frame, title, detail: &problem.detail };
    match render(http_status(problem.reason), &page) {
        Ok(mut page) => {
            problem.dress(&mut page);
            page
        }
        Err(_) => problem.into_response(),
    }
}

/// The style of every page, and the scripts.
const STYLE: &str = include_str!("assets/style.css");
const REFRESH: &str = include_str!("assets/refresh.js");
const PASTE: &str = include_str!("assets/paste.js");

/// The addresses that pages use: they name the content, so that a browser may keep it.
static STYLE_ADDRESS: LazyLock<String> = LazyLock::new(|| versioned("/assets/style.css", STYLE));
static REFRESH_ADDRESS: LazyLock<String> =
    LazyLock::new(|| versioned("/assets/refresh.js", REFRESH));
static PASTE_ADDRESS: LazyLock<String> = LazyLock::new(|| versioned("/assets/paste.js", PASTE));

fn versioned(path: &str, content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let version: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{path}?v={version}")
}

/// The style of the pages
#[utoipa::path(get, path = "/assets/style.css", responses((status = 200, content_type = "text/css")))]
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// The script of the paste box
#[utoipa::path(get, path = "/assets/paste.js", responses((status = 200, content_type = "text/javascript")))]
pub(super) async fn paste_script() -> Response {
    asset("text/javascript; charset=utf-8", PASTE)
}

/// The script that loads a page again
#[utoipa::path(get, path = "/assets/refresh.js", responses((status = 200, content_type = "text/javascript")))]
pub(super) async fn refresh_script() -> Response {
    asset("text/javascript; charset=utf-8", REFRESH)
}

fn asset(media_type: &'static str, content: &'static str) -> Response {
    let mut file = answer(StatusCode::OK, media_type, content);
    let a_day = HeaderValue::from_static("public, max-age=86400");
    set(&mut file, CACHE_CONTROL, a_day);
    file
}

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
pub(super) async fn runbook(
    State(site): State<Arc<WebState>>,
    PathNames(alert): PathNames<String>,
) -> Result<Response, Problem> {
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
