//! What is known, as JSON: the View for the `now` of the reader, judged, with the words of guidance. Every row says
//! whether its value is live, held or unknown.

mod findings;
mod history;
mod json;
mod orgs;
mod rows;
mod setup;
mod users;

pub(super) use findings::findings;
pub(super) use history::history;
pub(super) use orgs::{org, orgs};
pub(super) use users::{user, users};

use super::answer::{Answer, answer};
use super::problem::{Problem, ProblemReason};
use super::routes::Site;
use crate::domain::ids::OrgName;
use crate::domain::time::Timestamp;
use crate::domain::view::{OrgView, View};
use hyper::StatusCode;
use serde::Serialize;
use std::sync::Arc;

/// What is read at one instant.
pub(super) struct Moment {
    pub(super) view: Arc<View>,
    pub(super) now: Timestamp,
}

impl Moment {
    /// This instant.
    pub(super) fn of(site: &Site) -> Self {
        Self {
            view: (site.services.view)(),
            now: (site.services.now)(),
        }
    }

    pub(super) fn org(&self, name: &str) -> Result<&Arc<OrgView>, Problem> {
        OrgName::new(name)
            .ok()
            .and_then(|name| self.view.org(&name))
            .ok_or_else(|| {
                Problem::new(
                    ProblemReason::UnknownOrg,
                    "No organisation of this name is configured. /api/v1/orgs lists those that are.",
                )
            })
    }
}

fn answer_json(value: &impl Serialize) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(value).map_err(|_| {
        Problem::new(
            ProblemReason::Internal,
            "The answer could not be written as JSON.",
        )
    })?;
    Ok(answer(StatusCode::OK, "application/json", body))
}
