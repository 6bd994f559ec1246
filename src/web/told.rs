//! What an organisation's rows show at one instant, for pages and JSON alike.

use crate::domain::policy::{Connection, Product};
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::view::{Current, OrgView};
use crate::guidance::{self, OrgState, RowGuide};

/// One row, its current value and what the article says of it.
pub(super) struct Told {
    pub(super) row: OrgRow,
    /// Whether the row means anything for this organisation.
    pub(super) applies: bool,
    /// The value with its source; `None`: not known.
    pub(super) current: Option<Current>,
    /// Why it is not known.
    pub(super) unknown_because: Option<&'static str>,
    /// What the article would call the value.
    pub(super) shows: OrgState,
    /// What that means and what to do.
    pub(super) guide: Option<&'static RowGuide>,
}

/// The rows of what the organisation syncs. `fresh` says whether the View is recent enough for its counts.
pub(super) fn rows(org: &OrgView, fresh: bool, now: Timestamp) -> Vec<Told> {
    OrgRow::ALL
        .into_iter()
        .filter(|row| {
            row.object_type()
                .is_none_or(|object| org.policy.objects.contains(&object))
        })
        .map(|row| Told::of(org, row, fresh, now))
        .collect()
}

impl Told {
    fn of(org: &OrgView, row: OrgRow, fresh: bool, now: Timestamp) -> Self {
        let is_count = matches!(row, OrgRow::Synced60m(_) | OrgRow::Synced24h(_));
        let said = org.current(row, now);
        let was_said = said.is_some();
        // A count of an engine that stands still would look exact and be old.
        let current = said.filter(|_| fresh || !is_count);
        let shows = current
            .as_ref()
            .map_or(OrgState::Unknown, |current| shows(org, row, current, now));
        let unknown_because = match current {
            Some(_) => None,
            None if was_said => Some("the engine has not published for too long"),
            None if org.readings.of_row(row).next().is_some() => {
                Some("no source of this count is live")
            }
            None => Some("nobody has said it"),
        };
        Self {
            row,
            applies: applies(org, row),
            current,
            unknown_because,
            shows,
            guide: guidance::org_row_of(org.policy.product, row, shows),
        }
    }
}

fn applies(org: &OrgView, row: OrgRow) -> bool {
    match row {
        OrgRow::ServiceAccountProvided => {
            org.policy.connection == Connection::ServiceAccount
                && org.policy.product == Product::LightningSync
        }
        OrgRow::ServiceAccountRecognized => org.policy.connection == Connection::ServiceAccount,
        OrgRow::OutlookIntegration => org.policy.reps_select_events,
        OrgRow::LinkedUsers | OrgRow::LastSync(_) | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
            true
        }
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
