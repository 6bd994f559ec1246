//! The hyper server: metrics, health, JSON, ingest and pages.
//!
//! This room reads the published View and asks [`services::Services`] for everything else; it knows neither where
//! observations come from nor where they are kept. A new path is a variant in `routes.rs`, and its line in
//! `openapi.rs`; a new refusal a variant in `problem.rs`; a new limit a constant in `limits.rs`.

mod access;
mod answer;
mod api;
pub mod auth;
mod body;
mod budget;
mod connection;
mod health;
mod history;
mod inflate;
mod ingest;
pub mod limits;
pub mod negotiate;
mod openapi;
mod org_verdict;
mod pages;
mod passwords;
mod path_segment;
mod peers;
pub mod problem;
mod query;
mod request_head;
mod routes;
mod row_status;
mod scrape;
mod server;
pub mod services;
mod user_filter;

pub use answer::ChunkSource;
pub use server::{BindError, Server};
