//! What Exchange Server itself wrote about Salesforce's calls: the EWS log of the back end, the `HttpProxy` log of the
//! front end and IIS's log, read from directories (live, or copies of them on a share).
//!
//! This is one side's evidence. A call that Exchange logged was made; that the record then is the same on both sides,
//! no log says. A refused password leaves no row in the EWS log, only in IIS's, so the three are read together.
//!
//! [`rows`] turns lines into what they say about the account and [`totals`] adds that up; both are pure. [`files`]
//! reads files as they grow and remembers where it stopped; `source` is the source that is polled.

pub mod columns;
mod failure;
pub mod files;
pub mod rows;
mod settings;
mod source;
pub mod totals;

pub use failure::ExchangeLogFailure;
pub use settings::{AddressRange, ExchangeLogSettings, LogServer, SyncAccount};
pub use source::ExchangeLogSource;
