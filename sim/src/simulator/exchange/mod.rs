//! An Exchange over real TLS: EWS, Autodiscover and Graph, written byte by byte as the schemas have them, with scenes in which
//! each of them goes wrong. It shares no type with the client that reads it.

mod certificate;
pub mod graph;
mod items;
mod listener;
mod logs;
mod mailbox;
mod scene;
mod server;
mod soap;

pub use certificate::ServerCertificate;
pub(super) use items::{extended, extended_field, extended_of};
pub use logs::{ServerLogs, WrittenLog};
pub use mailbox::{ExchangeFolder, ExchangeItem, ExchangeMailbox, FolderPlace, ItemFolder};
pub use scene::ExchangeScene;
pub use server::{Exchange, ExchangeOrg, ExchangeRequest};
pub(super) use soap::{after, all_after, error_code, escaped, unescaped};
