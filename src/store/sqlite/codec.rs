//! The numbers and bytes that stand for domain values in the file. They never change; a test pins them.

use crate::domain::activity::ActivityKind;
use crate::domain::ids::{ObjectType, OrgId, Source};
use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use enum_map::Enum;
use rusqlite::types::{Type, Value};
use rusqlite::{Error, Row};

/// The layout of a user's readings.
const READINGS_VERSION: u8 = 1;
/// Row, value, and the two times of a reading.
const READING_BYTES: usize = 1 + 4 + 8 + 8;

/// A small index as the file holds it.
pub(crate) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// The number of an organisation's row: its place in the table.
pub(crate) fn of_org_row(row: OrgRow) -> i64 {
    number(OrgRow::ALL.iter().position(|known| *known == row).unwrap_or(OrgRow::COUNT))
}

/// Counts are below 2^63 in the file, as they are everywhere that is not made up.
pub(super) fn count_value(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

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

/// A user's readings: a version byte, then each reading that is there.
pub(super) fn pack(readings: &UserReadings) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + READING_BYTES * UserRow::COUNT);
    bytes.push(READINGS_VERSION);
    for (row, reading) in &readings.0 {
        let Some(reading) = reading else { continue };
        let value = match reading.value {
            UserValue::Status(status) => status.index() as u32,
            UserValue::Records(records) => records,
        };
        bytes.push(row.into_usize() as u8);
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes.extend_from_slice(&reading.observed_at.nanos().to_le_bytes());
        bytes.extend_from_slice(&reading.changed_at.nanos().to_le_bytes());
    }
    bytes
}

/// The readings of [`pack`]; `None` for bytes that it did not write.
pub(super) fn unpack(bytes: &[u8]) -> Option<UserReadings> {
    let (version, mut rest) = bytes.split_first()?;
    if *version != READINGS_VERSION {
        return None;
    }
    let mut readings = UserReadings::default();
    while let Some((packed, behind)) = rest.split_first_chunk::<READING_BYTES>() {
        let (row, fields) = packed.split_first()?;
        let (value, times) = fields.split_first_chunk::<4>()?;
        let (observed_at, changed_at) = times.split_first_chunk::<8>()?;
        let row = *UserRow::ALL.get(usize::from(*row))?;
        let value = u32::from_le_bytes(*value);
        readings.0[row] = Some(Reading {
            value: if row.statuses().is_empty() {
                UserValue::Records(value)
            } else {
                UserValue::Status(*Status::ALL.get(value as usize)?)
            },
            observed_at: Timestamp::from_nanos(i64::from_le_bytes(*observed_at)),
            changed_at: Timestamp::from_nanos(i64::from_le_bytes(*changed_at.first_chunk()?)),
        });
        rest = behind;
    }
    rest.is_empty().then_some(readings)
}

pub(super) fn readings(row: &Row<'_>, column: usize) -> rusqlite::Result<UserReadings> {
    let bytes = row.get_ref(column)?.as_blob()?;
    unpack(bytes).ok_or_else(|| foreign(column, "layout of a user's readings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_in_the_file_are_these_forever() {
        let names = |all: &[&str]| all.join(" ");
        let of = |all: Vec<&'static str>| all.join(" ");
        assert_eq!(
            of(Source::ALL.iter().map(|it| it.name()).collect()),
            names(&["activity", "snapshot", "canary", "exchange", "salesforce", "exchange_log"])
        );
        assert_eq!(of(ObjectType::ALL.iter().map(|it| it.name()).collect()), "contacts events");
        assert_eq!(
            of(OrgRow::ALL.iter().map(|it| it.id()).collect()),
            "service_account_provided outlook_integration service_account_recognized linked_users \
             contacts.last_sync contacts.synced_60m contacts.synced_24h \
             events.last_sync events.synced_60m events.synced_24h"
        );
        assert_eq!(
            of(UserRow::ALL.iter().map(|it| it.check()).collect()),
            "active_configuration mailbox_version service_account reset outlook_integration contacts_folder \
             contacts_linked contacts_to_exchange contacts_to_salesforce contacts_records events_folder \
             events_linked events_to_exchange events_to_salesforce events_records"
        );
        assert_eq!(
            of(Status::ALL.iter().map(|it| it.name()).collect()),
            "yes no none marked_for_reset reset_in_progress not_started initial_sync_in_progress \
             initial_sync_completed sync_in_progress in_sync not_set_to_sync unknown"
        );
        let kinds = (0..ActivityKind::COUNT).filter_map(ActivityKind::from_index);
        let kinds: Vec<String> = kinds
            .map(|kind| {
                let direction = kind.direction.map_or("-", |it| it.name());
                format!("{}/{direction}/{}", kind.object_type, kind.outcome)
            })
            .collect();
        assert_eq!(
            kinds.join(" "),
            "contacts/-/synced contacts/-/failed contacts/to_exchange/synced contacts/to_exchange/failed \
             contacts/to_salesforce/synced contacts/to_salesforce/failed events/-/synced events/-/failed \
             events/to_exchange/synced events/to_exchange/failed events/to_salesforce/synced events/to_salesforce/failed"
        );
    }

    #[test]
    fn readings_read_back_and_other_bytes_do_not() {
        let mut readings = UserReadings::default();
        let marked = Status::MarkedForReset.into();
        readings.take(UserRow::Reset, marked, Timestamp::from_nanos(-5));
        let most = UserValue::Records(u32::MAX);
        readings.take(UserRow::EventsRecords, most, Timestamp::MAX);
        let bytes = pack(&readings);
        assert_eq!(bytes[..6], [1, 3, 3, 0, 0, 0]);
        assert_eq!((bytes.len(), unpack(&bytes)), (43, Some(readings)));
        assert_eq!(unpack(&[]), None);
        assert_eq!(unpack(&[2]), None);
        assert_eq!(unpack(&bytes[..42]), None);
        let mut other = bytes.clone();
        other[1] = 15;
        assert_eq!(unpack(&other), None);
        (other[1], other[2]) = (3, 12);
        assert_eq!(unpack(&other), None, "no such state");
        assert_eq!(unpack(&[1]), Some(UserReadings::default()));
    }
}
