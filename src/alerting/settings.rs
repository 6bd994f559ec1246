//! What the operator decided of sending alerts.

use crate::domain::external_url::ExternalUrl;
use crate::http_client::{Authorities, Endpoint};
use crate::rules::ScrapeTarget;
use crate::secret::Secret;
use chrono::TimeDelta;
use std::path::PathBuf;

/// Everything about sending alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertingSettings {
    /// Every one of them is sent every alert.
    pub alertmanagers: Vec<AlertmanagerSettings>,
    /// What Prometheus would call this exporter.
    pub exporter: ScrapeTarget,
    /// The dead man's switch, if there is one.
    pub heartbeat: Option<HeartbeatSettings>,
    /// What links begin with.
    pub external_url: ExternalUrl,
}

impl AlertingSettings {
    /// More is a mistake: a cluster has three to five.
    pub const MAX_ALERTMANAGERS: usize = 16;

    /// Whether the system's authorities are needed.
    pub fn is_secure(&self) -> bool {
        let heartbeat = self.heartbeat.iter().map(|heartbeat| &heartbeat.endpoint);
        let alertmanagers = self.alertmanagers.iter().map(|alertmanager| &alertmanager.endpoint);
        alertmanagers.chain(heartbeat).any(Endpoint::is_secure)
    }
}

/// One Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerSettings {
    /// Where it is.
    pub endpoint: Endpoint,
    /// One more authority to trust.
    pub authorities: Option<Authorities>,
    /// How to sign in.
    pub auth: Option<AlertmanagerAuth>,
}

/// How to sign in at an Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertmanagerAuth {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that another program renews.
    Bearer {
        /// Read for every round.
        token_file: PathBuf,
    },
}

/// Where to report that all works.
#[derive(Clone, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// The host.
    pub endpoint: Endpoint,
    /// Path and query; whoever knows them can report, so they are not shown.
    pub path: Secret,
    /// How often.
    pub every: TimeDelta,
}

impl std::fmt::Debug for HeartbeatSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeartbeatSettings({})", self.endpoint)
    }
}
