//! The server as a side of a copy.

use super::session::{JOB_WITHIN, SqlValue};
use super::{Claim, PostgresDsn, PostgresFailure, Session, own, write};
use crate::store::StoreError;
use crate::store::transfer::{Cell, CellKind, CopySide, StoredTable, TakeRows};
use std::time::Duration;
use tokio_postgres::types::ToSql;

/// Making a whole copy durable, or counting a table.
const COPY_WITHIN: Duration = Duration::from_secs(3600);

/// See [`CopySide`].
pub(in crate::store) struct ServerSide {
    dsn: PostgresDsn,
    session: Session,
}

impl ServerSide {
    /// What is copied.
    pub(in crate::store) fn source(dsn: PostgresDsn) -> Result<Self, StoreError> {
        Self::open(dsn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// Where it is copied to: a database in which nothing is.
    pub(in crate::store) fn target(dsn: PostgresDsn) -> Result<Self, StoreError> {
        let mut side = Self::open(dsn, "BEGIN")?;
        side.wait(write::first_look(&side.session))?;
        if side.count("orgs")? > 0 {
            let says = "it knows organisations already; make another database, or drop its schema lightning_sync";
            return Err(side.dsn.error(&PostgresFailure::Other(says.to_owned())));
        }
        Ok(side)
    }

    fn open(dsn: PostgresDsn, begin: &str) -> Result<Self, StoreError> {
        let open = || {
            let (session, _) = own(&dsn, None, Claim::Alone)?;
            session.wait(JOB_WITHIN, async {
                session
                    .batch("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
                    .await?;
                session.batch(begin).await
            })?;
            Ok(session)
        };
        let session = open().map_err(|failure| dsn.error(&failure))?;
        Ok(Self { dsn, session })
    }

    fn wait<T>(
        &self,
        job: impl Future<Output = Result<T, PostgresFailure>>,
    ) -> Result<T, StoreError> {
        self.session.wait(COPY_WITHIN, job).map_err(|failure| self.dsn.error(&failure))
    }
}

impl CopySide for ServerSide {
    fn read(&mut self, table: &StoredTable, take: TakeRows<'_>) -> Result<(), StoreError> {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, kind)| match kind {
                CellKind::Number => format!("\"{name}\"::bigint"),
                CellKind::Text | CellKind::Bytes | CellKind::Value => format!("\"{name}\""),
            })
            .collect();
        let name = table.name;
        let declared =
            format!("DECLARE rows NO SCROLL CURSOR FOR SELECT {} FROM {name}", columns.join(", "));
        self.wait(self.session.batch(&declared))?;
        loop {
            let fetch = format!("FETCH {} FROM rows /* {name} */", table.rows_at_once);
            let fetched = self.wait(async {
                let rows = self.session.rows(&fetch, &[]).await?;
                rows.iter().map(|row| cells(row, table)).collect::<Result<Vec<_>, _>>()
            })?;
            if fetched.is_empty() {
                break;
            }
            take(fetched)?;
        }
        self.wait(self.session.batch("CLOSE rows"))
    }

    fn write(&mut self, table: &StoredTable, rows: Vec<Vec<Cell>>) -> Result<(), StoreError> {
        let mut columns: Vec<CellColumn> =
            table.columns.iter().map(|(_, kind)| CellColumn::of(*kind)).collect();
        for row in rows {
            for (column, cell) in columns.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        let arrays: Vec<String> = (1..)
            .zip(&columns)
            .map(|(number, column)| format!("${number}::{}[]", column.sql()))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({})",
            table.name,
            table.names(),
            arrays.join(", ")
        );
        let values: Vec<SqlValue<'_>> = columns.iter().map(CellColumn::value).collect();
        self.wait(self.session.execute(&sql, &values)).map(drop)
    }

    fn meta(&mut self) -> Result<Vec<(String, Cell)>, StoreError> {
        self.wait(async {
            let rows = self.session.rows("SELECT name, number, bytes FROM meta", &[]).await?;
            let row = |row: &tokio_postgres::Row| {
                let bytes: Option<Vec<u8>> = row.try_get(2)?;
                let cell = match bytes {
                    Some(bytes) => Cell::Bytes(bytes),
                    None => Cell::Number(row.try_get(1)?),
                };
                Ok((row.try_get(0)?, cell))
            };
            rows.iter().map(row).collect()
        })
    }

    fn set_meta(&mut self, rows: Vec<(String, Cell)>) -> Result<(), StoreError> {
        self.wait(async {
            self.session.execute("DELETE FROM meta", &[]).await?;
            for (name, cell) in &rows {
                let (number, bytes) = match cell {
                    Cell::Number(number) => (Some(*number), None),
                    Cell::Bytes(bytes) => (None, Some(bytes)),
                    Cell::Nothing | Cell::Text(_) => continue,
                };
                let sql = "INSERT INTO meta (name, number, bytes) VALUES ($1, $2, $3)";
                self.session.execute(sql, &[name, &number, &bytes]).await?;
            }
            Ok(())
        })
    }

    fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        self.wait(async {
            let row = self.session.row(&format!("SELECT count(*) FROM {table}"), &[]).await?;
            let count: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    fn error(&self, says: String) -> StoreError {
        self.dsn.error(&PostgresFailure::Other(says))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.wait(self.session.commit())
    }
}

fn cells(row: &tokio_postgres::Row, table: &StoredTable) -> Result<Vec<Cell>, PostgresFailure> {
    let cell = |(place, (_, kind)): (usize, &(&str, CellKind))| {
        Ok(match kind {
            CellKind::Number => row.try_get::<_, Option<i64>>(place)?.map(Cell::Number),
            CellKind::Text | CellKind::Value => {
                row.try_get::<_, Option<String>>(place)?.map(Cell::Text)
            }
            CellKind::Bytes => row.try_get::<_, Option<Vec<u8>>>(place)?.map(Cell::Bytes),
        }
        .unwrap_or(Cell::Nothing))
    };
    table.columns.iter().enumerate().map(cell).collect()
}

/// The values of a column, as an array of SQL.
enum CellColumn {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl CellColumn {
    fn of(kind: CellKind) -> Self {
        match kind {
            CellKind::Number => Self::Numbers(Vec::new()),
            CellKind::Text | CellKind::Value => Self::Texts(Vec::new()),
            CellKind::Bytes => Self::Bytes(Vec::new()),
        }
    }

    fn sql(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "bigint",
            Self::Texts(_) => "text",
            Self::Bytes(_) => "bytea",
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Numbers(column), Cell::Number(number)) => column.push(Some(number)),
            (Self::Numbers(column), _) => column.push(None),
            (Self::Texts(column), Cell::Text(text)) => column.push(Some(text)),
            // The value of an organisation's row.
            (Self::Texts(column), Cell::Number(number)) => column.push(Some(number.to_string())),
            (Self::Texts(column), _) => column.push(None),
            (Self::Bytes(column), Cell::Bytes(bytes)) => column.push(Some(bytes)),
            (Self::Bytes(column), _) => column.push(None),
        }
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Numbers(column) => column,
            Self::Texts(column) => column,
            Self::Bytes(column) => column,
        }
    }
}
