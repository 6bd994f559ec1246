//! Salesforce as a source: what its documented interfaces tell, asked for cheaply and never claimed to be more.
//!
//! [`Poller`] is the only part with input and output. Everything else is pure: texts of requests, bytes of answers,
//! rows of the article. Lightning Sync's own status page has no interface; what exists are the switches of its
//! settings, a report that an admin builds, and the users of its successor, Einstein Activity Capture.

mod answer;
mod approximate;
mod assignments;
mod batch;
mod capture;
mod chores;
mod client;
mod counters;
mod errors;
mod exported;
mod grant;
mod mapping;
mod metadata;
mod pace;
mod paging;
mod poll;
mod queries;
mod report;
mod settings;
mod take;
mod told;
mod trail;
mod usage;

pub use capture::{Connectivity, Onboarding};
pub use exported::read_csv;
pub use grant::SigningKey;
pub use pace::Pace;
pub use poll::{Polled, Poller};
pub use report::{Columns, Failed, Report, ReportSettings};
pub use settings::{Auth, Settings};
pub use told::{Part, Told};
pub use usage::Usage;
