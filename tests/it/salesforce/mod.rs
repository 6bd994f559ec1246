//! Salesforce as a source, against the simulator and against what others wrote.

mod access;
mod claims;
mod daemon;
mod failures;
mod fixture;
mod lacks;
mod measured;
mod network;
mod others;
mod parts;
mod polls;
mod secrets;
mod view;

pub(crate) use daemon::{config, secret_file, wait_for_metric};
