//! Users of an organisation: searched, by how they stand, by check and status, a page at a time.

use super::cells::status_text;
use super::frame::Frame;
use super::page;
use super::when::When;
use crate::domain::policy::UserNames;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::{Standing, UserEntry, verdict};
use crate::domain::view::OrgView;
use crate::guidance::{self, Step};
use crate::web::answer::Answer;
use crate::web::api::Moment;
use crate::web::found_users::{Filter, shown};
use crate::web::limits::USERS_PER_SHEET;
use crate::web::problem::Problem;
use crate::web::query;
use crate::web::routes::Site;
use crate::web::segment;
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
struct Asked {
    q: Option<String>,
    verdict: Option<String>,
    check: Option<String>,
    status: Option<String>,
    failing: Option<String>,
    moved: Option<String>,
    after: Option<String>,
}

impl Asked {
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
    let asked = Asked::of(query)?;
    let filter = Filter::of(
        asked.q.clone(),
        asked.verdict.as_deref(),
        asked.check.as_deref(),
        asked.status.as_deref(),
        asked.failing.as_deref(),
        asked.moved.as_deref(),
    )?;
    let names = moment.view.user_names;
    let found = filter.page(org, names, asked.after.as_deref(), USERS_PER_SHEET, now);
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
        matching: found.matching,
        known: org.users.users.len(),
        complete: org.users.complete,
        next: found.next.map(|after| asked.next(name, after)),
        lines: found
            .users
            .into_iter()
            .map(|(_, user)| Line::of(user, org, names, now))
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
        .filter(|row| {
            row.object_type()
                .is_none_or(|object| org.policy.objects.contains(&object))
        })
        .map(|row| Choice {
            value: row.check(),
            text: match row.object_type() {
                Some(object) => format!("{} ({object})", guidance::user_label(row)),
                None => guidance::user_label(row).to_owned(),
            },
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
pub(super) const fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing => "failing",
        Standing::Resetting => "in a reset",
        Standing::Healthy => "fine",
        Standing::Excluded => "excluded",
        Standing::Leaving => "leaving",
        Standing::Unknown => "unknown",
    }
}

/// The class of how a user stands.
pub(super) const fn class_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing => "attention",
        Standing::Resetting => "waiting",
        Standing::Healthy => "fine",
        Standing::Excluded | Standing::Leaving => "none",
        Standing::Unknown => "unknown",
    }
}

/// The class of a user, of whom what is held never looks fresh.
pub(super) fn class_of_user(user: &UserEntry, org: &OrgView, now: Timestamp) -> (Standing, bool) {
    let live = org.live(now);
    let verdict = verdict(user, &org.policy, &live, now);
    let standing = verdict.standing();
    let held = match verdict.failing() {
        Some((row, _)) => user
            .current(row, &live)
            .is_some_and(|current| current.stale),
        None => UserRow::checks()
            .filter_map(|row| user.current(row, &live))
            .all(|current| current.stale),
    };
    (standing, held && standing != Standing::Unknown)
}

impl Line {
    fn of(user: &UserEntry, org: &OrgView, names: UserNames, now: Timestamp) -> Self {
        let name = shown(user, names).to_owned();
        let (class, held) = class_of_user(user, org, now);
        let failing = verdict(user, &org.policy, &org.live(now), now).failing();
        Self {
            link: format!("/orgs/{}/users/{}", org.policy.name, segment::encode(&name)),
            name,
            class: if held { "held" } else { class_of(class) },
            word: match (class, held) {
                (Standing::Failing, true) => "failing when last read",
                (Standing::Healthy, true) => "fine when last read",
                (standing, _) => word_of(standing),
            },
            failing: failing.map_or(String::new(), |(row, _)| match row.object_type() {
                Some(object) => format!("{} ({object})", guidance::user_label(row)),
                None => guidance::user_label(row).to_owned(),
            }),
            since: failing.map(|(_, since)| When::of(since, org, now)),
            step: failing
                .and_then(|(row, _)| guidance::user_row_of(org.policy.product, row, Status::No))
                .and_then(|guide| guide.steps.first().copied()),
        }
    }
}
