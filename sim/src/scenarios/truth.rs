//! What somebody who knows the story would want to know, and when.

use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::ObjectType;
use crate::domain::rows::UserRow;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// One finding that the story calls for, causes held against consequences already: a finding that a root cause explains
/// has no line while the root cause has one. Every finding without a line is a false one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Why.
    pub reason: Cause,
    /// How soon somebody has to act.
    pub severity: Severity,
    /// Of what, when it is not the organisation as a whole.
    pub object_type: Option<ObjectType>,
    /// Which check, for findings about users.
    pub check: Option<UserRow>,
    /// From when on somebody should know.
    pub from: Timestamp,
    /// Until when; [`Timestamp::MAX`] where the story ends before it does.
    pub until: Timestamp,
}

impl Truth {
    /// A finding about the organisation as a whole.
    pub(super) const fn org(
        reason: Cause,
        severity: Severity,
        from: Timestamp,
        until: Timestamp,
    ) -> Self {
        Self { reason, severity, object_type: None, check: None, from, until }
    }

    /// The same finding of one object type.
    pub(super) const fn of(self, object: ObjectType) -> Self {
        Self { object_type: Some(object), ..self }
    }

    /// The same finding of one check of users.
    pub(super) const fn check(self, check: UserRow) -> Self {
        Self { object_type: check.object_type(), check: Some(check), ..self }
    }

    /// The same finding of each of `objects`.
    pub(super) fn each(self, objects: &[ObjectType]) -> impl Iterator<Item = Self> + use<'_> {
        objects.iter().map(move |object| self.of(*object))
    }
}

/// The note about something that stopped at `stopped`, during business hours: late after a quarter of an hour.
pub(super) fn late(stopped: Timestamp, until: Timestamp) -> Truth {
    let from = stopped.plus(TimeDelta::minutes(15));
    Truth::org(Cause::Delayed, Severity::Info, from, until)
}

/// The other note about it: nothing within an hour.
pub(super) fn nothing_for_an_hour(stopped: Timestamp, until: Timestamp) -> Truth {
    let from = stopped.plus(TimeDelta::minutes(60));
    Truth::org(Cause::NothingIn60Minutes, Severity::Info, from, until)
}
