//! Counts over the users of an organisation, and the series of single users where the operator asked for them.

use super::{Family, Samples, per_org};
use crate::domain::rows::{Status, UserRow};
use crate::domain::users::FAILURE_ORDER;
use crate::metrics::catalogue::metric;
use crate::metrics::facts::OrgFacts;

pub(super) const FAMILIES: &[Family] = &[
    per_org(metric("lightning_sync_users"), |out, facts| {
        if !facts.knows_users() {
            return;
        }
        for row in facts.checks() {
            for status in row.statuses().iter().copied() {
                let users = facts.org.summary.status(row, status);
                let labels = [row.check(), status.name()];
                out.put(&labels, f64::from(users));
            }
        }
    }),
    per_org(metric("lightning_sync_users_failing"), |out, facts| {
        if !facts.knows_users() {
            return;
        }
        for row in judged(facts) {
            let users = facts.org.summary.failing(row).map_or(0, |(users, _)| users);
            out.put(&[row.check()], f64::from(users));
        }
    }),
    per_org(
        metric("lightning_sync_users_failing_since_timestamp_seconds"),
        |out, facts| {
            for row in judged(facts) {
                let since = facts.org.summary.failing(row).map(|(_, since)| since);
                out.instant(&[row.check()], since);
            }
        },
    ),
    per_org(
        metric("lightning_sync_oldest_status_timestamp_seconds"),
        |out, facts| {
            for row in facts.checks() {
                for status in row.statuses().iter().copied().filter(|s| has_limit(*s)) {
                    let labels = [row.check(), status.name()];
                    out.instant(&labels, facts.org.summary.oldest(row, status));
                }
            }
        },
    ),
    per_org(metric("lightning_sync_records_in_sync"), |out, facts| {
        for object in facts.objects() {
            let records = facts.org.summary.records_in_sync.get(object.index());
            let records = records.copied().flatten().map(|records| records as f64);
            out.known(&[object.name()], records);
        }
    }),
    Family {
        metric: metric("lightning_sync_user_status"),
        samples: Samples::Users,
    },
];

/// The checks whose X means that a user fails here.
fn judged(facts: &OrgFacts) -> impl Iterator<Item = UserRow> {
    FAILURE_ORDER
        .into_iter()
        .filter(|row| facts.speaks_of(*row))
        .filter(|row| *row != UserRow::OutlookIntegration || facts.org.policy.reps_select_events)
}

/// Whether somebody should look when a user stays in this state for long.
const fn has_limit(status: Status) -> bool {
    matches!(
        status,
        Status::MarkedForReset
            | Status::ResetInProgress
            | Status::NotStarted
            | Status::InitialSyncInProgress
    )
}
