//! What is known, as JSON: the View for the `now` of the reader, judged, with the words of guidance. Every row says
//! whether its value is live, held or unknown.

pub(super) mod orgs;
pub(super) mod users;

use super::query::{Named, OwnerName};
use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::View;
use crate::guidance::Step;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// An instant as RFC 3339 in UTC.
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime, as = Instant)]
struct InstantJson(Timestamp);

impl Serialize for InstantJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Seconds from `then` to `now`, never below 0: a source's clock may be a little ahead of ours.
fn age_seconds(then: Timestamp, now: Timestamp) -> f64 {
    seconds(now.since(then)).max(0.0)
}

/// How far the answer can be relied on; the beginning of every answer.
#[derive(Serialize, ToSchema)]
#[schema(as = View)]
struct Envelope {
    /// When the request was answered.
    now: InstantJson,
    /// When the engine last published.
    as_of: InstantJson,
    /// Whether that is recent enough for counts to be given.
    fresh: bool,
    store_failing: bool,
    clock_suspect: bool,
    /// Whether this daemon takes what is pushed.
    leader: bool,
}

impl Envelope {
    fn of(view: &View, now: Timestamp) -> Self {
        Self {
            now: InstantJson(now),
            as_of: InstantJson(view.as_of),
            fresh: view.is_fresh(now),
            store_failing: view.store_failing,
            clock_suspect: view.clock_suspect,
            leader: view.role.leads(),
        }
    }
}

/// One thing to do.
#[derive(Serialize, ToSchema)]
#[schema(as = Step)]
struct StepJson {
    text: String,
    owner: OwnerName,
}

impl StepJson {
    fn of(step: &Step) -> Self {
        Self { text: step.text.plain(), owner: Named(step.owner) }
    }
}

/// Steps in their order.
fn steps(steps: &[Step]) -> Vec<StepJson> {
    steps.iter().map(StepJson::of).collect()
}

/// How well a value is known.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Knowledge {
    /// A source of the row is live.
    Live,
    /// It was reported, and no source has confirmed it lately.
    Held,
    /// A source that can tell is live, and it never happened.
    Never,
    /// There is none.
    Unknown,
}

const fn known(stale: Option<bool>) -> Knowledge {
    match stale {
        Some(false) => Knowledge::Live,
        Some(true) => Knowledge::Held,
        None => Knowledge::Unknown,
    }
}
