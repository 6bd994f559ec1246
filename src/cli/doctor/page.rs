//! One marked alert through an Alertmanager: taken, routed, not held back, delivered; or where it stuck.

use super::super::api_client::ApiClient;
use super::counters::{NotificationCounts, Series, counts};
use super::json;
use super::report::DoctorReport;
use crate::app::now;
use crate::config::duration;
use crate::domain::time::Timestamp;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often Alertmanager is queried for what became of it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What sending takes at most where all is well.
const SENDING: Duration = Duration::from_secs(3);
/// How long the alert lasts by itself, should nobody be left to end it.
const LASTS: TimeDelta = TimeDelta::minutes(10);
const NAME: &str = "LightningSyncTestPage";
const SAYS: &str = "This is a test by `lightning-sync-exporter doctor --page`. Nothing is wrong.";

/// Sends it, follows it for as long as `within`, and ends it.
pub(super) async fn send(within: Duration, api: &ApiClient, report: &mut DoctorReport<'_, '_>) {
    let mark = format!("doctor-{}", now().nanos());
    let before = match counts(api).await {
        Ok(counts) => counts,
        Err(error) => return report.fail("page sent", error),
    };
    let others = match others(&mark, api).await {
        Ok(others) => others,
        Err(error) => return report.fail("page sent", error),
    };
    let begun = now();
    if let Err(error) = post(&mark, begun, begun.plus(LASTS), api).await {
        return report.fail("page sent", error);
    }
    report.pass("page sent", format!("{NAME} with mark={mark}"));
    let sent = SentAlert { mark: &mark, before, others };
    sent.follow(within, api, report).await;
    // Ended, so that it does not stand there; whoever was notified is notified of that too.
    if let Err(error) = post(&mark, begun, now(), api).await {
        report.warn("page ended", error);
    }
}

async fn post(
    mark: &str,
    begun: Timestamp,
    ends: Timestamp,
    api: &ApiClient,
) -> Result<(), String> {
    let at = |instant: Timestamp| instant.datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
    let alerts = json!([{
        "labels": { "alertname": NAME, "severity": "critical", "org": "test", "mark": mark },
        "annotations": { "summary": SAYS, "description": SAYS },
        "startsAt": at(begun),
        "endsAt": at(ends),
    }]);
    match api.post("/api/v2/alerts", &alerts).await? {
        (200, _) => Ok(()),
        (status, body) => Err(format!(
            "Alertmanager answers {status}: {}",
            String::from_utf8_lossy(&body).chars().take(200).collect::<String>()
        )),
    }
}

/// The alert that was sent, and what Alertmanager was busy with before.
struct SentAlert<'a> {
    mark: &'a str,
    before: BTreeMap<Series, NotificationCounts>,
    /// Other alerts that it may notify of.
    others: BTreeSet<String>,
}

