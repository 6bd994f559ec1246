//! Shapes that several answers share.

use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::View;
use crate::guidance::Step;
use serde::{Serialize, Serializer};

/// An instant as RFC 3339 in UTC.
pub(super) struct At(pub(super) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Seconds from `then` to `now`, never below 0: a source's clock may be a little ahead of ours.
pub(super) fn age_seconds(then: Timestamp, now: Timestamp) -> f64 {
    seconds(now.since(then)).max(0.0)
}

/// How far the answer can be relied on; the beginning of every answer.
#[derive(Serialize)]
pub(super) struct Envelope {
    /// When it was asked.
    now: At,
    /// When the engine last published.
    as_of: At,
    /// Whether that is recent enough for counts to be given.
    fresh: bool,
    store_failing: bool,
    clock_suspect: bool,
}

impl Envelope {
    pub(super) fn of(view: &View, now: Timestamp) -> Self {
        Self {
            now: At(now),
            as_of: At(view.as_of),
            fresh: view.is_fresh(now),
            store_failing: view.store_failing,
            clock_suspect: view.clock_suspect,
        }
    }
}

/// One thing to do.
#[derive(Serialize)]
pub(super) struct StepJson {
    text: String,
    owner: &'static str,
}

impl StepJson {
    pub(super) fn of(step: &Step) -> Self {
        Self {
            text: step.text.plain(),
            owner: step.owner.name(),
        }
    }
}

/// Steps in their order.
pub(super) fn steps(steps: &'static [Step]) -> Vec<StepJson> {
    steps.iter().map(StepJson::of).collect()
}
