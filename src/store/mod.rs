//! What survives: activity with its totals, readings, users, and when sources reported. One writer owns a [`Store`];
//! pages and charts read through [`History`] on connections of their own.
//!
//! This module knows SQL and nothing of sources, metrics or the web. A new thing to store is a variant of [`StoreWrite`], a
//! table in `sqlite/schema.rs` with a migration, and a field of [`StoredOrg`].

mod codec;
mod error;
mod forget;
mod history;
mod ledger;
mod lock;
mod port;
mod postgres;
mod sqlite;
mod sums;
mod transfer;

pub use error::StoreError;
pub use forget::{Erase, erase};
pub use history::{HISTORY_LIMIT, History, HourTotal, ReadingChange, SqliteHistory, UserChange};
pub use port::{Looked, Standby, StatusChange, Store, StoreWrite, Stored, StoredOrg, Written};
pub use postgres::{HeldLease, PostgresDsn, PostgresHistory, PostgresStandby, PostgresStore};
pub use sqlite::{Copied, OpenOptions, SqliteStore, backup, last_backup, note_backup, restore};
pub use transfer::{CopiedTable, copy_store};

use crate::domain::activity::IdentityKey;
use std::path::Path;
use std::sync::Arc;

/// Opens the history of a store that a daemon has opened before: of the server, where there is one, or else of the file.
/// Takes no lock.
///
/// # Errors
/// When it is missing, unreadable or not ours.
pub fn open_history(
    file: &Path,
    server: Option<&PostgresDsn>,
) -> Result<Arc<dyn History>, StoreError> {
    Ok(match server {
        Some(dsn) => Arc::new(PostgresHistory::open(dsn.clone())?),
        None => Arc::new(SqliteHistory::open(file)?),
    })
}

/// A secret of record identities for a new database; an error in words.
fn fresh_identity() -> Result<IdentityKey, String> {
    let mut bytes = [0; 16];
    match rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()) {
        Ok(16) => Ok(IdentityKey::new(bytes)),
        Ok(_) => Err("the system gave no random bytes".to_owned()),
        Err(error) => Err(format!("the system gave no random bytes: {error}")),
    }
}
