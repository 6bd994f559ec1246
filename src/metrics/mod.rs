//! View → exposition, and the daemon's own counters. One catalogue of every metric as data.
//!
//! This room knows the domain and what is in the catalogue; nothing of sources, the store or HTTP.

pub mod catalogue;
mod exposition;
mod facts;
mod families;
mod lines;
mod number;
mod table;
mod users;

pub use exposition::{CHUNK, Exposition};
pub use lines::Format;

use crate::domain::time::Timestamp;
use crate::domain::view::View;
use bytes::Bytes;
use std::sync::Arc;

/// The page of `view` as it is at `now`, with the daemon's own counters already written in `own`.
pub fn expose(view: Arc<View>, now: Timestamp, format: Format, own: Bytes) -> Exposition {
    Exposition::new(exposition::Walk::new(view, now, format, own))
}
