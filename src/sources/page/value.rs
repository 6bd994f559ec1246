//! What a piece of the page says as the value of a row.

use super::count;
use super::dates::{self, Writing};
use super::labels::is_noise;
use super::shown::Piece;
use crate::domain::observation::SNAPSHOT_AHEAD;
use crate::domain::rows::{ArticleRow, RowKind};
use crate::sources::ingest_error::quoted;
use crate::sources::row_value::RowValue;
use crate::sources::vocabulary::{flag, state};

/// Reads a piece as the value of a row; the error says why it is none.
pub(super) fn read(row: ArticleRow, piece: &Piece, writing: &Writing) -> Result<RowValue, String> {
    let text = piece.text.as_str();
    let kind = row.spec().kind;
    match kind {
        RowKind::Mark | RowKind::YesNo => mark(piece).map(RowValue::Flag),
        RowKind::Reset | RowKind::Direction => state(kind, text)
            .map(RowValue::Status)
            .ok_or_else(|| format!("shows {}, which is none of its states", quoted(text))),
        RowKind::Count(_) => {
            let fits =
                |count: &u64| matches!(row, ArticleRow::Org(_)) || u32::try_from(*count).is_ok();
            count::parse(text)
                .filter(fits)
                .map(RowValue::Count)
                .ok_or_else(|| format!("shows {}, which is no whole number", quoted(text)))
        }
        RowKind::Instant => {
            let at =
                dates::parse(text, writing).map_err(|error| format!("{} {error}", quoted(text)))?;
            if at > writing.captured_at.plus(SNAPSHOT_AHEAD) {
                return Err(format!(
                    "{} is {at}, later than the page ({}); are date_order and time_zone right?",
                    quoted(text),
                    writing.captured_at
                ));
            }
            Ok(RowValue::Instant(at))
        }
        RowKind::Account => RowValue::account(text),
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
