//! An upgrade keeps every record: files of an older schema, filled to the brim, through a table of migrations.

use super::super::{DatabasePath, codec, copy, open};
use super::*;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use rusqlite::types::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows in each table.
const ROWS: i64 = 2_000;
/// What a later version may do to every kind of table: a column more, a table more, a table made anew with another key.
const LATER: [&str; 2] = [
    "
ALTER TABLE orgs ADD COLUMN shown TEXT;
CREATE TABLE notes (org INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (org, note)) WITHOUT ROWID;
INSERT INTO notes SELECT id, name FROM orgs;
",
    "
CREATE TABLE user_changes_new (org INTEGER NOT NULL, user TEXT NOT NULL, at INTEGER NOT NULL, row INTEGER NOT NULL,
  source INTEGER NOT NULL, before INTEGER NOT NULL, after INTEGER NOT NULL,
  PRIMARY KEY (org, at, user, row, source)) WITHOUT ROWID;
INSERT INTO user_changes_new SELECT * FROM user_changes;
DROP TABLE user_changes;
ALTER TABLE user_changes_new RENAME TO user_changes;
",
];

type Dump = BTreeMap<String, Vec<Vec<Value>>>;

fn tables(connection: &Connection) -> Vec<(String, Vec<(String, String)>)> {
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let columns = |table: &String| {
        connection
            .prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid")
            .unwrap()
            .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    names.iter().map(|name| (name.clone(), columns(name))).collect()
}

/// Every row of the tables and columns that there were before.
fn dump(connection: &Connection, of: &[(String, Vec<(String, String)>)]) -> Dump {
    let rows = |table: &str, columns: &[(String, String)]| {
        let names: Vec<_> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let names = names.join(", ");
        let mut all: Vec<Vec<Value>> = connection
            .prepare(&format!("SELECT {names} FROM {table}"))
            .unwrap()
            .query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        all.sort_by_key(|row| format!("{row:?}"));
        all
    };
    of.iter().map(|(table, columns)| (table.clone(), rows(table, columns))).collect()
}

/// A file as the first version made it, with rows in every table.
fn first_version(path: &Path) -> Connection {
    let mut connection = Connection::open(path).unwrap();
    migrate_by(&MIGRATIONS[..1], &mut connection, 0, IdentityKey::new([7; 16])).unwrap();
    let fill = connection.transaction().unwrap();
    for (table, columns) in tables(&fill) {
        for number in 0..ROWS {
            let values = columns
                .iter()
                .map(|(_, kind)| match kind.as_str() {
                    "BLOB" => Value::Blob(format!("bytes {number}").into_bytes()),
                    "TEXT" => Value::Text(format!("name {number}")),
                    _ => Value::Integer(number),
                })
                .collect::<Vec<_>>();
            let places = vec!["?"; columns.len()].join(", ");
            fill.execute(
                &format!("INSERT INTO {table} VALUES ({places})"),
                rusqlite::params_from_iter(values),
            )
            .unwrap();
        }
    }
    fill.commit().unwrap();
    connection
}

/// Ours, and the two that may come.
fn later() -> Vec<&'static str> {
    MIGRATIONS.into_iter().chain(LATER).collect()
}

#[test]
fn an_upgrade_keeps_every_row_of_every_table() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut connection = first_version(&path);
    let shape = tables(&connection);
    assert_eq!(shape.len(), 12, "every table of the first version");
    let before = dump(&connection, &shape);
    let migrations = later();
    migrate_by(&migrations, &mut connection, 1, IdentityKey::new([9; 16])).unwrap();
    assert_eq!(dump(&connection, &shape), before);
    let ours = tables(&connection).len() - 1;
    assert_eq!(
        ours,
        SMALL_TABLES.len() + LARGE_TABLES.len() - 1,
        "every table but the notes, and the schema's own"
    );
    assert_eq!(identity(&connection).unwrap().bytes(), [7; 16]);
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, migrations.len() as i64);
    let notes: i64 =
        connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    assert_eq!(notes, ROWS);
    // Once more changes nothing.
    migrate_by(&migrations, &mut connection, version, IdentityKey::new([9; 16])).unwrap();
    assert_eq!(dump(&connection, &shape), before);
}

