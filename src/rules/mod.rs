//! Alert and recording rules as data, and the files made from them: `alerts/`, `deploy/alertmanager/`, `docs/runbooks/`.
//!
//! What an alert means is decided in [`crate::domain::judge`]; the PromQL here says the same, and a test runs both over
//! the same timelines. Severities come from [`crate::domain::causes`], words from [`crate::guidance`]. This room does
//! no I/O: it returns texts.
//!
//! How a rule is built, and why:
//! 1. `instance:lightning_sync_…:verdict` is what one exporter says of one thing: 0 for no, anything above for yes (a
//!    severity, a count or an instant, as told where it is made). It is absent while that exporter cannot know.
//!    When the exporter falls silent its last verdict stays, see `exporters.rs`.
//! 2. `org:lightning_sync_…:verdict` is the most hopeful of all exporters that answer, else of those that fell silent.
//! 3. The alert compares that with 0 and gives way to another alert that says the same thing better.
//!
//! A new alert is a variant of `Cause`, a verdict and an alert in the file of its group; the compiler and
//! `every_reason_with_an_alert_has_a_rule` find what was forgotten.

mod account;
mod alertmanager;
mod daemon;
mod definition;
mod exporters;
mod lifecycle;
mod polling;
mod prometheus;
mod render;
mod runbooks;
mod silence;
mod sync;
mod users;
mod verdict;
mod words;

pub use alertmanager::{alertmanager, inhibits};
pub use definition::{AlertRule, Group, RecordingRule};
pub use prometheus::{Site, prometheus};
pub use render::{Format, render};
pub use runbooks::runbook;
pub use words::{Runbooks, next_step, owners};

/// The group of all alerts.
pub const ALERT_GROUP: &str = "lightning-sync";
/// The group of what the alerts are made from; its rules are evaluated in order, each seeing those before it.
pub const VERDICT_GROUP: &str = "lightning-sync-verdicts";

/// Both groups, in the order in which they are to be evaluated.
pub fn groups() -> Vec<Group> {
    let parts = [
        account::part(),
        sync::part(),
        silence::part(),
        users::part(),
        lifecycle::part(),
        polling::part(),
        daemon::part(),
    ];
    let mut recording = exporters::rules();
    let mut alerts = Vec::new();
    for part in parts {
        recording.extend(part.recording);
        alerts.extend(part.alerts);
    }
    vec![
        Group {
            name: VERDICT_GROUP,
            recording,
            alerts: Vec::new(),
        },
        Group {
            name: ALERT_GROUP,
            recording: Vec::new(),
            alerts,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::causes::Cause;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_with_an_alert_has_a_rule_for_each_of_its_severities() {
        let expected: BTreeSet<(&str, &str)> = Cause::ALL
            .iter()
            .filter_map(|reason| Some((reason, reason.alert()?)))
            .flat_map(|(reason, alert)| {
                let none = reason.severities().is_empty().then_some("none");
                let severities = reason.severities().iter().map(|severity| severity.name());
                severities.chain(none).map(move |name| (alert, name))
            })
            .collect();
        let groups = groups();
        let found: Vec<(&str, &str)> = groups
            .iter()
            .flat_map(|group| &group.alerts)
            .map(|rule| (rule.alert(), rule.severity()))
            .collect();
        assert_eq!(found.len(), expected.len());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn every_series_of_our_own_is_recorded_before_it_is_read() {
        let mut recorded = BTreeSet::new();
        for group in groups() {
            for rule in &group.recording {
                recorded.insert(rule.record.clone());
                assert_reads(&rule.record, &rule.expr, &recorded);
            }
            for rule in &group.alerts {
                assert_reads(rule.alert(), &rule.expr, &recorded);
            }
        }
    }

    fn assert_reads(rule: &str, expr: &str, recorded: &BTreeSet<String>) {
        for name in expr
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
            .filter(|token| token.starts_with("org:") || token.starts_with("instance:"))
        {
            // An exporter's state refers to what it was at the evaluation before.
            let latch = name == "instance:lightning_sync_org:named";
            assert!(latch || recorded.contains(name), "{rule} reads {name}");
        }
    }
}
