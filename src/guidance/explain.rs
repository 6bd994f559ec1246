//! Finding a row and a state by what people type or copy: ids, the article's labels and values, in any letter case.

use super::{OrgState, Owner, RowGuide, org_label, org_row, user_label, user_row};
use crate::domain::ids::ObjectType;
use crate::domain::rows::{OrgRow, Status, UserRow};
use std::fmt::Write as _;

/// Any of the 25 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// A row of the organisation.
    Org(OrgRow),
    /// A row of a user.
    User(UserRow),
}

/// What any row can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A state of an organisation's row.
    Org(OrgState),
    /// A state of a user's row.
    User(Status),
    /// A number, in one of the user's two count rows.
    Count,
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No row has this id or label.
    #[error("no row is called `{0}`; `explain` without a name lists all 25")]
    UnknownRow(String),
    /// The row cannot show this.
    #[error("`{row}` never shows `{value}`; it shows: {states}")]
    UnknownState {
        /// The row's id.
        row: &'static str,
        /// What was asked for.
        value: String,
        /// What it can show.
        states: String,
    },
}

impl Row {
    /// Every row, in the article's order.
    pub fn all() -> impl Iterator<Item = Self> {
        let users = UserRow::ALL.iter().copied().map(Self::User);
        OrgRow::ALL.into_iter().map(Self::Org).chain(users)
    }

    /// The id, such as `contacts.last_sync` or `user.reset`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Org(row) => row.id(),
            Self::User(row) => row.name(),
        }
    }

    /// The article's label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Org(row) => org_label(row),
            Self::User(row) => user_label(row),
        }
    }

    /// The object type that the row speaks of, if it speaks of one.
    pub const fn object_type(self) -> Option<ObjectType> {
        match self {
            Self::Org(row) => row.object_type(),
            Self::User(row) => row.object_type(),
        }
    }

    /// The states that the row can show.
    pub fn states(self) -> Vec<State> {
        match self {
            Self::Org(row) => OrgState::of(row).iter().copied().map(State::Org).collect(),
            Self::User(row) if row.statuses().is_empty() => vec![State::Count],
            Self::User(row) => row.statuses().iter().copied().map(State::User).collect(),
        }
    }

    /// What the row means in a state; `None` when it cannot show that state.
    pub fn guide(self, state: State) -> Option<&'static RowGuide> {
        match (self, state) {
            (Self::Org(row), State::Org(state)) => org_row(row, state),
            (Self::User(row), State::User(status)) if !row.statuses().is_empty() => {
                user_row(row, status)
            }
            (Self::User(row), State::Count) if row.statuses().is_empty() => {
                user_row(row, Status::Unknown)
            }
            (Self::Org(_) | Self::User(_), State::Org(_) | State::User(_) | State::Count) => None,
        }
    }

    /// Whether `name`, already [`plain`], is one of the names of this row.
    fn is_called(self, name: &str) -> bool {
        let label = plain(self.label());
        if name == label {
            return true;
        }
        if let Some(object) = self.object_type()
            && let Some(rest) = name.strip_prefix(object.name())
            && rest.trim_start_matches([':', '.', ' ']) == label
        {
            return true;
        }
        match self {
            Self::Org(row) => name == row.name(),
            Self::User(row) => {
                name == row.check() || Some(name) == row.name().strip_prefix("user.")
            }
        }
    }
}

impl State {
    /// The state's name in JSON and behind the `=`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Org(state) => state.name(),
            Self::User(status) => status.name(),
            Self::Count => "number",
        }
    }
}

/// The rows of a name: one for an id; for a label all that carry it, so "Last sync activity" is two. Empty when no
/// row is called so.
pub fn row_by_name(name: &str) -> Vec<Row> {
    let name = plain(name);
    let exact: Vec<Row> = Row::all().filter(|row| row.id() == name).collect();
    if exact.is_empty() {
        Row::all().filter(|row| row.is_called(&name)).collect()
    } else {
        exact
    }
}

