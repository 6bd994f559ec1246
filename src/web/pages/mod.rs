//! Pages for people: templates that escape what they are given, one style sheet inside each page, no script, nothing
//! from elsewhere. A new page is a template, a struct and a line in `routes.rs`.

mod landing;

pub(super) use landing::landing;

use super::answer::{Answer, answer, set};
use super::problem::{Problem, Reason};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The style of every page, inside the page so that it shows before anything else is fetched.
const STYLE: &str = include_str!("templates/style.css");

/// What a browser may do with a page: show it in exactly this style, and nothing else.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

fn page(template: &impl Template) -> Result<Answer, Problem> {
    let html = template
        .render()
        .map_err(|_| Problem::new(Reason::Internal, "The page could not be written."))?;
    let mut page = answer(StatusCode::OK, "text/html; charset=utf-8", html);
    if let Some(policy) = POLICY.clone() {
        set(&mut page, CONTENT_SECURITY_POLICY, policy);
    }
    Ok(page)
}
