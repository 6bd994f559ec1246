//! Who told us what we know, when, and what follows from it.

use super::{Family, per_org};
use crate::domain::ids::{ObjectType, Source};
use crate::domain::judge::settle;
use crate::domain::rows::{OrgRow, UserRow};
use crate::domain::time::{Timestamp, seconds};
use crate::metrics::catalogue::metric;
use crate::metrics::facts::OrgFacts;

pub(super) const FAMILIES: &[Family] = &[
    per_org(
        metric("lightning_sync_reading_timestamp_seconds"),
        |out, facts| {
            for reading in readings(facts) {
                out.instant(&reading.labels(), Some(reading.observed_at));
            }
        },
    ),
    per_org(metric("lightning_sync_reading_stale"), |out, facts| {
        for reading in readings(facts) {
            out.flag(&reading.labels(), reading.stale);
        }
    }),
    per_org(
        metric("lightning_sync_reading_settled_timestamp_seconds"),
        |out, facts| {
            for row in OrgRow::ALL {
                if let (Some(span), Some(current)) = (settle(row), facts.current(row)) {
                    let read_at = current.observed_at.min(facts.now);
                    let labels = [row.name(), object_label(row.object_type())];
                    out.instant(&labels, facts.org.open_hours.settled(span, read_at));
                }
            }
        },
    ),
    per_org(metric("lightning_sync_reading_info"), |out, facts| {
        for row in OrgRow::ALL {
            if let Some(current) = facts.current(row) {
                let object = object_label(row.object_type());
                let labels = [row.name(), object, current.source.name()];
                out.put(&labels, 1.0);
            }
        }
    }),
    per_org(
        metric("lightning_sync_observation_timestamp_seconds"),
        |out, facts| {
            for source in Source::ALL.iter().copied() {
                let spoke_at = facts.org.source(source).map(|state| state.spoke_at);
                out.instant(&[source.name()], spoke_at);
            }
        },
    ),
    per_org(
        metric("lightning_sync_expected_every_seconds"),
        |out, facts| {
            for source in Source::ALL.iter().copied() {
                let every = facts
                    .org
                    .source(source)
                    .and_then(|_| facts.org.policy.expected_every(source));
                out.known(&[source.name()], every.map(seconds));
            }
        },
    ),
    per_org(metric("lightning_sync_finding"), |out, facts| {
        let mut written: Vec<[&str; 3]> = Vec::with_capacity(facts.findings.len());
        for finding in &facts.findings {
            let labels = [
                finding.reason.name(),
                object_label(finding.object_type),
                finding.severity.name(),
            ];
            // Findings about users differ in the check, which is no label here.
            if !written.contains(&labels) {
                out.put(&labels, 1.0);
                written.push(labels);
            }
        }
    }),
];

/// A row that somebody read.
struct Read {
    row: &'static str,
    object: Option<ObjectType>,
    observed_at: Timestamp,
    stale: bool,
}

impl Read {
    fn labels(&self) -> [&'static str; 2] {
        [self.row, object_label(self.object)]
    }
}

fn readings(facts: &OrgFacts) -> impl Iterator<Item = Read> {
    let of_org = OrgRow::ALL.into_iter().filter_map(|row| {
        let current = facts.current(row)?;
        Some(Read {
            row: row.name(),
            object: row.object_type(),
            observed_at: current.observed_at,
            stale: current.stale,
        })
    });
    let of_users = UserRow::ALL.iter().copied().filter_map(|row| {
        let (observed_at, stale) = facts.org.summary.observed(row)?;
        facts.speaks_of(row).then_some(Read {
            row: row_label(row),
            object: row.object_type(),
            observed_at,
            stale,
        })
    });
    of_org.chain(of_users)
}

fn object_label(object: Option<ObjectType>) -> &'static str {
    object.map_or("", ObjectType::name)
}

/// The row's id without the object type, which is a label of its own.
const fn row_label(row: UserRow) -> &'static str {
    match row {
        UserRow::ActiveConfiguration
        | UserRow::MailboxVersion
        | UserRow::ServiceAccount
        | UserRow::Reset
        | UserRow::OutlookIntegration => row.name(),
        UserRow::ContactsFolder | UserRow::EventsFolder => "user.folder",
        UserRow::ContactsLinked | UserRow::EventsLinked => "user.linked",
        UserRow::ContactsToExchange | UserRow::EventsToExchange => "user.to_exchange",
        UserRow::ContactsToSalesforce | UserRow::EventsToSalesforce => "user.to_salesforce",
        UserRow::ContactsRecords | UserRow::EventsRecords => "user.records",
    }
}
