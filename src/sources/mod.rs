//! How we learn: pure parsers from bytes to observations, and pollers.

pub mod files;
