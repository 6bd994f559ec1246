//! What feeds an organisation, and what is polled.

use super::super::api_client::ApiClient;
use super::{DoctorReport, label};
use crate::sources::failure_reason;
use serde_json::Value;

fn sources(org: &Value) -> &[Value] {
    org["sources"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Says which of the sources that ever reported still do.
pub(super) fn reporting(check: &str, org: &Value, report: &mut DoctorReport<'_, '_>) {
    let named = |live: bool| {
        let names: Vec<&str> = sources(org)
            .iter()
            // Of those that never reported, some are not used; those that are polled have a line of their own.
            .filter(|source| source["live"] == live && !source["last_report_at"].is_null())
            .filter_map(|source| source["source"].as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    match (named(true), named(false)) {
        (None, None) => {
            report.warn(
                check,
                "no source has reported yet; push one record or paste the status page",
            );
        }
        (None, Some(silent)) => {
            report.fail(check, format!("{silent} fell silent; see what feeds it"))
        }
        (Some(live), None) => report.pass(check, format!("{live} reports")),
        (Some(live), Some(silent)) => {
            report.warn(check, format!("{live} reports, {silent} is silent; see what feeds it"));
        }
    }
}

/// The lines of the metrics page about polls; `None` when the page cannot be had.
pub(super) async fn polls(api: &ApiClient) -> Option<Vec<String>> {
    let body = api.body("the daemon", "/metrics").await.ok()?;
    let text = String::from_utf8_lossy(&body);
    let lines = text.lines().filter(|line| line.starts_with("lightning_sync_poll_"));
    Some(lines.map(str::to_owned).collect())
}

/// Says whether a source that is polled answers.
pub(super) fn polled(
    org: &str,
    source: &str,
    reported: &Value,
    polls: Option<&[String]>,
    report: &mut DoctorReport<'_, '_>,
) {
    let check = format!("{org} {source}");
    let reported_once = sources(reported)
        .iter()
        .any(|entry| entry["source"] == source && !entry["last_report_at"].is_null());
    let Some(polls) = polls else {
        return if reported_once {
            report.warn(&check, "it has answered; how asking goes now is on the metrics page, which is not at /metrics")
        } else {
            report.fail(&check, "it has never answered; the daemon's log says why")
        };
    };
    let of_ours = |name: &str| -> Vec<&str> {
        polls
            .iter()
            .map(String::as_str)
            .filter(|line| line.split('{').next() == Some(name))
            .filter(|line| label(line, "org") == Some(org) && label(line, "source") == Some(source))
            .collect()
    };
    let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
    let success = of_ours("lightning_sync_poll_success");
    match success.first().and_then(|line| value(line)) {
        Some(good) if good > 0.0 => report.pass(&check, "it answers"),
        None if reported_once => report.pass(&check, "it has answered"),
        None => report.fail(
            &check,
            "it has not been polled yet; try again in a minute, and then see the daemon's log",
        ),
        Some(_) => {
            // Reasons since the start; that of now is among them, and nearly always alone.
            let advice: Vec<String> = of_ours("lightning_sync_poll_failures_total")
                .into_iter()
                .filter(|line| value(line).is_some_and(|count| count > 0.0))
                .filter_map(|line| label(line, "reason"))
                .map(|reason| match failure_reason(reason) {
                    Some(known) => format!("{reason}. {}", known.advice),
                    None => format!("{reason}."),
                })
                .collect();
            report.fail(&check, format!("asking it fails: {}", advice.join(" Or ")));
        }
    }
}
