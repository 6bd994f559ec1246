//! Domain values from the rows of the database, by the numbers and bytes of [`crate::store::codec`].

use super::PostgresFailure;
use crate::domain::activity::ActivityKind;
use crate::domain::ids::OrgId;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use crate::store::codec;
use tokio_postgres::Row;

/// What was read, or why not.
pub(super) type Read<T> = Result<T, PostgresFailure>;

/// A member of a closed set by its place.
pub(super) fn one_of<T: Copy>(row: &Row, column: usize, all: &[T], what: &'static str) -> Read<T> {
    let index: i16 = row.try_get(column)?;
    let found = usize::try_from(index).ok().and_then(|index| all.get(index));
    found.copied().ok_or(PostgresFailure::Foreign(what))
}

pub(super) fn instant(row: &Row, column: usize) -> Read<Timestamp> {
    Ok(Timestamp::from_nanos(row.try_get(column)?))
}

/// An instant that may be absent.
pub(super) fn some_instant(row: &Row, column: usize) -> Read<Option<Timestamp>> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(Timestamp::from_nanos))
}

pub(super) fn count(row: &Row, column: usize) -> Read<u64> {
    let count: i64 = row.try_get(column)?;
    u64::try_from(count).map_err(|_| PostgresFailure::Foreign("count"))
}

pub(super) fn kind(row: &Row, column: usize) -> Read<ActivityKind> {
    let index: i16 = row.try_get(column)?;
    let kind = usize::try_from(index).ok().and_then(ActivityKind::from_index);
    kind.ok_or(PostgresFailure::Foreign("kind"))
}

pub(super) fn org(row: &Row, column: usize) -> Read<OrgId> {
    Ok(OrgId(row.try_get::<_, i32>(column)?.cast_unsigned()))
}

/// An organisation row's value; which kind it is follows from the row.
pub(super) fn value(row: &Row, column: usize, of: OrgRow) -> Read<OrgValue> {
    let text: Option<&str> = row.try_get(column)?;
    let number = || {
        let number = text.and_then(|text| text.parse::<i64>().ok());
        number.ok_or(PostgresFailure::Foreign("value"))
    };
    Ok(match of {
        OrgRow::ServiceAccountProvided => OrgValue::Account(text.map(Into::into)),
        OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
            OrgValue::Flag(number()? != 0)
        }
        OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => OrgValue::Count(
            u64::try_from(number()?).map_err(|_| PostgresFailure::Foreign("count"))?,
        ),
        OrgRow::LastSync(_) => OrgValue::Instant(Timestamp::from_nanos(number()?)),
    })
}

pub(super) fn readings(row: &Row, column: usize) -> Read<UserReadings> {
    codec::unpack(row.try_get(column)?)
        .ok_or(PostgresFailure::Foreign("layout of a user's readings"))
}
