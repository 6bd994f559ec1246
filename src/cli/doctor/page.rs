//! One marked alert through an Alertmanager: taken, routed, not held back, delivered; or where it stuck.

use super::super::api_client::ApiClient;
use super::{DoctorReport, json, label};
use crate::alerting::posted;
use crate::app::now;
use crate::config::duration;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use hyper::Method;
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

/// A last line of the report: how bad it is, about which step, and what to say.
type PageOutcome = (PageLine, &'static str, String);
type PageLine = fn(&mut DoctorReport<'_, '_>, &str, String);

fn passes(report: &mut DoctorReport<'_, '_>, step: &str, says: String) {
    report.pass(step, says);
}

fn warns(report: &mut DoctorReport<'_, '_>, step: &str, says: String) {
    report.warn(step, says);
}

fn fails(report: &mut DoctorReport<'_, '_>, step: &str, says: String) {
    report.fail(step, says);
}

/// Sends it, follows it for as long as `within`, and ends it.
pub(super) async fn send(within: Duration, api: &ApiClient, report: &mut DoctorReport<'_, '_>) {
    let mark = format!("doctor-{}", now().nanos());
    let begun = now();
    let sent = async {
        let (before, others) = (counts(api).await?, others(&mark, api).await?);
        post(&mark, begun, begun.plus(LASTS), api).await?;
        Ok::<_, String>(SentAlert { mark: &mark, before, others })
    };
    let sent = match sent.await {
        Ok(sent) => sent,
        Err(error) => return report.fail("page sent", error),
    };
    report.pass("page sent", format!("{NAME} with mark={mark}"));
    let (say, step, says) = sent.follow(within, api, report).await;
    say(report, step, says);
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
    let labels = json!({ "alertname": NAME, "severity": "critical", "org": "test", "mark": mark });
    let annotations = json!({ "summary": SAYS, "description": SAYS });
    let alerts = json!([posted(labels, annotations, begun, ends)]);
    match api.send(Method::POST, "/api/v2/alerts", alerts.to_string().into()).await? {
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
    before: BTreeMap<NotificationSeries, NotificationCounts>,
    /// Other alerts that it may notify of.
    others: BTreeSet<String>,
}

impl SentAlert<'_> {
    async fn follow(
        mut self,
        within: Duration,
        api: &ApiClient,
        report: &mut DoctorReport<'_, '_>,
    ) -> PageOutcome {
        const DELIVERED: &str = "page delivered";
        let looks = within.as_millis() / LOOK_EVERY.as_millis();
        // Nobody is routed yet; then, to whom, and until which look what is seen may be another alert's alone.
        let mut routed: Option<(Vec<String>, u128)> = None;
        for look in 0..=looks {
            match &routed {
                None => match whereabouts(self.mark, api).await {
                    Ok(None) => {}
                    Ok(Some(Whereabouts::Held(by))) => return (fails, "page held back", by),
                    Ok(Some(Whereabouts::Routed(receivers))) => {
                        let names = receivers.join(", ");
                        report.pass("page routed", format!("to receiver {names}"));
                        let shown = shown(api).await.unwrap_or_default();
                        if receivers.iter().all(|name| speaks(&shown, name) == Some(false)) {
                            let says = format!(
                                "receiver {names} has nothing to send with; give it an integration"
                            );
                            return (fails, DELIVERED, says);
                        }
                        let wait = longest_wait(&shown) + SENDING;
                        let settled = look + wait.as_millis() / LOOK_EVERY.as_millis();
                        routed = Some((receivers, settled.min(looks)));
                    }
                    Err(error) => return (fails, "page routed", error),
                },
                Some((receivers, settled)) => match self.deliveries(receivers, api).await {
                    Ok(deliveries) => {
                        if let Some((say, says)) = self.verdict(deliveries, look >= *settled) {
                            return (say, DELIVERED, says);
                        }
                    }
                    Err(error) => return (fails, DELIVERED, error),
                },
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let seconds = within.as_secs();
        let says = format!(
            "nothing was sent within {seconds} s; is `group_wait` shorter than --page.within?"
        );
        (fails, DELIVERED, says)
    }

    /// What Alertmanager's counters tell since the beginning: what failed, and what was delivered.
    async fn deliveries(
        &mut self,
        receivers: &[String],
        api: &ApiClient,
    ) -> Result<[Option<Notified>; 2], String> {
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
        Ok([rose(|counts| counts.failed), rose(|counts| counts.sent - counts.failed)])
    }

    /// What to say of what failed and what was delivered; nothing while there is more to wait for.
    fn verdict(
        &self,
        deliveries: [Option<Notified>; 2],
        settled: bool,
    ) -> Option<(PageLine, String)> {
        let mark = self.mark;
        let others = self.others.iter().cloned().collect::<Vec<_>>().join(", ");
        let [failed, delivered] = deliveries;
        let certain =
            |notified: &Option<Notified>| notified.as_ref().is_some_and(|(_, certain)| *certain);
        let certainly = certain(&failed) || (failed.is_none() && certain(&delivered));
        if !certainly && !settled {
            // From here on it may have been another alert's. A page that fails is seen to fail once its time has come.
            return None;
        }
        let not_counted = "was active too, and Alertmanager does not count one from the other";
        Some(match (failed, delivered) {
            (Some((by, true)), _) | (Some((by, false)), None) => (
                fails,
                format!("sending by {by} fails; Alertmanager's log says why, and it tries again"),
            ),
            (None, Some((by, true))) => {
                (passes, format!("by {by}; look whether somebody's phone says so"))
            }
            (Some((by, false)), Some(_)) => (
                fails,
                format!(
                    "some notifications by {by} fail and some go out; {others} {not_counted}: see its log, and look for mark={mark} where it should arrive"
                ),
            ),
            (None, Some((by, false))) => (
                warns,
                format!(
                    "a notification went out by {by}, and none failed; {others} {not_counted}: look for mark={mark} where it should arrive"
                ),
            ),
            (None, None) => return None,
        })
    }
}

/// A notification since the beginning: by what, and whether it cannot have been another alert's.
type Notified = (String, bool);

/// What is counted together: always an integration, and its receiver where Alertmanager is configured to name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct NotificationSeries {
    integration: String,
    receiver: Option<String>,
}

/// Notifications of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct NotificationCounts {
    sent: f64,
    failed: f64,
}

/// Notifications so far.
async fn counts(
    api: &ApiClient,
) -> Result<BTreeMap<NotificationSeries, NotificationCounts>, String> {
    let body = api.body("Alertmanager", "/metrics").await?;
    Ok(counts_of(&String::from_utf8_lossy(&body)))
}

fn counts_of(text: &str) -> BTreeMap<NotificationSeries, NotificationCounts> {
    let mut counts: BTreeMap<NotificationSeries, NotificationCounts> = BTreeMap::new();
    for line in text.lines() {
        let (Some(name), Some(value)) = (line.split('{').next(), line.rsplit(' ').next()) else {
            continue;
        };
        let (Some(integration), Ok(value)) = (label(line, "integration"), value.parse::<f64>())
        else {
            continue;
        };
        let series = NotificationSeries {
            integration: integration.to_owned(),
            receiver: label(line, "receiver_name").map(str::to_owned),
        };
        // Later versions split them by reason too.
        match name {
            "alertmanager_notification_requests_total" => {
                counts.entry(series).or_default().sent += value;
            }
            "alertmanager_notification_requests_failed_total" => {
                counts.entry(series).or_default().failed += value;
            }
            _ => {}
        }
    }
    counts
}

/// The names of other alerts that Alertmanager may notify of.
async fn others(mark: &str, api: &ApiClient) -> Result<BTreeSet<String>, String> {
    let body = api.body("Alertmanager", "/api/v2/alerts?silenced=false&inhibited=false").await?;
    let alerts = json(&body);
    let alerts = alerts.as_array().map(Vec::as_slice).unwrap_or_default();
    let labels = alerts.iter().map(|alert| &alert["labels"]);
    let name = |labels: &Value| {
        labels["alertname"].as_str().unwrap_or("an alert without a name").to_owned()
    };
    Ok(labels.filter(|labels| labels["mark"] != mark).map(name).collect())
}

/// The configuration as Alertmanager shows it.
async fn shown(api: &ApiClient) -> Option<String> {
    let answer = json(&api.body("Alertmanager", "/api/v2/status").await.ok()?);
    Some(answer.pointer("/config/original")?.as_str()?.to_owned())
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
    let alerts = json(&api.body("Alertmanager", &path).await?);
    let Some(alert) = alerts.get(0) else {
        return Ok(None);
    };
    let names = |list: &Value, name: fn(&Value) -> &Value| -> Vec<String> {
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| name(item).as_str().map(str::to_owned)).collect()
    };
    let state = &alert["status"];
    let silences = names(&state["silencedBy"], |id| id).join(", ");
    let inhibitors = names(&state["inhibitedBy"], |id| id).join(", ");
    Ok(match state["state"].as_str() {
        Some("suppressed") if !silences.is_empty() => Some(Whereabouts::Held(format!(
            "silence {silences} matches it, and so it may match real pages; end that silence"
        ))),
        Some("suppressed") => Some(Whereabouts::Held(format!(
            "alert {inhibitors} inhibits it; look at `inhibit_rules`"
        ))),
        Some("active") => {
            Some(Whereabouts::Routed(names(&alert["receivers"], |receiver| &receiver["name"])))
        }
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

    #[test]
    fn notifications_are_counted_by_integration_and_receiver_whatever_other_labels_there_are() {
        let counts = counts_of(
            "# TYPE alertmanager_notification_requests_total counter\n\
             alertmanager_notification_requests_total{integration=\"webhook\"} 3\n\
             alertmanager_notification_requests_failed_total{integration=\"webhook\",reason=\"other\"} 1\n\
             alertmanager_notification_requests_failed_total{integration=\"webhook\",reason=\"client\"} 1\n\
             alertmanager_notification_requests_total{integration=\"email\",receiver_name=\"page\"} 2\n\
             alertmanager_alerts{state=\"active\"} 4\n",
        );
        let series = |integration: &str, receiver: Option<&str>| NotificationSeries {
            integration: integration.to_owned(),
            receiver: receiver.map(str::to_owned),
        };
        let (webhook, email) = (
            NotificationCounts { sent: 3.0, failed: 2.0 },
            NotificationCounts { sent: 2.0, failed: 0.0 },
        );
        assert_eq!(
            counts,
            BTreeMap::from([
                (series("webhook", None), webhook),
                (series("email", Some("page")), email)
            ])
        );
    }
}