#[test]
fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = first_version(&directory.path().join("store.db"));
    let shape = tables(&connection);
    let before = dump(&connection, &shape);
    let mut migrations = later();
    migrations.push("INSERT INTO nowhere VALUES (1)");
    migrate_by(&migrations, &mut connection, 1, IdentityKey::new([9; 16])).unwrap_err();
    assert_eq!(tables(&connection), shape);
    assert_eq!(dump(&connection, &shape), before);
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
}

#[test]
fn a_backup_of_the_first_version_is_restored_and_then_upgraded() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let connection = first_version(&at("backup.db"));
    let shape = tables(&connection);
    let before = dump(&connection, &shape);
    connection.close().unwrap();
    let copied = copy::restore(&at("backup.db"), &at("store.db")).unwrap();
    assert_eq!((copied.records, copied.orgs), (2_000, 2_000));
    let mut restored = Connection::open(at("store.db")).unwrap();
    let place = DatabasePath::find(&at("store.db")).unwrap();
    let migrations = later();
    let known = migrations.len() as i64;
    let found = open::recognise_upto(known, &restored, &place).unwrap();
    assert_eq!(found, 1, "older than what is known, and taken");
    migrate_by(&migrations, &mut restored, found, IdentityKey::new([9; 16])).unwrap();
    assert_eq!(dump(&restored, &shape), before);
    // What has nothing in it is no backup.
    let empty = at("empty.db");
    std::fs::write(&empty, "").unwrap();
    let says = copy::restore(&empty, &at("other.db")).unwrap_err().to_string();
    assert!(says.contains("it is an empty file"), "{says}");
}

#[test]
fn spellings_of_a_name_that_were_stored_apart_are_one_user_with_the_newest_of_each_row() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate_by(&MIGRATIONS[..2], &mut connection, 0, IdentityKey::new([7; 16])).unwrap();
    let readings = |rows: &[(UserRow, Status, i64)]| {
        let mut readings = UserReadings::default();
        for (row, status, at) in rows {
            readings.take(*row, (*status).into(), Timestamp::from_seconds(*at));
        }
        readings
    };
    let (folder, version) = (UserRow::ContactsFolder, UserRow::MailboxVersion);
    for (user, stored) in [
        ("JOSE\u{301}@a.b", readings(&[(folder, Status::Yes, 5), (version, Status::No, 1)])),
        ("jose\u{301}@a.b", readings(&[(UserRow::Reset, Status::None, 2)])),
        ("jos\u{e9}@a.b", readings(&[(folder, Status::No, 4), (version, Status::Yes, 3)])),
        ("Bob", readings(&[(folder, Status::No, 9)])),
        (&"\u{130}".repeat(160), readings(&[])),
    ] {
        let row = params![user, codec::pack(&stored)];
        connection.execute("INSERT INTO users VALUES (1, 1, ?1, ?2)", row).unwrap();
        let change = "INSERT INTO user_changes VALUES (1, ?1, 7, 2, 1, 0, 1)";
        connection.execute(change, [user]).unwrap();
    }
    migrate(&mut connection, 2, IdentityKey::new([7; 16])).unwrap();
    let mut query = connection.prepare("SELECT user, cells FROM users ORDER BY user").unwrap();
    let users: Vec<(String, UserReadings)> = query
        .query_map([], |row| Ok((row.get(0)?, codec::readings(row, 1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let jose = readings(&[
        (folder, Status::Yes, 5),
        (version, Status::Yes, 3),
        (UserRow::Reset, Status::None, 2),
    ]);
    let bob = readings(&[(folder, Status::No, 9)]);
    assert_eq!(users, [("bob".to_owned(), bob), ("jos\u{e9}@a.b".to_owned(), jose)]);
    let changes: i64 = connection
        .query_row("SELECT count(*) FROM user_changes WHERE user = 'jos\u{e9}@a.b'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(changes, 1, "one change that was stored three times");
}

#[test]
fn a_table_that_earlier_versions_named_otherwise_is_found_by_its_columns() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = first_version(&directory.path().join("store.db"));
    let of = tables(&connection);
    let before = dump(&connection, &of);
    connection.execute_batch("ALTER TABLE source_heartbeats RENAME TO \"last reports\"").unwrap();
    migrate_by(&MIGRATIONS, &mut connection, 1, IdentityKey::new([9; 16])).unwrap();
    assert_eq!(dump(&connection, &of), before);
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, VERSION);
}
