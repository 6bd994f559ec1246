//! A snapshot in the making: values as they come, mistakes with their places, and what is judged at the end.

use super::given::Given;
use super::{Context, MAX_USERS};
use crate::domain::ids::{Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::sources::contradiction;
use crate::sources::ingest_error::{IngestError, Mistakes, quoted};
use enum_map::EnumMap;
use std::collections::HashSet;

/// Where a value stands: a line of CSV (0 elsewhere) and the path of its key.
pub(super) type Place<'p> = (u64, &'p dyn Fn() -> String);

/// A snapshot in the making.
#[derive(Debug)]
pub(super) struct Draft<'c> {
    context: &'c Context<'c>,
    captured_at: Option<Timestamp>,
    rows: EnumMap<OrgRow, Option<OrgValue>>,
    users: Vec<(UserName, UserValues)>,
    named: HashSet<UserName>,
    too_many: bool,
    /// What the body says about its list of users.
    pub(super) users_complete: bool,
    pub(super) mistakes: Mistakes,
    /// Whether the list of users is being read: what a fault of the JSON is then about.
    pub(super) in_users: bool,
}

/// One user in the making.
#[derive(Debug, Default)]
pub(super) struct UserDraft {
    pub(super) values: EnumMap<UserRow, Option<UserValue>>,
    /// Whether nobody knows of a reset: a page that was not read to where it would show one.
    reset_unknown: bool,
}

impl<'c> Draft<'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        Self {
            context,
            captured_at: None,
            rows: EnumMap::default(),
            users: Vec::new(),
            named: HashSet::new(),
            too_many: false,
            users_complete: false,
            mistakes: Mistakes::default(),
            in_users: false,
        }
    }

    pub(super) fn mistake(&mut self, (line, path): Place<'_>, message: impl FnOnce() -> String) {
        self.mistakes.note(|| FieldError::new(line, path(), message()));
    }

    fn twice(&mut self, place: Place<'_>) {
        self.mistake(place, || "is there twice; send it once".to_owned());
    }

    /// Takes the time of the snapshot; several are fine where they agree.
    pub(super) fn captured_at(&mut self, given: &Given<'_>, place: Place<'_>) {
        match given.instant(self.context.now) {
            Ok(at) if self.captured_at.is_some_and(|known| known != at) => {
                self.mistake(place, || {
                    "differs from another captured_at; a snapshot is of one instant".to_owned()
                });
            }
            Ok(at) => self.captured_at = Some(at),
            Err(message) => self.mistake(place, || message),
        }
    }

    pub(super) fn users_complete(&mut self, given: &Given<'_>, place: Place<'_>) {
        match given.flag() {
            Ok(complete) => self.users_complete = complete,
            Err(message) => self.mistake(place, || message),
        }
    }

    pub(super) fn org_row(&mut self, row: OrgRow, given: &Given<'_>, place: Place<'_>) {
        match given.org_value(row, self.context.now) {
            Ok(value) => match &mut self.rows[row] {
                slot @ None => *slot = Some(value),
                Some(_) => self.twice(place),
            },
            Err(message) => self.mistake(place, || message),
        }
    }

    pub(super) fn user_row(
        &mut self,
        user: &mut UserDraft,
        row: UserRow,
        given: &Given<'_>,
        place: Place<'_>,
    ) {
        if given.is_unknown_reset(row) {
            user.reset_unknown = true;
            return;
        }
        match given.user_value(row) {
            Ok(value) => match &mut user.values[row] {
                slot @ None => *slot = Some(value),
                Some(_) => self.twice(place),
            },
            Err(message) => self.mistake(place, || message),
        }
    }

    /// Whether the list of users was given up.
    pub(super) const fn too_many(&self) -> bool {
        self.too_many
    }

    /// Whether there is room for one more user; the first that does not fit is noted.
    pub(super) fn has_room(&mut self) -> bool {
        self.too_many |= self.users.len() >= MAX_USERS;
        !self.too_many
    }

    /// Takes a user. One without a reset, of whom anything else was read, has none: the page shows it while it lasts.
    pub(super) fn user(&mut self, name: &Given<'_>, mut user: UserDraft, place: Place<'_>) {
        let name = match name.user() {
            Ok(name) => name,
            Err(message) => return self.mistake(place, || message),
        };
        if !self.named.insert(name.clone()) {
            return self.mistake(place, || {
                format!("{} is named twice; send each user once", quoted(name.as_str()))
            });
        }
        if !user.reset_unknown && user.values.values().any(Option::is_some) {
            user.values[UserRow::Reset].get_or_insert(Status::None.into());
        }
        let values = user.values.into_iter();
        let values = values.filter_map(|(row, value)| Some((row, value?)));
        self.users.push((name, values.collect()));
    }

    /// The snapshot, when nothing is wrong.
    pub(super) fn finish(mut self) -> Result<Snapshot, IngestError> {
        if self.too_many {
            return Err(IngestError::whole(
                ProblemReason::DecodedTooLarge,
                format!(
                    "a snapshot names at most {MAX_USERS} users; send them in parts, without users_complete"
                ),
            ));
        }
        if let Some(text) = self.context.captured_at {
            self.captured_at(&Given::Text(text.into()), (0, &|| "captured_at".to_owned()));
        }
        if self.users_complete && self.users.is_empty() && self.mistakes.total == 0 {
            self.mistake((0, &|| "users_complete".to_owned()), || {
                "is true and no user is named, which would forget all; name the users, or leave it out".to_owned()
            });
        }
        for mistake in contradiction::found(&self.rows) {
            self.mistakes.note(|| mistake);
        }
        if self.mistakes.total > 0 {
            let detail = format!(
                "{} values of the snapshot are wrong and nothing was taken; correct them and send it again",
                self.mistakes.total
            );
            return Err(self.mistakes.refusal(ProblemReason::Invalid, detail));
        }
        let Some(captured_at) = self.captured_at.or(self.context.written_at) else {
            return Err(IngestError::whole(
                ProblemReason::Invalid,
                "captured_at is missing; say when the values were true, like 2026-11-22T13:55:00Z",
            ));
        };
        let rows = OrgRow::ALL.into_iter().map(|row| (row, self.rows[row].take()));
        Ok(Snapshot {
            org: self.context.org.clone(),
            source: Source::Snapshot,
            captured_at,
            rows: rows.filter_map(|(row, value)| Some((row, value?))).collect(),
            users: self.users,
            users_complete: self.users_complete,
        })
    }
}
