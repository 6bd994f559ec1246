//! The recording rules: which exporters answer, what they watch, what each reported last, and what holds of all their reports.
//!
//! 4h is how long Prometheus itself may have been away. Only two series are read from their own past: what was watched,
//! and what was found. Whatever ends there is recorded once below zero, so that it is not found again in that past: an
//! organisation that is removed and comes back begins anew.

use super::definition::RecordingRule;

const ANSWERS: &str =
    "group by (job, instance) (abs(lightning_sync_exporter_view_timestamp_seconds - time()) < 600)";

const LOST: &str = "group by (job, instance) (last_over_time(instance:lightning_sync:answers[3d])) unless instance:lightning_sync:answers";

const NAMED: &str = "
group by (job, instance, org, object_type) (lightning_sync_last_sync_deadline_timestamp_seconds or lightning_sync_org_info)
  * on (job, instance, org) group_left () max by (job, instance, org) (lightning_sync_retirement_timestamp_seconds or on (job, instance, org) lightning_sync_org_info * Inf)
and on (job, instance) instance:lightning_sync:answers or instance:lightning_sync:answers * Inf";

const GONE: &str = "last_over_time(instance:lightning_sync_org:watched[4h]) > 0 unless instance:lightning_sync_org:named";

const WATCHED: &str = "
instance:lightning_sync_org:named
or instance:lightning_sync_org:gone and on (job, instance) instance:lightning_sync:lost
  unless on (org, object_type) (instance:lightning_sync_org:gone and on (job, instance) instance:lightning_sync:answers)
or -instance:lightning_sync_org:gone";

const BEFORE: &str = "last_over_time(instance:lightning_sync_finding:since[4h]) > 0";

const REPORTED: &str = r#"
max by (job, instance, org, cause, severity, object_type, check) (
  label_replace(label_replace(lightning_sync_last_sync_deadline_timestamp_seconds < time(), "cause", "no_sync_in_24_hours", "", ""), "severity", "critical", "", "")
  or (
    {__name__=~"lightning_sync(_exporter)?_finding_since_timestamp_seconds",severity!=""}
    or {__name__=~"lightning_sync(_exporter)?_finding_since_timestamp_seconds",severity=""} and on (org, cause, object_type, check) instance:lightning_sync_finding:before
  ) and on (job, instance) instance:lightning_sync:answers
) and on (job, instance, org, object_type) instance:lightning_sync_org:watched > time()"#;

const FOUND: &str = "
instance:lightning_sync_finding:reported
or instance:lightning_sync_finding:before unless on (org, cause, object_type, check) instance:lightning_sync_finding:reported
  and on (job, instance, org, object_type) last_over_time(instance:lightning_sync_org:watched[5m]) > time()
or -instance:lightning_sync_finding:before";

const CLAIMED: &str = "
min by (org, cause, severity, object_type, check) (instance:lightning_sync_finding:since > 0)
unless on (org, cause, object_type, check) (instance:lightning_sync_finding:since == 0 unless on (job, instance, org, cause, object_type, check) instance:lightning_sync_finding:since{cause=\"no_sync_in_24_hours\"} > 0)";

const MERGED: &str = r#"
org:lightning_sync_finding:claimed{severity="info"} or on (org, cause, object_type, check) org:lightning_sync_finding:claimed{severity="warning"}
or on (org, cause, object_type, check) org:lightning_sync_finding:claimed{severity="critical"}"#;

/// In the order of evaluation.
pub(super) fn rules() -> Vec<RecordingRule> {
    let rule =
        |record, about, expr: &str| RecordingRule { record, about, expr: expr.trim().to_owned() };
    vec![
        rule(
            "instance:lightning_sync:answers",
            "Exporters that answer with a picture of now. One that stands still, or whose clock is wrong, knows nothing.",
            ANSWERS,
        ),
        rule(
            "instance:lightning_sync:lost",
            "Exporters that answered within three days and do not now.",
            LOST,
        ),
        rule(
            "instance:lightning_sync_org:named",
            "What exporters that answer name, until its retirement (else for ever); and the exporters themselves.",
            NAMED,
        ),
        rule(
            "instance:lightning_sync_org:gone",
            "What was watched within four hours and is not named now.",
            GONE,
        ),
        rule(
            "instance:lightning_sync_org:watched",
            "What each exporter watches. A lost one goes on, unless another has stopped to name it. Below zero once: let go.",
            WATCHED,
        ),
        rule(
            "instance:lightning_sync_finding:before",
            "What was found before, within four hours.",
            BEFORE,
        ),
        rule(
            "instance:lightning_sync_finding:reported",
            "What exporters that answer report: since when it holds; 0: it does not, of what was found. A passed deadline counts, too.",
            REPORTED,
        ),
        rule(
            "instance:lightning_sync_finding:since",
            "What holds by each last word. It stays until somebody reports more, or what it is about is let go. Below zero once: let go.",
            FOUND,
        ),
        rule(
            "org:lightning_sync_finding:claimed",
            "What holds of an organisation, unless an exporter that answers has judged that it does not; a deadline that it named and that has passed goes before that.",
            CLAIMED,
        ),
        rule(
            "org:lightning_sync_finding:since",
            "The same where exporters differ on the severity: the calmest.",
            MERGED,
        ),
    ]
}
