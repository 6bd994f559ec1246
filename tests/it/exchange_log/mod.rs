//! Exchange's own logs as a source: what they give, read whole; the daemon killed while they grow; damaged logs.

mod daemon;
mod killed;
mod logs;
mod whole;

pub(crate) use logs::{EwsVersion, LogFile};
