//! What a piece of the page says as the value of a row.

use super::count;
use super::dates::{self, Writing};
use super::labels::{Row, is_noise};
use super::shown::Piece;
use crate::domain::ids::UserName;
use crate::domain::observation::SNAPSHOT_AHEAD;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::sources::ingest_error::quoted;
use crate::sources::vocabulary::{flag, state, words};

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Org(OrgValue),
    User(UserValue),
}

/// How a row shows its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A picture of a check or an X.
    Mark,
    /// Yes or No.
    YesNo,
    State,
    Count,
    Instant,
    Account,
}

impl Row {
    /// How the row shows its value.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Org(OrgRow::ServiceAccountProvided) => Kind::Account,
            Self::Org(OrgRow::OutlookIntegration) | Self::User(UserRow::OutlookIntegration) => {
                Kind::YesNo
            }
            Self::Org(OrgRow::ServiceAccountRecognized) => Kind::Mark,
            Self::Org(OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_)) => {
                Kind::Count
            }
            Self::Org(OrgRow::LastSync(_)) => Kind::Instant,
            Self::User(row) if row.statuses().is_empty() => Kind::Count,
            Self::User(row) if row.statuses().contains(&Status::Yes) => Kind::Mark,
            Self::User(_) => Kind::State,
        }
    }
}

/// Reads a piece as the value of a row; the error says why it is none.
pub(super) fn read(row: Row, piece: &Piece, writing: &Writing) -> Result<Value, String> {
    let text = piece.text.as_str();
    match row.kind() {
        Kind::Mark | Kind::YesNo => {
            let says = mark(piece)?;
            Ok(match row {
                Row::Org(_) => Value::Org(OrgValue::Flag(says)),
                Row::User(_) => Value::User(if says { Status::Yes } else { Status::No }.into()),
            })
        }
        Kind::State => match row {
            Row::User(row) => state(row, text).map(|status| Value::User(status.into())),
            Row::Org(_) => None,
        }
        .ok_or_else(|| format!("shows {}, which is none of its states", quoted(text))),
        Kind::Count => {
            let found = count::parse(text);
            match row {
                Row::Org(_) => found.map(|count| Value::Org(OrgValue::Count(count))),
                Row::User(_) => found.and_then(|count| {
                    Some(Value::User(UserValue::Records(count.try_into().ok()?)))
                }),
            }
            .ok_or_else(|| format!("shows {}, which is no whole number", quoted(text)))
        }
        Kind::Instant => {
            let at =
                dates::parse(text, writing).map_err(|error| format!("{} {error}", quoted(text)))?;
            if at > writing.captured_at.plus(SNAPSHOT_AHEAD) {
                return Err(format!(
                    "{} is {at}, later than the page ({}); are date_order and time_zone right?",
                    quoted(text),
                    writing.captured_at
                ));
            }
            Ok(Value::Org(OrgValue::Instant(at)))
        }
        Kind::Account if words(text) == "none" => Ok(Value::Org(OrgValue::Account(None))),
        Kind::Account => match UserName::new(text) {
            Ok(name) => Ok(Value::Org(OrgValue::Account(Some(name.as_str().into())))),
            Err(error) => Err(format!("{}: {error}", quoted(text))),
        },
    }
}

/// The check or X of a piece: its picture, or its text, which may not contradict each other.
fn mark(piece: &Piece) -> Result<bool, String> {
    let written = flag(&piece.text);
    let mut says = piece.marks.iter().copied().chain(written);
    match (says.next(), says.next()) {
        (Some(one), other)
            if other.is_none_or(|other| one == other)
                && (written.is_some() || is_noise(&piece.text)) =>
        {
            Ok(one)
        }
        (Some(_), Some(_)) => Err("shows a check and an X".to_owned()),
        _ => Err(format!("shows {}, which is neither a check nor an X", quoted(&piece.text))),
    }
}
