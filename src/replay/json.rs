//! A replay as JSON.

use super::{HeldBack, HoldingSpan, Replay, ReplayedAlert};
use crate::domain::causes::Severity;
use serde::Serialize;

/// What would have alerted.
#[derive(Debug, Serialize)]
struct ReplayJson {
    org: String,
    from: String,
    until: String,
    step_seconds: i64,
    time_zone: &'static str,
    /// The policy's changes, as they were given.
    changes: Vec<String>,
    alerts: Vec<AlertJson>,
    alerts_left_out: usize,
    pages: usize,
    held_back: Vec<AlertJson>,
    unknown: Vec<UnknownJson>,
    not_known: &'static [&'static str],
}

#[derive(Debug, Serialize)]
struct AlertJson {
    alert: &'static str,
    cause: &'static str,
    severity: &'static str,
    object_type: Option<&'static str>,
    check: Option<&'static str>,
    from: String,
    /// Null: it goes on beyond the end.
    until: Option<String>,
    seconds: i64,
    pages: bool,
    held_back_by: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct UnknownJson {
    object_type: &'static str,
    from: String,
    until: Option<String>,
}

impl Replay {
    /// The whole as one JSON document.
    ///
    /// # Errors
    /// Never for what is in it.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let held = |span: &HoldingSpan<HeldBack>| {
            let HoldingSpan { key: HeldBack { alert, by }, from, until } = span.clone();
            AlertJson {
                pages: false,
                held_back_by: Some(by.name()),
                ..self.alert_json(&HoldingSpan { key: alert, from, until })
            }
        };
        let unknown = self.unknown.iter().map(|unknown| UnknownJson {
            object_type: unknown.key.name(),
            from: unknown.from.to_string(),
            until: unknown.until.map(|until| until.to_string()),
        });
        serde_json::to_string_pretty(&ReplayJson {
            org: self.org.to_string(),
            from: self.period.from.to_string(),
            until: self.period.until.to_string(),
            step_seconds: self.period.step.num_seconds(),
            time_zone: self.policy.time_zone.name(),
            changes: self.changes.clone(),
            alerts: self.alerts.iter().map(|alert| self.alert_json(alert)).collect(),
            alerts_left_out: self.left_out,
            pages: self.pages(),
            held_back: self.held_back.iter().map(held).collect(),
            unknown: unknown.collect(),
            not_known: self.not_known,
        })
        .map(|json| json + "\n")
    }

    fn alert_json(&self, alert: &HoldingSpan<ReplayedAlert>) -> AlertJson {
        let end = alert.until.unwrap_or(self.period.until);
        let subject = alert.key.subject;
        AlertJson {
            alert: alert.key.name(),
            cause: subject.cause.name(),
            severity: alert.key.severity.name(),
            object_type: subject.object_type.map(|object| object.name()),
            check: subject.check.map(|check| check.check()),
            from: alert.from.to_string(),
            until: alert.until.map(|until| until.to_string()),
            seconds: end.since(alert.from).num_seconds(),
            pages: alert.key.severity == Severity::Critical,
            held_back_by: None,
        }
    }
}
