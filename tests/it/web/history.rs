//! A week of an organisation's past in a database of its own.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId, OrgName, Outcome, Source, UserName};
use lightning_sync_exporter::domain::readings::Reading;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::UserReadings;
use lightning_sync_exporter::store::{
    History, OpenOptions, SqliteHistory, SqliteStore, StatusChange, Store, StoreWrite,
};
use std::path::Path;
use std::sync::Arc;

/// The history of acme over the eight days before `now`: every ten minutes a record of each kind, every quarter of an hour a page that
/// tells another last sync, and a user of that name who was marked for a reset each day.
pub(super) fn week(directory: &Path, user: &str, now: Timestamp) -> Arc<dyn History> {
    let minutes_ago = |minutes| now.minus(TimeDelta::minutes(minutes));
    let path = directory.join("week.db");
    let mut store = SqliteStore::open(&path, OpenOptions::default()).unwrap();
    let (org, _) = store.org(&OrgName::new("acme").unwrap(), now).unwrap();
    let mut records = Vec::new();
    for minutes in (0..8 * 24 * 60).step_by(10) {
        for number in 0..ActivityKind::COUNT {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&i64::from(minutes).to_be_bytes());
            key[8..].copy_from_slice(&(number as u64).to_be_bytes());
            records.push(ActivityRecord {
                at: minutes_ago(i64::from(minutes)),
                kind: ActivityKind::from_index(number).unwrap(),
                key: RecordKey(key),
            });
        }
    }
    assert!(records.iter().any(|record| record.kind.outcome == Outcome::Failed));
    let mut writes = vec![StoreWrite::Activity {
        org,
        records: records.into(),
        horizon: minutes_ago(30 * 24 * 60),
    }];
    writes.extend((0..8 * 24 * 4).rev().flat_map(|quarter| {
        ObjectType::ALL.iter().map(move |object| StoreWrite::Reading {
            org,
            row: OrgRow::LastSync(*object),
            source: Source::Snapshot,
            reading: Reading {
                value: OrgValue::Instant(minutes_ago(quarter * 15 + 3)),
                observed_at: minutes_ago(quarter * 15),
                changed_at: minutes_ago(quarter * 15),
            },
        })
    }));
    writes.extend(resets(org, user, now));
    store.commit(&writes).unwrap();
    Arc::new(SqliteHistory::open(&path).unwrap())
}

fn resets(org: OrgId, user: &str, now: Timestamp) -> Vec<StoreWrite> {
    let minutes_ago = |minutes| now.minus(TimeDelta::minutes(minutes));
    let mut before = UserReadings::default();
    let state = |status: Status| UserValue::from(status);
    let mut writes = Vec::new();
    for day in (0..8).rev() {
        for (hour, status) in [(12, Status::MarkedForReset), (9, Status::None)] {
            let mut cells = before.clone();
            cells.take(UserRow::Reset, state(status), minutes_ago((day * 24 + hour) * 60));
            writes.push(StoreWrite::User {
                org,
                source: Source::Snapshot,
                user: UserName::new(user).unwrap(),
                changes: StatusChange::between(&before, &cells),
                readings: Box::new(cells.clone()),
            });
            before = cells;
        }
    }
    writes
}
