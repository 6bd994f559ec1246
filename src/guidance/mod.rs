//! The vendor's article as data, in our words: what each row and state means, what to do next in order, and who.
//! Alerts, pages, `explain`, runbooks and JSON are made from it; no other module has a text of its own about a status.

mod causes;
pub mod exchange;
mod explain;
mod rows;
mod successor;
pub mod verdict;

pub use explain::{
    ExplainError, RowState, explain, guide_of, row_by_name, state_by_name, states_of,
};
pub use rows::OrgState;
pub use successor::{cause_of, org_row_of, user_row_of};

use crate::domain::causes::Cause;
use crate::domain::ids::closed_set;

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

/// A text in which commands, keys and names of fields stand between backticks. Each output renders the marks its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(&'static str);

impl Text {
    /// A text whose commands, keys and names are marked.
    pub const fn new(marked: &'static str) -> Self {
        Self(marked)
    }

    /// The text with its marks: Markdown, and what a terminal shows.
    pub const fn marked(self) -> &'static str {
        self.0
    }

    /// The text without marks, for annotations of alerts and JSON.
    pub fn plain(self) -> String {
        self.0.replace('`', "")
    }

    /// The text in pieces, each with whether it is code.
    pub fn pieces(self) -> impl Iterator<Item = (bool, &'static str)> {
        let pieces = self.0.split('`').enumerate();
        pieces.map(|(index, piece)| (index % 2 == 1, piece)).filter(|(_, piece)| !piece.is_empty())
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What, as one short imperative sentence or question with its consequence.
    pub text: Text,
    /// Who.
    pub owner: Owner,
}

/// A cause's summary, meaning, impact and steps, in this order, one text a line.
macro_rules! guide {
    ($summary:literal $meaning:literal $impact:literal $($owner:ident: $text:tt)*) => {
        &$crate::guidance::CauseGuide {
            summary: $summary,
            meaning: $crate::guidance::Text($meaning),
            impact: $crate::guidance::Text($impact),
            steps: $crate::guidance::steps![$($owner: $text),*],
        }
    };
}
use guide;

/// Writes steps as `Owner: "text"`, in order.
macro_rules! steps {
    ($($owner:ident: $text:expr),* $(,)?) => {
        &[$($crate::guidance::Step { text: $crate::guidance::Text($text), owner: $crate::guidance::Owner::$owner }),*]
    };
}
use steps;

/// What a row means in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGuide {
    /// What it means, in one or two sentences.
    pub meaning: Text,
    /// What to do next, in order; those of the cause where the row shows the same trouble; empty when there is
    /// nothing to do.
    pub steps: &'static [Step],
    /// The cause that this state is evidence of, if it is.
    pub cause: Option<Cause>,
}

impl RowGuide {
    /// Who acts first.
    pub fn owner(&self) -> Owner {
        first_owner(self.steps)
    }
}

/// What a cause means and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CauseGuide {
    /// The alert's summary: one static sentence with a full stop and without marks.
    pub summary: &'static str,
    /// What it means: the runbook's first section.
    pub meaning: Text,
    /// What suffers while it lasts: the runbook's second section.
    pub impact: Text,
    /// What to do next, in order.
    pub steps: &'static [Step],
}

impl CauseGuide {
    /// Who acts first.
    pub fn owner(&self) -> Owner {
        first_owner(self.steps)
    }
}

fn first_owner(steps: &[Step]) -> Owner {
    steps.first().map_or(Owner::Nobody, |step| step.owner)
}

/// What a cause means and what to do.
pub const fn cause(cause: Cause) -> &'static CauseGuide {
    causes::of(cause)
}

#[cfg(test)]
mod tests;
