//! The store on disk: SQLite in WAL mode with `synchronous=FULL`, one writing connection.
//!
//! `schema` says what is stored, `open` and `database_path` how a file becomes a store and what its errors mean; `write`,
//! `ledger`, `load` and `prune` are the port's four jobs; `codec` holds the numbers and bytes that stand for domain values.

pub(super) mod codec;
mod copy;
mod database_path;
mod erase;
mod ledger;
mod load;
mod open;
mod owner;
mod prune;
mod schema;
mod side;
mod write;

pub use copy::{Copied, backup, last_backup, note_backup, restore};
pub(super) use database_path::DatabasePath;
pub(super) use erase::erase;
pub use open::OpenOptions;
pub(super) use open::connect_reader;
pub(super) use side::FileSide;

use super::ledger::{newest, tally};
use super::lock::Lock;
use super::{Store, StoreError, StoreWrite, Stored, Written};
use crate::domain::activity::{ActivityKind, IdentityKey};
use crate::domain::ids::{OrgId, OrgName};
use crate::domain::time::Timestamp;
use crate::domain::windows::{LaneTally, Ledger};
use rusqlite::Connection;
use std::path::Path;

/// A database file, and the right to be its only writer.
#[derive(Debug)]
pub struct SqliteStore {
    place: DatabasePath,
    options: OpenOptions,
    identity: IdentityKey,
    state: StoreState,
    _lock: Lock,
}

/// What a store can do at the moment.
#[derive(Debug)]
enum StoreState {
    /// Everything.
    Ready(Connection),
    /// Nothing until [`Store::reopen`]: a write failed, and only the file knows what became of it.
    Failed { damaged: bool },
}

impl SqliteStore {
    /// Opens a database, or makes it where there is none; takes the lock of a single writer.
    ///
    /// # Errors
    /// [`StoreError::Locked`] beside another daemon, [`StoreError::TooNew`] after a later version,
    /// [`StoreError::ReadOnly`], [`StoreError::Corrupt`], or whatever else keeps the file from being used.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let place = DatabasePath::find(path)?;
        let lock = Lock::take(place.file(), place.shown())?;
        let (connection, identity) = open::connect(&place, &options, None)?;
        Ok(Self { place, options, identity, state: StoreState::Ready(connection), _lock: lock })
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        match &self.state {
            StoreState::Ready(connection) => {
                read(connection).map_err(|error| self.place.error(&error))
            }
            StoreState::Failed { .. } => Err(self.failed_before()),
        }
    }

    fn failed_before(&self) -> StoreError {
        self.place.io("an earlier write failed; it has to be opened anew first")
    }

    /// Runs one transaction; after an error the connection is given up, because what became of the transaction is
    /// only certain once the file has been opened anew.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let StoreState::Ready(connection) = &mut self.state else {
            return Err(self.failed_before());
        };
        let error = match write(connection) {
            Ok(done) => return Ok(done),
            Err(error) => self.place.error(&error),
        };
        open::leave_log(connection);
        self.state = StoreState::Failed { damaged: matches!(error, StoreError::Corrupt { .. }) };
        Err(error)
    }
}

impl Ledger for SqliteStore {
    type Error = StoreError;

    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, StoreError> {
        self.read(|connection| tally(connection, after, upto))
    }

    fn newest(&self, upto: Timestamp) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, StoreError> {
        self.read(|connection| newest(connection, upto))
    }
}

impl Store for SqliteStore {
    fn load(&mut self, max_users: &dyn Fn(&OrgName) -> u64) -> Result<Stored, StoreError> {
        self.read(|connection| load::load(connection, max_users))
    }

    fn org(&mut self, name: &OrgName, now: Timestamp) -> Result<(OrgId, Timestamp), StoreError> {
        self.write(|connection| write::org(connection, name, now))
    }

    fn commit(&mut self, writes: &[StoreWrite]) -> Result<Vec<Written>, StoreError> {
        self.write(|connection| write::commit(connection, writes))
    }

    fn prune(
        &mut self,
        horizon: Timestamp,
        history_horizon: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = self.options.prune_rows;
        self.write(|connection| prune::prune(connection, horizon, history_horizon, rows))
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let damaged = matches!(self.state, StoreState::Failed { damaged: true });
        // The old connection goes before the new one comes: two would keep each other from the log.
        self.state = StoreState::Failed { damaged };
        let (connection, _) = open::connect(&self.place, &self.options, Some(self.identity))?;
        if damaged {
            open::check_all(&connection, &self.place)?;
        }
        // Whether or not it can be written again, it can be read: a full disk stops no figure from moving on.
        let writable = schema::prove_writable(&connection);
        self.state = StoreState::Ready(connection);
        writable.map_err(|error| self.place.error(&error))
    }
}
