//! Users, a page at a time, in the order of what stands for them: a page begins after the last of the one before,
//! whoever came or went in between.

use super::{Envelope, InstantJson, Knowledge, StepJson, age_seconds, known, steps};
use crate::domain::rows::{Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry, verdict};
use crate::domain::view::OrgView;
use crate::guidance;
use crate::guidance::exchange::user_steps;
use crate::store::UserChange;
use crate::web::answer::json;
use crate::web::history;
use crate::web::limits::USERS_PER_PAGE;
use crate::web::problem::Problem;
use crate::web::query::{
    CheckName, Named, NoKeys, OrgAt, OwnerName, Query, SourceName, StandingName, StatusName,
};
use crate::web::user_filter::{UsersQuery, find, shown};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
struct UsersJson {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    /// Whether the latest list of users was reported as whole.
    complete: bool,
    /// How many users are known.
    known: usize,
    /// How many of them match.
    matching: usize,
    users: Vec<UserJson>,
    /// What to give as `after` for the next page.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserJson {
    user: String,
    verdict: StandingName,
    failing_check: Option<CheckName>,
    since: Option<InstantJson>,
    meaning: Option<String>,
    owner: Option<OwnerName>,
    next_steps: Vec<StepJson>,
    rows: Vec<UserRowJson>,
    /// Whether the user is in the successor product; `null`: does not use this one, or nobody sees that.
    moved: Option<bool>,
    /// What the successor product reports of the user, as it writes it.
    successor: Option<SuccessorJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Successor)]
struct SuccessorJson {
    configured: bool,
    connectivity: &'static str,
    onboarding: &'static str,
    recommended_action: Option<String>,
    /// When the user logged in last: the connection's state is as old. `null`: not read.
    logged_in_at: Option<InstantJson>,
}

/// Users, a page at a time
#[utoipa::path(get, path = "/api/v1/orgs/{org}/users", params(UsersQuery), responses((status = 200, body = UsersJson)))]
pub(in crate::web) async fn users(
    at: OrgAt,
    Query(query): Query<UsersQuery>,
) -> Result<Response, Problem> {
    // One long list at a time: scrapes must find a free processor whoever asks for lists.
    let _turn = at.site.lists.acquire().await;
    let (org, now) = (&at.org, at.moment.now);
    let limit = query.limit.unwrap_or(USERS_PER_PAGE);
    let live = org.live(now);
    let names = at.moment.view.user_names;
    let found = query.page(org, names, at.site.is_guarded(), limit, now)?;
    json(&UsersJson {
        envelope: Envelope::of(&at.moment.view, now),
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

#[derive(Serialize, ToSchema)]
struct UserInFull {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    #[serde(flatten)]
    user: UserJson,
    /// The newest first; `null` when the history cannot be read.
    changes: Option<Vec<ChangeJson>>,
}

/// One user with every row
#[utoipa::path(get, path = "/api/v1/orgs/{org}/users/{user}", responses((status = 200, body = UserInFull)))]
pub(in crate::web) async fn user(
    at: OrgAt,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Response, Problem> {
    let (org, now, names) = (&at.org, at.moment.now, at.moment.view.user_names);
    let found = find(org, names, &at.user)?;
    let changes = history::of_user(&at.site, org, found, now).await;
    let shown = shown(found, names).to_owned();
    json(&UserInFull {
        envelope: Envelope::of(&at.moment.view, now),
        org: org.policy.name.to_string(),
        user: UserJson::of(shown, found, org, &org.live(now), now),
        changes: changes.map(|changes| changes.iter().map(ChangeJson::of).collect()),
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
            verdict: Named(verdict.standing()),
            failing_check: failing.map(|(row, _)| Named(row)),
            since: failing.map(|(_, since)| InstantJson(since)),
            meaning: guide.map(|guide| guide.meaning.plain()),
            owner: guide.map(|guide| Named(guide.owner())),
            next_steps: guide
                .zip(failing)
                .map(|(guide, (row, _))| steps(&user_steps(guide.steps, user, row, org, now)))
                .unwrap_or_default(),
            rows: user_rows(org, user, live, now),
            moved: org.moved(user, now),
            successor: org.note(user, now).map(|note| SuccessorJson {
                configured: note.configured,
                connectivity: note.connectivity,
                onboarding: note.onboarding,
                recommended_action: note.recommended.as_deref().map(str::to_owned),
                logged_in_at: note.logged_in_at.map(InstantJson),
            }),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = UserRow)]
struct UserRowJson {
    row: &'static str,
    check: &'static str,
    state: Knowledge,
    /// A status or a number; `null` when it is unknown.
    value: Option<UserValueJson>,
    source: Option<SourceName>,
    observed_at: Option<InstantJson>,
    changed_at: Option<InstantJson>,
    age_seconds: Option<f64>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UserValue)]
enum UserValueJson {
    Count(u32),
    Status(&'static str),
}

/// A user's rows of what the organisation syncs.
fn user_rows(
    org: &OrgView,
    user: &UserEntry,
    live: &LiveSources,
    now: Timestamp,
) -> Vec<UserRowJson> {
    UserRow::ALL
        .into_iter()
        .filter(|row| org.policy.covers(*row))
        .map(|row| {
            let current = user.current(row, live);
            let value = current.map(|current| match current.value {
                UserValue::Records(records) => UserValueJson::Count(records),
                UserValue::Status(status) => UserValueJson::Status(status.name()),
            });
            UserRowJson {
                row: row.id(),
                check: row.check(),
                state: known(current.map(|current| current.stale)),
                value,
                source: current.map(|current| Named(current.source)),
                observed_at: current.map(|current| InstantJson(current.observed_at)),
                changed_at: current.map(|current| InstantJson(current.changed_at)),
                age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
            }
        })
        .collect()
}

/// A row of a user that took another state.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
struct ChangeJson {
    at: InstantJson,
    check: CheckName,
    before: StatusName,
    after: StatusName,
    source: SourceName,
}

impl ChangeJson {
    fn of(change: &UserChange) -> Self {
        Self {
            at: InstantJson(change.at),
            check: Named(change.row),
            before: Named(change.before),
            after: Named(change.after),
            source: Named(change.source),
        }
    }
}
