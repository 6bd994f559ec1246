//! The CSV form: one header of known names, one row for the organisation, one for each user.

use super::Context;
use super::draft::{Draft, UserDraft};
use super::given::Given;
use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::{OrgRow, UserRow};
use crate::sources::ingest_error::{IngestError, Mistakes, field_name, text_of};
use crate::sources::table::{Cells, Table, separator};
use crate::sources::vocabulary::{ORG, ORG_OBJECT, USER, find, user_object, words};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    CapturedAt,
    UsersComplete,
    User,
    Org(OrgRow),
    OfUser(UserRow),
    /// One that spreadsheets add: without a name and, in every row, without a value.
    Unnamed,
}

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Snapshot, IngestError> {
    let text = text_of(body)?;
    let mut table = Table::new(text, separator(text), 1)?;
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
            draft.mistake((record.line, &String::new), || {
                format!(
                    "has {} cells and the header {}; quote a value that has the separator in it",
                    record.len(),
                    header.len()
                )
            });
        }
        if draft.too_many() {
            break;
        }
    }
    draft.finish()
}

/// The columns with their names as they are written.
fn columns(header: Cells<'_>) -> Result<Vec<(Column, String)>, IngestError> {
    let mut mistakes = Mistakes::default();
    let mut columns: Vec<(Column, String)> = Vec::with_capacity(header.len());
    for name in header.iter().map(str::trim) {
        let message = match column(name) {
            Some(column)
                if column == Column::Unnamed || columns.iter().all(|(of, _)| *of != column) =>
            {
                columns.push((column, field_name(name)));
                continue;
            }
            Some(_) => "is there twice; send it once",
            None => {
                "is no known column; columns are named as the keys of the JSON form, with contacts. and events. before those of an object type"
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

fn column(name: &str) -> Option<Column> {
    if let Some((object, name)) = name.split_once('.')
        && let Some(object) = ObjectType::from_name(&words(object))
    {
        let org = find(&ORG_OBJECT, name).map(|label| Column::Org((label.row)(object)));
        return org
            .or_else(|| find(user_object(object), name).map(|label| Column::OfUser(label.row)));
    }
    match words(name).as_str() {
        "" => Some(Column::Unnamed),
        "captured at" => Some(Column::CapturedAt),
        "users complete" => Some(Column::UsersComplete),
        "user" => Some(Column::User),
        _ => {
            let org = find(&ORG, name).map(|label| Column::Org(label.row));
            org.or_else(|| find(&USER, name).map(|label| Column::OfUser(label.row)))
        }
    }
}

fn row(draft: &mut Draft<'_>, columns: &[(Column, String)], record: Cells<'_>) {
    let cells = || {
        let named = columns.iter().zip(record.iter());
        named
            .map(|((column, name), cell)| (*column, name, cell.trim()))
            .filter(|(_, _, cell)| !cell.is_empty())
    };
    let user = cells().find(|(column, _, _)| *column == Column::User);
    if user.is_some() && !draft.has_room() {
        return;
    }
    let mut rows = UserDraft::default();
    for (column, name, cell) in cells() {
        let path = || name.clone();
        let place = (record.line, &path as &dyn Fn() -> String);
        let given = Given::Text(cell.into());
        match (column, user.is_some()) {
            (Column::User, _) => {}
            (Column::CapturedAt, _) => draft.captured_at(&given, place),
            (Column::UsersComplete, _) => draft.users_complete(&given, place),
            (Column::Org(row), false) => draft.org_row(row, &given, place),
            (Column::OfUser(row), true) => draft.user_row(&mut rows, row, &given, place),
            (Column::Org(_), true) => draft.mistake(place, || {
                "belongs to the organisation; leave it empty in a user's row".to_owned()
            }),
            (Column::OfUser(_), false) => {
                draft.mistake(place, || "belongs to a user; name the user in this row".to_owned())
            }
            (Column::Unnamed, _) => draft.mistake(place, || {
                "has a value in a column without a name; name the column in the header".to_owned()
            }),
        }
    }
    if let Some((_, name, cell)) = user {
        draft.user(&Given::Text(cell.into()), rows, (record.line, &|| name.clone()));
    }
}
