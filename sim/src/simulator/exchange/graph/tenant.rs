//! A tenant with one application and its mailboxes.

use super::scene::{GraphScene, GraphTrouble};
use std::time::Duration;

/// What proves the application.
#[derive(Debug, Clone)]
pub enum SimulatedApp {
    /// A secret.
    Secret(String),
    /// A certificate that was uploaded.
    Certificate {
        /// Its SHA-256 in base64url.
        thumbprint: String,
        /// RFC 8017's `RSAPublicKey`.
        public_key: Vec<u8>,
    },
}

/// A tenant.
#[derive(Debug, Clone)]
pub struct GraphTenant {
    /// Its id.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// What proves it.
    pub app: SimulatedApp,
    /// The mailboxes.
    pub mailboxes: Vec<GraphMailbox>,
    /// What goes wrong.
    pub scene: GraphScene,
    /// How long a token lasts.
    pub token_seconds: u64,
    /// What time it is here, in Unix seconds.
    pub now_seconds: i64,
    /// How long each answer takes.
    pub slowness: Duration,
}

/// A mailbox in Exchange Online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphMailbox {
    /// The name that its user signs in with.
    pub user: String,
    /// Contact folders: names, and how many contacts are in them.
    pub folders: Vec<(String, u32)>,
    /// What is wrong with it.
    pub trouble: Option<GraphTrouble>,
}

impl GraphMailbox {
    /// One in which all is as it should be.
    pub fn healthy(user: impl Into<String>, contacts: u32) -> Self {
        let folders = vec![("Salesforce_Sync".to_owned(), contacts)];
        Self { user: user.into(), folders, trouble: None }
    }
}

impl GraphTenant {
    /// One in which all is well.
    pub fn healthy(app: SimulatedApp, mailboxes: Vec<GraphMailbox>) -> Self {
        Self {
            tenant: "7e000000-0000-4000-8000-000000000001".to_owned(),
            client_id: "a9900000-0000-4000-8000-000000000002".to_owned(),
            app,
            mailboxes,
            scene: GraphScene::Healthy,
            token_seconds: 3599,
            now_seconds: 0,
            slowness: Duration::ZERO,
        }
    }
}
