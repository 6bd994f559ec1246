//! The metrics page: what it says of organisations that are healthy, silent, held or new, in both formats, and what
//! readers make of it.

mod catalogue;
mod golden;
mod gzip;
mod known;
mod orgs;
mod page;
mod page_cache;
mod self_metrics;
mod users;
