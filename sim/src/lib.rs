//! Simulated organisations: [`scenarios`] as pure timelines, and what plays them over the vendors' interfaces.
//! Serves `demo` and the tests.

pub mod scenarios;
pub mod simulator;

use lightning_sync_domain as domain;
