//! The service account, the linked addresses and the Outlook integration: states that a page shows.

use super::definition::Part;
use super::verdict::{About, Verdict, alert, fact};
use crate::domain::causes::{Cause, Severity};

/// The rules of this file. A sync that was seen later than a reading refutes it: what it found wrong has ended.
pub(super) fn part() -> Part {
    let refuted = |row: &str| {
        format!(
            "lightning_sync_last_sync_timestamp_seconds
  > ignoring (object_type, row) group_left lightning_sync_reading_timestamp_seconds{{row=\"{row}\"}}"
        )
    };
    let account = |metric: &str, row: &str| {
        format!(
            "{metric} == bool 0 > 0
unless on (job, instance, org) lightning_sync_org_info{{connection=\"oauth\"}}
unless on (job, instance, org) (
  {}
)",
            refuted(row)
        )
    };
    let read_at = |row: &str| {
        fact(
            &format!("max(lightning_sync_reading_timestamp_seconds{{org=%q,row=\"{row}\"}})"),
            &["org"],
            " Read {{ . | humanizeTimestamp }}.",
        )
    };
    let mut part = Part::default();

    part.recording.extend(
        Verdict {
            reason: Cause::ServiceAccountMissing,
            about: About::Org,
            holds: &account(
                "lightning_sync_service_account_provided",
                "service_account_provided",
            ),
            known: "lightning_sync_service_account_provided",
        }
        .rules(),
    );
    part.alerts.push(alert(
        Cause::ServiceAccountMissing,
        Severity::Critical,
        &format!(
            "{{{{ $labels.org }}}}: Salesforce shows None where the Exchange service account should be.{}",
            read_at("service_account_provided")
        ),
    ));

    part.recording.extend(
        Verdict {
            reason: Cause::ServiceAccountNotRecognized,
            about: About::Org,
            holds: &account(
                "lightning_sync_service_account_recognized",
                "service_account_recognized",
            ),
            known: "lightning_sync_service_account_recognized",
        }
        .rules(),
    );
    part.alerts.push(
        alert(
            Cause::ServiceAccountNotRecognized,
            Severity::Critical,
            &format!(
                "{{{{ $labels.org }}}}: Salesforce shows an X for the Exchange service account.{}",
                read_at("service_account_recognized")
            ),
        )
        .unless("org", &[Cause::ServiceAccountMissing]),
    );

    part.recording.extend(
        Verdict {
            reason: Cause::NoLinkedUsers,
            about: About::Org,
            holds: &format!(
                "lightning_sync_linked_users == bool 0 > 0
unless on (job, instance, org) (
  {}
)",
                refuted("linked_users")
            ),
            known: "lightning_sync_linked_users",
        }
        .rules(),
    );
    part.alerts.push(alert(
        Cause::NoLinkedUsers,
        Severity::Critical,
        &format!(
            "{{{{ $labels.org }}}}: 0 users are linked{}.{}",
            expected(),
            read_at("linked_users")
        ),
    ));

    part.recording.extend(
        Verdict {
            reason: Cause::LinkedUsersUnexpected,
            about: About::Org,
            holds: "lightning_sync_linked_users != lightning_sync_expected_linked_users > 0",
            known: "lightning_sync_linked_users",
        }
        .rules(),
    );
    part.alerts.push(alert(
        Cause::LinkedUsersUnexpected,
        Severity::Warning,
        &format!(
            "{{{{ $labels.org }}}}: {{{{ $value }}}} users are linked{}.{}",
            expected(),
            read_at("linked_users")
        ),
    ));

    part.recording.extend(
        Verdict {
            reason: Cause::OutlookIntegrationDisabled,
            about: About::Org,
            holds: "lightning_sync_outlook_integration_enabled == bool 0 > 0
and on (job, instance, org) lightning_sync_reps_select_events == 1",
            known: "lightning_sync_outlook_integration_enabled",
        }
        .rules(),
    );
    part.alerts.push(alert(
        Cause::OutlookIntegrationDisabled,
        Severity::Info,
        &format!(
            "{{{{ $labels.org }}}}: reps choose which events sync, and the Outlook integration shows No.{}",
            read_at("outlook_integration")
        ),
    ));
    part
}

fn expected() -> String {
    fact(
        "max(lightning_sync_expected_linked_users{org=%q})",
        &["org"],
        ", {{ . }} are expected",
    )
}
