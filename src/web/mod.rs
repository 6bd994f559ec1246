//! The hyper server: metrics, health, JSON, ingest and pages.
//!
//! This room reads the published View and asks [`services::Services`] for everything else; it knows neither where
//! observations come from nor where they are kept. A new path is a variant in `routes.rs`, and its line in
//! `openapi.rs`; a new refusal a variant in `problem.rs`; a new limit a constant in `limits.rs`.

mod access;
mod answer;
mod api;
mod body;
mod budget;
mod connection;
mod first_head;
mod found_users;
pub mod guard;
mod health;
mod inflate;
mod ingest;
mod judged;
pub mod limits;
pub mod negotiate;
mod openapi;
mod pages;
mod passwords;
mod peers;
pub mod problem;
mod query;
mod routes;
mod scrape;
mod segment;
mod server;
pub mod services;
mod told;

pub use answer::ChunkSource;
pub use server::{BindError, Server};
