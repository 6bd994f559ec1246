//! Rows as JSON: a value, who said it, when, and whether that still holds.

use super::json::{At, StepJson, age_seconds, steps};
use crate::domain::ids::Source;
use crate::domain::policy::Connection;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserEntry;
use crate::domain::view::{Current, OrgView};
use crate::guidance::{self, OrgState};
use serde::{Serialize, Serializer};

/// How well a value is known: somebody who speaks of the row is live; it was said, and nobody has confirmed it lately;
/// there is none.
const fn known(stale: Option<bool>) -> &'static str {
    match stale {
        Some(false) => "live",
        Some(true) => "held",
        None => "unknown",
    }
}

/// A value as JSON writes it.
enum Value {
    /// The page shows "None".
    NoneShown,
    Text(String),
    Flag(bool),
    Count(u64),
    State(&'static str),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NoneShown => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::State(name) => serializer.serialize_str(name),
        }
    }
}

#[derive(Serialize)]
pub(super) struct OrgRowJson {
    row: &'static str,
    label: &'static str,
    object_type: Option<&'static str>,
    /// Whether the row means anything for this organisation.
    applies: bool,
    state: &'static str,
    unknown_because: Option<&'static str>,
    value: Option<Value>,
    /// What the article would call this value.
    shows: &'static str,
    source: Option<&'static str>,
    observed_at: Option<At>,
    changed_at: Option<At>,
    age_seconds: Option<f64>,
    meaning: Option<&'static str>,
    owner: Option<&'static str>,
    next_steps: Vec<StepJson>,
    reason: Option<&'static str>,
}

/// The organisation's rows of what it syncs.
pub(super) fn org_rows(org: &OrgView, fresh: bool, now: Timestamp) -> Vec<OrgRowJson> {
    OrgRow::ALL
        .into_iter()
        .filter(|row| {
            row.object_type()
                .is_none_or(|object| org.policy.objects.contains(&object))
        })
        .map(|row| org_row(org, row, fresh, now))
        .collect()
}

fn org_row(org: &OrgView, row: OrgRow, fresh: bool, now: Timestamp) -> OrgRowJson {
    let is_count = matches!(row, OrgRow::Synced60m(_) | OrgRow::Synced24h(_));
    let said = org.current(row, now);
    // A count of an engine that stands still would look exact and be old.
    let current = said.as_ref().filter(|_| fresh || !is_count);
    let shows = current.map_or(OrgState::Unknown, |current| shows(org, row, current, now));
    let guide = guidance::org_row(row, shows);
    OrgRowJson {
        row: row.id(),
        label: guidance::org_label(row),
        object_type: row.object_type().map(|object| object.name()),
        applies: applies(org, row),
        state: known(current.map(|current| current.stale)),
        unknown_because: match current {
            Some(_) => None,
            None if said.is_some() => Some("the engine has not published for too long"),
            None if org.readings.of_row(row).next().is_some() => {
                Some("no source of this count is live")
            }
            None => Some("nobody has said it"),
        },
        value: current.map(|current| value(&current.value)),
        shows: shows.name(),
        source: current.map(|current| current.source.name()),
        observed_at: current.map(|current| At(current.observed_at)),
        changed_at: current.map(|current| At(current.changed_at)),
        age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
        meaning: guide.map(|guide| guide.meaning),
        owner: guide.map(|guide| guide.owner.name()),
        next_steps: guide.map(|guide| steps(guide.steps)).unwrap_or_default(),
        reason: guide
            .and_then(|guide| guide.reason)
            .map(|reason| reason.name()),
    }
}

fn applies(org: &OrgView, row: OrgRow) -> bool {
    match row {
        OrgRow::ServiceAccountProvided | OrgRow::ServiceAccountRecognized => {
            org.policy.connection == Connection::ServiceAccount
        }
        OrgRow::OutlookIntegration => org.policy.reps_select_events,
        OrgRow::LinkedUsers | OrgRow::LastSync(_) | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
            true
        }
    }
}

fn value(value: &OrgValue) -> Value {
    match value {
        OrgValue::Account(Some(name)) => Value::Text(name.to_string()),
        OrgValue::Account(None) => Value::NoneShown,
        OrgValue::Flag(flag) => Value::Flag(*flag),
        OrgValue::Count(count) => Value::Count(*count),
        OrgValue::Instant(at) => Value::Text(at.to_string()),
    }
}

/// What the article would call a value. Of a held last sync only what was already so when it was read.
fn shows(org: &OrgView, row: OrgRow, current: &Current, now: Timestamp) -> OrgState {
    match &current.value {
        OrgValue::Account(Some(_)) => OrgState::Named,
        OrgValue::Account(None) => OrgState::NoneShown,
        OrgValue::Flag(true) => OrgState::Yes,
        OrgValue::Flag(false) => OrgState::No,
        OrgValue::Count(0) => OrgState::Zero,
        OrgValue::Count(count) if row == OrgRow::LinkedUsers => {
            match org.expected_linked_users(now) {
                Some(expected) if expected == *count => OrgState::Expected,
                Some(_) => OrgState::Unexpected,
                None => OrgState::Number,
            }
        }
        OrgValue::Count(_) => OrgState::Number,
        OrgValue::Instant(at) => {
            let seen_at = if current.stale {
                current.observed_at
            } else {
                now
            };
            let overdue = row
                .object_type()
                .and_then(|object| org.last_sync(object, now))
                .is_some_and(|last| seen_at > org.last_sync_deadline(&last));
            if overdue {
                OrgState::Past
            } else if seen_at.since(*at) <= org.policy.fresh_within {
                OrgState::Minutes
            } else {
                OrgState::Hours
            }
        }
    }
}

#[derive(Serialize)]
pub(super) struct UserRowJson {
    row: &'static str,
    check: &'static str,
    state: &'static str,
    value: Option<Value>,
    source: Option<&'static str>,
    observed_at: Option<At>,
    changed_at: Option<At>,
    age_seconds: Option<f64>,
}

/// A user's rows of what the organisation syncs.
pub(super) fn user_rows(
    org: &OrgView,
    user: &UserEntry,
    live: &[bool; Source::COUNT],
    now: Timestamp,
) -> Vec<UserRowJson> {
    UserRow::ALL
        .iter()
        .copied()
        .filter(|row| {
            row.object_type()
                .is_none_or(|object| org.policy.objects.contains(&object))
        })
        .map(|row| {
            let current = user.current(row, live);
            let value = current.map(|current| {
                if row.statuses().is_empty() {
                    Value::Count(u64::from(current.cell.value))
                } else {
                    let status = Status::ALL.get(current.cell.value as usize);
                    Value::State(status.map_or(Status::Unknown.name(), |status| status.name()))
                }
            });
            UserRowJson {
                row: row.name(),
                check: row.check(),
                state: known(current.map(|current| current.stale)),
                value,
                source: current.map(|current| current.source.name()),
                observed_at: current.map(|current| At(current.cell.observed_at)),
                changed_at: current.map(|current| At(current.cell.changed_at)),
                age_seconds: current.map(|current| age_seconds(current.cell.observed_at, now)),
            }
        })
        .collect()
}
