//! From a condition to the two series of a verdict, and to the alert that reads them.

use super::definition::{AlertRule, RecordingRule, record};
use crate::domain::causes::{Cause, Severity};

/// What a verdict is about besides the organisation: the label that tells findings of one organisation apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The organisation as a whole.
    Org,
    /// One object type.
    Object,
    /// One check of its users.
    Check,
}

impl About {
    const fn labels(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Object => "org, object_type",
            Self::Check => "org, check",
        }
    }
}

/// One exporter's verdict.
pub(super) struct Verdict<'a> {
    pub(super) reason: Cause,
    pub(super) about: About,
    /// PromQL that is there, and above 0, while it holds.
    pub(super) holds: &'a str,
    /// PromQL that is there while the exporter can tell.
    pub(super) known: &'a str,
}

/// The name of the series that all exporters' verdicts end in.
pub(super) fn series(reason: Cause) -> String {
    format!("org:lightning_sync_{reason}:verdict")
}

impl Verdict<'_> {
    /// The two series. A retired organisation's verdict is 0, not absent: that an exporter says so is an answer.
    pub(super) fn rules(&self) -> [RecordingRule; 2] {
        let (labels, own) = (
            self.about.labels(),
            format!("instance:lightning_sync_{}:verdict", self.reason),
        );
        let (holds, known) = (indent(self.holds, 4), self.known.trim());
        let each = format!(
            "
(
  {own}
  and on (job, instance) instance:lightning_sync_exporter:held
  unless on (job, org) instance:lightning_sync_org:dropped
)
or
max by (job, instance, {labels}) (
  (
{holds}
  )
  unless on (job, instance, org) lightning_sync_retired == 1
)
or
max by (job, instance, {labels}) (0 * {known})"
        );
        let all = format!(
            "
min by ({labels}) ({own} and on (job, instance) instance:lightning_sync_exporter:answers)
or
min by ({labels}) ({own})"
        );
        [record(&own, &each), record(&series(self.reason), &all)]
    }
}

/// An alert that holds while its verdict is above 0, with the verdict as its value.
pub(super) fn alert(reason: Cause, severity: Severity, description: &str) -> AlertRule {
    AlertRule {
        reason,
        severity: Some(severity),
        expr: format!("{} > 0", series(reason)),
        hold: None,
        description: description.to_owned(),
    }
}

/// A verdict that says how severe it is.
pub(super) const fn level(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

/// An alert of a verdict whose value is a [`level`].
pub(super) fn alert_at(reason: Cause, severity: Severity, description: &str) -> AlertRule {
    AlertRule {
        expr: format!("{} == {}", series(reason), level(severity)),
        ..alert(reason, severity, description)
    }
}

/// An alert whose verdict is an instant in the past: the value is how long ago that was.
pub(super) fn alert_since(reason: Cause, severity: Severity, description: &str) -> AlertRule {
    AlertRule {
        expr: format!("time() - ({} > 0)", series(reason)),
        ..alert(reason, severity, description)
    }
}

impl AlertRule {
    /// Gives way, for the same labels, to alerts that say the same thing better.
    pub(super) fn unless(mut self, labels: &str, others: &[Cause]) -> Self {
        for other in others {
            self.expr = format!("{}\nunless on ({labels}) {} > 0", self.expr, series(*other));
        }
        self
    }
}

/// A fact of the moment in a template: `metric`, which is PromQL with `%q` for each of `labels`, then `text` with the
/// value as `.`. Nothing at all when the fact is not there, as while the exporter is down.
pub(super) fn fact(metric: &str, labels: &[&str], text: &str) -> String {
    let labels: String = labels
        .iter()
        .map(|label| format!(" $labels.{label}"))
        .collect();
    format!(
        "{{{{ with printf `{metric}`{labels} | query }}}}{{{{ with . | first | value }}}}{text}{{{{ end }}}}{{{{ end }}}}"
    )
}

fn indent(text: &str, by: usize) -> String {
    let lines: Vec<String> = text
        .trim()
        .lines()
        .map(|line| format!("{:by$}{line}", ""))
        .collect();
    lines.join("\n")
}
