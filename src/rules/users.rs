//! Users: failing checks, resets and first syncs that do not end.

use super::definition::{Part, record};
use super::verdict::{About, Verdict, alert, alert_since, fact};
use crate::domain::causes::{Cause, Severity};

/// Failing since before business had lasted a quarter of an hour: what breaks at night waits for the morning.
const FAILING: &str = r#"
lightning_sync_users_failing > 0
and on (job, instance, org, check) (
  lightning_sync_users_failing_since_timestamp_seconds
  <= ignoring (check, span) group_left lightning_sync_business_settled_timestamp_seconds{span="15m"}
)
"#;

/// When the longest reset should have ended.
const RESET_DUE: &str = r#"
min by (job, instance, org, check) (
  lightning_sync_oldest_status_timestamp_seconds{check="reset", status=~"marked_for_reset|reset_in_progress"}
)
+ on (job, instance, org) group_left max by (job, instance, org) (lightning_sync_reset_limit_seconds)
"#;

/// A held state claims only what was already so when it was read.
const RESET_STUCK: &str = r#"
instance:lightning_sync_reset:due_timestamp_seconds < time()
unless on (job, instance, org) (
  max by (job, instance, org) (lightning_sync_reading_timestamp_seconds{row="user.reset"})
  <= ignoring (check) instance:lightning_sync_reset:due_timestamp_seconds
  and on (job, instance, org) lightning_sync_reading_stale{row="user.reset"} == 1
)
"#;

/// When the longest first sync of a direction should have ended, with the labels of that direction's reading. One that
/// has not begun counts, but for the first set-up.
const FIRST_SYNC_DUE: &str = r#"
label_replace(label_replace(
  min by (job, instance, org, check) (
    lightning_sync_oldest_status_timestamp_seconds{status="initial_sync_in_progress"}
    or
    lightning_sync_oldest_status_timestamp_seconds{status="not_started"}
    unless on (job, instance, org) lightning_sync_setting_up == 1
  )
  + on (job, instance, org) group_left max by (job, instance, org) (lightning_sync_initial_sync_limit_seconds),
  "object_type", "$1", "check", "(contacts|events)_.*"
), "row", "user.$1", "check", "(?:contacts|events)_(.*)")
"#;

const FIRST_SYNC_STUCK: &str = r#"
instance:lightning_sync_first_sync:due_timestamp_seconds < time()
unless on (job, instance, org, object_type, row) (
  max by (job, instance, org, object_type, row) (lightning_sync_reading_timestamp_seconds{row=~"user[.]to_.*"})
  <= ignoring (check) instance:lightning_sync_first_sync:due_timestamp_seconds
  and on (job, instance, org, object_type, row) lightning_sync_reading_stale == 1
)
"#;

/// The rules of this file.
pub(super) fn part() -> Part {
    let mut part = Part::default();
    part.recording.extend([
        record(
            "instance:lightning_sync_reset:due_timestamp_seconds",
            RESET_DUE,
        ),
        record(
            "instance:lightning_sync_first_sync:due_timestamp_seconds",
            FIRST_SYNC_DUE,
        ),
    ]);
    for (reason, holds, known) in [
        (Cause::UsersFailing, FAILING, "lightning_sync_users_failing"),
        (
            Cause::ResetStuck,
            RESET_STUCK,
            r#"lightning_sync_users{check="reset"}"#,
        ),
        (
            Cause::InitialSyncStuck,
            FIRST_SYNC_STUCK,
            r#"lightning_sync_users{status="initial_sync_in_progress"}"#,
        ),
    ] {
        let about = About::Check;
        part.recording.extend(
            Verdict {
                reason,
                about,
                holds,
                known,
            }
            .rules(),
        );
    }
    let failing_since = fact(
        "min(lightning_sync_users_failing_since_timestamp_seconds{org=%q,check=%q})",
        &["org", "check"],
        ", the longest since {{ . | humanizeTimestamp }}",
    );
    let known = fact(
        "sum(max by (status) (lightning_sync_users{org=%q,check=%q}))",
        &["org", "check"],
        " of {{ . }} known users",
    );
    let in_state = |states: &str| {
        fact(
            &format!(
                "sum(max by (status) (lightning_sync_users{{org=%q,check=%q,status=~\"{states}\"}}))"
            ),
            &["org", "check"],
            " Users in it: {{ . }}.",
        )
    };
    part.alerts.extend([
        alert(
            Cause::UsersFailing,
            Severity::Warning,
            &format!(
                "{{{{ $labels.org }}}}: {{{{ $value }}}}{known} fail the check {{{{ $labels.check }}}}{failing_since}."
            ),
        ),
        alert_since(
            Cause::ResetStuck,
            Severity::Warning,
            &format!(
                "{{{{ $labels.org }}}}: the oldest reset is {{{{ $value | humanizeDuration }}}} over its limit.{}",
                in_state("marked_for_reset|reset_in_progress")
            ),
        ),
        alert_since(
            Cause::InitialSyncStuck,
            Severity::Warning,
            &format!(
                "{{{{ $labels.org }}}}: the oldest first sync of {{{{ $labels.check }}}} is {{{{ $value | humanizeDuration }}}} over its limit.{}",
                in_state("initial_sync_in_progress|not_started")
            ),
        ),
    ]);
    part
}
