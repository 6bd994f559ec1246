//! Users, a page at a time, in the order of what stands for them: a page begins after the last of the one before,
//! whoever came or went in between.

use super::json::{At, Envelope, StepJson, steps};
use super::rows::{UserRowJson, user_rows};
use super::{Moment, answer_json};
use crate::domain::ids::Source;
use crate::domain::policy::UserNames;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::{UserEntry, UserVerdict, verdict};
use crate::domain::view::OrgView;
use crate::guidance;
use crate::web::answer::Answer;
use crate::web::limits::{USERS_PER_PAGE, USERS_PER_PAGE_MOST};
use crate::web::problem::Problem;
use crate::web::query;
use crate::web::routes::Site;
use serde::Serialize;
use std::collections::BTreeMap;

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
    meaning: Option<&'static str>,
    owner: Option<&'static str>,
    next_steps: Vec<StepJson>,
    rows: Vec<UserRowJson>,
}

/// Which users are wanted.
#[derive(Default)]
struct Filter {
    check: Option<UserRow>,
    status: Option<Status>,
    failing: Option<bool>,
}

/// `GET /api/v1/orgs/{org}/users`.
pub(in crate::web) fn users(
    site: &Site,
    name: &str,
    query: Option<&str>,
) -> Result<Answer, Problem> {
    let [limit, after, check, status, failing] =
        query::known(query, ["limit", "after", "check", "status", "failing"])?;
    let limit = limit_of(limit.as_deref())?;
    let filter = Filter::of(check.as_deref(), status.as_deref(), failing.as_deref())?;
    let moment = Moment::of(site);
    let (org, now) = (moment.org(name)?, moment.now);
    let live = org.live(now);
    let names = moment.view.user_names;
    let mut matching = 0;
    // The first of those after the cursor, and one more that tells whether there is a next page.
    let mut page: BTreeMap<&str, &UserEntry> = BTreeMap::new();
    for user in &org.users.users {
        if !filter.takes(user, org, &live, now) {
            continue;
        }
        matching += 1;
        let key = shown(user, names);
        let beyond =
            page.len() > limit && page.last_key_value().is_some_and(|(last, _)| key > *last);
        if beyond || after.as_deref().is_some_and(|after| key <= after) {
            continue;
        }
        page.insert(key, user);
        if page.len() > limit + 1 {
            page.pop_last();
        }
    }
    let more = page.len() > limit;
    if more {
        page.pop_last();
    }
    answer_json(&Page {
        envelope: Envelope::of(&moment.view, now),
        org: org.policy.name.to_string(),
        complete: org.users.complete,
        known: org.users.users.len(),
        matching,
        next: page
            .last_key_value()
            .filter(|_| more)
            .map(|(last, _)| (*last).to_owned()),
        users: page
            .into_iter()
            .map(|(shown, user)| UserJson::of(shown.to_owned(), user, org, &live, now))
            .collect(),
    })
}

/// What stands for a user.
fn shown(user: &UserEntry, names: UserNames) -> &str {
    match names {
        UserNames::Pseudonym => &user.pseudonym,
        UserNames::Plain => user.name.as_str(),
    }
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

impl Filter {
    fn of(
        check: Option<&str>,
        status: Option<&str>,
        failing: Option<&str>,
    ) -> Result<Self, Problem> {
        let check = check
            .map(|name| {
                UserRow::checks()
                    .find(|row| row.check() == name)
                    .ok_or_else(|| {
                        query::not_one_of("check", UserRow::checks().map(UserRow::check))
                    })
            })
            .transpose()?;
        let status = match (check, status) {
            (_, None) => None,
            (None, Some(_)) => {
                return Err(Problem::query(
                    "status needs a check: say which check has it.",
                ));
            }
            (Some(check), Some(name)) => {
                let statuses = check.statuses();
                let known = statuses.iter().find(|status| status.name() == name);
                Some(*known.ok_or_else(|| {
                    query::not_one_of("status", statuses.iter().map(|status| status.name()))
                })?)
            }
        };
        let failing = match failing {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(query::not_one_of("failing", ["true", "false"].into_iter())),
        };
        if check.is_some() && status.is_none() && failing.is_none() {
            return Err(Problem::query(
                "check needs a status or failing: say what of the check is wanted.",
            ));
        }
        Ok(Self {
            check,
            status,
            failing,
        })
    }

    /// With a status: those whose check has it. With `failing=true` and a check: those who fail first at that check.
    fn takes(
        &self,
        user: &UserEntry,
        org: &OrgView,
        live: &[bool; Source::COUNT],
        now: Timestamp,
    ) -> bool {
        if let (Some(check), Some(status)) = (self.check, self.status)
            && user.status(check, live) != status
        {
            return false;
        }
        let Some(wanted) = self.failing else {
            return true;
        };
        let at = self.check.filter(|_| self.status.is_none());
        let fails = match verdict(user, &org.policy, live, now) {
            UserVerdict::Failing(row, _) => at.is_none_or(|check| check == row),
            UserVerdict::Resetting
            | UserVerdict::Excluded
            | UserVerdict::Leaving
            | UserVerdict::Healthy
            | UserVerdict::Unknown => false,
        };
        fails == wanted
    }
}

impl UserJson {
    fn of(
        shown: String,
        user: &UserEntry,
        org: &OrgView,
        live: &[bool; Source::COUNT],
        now: Timestamp,
    ) -> Self {
        let verdict = verdict(user, &org.policy, live, now);
        let (word, failing) = match verdict {
            UserVerdict::Failing(row, since) => ("failing", Some((row, since))),
            UserVerdict::Resetting => ("resetting", None),
            UserVerdict::Excluded => ("excluded", None),
            UserVerdict::Leaving => ("leaving", None),
            UserVerdict::Healthy => ("healthy", None),
            UserVerdict::Unknown => ("unknown", None),
        };
        let guide = failing.and_then(|(row, _)| guidance::user_row(row, Status::No));
        Self {
            user: shown,
            verdict: word,
            failing_check: failing.map(|(row, _)| row.check()),
            since: failing.map(|(_, since)| At(since)),
            meaning: guide.map(|guide| guide.meaning),
            owner: guide.map(|guide| guide.owner.name()),
            next_steps: guide.map(|guide| steps(guide.steps)).unwrap_or_default(),
            rows: user_rows(org, user, live, now),
        }
    }
}
