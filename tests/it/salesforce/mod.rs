//! Salesforce as a source, against the simulator and against what others wrote.

mod daemon;
mod failures;
mod fixture;
mod measured;
mod network;
mod others;
mod parts;
mod polls;
mod secrets;
mod view;
