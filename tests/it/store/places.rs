//! Where a store can be: what the tests of the port run on.

use crate::support::memory_store::MemoryStore;
use crate::support::postgres::{Database, server};
use lightning_sync_exporter::store::{
    History, OpenOptions, PostgresDsn, PostgresHistory, PostgresStore, SqliteHistory, SqliteStore,
    Store, StoreError,
};
use rusqlite::types::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place that is empty at first; a store in it survives its closing.
pub(crate) trait Place: Sized {
    /// The store.
    type Store: Store + 'static;
    /// What reads its past.
    type Past: History;

    fn new() -> Self;
    fn open(&self) -> Result<Self::Store, StoreError>;
    fn past(&self) -> Self::Past;
}

/// A place that another process finds by a file, and where SQL can be run past the store's own code.
pub(crate) trait PlaceOnDisk: Place {
    /// Which of them it is.
    const NAME: &str;
    /// How often a writer is killed where nothing else is wanted.
    const KILLS: u64;

    /// The database, or the file that says where it is.
    fn file(&self) -> PathBuf;
    /// What a configuration says under `store`.
    fn section(&self) -> String;
    /// Opens with so many rows that one pruning removes.
    fn open_file(file: &Path, prune_rows: usize) -> Self::Store;
    /// Runs a query; every value as text, bytes that are named with `hex` in hexadecimal digits.
    fn query(&self, sql: &str) -> Vec<Vec<String>>;
}

impl Place for MemoryStore {
    type Store = Self;
    type Past = Self;

    fn new() -> Self {
        Self::new()
    }

    fn open(&self) -> Result<Self, StoreError> {
        Ok(self.clone())
    }

    fn past(&self) -> Self {
        self.clone()
    }
}

/// A file of SQLite.
pub(crate) struct SqliteFile(TempDir);

impl Place for SqliteFile {
    type Store = SqliteStore;
    type Past = SqliteHistory;

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.file(), OpenOptions::default())
    }

    fn past(&self) -> SqliteHistory {
        SqliteHistory::open(&self.file()).unwrap()
    }
}

impl PlaceOnDisk for SqliteFile {
    const NAME: &str = "sqlite";
    const KILLS: u64 = 200;

    fn file(&self) -> PathBuf {
        self.0.path().join("a.db")
    }

    fn section(&self) -> String {
        format!("{{ path: {} }}", self.file().display())
    }

    fn open_file(file: &Path, prune_rows: usize) -> SqliteStore {
        SqliteStore::open(file, OpenOptions { prune_rows, ..OpenOptions::default() }).unwrap()
    }

    fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        let mut query = connection.prepare(sql).unwrap();
        let columns = query.column_count();
        let text = |value: Value| match value {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.to_lowercase(),
            Value::Null | Value::Real(_) | Value::Blob(_) => format!("{value:?}"),
        };
        let rows = query
            .query_map([], |row| (0..columns).map(|at| row.get(at).map(text)).collect())
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// A database of the PostgreSQL server that the tests share.
pub(crate) struct PostgresDatabase(pub(crate) Database);

/// Where a file says that a database is.
pub(crate) fn dsn(file: &Path) -> PostgresDsn {
    PostgresDsn::from_file(file, None).unwrap()
}

impl Place for PostgresDatabase {
    type Store = PostgresStore;
    type Past = PostgresHistory;

    fn new() -> Self {
        let database = server().database();
        let hex = "CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE SQL AS $$ SELECT encode($1, 'hex') $$";
        server().psql(&database.name, hex).unwrap();
        Self(database)
    }

    fn open(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(dsn(&self.file()))
    }

    fn past(&self) -> PostgresHistory {
        PostgresHistory::open(dsn(&self.file())).unwrap()
    }
}

impl PlaceOnDisk for PostgresDatabase {
    const NAME: &str = "postgres";
    /// Each takes three times as long as with a file.
    const KILLS: u64 = 20;

    fn file(&self) -> PathBuf {
        self.0.file()
    }

    fn section(&self) -> String {
        format!("{{ postgres: {{ dsn_file: {} }} }}", self.file().display())
    }

    fn open_file(file: &Path, prune_rows: usize) -> PostgresStore {
        PostgresStore::open_with(dsn(file), prune_rows).unwrap()
    }

    fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let answer = server().psql(&self.0.name, sql).unwrap();
        answer.lines().map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }
}

/// Makes a test of each function that takes a place, on each of the stores.
macro_rules! on_every_store {
    ($($test:ident)+) => {
        mod memory {
            $(#[test] fn $test() { super::$test::<crate::support::memory_store::MemoryStore>() })+
        }
        $crate::store::places::on_disk! { $($test)+ }
    };
}

/// The same on those that survive their process.
macro_rules! on_disk {
    ($($test:ident)+) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test::<crate::store::places::SqliteFile>() })+
        }
        mod postgres {
            $(#[test] fn $test() { super::$test::<crate::store::places::PostgresDatabase>() })+
        }
    };
}

pub(crate) use {on_disk, on_every_store};
