//! The vendor's article as data, in our words: what each row and state means, what to do next in order, and who.
//! Alerts, pages, `explain`, runbooks and JSON are made from it; no other room has a text of its own about a status.

mod causes;
mod documents;
mod explain;
mod org_rows;
mod state;
mod successor;
mod user_rows;
pub mod verdict;

pub use documents::{markdown, runbook, runbook_with};
pub use explain::{ExplainError, Row, State, explain, row_by_name, state_by_name};
pub use state::OrgState;
pub use successor::{cause_of, org_row_of, user_row_of};

use crate::domain::causes::Cause;
use crate::domain::ids::closed_set;
use crate::domain::rows::{OrgRow, Status, UserRow};

closed_set! {
    /// Who has to act.
    Owner {
        /// Who sets Salesforce up.
        SalesforceAdmin = "salesforce admin",
        /// Who runs Exchange.
        ExchangeAdmin = "exchange admin",
        /// The vendor.
        SalesforceSupport = "salesforce support",
        /// The user whose mailbox it is.
        User = "the user",
        /// Who runs Prometheus and this program.
        Monitoring = "whoever runs the monitoring",
        /// Nobody yet: time decides.
        Wait = "wait",
        /// Nobody: all is well.
        Nobody = "none",
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What, as one short imperative sentence or question with its consequence.
    pub text: &'static str,
    /// Who.
    pub owner: Owner,
}

/// Writes steps as `Owner: "text"`, in order.
macro_rules! steps {
    ($($owner:ident: $text:expr),* $(,)?) => {
        &[$($crate::guidance::Step { text: $text, owner: $crate::guidance::Owner::$owner }),*]
    };
}
use steps;

/// Writes a row's guide: `Owner [because Cause]: "meaning", steps…`.
macro_rules! row {
    ($owner:ident: $meaning:expr $(, $who:ident: $text:expr)* $(,)?) => {
        $crate::guidance::RowGuide {
            meaning: $meaning,
            steps: $crate::guidance::steps![$($who: $text),*],
            owner: $crate::guidance::Owner::$owner,
            reason: None,
        }
    };
    ($owner:ident because $reason:ident: $meaning:expr $(, $who:ident: $text:expr)* $(,)?) => {
        $crate::guidance::RowGuide {
            meaning: $meaning,
            steps: $crate::guidance::steps![$($who: $text),*],
            owner: $crate::guidance::Owner::$owner,
            reason: Some($crate::domain::causes::Cause::$reason),
        }
    };
}
use row;

/// What a row means in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGuide {
    /// What it means, in one or two sentences.
    pub meaning: &'static str,
    /// What to do next, in order; empty when there is nothing to do.
    pub steps: &'static [Step],
    /// Who acts first.
    pub owner: Owner,
    /// The cause that this state is evidence of, if it is.
    pub reason: Option<Cause>,
}

/// What a cause means and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CauseGuide {
    /// The alert's summary: one static sentence with a full stop.
    pub summary: &'static str,
    /// What it means: the runbook's first section.
    pub meaning: &'static str,
    /// What suffers while it lasts: the runbook's second section.
    pub impact: &'static str,
    /// What to do next, in order.
    pub steps: &'static [Step],
    /// Who acts first.
    pub owner: Owner,
}

/// The article's label of an organisation's row.
pub const fn org_label(row: OrgRow) -> &'static str {
    org_rows::label(row)
}

/// The article's label of a user's row.
pub const fn user_label(row: UserRow) -> &'static str {
    user_rows::label(row)
}

/// What an organisation's row means in a state; `None` when the row cannot show that state.
pub fn org_row(row: OrgRow, state: OrgState) -> Option<&'static RowGuide> {
    org_rows::guide(row, state)
}

/// What a user's row means in a state; `None` when the row cannot show that state. The two counts take any status.
pub fn user_row(row: UserRow, status: Status) -> Option<&'static RowGuide> {
    user_rows::guide(row, status)
}

/// What a cause means and what to do.
pub const fn cause(reason: Cause) -> &'static CauseGuide {
    causes::guide(reason)
}

#[cfg(test)]
mod tests;
