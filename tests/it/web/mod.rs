//! The server over real connections, with the rest of the daemon replaced by closures.

mod api;
mod browser;
mod copying;
mod fixture;
mod ingest;
mod measured;
mod pages;
mod past;
mod pasting;
mod scrape;
mod shutdown;
