//! A file → a server, or the other way, whole: every table is copied in one transaction and counted on both sides.

use super::postgres::ServerSide;
use super::sqlite::FileSide;
use super::{PostgresDsn, StoreError};
use std::path::Path;

/// A value on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Nothing,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellKind {
    Number,
    Text,
    Bytes,
    /// The value of an organisation's row: text on a server; in a file a number, or the text of an account.
    Value,
}
use CellKind::{Bytes, Number, Text, Value};

/// A table and its columns.
pub(super) struct StoredTable {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, CellKind)],
    /// Rows that are in memory at once.
    pub(super) rows_at_once: usize,
}

/// A table of small rows: these are a few megabytes.
const fn table(name: &'static str, columns: &'static [(&'static str, CellKind)]) -> StoredTable {
    StoredTable { name, columns, rows_at_once: 10_000 }
}

/// A table whose rows may have a megabyte each.
const fn table_of_large_rows(
    name: &'static str,
    columns: &'static [(&'static str, CellKind)],
) -> StoredTable {
    StoredTable { name, columns, rows_at_once: 16 }
}

/// Everything that is stored but `meta`, whose values are of several kinds. A test compares it with what the stores make.
#[rustfmt::skip]
pub(super) const TABLES: [StoredTable; 14] = [
    table("orgs", &[("id", Number), ("name", Text), ("known_since", Number)]),
    table("activity", &[("at", Number), ("key", Bytes), ("org", Number), ("kind", Number)]),
    table("minute_totals", &[("minute", Number), ("org", Number), ("kind", Number), ("count", Number), ("newest", Number)]),
    table("hour_totals", &[("hour", Number), ("org", Number), ("kind", Number), ("count", Number), ("newest", Number)]),
    table("lanes", &[("org", Number), ("kind", Number), ("newest", Number), ("expired", Number)]),
    table("readings", &[("org", Number), ("row", Number), ("source", Number), ("value", Value), ("observed_at", Number), ("changed_at", Number)]),
    table("reading_changes", &[("org", Number), ("row", Number), ("at", Number), ("source", Number), ("value", Value)]),
    table("users", &[("org", Number), ("source", Number), ("user", Text), ("cells", Bytes)]),
    table("user_changes", &[("org", Number), ("user", Text), ("at", Number), ("row", Number), ("source", Number), ("before", Number), ("after", Number)]),
    table("source_heartbeats", &[("org", Number), ("source", Number), ("at", Number), ("users_complete", Number)]),
    table("covered", &[("org", Number), ("object_type", Number), ("since", Number)]),
    table("incidents", &[("org", Number), ("cause", Text), ("object_type", Text), ("user_row", Text), ("severity", Text), ("since", Number), ("users", Number), ("first_sync", Number), ("ended", Number), ("calm_until", Number), ("synced_before", Number)]),
    table_of_large_rows("source_memory", &[("org", Number), ("source", Number), ("bytes", Bytes)]),
    table("alerts", &[("org", Number), ("cause", Text), ("severity", Text), ("object_type", Text), ("user_row", Text), ("shared", Text), ("held_since", Number), ("fired_at", Number), ("resolved_at", Number), ("description", Text)]),
];

impl StoredTable {
    /// The names of its columns, quoted: `user` is a word of SQL.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        names.join(", ")
    }
}

/// Takes a part of a table.
pub(super) type TakeRows<'a> = &'a mut dyn FnMut(Vec<Vec<Cell>>) -> Result<(), StoreError>;

/// One side of a copy, of which nobody else writes to it.
pub(super) trait CopySide {
    /// Hands out all rows of a table, at most [`StoredTable::rows_at_once`] at a time.
    fn read(&mut self, table: &StoredTable, take: TakeRows<'_>) -> Result<(), StoreError>;

    /// Adds rows to a table.
    fn write(&mut self, table: &StoredTable, rows: Vec<Vec<Cell>>) -> Result<(), StoreError>;

    /// The rows of `meta`.
    fn meta(&mut self) -> Result<Vec<(String, Cell)>, StoreError>;

    /// Puts rows of `meta` in the place of what is there.
    fn set_meta(&mut self, rows: Vec<(String, Cell)>) -> Result<(), StoreError>;

    /// How many rows a table has.
    fn count(&mut self, table: &str) -> Result<u64, StoreError>;

    /// An error about this side.
    fn error(&self, says: String) -> StoreError;

    /// Makes what was written last.
    fn commit(&mut self) -> Result<(), StoreError>;
}

/// A table and its rows, of which there are as many in what was copied as in the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopiedTable {
    /// The table.
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
}

/// Copies the store of a stopped daemon: from a file of SQLite to the PostgreSQL database of a connection string in a file,
/// or back. The target is new: a file that is not there, or a database that knows no organisation. The certificates of
/// `ca_file` are trusted beside the system's.
///
/// # Errors
/// When a daemon holds one of them, either cannot be used, the target is not new, or the counts of rows differ. The target
/// then has nothing.
pub fn copy_store(
    from: &Path,
    to: &Path,
    ca_file: Option<&Path>,
) -> Result<Vec<CopiedTable>, StoreError> {
    match (PostgresDsn::named(from, ca_file)?, PostgresDsn::named(to, ca_file)?) {
        (None, Some(target)) => {
            let mut source = FileSide::source(from)?;
            copied(&mut source, &mut ServerSide::target(target)?)
        }
        (Some(source), None) => {
            let mut source = ServerSide::source(source)?;
            FileSide::make(to, |target| copied(&mut source, target))
        }
        (None, None) => Err(StoreError::Io {
            path: to.display().to_string(),
            reason: "neither is a file with a connection string; the command backup copies a file to a file"
                .to_owned(),
        }),
        (Some(_), Some(_)) => Err(StoreError::Io {
            path: to.display().to_string(),
            reason: "both are connection strings; pg_dump and pg_restore copy a server to a server"
                .to_owned(),
        }),
    }
}

fn copied(from: &mut dyn CopySide, to: &mut dyn CopySide) -> Result<Vec<CopiedTable>, StoreError> {
    for table in &TABLES {
        from.read(table, &mut |rows| to.write(table, rows))?;
    }
    to.set_meta(from.meta()?)?;
    let names = TABLES.iter().map(|table| table.name).chain(["meta"]);
    let counted = |name| {
        let (rows, copied) = (from.count(name)?, to.count(name)?);
        if rows != copied {
            let says = format!("{copied} of {rows} rows of {name} arrived, so nothing was copied");
            return Err(to.error(says));
        }
        Ok(CopiedTable { name, rows })
    };
    let tables = names.map(counted).collect::<Result<Vec<_>, _>>()?;
    to.commit()?;
    Ok(tables)
}
