//! How we learn. Parsers from bytes to [`crate::domain::observation`], one folder for each form of input, do no input or
//! output and read no clock. Sources that ask ([`salesforce`]) keep their client apart from their pure parts.
//!
//! This room knows neither the engine nor the web; who calls it turns [`refusal::ProblemReason`] into a status code, and
//! [`failure::FailureReason`] into a log line.

pub mod activity;
mod contradiction;
pub mod exchange_log;
pub mod failure;
pub mod files;
pub mod http;
pub mod ingest_error;
mod instant;
pub mod page;
pub mod salesforce;
pub mod snapshot;
mod vocabulary;
