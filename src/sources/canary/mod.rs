//! The canary: it writes contacts and events of its own on one side, looks for them on the other, and removes them. It is
//! the only source that writes. `machine` decides, without input or output; `salesforce` and `exchange` do.

mod exchange;
mod failure;
mod machine;
mod memory;
mod salesforce;
mod settings;
mod source;

pub use failure::CanaryFailure;
pub use settings::CanarySettings;
pub use source::CanarySource;

use chrono::TimeDelta;

/// After a refusal the account is tried this often at Exchange. A domain counts wrong passwords of half an hour or less.
const SUSPENDED_FOR: TimeDelta = TimeDelta::hours(1);
