//! The end of the product.

use super::definition::Part;
use super::verdict::{About, Verdict, alert_at, fact, level};
use crate::domain::causes::{Cause, Severity};
use crate::domain::judge::{RETIREMENT_INFO, RETIREMENT_WARNING};

/// The rules of this file.
pub(super) fn part() -> Part {
    let reason = Cause::RetirementNear;
    let within = |days: chrono::TimeDelta, severity| {
        format!(
            "(
  lightning_sync_retirement_timestamp_seconds - {}
  <= ignoring (span) group_left lightning_sync_business_settled_timestamp_seconds{{span=\"15m\"}}
) * 0 + {}",
            days.num_seconds(),
            level(severity)
        )
    };
    let holds = format!(
        "(
{}
or
{}
)
unless on (job, instance, org) lightning_sync_org_info{{product!=\"lightning_sync\"}}",
        within(RETIREMENT_WARNING, Severity::Warning),
        within(RETIREMENT_INFO, Severity::Info)
    );
    let mut part = Part::default();
    let (about, known) = (About::Org, "lightning_sync_retirement_timestamp_seconds");
    part.recording.extend(
        Verdict {
            reason,
            about,
            holds: &holds,
            known,
        }
        .rules(),
    );
    let text = format!(
        "{{{{ $labels.org }}}}: Lightning Sync ends{}.",
        fact(
            "min(lightning_sync_retirement_timestamp_seconds{org=%q}) - time()",
            &["org"],
            " in {{ . | humanizeDuration }}"
        ),
    );
    part.alerts.extend([
        alert_at(reason, Severity::Warning, &text),
        alert_at(reason, Severity::Info, &text),
    ]);
    part
}
