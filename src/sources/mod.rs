//! How we learn: pure parsers from bytes to [`crate::domain::observation`], one folder for each form of input.
//!
//! Parsers do no input or output and read no clock. This room knows neither the engine nor the web; who calls it
//! turns [`refusal::IngestReason`] into a status code.

pub mod activity;
mod instant;
pub mod page;
pub mod refusal;
pub mod snapshot;
mod vocabulary;
