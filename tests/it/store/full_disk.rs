//! A full disk: nothing is half taken, nothing acknowledged is lost, and writing resumes when there is room.

use super::{NOW, acme, batch, counts};
use crate::support::disk::Disk;
use lightning_sync_exporter::domain::ids::OrgId;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::Ledger;
use lightning_sync_exporter::store::{OpenOptions, SqliteStore, Store, StoreError, StoreWrite};
use std::path::Path;

const BATCH: u64 = 500;

/// Commits until the store is full; how many records were taken.
fn fill(store: &mut SqliteStore) -> u64 {
    let org = acme(store);
    let mut taken = 0;
    loop {
        match store.commit(&[batch(org, taken, BATCH)]) {
            Ok(written) => {
                assert!(written[0].fresh.iter().all(|fresh| *fresh));
                taken += BATCH;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Full { .. }), "{error}");
                assert!(error.to_string().starts_with("the disk of "), "{error}");
                assert!(
                    error
                        .to_string()
                        .ends_with("full.db is full; free some space, writing resumes by itself"),
                    "{error}"
                );
                return taken;
            }
        }
    }
}

fn tallied(store: &SqliteStore) -> u64 {
    let all = store.tally(Timestamp::MIN, Timestamp::MAX).unwrap();
    all.iter().map(|tally| tally.count).sum()
}

/// What is refused is sent again once there is room, and all of it counts once.
fn resumes(store: &mut SqliteStore, path: &Path, taken: u64) {
    let org = acme(store);
    let written = store.commit(&[batch(org, taken - BATCH, 2 * BATCH)]).unwrap();
    let fresh = written[0].fresh.iter().filter(|fresh| **fresh).count() as u64;
    assert_eq!(fresh, BATCH, "the batch before was taken, the refused one was not");
    assert_eq!(tallied(store), taken + BATCH);
    let all = i64::try_from(taken + BATCH).unwrap();
    assert_eq!(counts(path), [all; 3]);
}

#[test]
fn a_file_that_may_not_grow_is_full_and_takes_writes_again_once_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("full.db");
    let small = OpenOptions { max_pages: Some(300), ..OpenOptions::default() };
    let mut store = SqliteStore::open(&path, small).unwrap();
    let taken = fill(&mut store);
    assert!(taken > 4 * BATCH, "{taken}");

    let refused = store.commit(&[]).unwrap_err();
    assert!(refused.to_string().ends_with("it has to be opened anew first"), "{refused}");
    assert!(store.tally(Timestamp::MIN, Timestamp::MAX).is_err());
    store.reopen().unwrap();
    assert_eq!(tallied(&store), taken);
    let all = i64::try_from(taken).unwrap();
    assert_eq!(counts(&path), [all; 3]);

    drop(store);
    let mut store = SqliteStore::open(&path, OpenOptions::default()).unwrap();
    resumes(&mut store, &path, taken);
}

#[test]
fn a_full_disk_stops_writing_and_not_reading_until_there_is_room() {
    let disk = Disk::new(24 << 20);
    let path = disk.at.join("full.db");
    let ballast = disk.at.join("ballast");
    std::fs::write(&ballast, vec![1; 12 << 20]).unwrap();
    let mut store = SqliteStore::open(&path, OpenOptions::default()).unwrap();
    let taken = fill(&mut store);
    assert!(taken > 4 * BATCH, "{taken}");

    // A writer of a few bytes may still succeed where a batch does not; the disk is filled to the last byte.
    // What the refused batch had begun to write is room for smaller writes; they take it up to the last page.
    if store.reopen().is_ok() {
        let clock = |tick| StoreWrite::ClockSeen { at: Timestamp::from_nanos(NOW.nanos() + tick) };
        let refused = (0..10_000).find(|tick| store.commit(&[clock(*tick)]).is_err());
        assert!(refused.is_some(), "the disk has no room for so many pages");
    }
    let error = store.reopen().unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(tallied(&store), taken, "what is there can be read meanwhile");
    let error = store.commit(&[batch(OrgId(1), taken, BATCH)]).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");

    std::fs::remove_file(&ballast).unwrap();
    store.reopen().unwrap();
    assert_eq!(tallied(&store), taken);
    resumes(&mut store, &path, taken);
}
