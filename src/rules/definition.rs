//! What a rule is.

use crate::domain::causes::{Cause, Severity};
use chrono::TimeDelta;

/// A series that is computed at every evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingRule {
    /// The series' name: `level:metric:what`.
    pub record: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// PromQL.
    pub expr: String,
}

/// A condition that somebody is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// Why; it names the alert and finds its words.
    pub cause: Cause,
    /// PromQL; its labels are the alert's.
    pub expr: String,
    /// How long it has to hold, in whole minutes; `None`: at once.
    pub hold: Option<TimeDelta>,
    /// The `severity` label, where the series has none.
    pub severity: Option<&'static str>,
    /// The facts of the moment, as a template.
    pub description: String,
}

impl AlertRule {
    /// The alert's name.
    pub fn alert(&self) -> &'static str {
        self.cause.alert().unwrap_or(self.cause.name())
    }

    /// Its `for`, as Prometheus writes it.
    pub(super) fn wait(&self) -> Option<String> {
        Some(format!("{}m", self.hold?.num_minutes()))
    }

    /// The severities that it can have, worst first.
    pub fn severities(&self) -> Vec<&'static str> {
        match self.severity {
            Some(severity) => vec![severity],
            None => {
                self.cause.severities().iter().map(|severity| Severity::name(*severity)).collect()
            }
        }
    }
}

/// Rules that are evaluated together, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// How often it is evaluated.
    pub interval: &'static str,
    /// Its recording rules.
    pub recording: Vec<RecordingRule>,
    /// Its alerts.
    pub alerts: Vec<AlertRule>,
}
