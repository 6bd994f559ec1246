//! What the flows share: processes that end with the test, a plain HTTP client, and waiting for a condition.

pub(crate) mod alone;
pub(crate) mod browser;
pub(crate) mod disk;
pub(crate) mod documents;
pub(crate) mod http;
pub(crate) mod memory_store;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod receiver;
pub(crate) mod stack;
pub(crate) mod tcp_proxy;
