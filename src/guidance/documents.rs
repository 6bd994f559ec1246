//! Documents made from guidance: the table of statuses and the runbooks. Writing files is somebody else's.

use super::explain::{Row, State};
use super::{CauseGuide, Owner, Step, cause};
use crate::domain::reasons::Reason;
use std::fmt::Write as _;

/// `docs/statuses.md`: every row and state with meaning, steps and owner.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Statuses: what each row means and what to do\n\n\
         Made from the program's own guidance; `lightning-sync-exporter explain ROW=VALUE` prints the same. The labels \
         are those of the Lightning Sync status page. Owner is who acts first.\n\n\
         Three corrections to the vendor's page about these rows: its texts for \"24 hours … 0\" speak of 60 minutes, \
         and the one about events of contacts; here the titles hold. \"A few minutes\" and \"a past date\" are the \
         settings `fresh_within` and `stale_after`, decided by age and not by the calendar. The 24 hours count from \
         the last sync, not from when somebody noticed.\n",
    );
    let mut section = "";
    for row in Row::all() {
        let title = match row {
            Row::Org(_) => "The organisation",
            Row::User(_) => "A user",
        };
        if title != section {
            let _ = write!(out, "\n## {title}\n");
            section = title;
        }
        match row.object_type() {
            Some(object) => {
                let _ = write!(out, "\n### {} ({object})\n\n`{}`\n", row.label(), row.id());
            }
            None => {
                let _ = write!(out, "\n### {}\n\n`{}`\n", row.label(), row.id());
            }
        }
        for state in row.states() {
            write_state(&mut out, row, state);
        }
    }
    out
}

fn write_state(out: &mut String, row: Row, state: State) {
    let Some(guide) = row.guide(state) else {
        return;
    };
    let _ = write!(
        out,
        "\n**{}**: {} Owner: {}.",
        state.name(),
        guide.meaning,
        guide.owner
    );
    match guide.reason {
        Some(reason) => {
            let _ = writeln!(out, " Cause: {}.", alert_or_name(reason));
        }
        None => out.push('\n'),
    }
    if !guide.steps.is_empty() {
        out.push('\n');
        write_steps(out, guide.steps);
    }
}

/// A cause's runbook: what it means, what suffers, how to tell, what to do.
pub fn runbook(reason: Reason) -> String {
    runbook_with(reason, "")
}

/// [`runbook`] with `more` as the last paragraphs of the diagnosis, such as the alert's expression.
pub fn runbook_with(reason: Reason, more: &str) -> String {
    let CauseGuide {
        summary,
        meaning,
        impact,
        steps,
        ..
    } = cause(reason);
    let mut out = format!(
        "# {}\n\n{summary}\n\n## Meaning\n\n{meaning}\n\n## Impact\n\n{impact}\n\n## Diagnosis\n\n",
        reason.alert().unwrap_or(reason.name())
    );
    write_diagnosis(&mut out, reason);
    if !more.is_empty() {
        let _ = write!(out, "\n{}\n", more.trim_end());
    }
    out.push_str("\n## Mitigation\n\n");
    if steps.is_empty() {
        out.push_str("Nothing is to be done while it fires.\n");
    }
    write_steps(&mut out, steps);
    out
}

fn write_diagnosis(out: &mut String, reason: Reason) {
    let severities: Vec<&str> = reason
        .severities()
        .iter()
        .map(|severity| severity.name())
        .collect();
    if !severities.is_empty() {
        let _ = writeln!(out, "- Severity: {}.", severities.join(" or "));
    }
    let _ = writeln!(out, "- Finding: `{reason}`.");
    if let Some(why) = reason.why_no_alert() {
        let _ = writeln!(out, "- No alert: {why}.");
    }
    for row in Row::all() {
        for state in row.states() {
            if row.guide(state).and_then(|guide| guide.reason) == Some(reason) {
                let _ = writeln!(out, "- Evidence: `{}` shows `{}`.", row.id(), state.name());
            }
        }
    }
    let causes = Reason::ALL
        .iter()
        .filter(|cause| cause.consequences().contains(&reason));
    write_links(out, "Held back while one of these holds", causes.copied());
    write_links(out, "Holds back", reason.consequences().iter().copied());
}

fn write_links(out: &mut String, title: &str, reasons: impl Iterator<Item = Reason>) {
    let links: Vec<String> = reasons.map(alert_or_name).collect();
    if !links.is_empty() {
        let _ = writeln!(out, "- {title}: {}.", links.join(", "));
    }
}

fn alert_or_name(reason: Reason) -> String {
    match reason.alert() {
        Some(alert) => alert.to_owned(),
        None => format!("`{reason}`"),
    }
}

fn write_steps(out: &mut String, steps: &[Step]) {
    for (index, Step { text, owner }) in steps.iter().enumerate() {
        let _ = match owner {
            Owner::Wait => writeln!(out, "{}. {text}", index + 1),
            owner => writeln!(out, "{}. {text} *({owner})*", index + 1),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_has_four_sections_in_order() {
        assert_eq!(
            runbook_with(Reason::Delayed, "Expression:\n\n```promql\nup\n```\n"),
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
        for reason in Reason::ALL {
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
