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
use crate::web::api::Moment;
use crate::web::limits::USERS_PER_SHEET;
use crate::web::path_segment;
use crate::web::problem::Problem;
use crate::web::query;
use crate::web::routes::Site;
use crate::web::user_filter::{Filter, Found, shown};
use askama::Template;
use form_urlencoded::Serializer;

#[derive(Template)]
#[template(path = "users.html", config = "src/web/pages/askama.toml")]
struct Users<'a> {
    frame: Frame<'a>,
    org: &'a str,
    q: String,
    verdicts: Vec<Choice>,
    checks: Vec<Choice>,
    statuses: Vec<Choice>,
    pseudonyms: bool,
    /// Why nobody can match.
    impossible: Option<String>,
    matching: usize,
    known: usize,
    complete: bool,
    lines: Vec<Line>,
    next: Option<String>,
    limit: usize,
}

/// One choice of a list.
struct Choice {
    value: &'static str,
    text: String,
    chosen: bool,
}

struct Line {
    name: String,
    link: String,
    class: &'static str,
    word: &'static str,
    failing: String,
    since: Option<When>,
    step: Option<Step>,
}

/// What the form asks for; an empty choice is none.
struct UserListQuery {
    q: Option<String>,
    verdict: Option<String>,
    check: Option<String>,
    status: Option<String>,
    failing: Option<String>,
    moved: Option<String>,
    after: Option<String>,
}

impl UserListQuery {
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let [q, verdict, check, status, failing, moved, after] = query::known(
            query,
            [
                "q", "verdict", "check", "status", "failing", "moved", "after",
            ],
        )?
        .map(|value| value.filter(|text| !text.is_empty()));
        // A check alone means who fails there; a status alone means nothing without its check.
        let failing = match (&check, &status) {
            (Some(_), None) if failing.is_none() => Some("true".to_owned()),
            _ => failing,
        };
        let status = status.filter(|_| check.is_some());
        Ok(Self {
            q,
            verdict,
            check,
            status,
            failing,
            moved,
            after,
        })
    }

    /// Why nobody can match: the form offers every status with every check.
    fn impossible(&self) -> Option<String> {
        let check = UserRow::checks().find(|row| Some(row.check()) == self.check.as_deref())?;
        let status = Status::from_name(self.status.as_deref()?)?;
        if check.statuses().contains(&status) {
            return None;
        }
        let shows: Vec<&str> = check
            .statuses()
            .iter()
            .map(|one| status_text(*one))
            .collect();
        Some(format!(
            "“{}” never shows “{}”. It shows: {}.",
            labelled(check),
            status_text(status),
            shows.join(", ")
        ))
    }

    /// The address of the page after `after`.
    fn next(&self, org: &str, after: &str) -> String {
        let mut query = Serializer::new(String::new());
        for (key, value) in [
            ("q", &self.q),
            ("verdict", &self.verdict),
            ("check", &self.check),
            ("status", &self.status),
            ("failing", &self.failing),
            ("moved", &self.moved),
        ] {
            if let Some(value) = value {
                query.append_pair(key, value);
            }
        }
        query.append_pair("after", after);
        format!("/orgs/{org}/users?{}", query.finish())
    }
}

/// `GET /orgs/{org}/users`.
pub(in crate::web) fn users(
    site: &Site,
    name: &str,
    query: Option<&str>,
) -> Result<Answer, Problem> {
    let moment = Moment::of(site);
    let (org, now) = (moment.org(name)?, moment.now);
    let asked = UserListQuery::of(query)?;
    let names = moment.view.user_names;
    let impossible = asked.impossible();
    let found = match impossible {
        Some(_) => Found::nobody(),
        None => Filter::of(
            asked.q.clone(),
            asked.verdict.as_deref(),
            asked.check.as_deref(),
            asked.status.as_deref(),
            asked.failing.as_deref(),
            asked.moved.as_deref(),
        )?
        .page(org, names, asked.after.as_deref(), USERS_PER_SHEET, now),
    };
    let live = org.live(now);
    page(&Users {
        frame: Frame::of(
            site,
            &moment.view,
            now,
            &format!("Users of {name}"),
            Some(name),
            format!("/api/v1/orgs/{name}/users"),
        ),
        org: name,
        verdicts: verdicts(asked.verdict.as_deref()),
        checks: checks(org, asked.check.as_deref()),
        statuses: statuses(asked.status.as_deref()),
        pseudonyms: names == UserNames::Pseudonym,
        impossible,
        matching: found.matching,
        known: org.users.users.len(),
        complete: org.users.complete,
        next: found.next.map(|after| asked.next(name, after)),
        lines: found
            .users
            .into_iter()
            .map(|(_, user)| Line::of(user, org, names, &live, now))
            .collect(),
        q: asked.q.unwrap_or_default(),
        limit: USERS_PER_SHEET,
    })
}

fn verdicts(chosen: Option<&str>) -> Vec<Choice> {
    Standing::ALL
        .iter()
        .map(|standing| Choice {
            value: standing.name(),
            text: word_of(*standing).to_owned(),
            chosen: chosen == Some(standing.name()),
        })
        .collect()
}

fn checks(org: &OrgView, chosen: Option<&str>) -> Vec<Choice> {
    UserRow::checks()
        .filter(|row| org.policy.covers(*row))
        .map(|row| Choice {
            value: row.check(),
            text: labelled(row),
            chosen: chosen == Some(row.check()),
        })
        .collect()
}

fn statuses(chosen: Option<&str>) -> Vec<Choice> {
    Status::ALL
        .iter()
        .map(|status| Choice {
            value: status.name(),
            text: status_text(*status).to_owned(),
            chosen: chosen == Some(status.name()),
        })
        .collect()
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
        if self.held {
            "held"
        } else {
            class_of(self.verdict.standing())
        }
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

    /// The row that stands in the way, what it shows, and since when.
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

impl Line {
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
            link: format!(
                "/orgs/{}/users/{}",
                org.policy.name,
                path_segment::encode(&name)
            ),
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
