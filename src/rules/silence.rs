//! Zeros that say something, and the silence of everybody who could know.

use super::definition::Part;
use super::verdict::{About, Verdict, alert, alert_at, fact, level};
use crate::domain::causes::{Cause, Severity};
use crate::domain::windows::{DAY, HOUR};
use chrono::TimeDelta;

/// A window that was read to be 0, and by then business had lasted long enough at some instant since its zero began:
/// since the last sync left it, or, where no last sync is known, at the reading.
struct Zero {
    row: &'static str,
    metric: &'static str,
    window: TimeDelta,
}

impl Zero {
    /// The instant by which business had lasted long enough when the count was read.
    fn settled(&self) -> String {
        format!(
            "max by (job, instance, org, object_type) (lightning_sync_reading_settled_timestamp_seconds{{row=\"{}\"}})",
            self.row
        )
    }

    fn after_a_sync(&self) -> String {
        format!(
            "{} == 0
and on (job, instance, org, object_type) (
  lightning_sync_last_sync_timestamp_seconds + {}
  <= on (job, instance, org, object_type) {}
)",
            self.metric,
            self.window.num_seconds(),
            self.settled()
        )
    }

    fn without_a_sync(&self) -> String {
        format!(
            "{} == 0
unless on (job, instance, org, object_type) lightning_sync_last_sync_timestamp_seconds
unless on (job, instance, org) lightning_sync_setting_up == 1
unless on (job, instance, org, object_type) instance:lightning_sync_first_sync:running
and on (job, instance, org, object_type) (
  {}
  >= on (job, instance, org, object_type)
  max by (job, instance, org, object_type) (lightning_sync_reading_timestamp_seconds{{row=\"{}\"}})
)",
            self.metric,
            self.settled(),
            self.row
        )
    }

    /// A count by a feed that has not seen the whole window is no news.
    fn uncovered(&self) -> String {
        format!(
            "lightning_sync_reading_info{{row=\"{}\", source=\"activity\"}}
  unless on (job, instance, org, object_type) lightning_sync_activity_coverage_seconds >= {}",
            self.row,
            self.window.num_seconds()
        )
    }
}

const OF_DAY: Zero = Zero {
    row: "synced_24h",
    metric: "lightning_sync_records_synced_24h",
    window: DAY,
};

const OF_HOUR: Zero = Zero {
    row: "synced_60m",
    metric: "lightning_sync_records_synced_60m",
    window: HOUR,
};

/// The rules of this file.
pub(super) fn part() -> Part {
    let mut part = Part::default();
    nothing_in_24_hours(&mut part);
    nothing_in_60_minutes(&mut part);
    observations_stale(&mut part);
    part
}

fn nothing_in_24_hours(part: &mut Part) {
    let reason = Cause::NothingIn24Hours;
    let holds = format!(
        "(
  (
{}
  ) + {}
  or
  (
{}
  ) + {}
)
unless on (job, instance, org, object_type) (
  {}
)",
        OF_DAY.after_a_sync(),
        level(Severity::Warning),
        OF_DAY.without_a_sync(),
        level(Severity::Critical),
        OF_DAY.uncovered()
    );
    let (about, known) = (About::Object, OF_DAY.metric);
    part.recording.extend(
        Verdict {
            reason,
            about,
            holds: &holds,
            known,
        }
        .rules(),
    );
    let better = [Cause::NoSyncIn24Hours, Cause::NeverSynced];
    let text = "{{ $labels.org }}: 0 {{ $labels.object_type }} synced in the last 24 hours, with at least 6 business hours among them.";
    part.alerts.extend([
        alert_at(
            reason,
            Severity::Critical,
            &format!("{text} No last sync is known."),
        )
        .unless("org, object_type", &better),
        alert_at(reason, Severity::Warning, &format!("{text}{}", last_sync()))
            .unless("org, object_type", &better),
    ]);
}

fn nothing_in_60_minutes(part: &mut Part) {
    let reason = Cause::NothingIn60Minutes;
    let holds = format!(
        "(
  (
{}
  )
  or
  (
{}
  )
) + {}
unless on (job, instance, org, object_type) (
  {}
)",
        OF_HOUR.after_a_sync(),
        OF_HOUR.without_a_sync(),
        level(Severity::Info),
        OF_HOUR.uncovered()
    );
    let (about, known) = (About::Object, OF_HOUR.metric);
    part.recording.extend(
        Verdict {
            reason,
            about,
            holds: &holds,
            known,
        }
        .rules(),
    );
    part.alerts.push(
        alert(
            reason,
            Severity::Info,
            &format!(
                "{{{{ $labels.org }}}}: 0 {{{{ $labels.object_type }}}} synced in the last 60 minutes, in business hours.{}",
                last_sync()
            ),
        )
        .unless(
            "org, object_type",
            &[
                Cause::NoSyncIn24Hours,
                Cause::NeverSynced,
                Cause::NothingIn24Hours,
            ],
        ),
    );
}

/// Nobody live can tell the last sync: a page in business hours, and after closing time if it began in them.
fn observations_stale(part: &mut Part) {
    let reason = Cause::ObservationsStale;
    let since = "lightning_sync_last_sync_unconfirmed_since_timestamp_seconds";
    let holds = format!(
        "(
  {since}
  <= ignoring (object_type, span) group_left lightning_sync_business_settled_timestamp_seconds{{span=\"15m\"}}
) * 0 + {}
or
{since} * 0 + {}",
        level(Severity::Critical),
        level(Severity::Warning)
    );
    let (about, known) = (About::Object, "lightning_sync_ever_synced");
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
        "{{{{ $labels.org }}}}: nobody tells when {{{{ $labels.object_type }}}} last synced{}. That is not proof of a failure.{}",
        fact(
            &format!("max({since}{{org=%q,object_type=%q}})"),
            &["org", "object_type"],
            ", since {{ . | humanizeTimestamp }}"
        ),
        last_sync()
    );
    part.alerts.extend([
        alert_at(reason, Severity::Critical, &text),
        alert_at(reason, Severity::Warning, &text),
    ]);
}

fn last_sync() -> String {
    fact(
        "max(lightning_sync_last_sync_timestamp_seconds{org=%q,object_type=%q})",
        &["org", "object_type"],
        " Last sync {{ . | humanizeTimestamp }}.",
    )
}
