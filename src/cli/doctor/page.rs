//! One marked alert through an Alertmanager: taken, routed, not held back, delivered; or where it stuck.

use super::super::ask::Ask;
use super::counters::{Counts, Series, counts};
use super::json;
use super::report::Report;
use crate::app::now;
use crate::domain::time::Timestamp;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
    let others = match others(url, &mark, ask).await {
        Ok(others) => others,
        Err(error) => return report.fail("page sent", error),
    };
    let begun = now();
    if let Err(error) = post(url, &mark, begun, begun.plus(LASTS), ask).await {
        return report.fail("page sent", error);
    }
    report.pass("page sent", format!("{NAME} with mark={mark}"));
    let sent = Sent {
        url,
        mark: &mark,
        before,
        others,
    };
    sent.follow(within, ask, report).await;
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

/// The alert that was sent, and what Alertmanager was busy with before.
struct Sent<'a> {
    url: &'a str,
    mark: &'a str,
    before: BTreeMap<Series, Counts>,
    /// Other alerts that it may notify of.
    others: BTreeSet<String>,
}

impl Sent<'_> {
    async fn follow(mut self, within: Duration, ask: &Ask, report: &mut Report<'_, '_>) {
        let looks = within.as_millis() / LOOK_EVERY.as_millis();
        let mut routed: Option<Vec<String>> = None;
        let mut failed = None;
        for _ in 0..=looks {
            match &routed {
                None => match whereabouts(self.url, self.mark, ask).await {
                    Ok(None) => {}
                    Ok(Some(Whereabouts::Held(by))) => {
                        return report.fail("page held back", by);
                    }
                    Ok(Some(Whereabouts::Routed(receivers))) => {
                        let names = receivers.join(", ");
                        report.pass("page routed", format!("to receiver {names}"));
                        if let Some(mute) = mute(self.url, &receivers, ask).await {
                            return report.fail(
                                "page delivered",
                                format!("receiver {mute} has nothing to send with; give it an integration"),
                            );
                        }
                        routed = Some(receivers);
                    }
                    Err(error) => return report.fail("page routed", error),
                },
                Some(receivers) => match self.told(receivers, ask).await {
                    Ok(Told::Nothing) => {}
                    Ok(Told::Failed { by, certainly }) => {
                        if certainly {
                            return report.fail("page delivered", fails(&by));
                        }
                        // Perhaps another alert's, and ours is still to come.
                        failed = Some(by);
                    }
                    Ok(Told::Delivered {
                        by,
                        certainly: true,
                    }) => {
                        return report.pass(
                            "page delivered",
                            format!("by {by}; look whether somebody's phone says so"),
                        );
                    }
                    Ok(Told::Delivered {
                        by,
                        certainly: false,
                    }) => {
                        let others = self.others.into_iter().collect::<Vec<_>>().join(", ");
                        return report.warn(
                            "page delivered",
                            format!(
                                "a notification went out by {by}; {others} was active too, and Alertmanager does not count one from the other: look for mark={} where it should arrive",
                                self.mark
                            ),
                        );
                    }
                    Err(error) => return report.fail("page delivered", error),
                },
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        report.fail(
            "page delivered",
            failed.map_or_else(
                || {
                    format!(
                        "nothing was sent within {} s; does the receiver have anything to send with, and is `group_wait` shorter than --page.within?",
                        within.as_secs()
                    )
                },
                |by| fails(&by),
            ),
        );
    }

    /// What Alertmanager's counters tell since the beginning.
    async fn told(&mut self, receivers: &[String], ask: &Ask) -> Result<Told, String> {
        let after = counts(self.url, ask).await?;
        // Asked again: what began meanwhile may be what was counted.
        self.others
            .append(&mut others(self.url, self.mark, ask).await?);
        let rose = |pick: fn(&Counts) -> f64| {
            after.iter().find_map(|(series, now)| {
                let ours = series
                    .receiver
                    .as_ref()
                    .is_none_or(|receiver| receivers.contains(receiver));
                let rose = pick(now) > self.before.get(series).map_or(0.0, pick);
                // Counted for the receiver itself, or nobody else was told anything.
                let certainly = series.receiver.is_some() || self.others.is_empty();
                (ours && rose).then(|| (series.integration.clone(), certainly))
            })
        };
        // A try is counted when it has ended, so that a failure of it is seen no later.
        if let Some((by, certainly)) = rose(|counts| counts.failed) {
            let delivered = rose(|counts| counts.sent - counts.failed);
            if certainly || delivered.is_none() {
                return Ok(Told::Failed { by, certainly });
            }
        }
        Ok(
            rose(|counts| counts.sent - counts.failed).map_or(Told::Nothing, |(by, certainly)| {
                Told::Delivered { by, certainly }
            }),
        )
    }
}

/// What became of a notification; `certainly` when it cannot have been another alert's.
enum Told {
    Nothing,
    Failed { by: String, certainly: bool },
    Delivered { by: String, certainly: bool },
}

fn fails(integration: &str) -> String {
    format!("sending by {integration} fails; Alertmanager's log says why, and it tries again")
}

/// The names of other alerts that Alertmanager may be telling of.
async fn others(url: &str, mark: &str, ask: &Ask) -> Result<BTreeSet<String>, String> {
    let path = "/api/v2/alerts?silenced=false&inhibited=false";
    let (status, body) = ask.get(url, path).await?;
    if status != 200 {
        return Err(format!("Alertmanager answers {status} to {path}"));
    }
    let alerts = json(&body);
    let alerts = alerts.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(alerts
        .iter()
        .map(|alert| &alert["labels"])
        .filter(|labels| labels["mark"] != mark)
        .map(|labels| {
            let name = labels["alertname"].as_str();
            name.unwrap_or("an alert without a name").to_owned()
        })
        .collect())
}

/// The receiver that has nothing to send with, if every one of them is so, by the configuration that Alertmanager shows.
async fn mute(url: &str, receivers: &[String], ask: &Ask) -> Option<String> {
    let (status, body) = ask.get(url, "/api/v2/status").await.ok()?;
    let answer = json(&body);
    let shown = answer.pointer("/config/original")?.as_str()?;
    let empty = |name: &String| speaks(shown, name) == Some(false);
    (status == 200 && receivers.iter().all(empty)).then(|| receivers.join(", "))
}

/// Whether a receiver has an integration, in a configuration as Alertmanager writes it; `None` when it is not found.
fn speaks(shown: &str, receiver: &str) -> Option<bool> {
    let lines = shown
        .lines()
        .skip_while(|line| *line != "receivers:")
        .skip(1);
    let mut found = None;
    for line in lines {
        if let Some(name) = line.strip_prefix("- name: ") {
            if found.is_some() {
                break;
            }
            let name = name.trim_matches(['"', '\'']);
            found = (name == receiver).then_some(false);
        } else if !line.starts_with([' ', '-']) {
            break;
        } else if found.is_some()
            && line.starts_with("  ")
            && line.trim_end().ends_with("_configs:")
        {
            found = Some(true);
        }
    }
    found
}

enum Whereabouts {
    Held(String),
    Routed(Vec<String>),
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
    let names = |list: &Value, key: Option<&str>| -> Vec<String> {
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let name = |item: &Value| key.map_or(item.clone(), |key| item[key].clone());
        items
            .iter()
            .filter_map(|item| name(item).as_str().map(str::to_owned))
            .collect()
    };
    let state = &alert["status"];
    let (silences, inhibitors) = (
        names(&state["silencedBy"], None).join(", "),
        names(&state["inhibitedBy"], None).join(", "),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_without_an_integration_is_told_from_one_with() {
        let shown = "route:\n  receiver: low\nreceivers:\n- name: low\n- name: page\n  webhook_configs:\n  - send_resolved: true\n    url: <secret>\n- name: \"odd name\"\ntemplates: []\n";
        assert_eq!(speaks(shown, "low"), Some(false));
        assert_eq!(speaks(shown, "page"), Some(true));
        assert_eq!(speaks(shown, "odd name"), Some(false));
        assert_eq!(speaks(shown, "other"), None);
        assert_eq!(speaks("receivers: []\n", "low"), None);
    }
}
