//! What would have alerted: plays the past through the judgement, step by step, with the time as an argument.
//!
//! [`Past`] is what is played: records of activity, the store's history, or samples of metrics. [`play()`] judges it as the
//! daemon does and waits as the rules do. [`Replay`] says what would have alerted, and what is not known; it writes itself
//! as text, JSON and SVG, and [`Series`] is the exporter's page of every step for Prometheus. No I/O.

mod json;
mod metrics_text;
mod past;
mod play;
mod series;
mod spans;
mod svg;
mod text;

pub use metrics_text::read_metrics;
pub use past::Past;
pub use play::{HeldBack, Period, Replay, ReplayedAlert, WARM_UP, play};
pub use series::{MOST_STEPS_OF_SERIES, Series};
pub use spans::{HoldingSpan, HoldingSpans};

/// Why nothing was played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(pub(crate) String);

impl ReplayError {
    fn new(says: impl Into<String>) -> Self {
        Self(says.into())
    }
}
