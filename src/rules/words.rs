//! An alert's annotations, made from guidance.

use super::definition::AlertRule;
use crate::guidance::{self, CauseGuide, Owner};

/// Where a daemon answers unless it is configured otherwise: what alerts link to when nobody says better.
pub const LOCAL: &str = "http://127.0.0.1:9877";

/// The runbook of an alert, where a daemon that people reach at `url` serves it.
pub fn runbook_url(url: &str, alert: &str) -> String {
    format!("{}/runbooks/{alert}", url.trim_end_matches('/'))
}

/// The steps of a cause, numbered, one a line.
pub fn next_step(guide: &CauseGuide) -> String {
    if guide.steps.is_empty() {
        return "Nothing to do.".to_owned();
    }
    let lines: Vec<String> = guide
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| format!("{}. {}", index + 1, step.text.plain()))
        .collect();
    lines.join("\n")
}

/// Who acts first, and who for which of the steps: "salesforce admin; exchange admin for 2, 4; salesforce support for 6".
pub fn owners(guide: &CauseGuide) -> String {
    let mut others: Vec<(Owner, Vec<String>)> = Vec::new();
    for (index, step) in guide.steps.iter().enumerate() {
        let number = (index + 1).to_string();
        match others.iter_mut().find(|(owner, _)| *owner == step.owner) {
            Some((_, numbers)) => numbers.push(number),
            None if step.owner != guide.owner() => others.push((step.owner, vec![number])),
            None => {}
        }
    }
    let others: String = others
        .iter()
        .map(|(owner, numbers)| format!("; {owner} for {}", numbers.join(", ")))
        .collect();
    format!("{}{others}", guide.owner())
}

/// Name and text of every annotation, in the order they are read.
pub(super) fn annotations(rule: &AlertRule, url: &str) -> [(&'static str, String); 6] {
    let guide = guidance::cause(rule.cause);
    let url = url.trim_end_matches('/');
    [
        ("summary", guide.summary.to_owned()),
        ("description", rule.description.clone()),
        ("next_step", next_step(guide)),
        ("owner", owners(guide)),
        ("runbook_url", runbook_url(url, rule.alert())),
        ("page_url", format!("{url}/{{{{ with $labels.org }}}}orgs/{{{{ . }}}}{{{{ end }}}}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::causes::Cause;

    #[test]
    fn owners_say_which_steps_are_whose() {
        assert_eq!(
            owners(guidance::cause(Cause::ServiceAccountMissing)),
            "salesforce admin; exchange admin for 2, 4; salesforce support for 6"
        );
        assert_eq!(owners(guidance::cause(Cause::Watchdog)), "none");
    }

    #[test]
    fn no_words_of_guidance_are_taken_for_a_template() {
        for reason in Cause::ALL {
            let guide = guidance::cause(*reason);
            for text in [guide.summary.to_owned(), next_step(guide), owners(guide)] {
                assert!(!text.contains("{{"), "{reason}: {text}");
            }
        }
    }
}
