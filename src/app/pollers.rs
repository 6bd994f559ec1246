//! Which sources are polled for which organisation, and their way to the engine.

use super::daemon::Shared;
use super::files::WatchedDirectory;
use crate::config::ValidConfig;
use crate::domain::ids::OrgName;
use crate::domain::observation::{Observation, Refusal};
use crate::domain::source_state::SourceState;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::http_client::Trust;
use crate::sources::canary::CanarySource;
use crate::sources::exchange::ExchangeSource;
use crate::sources::exchange_log::ExchangeLogSource;
use crate::sources::polling::{BoxedFuture, Host, PollSettings, Tasks, WantedPollers};
use crate::sources::salesforce::SalesforceSource;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// All that is polled.
pub(super) struct Pollers {
    pub(super) tasks: Tasks,
    shared: Shared,
    /// The system's authorities, read when the first organisation is polled.
    trust: OnceLock<Trust>,
}

impl Pollers {
    pub(super) fn new(shared: Shared) -> Self {
        let tasks = Tasks::new(Arc::new(shared.clone()), shared.events.clone());
        Self { tasks, shared, trust: OnceLock::new() }
    }

    /// The system's authorities, read once.
    pub(super) fn trust(&self) -> Trust {
        self.trust.get_or_init(system_trust).clone()
    }

    /// Starts and ends polls, so that those run that `config` names.
    pub(super) fn configure(&self, config: &ValidConfig) {
        let mut wanted = WantedPollers::new();
        for org in &config.orgs {
            let name = &org.policy.name;
            // One line for each source that is polled.
            let sources: [Option<Arc<dyn PollSettings>>; _] = [
                org.salesforce.as_ref().map(|settings| {
                    Arc::new(SalesforceSource {
                        policy: Arc::clone(&org.policy),
                        settings: Arc::clone(settings),
                        trust: self.trust(),
                    }) as _
                }),
                org.exchange.as_ref().map(|settings| {
                    Arc::new(ExchangeSource {
                        policy: Arc::clone(&org.policy),
                        settings: Arc::clone(settings),
                        trust: self.trust(),
                    }) as _
                }),
                org.canary.as_ref().map(|settings| {
                    Arc::new(CanarySource { settings: Arc::clone(settings), trust: self.trust() })
                        as _
                }),
                org.files.as_ref().map(|files| {
                    let (org, files, shared) = (name.clone(), files.clone(), self.shared.clone());
                    Arc::new(WatchedDirectory { org, files, shared, refusals: Arc::default() }) as _
                }),
                org.exchange_log.as_ref().map(|settings| {
                    let (org, settings) = (name.clone(), Arc::clone(settings));
                    Arc::new(ExchangeLogSource { org, settings }) as _
                }),
            ];
            let sources = sources.into_iter().flatten();
            wanted.extend(sources.map(|source| (name.clone(), source)));
        }
        self.tasks.configure(wanted);
    }
}

/// The engine as the loop of polls sees it.
impl Host for Shared {
    fn now(&self) -> Timestamp {
        (self.clock.wall)()
    }

    fn steady(&self) -> Duration {
        (self.clock.steady)()
    }

    fn org(&self, org: &OrgName) -> Option<Arc<OrgView>> {
        self.engine.view().org(org).cloned()
    }

    fn submit(&self, observation: Observation) -> BoxedFuture<'static, Result<(), Refusal>> {
        let submitted = self.engine.submit(observation);
        Box::pin(async move { submitted?.await.unwrap_or(Err(Refusal::ShuttingDown)).map(drop) })
    }

    fn set_state(&self, org: &OrgName, source: &'static str, state: Option<SourceState>) {
        self.engine.set_source_state(org, source, state);
    }
}

/// The system's authorities. A machine that has none refuses every https answer, which is logged once and in the beginning.
fn system_trust() -> Trust {
    let (trust, troubles) = Trust::found_in_system();
    if trust.is_empty() {
        tracing::warn!(
            "No authority was found on this machine, so that no certificate is believed: install the package ca-certificates, or name a ca_file beside each URL.{}",
            troubles.map_or_else(String::new, |says| format!(" {says}"))
        );
    }
    trust
}
