//! What a row can show, told apart as the vendor's article does.

use crate::domain::rows::OrgRow;

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
