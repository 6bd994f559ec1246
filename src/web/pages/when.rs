//! Instants for people: how long ago, and when exactly.

use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{local, span};
use askama::Template;

/// An instant: how far from now, in the organisation's time with its zone, and exactly.
#[derive(Debug, Clone, Template)]
#[template(path = "when.html", config = "src/web/pages/askama.toml")]
pub(super) struct When {
    /// To the second: browsers read no more than three digits of one.
    iso: String,
    exact: String,
    relative: String,
    local: String,
    zone: String,
}

impl When {
    /// `at` as it is shown at `now` to people of `org`.
    pub(super) fn of(at: Timestamp, org: &OrgView, now: Timestamp) -> Self {
        let relative = if at > now {
            format!("in {}", span(at.since(now)))
        } else {
            format!("{} ago", span(now.since(at)))
        };
        Self::new(at, relative, org, now)
    }

    /// `at` as the end of something that holds or held until then.
    pub(super) fn until(at: Timestamp, org: &OrgView, now: Timestamp) -> Self {
        let relative = if at > now {
            format!("for another {}", span(at.since(now)))
        } else {
            format!("until {} ago", span(now.since(at)))
        };
        Self::new(at, relative, org, now)
    }

    fn new(at: Timestamp, relative: String, org: &OrgView, now: Timestamp) -> Self {
        let zone = org.policy.time_zone;
        Self {
            iso: iso(at),
            exact: at.to_string(),
            relative,
            local: local(at, org, now),
            zone: at.datetime().with_timezone(&zone).format("%Z").to_string(),
        }
    }
}

/// An instant to the second, as the attribute of an element takes it.
pub(super) fn iso(at: Timestamp) -> String {
    Timestamp::from_seconds(at.nanos().div_euclid(1_000_000_000)).to_string()
}
