//! Sources that are polled: one trait, and one loop that paces the polls, spreads them, counts failures and starts again
//! what a defect ended. A new source is a folder beside this one that implements [`PollSettings`] and [`PolledSource`].

mod pace;
mod tasks;
#[cfg(test)]
mod tests;

pub use pace::{PollPace, Usage};
pub use tasks::{Host, Tasks, WantedPollers};

use super::failure::Failure;
use crate::domain::observation::Snapshot;
use crate::domain::source_state::SourceFacts;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::events::Figure;
use std::any::Any;
use std::pin::Pin;

/// A future in a box, as trait objects return it.
pub type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What makes a poller of one organisation. Two that are equal are the same poller to a reload.
pub trait PollSettings: Any + Send + Sync {
    /// The source's name in labels, logs and pages.
    fn source(&self) -> &'static str;

    /// How often to poll.
    fn pace(&self) -> PollPace;

    /// Whether `other` is the same source with the same settings.
    fn equals(&self, other: &dyn PollSettings) -> bool;

    /// A poller that has polled nothing yet.
    fn start(&self) -> Box<dyn PolledSource>;
}

/// Polls one organisation at one source.
pub trait PolledSource: Send {
    /// Polls for everything that is due at `now`. `org` is what is known already: a poller resumes from it.
    fn poll<'a>(&'a mut self, now: Timestamp, org: &'a OrgView) -> BoxedFuture<'a, PollOutcome>;

    /// What could not be read in a poll whose snapshot was taken: the source is shown as failing all the same.
    fn incomplete(&mut self) -> Option<Failure> {
        None
    }

    /// Learns that the engine did not take the latest snapshot: the next one has to say everything again.
    fn not_taken(&mut self) {}
}

/// What a poll gave.
#[derive(Debug)]
pub struct PollOutcome {
    /// Rows for the engine, or why there are none. `None`: the source hands its observations over by itself.
    pub snapshot: Result<Option<Snapshot>, Failure>,
    /// What it has to know after a restart, where that changed; [`OrgView`] gives it back to its first poll.
    pub memory: Option<Vec<u8>>,
    /// What it knows besides the article's rows.
    pub facts: SourceFacts,
    /// The source's own metrics; a gauge that is not among them goes.
    pub figures: Vec<Figure>,
    /// How much of what the service allows is used.
    pub usage: Option<Usage>,
    /// Lines for the log, each reported once.
    pub news: Vec<String>,
}
