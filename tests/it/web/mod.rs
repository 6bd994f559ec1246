//! The server over real connections, with the rest of the daemon replaced by closures.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed; clippy knows test functions only, not their helpers"
)]

mod api;
mod fixture;
mod ingest;
mod measured;
mod pages;
mod scrape;
mod shutdown;
