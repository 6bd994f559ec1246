//! Exchange Web Services as bytes: texts of requests, and what answers say. Pure.

pub(crate) mod answer;
pub(crate) mod items;
pub(crate) mod request;
pub(crate) mod version;
pub(crate) mod xml;

pub use version::{ExchangeProduct, ServerVersion};
