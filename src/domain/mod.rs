//! What the product knows and how it judges, without I/O, async or a clock: `now` is always an argument.
//!
//! This module knows no other. A new status is a variant in [`rows`], a new cause a variant in [`causes`];
//! `match` without wildcards makes the compiler list every place that has to answer.

pub mod activity;
pub mod alerts;
pub mod calendar;
pub mod canary;
pub mod causes;
pub mod drift;
pub mod exchange_log;
pub mod external_url;
pub mod ids;
pub mod incidents;
pub mod judge;
pub mod observation;
pub mod policy;
pub mod probe;
pub mod problem;
pub mod readings;
pub mod rhythm;
pub mod rows;
pub mod setup;
pub mod source_state;
pub mod time;
pub mod users;
pub mod view;
pub mod windows;
