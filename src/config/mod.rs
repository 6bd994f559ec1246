//! What the operator may say: file form → [`ValidConfig`], a different type; all mistakes at once, each with its key path.
//!
//! This room knows the domain and secrets, and nothing that runs. A new key is a row in `keys.rs` and a line where its
//! section is read; the example, the schema and the reference in `docs/` follow from the row.

mod origin;
mod valid;

pub use origin::Origin;
pub use valid::{IngestConfig, OrgConfig, StoreConfig, ValidConfig};
