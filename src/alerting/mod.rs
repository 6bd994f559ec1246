//! Paging without a Prometheus: what the daemon judges becomes alerts with the labels of the shipped rules, and every
//! configured Alertmanager is sent them. A heartbeat says that this works.
//!
//! [`JudgedAlerts`] and [`AlertBook`] decide, pure; [`Alerting`] records what they decided, then sends. What is held back by a cause
//! that is alerted is not sent, as the rules do it; the rest of silencing is Alertmanager's.

mod book;
mod client;
mod delivery;
mod judged;
mod settings;
mod wire;

pub use book::{AlertBook, OutgoingAlert};
pub use delivery::{AlertHost, Alerting, Recorded};
pub use judged::JudgedAlerts;
pub use settings::{AlertingSettings, AlertmanagerAuth, AlertmanagerSettings, HeartbeatSettings};
pub use wire::posted;
