//! Integration tests: one binary, one file for each flow.

mod architecture;
mod scenarios;
mod simulator;
mod support;
