//! Alert and recording rules as data, and the files made from them: `alerts/`, `deploy/alertmanager/`, `docs/runbooks/`.
//!
//! What is wrong is decided in [`crate::domain::judge`], once, and exported as findings. The rules carry what a lost
//! exporter found, merge what several exporters say, and select by cause. Severities come from
//! [`crate::domain::causes`], words from [`crate::guidance`]. This module does no I/O: it returns texts.
//!
//! A new alert is a variant of `Cause`, a word of `judge` and a line in `alerts.rs`.

mod alertmanager;
mod alerts;
mod definition;
mod identity;
mod prometheus;
mod recording;
mod render;
mod runbooks;
mod words;

pub use alertmanager::{alertmanager, holds_back, inhibits};
pub use definition::{AlertRule, Group, RecordingRule};
pub use identity::{Labels, ScrapeTarget, alert_of, rule, shared};
pub use prometheus::{Site, prometheus};
pub use render::{Format, render};
pub use runbooks::runbook;

/// The first group: its rules are evaluated in order, each seeing those before it.
pub const GROUP: &str = "lightning-sync";

/// How often they are evaluated: nothing here is news within seconds, and what a Prometheus pays for 1,000 organisations
/// is paid once a minute.
pub const INTERVAL: &str = "1m";

/// The alerts that wait for ten minutes anyway. They read what the first group recorded.
pub const SLOW: &str = "lightning-sync-slow";

/// Prometheus makes all texts of an alert anew with every evaluation: what waits for ten minutes need not cost that each
/// minute. Below the five minutes for which Prometheus sees a sample, so that the series of an alert has no gaps.
pub const SLOW_INTERVAL: &str = "4m";

/// All rules.
pub fn groups() -> Vec<Group> {
    let (slow, soon) = alerts::rules().into_iter().partition(alerts::is_slow);
    vec![
        Group { name: GROUP, interval: INTERVAL, recording: recording::rules(), alerts: soon },
        Group { name: SLOW, interval: SLOW_INTERVAL, recording: Vec::new(), alerts: slow },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::causes::Cause;
    use std::collections::BTreeSet;

    #[test]
    fn every_cause_with_an_alert_has_a_rule() {
        let groups = groups();
        let rules = groups.iter().flat_map(|group| &group.alerts);
        let found: BTreeSet<&str> = rules.map(AlertRule::alert).collect();
        let expected: BTreeSet<&str> =
            Cause::ALL.iter().filter_map(|cause| cause.alert()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_series_of_our_own_is_recorded_before_it_is_read() {
        let mut recorded = BTreeSet::new();
        for group in groups() {
            for rule in &group.recording {
                recorded.insert(rule.record);
                assert_reads(rule.record, &rule.expr, &recorded);
            }
            for rule in &group.alerts {
                assert_reads(rule.alert(), &rule.expr, &recorded);
            }
        }
    }

    fn assert_reads(rule: &str, expr: &str, recorded: &BTreeSet<&str>) {
        for name in expr
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
            .filter(|token| token.starts_with("org:") || token.starts_with("instance:"))
        {
            // From their own past.
            let earlier =
                ["instance:lightning_sync_org:watched", "instance:lightning_sync_finding:since"]
                    .contains(&name);
            assert!(earlier || recorded.contains(name), "{rule} reads {name}");
        }
    }
}
