//! A snapshot in the making: values as they come, mistakes with their places, and what is judged at the end.

use super::{MAX_USERS, SnapshotContext};
use crate::domain::ids::{ObjectType, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::{ArticleRow, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::sources::ingest_error::{IngestError, Mistakes, field_name, quoted};
use crate::sources::input_value::InputValue;
use crate::sources::row_value::{OrgRows, contradictions, found, put};
use crate::sources::vocabulary::{find, words};
use enum_map::EnumMap;
use std::collections::HashSet;

/// After so many mistakes a snapshot is not read on: a wrong value for each of the most users.
const MOST_MISTAKES: u64 = MAX_USERS as u64;

/// Where a value stands; made into text only for a mistake.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FieldPlace<'p> {
    /// The line of a table; 0 in JSON.
    pub(super) line: u64,
    /// The place in the list of users, from 0.
    pub(super) user: Option<usize>,
    pub(super) object_type: Option<ObjectType>,
    /// The key or the column's name as it is written.
    pub(super) key: &'p str,
}

impl FieldPlace<'_> {
    /// The path of the key: `users[3].contacts.linked`.
    fn path(self) -> String {
        let user = self.user.map(|index| format!("users[{index}]"));
        let object_type = self.object_type.map(|object| object.name().to_owned());
        let key = Some(field_name(self.key)).filter(|key| !key.is_empty());
        let parts: Vec<_> = [user, object_type, key].into_iter().flatten().collect();
        parts.join(".")
    }
}

/// What a key of the JSON form, or a column, names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    CapturedAt,
    UsersComplete,
    Users,
    User,
    Object(ObjectType),
    Row(ArticleRow),
}

impl Field {
    /// What the key at a place names there.
    pub(super) fn at(place: FieldPlace<'_>) -> Option<Self> {
        let of_user = place.user.is_some();
        let beside_rows = |name: &str| match (name, of_user) {
            _ if place.object_type.is_some() => None,
            ("captured at", false) => Some(Self::CapturedAt),
            ("users complete", false) => Some(Self::UsersComplete),
            ("users", false) => Some(Self::Users),
            ("user", true) => Some(Self::User),
            (name, _) => ObjectType::from_name(name).map(Self::Object),
        };
        // First as our JSON spells it: every user has such keys, and evening out costs more than all else.
        beside_rows(place.key)
            .or_else(|| find(of_user, place.object_type, place.key).map(Self::Row))
            .or_else(|| beside_rows(&words(place.key)))
    }
}

/// A snapshot in the making.
#[derive(Debug)]
pub(super) struct Draft<'c> {
    context: &'c SnapshotContext<'c>,
    captured_at: Option<Timestamp>,
    rows: OrgRows,
    /// The user who is being read.
    user: UserDraft,
    users: Vec<(UserName, UserValues)>,
    named: HashSet<UserName>,
    /// Whether the list of users was given up.
    pub(super) too_many: bool,
    /// What the body says about its list of users.
    users_complete: bool,
    mistakes: Mistakes,
    /// Whether the list of users is being read: what a fault of the JSON is then about.
    pub(super) in_users: bool,
}

/// One user in the making.
#[derive(Debug, Default)]
struct UserDraft {
    name: Option<Result<UserName, String>>,
    values: EnumMap<UserRow, Option<UserValue>>,
    /// Whether nobody knows of a reset: a page that was not read to where it would show one.
    reset_unknown: bool,
}

impl<'c> Draft<'c> {
    pub(super) fn new(context: &'c SnapshotContext<'c>) -> Self {
        Self {
            context,
            captured_at: None,
            rows: OrgRows::default(),
            user: UserDraft::default(),
            users: Vec::new(),
            named: HashSet::new(),
            too_many: false,
            users_complete: false,
            mistakes: Mistakes::default(),
            in_users: false,
        }
    }

