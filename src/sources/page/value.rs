//! What a piece of the page says as the value of a row.

use super::dates::{self, Writing};
use super::labels::is_noise;
use super::shown::Piece;
use crate::domain::observation::SNAPSHOT_AHEAD;
use crate::domain::rows::{ArticleRow, RowKind};
use crate::sources::ingest_error::quoted;
use crate::sources::row_value::RowValue;
use crate::sources::vocabulary::{digit, flag, state};

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
            count(text)
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

/// Reads a count with or without separators of thousands: `1204`, `1,204`, `1.204`, `1 204`, `1’204`, `12,04,000`.
fn count(text: &str) -> Option<u64> {
    let mut digits = String::with_capacity(text.len());
    let mut separator = None;
    let mut groups = vec![0_usize];
    for character in text.trim().chars() {
        if let Some(digit) = digit(character).and_then(|digit| char::from_digit(digit, 10)) {
            digits.push(digit);
            if let Some(group) = groups.last_mut() {
                *group += 1;
            }
        } else if is_separator(character) && separator.is_none_or(|known| known == character) {
            separator = Some(character);
            groups.push(0);
        } else {
            return None;
        }
    }
    let grouped = match groups.as_slice() {
        [] | [0] => false,
        [_] => true,
        // Three digits last; two or three before, as in India; one to three first.
        [first, between @ .., 3] => {
            (1..=3).contains(first) && between.iter().all(|length| matches!(length, 2 | 3))
        }
        _ => false,
    };
    // Nine quintillion records: the rest is no count.
    (grouped && digits.len() <= 18).then(|| digits.parse().ok())?
}

const fn is_separator(character: char) -> bool {
    matches!(character, ',' | '.' | ' ' | '\'' | '\u{2019}' | '\u{66c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_of_thousands_are_understood() {
        for text in ["1204", "1,204", "1.204", "1 204", "1'204", "1’204", " 1204 ", "١٬٢٠٤", "۱۲۰۴"]
        {
            assert_eq!(count(text), Some(1204), "{text}");
        }
        assert_eq!(count("0"), Some(0));
        assert_eq!(count("12,04,000"), Some(1_204_000));
        assert_eq!(count("1.234.567"), Some(1_234_567));
    }

    #[test]
    fn what_could_be_a_fraction_or_is_cut_is_no_count() {
        for text in [
            "",
            "-1",
            "+1",
            "1.5",
            "1,20",
            "1,2",
            "1,204,",
            ",204",
            "1,204.000",
            "1 .204",
            "1,204 records",
            "1e3",
            "½",
            "1.2345",
            "9999999999999999999",
        ] {
            assert_eq!(count(text), None, "{text}");
        }
    }
}
