//! Which users are wanted, and a page of them in the order of what stands for them: a page begins after the last of the
//! one before, whoever came or went in between.

use super::problem::{Problem, ProblemReason};
use super::query;
use crate::domain::policy::UserNames;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, Standing, UserEntry, verdict};
use crate::domain::view::OrgView;
use std::collections::BTreeMap;

/// What stands for a user.
pub(super) fn shown(user: &UserEntry, names: UserNames) -> &str {
    match names {
        UserNames::Pseudonym => &user.pseudonym,
        UserNames::Plain => user.name.as_str(),
    }
}

/// The user that something stands for.
///
/// # Errors
/// When it stands for nobody.
pub(super) fn find<'a>(
    org: &'a OrgView,
    names: UserNames,
    wanted: &str,
) -> Result<&'a UserEntry, Problem> {
    org.users
        .users
        .iter()
        .find(|user| shown(user, names) == wanted)
        .ok_or_else(|| {
            Problem::new(
                ProblemReason::UnknownPath,
                "No source has named this user. The list of users shows those that are known.",
            )
        })
}

/// Which users are wanted.
#[derive(Default)]
pub(super) struct Filter {
    search: Option<String>,
    standing: Option<Standing>,
    check: Option<UserRow>,
    status: Option<Status>,
    failing: Option<bool>,
    moved: Option<bool>,
}

/// The first users after a cursor.
pub(super) struct Found<'a> {
    /// How many users match, on whatever page.
    pub(super) matching: usize,
    pub(super) users: Vec<(&'a str, &'a UserEntry)>,
    /// Where the next page begins after.
    pub(super) next: Option<&'a str>,
}

impl Found<'_> {
    /// No user at all.
    pub(super) const fn nobody() -> Self {
        Self {
            matching: 0,
            users: Vec::new(),
            next: None,
        }
    }
}

impl Filter {
    /// What a query asks for.
    ///
    /// # Errors
    /// When a name is unknown or two do not go together.
    pub(super) fn of(
        search: Option<String>,
        standing: Option<&str>,
        check: Option<&str>,
        status: Option<&str>,
        failing: Option<&str>,
        moved: Option<&str>,
    ) -> Result<Self, Problem> {
        let standing = standing
            .map(|name| {
                Standing::from_name(name).ok_or_else(|| {
                    query::not_one_of("verdict", Standing::ALL.iter().map(|known| known.name()))
                })
            })
            .transpose()?;
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
        let moved = match moved {
            None => None,
            Some("yes") => Some(true),
            Some("no") => Some(false),
            Some(_) => return Err(query::not_one_of("moved", ["yes", "no"].into_iter())),
        };
        if check.is_some() && status.is_none() && failing.is_none() {
            return Err(Problem::query(
                "check needs a status or failing: say what of the check is wanted.",
            ));
        }
        Ok(Self {
            search: search.map(|text| text.trim().to_lowercase()),
            standing,
            check,
            status,
            failing,
            moved,
        })
    }

    /// The first `limit` users after `after`.
    pub(super) fn page<'a>(
        &self,
        org: &'a OrgView,
        names: UserNames,
        after: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Found<'a> {
        let live = org.live(now);
        let mut matching = 0;
        // The first of those after the cursor, and one more that tells whether there is a next page.
        let mut page: BTreeMap<&str, &UserEntry> = BTreeMap::new();
        for user in &org.users.users {
            if !self.takes(user, org, names, &live, now) {
                continue;
            }
            matching += 1;
            let key = shown(user, names);
            let beyond =
                page.len() > limit && page.last_key_value().is_some_and(|(last, _)| key > *last);
            if beyond || after.is_some_and(|after| key <= after) {
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
        Found {
            matching,
            next: page
                .last_key_value()
                .filter(|_| more)
                .map(|(last, _)| *last),
            users: page.into_iter().collect(),
        }
    }

    /// With a status: those whose check has it. With `failing=true` and a check: those who fail first at that check.
    fn takes(
        &self,
        user: &UserEntry,
        org: &OrgView,
        names: UserNames,
        live: &LiveSources,
        now: Timestamp,
    ) -> bool {
        if !self.search_finds(user, names) {
            return false;
        }
        if let (Some(check), Some(status)) = (self.check, self.status)
            && user.status(check, live) != status
        {
            return false;
        }
        if self.moved.is_some() && org.moved(user, now) != self.moved {
            return false;
        }
        if self.failing.is_none() && self.standing.is_none() {
            return true;
        }
        let verdict = verdict(user, &org.policy, live, now);
        let (standing, failing) = (verdict.standing(), verdict.failing());
        if self.standing.is_some_and(|wanted| wanted != standing) {
            return false;
        }
        let at = self.check.filter(|_| self.status.is_none());
        let fails = failing.is_some_and(|(row, _)| at.is_none_or(|check| check == row));
        self.failing.is_none_or(|wanted| wanted == fails)
    }

    /// A part of what stands for the user, or the whole name: who knows it already learns the pseudonym.
    fn search_finds(&self, user: &UserEntry, names: UserNames) -> bool {
        let Some(wanted) = self.search.as_deref().filter(|wanted| !wanted.is_empty()) else {
            return true;
        };
        shown(user, names).to_lowercase().contains(wanted)
            || user.name.as_str().to_lowercase() == wanted
    }
}
