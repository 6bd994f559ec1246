//! Integration tests: one binary, one file for each flow.

mod architecture;
mod config;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
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