/// The state that `value` names in a row: our names, the article's words, a mark, a number, or an account's name.
pub fn state_by_name(row: Row, value: &str) -> Option<State> {
    let value = plain(value);
    let states = row.states();
    if let Some(state) = states.iter().find(|state| state.name() == value) {
        return Some(*state);
    }
    let number = value.parse::<u64>().ok();
    let said = match (row, number) {
        (Row::Org(OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_)), Some(0)) => {
            State::Org(OrgState::Zero)
        }
        (Row::Org(OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_)), Some(_)) => {
            State::Org(OrgState::Number)
        }
        (Row::User(UserRow::ContactsRecords | UserRow::EventsRecords), Some(_)) => State::Count,
        (Row::Org(OrgRow::ServiceAccountProvided), _) if !value.is_empty() => {
            State::Org(OrgState::Named)
        }
        (Row::Org(OrgRow::LastSync(_)), _) => State::Org(age(&value)?),
        (Row::Org(_), _) => State::Org(match mark(&value)? {
            true => OrgState::Yes,
            false => OrgState::No,
        }),
        (Row::User(_), _) => State::User(status(&value)?),
    };
    states.contains(&said).then_some(said)
}

/// What `explain` prints: all rows for `None`, else the meaning and the steps of a row or of `ROW=VALUE`.
///
/// # Errors
/// [`ExplainError`] when the row or its state is not known.
pub fn explain(asked: Option<&str>) -> Result<String, ExplainError> {
    let Some(asked) = asked else {
        return Ok(list());
    };
    let (name, value) = match asked.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (asked, None),
    };
    let rows = row_by_name(name);
    if rows.is_empty() {
        return Err(ExplainError::UnknownRow(name.trim().into()));
    }
    let mut out = String::new();
    for (index, row) in rows.into_iter().enumerate() {
        let states = match value {
            None => row.states(),
            Some(value) => vec![state_by_name(row, value).ok_or_else(|| unknown(row, value))?],
        };
        if index > 0 {
            out.push('\n');
        }
        write_row(&mut out, row, &states);
    }
    Ok(out)
}

fn unknown(row: Row, value: &str) -> ExplainError {
    let states: Vec<&str> = row.states().into_iter().map(State::name).collect();
    ExplainError::UnknownState {
        row: row.id(),
        value: value.trim().into(),
        states: states.join(", "),
    }
}

fn list() -> String {
    let mut out = String::new();
    for row in Row::all() {
        let _ = writeln!(out, "{:<28} {}", row.id(), row.label());
    }
    out
}

fn write_row(out: &mut String, row: Row, states: &[State]) {
    let _ = writeln!(out, "{}  ({})", row.label(), row.id());
    for state in states {
        let Some(guide) = row.guide(*state) else {
            continue;
        };
        let _ = writeln!(out, "\n{}: {}", state.name(), guide.meaning);
        for (index, step) in guide.steps.iter().enumerate() {
            let _ = match step.owner {
                Owner::Wait => writeln!(out, "  {}. {}", index + 1, step.text),
                owner => writeln!(out, "  {}. {owner}: {}", index + 1, step.text),
            };
        }
        if let Some(alert) = guide.reason.and_then(|reason| reason.alert()) {
            let _ = writeln!(out, "  alert: {alert}");
        }
    }
}

/// Lower case, single blanks, straight apostrophes, no colon at the end.
fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches(':').trim_end().to_owned()
}

