//! Integration tests: one binary, one file for each flow.
#![cfg(test)]

mod alerts;
mod architecture;
mod cli;
mod config;
mod end_to_end;
mod fuzz;
mod generated;
mod layouts;
mod metrics;
mod pages;
#[cfg(test)]
mod random;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulator;
mod store;
mod support;
mod web;
#[cfg(test)]
mod windows;
