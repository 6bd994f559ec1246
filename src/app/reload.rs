//! What changes when the configuration is read again: the engine's policies, who may push, and which series exist.

use super::daemon::Shared;
use super::pollers::Pollers;
use crate::alerting::Alerting;
use crate::config::{Environment, IngestConfig, OrgConfig, ValidConfig, from_file};
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::OrgName;
use crate::engine::EngineSettings;
use crate::events::Event;
use crate::http_client::Trust;
use crate::store::PostgresDsn;
use crate::web::services::Access;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Who may push, by organisation.
pub(super) type AccessTable = HashMap<OrgName, Arc<Access>>;

/// Reads the configuration again on demand.
pub(super) struct Reloader {
    /// `None`: the configuration did not come from a file (the demo) and stays as it is.
    pub(super) file: Option<PathBuf>,
    pub(super) environment: Environment,
    /// The database that is open; no reload can take another.
    pub(super) store: PathBuf,
    /// The server in its place, if there is one.
    pub(super) postgres: Option<PostgresDsn>,
    /// Where others reach this daemon, if it shares that server with them.
    pub(super) advertise_url: Option<ExternalUrl>,
    pub(super) access: Arc<ArcSwap<AccessTable>>,
    /// Where people reach the pages from elsewhere.
    pub(super) external_url: Arc<ArcSwapOption<ExternalUrl>>,
    pub(super) pollers: Pollers,
    pub(super) alerting: Arc<Alerting>,
    pub(super) shared: Shared,
    /// One reload at a time, or the older of two could win. What runs as soon as this daemon leads; `None` when it does.
    pub(super) turn: tokio::sync::Mutex<Option<ValidConfig>>,
}

impl Reloader {
    /// Reads and applies the configuration; all mistakes in one text when the old one stays.
    pub(super) async fn reload(&self) -> Result<(), String> {
        let mut turn = self.turn.lock().await;
        let done = self.try_reload(&mut turn).await;
        self.shared.events.emit(match &done {
            Ok(()) => Event::ConfigReloaded,
            Err(errors) => Event::ConfigRejected { errors: errors.clone() },
        });
        if done.is_ok() {
            self.shared.own.config_loaded((self.shared.clock.wall)());
        }
        done
    }

    async fn try_reload(&self, waiting: &mut Option<ValidConfig>) -> Result<(), String> {
        let file = self.file.clone().ok_or("this configuration did not come from a file")?;
        let environment = self.environment.clone();
        let config = tokio::task::spawn_blocking(move || from_file(&file, &environment))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        if config.store.postgres != self.postgres {
            return Err("store.postgres: found another database than the one that is open, which needs a restart, so nothing of this configuration was taken".to_owned());
        }
        if config.store.advertise_url != self.advertise_url {
            return Err("store.postgres.advertise_url: found another address than the one that the daemon started with, which needs a restart, so nothing of this configuration was taken".to_owned());
        }
        if config.store.path != self.store {
            return Err(format!(
                "store.path: found {:?}, and {:?} is open; another database needs a restart, so nothing of this configuration was taken",
                config.store.path.display().to_string(),
                self.store.display().to_string()
            ));
        }
        self.shared.engine.configure(settings(&config)).await?;
        self.shared.own.set_orgs(&names(&config));
        self.shared.own.set_backup_max_age(config.store.backup_max_age);
        match waiting {
            Some(waiting) => waiting.clone_from(&config),
            None => self.run(&config),
        }
        self.access.store(Arc::new(access_table(&config)));
        self.external_url.store(config.external_url.map(Arc::new));
        Ok(())
    }
}

impl Reloader {
    /// Polls and sends alerts from now on, from where the leader before had got.
    pub(super) async fn lead(&self, alerts: Vec<(AlertId, AlertState)>) {
        let mut turn = self.turn.lock().await;
        self.alerting.resume(alerts).await;
        if let Some(config) = turn.take() {
            self.run(&config);
        }
    }

    fn run(&self, config: &ValidConfig) {
        self.pollers.configure(config);
        self.configure_alerting(config);
    }

    /// Sends alerts as `config` says.
    fn configure_alerting(&self, config: &ValidConfig) {
        let settings = config.alerting.as_ref();
        let alertmanagers = settings.map(|it| it.alertmanagers.as_slice()).unwrap_or_default();
        let names: Vec<String> = alertmanagers.iter().map(|it| it.endpoint.to_string()).collect();
        self.shared.own.set_alertmanagers(&names);
        let secure = settings.is_some_and(|settings| settings.is_secure());
        let trust = if secure { self.pollers.trust() } else { Trust::of_nobody() };
        self.alerting.configure(settings.cloned(), &trust);
    }
}

/// What the engine takes from the configuration.
pub(super) fn settings(config: &ValidConfig) -> EngineSettings {
    EngineSettings {
        policies: config.orgs.iter().map(|org| Arc::clone(&org.policy)).collect(),
        keep_activity: config.store.keep_activity,
        keep_history: config.store.keep_history,
        user_series: config.user_series,
        user_names: config.user_names,
    }
}

/// The configured organisations.
pub(super) fn names(config: &ValidConfig) -> Vec<OrgName> {
    config.orgs.iter().map(|org| org.policy.name.clone()).collect()
}

/// Who may push.
pub(super) fn access_table(config: &ValidConfig) -> AccessTable {
    let access = |org: &OrgConfig| {
        let IngestConfig { token, allowed_origins } = org.ingest.clone();
        let access = Access { token, allowed_origins };
        (org.policy.name.clone(), Arc::new(access))
    };
    config.orgs.iter().map(access).collect()
}
