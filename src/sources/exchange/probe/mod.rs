//! The probe in the frame of polled sources.

mod ews;
mod ews_mailbox;
mod figures;
mod graph;
mod memory;
mod not_synced;
mod poller;
mod round;
mod state;

use super::settings::ExchangeSettings;
use crate::domain::ids::Source;
use crate::domain::observation::Snapshot;
use crate::domain::policy::OrgPolicy;
use crate::domain::probe::ProbeStep;
use crate::domain::source_state::SourceFacts;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::http_client::Trust;
use crate::sources::failure::Failure;
use crate::sources::polling::{BoxedFuture, PollOutcome, PollPace, PollSettings, PolledSource};
pub use not_synced::NotSynced;
use poller::Prober;
use std::any::Any;
use std::sync::Arc;

/// The settings of an organisation's Exchange, with what of its policy decides what is looked at.
pub struct ExchangeSource {
    /// The organisation's policy.
    pub policy: Arc<OrgPolicy>,
    /// The section `exchange`.
    pub settings: Arc<ExchangeSettings>,
    /// The system's authorities.
    pub trust: Trust,
}

impl PollSettings for ExchangeSource {
    fn source(&self) -> &'static str {
        Source::Exchange.name()
    }

    fn pace(&self) -> PollPace {
        PollPace { every: self.settings.poll_every, budget_percent: 100, steady: false }
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.settings == other.settings
                && self.policy.product == other.policy.product
                && self.policy.connection == other.policy.connection
                && self.policy.objects == other.policy.objects
        })
    }

    fn start(&self) -> Box<dyn PolledSource> {
        Box::new(Prober::new(&self.policy, Arc::clone(&self.settings), &self.trust))
    }
}

impl PolledSource for Prober {
    fn poll<'a>(&'a mut self, now: Timestamp, org: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            self.resume(org.source_states.memory(Source::Exchange));
            let probed = self.probe(now, org).await;
            let snapshot = probed.failure.map_or_else(
                || {
                    Ok((!probed.rows.is_empty() || !probed.users.is_empty()).then(|| Snapshot {
                        org: org.policy.name.clone(),
                        source: Source::Exchange,
                        captured_at: now,
                        rows: probed.rows,
                        // Every mailbox that is configured.
                        users_complete: !probed.users.is_empty(),
                        users: probed.users,
                    }))
                },
                Err,
            );
            PollOutcome {
                snapshot,
                memory: self.memory(),
                figures: self.figures(&probed.report),
                facts: SourceFacts {
                    probe: Some(Arc::new(probed.report)),
                    ..SourceFacts::default()
                },
                usage: None,
                news: probed.news,
            }
        })
    }

    fn incomplete(&mut self) -> Option<Failure> {
        self.incomplete.take()
    }
}

fn of_mailbox() -> impl Iterator<Item = ProbeStep> {
    ProbeStep::ALL.iter().copied().filter(|step| step.is_of_mailbox())
}
