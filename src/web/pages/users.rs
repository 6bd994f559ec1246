//! Users of an organisation: searched, by how they stand, by check and status, a page at a time.

use super::cells::status_text;
use super::frame::Frame;
use super::page;
use super::when::When;
use crate::domain::causes::Cause;
use crate::domain::policy::{Product, UserNames};
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, Standing, UserEntry, UserVerdict, verdict};
use crate::domain::view::OrgView;
use crate::guidance::{self, Step};
use crate::web::answer::Answer;
use crate::web::limits::USERS_PER_SHEET;
use crate::web::openapi::Html;
use crate::web::problem::Problem;
use crate::web::query::{Named, OrgAt, Query, escaped};
use crate::web::user_filter::{UserFilter, UserMatches, UsersQuery, shown};
use askama::Template;
use form_urlencoded::Serializer;

#[derive(Template)]
#[template(path = "users.html", config = "src/web/pages/askama.toml")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    org: &'a str,
    q: String,
    verdicts: Vec<Choice>,
    checks: Vec<Choice>,
    statuses: Vec<Choice>,
    pseudonyms: bool,
    /// Whether who reads has shown a password, and may search by name.
    guarded: bool,
    /// Why nobody can match.
    impossible: Option<String>,
    matching: usize,
    known: usize,
    complete: bool,
    lines: Vec<UserLine>,
    next: Option<String>,
    limit: usize,
}

/// One choice of a list.
struct Choice {
    value: &'static str,
    text: String,
    chosen: bool,
}

struct UserLine {
    name: String,
    link: String,
    class: &'static str,
    word: &'static str,
    failing: String,
    since: Option<When>,
    step: Option<Step>,
}

/// Why nobody can match: the form offers every status with every check.
fn impossible(query: &UsersQuery) -> Option<String> {
    let (check, status) = (query.check?.0, query.status?.0);
    if check.statuses().contains(&status) {
        return None;
    }
    let shows: Vec<&str> = check.statuses().iter().map(|one| status_text(*one)).collect();
    Some(format!(
        "“{}” never shows “{}”. It shows: {}.",
        labelled(check),
        status_text(status),
        shows.join(", ")
    ))
}

/// The page of its users
#[utoipa::path(get, path = "/orgs/{org}/users", params(UsersQuery), responses(Html))]
pub(in crate::web) async fn users_page(
    at: OrgAt,
    Query(mut query): Query<UsersQuery>,
) -> Result<Answer, Problem> {
    let (org, names, now) = (&*at.org, at.moment.view.user_names, at.moment.now);
    let name = org.policy.name.as_str();
    // A check alone means who fails there; a status alone means nothing without its check.
    query.status = query.status.filter(|_| query.check.is_some());
    if query.check.is_some() && query.status.is_none() && query.failing.is_none() {
        query.failing = Some(true);
    }
    let impossible = impossible(&query);
    let found = match impossible {
        Some(_) => UserMatches::nobody(),
        None => UserFilter::of(query.clone())?.page(
            org,
            names,
            at.site.is_guarded(),
            query.after.as_deref(),
            USERS_PER_SHEET,
            now,
        ),
    };
    let live = org.live(now);
    page(&UsersPage {
        frame: Frame::of_org(
            &at,
            org,
            &format!("Users of {name}"),
            format!("/api/v1/orgs/{name}/users"),
        ),
        org: name,
        verdicts: choices(Standing::ALL.iter().copied(), query.verdict, |standing| {
            (standing.name(), word_of(standing).to_owned())
        }),
        checks: choices(org_checks(org), query.check, |row| (row.check(), labelled(row))),
        statuses: choices(Status::ALL.iter().copied(), query.status, |status| {
            (status.name(), status_text(status).to_owned())
        }),
        pseudonyms: names == UserNames::Pseudonym,
        guarded: at.site.is_guarded(),
        impossible,
        matching: found.matching,
        known: org.users.users.len(),
        complete: org.users.complete,
        next: found.next.map(|after| {
            let query = serde_urlencoded::to_string(&query).unwrap_or_default();
            let mut next = Serializer::new(query);
            next.append_pair("after", after);
            format!("/orgs/{name}/users?{}", next.finish())
        }),
        lines: found
            .users
            .into_iter()
            .map(|(_, user)| UserLine::of(user, org, names, &live, now))
            .collect(),
        q: query.q.clone().unwrap_or_default(),
        limit: USERS_PER_SHEET,
    })
}

