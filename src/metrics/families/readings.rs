//! Who told us what we know, when, and what follows from it.

use super::samples::Writer;
use super::{Family, Samples};
use crate::domain::causes::Severity;
use crate::domain::ids::ObjectType;
use crate::domain::incidents::Subject;
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{OrgRow, UserRow};
use crate::domain::time::{Timestamp, seconds};
use crate::domain::users::UserSummary;
use crate::metrics::catalogue::metric;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        metric: metric("lightning_sync_reading_timestamp_seconds"),
        samples: Samples::ObservedAt(|out, seen| {
            for row in OrgRow::ALL {
                out.instant(&org_labels(row), seen.at(row));
            }
            for (row, (observed_at, _)) in of_users(out.policy, &seen.summary) {
                out.instant(&user_labels(row), Some(observed_at));
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_reading_stale"),
        samples: Samples::Values(|out, said| {
            for row in OrgRow::ALL {
                if let Some(answer) = said.answer(row) {
                    out.flag(&org_labels(row), answer.stale);
                }
            }
            for (row, (_, stale)) in of_users(out.policy, &said.summary) {
                out.flag(&user_labels(row), stale);
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_reading_info"),
        samples: Samples::Values(|out, said| {
            for row in OrgRow::ALL {
                if let Some(answer) = said.answer(row) {
                    let [row, object] = org_labels(row);
                    out.put(&[row, object, answer.source.name()], 1.0);
                }
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_observation_timestamp_seconds"),
        samples: Samples::ObservedAt(|out, seen| {
            for (source, spoke_at) in seen.spoke_at {
                out.instant(&[source.name()], spoke_at);
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_expected_every_seconds"),
        samples: Samples::Values(|out, said| {
            for (source, spoken) in said.spoken {
                let every = out.policy.expected_every[source].filter(|_| spoken);
                out.known(&[source.name()], every.map(seconds));
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_finding_since_timestamp_seconds"),
        samples: Samples::Values(|out, said| {
            for finding in &said.judgement.findings {
                let since = finding.since.filter(|_| finding.held_back_by.is_none());
                put_finding(out, finding.subject(), since.map(|since| (finding.severity, since)));
            }
            for subject in &said.judgement.refuted {
                put_finding(out, *subject, None);
            }
        }),
    },
];

/// Writes a subject in each severity that it can have; 0 where it does not hold.
fn put_finding(out: &mut Writer<'_>, subject: Subject, holds: Option<(Severity, Timestamp)>) {
    for severity in subject.cause.severities() {
        let since = holds.filter(|(at, _)| at == severity).map(|(_, since)| since);
        let labels = [
            subject.cause.name(),
            severity.name(),
            object_label(subject.object_type),
            subject.check.map_or("", UserRow::check),
        ];
        out.put(&labels, since.map_or(0.0, Timestamp::seconds));
    }
}

/// The rows of users that somebody read: when last, and whether nobody who speaks of it is live.
fn of_users(
    policy: &OrgPolicy,
    summary: &UserSummary,
) -> impl Iterator<Item = (UserRow, (Timestamp, bool))> {
    let rows = UserRow::ALL.into_iter();
    rows.filter(|row| policy.covers(*row)).filter_map(|row| Some((row, summary.observed(row)?)))
}

fn org_labels(row: OrgRow) -> [&'static str; 2] {
    [row.spec().name, object_label(row.object_type())]
}

fn user_labels(row: UserRow) -> [&'static str; 2] {
    [row.spec().name, object_label(row.object_type())]
}

fn object_label(object: Option<ObjectType>) -> &'static str {
    object.map_or("", ObjectType::name)
}
