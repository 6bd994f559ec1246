//! Integration tests: one binary, one file for each flow.

mod architecture;
mod config;
mod scenarios;
mod simulator;
mod support;
#[cfg(test)]
mod random;
#[cfg(test)]
mod store;
#[cfg(test)]
mod windows;
mod metrics;
mod generated;
