//! The metrics page: what it says of organisations that are healthy, silent, held or new, in both formats, and what
//! readers make of it.

mod catalogue;
mod golden;
mod gzip;
mod kept;
mod known;
mod orgs;
mod own;
mod page;
mod users;
