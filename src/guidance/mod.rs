//! The vendor's article as data, in our words: what each row and state means, what to do next in order, and who.
//! Alerts, pages, `explain`, runbooks and JSON are made from it; no other room has a text of its own about a status.

mod causes;
mod org_rows;
mod user_rows;

use crate::domain::ids::closed_set;
use crate::domain::reasons::Reason;
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
    ($($owner:ident: $text:literal),* $(,)?) => {
        &[$($crate::guidance::Step { text: $text, owner: $crate::guidance::Owner::$owner }),*]
    };
}
use steps;

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
    pub reason: Option<Reason>,
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

/// What an organisation's row can show, told apart as the article does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrgState {
    /// A name is shown.
    Named,
    /// "None" is shown.
    NoneShown,
    /// A check, or Yes.
    Yes,
    /// An X, or No.
    No,
    /// The expected number.
    Expected,
    /// Another number than expected.
    Unexpected,
    /// A number, with nothing to compare it with.
    Number,
    /// 0.
    Zero,
    /// Within the last few minutes.
    Minutes,
    /// Within a few hours.
    Hours,
    /// On a past date: older than the documented 24 hours.
    Past,
    /// Nobody has said.
    Unknown,
}

impl OrgState {
    /// The states a row can show.
    pub const fn of(row: OrgRow) -> &'static [Self] {
        match row {
            OrgRow::ServiceAccountProvided => &[Self::Named, Self::NoneShown, Self::Unknown],
            OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
                &[Self::Yes, Self::No, Self::Unknown]
            }
            OrgRow::LinkedUsers => &[
                Self::Expected,
                Self::Unexpected,
                Self::Number,
                Self::Zero,
                Self::Unknown,
            ],
            OrgRow::LastSync(_) => &[Self::Minutes, Self::Hours, Self::Past, Self::Unknown],
            OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
                &[Self::Number, Self::Zero, Self::Unknown]
            }
        }
    }

    /// The state's name in JSON and for `explain ROW=VALUE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::NoneShown => "none",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Expected => "expected",
            Self::Unexpected => "unexpected",
            Self::Number => "number",
            Self::Zero => "zero",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Past => "past",
            Self::Unknown => "unknown",
        }
    }
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
pub const fn cause(reason: Reason) -> &'static CauseGuide {
    causes::guide(reason)
}
