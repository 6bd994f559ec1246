//! The probe of Exchange, against the simulator and against what others wrote.

mod causes;
mod daemon;
mod doctor;
mod fixture;
mod graph;
mod graph_daemon;
mod graph_readers;
mod hostile;
mod mailboxes;
mod not_synced;
mod others;
mod paged;
mod reports;
mod retirement;
mod server;
mod synchroniser;

pub(crate) use others::{python, schemas};
