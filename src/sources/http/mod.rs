//! The one HTTP client of all sources that ask: TLS by rustls, bounded in time and bytes, and to the configured host
//! only. It follows no redirect, knows no proxy, and keeps no cookie.

mod connection;
mod endpoint;
mod trust;

pub use connection::{Answer, Client, Request};
pub use endpoint::Endpoint;
pub use trust::{Authorities, Trust};
