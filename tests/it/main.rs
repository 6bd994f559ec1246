//! Integration tests: one binary, one file for each flow.

mod architecture;
mod config;
mod support;
