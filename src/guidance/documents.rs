//! Documents made from guidance: the table of statuses and the runbooks. Writing files is somebody else's.

use super::explain::{Row, State};
use super::{CauseGuide, Owner, Step, cause};
use crate::domain::causes::Cause;

/// `docs/statuses.md`: every row and state with meaning, steps and owner.
pub fn markdown() -> String {
    let mut lines = vec![String::from(PREFACE)];
    let mut section = "";
    for row in Row::all() {
        let title = match row {
            Row::Org(_) => "The organisation",
            Row::User(_) => "A user",
        };
        if title != section {
            lines.push(format!("## {title}\n"));
            section = title;
        }
        let of = row
            .object_type()
            .map_or_else(String::new, |object| format!(" ({object})"));
        lines.push(format!("### {}{of}\n\n`{}`\n", row.label(), row.id()));
        for state in row.states() {
            push_state(&mut lines, row, state);
        }
    }
    finish(lines)
}

const PREFACE: &str = "# Statuses: what each row means and what to do\n\n\
    Made from the program's own guidance; `lightning-sync-exporter explain ROW=VALUE` prints the same. The labels \
    are those of the Lightning Sync status page. Owner is who acts first.\n\n\
    Three corrections to the vendor's page about these rows: its texts for \"24 hours … 0\" speak of 60 minutes, \
    and the one about events of contacts; here the titles hold. \"A few minutes\" and \"a past date\" are the \
    settings `fresh_within` and `stale_after`, decided by age and not by the calendar. The 24 hours count from \
    the last sync, not from when somebody noticed.\n";

fn push_state(lines: &mut Vec<String>, row: Row, state: State) {
    let Some(guide) = row.guide(state) else {
        return;
    };
    let cause = guide.reason.map_or_else(String::new, |reason| {
        format!(" Cause: {}.", alert_or_name(reason))
    });
    let (name, meaning, owner) = (state.name(), guide.meaning, guide.owner);
    lines.push(format!("**{name}**: {meaning} Owner: {owner}.{cause}\n"));
    push_steps(lines, guide.steps);
}

/// A cause's runbook: what it means, what suffers, how to tell, what to do.
pub fn runbook(reason: Cause) -> String {
    runbook_with(reason, "")
}

/// [`runbook`] with `more` as the last paragraphs of the diagnosis, such as the alert's expression.
pub fn runbook_with(reason: Cause, more: &str) -> String {
    let CauseGuide {
        summary,
        meaning,
        impact,
        steps,
        ..
    } = cause(reason);
    let title = reason.alert().unwrap_or(reason.name());
    let mut lines = vec![
        format!("# {title}\n\n{summary}\n"),
        format!("## Meaning\n\n{meaning}\n"),
        format!("## Impact\n\n{impact}\n"),
        String::from("## Diagnosis\n"),
    ];
    lines.extend(diagnosis(reason));
    lines.push(String::new());
    if !more.is_empty() {
        lines.push(format!("{}\n", more.trim_end()));
    }
    lines.push(String::from("## Mitigation\n"));
    if steps.is_empty() {
        lines.push(String::from("Nothing is to be done while it fires."));
    }
    push_steps(&mut lines, steps);
    finish(lines)
}

fn diagnosis(reason: Cause) -> Vec<String> {
    let mut facts = Vec::new();
    let severities: Vec<&str> = reason
        .severities()
        .iter()
        .map(|severity| severity.name())
        .collect();
    if !severities.is_empty() {
        facts.push(format!("- Severity: {}.", severities.join(" or ")));
    }
    facts.push(format!("- Finding: `{reason}`."));
    facts.extend(
        reason
            .why_no_alert()
            .map(|why| format!("- No alert: {why}.")),
    );
    for row in Row::all() {
        for state in row.states() {
            if row.guide(state).and_then(|guide| guide.reason) == Some(reason) {
                let (id, name) = (row.id(), state.name());
                facts.push(format!("- Evidence: `{id}` shows `{name}`."));
            }
        }
    }
    let causes = Cause::ALL
        .iter()
        .filter(|cause| cause.consequences().contains(&reason));
    facts.extend(named("Held back while one of these holds", causes));
    facts.extend(named("Holds back", reason.consequences().iter()));
    facts
}

fn named<'a>(title: &str, reasons: impl Iterator<Item = &'a Cause>) -> Option<String> {
    let names: Vec<String> = reasons.copied().map(alert_or_name).collect();
    (!names.is_empty()).then(|| format!("- {title}: {}.", names.join(", ")))
}

fn alert_or_name(reason: Cause) -> String {
    match reason.alert() {
        Some(alert) => alert.to_owned(),
        None => format!("`{reason}`"),
    }
}

fn push_steps(lines: &mut Vec<String>, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    for (number, Step { text, owner }) in (1..).zip(steps) {
        lines.push(if *owner == Owner::Wait {
            format!("{number}. {text}")
        } else {
            format!("{number}. {text} *({owner})*")
        });
    }
    lines.push(String::new());
}

/// One text that ends with one line feed.
fn finish(lines: Vec<String>) -> String {
    let text = lines.join("\n");
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_has_four_sections_in_order() {
        assert_eq!(
            runbook_with(Cause::Delayed, "Expression:\n\n```promql\nup\n```\n"),
            "# LightningSyncDelayed\n\n\
             Sync is later than usual.\n\n\
             ## Meaning\n\n\
             The last sync is older than a few minutes and younger than the 24-hour limit. A first sync can look like \
             this for hours.\n\n\
             ## Impact\n\n\
             Changes reach the other side late. Nothing is lost.\n\n\
             ## Diagnosis\n\n\
             - Severity: info.\n\
             - Finding: `delayed`.\n\
             - Evidence: `contacts.last_sync` shows `hours`.\n\
             - Evidence: `events.last_sync` shows `hours`.\n\
             - Held back while one of these holds: LightningSyncServiceAccountMissing, \
             LightningSyncServiceAccountNotRecognized, LightningSyncNoLinkedUsers.\n\n\
             Expression:\n\n```promql\nup\n```\n\n\
             ## Mitigation\n\n\
             1. Watch it; if it does not resume, the 24-hour alert speaks.\n\
             2. Did somebody just set up, reset or assign many users? Then wait for their first sync to end. \
             *(salesforce admin)*\n\
             3. Do not want to wait? Look in Setup, Lightning Sync Status, at the service account first. \
             *(salesforce admin)*\n"
        );
    }

    #[test]
    fn every_runbook_has_all_four_sections() {
        for reason in Cause::ALL {
            let text = runbook(*reason);
            let sections: Vec<&str> = text
                .lines()
                .filter(|line| line.starts_with("## "))
                .collect();
            assert_eq!(
                sections,
                ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"],
                "{reason}"
            );
        }
    }

    /// Run once with `UPDATE_GENERATED=1` after a change of words.
    #[test]
    fn the_document_of_statuses_is_the_one_that_guidance_makes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/statuses.md");
        let made = markdown();
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            kept, made,
            "docs/statuses.md is out of date: UPDATE_GENERATED=1"
        );
    }
}
