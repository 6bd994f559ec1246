//! What somebody who knows the story would want to be told, and when.

use crate::domain::ids::ObjectType;
use crate::domain::reasons::{Reason, Severity};
use crate::domain::rows::UserRow;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// One finding that the story calls for, causes held against consequences already: a finding that a root cause explains
/// has no line while the root cause has one. Every finding without a line is a false one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Why.
    pub reason: Reason,
    /// How soon somebody has to act.
    pub severity: Severity,
    /// Of what, when it is not the organisation as a whole.
    pub object_type: Option<ObjectType>,
    /// Which check, for findings about users.
    pub check: Option<UserRow>,
    /// From when on somebody should be told.
    pub from: Timestamp,
    /// Until when; [`Timestamp::MAX`] where the story ends before it does.
    pub until: Timestamp,
}

impl Truth {
    /// A finding about the organisation as a whole.
    pub(super) const fn org(
        reason: Reason,
        severity: Severity,
        from: Timestamp,
        until: Timestamp,
    ) -> Self {
        Self {
            reason,
            severity,
            object_type: None,
            check: None,
            from,
            until,
        }
    }

    /// The same finding of one object type.
    pub(super) const fn of(self, object: ObjectType) -> Self {
        Self {
            object_type: Some(object),
            ..self
        }
    }

    /// The same finding of one check of users.
    pub(super) const fn check(self, check: UserRow) -> Self {
        Self {
            object_type: check.object_type(),
            check: Some(check),
            ..self
        }
    }

    /// The same finding of each of `objects`.
    pub(super) fn each(self, objects: &[ObjectType]) -> impl Iterator<Item = Self> + use<'_> {
        objects.iter().map(move |object| self.of(*object))
    }
}

/// The two quiet notes about something that stopped during business hours at `stopped`: late after the quarter of an
/// hour that counts as fresh, nothing within an hour. Both last until it goes on or until something worse is known.
pub(super) fn notes(objects: &[ObjectType], stopped: Timestamp, until: Timestamp) -> Vec<Truth> {
    let late = stopped.plus(TimeDelta::minutes(15));
    let empty = stopped.plus(TimeDelta::minutes(60));
    [(Reason::Delayed, late), (Reason::NothingIn60Minutes, empty)]
        .into_iter()
        .filter(|(_, from)| *from < until)
        .flat_map(|(reason, from)| {
            Truth::org(reason, Severity::Info, from, until)
                .each(objects)
                .collect::<Vec<_>>()
        })
        .collect()
}
