//! The probe of Exchange, against the simulator and against what others wrote.

mod causes;
mod daemon;
mod fixture;
mod mailboxes;
mod others;
mod server;
