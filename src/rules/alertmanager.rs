//! The example configuration of Alertmanager: who is told when, and what is held back while its cause is told.

use crate::domain::causes::{Cause, Scope, Severity};

/// What is held back while an alert of `reason` fires: in the same organisation, or everywhere for the exporter.
///
/// A cause holds back its consequences; what pages for an organisation holds back what is said of its users. While no
/// exporter answers, everything below a page is what nobody can know any more; pages that were true when it fell silent
/// stay, as do those of organisations that another exporter watches.
pub fn inhibits(reason: Cause) -> Vec<Cause> {
    let pages = reason.severities().contains(&Severity::Critical);
    Cause::ALL
        .iter()
        .copied()
        .filter(|other| *other != reason && other.alert().is_some() && *other != Cause::Watchdog)
        .filter(|other| {
            let page = other.severities().contains(&Severity::Critical);
            match reason.scope() {
                Scope::Exporter => reason == Cause::ExporterDown && !page,
                Scope::Org => {
                    reason.consequences().contains(other)
                        || (pages && other.scope() == Scope::Users)
                }
                Scope::Users => reason.consequences().contains(other),
            }
        })
        .collect()
}

/// Whether only the critical alerts of `reason` hold back others: its warnings can wait beside them.
fn only_pages_silence(reason: Cause) -> bool {
    reason.consequences().is_empty() && reason.severities().contains(&Severity::Warning)
}

const HEAD: &str = r#"# Example configuration of Alertmanager for lightning-sync-exporter, generated from src/rules; a test compares the two.
# Put your receivers in the place of the webhooks. From Alertmanager 0.26 on, url_file keeps a secret URL out of this file.
route:
  receiver: low
  # One organisation's trouble is one message. Alerts of the exporter have no organisation and go together.
  group_by: [org]
  # Long enough that a cause and its consequences, found in the same minute, meet before anybody is told.
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 12h
  routes:
    # Its receiver complains when it stops coming: a dead man's switch outside this house.
    - matchers: [alertname = "Watchdog"]
      receiver: heartbeat
      group_wait: 0s
      group_interval: 1m
      repeat_interval: 1m
    - matchers: [severity = "critical"]
      receiver: page
      repeat_interval: 4h
    # What comes at night waits for the morning, unless it has ended by then.
    - matchers: [severity = "warning"]
      receiver: office-hours
      active_time_intervals: [office-hours]
      repeat_interval: 24h
    # To be seen on the page of the organisation and in Prometheus, not to be sent.
    - matchers: [severity = "info"]
      receiver: low

time_intervals:
  - name: office-hours
    time_intervals:
      - weekdays: ["monday:friday"]
        times: [{ start_time: "08:00", end_time: "18:00" }]
        location: Europe/Berlin

receivers:
  - name: low
  - name: page
    webhook_configs: [{ url: "http://127.0.0.1:9095/page" }]
  - name: office-hours
    webhook_configs: [{ url: "http://127.0.0.1:9095/office-hours" }]
  - name: heartbeat
    webhook_configs: [{ url: "http://127.0.0.1:9095/heartbeat", send_resolved: false }]

# One cause, one page.
inhibit_rules:
"#;

/// The whole file.
pub fn alertmanager() -> String {
    let mut rules: Vec<(Vec<Cause>, Vec<Cause>, bool)> = Vec::new();
    for reason in Cause::ALL.iter().copied() {
        let targets = inhibits(reason);
        if targets.is_empty() {
            continue;
        }
        let pages = only_pages_silence(reason);
        match rules
            .iter_mut()
            .find(|rule| rule.1 == targets && rule.2 == pages)
        {
            Some(rule) => rule.0.push(reason),
            None => rules.push((vec![reason], targets, pages)),
        }
    }
    let rules: String = rules
        .iter()
        .map(|(sources, targets, pages)| inhibition(sources, targets, *pages))
        .collect();
    format!("{HEAD}{rules}")
}

fn inhibition(sources: &[Cause], targets: &[Cause], only_pages: bool) -> String {
    let severity = if only_pages {
        ", severity = \"critical\""
    } else {
        ""
    };
    let exporter = sources
        .iter()
        .any(|source| source.scope() == Scope::Exporter);
    let equal = if exporter { "" } else { "    equal: [org]\n" };
    format!(
        "  - source_matchers: [alertname =~ \"{}\"{severity}]
    target_matchers:
      - >-
        alertname =~ \"{}\"
{equal}",
        names(sources),
        names(targets)
    )
}

fn names(reasons: &[Cause]) -> String {
    let names: Vec<&str> = reasons.iter().filter_map(|reason| reason.alert()).collect();
    names.join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consequence_is_silenced_and_no_alert_silences_itself_by_a_detour() {
        for reason in Cause::ALL {
            let silenced = inhibits(*reason);
            for consequence in reason.consequences() {
                assert!(silenced.contains(consequence), "{reason} → {consequence}");
            }
            for other in silenced {
                assert!(
                    !inhibits(other).contains(reason),
                    "{reason} and {other} silence each other"
                );
            }
        }
    }

    #[test]
    fn a_dead_exporter_silences_no_page_that_was_true() {
        let silenced = inhibits(Cause::ExporterDown);
        assert!(silenced.contains(&Cause::UsersFailing));
        for page in [
            Cause::NoSyncIn24Hours,
            Cause::ObservationsStale,
            Cause::ServiceAccountMissing,
        ] {
            assert!(!silenced.contains(&page));
        }
    }
}
