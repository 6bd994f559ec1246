//! The recording rules: which exporters answer, what they watch, what each said last, and what holds of all they say.
//!
//! 4h is how long Prometheus itself may have been away. Only two rules read their own past: what a lost exporter
//! watches, and what was found there. What ends is recorded once as 0, so that it is not found again in that past.

use super::definition::RecordingRule;

const ANSWERS: &str =
    "group by (job, instance) (abs(lightning_sync_exporter_view_timestamp_seconds - time()) < 600)";

const LOST: &str = "
group by (job, instance) (max_over_time(instance:lightning_sync_exporter:answers[3d]))
unless instance:lightning_sync_exporter:answers";

const DROPPED: &str = r#"
last_over_time(instance:lightning_sync_org:watched_until{org!=""}[4h])
and on (job, instance) instance:lightning_sync_exporter:answers
unless on (job, instance, org, object_type) (lightning_sync_last_sync_deadline_timestamp_seconds or lightning_sync_org_info)"#;

const WATCHED: &str = "
group by (job, instance, org, object_type) (lightning_sync_last_sync_deadline_timestamp_seconds or lightning_sync_org_info)
  * on (job, instance, org) group_left ()
  max by (job, instance, org) (lightning_sync_retirement_timestamp_seconds or on (job, instance, org) lightning_sync_org_info * 4e9)
and on (job, instance) instance:lightning_sync_exporter:answers
or instance:lightning_sync_exporter:answers * 4e9
or last_over_time(instance:lightning_sync_org:watched_until[4h])
  and on (job, instance) instance:lightning_sync_exporter:lost
  unless on (org, object_type) instance:lightning_sync_org:dropped";

const FOUND: &str = r#"
max by (job, instance, org, cause, severity, object_type, check) (
  (lightning_sync_finding_since_timestamp_seconds > 0 or lightning_sync_exporter_finding_since_timestamp_seconds > 0)
  and on (job, instance) instance:lightning_sync_exporter:answers
  or label_replace(label_replace(lightning_sync_last_sync_deadline_timestamp_seconds < time(), "cause", "no_sync_in_24_hours", "", ""), "severity", "critical", "", "")
) and on (job, instance, org, object_type) instance:lightning_sync_org:watched_until > time()
or max by (job, instance, org, cause, severity, object_type, check) (
  (lightning_sync_finding_since_timestamp_seconds or lightning_sync_exporter_finding_since_timestamp_seconds) == 0
  and on (job, instance) instance:lightning_sync_exporter:answers
  and on (job, instance, org, cause, severity, object_type, check) last_over_time(instance:lightning_sync_finding:since[4h]) > 0
)
or last_over_time(instance:lightning_sync_finding:since[4h]) > 0
  and on (job, instance, org, object_type) instance:lightning_sync_org:watched_until > time()"#;

const MERGED: &str = "
min by (org, cause, severity, object_type, check) (
  instance:lightning_sync_finding:since > 0 and on (job, instance) instance:lightning_sync_exporter:answers
  or instance:lightning_sync_finding:since > 0
    unless on (org, cause, object_type, check) (instance:lightning_sync_finding:since > 0 and on (job, instance) instance:lightning_sync_exporter:answers)
)
unless on (org, cause, object_type, check) (
  lightning_sync_finding_since_timestamp_seconds == 0
  and on (job, instance) instance:lightning_sync_exporter:answers
  unless on (job, instance, org, cause, object_type, check) instance:lightning_sync_finding:since > 0
)";

/// In the order of evaluation.
pub(super) fn rules() -> Vec<RecordingRule> {
    let rule =
        |record, about, expr: &str| RecordingRule { record, about, expr: expr.trim().to_owned() };
    vec![
        rule(
            "instance:lightning_sync_exporter:answers",
            "Exporters that answer with a picture of now. One that stands still, or whose clock is wrong, knows nothing.",
            ANSWERS,
        ),
        rule(
            "instance:lightning_sync_exporter:lost",
            "Exporters that answered within three days and do not now.",
            LOST,
        ),
        rule(
            "instance:lightning_sync_org:dropped",
            "What an exporter that answers no longer names, although it did within four hours.",
            DROPPED,
        ),
        rule(
            "instance:lightning_sync_org:watched_until",
            "What each exporter watches, until its retirement (else 2096). A lost one goes on, unless another has dropped it.",
            WATCHED,
        ),
        rule(
            "instance:lightning_sync_finding:since",
            "What holds by each exporter's last word, and since when; 0 once when it ends. No word: the last one stays.",
            FOUND,
        ),
        rule(
            "org:lightning_sync_finding:since",
            "What holds of an organisation, unless an exporter that answers has judged that it does not.",
            MERGED,
        ),
    ]
}
