//! Users, a page at a time, in the order of what stands for them: a page begins after the last of the one before,
//! whoever came or went in between.

use super::history::ChangeJson;
use super::json::{At, Envelope, StepJson, steps};
use super::rows::{UserRowJson, user_rows};
use super::{Moment, answer_json};
use crate::domain::rows::Status;
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry, verdict};
use crate::domain::view::OrgView;
use crate::guidance;
use crate::web::answer::Answer;
use crate::web::history;
use crate::web::limits::{USERS_PER_PAGE, USERS_PER_PAGE_MOST};
use crate::web::problem::Problem;
use crate::web::query;
use crate::web::routes::Site;
use crate::web::user_filter::{Filter, find, shown};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Page {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    /// Whether the latest list of users was said to be whole.
    complete: bool,
    /// How many users are known.
    known: usize,
    /// How many of them match.
    matching: usize,
    users: Vec<UserJson>,
    /// What to give as `after` for the next page.
    next: Option<String>,
}

#[derive(Serialize)]
struct UserJson {
    user: String,
    verdict: &'static str,
    failing_check: Option<&'static str>,
    since: Option<At>,
    meaning: Option<String>,
    owner: Option<&'static str>,
    next_steps: Vec<StepJson>,
    rows: Vec<UserRowJson>,
    /// Whether the user is in the successor product; `None`: does not use this one, or nobody sees that.
    moved: Option<bool>,
    /// What the successor product says of the user, as it writes it.
    successor: Option<SuccessorJson>,
}

#[derive(Serialize)]
struct SuccessorJson {
    configured: bool,
    connectivity: &'static str,
    onboarding: &'static str,
    recommended_action: Option<String>,
}

/// `GET /api/v1/orgs/{org}/users`.
pub(in crate::web) fn users(
    site: &Site,
    name: &str,
    query: Option<&str>,
) -> Result<Answer, Problem> {
    let [limit, after, q, verdict, check, status, failing, moved] = query::known(
        query,
        [
            "limit", "after", "q", "verdict", "check", "status", "failing", "moved",
        ],
    )?;
    let limit = limit_of(limit.as_deref())?;
    let filter = Filter::of(
        q,
        verdict.as_deref(),
        check.as_deref(),
        status.as_deref(),
        failing.as_deref(),
        moved.as_deref(),
    )?;
    let moment = Moment::of(site);
    let (org, now) = (moment.org(name)?, moment.now);
    let live = org.live(now);
    let found = filter.page(org, moment.view.user_names, after.as_deref(), limit, now);
    answer_json(&Page {
        envelope: Envelope::of(&moment.view, now),
        org: org.policy.name.to_string(),
        complete: org.users.complete,
        known: org.users.users.len(),
        matching: found.matching,
        next: found.next.map(str::to_owned),
        users: found
            .users
            .into_iter()
            .map(|(shown, user)| UserJson::of(shown.to_owned(), user, org, &live, now))
            .collect(),
    })
}

#[derive(Serialize)]
struct OneUser {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    #[serde(flatten)]
    user: UserJson,
    /// The newest first; `None` when the history cannot be read.
    changes: Option<Vec<ChangeJson>>,
}

/// `GET /api/v1/orgs/{org}/users/{user}`.
pub(in crate::web) async fn user(
    site: &Site,
    name: &str,
    user: &str,
    query: Option<&str>,
) -> Result<Answer, Problem> {
    let [] = query::known(query, [])?;
    let moment = Moment::of(site);
    let (org, now) = (Arc::clone(moment.org(name)?), moment.now);
    let names = moment.view.user_names;
    let found = find(&org, names, user)?;
    let changes = history::of_user(site, &org, found, now).await;
    answer_json(&OneUser {
        envelope: Envelope::of(&moment.view, now),
        org: org.policy.name.to_string(),
        user: UserJson::of(
            shown(found, names).to_owned(),
            found,
            &org,
            &org.live(now),
            now,
        ),
        changes: changes.map(|changes| changes.iter().map(ChangeJson::of).collect()),
    })
}

fn limit_of(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(USERS_PER_PAGE);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=USERS_PER_PAGE_MOST).contains(limit))
        .ok_or_else(|| {
            Problem::query(format!(
                "limit is a number from 1 to {USERS_PER_PAGE_MOST}."
            ))
        })
}

impl UserJson {
    fn of(
        shown: String,
        user: &UserEntry,
        org: &OrgView,
        live: &LiveSources,
        now: Timestamp,
    ) -> Self {
        let verdict = verdict(user, &org.policy, live, now);
        let failing = verdict.failing();
        let guide =
            failing.and_then(|(row, _)| guidance::user_row_of(org.policy.product, row, Status::No));
        Self {
            user: shown,
            verdict: verdict.standing().name(),
            failing_check: failing.map(|(row, _)| row.check()),
            since: failing.map(|(_, since)| At(since)),
            meaning: guide.map(|guide| guide.meaning.plain()),
            owner: guide.map(|guide| guide.owner().name()),
            next_steps: guide.map(|guide| steps(guide.steps)).unwrap_or_default(),
            rows: user_rows(org, user, live, now),
            moved: org.moved(user, now),
            successor: org.note(user, now).map(|note| SuccessorJson {
                configured: note.configured,
                connectivity: note.connectivity,
                onboarding: note.onboarding,
                recommended_action: note.recommended.as_deref().map(str::to_owned),
            }),
        }
    }
}
