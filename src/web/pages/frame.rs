//! What every page has around its content.

use super::asset::Asset;
use super::when::iso;
use crate::domain::policy::Product;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::web::routes::Site;

/// The frame of one page.
pub(super) struct Frame<'a> {
    pub(super) title: String,
    pub(super) style: &'static str,
    /// The organisation that the page is about.
    pub(super) org: Option<&'a str>,
    /// Whether it has a status page that can be pasted.
    pub(super) has_page: bool,
    pub(super) telemetry_path: &'a str,
    /// Where the page's facts are as JSON.
    pub(super) json: String,
    /// Why what is shown may be old or incomplete.
    pub(super) warnings: Vec<&'static str>,
    pub(super) now: Now,
}

pub(super) struct Now {
    pub(super) iso: String,
}

impl<'a> Frame<'a> {
    pub(super) fn of(
        site: &'a Site,
        view: &View,
        now: Timestamp,
        title: &str,
        org: Option<&'a str>,
        json: String,
    ) -> Self {
        Self {
            title: title.to_owned(),
            style: Asset::Style.address(),
            org,
            has_page: org.is_some_and(|name| has_page(view, name)),
            telemetry_path: &site.options.telemetry_path,
            json,
            warnings: warnings(view, now),
            now: Now { iso: iso(now) },
        }
    }
}

impl<'a> Frame<'a> {
    /// The frame of a page that says why there is no other; it tells nothing of what is watched.
    pub(super) fn of_problem(site: &'a Site, now: Timestamp, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            style: Asset::Style.address(),
            org: None,
            has_page: false,
            telemetry_path: &site.options.telemetry_path,
            json: "/api/v1/orgs".to_owned(),
            warnings: Vec::new(),
            now: Now { iso: iso(now) },
        }
    }
}

/// Whether the organisation's product has a status page to paste.
fn has_page(view: &View, name: &str) -> bool {
    let org = view
        .orgs
        .iter()
        .find(|org| org.policy.name.as_str() == name);
    org.is_some_and(|org| org.policy.product == Product::LightningSync)
}

fn warnings(view: &View, now: Timestamp) -> Vec<&'static str> {
    [
        (
            !view.is_fresh(now),
            "The engine has not published for too long. What follows may be old; counts are left out.",
        ),
        (
            view.store_failing,
            "The store cannot write. Nothing that is pushed is taken until it can.",
        ),
        (
            view.clock_suspect,
            "The clock stepped. Ages and counts may be off.",
        ),
    ]
    .into_iter()
    .filter_map(|(holds, text)| holds.then_some(text))
    .collect()
}
