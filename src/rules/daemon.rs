//! The exporter itself, and the watchdog. These alerts are about all exporters together: their labels name none, so a
//! replaced pod or a second replica changes no alert's identity; the descriptions name them.

use super::definition::{AlertRule, Part};
use crate::domain::causes::{Cause, Severity};

/// Organisations that only silent exporters watched; or no exporter answers at all, whatever was remembered of them.
const DOWN: &str = r"
(
  count(count by (org) (
    instance:lightning_sync_org:named
    and on (job, instance) instance:lightning_sync_exporter:down
    unless on (org) (
      instance:lightning_sync_org:named
      and on (job, instance) instance:lightning_sync_exporter:answers
    )
  ))
  or
  count(instance:lightning_sync_exporter:down unless on () instance:lightning_sync_exporter:answers)
) > 0
";

/// Which exporters a state holds of.
const STATE: &str = "{{ range query \"count by (instance) (STATE)\" | sortByLabel \"instance\" }} {{ .Labels.instance }}{{ end }}";
/// A commit that failed. The gauge may say so for no longer than the store takes to be opened again, and be missed.
const NOT_COMMITTED: &str =
    "or max by (job, instance) (increase(lightning_sync_exporter_commit_failures_total[10m])) > 0";

/// The rules of this file.
pub(super) fn part() -> Part {
    let state = |reason, metric: &str, or: &str, text: &str| {
        // A short gap in the scrapes must not resolve it.
        let state = format!("max by (job, instance) (last_over_time({metric}[10m])) == 1 {or}");
        let state = state.trim_end();
        AlertRule {
            reason,
            severity: Some(Severity::Warning),
            expr: format!("count({state}) > 0"),
            hold: None,
            description: format!("{text}{}.", STATE.replace("STATE", state)),
        }
    };
    let alerts = vec![
        AlertRule {
            reason: Cause::ExporterDown,
            severity: Some(Severity::Critical),
            expr: DOWN.trim().to_owned(),
            // A restart and a few failed scrapes are no news.
            hold: Some("5m"),
            description: "No answer from{{ range query \"instance:lightning_sync_exporter:down\" | sortByLabel \"instance\" }} {{ .Labels.instance }} \
                          (job {{ .Labels.job }}){{ end }}; nobody else watches \
                          {{ range $i, $org := query \"count by (org) (instance:lightning_sync_org:named and on (job, instance) \
                          instance:lightning_sync_exporter:down unless on (org) (instance:lightning_sync_org:named and on \
                          (job, instance) instance:lightning_sync_exporter:answers))\" | sortByLabel \"org\" }}{{ if lt $i 10 }}{{ if $i }}, {{ end }}\
                          {{ $org.Labels.org }}{{ end }}{{ if eq $i 10 }} and more{{ end }}{{ else }}its organisations{{ end }}."
                .to_owned(),
        },
        state(
            Cause::StoreFailing,
            "lightning_sync_exporter_store_failing",
            NOT_COMMITTED,
            "The store refuses to commit on",
        ),
        state(
            Cause::ClockSuspect,
            "lightning_sync_exporter_clock_suspect",
            "",
            "The clock stepped on",
        ),
        AlertRule {
            reason: Cause::IngestRejected,
            severity: Some(Severity::Warning),
            expr: format!("sum by (org) ({}) > 0", refused("")),
            hold: None,
            description: format!(
                "{{{{ if $labels.org }}}}{{{{ $labels.org }}}}{{{{ else }}}}Unknown organisation{{{{ end }}}}: about \
                 {{{{ $value | printf \"%.0f\" }}}} requests were refused in the last hour, because of\
                 {{{{ range printf `sum by (reason) ({}) > 0` $labels.org $labels.org $labels.org | query | sortByLabel \"reason\" }}}} \
                 {{{{ .Labels.reason }}}}{{{{ end }}}}.",
                refused("{org=%q}")
            ),
        },
        AlertRule {
            reason: Cause::Watchdog,
            severity: None,
            expr: "vector(1) > 0".to_owned(),
            hold: None,
            description: "This alert always fires; when it stops arriving, alerting is broken.".to_owned(),
        },
    ];
    Part {
        recording: Vec::new(),
        alerts,
    }
}

/// How many requests were refused in the last hour, by series. A series begins with its first refusal, which no increase
/// shows: an organisation would otherwise have one for every reason there is. One that was not there an hour ago has
/// begun since, but where the daemon was not scraped an hour ago.
fn refused(labels: &str) -> String {
    let total = format!("lightning_sync_exporter_ingest_rejected_total{labels}");
    let ran =
        "process_start_time_seconds < time() - 3600 unless process_start_time_seconds offset 1h";
    format!(
        "({total} unless {total} offset 1h unless on (job, instance) ({ran})) or increase({total}[1h])"
    )
}
