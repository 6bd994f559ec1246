//! Integration tests: one binary, one file for each flow.

mod architecture;
mod config;
#[cfg(test)]
mod fuzz;
mod generated;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod random;
mod scenarios;
mod simulator;
#[cfg(test)]
mod store;
mod support;
#[cfg(test)]
mod windows;
mod web;
