//! How we learn. Parsers from bytes to [`crate::domain::observation`], one folder for each form of input, do no input or
//! output and read no clock. Sources that are polled ([`polling`]) keep their client apart
//! from their pure parts.
//!
//! This room knows neither the engine nor the web; who calls it turns [`refusal::ProblemReason`] into a status code, and
//! [`failure::FailureReason`] into a log line.

pub mod activity;
mod contradiction;
pub mod failure;
pub mod files;
pub mod ingest_error;
mod instant;
pub mod page;
pub mod polling;
pub mod salesforce;
pub mod snapshot;
mod table;
mod vocabulary;
