//! How fast records are made durable in each store, one after the other on the same disk.

use super::places::{Place as _, PlaceOnDisk as _, PostgresDatabase, SqliteFile};
use super::{acme, batch};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::store::{Store, StoreWrite};
use std::time::Instant;

const BATCH: u64 = 4_000;
const BATCHES: u64 = 50;

/// Records a second, and what is counted in the end.
fn rate(store: &mut impl Store) -> (f64, u64) {
    let org = acme(store);
    let batches: Vec<StoreWrite> = (0..BATCHES).map(|at| batch(org, at * BATCH, BATCH)).collect();
    let began = Instant::now();
    for batch in &batches {
        store.commit(std::slice::from_ref(batch)).unwrap();
    }
    let took = began.elapsed().as_secs_f64();
    let lanes = store.tally(Timestamp::MIN, Timestamp::MAX).unwrap();
    ((BATCH * BATCHES) as f64 / took, lanes.iter().map(|lane| lane.count).sum())
}

mod measured {
    use super::*;

    #[test]
    fn records_are_made_durable_in_each_store() {
        let (file, database) = (SqliteFile::new(), PostgresDatabase::new());
        let rates = [
            (SqliteFile::NAME, rate(&mut file.open().unwrap())),
            (PostgresDatabase::NAME, rate(&mut database.open().unwrap())),
        ];
        for (name, (rate, counted)) in rates {
            println!("{name}: {rate:.0} records/s made durable, commits of {BATCH}");
            assert_eq!(counted, BATCH * BATCHES);
            // A hundredth of what is measured: it fails when every record becomes a statement of its own.
            assert!(rate > 3_000.0, "{name}: {rate:.0} records/s");
        }
    }
}
