//! Sources that the exporter asks by itself. With replicas the most hopeful counts: one that gets answers is enough.

use super::definition::{AlertRule, Part};
use crate::domain::causes::{Cause, Severity};
use crate::domain::policy::OrgPolicy;

/// A failure or two that end by themselves are no news, nor is a burst of requests.
const HOLD: &str = "15m";

/// The rules of this file.
pub(super) fn part() -> Part {
    let low = OrgPolicy::API_BUDGET_LOW;
    let alerts = vec![
        AlertRule {
            reason: Cause::PollFailing,
            severity: Some(Severity::Warning),
            // A short gap in the scrapes must not resolve it.
            expr: "max by (org, source) (last_over_time(lightning_sync_poll_success[10m])) == 0"
                .to_owned(),
            hold: Some(HOLD),
            description: format!(
                "{{{{ $labels.org }}}}: asking {{{{ $labels.source }}}} fails, because of\
                 {{{{ range printf `sum by (reason) ({}) > 0` $labels.org $labels.source $labels.org $labels.source $labels.org $labels.source \
                 | query | sortByLabel \"reason\" }}}} {{{{ .Labels.reason }}}}{{{{ end }}}}.",
                failures("{org=%q,source=%q}")
            ),
        },
        AlertRule {
            reason: Cause::SalesforceApiBudgetLow,
            severity: Some(Severity::Warning),
            expr: format!(
                "max by (org) (last_over_time(lightning_sync_salesforce_api_budget_used_ratio[10m])) > {low}"
            ),
            hold: Some(HOLD),
            description: "{{ $labels.org }}: {{ $value | humanizePercentage }} of the budget of daily API requests is used."
                .to_owned(),
        },
    ];
    Part {
        recording: Vec::new(),
        alerts,
    }
}

/// How many polls failed in the last hour, by series. A series begins with its first failure, which no increase shows.
fn failures(labels: &str) -> String {
    let total = format!("lightning_sync_poll_failures_total{labels}");
    format!("({total} unless {total} offset 1h) or increase({total}[1h])")
}
