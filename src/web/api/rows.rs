//! Rows as JSON: a value, who reported it, when, and whether that still holds.

use super::{At, StepJson, age_seconds, steps};
use crate::domain::rows::{OrgValue, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry};
use crate::domain::view::OrgView;
use crate::web::query::{CauseName, Named, ObjectTypeName, OwnerName, SourceName};
use crate::web::row_status::{self, RowStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// How well a value is known.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Knowledge {
    /// A source of the row is live.
    Live,
    /// It was reported, and no source has confirmed it lately.
    Held,
    /// There is none.
    Unknown,
}

const fn known(stale: Option<bool>) -> Knowledge {
    match stale {
        Some(false) => Knowledge::Live,
        Some(true) => Knowledge::Held,
        None => Knowledge::Unknown,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrgRow)]
pub(super) struct OrgRowJson {
    row: &'static str,
    label: &'static str,
    object_type: Option<ObjectTypeName>,
    /// Whether the row means anything for this organisation.
    applies: bool,
    state: Knowledge,
    unknown_because: Option<&'static str>,
    /// A text, a number, true or false; `null` when it is unknown, and when the page shows None.
    value: serde_json::Value,
    /// What the article would call this value.
    shows: &'static str,
    source: Option<SourceName>,
    observed_at: Option<At>,
    changed_at: Option<At>,
    age_seconds: Option<f64>,
    meaning: Option<String>,
    owner: Option<OwnerName>,
    next_steps: Vec<StepJson>,
    reason: Option<CauseName>,
}

/// The organisation's rows of what it syncs.
pub(super) fn org_rows(org: &OrgView, fresh: bool, now: Timestamp) -> Vec<OrgRowJson> {
    row_status::rows(org, fresh, now).into_iter().map(|status| org_row(&status, now)).collect()
}

fn org_row(status: &RowStatus, now: Timestamp) -> OrgRowJson {
    let (row, current, guide) = (status.row, status.current.as_ref(), status.guide);
    OrgRowJson {
        row: row.id(),
        label: row.label(),
        object_type: row.object_type().map(Named),
        applies: status.applies,
        state: known(current.map(|current| current.stale)),
        unknown_because: status.unknown_because,
        value: current.map_or(serde_json::Value::Null, |current| match &current.value {
            OrgValue::Account(Some(name)) => name.to_string().into(),
            OrgValue::Account(None) => serde_json::Value::Null,
            OrgValue::Flag(flag) => (*flag).into(),
            OrgValue::Count(count) => (*count).into(),
            OrgValue::Instant(at) => at.to_string().into(),
        }),
        shows: status.shows.name(),
        source: current.map(|current| Named(current.source)),
        observed_at: current.map(|current| At(current.observed_at)),
        changed_at: current.map(|current| At(current.changed_at)),
        age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
        meaning: guide.map(|guide| guide.meaning.plain()),
        owner: guide.map(|guide| Named(guide.owner())),
        next_steps: guide.map(|guide| steps(guide.steps)).unwrap_or_default(),
        reason: guide.and_then(|guide| guide.cause).map(Named),
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = UserRow)]
pub(super) struct UserRowJson {
    row: &'static str,
    check: &'static str,
    state: Knowledge,
    /// A status or a number; `null` when it is unknown.
    value: Option<UserValueJson>,
    source: Option<SourceName>,
    observed_at: Option<At>,
    changed_at: Option<At>,
    age_seconds: Option<f64>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UserValue)]
enum UserValueJson {
    Count(u32),
    Status(&'static str),
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
                UserValue::Records(records) => UserValueJson::Count(records),
                UserValue::Status(status) => UserValueJson::Status(status.name()),
            });
            UserRowJson {
                row: row.id(),
                check: row.check(),
                state: known(current.map(|current| current.stale)),
                value,
                source: current.map(|current| Named(current.source)),
                observed_at: current.map(|current| At(current.observed_at)),
                changed_at: current.map(|current| At(current.changed_at)),
                age_seconds: current.map(|current| age_seconds(current.observed_at, now)),
            }
        })
        .collect()
}
