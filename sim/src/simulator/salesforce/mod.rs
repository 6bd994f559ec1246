//! A Salesforce over real HTTP: sessions, queries, batches and limits, written byte by byte as the vendor documents them,
//! with scenes in which each of them goes wrong. It shares no type with the client that reads it.

pub(super) mod body;
mod composite;
mod oauth;
mod org;
mod records;
mod rest;
mod rows;
mod scene;
mod server;
mod soap;
mod soql;

pub use org::{Person, SimulatedOrg};
pub use records::{EventClass, SalesforceRecord};
pub use scene::Scene;
pub use server::{Salesforce, SeenRequest};
