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
mod attack;
mod broken_disk;
mod canary;
mod cli;
mod config;
mod contradictions;
mod dashboards;
mod delivery;
mod deploy;
mod end_to_end;
mod every_row;
mod exchange;
mod exchange_log;
mod faults;
mod files;
mod fleet;
mod fuzz;
mod generated;
mod guard;
mod ha;
mod image;
mod inhibition;
mod inputs;
mod killed;
mod layouts;
mod lives;
mod locales;
mod metrics;
mod mixin;
mod operations;
mod package;
mod pages;
mod pint;
mod random;
mod reload;
mod replay;
mod salesforce;
mod scenarios;
mod scores;
mod second_source;
mod shown;
mod simulator;
mod store;
mod supply;
mod support;
mod upgrade;
mod web;
mod windows;
