//! The probe as metrics.

use super::poller::Prober;
use crate::domain::probe::{ProbeReport, ProbeStep, StepVerdict};
use crate::domain::time::{Timestamp, seconds};
use crate::events::Figure;
use std::collections::BTreeMap;

impl Prober {
    /// The metrics of a report.
    pub(super) fn figures(&self, report: &ProbeReport) -> Vec<Figure> {
        let mut figures = Vec::new();
        let mut put = |metric, labels: &[&'static str], value: Option<f64>| {
            figures.extend(value.map(|value| Figure {
                metric,
                labels: labels.iter().map(|label| (*label).into()).collect(),
                value,
            }));
        };
        for (step, found) in report.steps {
            let name = step.name();
            let success = match found.verdict {
                StepVerdict::Passed => Some(1.0),
                StepVerdict::Failed => Some(0.0),
                StepVerdict::Skipped => None,
                // What was found before stays.
                StepVerdict::Held if found.failing_since.is_some() => Some(0.0),
                StepVerdict::Held => found.last_success.map(|_| 1.0),
            };
            put("lightning_sync_exchange_step_success", &[name], success);
            if let Some(reason) = found.reason {
                let metric = "lightning_sync_exchange_step_failure_info";
                put(metric, &[name, found.verdict.name(), reason], Some(1.0));
            }
            let metric = "lightning_sync_exchange_step_duration_seconds";
            put(metric, &[name], found.took.map(seconds));
            let metric = "lightning_sync_exchange_step_last_success_timestamp_seconds";
            put(metric, &[name], found.last_success.map(Timestamp::seconds));
        }
        let ends = report.certificate_ends.map(Timestamp::seconds);
        put("lightning_sync_exchange_certificate_not_after_timestamp_seconds", &[], ends);
        let until = report.throttled_until.map_or(0.0, Timestamp::seconds);
        put("lightning_sync_exchange_throttled_until_timestamp_seconds", &[], Some(until));
        let until = report.suspended_until.map_or(0.0, Timestamp::seconds);
        put("lightning_sync_exchange_sign_in_suspended_until_timestamp_seconds", &[], Some(until));
        let mut verdicts = BTreeMap::from([("ok", 0_u64), ("unknown", 0)]);
        for mailbox in &self.mailboxes {
            let verdict = match mailbox.failure() {
                Some((_, failure)) => failure.name(),
                None if mailbox.steps[ProbeStep::Impersonation].is_some() => "ok",
                None => "unknown",
            };
            *verdicts.entry(verdict).or_default() += 1;
        }
        for (verdict, count) in verdicts {
            put("lightning_sync_exchange_mailboxes", &[verdict], Some(count as f64));
        }
        for (place, count) in report.places {
            put(
                "lightning_sync_exchange_mailboxes_by_place",
                &[place.name()],
                Some(f64::from(count)),
            );
        }
        let ends = report.ews_ends.map(Timestamp::seconds);
        put("lightning_sync_exchange_ews_retirement_timestamp_seconds", &[], ends);
        let counted: Vec<u64> =
            self.mailboxes.iter().filter_map(|mailbox| mailbox.records.map(u64::from)).collect();
        let records = (!counted.is_empty()).then(|| counted.iter().sum::<u64>() as f64);
        put("lightning_sync_exchange_contacts_records", &[], records);
        let counted = Some(counted.len() as f64);
        put("lightning_sync_exchange_contacts_records_mailboxes", &[], counted);
        put("lightning_sync_exchange_requests_total", &[], Some(self.take_requests() as f64));
        figures
    }
}