fn age(value: &str) -> Option<OrgState> {
    [
        ("minutes", OrgState::Minutes),
        ("hours", OrgState::Hours),
        ("past date", OrgState::Past),
    ]
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
mod tests {
    use super::*;

    fn ids(name: &str) -> Vec<&'static str> {
        row_by_name(name).into_iter().map(Row::id).collect()
    }

    fn state(row: &str, value: &str) -> Option<&'static str> {
        let row = row_by_name(row).into_iter().next()?;
        state_by_name(row, value).map(State::name)
    }

    #[test]
    fn every_id_and_every_label_finds_its_row() {
        assert_eq!(Row::all().count(), 25);
        for row in Row::all() {
            assert_eq!(row_by_name(row.id()), [row]);
            assert!(
                row_by_name(&row.label().to_uppercase()).contains(&row),
                "{row:?}"
            );
        }
    }

    #[test]
    fn a_label_that_two_rows_carry_finds_both_unless_the_object_type_stands_before_it() {
        assert_eq!(
            ids("Last sync activity:"),
            ["contacts.last_sync", "events.last_sync"]
        );
        assert_eq!(ids("Contacts: last sync activity"), ["contacts.last_sync"]);
        assert_eq!(
            ids("records in sync"),
            ["user.contacts.records", "user.events.records"]
        );
        assert_eq!(
            ids("synced_24h"),
            ["contacts.synced_24h", "events.synced_24h"]
        );
    }

    #[test]
    fn a_row_is_found_by_its_check_and_by_a_label_with_a_curly_apostrophe() {
        assert_eq!(ids("contacts_folder"), ["user.contacts.folder"]);
        assert_eq!(ids("reset"), ["user.reset"]);
        assert_eq!(ids("User\u{2019}s  reset sync status"), ["user.reset"]);
        assert_eq!(ids("last"), [""; 0]);
    }

    #[test]
    fn every_state_reads_back_by_its_name() {
        for row in Row::all() {
            for state in row.states() {
                assert_eq!(state_by_name(row, state.name()), Some(state), "{row:?}");
                assert!(row.guide(state).is_some(), "{row:?} {state:?}");
            }
        }
    }

    #[test]
    fn the_articles_values_name_states() {
        for (row, value, expected) in [
            ("service_account_provided", "svc-sfsync", Some("named")),
            ("service_account_provided", "None", Some("none")),
            ("service_account_provided", "", None),
            ("service_account_recognized", "X", Some("no")),
            ("outlook_integration", "Yes", Some("yes")),
            ("linked_users", "41", Some("number")),
            ("linked_users", "0", Some("zero")),
            ("events.last_sync", "A past date", Some("past")),
            (
                "events.last_sync",
                "within the last few minutes",
                Some("minutes"),
            ),
            ("contacts.synced_60m", "0", Some("zero")),
            ("contacts.synced_60m", "-1", None),
            ("user.reset", "Marked for reset", Some("marked_for_reset")),
            ("user.reset", "not shown", Some("none")),
            ("user.reset", "In sync", None),
            (
                "user.events.to_exchange",
                "Exchange configuration not set to sync",
                Some("not_set_to_sync"),
            ),
            ("user.events.to_exchange", "IN SYNC", Some("in_sync")),
            ("user.contacts.records", "312", Some("number")),
            ("user.contacts.records", "many", None),
        ] {
            assert_eq!(state(row, value), expected, "{row}={value}");
        }
    }

    #[test]
    fn explain_prints_the_meaning_the_steps_in_order_and_the_alert() {
        assert_eq!(
            explain(Some("contacts.synced_24h=0")).unwrap(),
            "Records synced in last 24 hours  (contacts.synced_24h)\n\n\
             zero: Not one contact synced in the last 24 hours. It is news when a working day lies among them; then \
             there is nothing to wait for.\n  \
             1. exchange admin: Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service \
             Account Access, with impersonation.\n  \
             2. salesforce support: Exchange answers and nothing syncs? Open a Salesforce case.\n  \
             alert: LightningSyncNothingIn24Hours\n"
        );
    }

    #[test]
    fn explain_without_a_name_lists_every_row_once() {
        let list = explain(None).unwrap();
        assert_eq!(list.lines().count(), 25);
        assert_eq!(
            list.lines().next(),
            Some("service_account_provided     Microsoft Exchange service account provided")
        );
    }

    #[test]
    fn explain_says_what_it_does_not_know() {
        assert_eq!(
            explain(Some("last_snyc")).unwrap_err().to_string(),
            "no row is called `last_snyc`; `explain` without a name lists all 25"
        );
        assert_eq!(
            explain(Some("user.reset=broken")).unwrap_err().to_string(),
            "`user.reset` never shows `broken`; it shows: none, marked_for_reset, reset_in_progress, unknown"
        );
    }
}
