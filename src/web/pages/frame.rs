//! What every page has around its content.

use super::STYLE_ADDRESS;
use super::when::iso;
use crate::domain::policy::Product;
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use crate::web::query::OrgAt;
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
    /// The instant, as the attribute of an element takes it.
    pub(super) now: String,
}

impl<'a> Frame<'a> {
    /// The frame of a page of all organisations.
    pub(super) fn of(site: &'a Site, view: &View, now: Timestamp, title: &str, json: &str) -> Self {
        Self {
            title: title.to_owned(),
            style: &STYLE_ADDRESS,
            org: None,
            has_page: false,
            telemetry_path: &site.options.telemetry_path,
            json: json.to_owned(),
            warnings: warnings(view, now),
            now: iso(now),
        }
    }

    /// The frame of a page of one organisation.
    pub(super) fn of_org(at: &'a OrgAt, org: &'a OrgView, title: &str, json: String) -> Self {
        Self {
            org: Some(org.policy.name.as_str()),
            has_page: org.policy.product == Product::LightningSync,
            ..Self::of(&at.site, &at.moment.view, at.moment.now, title, &json)
        }
    }

    /// The frame of a page that says why there is no other; it says nothing of what is watched.
    pub(super) fn of_problem(site: &'a Site, title: &str) -> Self {
        let now = (site.services.now)();
        Self::of(site, &View::empty(now), now, title, "/api/v1/orgs")
    }
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