impl SentAlert<'_> {
    async fn follow(
        mut self,
        within: Duration,
        api: &ApiClient,
        report: &mut DoctorReport<'_, '_>,
    ) {
        let looks = within.as_millis() / LOOK_EVERY.as_millis();
        // Nobody is routed yet; then, to whom, and until which look what is seen may be another alert's alone.
        let mut routed: Option<(Vec<String>, u128)> = None;
        for look in 0..=looks {
            match &routed {
                None => match whereabouts(self.mark, api).await {
                    Ok(None) => {}
                    Ok(Some(Whereabouts::Held(by))) => {
                        return report.fail("page held back", by);
                    }
                    Ok(Some(Whereabouts::Routed(receivers))) => {
                        let names = receivers.join(", ");
                        report.pass("page routed", format!("to receiver {names}"));
                        let shown = shown(api).await.unwrap_or_default();
                        if receivers.iter().all(|name| speaks(&shown, name) == Some(false)) {
                            return report.fail(
                                "page delivered",
                                format!("receiver {names} has nothing to send with; give it an integration"),
                            );
                        }
                        let wait = longest_wait(&shown) + SENDING;
                        let settled = look + wait.as_millis() / LOOK_EVERY.as_millis();
                        routed = Some((receivers, settled.min(looks)));
                    }
                    Err(error) => return report.fail("page routed", error),
                },
                Some((receivers, settled)) => match self.deliveries(receivers, api).await {
                    Ok(deliveries) => {
                        if let Some(verdict) = self.verdict(deliveries, look >= *settled) {
                            return verdict(report);
                        }
                    }
                    Err(error) => return report.fail("page delivered", error),
                },
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        report.fail(
            "page delivered",
            format!(
                "nothing was sent within {} s; is `group_wait` shorter than --page.within?",
                within.as_secs()
            ),
        );
    }

    /// What Alertmanager's counters tell since the beginning.
    async fn deliveries(
        &mut self,
        receivers: &[String],
        api: &ApiClient,
    ) -> Result<Deliveries, String> {
        let after = counts(api).await?;
        // Read again: what began meanwhile may be what was counted.
        self.others.append(&mut others(self.mark, api).await?);
        let rose = |pick: fn(&NotificationCounts) -> f64| {
            after.iter().find_map(|(series, now)| {
                let ours =
                    series.receiver.as_ref().is_none_or(|receiver| receivers.contains(receiver));
                let rose = pick(now) > self.before.get(series).map_or(0.0, pick);
                // Counted for the receiver itself, or nobody else was notified.
                let certainly = series.receiver.is_some() || self.others.is_empty();
                (ours && rose).then(|| (series.integration.clone(), certainly))
            })
        };
        Ok(Deliveries {
            failed: rose(|counts| counts.failed),
            delivered: rose(|counts| counts.sent - counts.failed),
        })
    }

    /// What to say of it; nothing while there is more to wait for.
    fn verdict(&self, deliveries: Deliveries, settled: bool) -> Option<DeliveryVerdict> {
        let mark = self.mark.to_owned();
        let others = self.others.iter().cloned().collect::<Vec<_>>().join(", ");
        Some(match (deliveries.failed, deliveries.delivered) {
            (Some((by, true)), _) => Box::new(move |report| {
                report.fail("page delivered", fails(&by));
            }),
            (None, Some((by, true))) => Box::new(move |report| {
                report.pass(
                    "page delivered",
                    format!("by {by}; look whether somebody's phone says so"),
                );
            }),
            // From here on it may have been another alert's. A page that fails is seen to fail once its time has come.
            _ if !settled => return None,
            (Some((by, false)), None) => Box::new(move |report| {
                report.fail("page delivered", fails(&by));
            }),
            (Some((by, false)), Some(_)) => Box::new(move |report| {
                report.fail(
                    "page delivered",
                    format!(
                        "some notifications by {by} fail and some go out; {others} was active too, and Alertmanager does not count one from the other: see its log, and look for mark={mark} where it should arrive"
                    ),
                );
            }),
            (None, Some((by, false))) => Box::new(move |report| {
                report.warn(
                    "page delivered",
                    format!(
                        "a notification went out by {by}, and none failed; {others} was active too, and Alertmanager does not count one from the other: look for mark={mark} where it should arrive"
                    ),
                );
            }),
            (None, None) => return None,
        })
    }
}

/// Notifications since the beginning: by what, and whether they cannot have been another alert's.
struct Deliveries {
    failed: Option<(String, bool)>,
    delivered: Option<(String, bool)>,
}

/// A last line of the report.
type DeliveryVerdict = Box<dyn FnOnce(&mut DoctorReport<'_, '_>)>;

fn fails(integration: &str) -> String {
    format!("sending by {integration} fails; Alertmanager's log says why, and it tries again")
}

/// The names of other alerts that Alertmanager may be telling of.
async fn others(mark: &str, api: &ApiClient) -> Result<BTreeSet<String>, String> {
    let path = "/api/v2/alerts?silenced=false&inhibited=false";
    let (status, body) = api.get(path).await?;
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

/// The configuration as Alertmanager shows it.
async fn shown(api: &ApiClient) -> Option<String> {
    let (status, body) = api.get("/api/v2/status").await.ok()?;
    let answer = json(&body);
    let shown = answer.pointer("/config/original")?.as_str()?.to_owned();
    (status == 200).then_some(shown)
}

/// The longest `group_wait` of a configuration as Alertmanager writes it; its own default where there is none.
fn longest_wait(shown: &str) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(30);
    let waits = shown
        .lines()
        .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("group_wait: "))
        .filter_map(|text| duration::parse(text).ok()?.to_std().ok());
    waits.max().unwrap_or(DEFAULT)
}

/// Whether a receiver has an integration, in a configuration as Alertmanager writes it; `None` when it is not found.
fn speaks(shown: &str, receiver: &str) -> Option<bool> {
    let lines = shown.lines().skip_while(|line| *line != "receivers:").skip(1);
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
async fn whereabouts(mark: &str, api: &ApiClient) -> Result<Option<Whereabouts>, String> {
    let path = format!("/api/v2/alerts?filter=mark%3D%22{mark}%22");
    let (status, body) = api.get(&path).await?;
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
        items.iter().filter_map(|item| name(item).as_str().map(str::to_owned)).collect()
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
        Some("active") => Some(Whereabouts::Routed(names(&alert["receivers"], Some("name")))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_without_an_integration_is_distinguished_from_one_with() {
        let shown = "route:\n  receiver: low\nreceivers:\n- name: low\n- name: page\n  webhook_configs:\n  - send_resolved: true\n    url: <secret>\n- name: \"odd name\"\ntemplates: []\n";
        assert_eq!(speaks(shown, "low"), Some(false));
        assert_eq!(speaks(shown, "page"), Some(true));
        assert_eq!(speaks(shown, "odd name"), Some(false));
        assert_eq!(speaks(shown, "other"), None);
        assert_eq!(speaks("receivers: []\n", "low"), None);
    }

    #[test]
    fn the_longest_wait_is_waited_for() {
        let shown = "route:\n  group_wait: 30s\n  routes:\n  - receiver: a\n    group_wait: 1m30s\n  - group_wait: 0s\n";
        assert_eq!(longest_wait(shown), Duration::from_secs(90));
        assert_eq!(longest_wait("route:\n  receiver: a\n"), Duration::from_secs(30));
    }
}
