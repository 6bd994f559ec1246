//! One marked alert through an Alertmanager: taken, routed, not held back, delivered; or where it stuck.

use super::ask::Ask;
use super::json;
use super::report::Report;
use crate::app::now;
use crate::domain::time::Timestamp;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often Alertmanager is asked what became of it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the alert lasts by itself, should nobody be left to end it.
const LASTS: TimeDelta = TimeDelta::minutes(10);
const NAME: &str = "LightningSyncTestPage";
const SAYS: &str = "This is a test by `lightning-sync-exporter doctor --page`. Nothing is wrong.";

/// Sends it, follows it for as long as `within`, and ends it.
pub(super) async fn send(url: &str, within: Duration, ask: &Ask, report: &mut Report<'_, '_>) {
    let mark = format!("doctor-{}", now().nanos());
    let before = match counts(url, ask).await {
        Ok(counts) => counts,
        Err(error) => return report.fail("page sent", error),
    };
    let begun = now();
    if let Err(error) = post(url, &mark, begun, begun.plus(LASTS), ask).await {
        return report.fail("page sent", error);
    }
    report.pass("page sent", format!("{NAME} with mark={mark}"));
    follow(url, &mark, &before, within, ask, report).await;
    // Ended, so that it does not stand there; who was told is told that too.
    if let Err(error) = post(url, &mark, begun, now(), ask).await {
        report.warn("page ended", error);
    }
}

async fn post(
    url: &str,
    mark: &str,
    begun: Timestamp,
    ends: Timestamp,
    ask: &Ask,
) -> Result<(), String> {
    let at = |instant: Timestamp| {
        instant
            .datetime()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    };
    let alerts = json!([{
        "labels": { "alertname": NAME, "severity": "critical", "org": "test", "mark": mark },
        "annotations": { "summary": SAYS, "description": SAYS },
        "startsAt": at(begun),
        "endsAt": at(ends),
    }]);
    match ask.post(url, "/api/v2/alerts", &alerts).await? {
        (200, _) => Ok(()),
        (status, body) => Err(format!(
            "Alertmanager answers {status}: {}",
            String::from_utf8_lossy(&body)
                .chars()
                .take(200)
                .collect::<String>()
        )),
    }
}

async fn follow(
    url: &str,
    mark: &str,
    before: &BTreeMap<String, Counts>,
    within: Duration,
    ask: &Ask,
    report: &mut Report<'_, '_>,
) {
    let looks = within.as_millis() / LOOK_EVERY.as_millis();
    let mut routed = false;
    for _ in 0..=looks {
        if !routed {
            match whereabouts(url, mark, ask).await {
                Ok(None) => {}
                Ok(Some(Whereabouts::Held(by))) => {
                    return report.fail("page held back", by);
                }
                Ok(Some(Whereabouts::Routed(receivers))) => {
                    routed = true;
                    report.pass("page routed", format!("to receiver {receivers}"));
                }
                Err(error) => return report.fail("page routed", error),
            }
        }
        let after = match counts(url, ask).await {
            Ok(after) => after,
            Err(error) => return report.fail("page delivered", error),
        };
        let rose = |pick: fn(&Counts) -> f64| {
            after
                .iter()
                .find(|(integration, now)| pick(now) > before.get(*integration).map_or(0.0, pick))
                .map(|(integration, _)| integration.clone())
        };
        if let Some(integration) = rose(|counts| counts.failed) {
            return report.fail(
                "page delivered",
                format!(
                    "sending by {integration} fails; Alertmanager's log says why, and it tries again"
                ),
            );
        }
        // A try is counted when it has ended, and failures were looked for first.
        if let Some(integration) = rose(|counts| counts.sent) {
            return report.pass(
                "page delivered",
                format!("by {integration}; look whether somebody's phone says so"),
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    report.fail(
        "page delivered",
        format!(
            "nothing was sent within {} s; does the receiver have anything to send with, and is `group_wait` shorter than --page.within?",
            within.as_secs()
        ),
    );
}

enum Whereabouts {
    Held(String),
    Routed(String),
}

/// Where the alert is by Alertmanager's account; `None` until it has looked at it.
async fn whereabouts(url: &str, mark: &str, ask: &Ask) -> Result<Option<Whereabouts>, String> {
    let path = format!("/api/v2/alerts?filter=mark%3D%22{mark}%22");
    let (status, body) = ask.get(url, &path).await?;
    if status != 200 {
        return Err(format!("Alertmanager answers {status} to {path}"));
    }
    let alerts = json(&body);
    let Some(alert) = alerts.get(0) else {
        return Ok(None);
    };
    let names = |list: &Value, key: Option<&str>| -> String {
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let name = |item: &Value| key.map_or(item.clone(), |key| item[key].clone());
        let names: Vec<String> = items
            .iter()
            .filter_map(|item| name(item).as_str().map(str::to_owned))
            .collect();
        names.join(", ")
    };
    let state = &alert["status"];
    let (silences, inhibitors) = (
        names(&state["silencedBy"], None),
        names(&state["inhibitedBy"], None),
    );
    Ok(match state["state"].as_str() {
        Some("suppressed") if !silences.is_empty() => Some(Whereabouts::Held(format!(
            "silence {silences} matches it, and so it may match real pages; end that silence"
        ))),
        Some("suppressed") => Some(Whereabouts::Held(format!(
            "alert {inhibitors} inhibits it; look at `inhibit_rules`"
        ))),
        Some("active") => Some(Whereabouts::Routed(names(
            &alert["receivers"],
            Some("name"),
        ))),
        _ => None,
    })
}

/// Notifications of an integration.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counts {
    sent: f64,
    failed: f64,
}

/// Notifications by integration, from Alertmanager's own metrics.
async fn counts(url: &str, ask: &Ask) -> Result<BTreeMap<String, Counts>, String> {
    let (status, body) = ask.get(url, "/metrics").await?;
    if status != 200 {
        return Err(format!("Alertmanager answers {status} to /metrics"));
    }
    Ok(counts_of(&String::from_utf8_lossy(&body)))
}

fn counts_of(text: &str) -> BTreeMap<String, Counts> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for line in text.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let Some((name, labels)) = series.split_once('{') else {
            continue;
        };
        let integration = labels
            .split_once("integration=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(integration, _)| integration.to_owned());
        let (Some(integration), Ok(value)) = (integration, value.parse::<f64>()) else {
            continue;
        };
        // Later versions split them by reason and receiver.
        match name {
            "alertmanager_notification_requests_total" => {
                counts.entry(integration).or_default().sent += value;
            }
            "alertmanager_notification_requests_failed_total" => {
                counts.entry(integration).or_default().failed += value;
            }
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_counted_by_integration_whatever_other_labels_there_are() {
        let counts = counts_of(
            "# TYPE alertmanager_notification_requests_total counter\n\
             alertmanager_notification_requests_total{integration=\"webhook\"} 3\n\
             alertmanager_notification_requests_failed_total{integration=\"webhook\",reason=\"other\"} 1\n\
             alertmanager_notification_requests_failed_total{integration=\"webhook\",reason=\"client\"} 1\n\
             alertmanager_alerts{state=\"active\"} 4\n",
        );
        let webhook = Counts {
            sent: 3.0,
            failed: 2.0,
        };
        assert_eq!(counts, BTreeMap::from([("webhook".to_owned(), webhook)]));
    }
}
