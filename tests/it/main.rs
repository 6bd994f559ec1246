//! Integration tests: one binary, one file for each flow.

#[cfg(test)]
mod metrics;
