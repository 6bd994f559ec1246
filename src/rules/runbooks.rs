//! One runbook for each alert, made from guidance and the rules.

use super::alertmanager::silences;
use super::definition::AlertRule;
use super::verdict::series;
use crate::domain::reasons::Reason;
use crate::guidance;
use std::fmt::Write;

/// The runbook of an alert; `None` for a reason that has no alert.
pub fn runbook(reason: Reason) -> Option<String> {
    let alert = reason.alert()?;
    let guide = guidance::cause(reason);
    let groups = super::groups();
    let rules: Vec<&AlertRule> = groups
        .iter()
        .flat_map(|group| &group.alerts)
        .filter(|rule| rule.reason == reason)
        .collect();
    let mut out = format!(
        "# {alert}\n\n{}\n\n## Meaning\n\n{}\n\n## Impact\n\n{}\n\n## Diagnosis\n\n",
        guide.summary, guide.meaning, guide.impact
    );
    // Writing into a String cannot fail.
    for rule in &rules {
        let wait = rule
            .hold
            .map_or(String::new(), |hold| format!(", for {hold}"));
        let _ = write!(
            out,
            "It fires with severity `{}` while this has a result{wait}:\n\n```promql\n{}\n```\n\n",
            rule.severity(),
            rule.expr
        );
    }
    let verdict = series(reason);
    if rules.iter().any(|rule| rule.expr.contains(&verdict)) {
        let own = verdict.replacen("org:", "instance:", 1);
        let _ = write!(
            out,
            "`{own}` shows what each exporter says of it; the most hopeful that answers counts. \
             While none answers, the last word counts for three days.\n\n"
        );
    }
    let causes: Vec<&str> = Reason::ALL
        .iter()
        .filter(|cause| silences(**cause).contains(&reason))
        .filter_map(|cause| cause.alert())
        .collect();
    if !causes.is_empty() {
        let _ = write!(
            out,
            "Held back while one of these fires, because that comes first:\n\n{}\n",
            list(&causes)
        );
    }
    let held: Vec<&str> = silences(reason)
        .iter()
        .filter_map(|other| other.alert())
        .collect();
    if !held.is_empty() {
        let _ = write!(
            out,
            "While it fires, these are held back:\n\n{}\n",
            list(&held)
        );
    }
    out.push_str("## Mitigation\n\n");
    if guide.steps.is_empty() {
        out.push_str("Nothing to do.\n");
    }
    for (index, step) in guide.steps.iter().enumerate() {
        let _ = writeln!(out, "{}. {} ({})", index + 1, step.text, step.owner);
    }
    Some(out)
}

fn list(alerts: &[&str]) -> String {
    alerts
        .iter()
        .map(|alert| format!("- [{alert}]({alert}.md)\n"))
        .collect()
}
