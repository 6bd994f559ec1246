//! Integration tests: one binary, one file for each flow.
#![cfg(test)]

mod alerts;
mod architecture;
mod cli;
mod config;
mod fuzz;
mod generated;
mod layouts;
mod metrics;
mod pages;
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
mod store;
mod support;
mod web;
#[cfg(test)]
mod windows;
mod web;
