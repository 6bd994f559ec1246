//! Sends stories to a daemon: first what has happened, then what happens. Nothing is queued: how far each story has been
//! sent is all there is to remember, and it moves on only when the daemon has taken what was sent.

use super::post::{PushAnswer, PushConnection};
use super::wire::{activity_ndjson, snapshot_json};
use crate::domain::ids::OrgName;
use crate::domain::source_state::SourceState;
use crate::domain::time::Timestamp;
use crate::scenarios::{Pushes, Scenario};
use bytes::Bytes;
use chrono::TimeDelta;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where the time of the stories comes from; `app.rs` owns the clock.
pub type FeederClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Takes what polled sources of a story would report: that has no interface to push it over.
pub(super) type StateSink = Arc<dyn Fn(&OrgName, &'static str, SourceState) + Send + Sync>;

/// The longest stretch that is sent in one step, so that a request stays small: some thousand records.
const STRETCH: TimeDelta = TimeDelta::hours(6);
/// The most records of one request.
const BATCH: usize = 4_000;
/// A minute of the stories, but never more often than five times a second nor less often than every two seconds.
const SHORTEST_TICK: Duration = Duration::from_millis(200);
const LONGEST_TICK: Duration = Duration::from_secs(2);
/// Waiting after a failure begins here and doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait, also when the daemon asks for more: somebody watches the demo.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a feeder has brought over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fed {
    /// Records that the daemon took, or had already.
    pub records: u64,
    /// Pages that the daemon took.
    pub snapshots: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
    /// Requests that the daemon refused for good; they are not sent again.
    pub refused: u64,
}

/// Pushes stories to a daemon on a loopback address.
pub struct Feeder {
    connection: PushConnection,
    stories: Vec<Story>,
    clock: FeederClock,
    tick: Duration,
    fed: Fed,
    states: Option<StateSink>,
}

struct Story {
    scenario: Scenario,
    sent_up_to: Timestamp,
}

impl Feeder {
    /// A feeder of the daemon at `addr`. `clock` gives the time of the stories, which runs `speed` times as fast as ours.
    pub fn new(addr: SocketAddr, scenarios: Vec<Scenario>, clock: FeederClock, speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.max(1.0) } else { 1.0 };
        let stories = scenarios
            .into_iter()
            .map(|scenario| Story {
                // The first instant itself belongs to the story.
                sent_up_to: scenario.starts.minus(TimeDelta::nanoseconds(1)),
                scenario,
            })
            .collect();
        Self {
            connection: PushConnection::new(addr),
            stories,
            clock,
            tick: Duration::from_secs_f64(60.0 / speed).clamp(SHORTEST_TICK, LONGEST_TICK),
            fed: Fed::default(),
            states: None,
        }
    }

    /// Hands on what polled sources would report.
    #[must_use]
    pub fn with_states(mut self, states: StateSink) -> Self {
        self.states = Some(states);
        self
    }

    /// Tells everything up to the time of the call, and says what has been brought over so far. Cut off anywhere, it can be called again.
    pub async fn catch_up(&mut self) -> Fed {
        let now = (self.clock)();
        for index in 0..self.stories.len() {
            while let Some((pushes, upto)) = self.next_stretch(index, now) {
                self.tell(index, pushes).await;
                if let Some(story) = self.stories.get_mut(index) {
                    story.sent_up_to = upto;
                }
            }
        }
        self.fed
    }

    /// Tells the past, and then the present until `shutdown` resolves.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Fed {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let stop = tokio::select! {
                () = &mut shutdown => true,
                _ = async {
                    self.catch_up().await;
                    tokio::time::sleep(self.tick).await;
                } => false,
            };
            if stop {
                return self.fed;
            }
        }
    }

    fn next_stretch(&self, index: usize, now: Timestamp) -> Option<(Pushes, Timestamp)> {
        let story = self.stories.get(index)?;
        let since = story.sent_up_to;
        (since < now).then(|| {
            let upto = since.plus(STRETCH).min(now);
            (story.scenario.live(upto, since), upto)
        })
    }

    async fn tell(&mut self, index: usize, pushes: Pushes) {
        let Some(story) = self.stories.get(index) else {
            return;
        };
        let base = format!("/api/v1/orgs/{}", story.scenario.policy.name);
        if pushes.feed_speaks && pushes.records.is_empty() {
            self.send(&base, Push::Records(&[])).await;
        }
        for batch in pushes.records.chunks(BATCH) {
            self.send(&base, Push::Records(batch)).await;
        }
        for snapshot in &pushes.snapshots {
            self.send(&base, Push::Page(snapshot)).await;
        }
        if let (Some(states), Some(story)) = (&self.states, self.stories.get(index)) {
            for (source, state) in pushes.states {
                states(&story.scenario.policy.name, source, state);
            }
        }
    }

    /// Sends until the daemon has taken or refused it.
    async fn send(&mut self, base: &str, push: Push<'_>) {
        let (path, content_type, body) = push.request(base);
        let mut wait = FIRST_WAIT;
        loop {
            match self.connection.post(&path, content_type, body.clone()).await {
                PushAnswer::Taken => {
                    match push {
                        Push::Records(records) => self.fed.records += records.len() as u64,
                        Push::Page(_) => self.fed.snapshots += 1,
                    }
                    return;
                }
                PushAnswer::Refused(status, answer) => {
                    self.fed.refused += 1;
                    tracing::warn!(path, %status, answer, "The daemon refused a part of the story: {answer}");
                    return;
                }
                PushAnswer::Again(after) => {
                    self.fed.retries += 1;
                    tokio::time::sleep(after.unwrap_or(wait).min(LONGEST_WAIT)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }
}

impl std::fmt::Debug for Feeder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeder").field("fed", &self.fed).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Push<'a> {
    Records(&'a [crate::scenarios::SyncRecord]),
    Page(&'a crate::domain::observation::Snapshot),
}

impl Push<'_> {
    fn request(self, base: &str) -> (String, &'static str, Bytes) {
        match self {
            Self::Records(records) => (
                format!("{base}/activity"),
                "application/x-ndjson",
                activity_ndjson(records).into(),
            ),
            Self::Page(snapshot) => {
                (format!("{base}/snapshot"), "application/json", snapshot_json(snapshot).into())
            }
        }
    }
}
