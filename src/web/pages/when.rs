//! Instants for people: how long ago, and when exactly.

use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{local, span};
use askama::Template;

/// An instant: how far from now, in the organisation's time, and exactly.
#[derive(Debug, Clone, Template)]
#[template(path = "when.html", config = "src/web/pages/askama.toml")]
pub(super) struct When {
    pub(super) iso: String,
    relative: String,
    local: String,
}

impl When {
    /// `at` as it is told at `now` to people of `org`.
    pub(super) fn of(at: Timestamp, org: &OrgView, now: Timestamp) -> Self {
        let relative = if at > now {
            format!("in {}", span(at.since(now)))
        } else {
            format!("{} ago", span(now.since(at)))
        };
        Self {
            iso: at.to_string(),
            relative,
            local: local(at, org, now),
        }
    }
}
