//! What survives: activity with its totals, readings, users, and when sources reported. One writer owns a [`Store`];
//! pages and charts read through [`History`] on connections of their own.
//!
//! This module knows SQL and nothing of sources, metrics or the web. A new thing to store is a variant of [`StoreWrite`], a
//! table in `sqlite/schema.rs` with a migration, and a field of [`StoredOrg`].

mod error;
mod history;
mod lock;
mod port;
mod sqlite;

pub use error::StoreError;
pub use history::{HISTORY_LIMIT, History, HourTotal, ReadingChange, SqliteHistory, UserChange};
pub use port::{StatusChange, Store, StoreWrite, Stored, StoredOrg, Written};
pub use sqlite::{
    Copied, Erase, OpenOptions, SqliteStore, backup, erase, last_backup, note_backup, restore,
};
