//! The numbers and bytes that stand for domain values, the same in every store. They never change; a test pins them.

use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use enum_map::Enum;

/// The layout of a user's readings.
const READINGS_VERSION: u8 = 1;
/// Row, value, and the two times of a reading.
const READING_BYTES: usize = 1 + 4 + 8 + 8;

/// A small index as the file holds it.
pub(in crate::store) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// The number of an organisation's row: its place in the table.
pub(in crate::store) fn of_org_row(row: OrgRow) -> i64 {
    number(OrgRow::ALL.iter().position(|known| *known == row).unwrap_or(OrgRow::COUNT))
}

/// Counts are below 2^63 in the file, as they are everywhere that is not made up.
pub(in crate::store) fn count_value(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A user's readings: a version byte, then each reading that is there.
pub(in crate::store) fn pack(readings: &UserReadings) -> Vec<u8> {
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
pub(in crate::store) fn unpack(bytes: &[u8]) -> Option<UserReadings> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityKind;
    use crate::domain::ids::{ObjectType, Source};

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
