//! Rows as JSON: a value, who said it, when, and whether that still holds.

use super::json::{At, StepJson, age_seconds, steps};
use crate::domain::rows::{OrgValue, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry};
use crate::domain::view::OrgView;
use crate::web::row_status::{self, RowStatus};
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
    meaning: Option<String>,
    owner: Option<&'static str>,
    next_steps: Vec<StepJson>,
    reason: Option<&'static str>,
}

/// The organisation's rows of what it syncs.
pub(super) fn org_rows(org: &OrgView, fresh: bool, now: Timestamp) -> Vec<OrgRowJson> {
    row_status::rows(org, fresh, now)
        .into_iter()
        .map(|told| org_row(&told, now))
        .collect()
}

fn org_row(told: &RowStatus, now: Timestamp) -> OrgRowJson {
    let (row, current, guide) = (told.row, told.current.as_ref(), told.guide);
    OrgRowJson {
        row: row.id(),
        label: row.label(),
        object_type: row.object_type().map(|object| object.name()),
        applies: told.applies,
        state: known(current.map(|current| current.stale)),
        unknown_because: told.unknown_because,
        value: current.map(|current| value(&current.value)),
        shows: told.shows.name(),
        source: current.map(|current| current.source.name()),
        observed_at: current.map(|current| At(current.observed_at)),
        changed_at: current.map(|current| At(current.changed_at)),
        age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
        meaning: guide.map(|guide| guide.meaning.plain()),
        owner: guide.map(|guide| guide.owner().name()),
        next_steps: guide.map(|guide| steps(guide.steps)).unwrap_or_default(),
        reason: guide
            .and_then(|guide| guide.cause)
            .map(|reason| reason.name()),
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
    live: &LiveSources,
    now: Timestamp,
) -> Vec<UserRowJson> {
    UserRow::ALL
        .into_iter()
        .filter(|row| org.policy.covers(*row))
        .map(|row| {
            let current = user.current(row, live);
            let value = current.map(|current| match current.value {
                UserValue::Records(records) => Value::Count(u64::from(records)),
                UserValue::Status(status) => Value::State(status.name()),
            });
            UserRowJson {
                row: row.id(),
                check: row.check(),
                state: known(current.map(|current| current.stale)),
                value,
                source: current.map(|current| current.source.name()),
                observed_at: current.map(|current| At(current.observed_at)),
                changed_at: current.map(|current| At(current.changed_at)),
                age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
            }
        })
        .collect()
}
