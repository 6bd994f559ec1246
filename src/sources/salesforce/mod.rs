//! Salesforce as a source: what its documented interfaces report, polled cheaply and never claimed to be more.
//!
//! [`Poller`] is the only part with input and output. Everything else is pure: texts of requests, bytes of answers,
//! rows of the article. Lightning Sync's own status page has no interface; what exists are the switches of its
//! settings, a report that an admin builds, and the users of its successor, Einstein Activity Capture.

pub(super) mod answer;
mod apply;
pub(super) mod client;
mod counters;
mod facts;
mod failure;
mod grant;
mod mapping;
mod metadata;
mod paging;
mod poll;
mod queries;
mod report;
mod report_csv;
mod settings;
mod source;
mod trail;
mod users;

pub use super::signing::SigningKey;
pub use facts::{PollFacts, SalesforcePart};
pub use failure::SalesforceFailure;
pub use metadata::Switch;
pub use poll::{Poller, SalesforcePoll};
pub use report::{ErrorReport, ReportColumns, ReportSettings, ReportedKind};
pub use report_csv::read_csv;
pub use settings::{Auth, SalesforceSettings};
pub use source::{SalesforceSource, report_figures};
pub use users::{Connectivity, Onboarding};
