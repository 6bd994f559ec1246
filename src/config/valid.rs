//! The configuration that the rest of the program runs on. Only a validated text becomes one.

use crate::alerting::AlertingSettings;
use crate::domain::external_url::ExternalUrl;
use crate::domain::policy::{OrgPolicy, UserNames, UserSeries};
use crate::secret::Secret;
use crate::sources::canary::CanarySettings;
use crate::sources::exchange::ExchangeSettings;
use crate::sources::exchange_log::ExchangeLogSettings;
use crate::sources::salesforce::{ReportColumns, SalesforceSettings};
use crate::store::PostgresDsn;
use chrono::TimeDelta;
use std::path::PathBuf;
use std::sync::Arc;

/// Twice the bodies that the server reads at once, with what is made of them.
const DEFAULT_INGEST_MEMORY: u64 = 512 << 20;

/// Everything the operator decided, without a mistake in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidConfig {
    /// Where the database is, and how long it holds what.
    pub store: StoreConfig,
    /// Where people reach the pages, if the operator says so.
    pub external_url: Option<ExternalUrl>,
    /// How alerts are sent, where the daemon does it itself.
    pub alerting: Option<Arc<AlertingSettings>>,
    /// How many bytes everything that is being pushed may take at once.
    pub ingest_memory: u64,
    /// Whether users have series of their own.
    pub user_series: UserSeries,
    /// What stands for a user in labels and pages.
    pub user_names: UserNames,
    /// The organisations, in the order of the file; never empty, names are unique.
    pub orgs: Vec<OrgConfig>,
    /// What the operator should know before it happens: one sentence each.
    pub notes: Vec<String>,
    /// Keeps the constructor within this module.
    validated: Validated,
}

impl ValidConfig {
    /// A configuration of organisations that no operator wrote, with everything else as it is by default: what the
    /// demonstration runs on. Pushes are taken from this host alone.
    pub fn of_policies(database: PathBuf, policies: Vec<OrgPolicy>) -> Self {
        Self {
            store: StoreConfig {
                path: database,
                postgres: None,
                advertise_url: None,
                keep_activity: TimeDelta::days(7),
                keep_history: TimeDelta::days(400),
                backup_max_age: None,
            },
            external_url: None,
            alerting: None,
            ingest_memory: DEFAULT_INGEST_MEMORY,
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
            orgs: policies.into_iter().map(OrgConfig::of).collect(),
            notes: Vec::new(),
            validated: Validated,
        }
    }

    /// The same with one more organisation, whose Exchange is probed and whose server's logs are read.
    #[must_use]
    pub fn with_exchange(
        mut self,
        mut policy: OrgPolicy,
        probe: ExchangeSettings,
        logs: ExchangeLogSettings,
    ) -> Self {
        super::exchange::expect(&mut policy, &probe);
        super::exchange_log::expect(&mut policy, &logs);
        let (exchange, exchange_log) = (Some(Arc::new(probe)), Some(Arc::new(logs)));
        self.orgs.push(OrgConfig { exchange, exchange_log, ..OrgConfig::of(policy) });
        self
    }

    /// The same with one more organisation, which is polled over Salesforce's interfaces.
    #[must_use]
    pub fn with_polled(mut self, mut policy: OrgPolicy, settings: SalesforceSettings) -> Self {
        super::salesforce::expect(&mut policy, &settings);
        let salesforce = Some(Arc::new(settings));
        self.orgs.push(OrgConfig { salesforce, ..OrgConfig::of(policy) });
        self
    }
}

impl OrgConfig {
    fn of(policy: OrgPolicy) -> Self {
        let ingest = IngestConfig { token: None, allowed_origins: Vec::new() };
        Self {
            policy: Arc::new(policy),
            ingest,
            files: None,
            salesforce: None,
            exchange_log: None,
            exchange: None,
            canary: None,
        }
    }
}

/// The mark of a configuration that went through validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validated;

/// Where the database is, and how long it holds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The SQLite database.
    pub path: PathBuf,
    /// The PostgreSQL database in its place, if there is one.
    pub postgres: Option<PostgresDsn>,
    /// Where others reach this daemon, if it shares that database with them.
    pub advertise_url: Option<ExternalUrl>,
    /// How long single records of activity are stored.
    pub keep_activity: TimeDelta,
    /// How long hourly totals and changes of readings are stored.
    pub keep_history: TimeDelta,
    /// How old the last backup may be; `None`: nobody is alerted of backups.
    pub backup_max_age: Option<TimeDelta>,
}

/// One organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgConfig {
    /// How it is judged.
    pub policy: Arc<OrgPolicy>,
    /// Who may push for it.
    pub ingest: IngestConfig,
    /// The directory whose files are taken, where one is watched.
    pub files: Option<FilesConfig>,
    /// How Salesforce itself is polled, where it is.
    pub salesforce: Option<Arc<SalesforceSettings>>,
    /// Which logs of Exchange are read, where they are.
    pub exchange_log: Option<Arc<ExchangeLogSettings>>,
    /// How Exchange is probed, where it is.
    pub exchange: Option<Arc<ExchangeSettings>>,
    /// What the canary writes, where there is one.
    pub canary: Option<Arc<CanarySettings>>,
}

/// Whose files are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// The directory that is watched.
    pub directory: PathBuf,
    /// Columns of the sync error report, where exported ones are taken.
    pub report: Option<ReportColumns>,
}

/// Who may push for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestConfig {
    /// What senders have to show; without one only loopback is taken.
    pub token: Option<Secret>,
    /// Pages of other servers that may push from a browser.
    pub allowed_origins: Vec<String>,
}
