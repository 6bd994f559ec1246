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

/// The instant of this computer, as RFC 3339 with whole seconds: for what a daemon with a clock of its own is sent.
/// A date that is written in a test would be too old for it one day.
pub(crate) fn now() -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let now = chrono::DateTime::from_timestamp(since.as_secs() as i64, 0).unwrap();
    now.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
