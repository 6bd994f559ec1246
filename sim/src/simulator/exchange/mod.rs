//! An Exchange over real TLS: EWS and Autodiscover, written byte by byte as the schemas have them, with scenes in which
//! each of them goes wrong. It shares no type with the client that reads it.

mod mailbox;
mod scene;
mod server;
mod soap;

pub use mailbox::{ExchangeFolder, ExchangeMailbox, FolderPlace};
pub use scene::ExchangeScene;
pub use server::{Exchange, ExchangeOrg, ExchangeRequest};
