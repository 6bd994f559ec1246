//! From a file to a server and back: every row of every table arrives, and only where nothing was.

use super::batch;
use super::places::{Place as _, PlaceOnDisk as _, PostgresDatabase, SqliteFile};
use super::round_trip::{expect_history, expect_loaded, live};
use crate::support::postgres::{server, write_secret};
use lightning_sync_exporter::domain::ids::OrgId;
use lightning_sync_exporter::store::{Store, copy_store};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// More than are in memory at once.
const RECORDS: u64 = 25_000;

/// Every row of a file, in the order of its columns, with the table's name.
fn rows(file: &Path) -> BTreeSet<String> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let mut names = connection.prepare(names).unwrap();
    let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let mut all = BTreeSet::new();
    for name in names {
        let mut query = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = query.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = (0..columns).map(|at| row.get_ref(at).map(|cell| format!("{cell:?}")));
            Ok(format!("{name} {}", cells.collect::<rusqlite::Result<Vec<_>>>()?.join(" ")))
        };
        all.extend(query.query_map([], row).unwrap().map(Result::unwrap));
    }
    all
}

/// Runs the command; what it printed, or its complaint.
fn copied(from: &Path, to: &Path) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .args(["store", "copy", "--from"])
        .arg(from)
        .arg("--to")
        .arg(to)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn what_goes_to_a_server_and_back_is_the_same_row_for_row() {
    let (file, database, back) = (SqliteFile::new(), PostgresDatabase::new(), SqliteFile::new());
    let mut store = file.open().unwrap();
    live(&mut store);
    drop(store);
    let there = copied(&file.file(), &database.file()).unwrap();
    expect_history(&database.past());
    let mut store = database.open().unwrap();
    expect_loaded(&mut store);
    let org = OrgId(2);
    let known = store.commit(&[batch(org, 0, 30)]).unwrap();
    assert!(known[0].fresh.iter().all(|fresh| !fresh), "known already, by the same secret");
    store.commit(&[batch(org, 30, RECORDS)]).unwrap();
    drop(store);

    let again = copied(&database.file(), &back.file()).unwrap();
    assert!(again.contains(&format!("activity: {} rows, as many as before\n", RECORDS + 30)));
    let third = PostgresDatabase::new();
    assert_eq!(copied(&back.file(), &third.file()).unwrap(), again);
    let last = SqliteFile::new();
    assert_eq!(copied(&third.file(), &last.file()).unwrap(), again);
    assert!(rows(&back.file()) == rows(&last.file()), "row for row");
    let before = rows(&file.file());
    let differs = |row: &&String| {
        !["activity", "minute_totals", "hour_totals", "lanes", "meta"]
            .iter()
            .any(|table| row.starts_with(table))
    };
    let of_before: Vec<&String> = before.iter().filter(differs).collect();
    let of_back = rows(&back.file());
    assert_eq!(of_back.iter().filter(differs).collect::<Vec<_>>(), of_before);

    // Nothing that is stored is left out, on either side.
    for (tables, more) in [
        (file.query("SELECT name FROM sqlite_schema WHERE type = 'table'"), &[][..]),
        (
            database.query(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'lightning_sync'",
            ),
            // Of the server, not of what is stored.
            &["schema_version", "lease", "commits"],
        ),
    ] {
        let stored: BTreeSet<&str> = tables.iter().map(|row| row[0].as_str()).collect();
        let named = there.lines().map(|line| line.split(':').next().unwrap());
        assert_eq!(named.chain(more.iter().copied()).collect::<BTreeSet<_>>(), stored);
    }
    assert!(!there.contains(": 0 rows"), "every table is tried: {there}");
}

#[test]
fn a_copy_begins_only_where_nothing_is_and_nobody_writes() {
    let (file, database) = (SqliteFile::new(), PostgresDatabase::new());
    let mut store = file.open().unwrap();
    live(&mut store);
    let complaint = |from: &Path, to: &Path, says: &str| {
        let found = copied(from, to).unwrap_err();
        assert!(found.contains(says), "{found}");
    };
    complaint(&file.file(), &database.file(), "is in use by another daemon");
    drop(store);
    copied(&file.file(), &database.file()).unwrap();
    complaint(&file.file(), &database.file(), "it knows organisations already");
    complaint(&database.file(), &file.file(), "it is there already");
    complaint(&file.file(), &SqliteFile::new().file(), "the command backup copies");
    complaint(&database.file(), &PostgresDatabase::new().file(), "pg_dump");
    complaint(&SqliteFile::new().file(), &PostgresDatabase::new().file(), "it does not exist");
    let other = PostgresDatabase::new();
    write_secret(&other.file(), "password=secret; nothing else\n");
    complaint(&file.file(), &other.file(), "has to hold one connection string");
    let new = SqliteFile::new();
    let _other = database.open().unwrap();
    complaint(&database.file(), &new.file(), "is in use by another daemon");
    assert!(!new.file().exists());
}

#[test]
fn a_copy_that_fails_half_way_leaves_nothing() {
    let (file, database) = (SqliteFile::new(), PostgresDatabase::new());
    let mut store = file.open().unwrap();
    live(&mut store);
    drop(store);
    // Made by a first opening; then the last table but one takes nothing.
    drop(database.open().unwrap());
    let refuse = "ALTER TABLE source_memory ADD CHECK (org = 0)";
    server().psql(&database.0.name, refuse).unwrap();
    let found = copy_store(&file.file(), &database.file(), None).unwrap_err().to_string();
    assert!(found.contains("violates check constraint"), "{found}");
    assert_eq!(database.query("SELECT count(*) FROM orgs"), [["0"]]);
    let dropped = "CREATE RULE quiet AS ON INSERT TO alerts DO INSTEAD NOTHING; \
                   ALTER TABLE source_memory DROP CONSTRAINT source_memory_org_check";
    server().psql(&database.0.name, dropped).unwrap();
    let found = copy_store(&file.file(), &database.file(), None).unwrap_err().to_string();
    assert!(found.contains("0 of 2 rows of alerts arrived, so nothing was copied"), "{found}");
    assert_eq!(database.query("SELECT count(*) FROM orgs"), [["0"]]);
}
