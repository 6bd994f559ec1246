//! What Exchange Server itself wrote about Salesforce's calls: the EWS log of the back end, the `HttpProxy` log of the
//! front end and IIS's log, read from directories (live, or copies of them on a share).
//!
//! This is one side's evidence. A call that Exchange logged was made; that the record then is the same on both sides,
//! no log says. A rejected password leaves no row in the EWS log, only in IIS's, so the three are read together.
//!
//! [`rows`] turns lines into what they say about the account and [`summary`] adds that up; both are pure. [`files`]
//! reads files as they grow and remembers where it stopped.

pub mod columns;
pub mod files;
pub mod rows;
pub mod summary;
