//! Salesforce as a source, against the simulator and against what others wrote.

mod daemon;
mod failures;
mod fixture;
mod network;
mod polls;
