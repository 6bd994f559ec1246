//! Rules as the files that Prometheus and its operator read.

use super::definition::{AlertRule, Group};
use super::words::annotations;
use crate::domain::external_url::ExternalUrl;

/// Who reads the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `rule_files` of Prometheus.
    Prometheus,
    /// A `PrometheusRule` for the Prometheus Operator.
    Operator,
}

const PROMETHEUS: &str = "# Alert and recording rules for lightning-sync-exporter, generated from src/rules; a test compares the two. The exporter
# judges; these carry what it found over an exporter that is lost, merge replicas, and select by cause. Name the scrape
# job so that lightning-sync is in it: a target that never answered is recognised by that. `rules --external-url URL`, or
# `rules --config.file FILE` with web.external_url in it, prints them with links that lead to your daemon.
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

/// All rules in the form of `format`, with links to the daemon that people reach at `url`.
pub fn render(format: Format, url: &ExternalUrl) -> String {
    let (head, margin) = match format {
        Format::Prometheus => (PROMETHEUS, 0),
        Format::Operator => (OPERATOR, 2),
    };
    let mut lines = vec!["groups:".to_owned()];
    for group in super::groups() {
        put_group(&mut lines, &group, url);
    }
    let body: String = lines.iter().map(|line| format!("{:margin$}{line}\n", "")).collect();
    format!("{head}{body}")
}

fn put_group(lines: &mut Vec<String>, group: &Group, url: &ExternalUrl) {
    lines.push(format!("  - name: {}", group.name));
    lines.push(format!("    interval: {}", group.interval));
    lines.push("    rules:".to_owned());
    for rule in &group.recording {
        lines.push(format!("      # {}", rule.about));
        lines.push(format!("      - record: {}", rule.record));
        put_expr(lines, &rule.expr);
    }
    for rule in &group.alerts {
        put_alert(lines, rule, url);
    }
}

fn put_alert(lines: &mut Vec<String>, rule: &AlertRule, url: &ExternalUrl) {
    lines.push(format!("      - alert: {}", rule.alert()));
    put_expr(lines, &rule.expr);
    if let Some(wait) = rule.wait() {
        lines.push(format!("        for: {wait}"));
    }
    if let Some(severity) = rule.severity {
        lines.push(format!("        labels: {{ severity: {severity} }}"));
    }
    // In flow style, so that an alert can be taken in at a glance.
    let [summary, description, next_step, owner, runbook_url, page_url] =
        annotations(rule, url).map(|(name, text)| format!("{name}: {}", quoted(&text)));
    lines.push(format!("        annotations: {{ {summary}, {owner},"));
    lines.push(format!("          {description},"));
    lines.push(format!("          {next_step}, {runbook_url}, {page_url} }}"));
}

/// An expression of several lines as a block; one of a single line has nothing that YAML would read otherwise.
fn put_expr(lines: &mut Vec<String>, expr: &str) {
    if expr.contains('\n') {
        lines.push("        expr: |-".to_owned());
        lines.extend(expr.lines().map(|line| format!("          {line}")));
    } else {
        lines.push(format!("        expr: {expr}"));
    }
}

/// A text as YAML quotes it, on one line.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
