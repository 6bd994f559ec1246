//! Integration tests: one binary, one file for each flow.

mod architecture;
mod config;
mod generated;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod random;
mod scenarios;
mod simulator;
#[cfg(test)]
mod store;
mod support;
mod web;
#[cfg(test)]
mod windows;
