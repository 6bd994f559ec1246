//! One runbook for each alert, made from guidance and the rules.

use super::alertmanager::inhibits;
use super::definition::AlertRule;
use crate::domain::causes::Cause;
use crate::guidance;

/// The runbook of an alert; `None` for a cause that has no alert.
pub fn runbook(cause: Cause) -> Option<String> {
    let alert = cause.alert()?;
    let guide = guidance::cause(cause);
    let groups = super::groups();
    let rules: Vec<&AlertRule> =
        groups.iter().flat_map(|group| &group.alerts).filter(|rule| rule.cause == cause).collect();
    let mut out = vec![format!(
        "# {alert}\n\n{}\n\n## Meaning\n\n{}\n\n## Impact\n\n{}\n\n## Diagnosis\n\n",
        guide.summary,
        guide.meaning.marked(),
        guide.impact.marked()
    )];
    for rule in &rules {
        let wait = rule.wait().map_or(String::new(), |wait| format!(", for {wait}"));
        out.push(format!(
            "It fires with severity `{}` while this has a result{wait}:\n\n```promql\n{}\n```\n\n",
            rule.severities().join("` or `"),
            rule.expr
        ));
    }
    if rules.iter().any(|rule| rule.expr.contains("lightning_sync_finding:")) {
        out.push(
            "`instance:lightning_sync_finding:since` shows what holds by each exporter's last word; an exporter that answers and \
             has judged that it does not hold outweighs the others. A lost exporter's last word counts for three days, unless \
             one that answers has a word on the same.\n\n"
                .to_owned(),
        );
    }
    let names = |causes: &mut dyn Iterator<Item = Cause>| -> Vec<&str> {
        causes.filter_map(Cause::alert).collect()
    };
    let all = || Cause::ALL.iter().copied();
    let causes = names(&mut all().filter(|other| inhibits(*other).contains(&cause)));
    let held = names(&mut inhibits(cause).into_iter());
    if !causes.is_empty() {
        out.push(format!(
            "Held back while one of these fires, because that comes first:\n\n{}\n",
            list(&causes)
        ));
    }
    if !held.is_empty() {
        out.push(format!("While it fires, these are held back:\n\n{}\n", list(&held)));
    }
    out.push("## Mitigation\n\n".to_owned());
    if guide.steps.is_empty() {
        out.push("Nothing to do.\n".to_owned());
    }
    for (index, step) in guide.steps.iter().enumerate() {
        out.push(format!("{}. {} ({})\n", index + 1, step.text.marked(), step.owner));
    }
    Some(out.concat())
}

fn list(alerts: &[&str]) -> String {
    alerts.iter().map(|alert| format!("- [{alert}]({alert}.md)\n")).collect()
}
