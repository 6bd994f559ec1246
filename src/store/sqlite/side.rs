//! The file as a side of a copy.

use super::super::StoreError;
use super::super::lock::Lock;
use super::owner::as_owner;
use super::{DatabasePath, OpenOptions, open};
use crate::domain::rows::OrgRow;
use crate::store::codec;
use crate::store::transfer::{Cell, CellKind, CopiedTable, CopySide, StoredTable, TakeRows};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use std::path::Path;

/// See [`CopySide`].
pub(in crate::store) struct FileSide {
    place: DatabasePath,
    connection: Connection,
    _lock: Lock,
}

impl FileSide {
    /// What is copied.
    pub(in crate::store) fn source(path: &Path) -> Result<Self, StoreError> {
        as_owner(path, || {
            let place = DatabasePath::find(path)?;
            if !place.file().exists() {
                return Err(place.io("it does not exist"));
            }
            Self::open(place)
        })
    }

    /// Makes a new file and has it filled; without success it is removed.
    pub(in crate::store) fn make(
        path: &Path,
        fill: impl FnOnce(&mut dyn CopySide) -> Result<Vec<CopiedTable>, StoreError>,
    ) -> Result<Vec<CopiedTable>, StoreError> {
        let mut side = as_owner(path, || {
            let place = DatabasePath::find(path)?;
            if place.file().exists() {
                return Err(place.io("it is there already; name a new file, or move that one away"));
            }
            let side = Self::open(place)?;
            side.run("BEGIN IMMEDIATE")?;
            Ok(side)
        })?;
        let filled = fill(&mut side).and_then(|tables| {
            open::check_all(&side.connection, &side.place)?;
            Ok(tables)
        });
        if filled.is_err() {
            let Self { place, connection, _lock } = side;
            drop(connection);
            as_owner(path, || {
                std::fs::remove_file(place.file()).map_err(|error| place.io(error.to_string()))
            })?;
        }
        filled
    }

    fn open(place: DatabasePath) -> Result<Self, StoreError> {
        let lock = Lock::take(place.file(), place.shown())?;
        let (connection, _) = open::connect(&place, &OpenOptions::default(), None)?;
        Ok(Self { place, connection, _lock: lock })
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|error| self.place.error(&error))
    }
}

impl CopySide for FileSide {
    fn read(&mut self, table: &StoredTable, take: TakeRows<'_>) -> Result<(), StoreError> {
        let sql = format!("SELECT {} FROM {}", table.names(), table.name);
        let failed = |error: rusqlite::Error| self.place.error(&error);
        let mut query = self.connection.prepare(&sql).map_err(failed)?;
        let mut found = query.query([]).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            let cell = |place| row.get_ref(place).map(of_value).map_err(failed);
            rows.push((0..table.columns.len()).map(cell).collect::<Result<_, _>>()?);
            if rows.len() == table.rows_at_once {
                take(std::mem::take(&mut rows))?;
            }
        }
        if rows.is_empty() { Ok(()) } else { take(rows) }
    }

    fn write(&mut self, table: &StoredTable, rows: Vec<Vec<Cell>>) -> Result<(), StoreError> {
        let places: Vec<String> = (1..=table.columns.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            table.name,
            table.names(),
            places.join(", ")
        );
        let failed = |error: rusqlite::Error| self.place.error(&error);
        let mut insert = self.connection.prepare_cached(&sql).map_err(failed)?;
        for row in rows {
            let account = account(table, &row);
            let values = row.into_iter().zip(table.columns).map(|(cell, (_, kind))| {
                match (cell, kind) {
                    // A number that is stored as one, but for the text of an account.
                    (Cell::Text(text), CellKind::Value) if !account => {
                        text.parse().map_or(Value::Text(text), Value::Integer)
                    }
                    (Cell::Text(text), _) => Value::Text(text),
                    (Cell::Number(number), _) => Value::Integer(number),
                    (Cell::Bytes(bytes), _) => Value::Blob(bytes),
                    (Cell::Nothing, _) => Value::Null,
                }
            });
            insert.execute(params_from_iter(values)).map_err(failed)?;
        }
        Ok(())
    }

    fn meta(&mut self) -> Result<Vec<(String, Cell)>, StoreError> {
        let read = || {
            let mut query = self.connection.prepare("SELECT name, value FROM meta")?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, of_value(row.get_ref(1)?))))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.place.error(&error))
    }

    fn set_meta(&mut self, rows: Vec<(String, Cell)>) -> Result<(), StoreError> {
        self.run("DELETE FROM meta")?;
        let write = || {
            let mut insert = self.connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
            for (name, cell) in rows {
                match cell {
                    Cell::Number(number) => insert.execute((name, number))?,
                    Cell::Bytes(bytes) => insert.execute((name, bytes))?,
                    Cell::Nothing | Cell::Text(_) => 0,
                };
            }
            Ok(())
        };
        write().map_err(|error: rusqlite::Error| self.place.error(&error))
    }

    fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: rusqlite::Result<i64> = self.connection.query_row(&sql, [], |row| row.get(0));
        count.map(i64::unsigned_abs).map_err(|error| self.place.error(&error))
    }

    fn error(&self, says: String) -> StoreError {
        self.place.io(says)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.run("COMMIT")
    }
}

fn of_value(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Cell::Nothing,
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

/// Whether a row of a table with values is about the service account.
fn account(table: &StoredTable, row: &[Cell]) -> bool {
    let of = table.columns.iter().position(|(name, _)| *name == "row");
    let of = of.and_then(|place| row.get(place));
    of == Some(&Cell::Number(codec::of_org_row(OrgRow::ServiceAccountProvided)))
}
