//! The server over real connections, with the rest of the daemon replaced by closures.

mod api;
mod browser;
mod canary;
mod fixture;
mod history;
mod ingest;
mod measured;
mod pages;
mod pasting;
mod scrape;
mod shutdown;
mod userscript;

pub(crate) use fixture::serving;
