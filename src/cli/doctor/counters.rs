//! Alertmanager's own counters of notifications.

use super::super::api_client::ApiClient;
use std::collections::BTreeMap;

/// What is counted together: always an integration, and its receiver where Alertmanager is configured to name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) integration: String,
    pub(super) receiver: Option<String>,
}

/// Notifications of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct NotificationCounts {
    pub(super) sent: f64,
    pub(super) failed: f64,
}

/// Notifications so far.
///
/// # Errors
/// In a sentence, when they cannot be had.
pub(super) async fn counts(
    api: &ApiClient,
) -> Result<BTreeMap<Series, NotificationCounts>, String> {
    let (status, body) = api.get("/metrics").await?;
    if status != 200 {
        return Err(format!("Alertmanager answers {status} to /metrics"));
    }
    Ok(counts_of(&String::from_utf8_lossy(&body)))
}

/// The value of a label in a line of a metrics page, where it has nothing that is escaped.
pub(super) fn label<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, labels) = line.split_once('{')?;
    labels
        .split('"')
        .zip(labels.split('"').skip(1))
        .find(|(key, _)| key.trim_start_matches(',').strip_suffix('=') == Some(name))
        .map(|(_, value)| value)
}

fn counts_of(text: &str) -> BTreeMap<Series, NotificationCounts> {
    let mut counts: BTreeMap<Series, NotificationCounts> = BTreeMap::new();
    for line in text.lines() {
        let (Some(name), Some(value)) = (line.split('{').next(), line.rsplit(' ').next()) else {
            continue;
        };
        let (Some(integration), Ok(value)) = (label(line, "integration"), value.parse::<f64>())
        else {
            continue;
        };
        let series = Series {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let series = |integration: &str, receiver: Option<&str>| Series {
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

    #[test]
    fn a_label_is_found_wherever_it_stands_and_only_by_its_whole_name() {
        let line = "a{source=\"x\",org=\"acme\",my_org=\"y\"} 1";
        assert_eq!(label(line, "org"), Some("acme"));
        assert_eq!(label(line, "source"), Some("x"));
        assert_eq!(label(line, "rce"), None);
        assert_eq!(label("a 1", "org"), None);
    }
}
