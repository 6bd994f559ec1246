//! Whole pages, compared as they are. `UPDATE_GENERATED=1` writes them anew.

use super::orgs::{NOW, busy, held, silent, view, zero};
use super::page::pages;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::events::{Event, EventSink, Figure};
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A page with every metric on it.
pub(super) fn full_page(format: PageFormat) -> String {
    let own = Arc::new(SelfMetrics::new(&["malformed", "unknown_key"]).unwrap());
    own.set_alertmanagers(&["https://alerts.example:9093".to_owned()]);
    own.set_last_backup(Some(NOW.minus(TimeDelta::hours(9))));
    own.set_store_since(NOW.minus(TimeDelta::days(30)));
    own.set_certificate_until(Some(NOW.plus(TimeDelta::days(90))));
    own.set_orgs(&[OrgName::new("busy").unwrap()]);
    own.config_loaded(Timestamp::from_seconds(1_795_435_000));
    own.set_queue_bytes(4096);
    own.count(&Event::Committed { took: Duration::from_millis(3) });
    own.count(&Event::ActivityAccepted {
        org: "busy".to_owned(),
        accepted: 18,
        duplicates: 2,
        expired: 0,
    });
    own.count(&Event::IngestRejected {
        org: "nobody".to_owned(),
        reason: "malformed",
        detail: String::new(),
        field: None,
        log: None,
    });
    polled(&own);
    logs_read(&own);
    let view = view([busy(), held(), silent(), zero()]);
    let chunks: Vec<u8> =
        MetricsPages::new(own).text(Arc::new(view), NOW, format).flatten().collect();
    let page = String::from_utf8(chunks).unwrap();
    page.lines().map(settled).collect()
}

/// Polls of Salesforce, one good and one not, with everything that it can tell.
fn polled(own: &SelfMetrics) {
    let org = OrgName::new("busy").unwrap();
    own.count(&Event::PollingBegan { org: org.to_string(), source: "salesforce" });
    own.count(&Event::Polled {
        org: org.to_string(),
        source: "salesforce",
        took: Duration::from_millis(250),
        at_seconds: 1_795_435_100.0,
        recovered: false,
    });
    own.count(&Event::PollFailed {
        org: org.to_string(),
        source: "salesforce",
        reason: "timeout",
        detail: String::new(),
        advice: "",
        took: Duration::from_secs(19),
        repeated: false,
    });
    let figure = |name, labels: &[&'static str], value| Figure {
        metric: name,
        labels: labels.iter().map(|label| (*label).into()).collect(),
        value,
    };
    own.count(&Event::SourceFigures {
        org: org.to_string(),
        source: "salesforce",
        figures: vec![
            figure("lightning_sync_canary_allowed_seconds", &["events", "to_exchange"], 600.0),
            figure(
                "lightning_sync_canary_class_info",
                &["events", "to_exchange", "related_record"],
                1.0,
            ),
            figure(
                "lightning_sync_canary_last_proof_timestamp_seconds",
                &["events", "to_exchange"],
                1_795_435_200.0,
            ),
            figure(
                "lightning_sync_canary_last_round_trip_seconds",
                &["events", "to_exchange"],
                180.0,
            ),
            figure(
                "lightning_sync_canary_late_since_timestamp_seconds",
                &["events", "to_exchange"],
                1_795_435_200.0,
            ),
            figure("lightning_sync_canary_leftovers", &[], 0.0),
            figure("lightning_sync_canary_lost_total", &["events", "to_exchange"], 1.0),
            figure("lightning_sync_canary_round_trip_seconds", &["events", "to_exchange"], 180.0),
            figure("lightning_sync_canary_state", &["events", "to_exchange", "late"], 1.0),
            figure("lightning_sync_exchange_certificate_not_after_timestamp_seconds", &[], 2e9),
            figure("lightning_sync_exchange_contacts_records", &[], 84.0),
            figure("lightning_sync_exchange_contacts_records_mailboxes", &[], 2.0),
            figure(
                "lightning_sync_exchange_ews_retirement_timestamp_seconds",
                &[],
                1_806_537_600.0,
            ),
            figure("lightning_sync_exchange_mailboxes", &["ok"], 2.0),
            figure("lightning_sync_exchange_mailboxes_by_place", &["online"], 2.0),
            figure("lightning_sync_exchange_requests_total", &[], 7.0),
            figure("lightning_sync_exchange_sign_in_suspended_until_timestamp_seconds", &[], 0.0),
            figure("lightning_sync_exchange_step_duration_seconds", &["dns"], 0.002),
            figure(
                "lightning_sync_exchange_step_failure_info",
                &["autodiscover", "failed", "autodiscover_missing"],
                1.0,
            ),
            figure(
                "lightning_sync_exchange_step_last_success_timestamp_seconds",
                &["dns"],
                1_795_435_200.0,
            ),
            figure("lightning_sync_exchange_step_success", &["dns"], 1.0),
            figure("lightning_sync_exchange_throttled_until_timestamp_seconds", &[], 0.0),
            figure("lightning_sync_salesforce_api_calls_total", &[], 2.0),
            figure("lightning_sync_salesforce_api_requests_used", &[], 400.0),
            figure("lightning_sync_salesforce_api_requests_allowed", &[], 1_000.0),
            figure("lightning_sync_salesforce_api_budget_used_ratio", &[], 0.5),
            figure("lightning_sync_salesforce_capture_users", &["active"], 3.0),
            figure("lightning_sync_salesforce_capture_onboarding_users", &["complete"], 3.0),
            figure("lightning_sync_salesforce_assignments", &["user"], 3.0),
            figure("lightning_sync_salesforce_part_available", &["activity_capture"], 1.0),
            figure("lightning_sync_salesforce_users_not_moved", &[], 5.0),
            figure("lightning_sync_salesforce_setting_enabled", &["outlook_integration"], 1.0),
            figure("lightning_sync_salesforce_approximate_changed_records_60m", &["contacts"], 9.0),
            figure("lightning_sync_salesforce_setup_changes_total", &[], 1.0),
            figure(
                "lightning_sync_salesforce_last_setup_change_timestamp_seconds",
                &[],
                1_795_400_000.0,
            ),
            figure("lightning_sync_salesforce_clock_ahead_seconds", &[], 1.5),
            figure("lightning_sync_salesforce_report_failed_records", &["contacts"], 4.0),
            figure("lightning_sync_salesforce_report_failing_users", &["contacts"], 2.0),
            figure("lightning_sync_salesforce_report_truncated", &[], 0.0),
        ],
    });
}

