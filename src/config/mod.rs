//! What the operator may say: file form → [`ValidConfig`], a different type; all mistakes at once, each with its key path.
//!
//! This module knows the domain and secrets, and nothing that runs. A new key is a row in `keys.rs` and a line where its
//! section is read; the example, the schema and the reference in `docs/` follow from the row.

mod bytes;
mod dates;
mod drop_directories;
pub mod duration;
mod example;
mod hours;
mod init;
mod keys;
mod load;
mod mistakes;
mod org;
mod origin;
mod reader;
mod reference;
mod salesforce;
mod salesforce_table;
mod schema;
mod section;
mod table;
mod token;
mod valid;
mod web_example;
mod web_file;
mod web_table;

pub use example::example;
pub use init::{Answers, InitError, init};
pub use load::{Environment, from_file, from_text};
pub use mistakes::{ConfigError, ConfigMistake, ConfigMistakes, MistakePlace};
pub use origin::Origin;
pub use reference::reference;
pub use schema::schema;
pub use token::password;
pub use valid::{FilesConfig, IngestConfig, OrgConfig, StoreConfig, ValidConfig};
pub use web_example::web_example;
pub use web_file::{WebFile, WebUser, web_file};
