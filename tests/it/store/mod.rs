//! The stores on a real disk and a real server: what a kill, a full or read-only disk, damage, a lost connection and a second
//! daemon do to them.

mod daemon;
mod faults;
mod full_disk;
mod kill;
pub(crate) mod places;
mod round_trip;
mod server;
mod speed;
mod start;
mod transfer;

use self::places::{PlaceOnDisk, on_disk};
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
use lightning_sync_exporter::domain::ids::{OrgId, OrgName};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::store::{OpenOptions, SqliteStore, Store, StoreError, StoreWrite};
use std::path::Path;

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn try_open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, OpenOptions::default())
}

fn acme(store: &mut impl Store) -> OrgId {
    store.org(&OrgName::new("acme").unwrap(), NOW).unwrap().0
}

/// Records of one second, a millisecond apart, with keys that begin at `first`.
fn batch(org: OrgId, first: u64, count: u64) -> StoreWrite {
    let record = |number: u64| {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        key[8..].copy_from_slice(&number.to_be_bytes());
        ActivityRecord {
            at: Timestamp::from_nanos(NOW.nanos() + (number as i64 % 1_000) * 1_000_000),
            kind: ActivityKind::from_index(number as usize % 12).unwrap(),
            key: RecordKey(key),
        }
    };
    StoreWrite::Activity {
        org,
        records: (first..first + count).map(record).collect(),
        horizon: Timestamp::MIN,
    }
}

/// How many records there are, by the records themselves and by each of the totals.
fn counts(path: &Path) -> [i64; 3] {
    let connection = rusqlite::Connection::open(path).unwrap();
    let count = |sql| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    [
        count("SELECT count(*) FROM activity"),
        count("SELECT ifnull(sum(count), 0) FROM minute_totals"),
        count("SELECT ifnull(sum(count), 0) FROM hour_totals"),
    ]
}

fn every_database_has_a_secret_of_its_own<P: PlaceOnDisk>() {
    let secret = |place: &P| place.open().unwrap().load(&|_| u64::MAX).unwrap().identity.bytes();
    let (one, other) = (P::new(), P::new());
    assert_ne!(secret(&one), secret(&other));
    assert_eq!(secret(&one), secret(&one));
}

on_disk! { every_database_has_a_secret_of_its_own }
