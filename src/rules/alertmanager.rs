//! The example configuration of Alertmanager: who is notified when, and what is held back while its cause is notified.

use crate::domain::causes::{Cause, Scope, Severity};

/// What is held back while an alert of `cause` fires: in the same organisation, or of the same exporter.
///
/// A cause holds back its consequences; what pages for an organisation holds back what is found of its users. The
/// exporter holds them back itself, so this is for alerts that meet from several exporters. While no exporter that
/// watches an organisation answers, what is below a page is what nobody can know any more; pages that were true when it
/// was lost stay, and so does everything of organisations that another exporter watches.
pub fn inhibits(cause: Cause) -> Vec<Cause> {
    let pages = cause.severities().contains(&Severity::Critical);
    Cause::ALL
        .iter()
        .copied()
        .filter(|other| *other != cause && other.alert().is_some() && *other != Cause::Watchdog)
        .filter(|other| {
            let page = other.severities().contains(&Severity::Critical);
            match cause.scope() {
                Scope::Exporter => cause == Cause::ExporterDown && !page,
                Scope::Org => {
                    cause.consequences().contains(other) || (pages && other.scope() == Scope::Users)
                }
                Scope::Users => cause.consequences().contains(other),
            }
        })
        .collect()
}

/// Whether an alert of `cause` holds back one of `other` in the same organisation; `pages` and `other_pages` say whether each is
/// critical.
pub fn holds_back((cause, pages): (Cause, bool), (other, other_pages): (Cause, bool)) -> bool {
    let by = |by: &Silencing| match by {
        Silencing::All => true,
        Silencing::ByPages => pages,
        Silencing::ByWarnings => !pages && !other_pages,
    };
    inhibits(cause).contains(&other) && Silencing::of(cause).iter().any(by)
}

/// Which alerts of a cause hold back which of its consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silencing {
    /// Every alert, all of them.
    All,
    /// Critical ones, all of them.
    ByPages,
    /// Warnings, what is no page.
    ByWarnings,
}

impl Silencing {
    /// As `judge` has it: what is a page for its hours alone waits beside others while it is a warning, and a warning of the
    /// probe explains no page.
    fn of(cause: Cause) -> &'static [Self] {
        if cause.is_probed() {
            &[Self::ByPages, Self::ByWarnings]
        } else if cause.consequences().is_empty() && cause.severities().contains(&Severity::Warning)
        {
            &[Self::ByPages]
        } else {
            &[Self::All]
        }
    }
}

const HEAD: &str = r#"# Example configuration of Alertmanager for lightning-sync-exporter, generated from src/rules; a test compares the two.
# Put your receivers in the place of the webhooks: 127.0.0.1 is where Alertmanager runs, its own container if it is in
# one. From Alertmanager 0.26 on, url_file keeps a secret URL out of this file.
route:
  # Whatever nobody has routed reaches somebody.
  receiver: office-hours
  group_by: [alertname]
  routes:
    - matchers: [alertname =~ "LightningSync.+"]
      # A severity that is none of those below reaches somebody, at any hour.
      receiver: office-hours
      # One organisation's trouble is one message; what is about an exporter is one message for each.
      group_by: [org, job, instance]
      # Long enough that a cause and its consequences, found in the same minute, meet before a message goes out.
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 12h
      routes:
        # Its receiver complains when it stops coming: a dead man's switch somewhere else. It comes every minute.
        - matchers: [alertname = "LightningSyncWatchdog"]
          receiver: heartbeat
          group_by: [alertname]
          group_wait: 0s
          group_interval: 1m
          repeat_interval: 50s
        # One message for all organisations that no exporter watches, and one for each trouble that many of them share.
        - matchers: [alertname =~ "LightningSyncExporterDown|LightningSyncManyOrganizations", job = ""]
          receiver: page
          group_by: [alertname, cause]
          repeat_interval: 4h
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
  # What many organisations share is paged once, with their number and the first ten.
  - source_matchers: [alertname = "LightningSyncManyOrganizations"]
    target_matchers: [alertname =~ "LightningSync.+", severity = "critical", org != ""]
    equal: [cause]
  # The message about a dead exporter names the organisations that nobody else watches.
  - source_matchers: [alertname = "LightningSyncExporterDown", job != ""]
    target_matchers: [alertname = "LightningSyncExporterDown", org != ""]
  # What a dead exporter found of itself.
  - source_matchers: [alertname = "LightningSyncExporterDown", job != ""]
    target_matchers: [alertname =~ "LightningSync.+", severity = "warning", job != ""]
    equal: [job, instance]
"#;

/// The whole file.
pub fn alertmanager() -> String {
    let mut rules: Vec<(Vec<Cause>, Vec<Cause>, Silencing)> = Vec::new();
    for cause in Cause::ALL.iter().copied() {
        let targets = inhibits(cause);
        if targets.is_empty() {
            continue;
        }
        for by in Silencing::of(cause) {
            match rules.iter_mut().find(|rule| rule.1 == targets && rule.2 == *by) {
                Some(rule) => rule.0.push(cause),
                None => rules.push((vec![cause], targets.clone(), *by)),
            }
        }
    }
    let rules: String =
        rules.iter().map(|(sources, targets, by)| inhibition(sources, targets, *by)).collect();
    format!("{HEAD}{rules}")
}

fn inhibition(sources: &[Cause], targets: &[Cause], by: Silencing) -> String {
    let (severity, no_pages) = match by {
        Silencing::All => ("", ""),
        Silencing::ByPages => (", severity = \"critical\"", ""),
        Silencing::ByWarnings => (", severity = \"warning\"", "      - severity != \"critical\"\n"),
    };
    format!(
        "  - source_matchers: [alertname =~ \"{}\"{severity}, org != \"\"]
    target_matchers:
      - >-
        alertname =~ \"{}\"
{no_pages}    equal: [org]
",
        names(sources),
        names(targets)
    )
}

fn names(causes: &[Cause]) -> String {
    let names: Vec<&str> = causes.iter().filter_map(|cause| cause.alert()).collect();
    names.join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consequence_is_silenced_and_no_alert_silences_itself_by_a_detour() {
        for cause in Cause::ALL {
            let silenced = inhibits(*cause);
            for consequence in cause.consequences() {
                assert!(silenced.contains(consequence), "{cause} → {consequence}");
            }
            for other in silenced {
                assert!(!inhibits(other).contains(cause), "{cause} and {other} silence each other");
            }
        }
    }

    #[test]
    fn a_dead_exporter_silences_no_page_that_was_true() {
        let silenced = inhibits(Cause::ExporterDown);
        assert!(silenced.contains(&Cause::UsersFailing));
        for page in [Cause::NoSyncIn24Hours, Cause::ObservationsStale, Cause::ServiceAccountMissing]
        {
            assert!(!silenced.contains(&page));
        }
    }
}
