//! Watches contact and event sync between Salesforce and Microsoft Exchange: collects what sources tell, keeps it,
//! counts it exactly, judges it as the vendor's article means it, and says what to do next.

/// The store of the tests is compiled as part of the integration tests, too, and names the crate as they do.
#[cfg(test)]
extern crate self as lightning_sync_exporter;

pub mod alerting;
pub mod app;
mod build_info;
pub mod cli;
pub mod config;
pub mod demo;
pub use lightning_sync_domain as domain;
pub mod engine;
pub mod events;
pub mod guidance;
pub mod http_client;
pub mod metrics;
pub mod replay;
pub mod rules;
pub mod secret;
pub mod sources;
pub mod store;
pub mod tls;
pub mod web;
