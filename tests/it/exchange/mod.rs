//! The probe of Exchange, against the simulator and against what others wrote.

mod daemon;
mod fixture;
mod mailboxes;
mod others;
mod server;
