//! Wires the modules and owns the clock. Nothing is decided here: each line hands one module's value to another.

mod alerting;
mod clock;
mod daemon;
mod files;
mod ingest;
mod pages;
mod parse;
mod pollers;
mod reload;
mod supervisor;
mod web_file;

pub use clock::{now, real_clock, running_clock};
pub use daemon::{Daemon, Options};
pub use supervisor::Supervisor;
