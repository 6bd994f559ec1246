//! What the operator may say: file form → [`ValidConfig`], a different type; all mistakes at once, each with its key path.
//!
//! This module knows the domain and secrets, and nothing that runs. A new key is a row in `keys.rs` and a line where its
//! section is read; the example, the schema and the reference in `docs/` follow from the row.

mod alerting;
mod bytes;
mod canary;
mod changed;
mod dates;
mod documents;
pub mod duration;
mod exchange;
mod exchange_log;
mod init;
mod keys;
mod load;
mod mistakes;
mod org;
mod origin;
mod reader;
mod salesforce;
mod section;
mod token;
mod valid;
mod web_file;

pub use changed::changed_policy;
pub use dates::{day, start_of};
pub use documents::{example, reference, schema, web_example};
pub use init::{Answers, InitError, init};
pub use load::{Environment, from_file, from_text};
pub use mistakes::ConfigError;
pub use token::password;
pub use valid::{FilesConfig, IngestConfig, OrgConfig, StoreConfig, ValidConfig};
pub use web_file::{WebFile, WebUser, web_file};
