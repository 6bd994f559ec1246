//! What was read of an organisation's rows, and what its activity feed counts.

use super::samples::Writer;
use super::{Family, Samples};
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::seconds;
use crate::metrics::catalogue::metric;
use crate::metrics::facts::{Each, Values};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        metric: metric("lightning_sync_last_sync_timestamp_seconds"),
        samples: Samples::Values(|out, said| {
            let policy = out.policy;
            for object in policy.objects.iter().copied() {
                out.instant(&[object.name()], said.last_sync(object));
            }
        }),
    },
    Family {
        metric: metric("lightning_sync_last_sync_age_seconds"),
        samples: Samples::Ages(|out, moving| {
            out.each(&moving.age, |out, labels, age| {
                out.put(labels, seconds(age));
            });
        }),
    },
    Family {
        metric: metric("lightning_sync_last_sync_deadline_timestamp_seconds"),
        samples: Samples::Values(|out, said| {
            out.each(&said.judgement.deadlines.map(|_, at| Some(at)), |out, labels, at| {
                out.instant(labels, Some(at))
            });
        }),
    },
    Family {
        metric: metric("lightning_sync_ever_synced"),
        samples: Samples::Values(|out, said| out.each(&said.ever_synced, Writer::flag)),
    },
    Family {
        metric: metric("lightning_sync_records_synced_60m"),
        samples: Samples::Counts(|out, counts| figures(out, &counts.synced_60m)),
    },
    Family {
        metric: metric("lightning_sync_records_synced_24h"),
        samples: Samples::Counts(|out, counts| figures(out, &counts.synced_24h)),
    },
    Family {
        metric: metric("lightning_sync_records_failed_24h"),
        samples: Samples::Counts(|out, counts| figures(out, &counts.failed_24h)),
    },
    Family {
        metric: metric("lightning_sync_activity_coverage_seconds"),
        samples: Samples::Ages(|out, moving| {
            out.each(&moving.coverage, |out, labels, covered| {
                out.put(labels, seconds(covered));
            });
        }),
    },
    Family {
        metric: metric("lightning_sync_service_account_provided"),
        samples: Samples::Values(|out, said| row(out, said, OrgRow::ServiceAccountProvided)),
    },
    Family {
        metric: metric("lightning_sync_service_account_recognized"),
        samples: Samples::Values(|out, said| row(out, said, OrgRow::ServiceAccountRecognized)),
    },
    Family {
        metric: metric("lightning_sync_outlook_integration_enabled"),
        samples: Samples::Values(|out, said| row(out, said, OrgRow::OutlookIntegration)),
    },
    Family {
        metric: metric("lightning_sync_linked_users"),
        samples: Samples::Values(|out, said| row(out, said, OrgRow::LinkedUsers)),
    },
    Family {
        metric: metric("lightning_sync_expected_linked_users"),
        samples: Samples::Values(|out, said| {
            out.known(&[], said.expected_linked_users.map(|users| users as f64));
        }),
    },
];

fn figures(out: &mut Writer<'_>, answers: &Each<u64>) {
    out.each(answers, |out, labels, count| {
        out.put(labels, count as f64);
    });
}

/// Writes a row of the organisation as a number.
fn row(out: &mut Writer<'_>, said: &Values, row: OrgRow) {
    let value = said.answer(row).and_then(|answer| answer.value.as_ref());
    out.known(
        &[],
        value.map(|value| match value {
            OrgValue::Account(name) => super::flag(name.is_some()),
            OrgValue::Flag(yes) => super::flag(*yes),
            OrgValue::Count(count) => *count as f64,
            OrgValue::Instant(at) => at.seconds(),
        }),
    );
}
