//! Whose rows a user's section shows, and whether it was read far enough to know that no reset is shown.

use super::Trouble;
use crate::domain::ids::{UserName, folded};
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::{Status, UserRow, UserValue};
use crate::domain::users::UserValues;
use crate::sources::ingest_error::quoted;
use enum_map::EnumMap;
use std::collections::HashSet;

/// One user's rows in the making.
#[derive(Debug)]
struct User {
    name: Option<String>,
    line: u64,
    values: EnumMap<UserRow, Option<UserValue>>,
}

/// The users of a page, in its order.
#[derive(Debug, Default)]
pub(super) struct PageUsers {
    users: Vec<User>,
    /// Names shown since the last row of a user; a mail address is preferred.
    name: Option<String>,
    name_is_mail: bool,
}

impl PageUsers {
    /// Notes a name that may be that of the rows to come.
    pub(super) fn candidate(&mut self, name: &str, is_mail: bool) {
        let is_mail_label_within_rows = is_mail && self.name.is_none() && !self.users.is_empty();
        if name.is_empty() || is_mail_label_within_rows {
            return;
        }
        let is_mail = name.contains('@');
        if self.name.is_none() || is_mail || !self.name_is_mail {
            self.name = Some(name.to_owned());
            self.name_is_mail = is_mail;
        }
    }

    /// Takes a value of the current user; says no when the row has one already.
    pub(super) fn put(&mut self, row: UserRow, value: UserValue, line: u64) -> bool {
        let name = self.name.take();
        let is_of = |user: &User| {
            name.is_none() || name.as_deref().map(folded) == user.name.as_deref().map(folded)
        };
        let goes_on = self.users.last().is_some_and(is_of);
        if !goes_on {
            self.users.push(User { name, line, values: EnumMap::default() });
        }
        let slot = self.users.last_mut().map(|user| &mut user.values[row]);
        match slot {
            Some(slot @ None) => {
                *slot = Some(value);
                true
            }
            _ => false,
        }
    }

    /// The users with their rows; `fallback` names the one whom the page does not.
    pub(super) fn finish(
        self,
        fallback: Option<&str>,
        troubles: &mut Vec<Trouble>,
    ) -> Vec<(UserName, UserValues)> {
        let mut finished = Vec::with_capacity(self.users.len());
        let mut named = HashSet::new();
        for user in self.users {
            let trouble =
                |reason, message: String| (reason, FieldError::new(user.line, "User", message));
            let Some(name) = user.name.as_deref().or(fallback) else {
                troubles.push(trouble(
                    ProblemReason::UserNotNamed,
                    "is not named before the rows".to_owned(),
                ));
                continue;
            };
            match UserName::new(name) {
                Err(error) => troubles.push(trouble(
                    ProblemReason::UnreadableValue,
                    format!("{}: {error}", quoted(name)),
                )),
                Ok(name) if !named.insert(name.clone()) => {
                    let message = format!("{} has two sections", quoted(name.as_str()));
                    troubles.push(trouble(ProblemReason::AmbiguousLabel, message));
                }
                Ok(name) => finished.push((name, values(user.values))),
            }
        }
        finished
    }
}

/// The values of a section, with "no reset" where its place was read and shows none.
fn values(mut values: EnumMap<UserRow, Option<UserValue>>) -> UserValues {
    let was_read = |row: &UserRow| values[*row].is_some();
    // The reset stands after these three and before all others; a page that was cut says nothing about it.
    let before = [UserRow::ActiveConfiguration, UserRow::MailboxVersion, UserRow::ServiceAccount];
    let place_was_read = before.iter().all(was_read)
        && UserRow::ALL.iter().any(|row| *row > UserRow::Reset && was_read(row));
    if place_was_read {
        values[UserRow::Reset].get_or_insert(Status::None.into());
    }
    let values = values.into_iter();
    values.filter_map(|(row, value)| Some((row, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_behind_another_spelling_of_the_name_are_of_the_same_user() {
        let mut users = PageUsers::default();
        users.candidate("JOSE\u{301}@a.example", true);
        assert!(users.put(UserRow::MailboxVersion, Status::Yes.into(), 1));
        users.candidate("jos\u{e9}@A.example", false);
        assert!(users.put(UserRow::ServiceAccount, Status::No.into(), 2));
        let mut troubles = Vec::new();
        let finished = users.finish(None, &mut troubles);
        assert_eq!((finished.len(), finished[0].1.len(), troubles.len()), (1, 2, 0));
    }
}
