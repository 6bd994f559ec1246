//! Integration tests: one binary, one file for each flow.
#![cfg(test)]

mod architecture;
mod cli;
mod config;
mod support;
