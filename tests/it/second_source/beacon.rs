//! A source as small as one can be: an Exchange probe that answers with a number of linked users. This file is what a
//! folder in `src/sources/` would hold.

use chrono::TimeDelta;
use hyper::Method;
use lightning_sync_exporter::domain::ids::{OrgName, Source};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::domain::source_state::SourceFacts;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::http_client::{Endpoint, HttpClient, HttpLimits, HttpRequest, Trust};
use lightning_sync_exporter::sources::failure::{Failure, FailureReason};
use lightning_sync_exporter::sources::polling::{
    BoxedFuture, PollOutcome, PollPace, PollSettings, PolledSource,
};
use std::any::Any;
use std::time::Duration;

/// The source's own closed list of reasons, each with its advice.
pub(super) const REASONS: [FailureReason; 1] =
    [FailureReason { name: "beacon_dark", advice: "Light the beacon.", wants_distance: false }];

/// What its section of the configuration says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BeaconSection {
    pub(super) host: Endpoint,
    pub(super) poll_every: TimeDelta,
}

/// What makes a poller.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BeaconSource {
    pub(super) org: OrgName,
    pub(super) section: BeaconSection,
}

impl PollSettings for BeaconSource {
    fn source(&self) -> &'static str {
        Source::Exchange.name()
    }

    fn pace(&self) -> PollPace {
        PollPace { every: self.section.poll_every, budget_percent: 100, steady: false }
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }

    fn start(&self) -> Box<dyn PolledSource> {
        let limits = HttpLimits {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(10),
            body_bytes: 64,
        };
        let http = HttpClient::new(self.section.host.clone(), &Trust::of_nobody(), limits);
        Box::new(Beacon { org: self.org.clone(), http })
    }
}

struct Beacon {
    org: OrgName,
    http: HttpClient,
}

impl Beacon {
    async fn linked_users(&self) -> Result<u64, Failure> {
        let request = HttpRequest {
            method: Method::GET,
            path: "/linked".to_owned(),
            headers: Vec::new(),
            body: Vec::new().into(),
        };
        let answer = self.http.send(request).await?;
        if answer.status == 503 {
            return Err(Failure::new(REASONS[0], "the beacon does not shine"));
        }
        // Anything else than a number is a defect, as every program has some.
        Ok(std::str::from_utf8(&answer.body).unwrap().parse().unwrap())
    }
}

impl PolledSource for Beacon {
    fn poll<'a>(&'a mut self, now: Timestamp, _: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            let snapshot = self.linked_users().await.map(|linked| {
                Some(Snapshot {
                    org: self.org.clone(),
                    source: Source::Exchange,
                    captured_at: now,
                    rows: vec![(OrgRow::LinkedUsers, OrgValue::Count(linked))],
                    users: Vec::new(),
                    users_complete: false,
                })
            });
            PollOutcome {
                snapshot,
                memory: None,
                facts: SourceFacts::default(),
                figures: Vec::new(),
                usage: None,
                news: Vec::new(),
            }
        })
    }
}
