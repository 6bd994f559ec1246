//! Integration tests: one binary, one file for each flow.

mod alerts;
mod generated;
