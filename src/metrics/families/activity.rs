//! What was read of an organisation's rows, and what its activity feed counts.

use super::{Family, Writer, per_org};
use crate::domain::ids::ObjectType;
use crate::domain::policy::CountHours;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::seconds;
use crate::metrics::catalogue::metric;
use crate::metrics::facts::OrgFacts;

pub(super) const FAMILIES: &[Family] = &[
    per_org(
        metric("lightning_sync_last_sync_timestamp_seconds"),
        |out, facts| {
            each_object(facts, |labels, object| {
                out.instant(labels, facts.last_sync(object));
            });
        },
    ),
    per_org(
        metric("lightning_sync_last_sync_age_seconds"),
        |out, facts| {
            each_object(facts, |labels, object| {
                let age = facts
                    .last_sync(object)
                    .map(|at| seconds(facts.now.since(at)).max(0.0));
                out.known(labels, age);
            });
        },
    ),
    per_org(
        metric("lightning_sync_last_sync_deadline_timestamp_seconds"),
        |out, facts| {
            if facts.org.policy.count_hours == CountHours::Wall {
                return;
            }
            each_object(facts, |labels, object| {
                let last = facts.org.last_sync(object, facts.now);
                out.instant(labels, last.map(|last| facts.org.last_sync_deadline(&last)));
            });
        },
    ),
    per_org(
        metric("lightning_sync_last_sync_unconfirmed_since_timestamp_seconds"),
        |out, facts| {
            each_object(facts, |labels, object| {
                out.instant(labels, facts.org.unconfirmed_since(object, facts.now));
            });
        },
    ),
    per_org(metric("lightning_sync_ever_synced"), |out, facts| {
        each_object(facts, |labels, object| {
            if let Some(ever) = facts.org.ever_synced(object, facts.now) {
                out.flag(labels, ever);
            }
        });
    }),
    per_org(metric("lightning_sync_records_synced_60m"), |out, facts| {
        each_object(facts, |labels, object| {
            out.known(labels, number(facts, OrgRow::Synced60m(object)));
        });
    }),
    per_org(metric("lightning_sync_records_synced_24h"), |out, facts| {
        each_object(facts, |labels, object| {
            out.known(labels, number(facts, OrgRow::Synced24h(object)));
        });
    }),
    per_org(metric("lightning_sync_records_failed_24h"), |out, facts| {
        each_object(facts, |labels, object| {
            let answers = facts.fresh && facts.org.coverage(object, facts.now).is_some();
            let failed = facts.org.figures(object).failed_24h;
            out.known(labels, answers.then_some(failed as f64));
        });
    }),
    per_org(
        metric("lightning_sync_activity_coverage_seconds"),
        |out, facts| {
            each_object(facts, |labels, object| {
                let covered = facts
                    .org
                    .coverage(object, facts.now)
                    .filter(|_| facts.fresh);
                out.known(labels, covered.map(seconds));
            });
        },
    ),
    per_org(
        metric("lightning_sync_service_account_provided"),
        |out, facts| {
            put_row(out, facts, OrgRow::ServiceAccountProvided);
        },
    ),
    per_org(
        metric("lightning_sync_service_account_recognized"),
        |out, facts| {
            put_row(out, facts, OrgRow::ServiceAccountRecognized);
        },
    ),
    per_org(
        metric("lightning_sync_outlook_integration_enabled"),
        |out, facts| {
            put_row(out, facts, OrgRow::OutlookIntegration);
        },
    ),
    per_org(metric("lightning_sync_linked_users"), |out, facts| {
        put_row(out, facts, OrgRow::LinkedUsers);
    }),
    per_org(
        metric("lightning_sync_expected_linked_users"),
        |out, facts| {
            let expected = facts.org.expected_linked_users(facts.now);
            out.known(&[], expected.map(|users| users as f64));
        },
    ),
];

fn each_object(facts: &OrgFacts, mut write: impl FnMut(&[&'static str], ObjectType)) {
    for object in facts.objects().iter().copied() {
        write(&[object.name()], object);
    }
}

fn put_row(out: &mut Writer<'_>, facts: &OrgFacts, row: OrgRow) {
    out.known(&[], number(facts, row));
}

/// The current value of a row as a number.
fn number(facts: &OrgFacts, row: OrgRow) -> Option<f64> {
    Some(match &facts.current(row)?.value {
        OrgValue::Account(name) => super::flag(name.is_some()),
        OrgValue::Flag(yes) => super::flag(*yes),
        OrgValue::Count(count) => *count as f64,
        OrgValue::Instant(at) => at.seconds(),
    })
}
