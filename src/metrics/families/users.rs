//! Counts over the users of an organisation, and the series of single users where the operator asked for them.

use super::{Family, Samples};
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{Status, UserRow};
use crate::domain::users::FAILURE_ORDER;
use crate::metrics::catalogue::metric;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        metric: metric("lightning_sync_users"),
        samples: Samples::Users(|out, users| {
            if !users.listed {
                return;
            }
            for row in checks(out.policy) {
                for status in row.statuses().iter().copied() {
                    let users = users.summary.status(row, status);
                    let labels = [row.check(), status.name()];
                    out.put(&labels, f64::from(users));
                }
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_users_failing"),
        samples: Samples::Users(|out, users| {
            if !users.listed {
                return;
            }
            for row in judged(out.policy) {
                let users = users.summary.failing(row).map_or(0, |(users, _)| users);
                out.put(&[row.check()], f64::from(users));
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_oldest_status_timestamp_seconds"),
        samples: Samples::Users(|out, users| {
            for row in checks(out.policy) {
                for status in row.statuses().iter().copied().filter(|s| has_limit(*s)) {
                    let labels = [row.check(), status.name()];
                    out.instant(&labels, users.summary.oldest(row, status));
                }
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_records_in_sync"),
        samples: Samples::Users(|out, users| {
            out.each(&users.summary.records_in_sync, |out, labels, records| {
                out.put(labels, records as f64);
            });
        }),
    },
    Family { metric: metric("lightning_sync_user_status"), samples: Samples::EachUser },
];

/// The rows with states that speak of the user as a whole or of an object type that the organisation syncs.
fn checks(policy: &OrgPolicy) -> impl Iterator<Item = UserRow> {
    UserRow::checks().filter(|row| policy.covers(*row))
}

/// The checks whose X means that a user fails here.
fn judged(policy: &OrgPolicy) -> impl Iterator<Item = UserRow> {
    FAILURE_ORDER
        .into_iter()
        .filter(|row| policy.covers(*row))
        .filter(|row| *row != UserRow::OutlookIntegration || policy.reps_select_events)
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
