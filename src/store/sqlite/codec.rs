//! Domain values from the rows of the file, by the numbers and bytes of [`crate::store::codec`].

use crate::domain::activity::ActivityKind;
use crate::domain::ids::{ObjectType, OrgId, Source};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
pub(in crate::store) use crate::store::codec::{count_value, number, of_org_row, pack, unpack};
use rusqlite::types::{Type, Value};
use rusqlite::{Error, Row};

fn foreign(column: usize, what: &str) -> Error {
    Error::FromSqlConversionFailure(column, Type::Integer, format!("unknown {what}").into())
}

fn one_of<T: Copy>(row: &Row<'_>, column: usize, all: &[T], what: &str) -> rusqlite::Result<T> {
    let index: i64 = row.get(column)?;
    let found = usize::try_from(index).ok().and_then(|index| all.get(index));
    found.copied().ok_or_else(|| foreign(column, what))
}

pub(crate) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_nanos)
}

pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    u64::try_from(count).map_err(|_| foreign(column, "count"))
}

pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<ActivityKind> {
    let index: i64 = row.get(column)?;
    let kind = usize::try_from(index).ok().and_then(ActivityKind::from_index);
    kind.ok_or_else(|| foreign(column, "kind"))
}

pub(super) fn org(row: &Row<'_>, column: usize) -> rusqlite::Result<OrgId> {
    row.get(column).map(OrgId)
}

pub(crate) fn source(row: &Row<'_>, column: usize) -> rusqlite::Result<Source> {
    one_of(row, column, Source::ALL, "source")
}

pub(super) fn object_type(row: &Row<'_>, column: usize) -> rusqlite::Result<ObjectType> {
    one_of(row, column, ObjectType::ALL, "object type")
}

pub(super) fn org_row(row: &Row<'_>, column: usize) -> rusqlite::Result<OrgRow> {
    one_of(row, column, &OrgRow::ALL, "row")
}

pub(crate) fn user_row(row: &Row<'_>, column: usize) -> rusqlite::Result<UserRow> {
    one_of(row, column, &UserRow::ALL, "user row")
}

pub(crate) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    one_of(row, column, Status::ALL, "status")
}

/// An organisation row's value; which kind it is follows from the row.
pub(super) fn to_sql(value: &OrgValue) -> Value {
    match value {
        OrgValue::Account(None) => Value::Null,
        OrgValue::Account(Some(account)) => Value::Text(account.to_string()),
        OrgValue::Flag(flag) => Value::Integer(i64::from(*flag)),
        OrgValue::Count(count) => Value::Integer(count_value(*count)),
        OrgValue::Instant(at) => Value::Integer(at.nanos()),
    }
}

pub(crate) fn value(row: &Row<'_>, column: usize, of: OrgRow) -> rusqlite::Result<OrgValue> {
    Ok(match of {
        OrgRow::ServiceAccountProvided => {
            OrgValue::Account(row.get::<_, Option<String>>(column)?.map(Into::into))
        }
        OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
            OrgValue::Flag(row.get(column)?)
        }
        OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
            OrgValue::Count(count(row, column)?)
        }
        OrgRow::LastSync(_) => OrgValue::Instant(instant(row, column)?),
    })
}

pub(super) fn readings(row: &Row<'_>, column: usize) -> rusqlite::Result<UserReadings> {
    let bytes = row.get_ref(column)?.as_blob()?;
    unpack(bytes).ok_or_else(|| foreign(column, "layout of a user's readings"))
}
