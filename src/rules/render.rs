//! Rules as the files that Prometheus and its operator read.

use super::definition::{AlertRule, Group};
use super::words::{Runbooks, annotations};

/// Who reads the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `rule_files` of Prometheus.
    Prometheus,
    /// A `PrometheusRule` for the Prometheus Operator.
    Operator,
}

const PROMETHEUS: &str = "# Alert and recording rules for lightning-sync-exporter, generated from src/rules; a test compares the two.
# They recognise the exporter by what it exports, so they need no job name. Keep the evaluation interval below 5m:
# while an exporter is silent, its last verdicts are carried from one evaluation to the next.
";

const OPERATOR: &str = "# The rules of lightning-sync.rules.yaml for the Prometheus Operator, generated from src/rules; a test compares the two.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: lightning-sync
  labels:
    app.kubernetes.io/name: lightning-sync-exporter
spec:
";

/// All rules in the form of `format`, with links to `runbooks`.
pub fn render(format: Format, runbooks: Runbooks<'_>) -> String {
    let (head, margin) = match format {
        Format::Prometheus => (PROMETHEUS, 0),
        Format::Operator => (OPERATOR, 2),
    };
    let mut lines = vec!["groups:".to_owned()];
    for group in super::groups() {
        put_group(&mut lines, &group, runbooks);
    }
    let body: String = lines
        .iter()
        .map(|line| format!("{:margin$}{line}\n", ""))
        .collect();
    format!("{head}{body}")
}

fn put_group(lines: &mut Vec<String>, group: &Group, runbooks: Runbooks<'_>) {
    lines.push(format!("  - name: {}", group.name));
    lines.push("    rules:".to_owned());
    for rule in &group.recording {
        lines.push(format!("      - record: {}", rule.record));
        put_block(lines, 8, "expr", &rule.expr);
    }
    for rule in &group.alerts {
        put_alert(lines, rule, runbooks);
    }
}

fn put_alert(lines: &mut Vec<String>, rule: &AlertRule, runbooks: Runbooks<'_>) {
    lines.push(format!("      - alert: {}", rule.alert()));
    put_block(lines, 8, "expr", &rule.expr);
    if let Some(hold) = rule.hold {
        lines.push(format!("        for: {hold}"));
    }
    lines.push("        labels:".to_owned());
    lines.push(format!("          severity: {}", rule.severity()));
    lines.push("        annotations:".to_owned());
    for (name, text) in annotations(rule, runbooks) {
        put_block(lines, 10, name, &text);
    }
}

/// A text that needs no quoting whatever it holds: our texts have no empty lines, and none begins with a space.
fn put_block(lines: &mut Vec<String>, margin: usize, key: &str, text: &str) {
    lines.push(format!("{:margin$}{key}: |-", ""));
    lines.extend(text.lines().map(|line| format!("{:margin$}  {line}", "")));
}
