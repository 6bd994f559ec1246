//! Brings to a daemon what a living organisation's sync did, and its status page.

use super::{LivingOrg, SyncFault};
use crate::domain::time::Timestamp;
use crate::scenarios::SyncRecord;
use crate::simulator::post::{PushAnswer, PushConnection};
use crate::simulator::{FeederClock, activity_ndjson, snapshot_json};
use chrono::TimeDelta;
use std::net::SocketAddr;
use std::time::Duration;

/// How often the organisation moves on.
const TICK: Duration = Duration::from_secs(2);
/// How often somebody reads the page.
const PAGE_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Pushes a living organisation to a daemon.
pub struct SyncFeed {
    org: LivingOrg,
    /// What the daemon has not taken yet.
    records: Vec<SyncRecord>,
    page_read_at: Option<Timestamp>,
    /// What goes wrong, and when.
    later: Option<(Timestamp, SyncFault)>,
    clock: FeederClock,
}

impl SyncFeed {
    /// A feed of an organisation that goes on by `clock`; `records` is what was synced until now.
    pub fn new(org: LivingOrg, records: Vec<SyncRecord>, clock: FeederClock) -> Self {
        Self { org, records, page_read_at: None, later: None, clock }
    }

    /// Lets something go wrong at an instant.
    #[must_use]
    pub fn break_down(mut self, at: Timestamp, fault: SyncFault) -> Self {
        self.later = Some((at, fault));
        self
    }

    /// Goes on until `shutdown` resolves.
    pub async fn run(mut self, daemon: SocketAddr, shutdown: impl Future<Output = ()>) {
        let mut connection = PushConnection::new(daemon);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let stop = tokio::select! {
                () = &mut shutdown => true,
                () = async {
                    self.push(&mut connection).await;
                    tokio::time::sleep(TICK).await;
                } => false,
            };
            if stop {
                return;
            }
        }
    }

    async fn push(&mut self, connection: &mut PushConnection) {
        let now = (self.clock)();
        if let Some((_, fault)) = self.later.take_if(|(at, _)| now >= *at)
            && let Err(error) = self.org.break_down(fault)
        {
            tracing::warn!(%error, "Nothing goes wrong: {error}");
        }
        self.records.extend(self.org.live(now).await);
        let base = format!("/api/v1/orgs/{}", self.org.name());
        // Without a record it says that nothing synced.
        let body = activity_ndjson(&self.records);
        let path = format!("{base}/activity");
        let answer = connection.post(&path, "application/x-ndjson", body.into()).await;
        if !matches!(answer, PushAnswer::Again(_)) {
            self.records.clear();
        }
        if self.page_read_at.is_none_or(|at| now.since(at) >= PAGE_EVERY) {
            let body = snapshot_json(&self.org.page());
            let path = format!("{base}/snapshot");
            let answer = connection.post(&path, "application/json", body.into()).await;
            if matches!(answer, PushAnswer::Taken) {
                self.page_read_at = Some(now);
            }
        }
    }
}

impl std::fmt::Debug for SyncFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncFeed").field("org", &self.org).finish_non_exhaustive()
    }
}
