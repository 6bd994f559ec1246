//! The single owner of state: takes observations, commits them, moves the windows, publishes an immutable View and
//! only then acknowledges. [`Engine`] does this for a given `now` without threads; [`spawn`] runs it on one.
//!
//! This module knows no source's insides, no metrics and no web.

mod clock;
mod core;
mod follower;
#[cfg(test)]
#[path = "../../tests/it/support/memory_store.rs"]
mod memory_store;
mod org;
mod queue;
#[cfg(test)]
mod tests;
mod users;
mod worker;

pub use self::core::{Engine, EngineSettings};
pub use follower::{Began, Promotion, SpawnError, spawn_standby};
pub use queue::{Handle, QUEUE_BYTES, Submitted};
pub use worker::{Clock, EngineEnd, Running, spawn};
