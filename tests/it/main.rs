//! Integration tests: one binary, one file for each flow.
#![cfg(test)]
#![expect(
    clippy::format_push_string,
    clippy::string_slice,
    reason = "texts of tests are short, and a test that panics has said enough"
)]

mod agreement;
mod alerts;
mod architecture;
mod cli;
mod config;
mod end_to_end;
mod fuzz;
mod generated;
mod guard;
mod inhibition;
mod layouts;
mod metrics;
mod operations;
mod package;
mod pages;
mod random;
mod salesforce;
mod scenarios;
mod simulator;
mod store;
mod support;
mod web;
mod windows;
