//! The CSV form: one header of known names, one row for the organisation, one for each user.

use super::Context;
use super::draft::{Draft, UserDraft};
use super::given::Given;
use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::{OrgRow, UserRow};
use crate::sources::ingest_error::{IngestError, Mistakes, field_name, text_of};
use crate::sources::vocabulary::{ORG, ORG_OBJECT, USER, find, user_object, words};
use csv::{ReaderBuilder, StringRecord};

/// The most columns: all 28 that there are, with room for an exporter's empty ones.
const MAX_COLUMNS: usize = 64;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    CapturedAt,
    UsersComplete,
    User,
    Org(OrgRow),
    OfUser(UserRow),
}

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Snapshot, IngestError> {
    let text = text_of(body)?;
    if !memchr::memchr_iter(b'"', text.as_bytes())
        .count()
        .is_multiple_of(2)
    {
        return Err(malformed(
            "a quote is opened and never closed; send the whole table",
        ));
    }
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| malformed(&error.to_string()))?
        .clone();
    let columns = columns(&header)?;
    let mut draft = Draft::new(context);
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| malformed(&error.to_string()))?
    {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            draft.mistake((line, &String::new), || {
                format!(
                    "has {} cells and the header {}; quote a value that has the separator in it",
                    record.len(),
                    header.len()
                )
            });
        } else {
            row(&mut draft, line, &columns, &header, &record);
        }
        if draft.too_many() {
            break;
        }
    }
    draft.finish()
}

fn malformed(fault: &str) -> IngestError {
    IngestError::whole(
        ProblemReason::Malformed,
        format!("the body is no CSV: {fault}"),
    )
}

/// The separator: spreadsheets write the one of their country, so the header decides.
pub(in crate::sources) fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default().as_bytes();
    let mut found = (0, b',');
    for candidate in [b',', b';', b'\t'] {
        let count = memchr::memchr_iter(candidate, header).count();
        if count > found.0 {
            found = (count, candidate);
        }
    }
    found.1
}

fn columns(header: &StringRecord) -> Result<Vec<Column>, IngestError> {
    if header.len() > MAX_COLUMNS {
        return Err(IngestError::whole(
            ProblemReason::DecodedTooLarge,
            format!(
                "the header has {} columns; at most {MAX_COLUMNS} are taken",
                header.len()
            ),
        ));
    }
    let mut mistakes = Mistakes::default();
    let mut columns = Vec::with_capacity(header.len());
    for name in header {
        let message = match column(name) {
            Some(column) if !columns.contains(&column) => {
                columns.push(column);
                continue;
            }
            Some(_) => "is there twice; send it once",
            None => {
                "is no known column; columns are named as the keys of the JSON form, with contacts. and events. before those of an object type"
            }
        };
        mistakes.note(|| FieldError::new(1, field_name(name), message));
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
        "captured at" => Some(Column::CapturedAt),
        "users complete" => Some(Column::UsersComplete),
        "user" => Some(Column::User),
        _ => {
            let org = find(&ORG, name).map(|label| Column::Org(label.row));
            org.or_else(|| find(&USER, name).map(|label| Column::OfUser(label.row)))
        }
    }
}

fn row(
    draft: &mut Draft<'_>,
    line: u64,
    columns: &[Column],
    header: &StringRecord,
    record: &StringRecord,
) {
    let cells = || {
        let named = columns.iter().zip(header).zip(record);
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
        let path = || field_name(name.trim());
        let place = (line, &path as &dyn Fn() -> String);
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
            (Column::OfUser(_), false) => draft.mistake(place, || {
                "belongs to a user; name the user in this row".to_owned()
            }),
        }
    }
    if let Some((_, name, cell)) = user {
        draft.user(
            &Given::Text(cell.into()),
            rows,
            (line, &|| field_name(name.trim())),
        );
    }
}
