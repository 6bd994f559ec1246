//! Plays stories over the real ingest interface: writes the bytes that a sender would write and pushes them over HTTP.
//! Serves `demo` and tests; nothing else imports it.
//!
//! This module knows the stories and the published interface. It must not know the types that the other side reads with:
//! what both sides share is the wire.

pub mod exchange;
mod feeder;
mod post;
pub mod salesforce;
pub mod synchroniser;
mod wire;

pub use feeder::{Fed, Feeder, FeederClock};
pub use wire::{activity_ndjson, snapshot_json};
