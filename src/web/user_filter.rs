//! Which users are wanted, and a page of them in the order of what stands for them: a page begins after the last of the
//! one before, whoever came or went in between.

use super::limits::USERS_PER_PAGE_MOST;
use super::problem::{Problem, ProblemReason};
use super::query::{CheckName, StandingName, StatusName};
use crate::domain::ids::folded;
use crate::domain::policy::UserNames;
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry, verdict};
use crate::domain::view::OrgView;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

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
    let wanted = folded(wanted);
    org.users.users.iter().find(|user| shown(user, names) == wanted).ok_or_else(|| {
        Problem::new(
            ProblemReason::UnknownPath,
            "No source has named this user. The list of users shows those that are known.",
        )
    })
}

/// Which users are wanted, as a query writes it.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsersQuery {
    /// How many users a page has.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    #[serde(default, deserialize_with = "limit")]
    pub(super) limit: Option<usize>,
    /// `next` of the page before.
    pub(super) after: Option<String>,
    /// A part of what stands for the user; for who has shown a password also the user's whole name.
    pub(super) q: Option<String>,
    #[param(inline)]
    pub(super) verdict: Option<StandingName>,
    #[param(inline)]
    pub(super) check: Option<CheckName>,
    /// Those whose check has it.
    #[param(inline)]
    pub(super) status: Option<StatusName>,
    /// With a check: those who fail first at that check.
    pub(super) failing: Option<bool>,
    /// Whether they are in the successor product.
    #[param(inline)]
    pub(super) moved: Option<Moved>,
}

/// Whether a user is in the successor product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Moved {
    Yes,
    No,
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let given = String::deserialize(deserializer)?.parse().ok();
    given.filter(|limit| (1..=USERS_PER_PAGE_MOST).contains(limit)).map(Some).ok_or_else(|| {
        D::Error::custom(format!("limit is a number from 1 to {USERS_PER_PAGE_MOST}"))
    })
}

/// The first users after a cursor; by default none.
#[derive(Default)]
pub(super) struct UserMatches<'a> {
    /// How many users match, on whatever page.
    pub(super) matching: usize,
    pub(super) users: Vec<(&'a str, &'a UserEntry)>,
    /// Where the next page begins after.
    pub(super) next: Option<&'a str>,
}

impl UsersQuery {
    /// Refuses keys that do not go together.
    ///
    /// # Errors
    /// With the problem to answer.
    fn is_sound(&self) -> Result<(), Problem> {
        match (self.check.map(|check| check.0), self.status.map(|status| status.0), self.failing) {
            (None, Some(_), _) => {
                Err(Problem::query("status needs a check: say which check has it."))
            }
            (Some(check), Some(status), _) if !check.statuses().contains(&status) => {
                let statuses: Vec<&str> = check.statuses().iter().map(|one| one.name()).collect();
                let statuses = statuses.join(", ");
                Err(Problem::query(format!("status of this check is one of: {statuses}.")))
            }
            (Some(_), None, None) => Err(Problem::query(
                "check needs a status or failing: say what of the check is wanted.",
            )),
            _ => Ok(()),
        }
    }

    /// The first `limit` users after `after`; a search finds `whole_names` only for those who have shown a password.
    ///
    /// # Errors
    /// When two keys do not go together.
    pub(super) fn page<'a>(
        &self,
        org: &'a OrgView,
        names: UserNames,
        whole_names: bool,
        limit: usize,
        now: Timestamp,
    ) -> Result<UserMatches<'a>, Problem> {
        self.is_sound()?;
        let live = org.live(now);
        let after = self.after.as_deref();
        let search = self.q.as_deref().map(|text| folded(text.trim()));
        let search = search.filter(|wanted| !wanted.is_empty());
        let mut matching = 0;
        // The first of those after the cursor, and one more that tells whether there is a next page.
        let mut page: BTreeMap<&str, &UserEntry> = BTreeMap::new();
        for user in &org.users.users {
            let key = shown(user, names);
            // Who knows a whole name learns the pseudonym, and how the user stands, which is nothing for strangers.
            let is_found = search.as_deref().is_none_or(|wanted| {
                key.contains(wanted) || whole_names && user.name.as_str() == wanted
            });
            if !is_found || !self.takes(user, org, &live, now) {
                continue;
            }
            matching += 1;
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
        Ok(UserMatches {
            matching,
            next: page.last_key_value().filter(|_| more).map(|(last, _)| *last),
            users: page.into_iter().collect(),
        })
    }

    /// With a status: those whose check has it. With `failing=true` and a check: those who fail first at that check.
    fn takes(&self, user: &UserEntry, org: &OrgView, live: &LiveSources, now: Timestamp) -> bool {
        if let (Some(check), Some(status)) = (self.check, self.status)
            && user.status(check.0, live) != status.0
        {
            return false;
        }
        let moved = self.moved.map(|moved| moved == Moved::Yes);
        if moved.is_some() && org.moved(user, now) != moved {
            return false;
        }
        if self.failing.is_none() && self.verdict.is_none() {
            return true;
        }
        let verdict = verdict(user, &org.policy, live, now);
        if self.verdict.is_some_and(|wanted| wanted.0 != verdict.standing()) {
            return false;
        }
        let at = self.check.filter(|_| self.status.is_none());
        let fails = verdict.failing().is_some_and(|(row, _)| at.is_none_or(|check| check.0 == row));
        self.failing.is_none_or(|wanted| wanted == fails)
    }
}
