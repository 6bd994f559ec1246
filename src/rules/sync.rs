//! The last sync: older than the limit, never, or late. The headline page is here.

use super::definition::{Part, record};
use super::verdict::{About, Verdict, alert_since, fact};
use crate::domain::causes::{Cause, Severity};
use crate::domain::policy::OrgPolicy;

/// When the last sync becomes older than the limit, in the hours it is counted in.
const DEADLINE: &str = r"
max by (job, instance, org, object_type) (
  lightning_sync_last_sync_deadline_timestamp_seconds
  or
  lightning_sync_last_sync_timestamp_seconds + ignoring (object_type) group_left lightning_sync_stale_after_seconds
)
";

/// Until when the last sync is fresh.
const FRESH_UNTIL: &str = r"
max by (job, instance, org, object_type) (
  lightning_sync_last_sync_timestamp_seconds + ignoring (object_type) group_left lightning_sync_fresh_within_seconds
)
";

/// There while a first sync runs that is younger than its limit; one that hangs must not silence anything for good.
const FIRST_SYNC: &str = r#"
min by (job, instance, org, object_type) (label_replace(
  lightning_sync_oldest_status_timestamp_seconds{status="initial_sync_in_progress"},
  "object_type", "$1", "check", "(contacts|events)_.*"
))
+ on (job, instance, org) group_left max by (job, instance, org) (lightning_sync_initial_sync_limit_seconds)
>= time()
"#;

/// Overdue, and somebody saw it: a held reading claims only what was already so when it was read.
const NO_SYNC: &str = r#"
lightning_sync_last_sync_timestamp_seconds
and on (job, instance, org, object_type) instance:lightning_sync_last_sync:deadline_timestamp_seconds < time()
unless on (job, instance, org, object_type) (
  max by (job, instance, org, object_type) (lightning_sync_reading_timestamp_seconds{row="last_sync"})
  <= instance:lightning_sync_last_sync:deadline_timestamp_seconds
  and on (job, instance, org, object_type) lightning_sync_reading_stale{row="last_sync"} == 1
)
"#;

/// Late: a live source looked after the sync should have come, and by then business had lasted a quarter of an hour
/// since.
const DELAYED: &str = r#"
lightning_sync_last_sync_timestamp_seconds
and on (job, instance, org, object_type) (
  max by (job, instance, org, object_type) (lightning_sync_reading_timestamp_seconds{row="last_sync"})
  > instance:lightning_sync_last_sync:fresh_until_timestamp_seconds
)
and on (job, instance, org, object_type) (
  instance:lightning_sync_last_sync:fresh_until_timestamp_seconds
  <= on (job, instance, org, object_type) max by (job, instance, org, object_type) (lightning_sync_reading_settled_timestamp_seconds{row="last_sync"})
)
unless on (job, instance, org, object_type) lightning_sync_reading_stale{row="last_sync"} == 1
unless on (job, instance, org, object_type) instance:lightning_sync_first_sync:running
"#;

/// The rules of this file.
pub(super) fn part() -> Part {
    let never = format!(
        "(lightning_sync_ever_synced == 0)
  + ignoring (object_type) group_left lightning_sync_known_since_timestamp_seconds
  < time() - {}
unless on (job, instance, org) lightning_sync_setting_up == 1
unless on (job, instance, org, object_type) instance:lightning_sync_first_sync:running",
        OrgPolicy::NEVER_SYNCED_AFTER.num_seconds()
    );
    let mut part = Part::default();
    part.recording.extend([
        record(
            "instance:lightning_sync_last_sync:deadline_timestamp_seconds",
            DEADLINE,
        ),
        record(
            "instance:lightning_sync_last_sync:fresh_until_timestamp_seconds",
            FRESH_UNTIL,
        ),
        record("instance:lightning_sync_first_sync:running", FIRST_SYNC),
    ]);
    for (reason, holds, known) in [
        (
            Cause::NoSyncIn24Hours,
            NO_SYNC,
            "lightning_sync_last_sync_timestamp_seconds",
        ),
        (Cause::NeverSynced, &never, "lightning_sync_ever_synced"),
        (
            Cause::Delayed,
            DELAYED,
            "lightning_sync_last_sync_timestamp_seconds",
        ),
    ] {
        let about = About::Object;
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
    part.alerts.extend([
        alert_since(
            Cause::NoSyncIn24Hours,
            Severity::Critical,
            &format!(
                "{{{{ $labels.org }}}}: {{{{ $labels.object_type }}}} last synced {{{{ $value | humanizeDuration }}}} ago{}.{}",
                fact(
                    "org:lightning_sync_no_sync_in_24_hours:verdict{org=%q,object_type=%q}",
                    &["org", "object_type"],
                    ", at {{ . | humanizeTimestamp }}"
                ),
                looked_at()
            ),
        ),
        alert_since(
            Cause::NeverSynced,
            Severity::Critical,
            "{{ $labels.org }}: {{ $labels.object_type }} have never synced in the {{ $value | humanizeDuration }} since it is configured here.",
        ),
        alert_since(
            Cause::Delayed,
            Severity::Info,
            &format!(
                "{{{{ $labels.org }}}}: {{{{ $labels.object_type }}}} last synced {{{{ $value | humanizeDuration }}}} ago.{}",
                looked_at()
            ),
        )
        .unless(
            "org, object_type",
            &[Cause::NoSyncIn24Hours, Cause::NeverSynced],
        ),
    ]);
    part
}

/// When somebody last looked.
fn looked_at() -> String {
    fact(
        "max(lightning_sync_reading_timestamp_seconds{org=%q,row=\"last_sync\",object_type=%q})",
        &["org", "object_type"],
        " Last looked at {{ . | humanizeTimestamp }}.",
    )
}