/// The choices of a list, each with its value and its text.
fn choices<T: Copy + PartialEq>(
    all: impl Iterator<Item = T>,
    chosen: Option<Named<T>>,
    named: impl Fn(T) -> (&'static str, String),
) -> Vec<Choice> {
    all.map(|one| {
        let (value, text) = named(one);
        let chosen = chosen.is_some_and(|chosen| chosen.0 == one);
        Choice { value, text, chosen }
    })
    .collect()
}

/// The checks of what the organisation syncs.
fn org_checks(org: &OrgView) -> impl Iterator<Item = UserRow> {
    UserRow::checks().filter(|row| org.policy.covers(*row))
}

/// How a user stands, for people.
const fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing => "failing",
        Standing::Stuck => "stuck",
        Standing::Resetting => "in a reset",
        Standing::Healthy => "fine",
        Standing::PartlyKnown => "partly known",
        Standing::Excluded => "excluded",
        Standing::Leaving => "leaving",
        Standing::Unknown => "unknown",
    }
}

/// The class of how a user stands.
const fn class_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing | Standing::Stuck => "attention",
        Standing::Resetting => "waiting",
        Standing::Healthy => "fine",
        Standing::Excluded | Standing::Leaving => "none",
        Standing::PartlyKnown | Standing::Unknown => "unknown",
    }
}

/// How a user stands at one instant, judged once. What is held never looks fresh.
pub(super) struct Stand {
    pub(super) verdict: UserVerdict,
    held: bool,
}

impl Stand {
    pub(super) fn of(user: &UserEntry, org: &OrgView, live: &LiveSources, now: Timestamp) -> Self {
        let verdict = verdict(user, &org.policy, live, now);
        let is_stale = |row| user.current(row, live).is_some_and(|current| current.stale);
        let held = match verdict {
            UserVerdict::Failing(row, _) | UserVerdict::Stuck(row, _) => is_stale(row),
            UserVerdict::Resetting => is_stale(UserRow::Reset),
            UserVerdict::Unknown => false,
            UserVerdict::Excluded
            | UserVerdict::Leaving
            | UserVerdict::Healthy
            | UserVerdict::PartlyKnown => UserRow::checks()
                .filter_map(|row| user.current(row, live))
                .all(|current| current.stale),
        };
        Self { verdict, held }
    }

    pub(super) const fn class(&self) -> &'static str {
        if self.held { "held" } else { class_of(self.verdict.standing()) }
    }

    pub(super) const fn word(&self) -> &'static str {
        match (self.verdict.standing(), self.held) {
            (Standing::Failing, true) => "failing when last read",
            (Standing::Stuck, true) => "stuck when last read",
            (Standing::Resetting, true) => "in a reset when last read",
            (Standing::Healthy, true) => "fine when last read",
            (Standing::PartlyKnown, true) => "partly known when last read",
            (standing, _) => word_of(standing),
        }
    }

    /// The row that fails or is stuck, what it shows, and since when.
    pub(super) fn row(
        &self,
        user: &UserEntry,
        live: &LiveSources,
    ) -> Option<(UserRow, Status, Timestamp)> {
        match self.verdict {
            UserVerdict::Failing(row, since) => Some((row, Status::No, since)),
            UserVerdict::Stuck(row, since) => Some((row, user.status(row, live), since)),
            UserVerdict::Resetting
            | UserVerdict::Excluded
            | UserVerdict::Leaving
            | UserVerdict::Healthy
            | UserVerdict::PartlyKnown
            | UserVerdict::Unknown => None,
        }
    }

    /// What to do, in order.
    pub(super) fn steps(
        &self,
        user: &UserEntry,
        product: Product,
        live: &LiveSources,
    ) -> &'static [Step] {
        match (self.verdict, self.row(user, live)) {
            // A state that lasts too long has the steps of its cause, not of the state.
            (UserVerdict::Stuck(UserRow::Reset, _), _) => {
                guidance::cause_of(product, Cause::ResetStuck).steps
            }
            (UserVerdict::Stuck(..), _) => {
                guidance::cause_of(product, Cause::InitialSyncStuck).steps
            }
            (_, Some((row, status, _))) => {
                guidance::user_row_of(product, row, status).map_or(&[][..], |guide| guide.steps)
            }
            (_, None) => &[],
        }
    }
}

impl UserLine {
    fn of(
        user: &UserEntry,
        org: &OrgView,
        names: UserNames,
        live: &LiveSources,
        now: Timestamp,
    ) -> Self {
        let name = shown(user, names).to_owned();
        let stand = Stand::of(user, org, live, now);
        let row = stand.row(user, live);
        Self {
            link: format!("/orgs/{}/users/{}", org.policy.name, escaped(&name)),
            name,
            class: stand.class(),
            word: stand.word(),
            failing: row.map_or(String::new(), |(row, ..)| labelled(row)),
            since: row.map(|(_, _, since)| When::of(since, org, now)),
            step: stand.steps(user, org.policy.product, live).first().copied(),
        }
    }
}

/// A row's label with its object type.
fn labelled(row: UserRow) -> String {
    match row.object_type() {
        Some(object) => format!("{} ({object})", row.label()),
        None => row.label().to_owned(),
    }
}
