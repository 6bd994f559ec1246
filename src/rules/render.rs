//! Rules as the files that Prometheus and its operator read.

use super::definition::{AlertRule, Group};
use super::words::annotations;
use std::fmt::Write;

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

/// All rules in the form of `format`.
pub fn render(format: Format) -> String {
    let (head, margin) = match format {
        Format::Prometheus => (PROMETHEUS, 0),
        Format::Operator => (OPERATOR, 2),
    };
    let mut body = String::from("groups:\n");
    for group in super::groups() {
        write_group(&mut body, &group);
    }
    let mut text = String::from(head);
    for line in body.lines() {
        if line.is_empty() {
            text.push('\n');
        } else {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{:margin$}{line}", "");
        }
    }
    text
}

fn write_group(out: &mut String, group: &Group) {
    let _ = write!(out, "  - name: {}\n    rules:\n", group.name);
    for rule in &group.recording {
        let _ = writeln!(out, "      - record: {}", rule.record);
        write_block(out, 8, "expr", &rule.expr);
    }
    for rule in &group.alerts {
        write_alert(out, rule);
    }
}

fn write_alert(out: &mut String, rule: &AlertRule) {
    let _ = writeln!(out, "      - alert: {}", rule.alert());
    write_block(out, 8, "expr", &rule.expr);
    if let Some(hold) = rule.hold {
        let _ = writeln!(out, "        for: {hold}");
    }
    let _ = write!(
        out,
        "        labels:\n          severity: {}\n        annotations:\n",
        rule.severity()
    );
    for (name, text) in annotations(rule) {
        write_block(out, 10, name, &text);
    }
}

/// A text that needs no quoting whatever it holds: our texts have no trailing spaces and no leading ones.
fn write_block(out: &mut String, margin: usize, key: &str, text: &str) {
    let _ = writeln!(out, "{:margin$}{key}: |-", "");
    for line in text.lines() {
        let _ = writeln!(out, "{:margin$}  {line}", "");
    }
}
