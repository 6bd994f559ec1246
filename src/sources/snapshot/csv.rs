//! The CSV form: one header of known names, one row for the organisation, one for each user.

use super::SnapshotContext;
use super::draft::{Draft, Field, FieldPlace};
use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::ArticleRow;
use crate::sources::ingest_error::{IngestError, Mistakes, field_name, text_of};
use crate::sources::input_value::InputValue;
use crate::sources::table::{Cells, Table, named_separator, separator};
use crate::sources::vocabulary::{find, words};

/// A column with its name as it is written. One without a field has no name either: spreadsheets add such, without a value
/// in any row.
type Column = (Option<Field>, String);

/// Reads a snapshot in CSV: a header with the names of the JSON form, `contacts.` and `events.` before those of an
/// object type; a row without a user is the organisation. Separators are commas, semicolons or tabs. Counts are digits
/// alone, because what a separator within them means depends on the country.
///
/// # Errors
/// When the body is no table, or a column or cell is wrong; every mistake has its line and column.
pub fn parse_csv(body: &[u8], context: &SnapshotContext<'_>) -> Result<Snapshot, IngestError> {
    let text = text_of(body)?;
    let (separator, text) = named_separator(text).unwrap_or_else(|| (separator(text), text));
    let mut table = Table::new(text, separator, 1)?;
    let header = match table.next()? {
        Some(header) => columns(header)?,
        None => Vec::new(),
    };
    let mut draft = Draft::new(context);
    while let Some(record) = table.next()? {
        // Spreadsheets write separators for cells that nobody filled.
        let mut cells = record.iter().map(str::trim);
        if cells.all(str::is_empty) {
            continue;
        }
        let beyond = record.iter().skip(header.len());
        if record.len() >= header.len() && beyond.map(str::trim).all(str::is_empty) {
            row(&mut draft, &header, record);
        } else {
            draft.mistake(FieldPlace { line: record.line, ..FieldPlace::default() }, || {
                format!(
                    "has {} cells and the header {}; quote a value that has the separator in it",
                    record.len(),
                    header.len()
                )
            });
        }
        if draft.too_many || draft.is_hopeless() {
            break;
        }
    }
    draft.finish()
}

fn columns(header: Cells<'_>) -> Result<Vec<Column>, IngestError> {
    let mut mistakes = Mistakes::default();
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for name in header.iter().map(str::trim) {
        let field = field(name);
        let message = match field {
            None if !words(name).is_empty() => {
                "is no known column; columns are named as the keys of the JSON form, with contacts. and events. before those of an object type"
            }
            Some(_) if columns.iter().any(|(known, _)| *known == field) => {
                "is there twice; send it once"
            }
            _ => {
                columns.push((field, name.to_owned()));
                continue;
            }
        };
        mistakes.note(|| FieldError::new(header.line, field_name(name), message));
    }
    if mistakes.total > 0 {
        let detail = format!(
            "{} columns of the header are wrong and nothing was taken; correct them and send it again",
            mistakes.total
        );
        return Err(mistakes.refusal(ProblemReason::Invalid, detail));
    }
    Ok(columns)
}

/// What a column holds: a row of either section, or what the snapshot and a user have beside the rows.
fn field(name: &str) -> Option<Field> {
    let (object_type, key) = match name.split_once('.') {
        Some((object, key)) => (ObjectType::from_name(&words(object)), key),
        None => (None, name),
    };
    let row = |of_user, object_type, key| find(of_user, object_type, key).map(Field::Row);
    if object_type.is_some() {
        return row(false, object_type, key).or_else(|| row(true, object_type, key));
    }
    let at = |user| Field::at(FieldPlace { user, key: name, ..FieldPlace::default() });
    at(None)
        .or_else(|| at(Some(0)))
        .filter(|field| !matches!(field, Field::Users | Field::Object(_)))
}

fn row(draft: &mut Draft<'_>, columns: &[Column], record: Cells<'_>) {
    let cells = || {
        let named = columns.iter().zip(record.iter());
        named
            .map(|((field, name), cell)| (*field, name, cell.trim()))
            .filter(|(_, _, cell)| !cell.is_empty())
    };
    let user = cells().find(|(field, _, _)| *field == Some(Field::User));
    if user.is_some() && draft.is_full() {
        return;
    }
    for (field, name, cell) in cells() {
        let place = FieldPlace { line: record.line, key: name, ..FieldPlace::default() };
        let message = match (field, user) {
            (Some(Field::Row(ArticleRow::Org(_))), Some(_)) => {
                "belongs to the organisation; leave it empty in a user's row"
            }
            (Some(Field::Row(ArticleRow::User(_))), None) => {
                "belongs to a user; name the user in this row"
            }
            (None, _) => "has a value in a column without a name; name the column in the header",
            (Some(field), _) => {
                draft.put(field, &InputValue::Text(cell.into()), place);
                continue;
            }
        };
        draft.mistake(place, || message.to_owned());
    }
    if let Some((_, name, _)) = user {
        draft.end_user(FieldPlace { line: record.line, key: name, ..FieldPlace::default() });
    }
}
