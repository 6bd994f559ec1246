//! `docs/statuses.md`, made from guidance.

use super::explain::{RowState, guide_of, states_of};
use super::{Owner, cause};
use crate::domain::rows::{ArticleRow, OrgRow, UserRow};

/// Every row and state with meaning, steps and owner.
pub fn markdown() -> String {
    let mut out = vec![String::from(PREFACE)];
    for row in ArticleRow::all() {
        match row {
            ArticleRow::Org(OrgRow::ServiceAccountProvided) => {
                out.push("\n## The organisation\n".into())
            }
            ArticleRow::User(UserRow::ActiveConfiguration) => out.push("\n## A user\n".into()),
            ArticleRow::Org(_) | ArticleRow::User(_) => {}
        }
        let of = row.spec().object_type.map_or_else(String::new, |object| format!(" ({object})"));
        out.push(format!("\n### {}{of}\n\n`{}`\n", row.spec().label, row.spec().id));
        for state in states_of(row) {
            push_state(&mut out, row, state);
        }
    }
    out.concat()
}

const PREFACE: &str = "# Statuses: what each row means and what to do\n\n\
    Made from the program's own guidance; `lightning-sync-exporter explain ROW=VALUE` prints the same. The labels \
    are those of the Lightning Sync status page. Owner is who acts first.\n\n\
    Three corrections to the vendor's page about these rows: its texts for \"24 hours … 0\" speak of 60 minutes, \
    and the one about events of contacts; here the titles hold. \"A few minutes\" and \"a past date\" are the \
    settings `fresh_within` and `stale_after`, decided by age and not by the calendar. The 24 hours count from \
    the last sync, not from when somebody noticed.\n";

fn push_state(out: &mut Vec<String>, row: ArticleRow, state: RowState) {
    let Some(guide) = guide_of(row, state) else {
        return;
    };
    let (name, meaning, owner) = (state.name(), guide.meaning.marked(), guide.owner());
    out.push(format!("\n**{name}**: {meaning} Owner: {owner}."));
    let mut steps = guide.steps;
    if let Some((of, alert)) = guide.cause.and_then(|of| Some((of, of.alert()?))) {
        // The cause's own steps stand in its runbook.
        let is_same = cause(of).steps == steps;
        let what = if is_same { "Steps" } else { "Alert" };
        out.push(format!(" {what}: [{alert}](runbooks/{alert}.md)."));
        if is_same {
            steps = &[];
        }
    }
    out.push("\n".into());
    for (number, step) in (1..).zip(steps) {
        let gap = if number == 1 { "\n" } else { "" };
        let owner =
            if step.owner == Owner::Wait { String::new() } else { format!(" *({})*", step.owner) };
        out.push(format!("{gap}{number}. {}{owner}\n", step.text.marked()));
    }
}
