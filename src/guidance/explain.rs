//! Finding a row and a state by what people type or copy: ids, the article's labels and values, in any letter case.

use super::{OrgState, Owner, RowGuide, org_row_of, user_row_of};
use crate::domain::causes::Cause;
use crate::domain::policy::Product;
use crate::domain::rows::{ArticleRow, OrgRow, RowKind, RowSpec, Status};

/// What any row can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowState {
    /// A state of an organisation's row.
    Org(OrgState),
    /// A state of a user's row.
    User(Status),
    /// A number, in one of the user's two count rows.
    Count,
}

/// Why nothing can be explained, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExplainError(String);

impl RowState {
    /// The state's name in JSON and behind the `=`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Org(state) => state.name(),
            Self::User(status) => status.name(),
            Self::Count => "number",
        }
    }
}

/// The states that the row can show.
pub fn states_of(row: ArticleRow) -> Vec<RowState> {
    match row {
        ArticleRow::Org(row) => OrgState::of(row).iter().copied().map(RowState::Org).collect(),
        ArticleRow::User(row) if row.statuses().is_empty() => vec![RowState::Count],
        ArticleRow::User(row) => row.statuses().iter().copied().map(RowState::User).collect(),
    }
}

/// What the row means in a state; `None` when it cannot show that state.
pub fn guide_of(row: ArticleRow, state: RowState) -> Option<RowGuide> {
    let product = Product::LightningSync;
    match (row, state) {
        (ArticleRow::Org(row), RowState::Org(state)) => org_row_of(product, row, state),
        (ArticleRow::User(row), RowState::User(status)) if !row.statuses().is_empty() => {
            user_row_of(product, row, status)
        }
        (ArticleRow::User(row), RowState::Count) if row.statuses().is_empty() => {
            user_row_of(product, row, Status::Unknown)
        }
        _ => None,
    }
}

/// The rows of a name: one for an id; for a label all that carry it, so "Last sync activity" is two. Empty when no
/// row is called so.
pub fn row_by_name(name: &str) -> Vec<ArticleRow> {
    let name = plain(name);
    let exact: Vec<ArticleRow> = ArticleRow::all().filter(|row| row.spec().id == name).collect();
    if exact.is_empty() {
        ArticleRow::all().filter(|row| is_called(row.spec(), &name)).collect()
    } else {
        exact
    }
}

/// Whether `name`, already [`plain`], is one of the names of a row.
fn is_called(row: &RowSpec, name: &str) -> bool {
    let label = plain(row.label);
    let of_object = row.object_type.and_then(|object| {
        let rest = name.strip_prefix(object.name())?;
        Some(rest.trim_start_matches([':', '.', ' ']) == label)
    });
    name == label
        || of_object == Some(true)
        || name == row.check
        || name == row.name
        || Some(name) == row.id.strip_prefix("user.")
}

/// The state that `value` names in a row: our names, the article's words, a mark, a number, or an account's name.
pub fn state_by_name(row: ArticleRow, value: &str) -> Option<RowState> {
    let value = plain(value);
    let states = states_of(row);
    if let Some(state) = states.iter().find(|state| state.name() == value) {
        return Some(*state);
    }
    let is_count = matches!(row.spec().kind, RowKind::Count(_));
    let state = match (row, value.parse::<u64>().ok().filter(|_| is_count)) {
        (ArticleRow::Org(_), Some(0)) => RowState::Org(OrgState::Zero),
        (ArticleRow::Org(_), Some(_)) => RowState::Org(OrgState::Number),
        (ArticleRow::User(_), Some(_)) => RowState::Count,
        (ArticleRow::Org(OrgRow::ServiceAccountProvided), None) if !value.is_empty() => {
            RowState::Org(OrgState::Named)
        }
        (ArticleRow::Org(OrgRow::LastSync(_)), None) => RowState::Org(age(&value)?),
        (ArticleRow::Org(_), None) => {
            RowState::Org(if mark(&value)? { OrgState::Yes } else { OrgState::No })
        }
        (ArticleRow::User(_), None) => RowState::User(status(&value)?),
    };
    states.contains(&state).then_some(state)
}

/// What `explain` prints: all rows for `None`, else the meaning and the steps of a row or of `ROW=VALUE`.
///
/// # Errors
/// [`ExplainError`] when the row or its state is not known.
pub fn explain(query: Option<&str>) -> Result<String, ExplainError> {
    let Some(query) = query else {
        return Ok(list());
    };
    let (name, value) =
        query.split_once('=').map_or((query, None), |(name, value)| (name, Some(value)));
    let rows = row_by_name(name);
    if rows.is_empty() {
        let name = name.trim();
        return Err(ExplainError(format!(
            "no row is called `{name}`; `explain` without a name lists all 25"
        )));
    }
    let mut parts = Vec::new();
    for row in rows {
        let states = match value {
            None => states_of(row),
            Some(value) => vec![state_by_name(row, value).ok_or_else(|| unknown(row, value))?],
        };
        parts.push(of_row(row, &states));
    }
    Ok(parts.join("\n"))
}

fn unknown(row: ArticleRow, value: &str) -> ExplainError {
    let states: Vec<&str> = states_of(row).into_iter().map(RowState::name).collect();
    let (row, value, states) = (row.spec().id, value.trim(), states.join(", "));
    ExplainError(format!("`{row}` never shows `{value}`; it shows: {states}"))
}

fn list() -> String {
    ArticleRow::all().map(|row| format!("{:<28} {}\n", row.spec().id, row.spec().label)).collect()
}

fn of_row(row: ArticleRow, states: &[RowState]) -> String {
    let mut lines = vec![format!("{}  ({})", row.spec().label, row.spec().id)];
    for state in states {
        let Some(guide) = guide_of(row, *state) else {
            continue;
        };
        lines.push(format!("\n{}: {}", state.name(), guide.meaning.marked()));
        for (number, step) in (1..).zip(guide.steps) {
            let who =
                if step.owner == Owner::Wait { String::new() } else { format!("{}: ", step.owner) };
            lines.push(format!("  {number}. {who}{}", step.text.marked()));
        }
        if let Some(alert) = guide.cause.and_then(Cause::alert) {
            lines.push(format!("  alert: {alert}"));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Lower case, single blanks, straight apostrophes, no colon at the end.
fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches(':').trim_end().to_owned()
}

fn age(value: &str) -> Option<OrgState> {
    [("minutes", OrgState::Minutes), ("hours", OrgState::Hours), ("past date", OrgState::Past)]
        .into_iter()
        .find_map(|(word, state)| value.ends_with(word).then_some(state))
}

fn mark(value: &str) -> Option<bool> {
    match value {
        "yes" | "check" | "checkmark" | "true" | "\u{2713}" | "\u{2714}" => Some(true),
        "no" | "x" | "false" | "\u{2717}" | "\u{2718}" => Some(false),
        _ => None,
    }
}

fn status(value: &str) -> Option<Status> {
    match value {
        "exchange configuration not set to sync" => Some(Status::NotSetToSync),
        "not shown" => Some(Status::None),
        _ => match mark(value) {
            Some(true) => Some(Status::Yes),
            Some(false) => Some(Status::No),
            None => Status::from_name(&value.replace(' ', "_")),
        },
    }
}

#[cfg(test)]
mod tests;
