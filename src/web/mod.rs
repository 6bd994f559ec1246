//! The hyper server: metrics, health, JSON, ingest and pages.
//!
//! This module reads the published View and takes everything else from [`services::Services`]; it knows neither where
//! observations come from nor where they are stored. A new path is a line in `routes.rs`; a new refusal a variant in `problem.rs`; a new limit a constant in `limits.rs`.

mod access;
mod answer;
mod api;
pub mod auth;
mod body;
mod connection;
mod health;
mod history;
mod ingest;
pub mod limits;
pub mod negotiate;
mod openapi;
mod org_status;
mod pages;
mod passwords;
mod peers;
pub mod problem;
mod query;
mod refusals;
mod routes;
mod scrape;
mod server;
pub mod services;
mod shares;
mod user_filter;

pub use answer::Pieces;
pub use refusals::Refusals;
pub use server::{BindError, Server};
