//! Integration tests: one binary, one file for each flow.

mod architecture;
mod config;
mod generated;
#[cfg(test)]
mod metrics;
mod pages;
#[cfg(test)]
mod random;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod store;
mod support;
mod web;
#[cfg(test)]
mod windows;
