//! What a rule is.

use crate::domain::causes::{Cause, Severity};

/// A series that is computed at every evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingRule {
    /// The series' name: `level:metric:what`.
    pub record: String,
    /// PromQL.
    pub expr: String,
}

/// A condition that somebody is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// Why; it names the alert and finds its words.
    pub reason: Cause,
    /// How soon somebody has to act; `None` for the watchdog.
    pub severity: Option<Severity>,
    /// PromQL; its labels are the alert's, so it aggregates away who said so.
    pub expr: String,
    /// How long it has to hold, as PromQL writes durations; `None`: at once, because the verdicts wait by themselves.
    pub hold: Option<&'static str>,
    /// The facts of the moment, as a template.
    pub description: String,
}

impl AlertRule {
    /// The alert's name.
    pub fn alert(&self) -> &'static str {
        self.reason.alert().unwrap_or(self.reason.name())
    }

    /// The `severity` label.
    pub fn severity(&self) -> &'static str {
        self.severity.map_or("none", Severity::name)
    }
}

/// Rules that are evaluated together, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// Its recording rules.
    pub recording: Vec<RecordingRule>,
    /// Its alerts.
    pub alerts: Vec<AlertRule>,
}

/// What one file of this room contributes.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) recording: Vec<RecordingRule>,
    pub(super) alerts: Vec<AlertRule>,
}

/// A recording rule.
pub(super) fn record(name: &str, expr: &str) -> RecordingRule {
    RecordingRule {
        record: name.to_owned(),
        expr: expr.trim().to_owned(),
    }
}
