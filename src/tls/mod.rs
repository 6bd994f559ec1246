//! Transport encryption of what is served: settings → a rustls configuration, with every mistake of the files it names.
//!
//! This module knows files and certificates; it does not know requests, users or who asks for a connection. A new setting
//! is a field of [`TlsSettings`] and a line in `build.rs`; what it is called is `config`'s affair.

mod build;
mod pem;
mod settings;
mod validity;

pub use build::{Served, TlsMistake, server};
pub(crate) use pem::{certificates, key};
pub use rustls::ServerConfig;
pub use settings::{CipherSuite, ClientAuth, Curve, TlsSettings, TlsVersion};
