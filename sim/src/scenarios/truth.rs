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

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Whoever administers Salesforce.
    Salesforce,
    /// Whoever administers Exchange.
    Exchange,
    /// Whoever runs the monitoring.
    Monitoring,
    /// It ends by itself, or nothing can be done.
    Nobody,
}

/// Something that is broken in a life, as somebody knows it who sees everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakage {
    /// What.
    pub what: &'static str,
    /// The instant from which it is true.
    pub since: Timestamp,
    /// Until when it is true.
    pub until: Timestamp,
    /// Who has to act.
    pub actor: Actor,
    /// Which alerts may wake somebody for it, one of them at the latest when; `None`: nobody is to be woken.
    pub page: Option<(Vec<Cause>, Timestamp)>,
    /// Alerts that are right beside it, and wake nobody.
    pub notices: Vec<Cause>,
}

impl Breakage {
    /// Nobody is woken for it so far.
    pub(super) fn of(
        what: &'static str,
        (since, until): (Timestamp, Timestamp),
        actor: Actor,
    ) -> Self {
        Self { what, since, until, actor, page: None, notices: Vec::new() }
    }

    /// Somebody is woken by one of these, this long after it began at the latest.
    pub(super) fn page(mut self, causes: &[Cause], within: TimeDelta) -> Self {
        self.page = Some((causes.to_vec(), self.since.plus(within)));
        self
    }

    /// These are right as well, and wake nobody.
    pub(super) fn notices(mut self, causes: &[Cause]) -> Self {
        self.notices.extend(causes);
        self
    }
}

/// The breakages of an exact truth: what pages of one cause at one time is one, and what does not page stands beside it.
pub(super) fn breakages(truth: &[Truth], began: impl Fn(&Truth) -> Timestamp) -> Vec<Breakage> {
    let mut found: Vec<Breakage> = Vec::new();
    for line in truth {
        let pages = line.severity == Severity::Critical;
        let causes = vec![line.reason];
        let same = |other: &&mut Breakage| match &other.page {
            Some((others, by)) => pages && *others == causes && *by == line.from,
            None => !pages && other.notices == causes && other.since == line.from,
        };
        if let Some(other) = found.iter_mut().find(same) {
            other.until = other.until.max(line.until);
            continue;
        }
        let since = if pages { began(line) } else { line.from };
        found.push(Breakage {
            what: line.reason.name(),
            since,
            until: line.until,
            actor: Actor::Nobody,
            page: pages.then(|| (causes.clone(), line.from)),
            notices: if pages { Vec::new() } else { causes },
        });
    }
    found
}