/// A poll of Exchange's logs, with everything that they can tell.
fn logs_read(own: &SelfMetrics) {
    let figure = |name, labels: &[&'static str], value| Figure {
        metric: name,
        labels: labels.iter().map(|label| (*label).into()).collect(),
        value,
    };
    own.count(&Event::PollingBegan { org: "busy".to_owned(), source: "exchange_log" });
    own.count(&Event::SourceFigures {
        org: "busy".to_owned(),
        source: "exchange_log",
        figures: vec![
            figure("lightning_sync_exchange_log_bytes_total", &[], 4_096.0),
            figure("lightning_sync_exchange_log_calls", &["60m"], 12.0),
            figure(
                "lightning_sync_exchange_log_complete_until_timestamp_seconds",
                &[],
                1_795_435_000.0,
            ),
            figure("lightning_sync_exchange_log_failed_calls_24h", &["access_denied"], 1.0),
            figure(
                "lightning_sync_exchange_log_last_call_timestamp_seconds",
                &["create_item"],
                1_795_434_000.0,
            ),
            figure("lightning_sync_exchange_log_mailboxes", &[], 40.0),
            figure("lightning_sync_exchange_log_mailboxes_called_24h", &[], 39.0),
            figure("lightning_sync_exchange_log_mailboxes_two_writers", &[], 1.0),
            figure("lightning_sync_exchange_log_mailboxes_written_24h", &[], 38.0),
            figure(
                "lightning_sync_exchange_log_reach_timestamp_seconds",
                &["EX01", "ews"],
                1_795_435_000.0,
            ),
            figure("lightning_sync_exchange_log_refused_sign_ins_24h", &["locked_out"], 2.0),
            figure("lightning_sync_exchange_log_rows_total", &[], 400.0),
            figure("lightning_sync_exchange_log_sign_in_refused", &["locked_out"], 0.0),
            figure("lightning_sync_exchange_log_throttled_calls", &["60m"], 0.0),
            figure("lightning_sync_exchange_log_unreadable_lines_total", &[], 1.0),
            figure("lightning_sync_exchange_log_writes", &["60m"], 9.0),
        ],
    });
}

/// A line, with 0 for the figures that the operating system gives and without the compiler's version.
fn settled(line: &str) -> String {
    if line.starts_with("lightning_sync_exporter_build_info") {
        return line.replace(env!("LIGHTNING_SYNC_RUST"), "RUST") + "\n";
    }
    match line.split_once(' ') {
        Some((name, _)) if name.starts_with("process_") => format!("{name} 0\n"),
        _ => format!("{line}\n"),
    }
}

/// Compares `made` with a file of the repository, or writes it when asked to.
pub(super) fn compare(path: &str, made: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&file, made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    for (number, (kept, made)) in kept.lines().zip(made.lines()).enumerate() {
        assert_eq!(kept, made, "line {} of {path}; UPDATE_GENERATED=1 rewrites it", number + 1);
    }
    assert_eq!(kept, made, "{path}; UPDATE_GENERATED=1 rewrites it");
}

#[test]
fn the_full_page_in_text_format() {
    compare("tests/it/golden/metrics.prom", &full_page(PageFormat::Text));
}

#[test]
fn the_full_page_in_open_metrics() {
    compare("tests/it/golden/metrics.openmetrics", &full_page(PageFormat::OpenMetrics));
}

#[test]
fn promtool_complains_of_nothing() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed; it comes with the package prometheus");
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(full_page(PageFormat::Text).as_bytes()).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
}

#[test]
fn chunks_are_bounded_however_many_users_an_organisation_has() {
    let mut org = super::orgs::Org::new("large");
    for number in 0..2_000 {
        org = org.user(&format!("user-{number:04}@corp.example"), &[], NOW);
    }
    let view = Arc::new(view([org]));
    let sizes: Vec<usize> =
        pages().text(view, NOW, PageFormat::Text).map(|chunk| chunk.len()).collect();
    assert!(sizes.len() > 40, "{} chunks", sizes.len());
    let largest = sizes.into_iter().max().unwrap();
    assert!(largest <= 72 * 1024, "{largest} bytes");
}
