//! The one outbound HTTP client. It goes to configured hosts only, over TLS by rustls or to this machine, bounded in time
//! and bytes. It follows no redirect, knows no proxy and stores no cookie.
//!
//! One [`HttpClient`] serves one [`Endpoint`] and reuses its connections. Where authentication belongs to the connection
//! (NTLM), [`HttpClient::open`] hands out a single [`HttpConnection`] with the same trust, time-outs and limits, and the
//! peer's certificate for channel binding. Status codes, credentials and retries are the caller's.

mod client;
mod connector;
mod endpoint;
mod failure;
#[cfg(test)]
mod tests;
mod trace;
mod trust;

pub use client::{HttpClient, HttpConnection, HttpLimits, HttpRequest, HttpResponse};
pub use endpoint::Endpoint;
pub use failure::{TransportError, TransportFailure};
pub use trace::{Distrust, Trace, TracePhase};
pub use trust::{Authorities, Trust};
