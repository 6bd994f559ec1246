//! Named lives of an organisation as pure timelines, each with its truth line: which findings a person who knows what
//! happened would want. They serve `demo` and the tests that hold the judgement against the truth.
//!
//! This module knows the domain and nothing of how its timelines are sent, stored or shown. A new life is one function in
//! one of the files that `library` lists; its truth is worked out by hand from the story, never from what `judge` says.

mod demo;
mod library;
mod life;
mod page;
mod people;
mod reports;
mod scenario;
mod setting;
mod truth;

pub use demo::{DEMO_HISTORY, demo};
pub use library::{all, exact, named};
pub(crate) use people::user_name;
pub use scenario::{Pushes, Scenario, SyncRecord, WatchChange, WatchFault, Watching};
pub use truth::{Actor, Breakage, Truth};
