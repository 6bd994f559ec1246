//! Which exporters answer, which fell silent, and what they watched: what keeps a page alive when the exporter dies.
//!
//! Scrape jobs are recognised by what they scraped, not by their names, so nothing has to be configured. Prometheus
//! marks all series of a dead target as stale at once; a verdict therefore carries itself forward from one evaluation
//! to the next while its exporter is silent. It lets go when a living exporter of the same job stops naming the
//! organisation, when the target is gone and another of the job answers (a pod was replaced), or after three days.

use super::definition::{RecordingRule, record};

/// Exporters whose answer can be believed: they were scraped, and their picture moves. A daemon that answers with a
/// picture that stood still for ten minutes (it is published every second) knows nothing.
const ANSWERS: &str = r"
max by (job, instance) (lightning_sync_exporter_build_info)
unless on (job, instance) (
  changes(lightning_sync_exporter_view_timestamp_seconds[10m]) == 0
  and count_over_time(lightning_sync_exporter_view_timestamp_seconds[10m]) > 1
  and lightning_sync_exporter_view_timestamp_seconds offset 10m
)
";

/// Exporters that answered within three days (longer while their target is listed) and do not now: their target is
/// listed, or nobody of their job answers.
const DOWN: &str = r"
(
  max by (job, instance) (max_over_time(lightning_sync_exporter_build_info[3d]))
  or
  (instance:lightning_sync_exporter:down and on (job, instance) up)
)
unless on (job, instance) instance:lightning_sync_exporter:answers
unless on (job, instance) (
  max by (job, instance) (max_over_time(lightning_sync_exporter_build_info[3d]))
  unless on (job, instance) up
  and on (job) instance:lightning_sync_exporter:answers
)
";

/// Silent exporters whose last word still counts: a verdict of more than three days ago is no longer a page.
const HELD: &str = r"
instance:lightning_sync_exporter:down
and on (job, instance) max_over_time(lightning_sync_exporter_build_info[3d])
";

/// Organisations that a living exporter named until just now. One evaluation is enough: letting go is final.
const DROPPED: &str = r"
instance:lightning_sync_org:named
unless on (job, instance, org) lightning_sync_org_info
and on (job, instance) instance:lightning_sync_exporter:answers
";

/// Organisations that each exporter watches, or watched when it fell silent.
const NAMED: &str = r"
(
  instance:lightning_sync_org:named
  and on (job, instance) instance:lightning_sync_exporter:down
  unless on (job, org) instance:lightning_sync_org:dropped
)
or
max by (job, instance, org) (lightning_sync_org_info)
";

/// The state of every exporter; evaluated before everything else.
pub(super) fn rules() -> Vec<RecordingRule> {
    vec![
        record("instance:lightning_sync_exporter:answers", ANSWERS),
        record("instance:lightning_sync_exporter:down", DOWN),
        record("instance:lightning_sync_exporter:held", HELD),
        record("instance:lightning_sync_org:dropped", DROPPED),
        record("instance:lightning_sync_org:named", NAMED),
    ]
}