    pub(super) fn mistake(&mut self, place: FieldPlace<'_>, message: impl FnOnce() -> String) {
        self.mistakes.note(|| FieldError::new(place.line, place.path(), message()));
    }

    pub(super) fn twice(&mut self, place: FieldPlace<'_>) {
        self.mistake(place, || "is there twice; send it once".to_owned());
    }

    /// Takes a value. Several times of the snapshot are fine where they agree.
    pub(super) fn put(&mut self, field: Field, given: &InputValue<'_>, place: FieldPlace<'_>) {
        let now = self.context.now;
        let taken = match field {
            Field::CapturedAt => given.instant(now).and_then(|at| {
                if *self.captured_at.get_or_insert(at) == at {
                    return Ok(true);
                }
                Err("differs from another captured_at; a snapshot is of one instant".to_owned())
            }),
            Field::UsersComplete => given.flag().map(|complete| {
                self.users_complete = complete;
                true
            }),
            Field::User => {
                self.user.name = Some(given.user());
                return;
            }
            Field::Row(ArticleRow::User(UserRow::Reset)) if given.is_unknown() => {
                self.user.reset_unknown = true;
                return;
            }
            Field::Row(row) => given.row_value(row, now).map(|value| match row {
                ArticleRow::Org(row) => put(&mut self.rows[row], value.org()),
                ArticleRow::User(row) => put(&mut self.user.values[row], value.user()),
            }),
            Field::Users | Field::Object(_) => return,
        };
        match taken {
            Ok(true) => {}
            Ok(false) => self.twice(place),
            Err(message) => self.mistake(place, || message),
        }
    }

    /// Whether no user more fits; the first that does not is noted.
    pub(super) fn is_full(&mut self) -> bool {
        self.too_many |= self.users.len() >= MAX_USERS;
        self.too_many
    }

    /// Whether there are so many mistakes that the rest is not read: millions of them are one, made by a program.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.mistakes.total >= MOST_MISTAKES
    }

    /// Takes the user who was read. One without a reset, of whom anything else was read, has none: the page shows it while
    /// it lasts.
    pub(super) fn end_user(&mut self, place: FieldPlace<'_>) {
        let UserDraft { name, mut values, reset_unknown } = std::mem::take(&mut self.user);
        let name = match name {
            Some(Ok(name)) => name,
            Some(Err(message)) => return self.mistake(place, || message),
            None => {
                return self.mistake(place, || "is missing; every user has a name".to_owned());
            }
        };
        if !self.named.insert(name.clone()) {
            return self.mistake(place, || {
                format!("{} is named twice; send each user once", quoted(name.as_str()))
            });
        }
        if !reset_unknown && values.values().any(Option::is_some) {
            values[UserRow::Reset].get_or_insert(Status::None.into());
        }
        let mut known = Vec::with_capacity(values.values().flatten().count());
        known.extend(values.iter().filter_map(|(row, value)| Some((row, (*value)?))));
        self.users.push((name, known));
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
            let place = FieldPlace { key: "captured_at", ..FieldPlace::default() };
            self.put(Field::CapturedAt, &InputValue::Text(text.into()), place);
        }
        if self.users_complete && self.users.is_empty() && self.mistakes.total == 0 {
            self.mistake(FieldPlace { key: "users_complete", ..FieldPlace::default() }, || {
                "is true and no user is named, which would forget all; name the users, or leave it out".to_owned()
            });
        }
        for mistake in contradictions(&self.rows) {
            self.mistakes.note(|| mistake);
        }
        if self.mistakes.total > 0 {
            let at_least = if self.is_hopeless() { "at least " } else { "" };
            let detail = format!(
                "{at_least}{} values of the snapshot are wrong and nothing was taken; correct them and send it again",
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
        Ok(Snapshot {
            org: self.context.org.clone(),
            source: Source::Snapshot,
            captured_at,
            rows: found(self.rows),
            users: self.users,
            users_complete: self.users_complete,
        })
    }
}
