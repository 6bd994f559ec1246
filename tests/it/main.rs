//! Integration tests: one binary, one file for each flow.

mod architecture;
mod simulator;
mod support;
mod web;
