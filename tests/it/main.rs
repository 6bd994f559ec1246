//! Integration tests: one binary, one file for each flow.
#![cfg(test)]
mod fuzz;
mod layouts;

mod alerts;
mod architecture;
mod cli;
mod config;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulator;
mod support;
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
#[cfg(test)]
mod windows;
mod web;
mod pages;
