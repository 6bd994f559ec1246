//! What the families of an organisation are written from: answered once for the `now` of a scrape.

use crate::domain::ids::ObjectType;
use crate::domain::judge::{Finding, judge_org};
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::view::{Current, OrgView, View};
use std::sync::Arc;

/// One organisation at the time of a scrape.
#[derive(Debug)]
pub(super) struct OrgFacts {
    pub(super) org: Arc<OrgView>,
    pub(super) now: Timestamp,
    /// Whether the View is young enough for its counts.
    pub(super) fresh: bool,
    /// What holds of each row, by [`OrgRow::index`]; window counts only of a fresh View.
    current: [Option<Current>; OrgRow::COUNT],
    pub(super) findings: Vec<Finding>,
}

impl OrgFacts {
    /// The facts of every organisation of `view`.
    pub(super) fn of(view: &View, now: Timestamp) -> Vec<Self> {
        let fresh = view.is_fresh(now);
        view.orgs
            .iter()
            .map(|org| Self {
                org: Arc::clone(org),
                now,
                fresh,
                current: OrgRow::ALL.map(|row| current(org, row, view.as_of, fresh, now)),
                findings: judge_org(org, fresh, now),
            })
            .collect()
    }

    pub(super) fn name(&self) -> &str {
        self.org.policy.name.as_str()
    }

    pub(super) fn objects(&self) -> &[ObjectType] {
        &self.org.policy.objects
    }

    /// What holds of a row of the whole organisation or of an object type that it syncs.
    pub(super) fn current(&self, row: OrgRow) -> Option<&Current> {
        self.current.get(row.index())?.as_ref()
    }

    pub(super) fn last_sync(&self, object: ObjectType) -> Option<Timestamp> {
        match self.current(OrgRow::LastSync(object))?.value {
            OrgValue::Instant(at) => Some(at),
            OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
        }
    }

    /// Whether a source has listed users, if only to say that there are none.
    pub(super) fn knows_users(&self) -> bool {
        self.org.summary.known > 0 || self.org.users.complete
    }

    /// The rows with states that speak of the user as a whole or of an object type that the organisation syncs.
    pub(super) fn checks(&self) -> impl Iterator<Item = UserRow> {
        UserRow::checks().filter(|row| self.speaks_of(*row))
    }

    pub(super) fn speaks_of(&self, row: UserRow) -> bool {
        row.object_type()
            .is_none_or(|object| self.objects().contains(&object))
    }
}

fn current(
    org: &OrgView,
    row: OrgRow,
    as_of: Timestamp,
    fresh: bool,
    now: Timestamp,
) -> Option<Current> {
    if row
        .object_type()
        .is_some_and(|object| !org.policy.objects.contains(&object))
    {
        return None;
    }
    let counts = matches!(row, OrgRow::Synced60m(_) | OrgRow::Synced24h(_));
    if counts && !fresh {
        return None;
    }
    let mut current = org.current(row, now)?;
    if !fresh {
        // An engine that is stuck has not looked since: a feed whose silence is an answer must not seem to go on.
        current.observed_at = current.observed_at.min(as_of);
    }
    Some(current)
}
