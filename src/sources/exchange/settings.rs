//! What the operator says about an organisation's Exchange.

use crate::domain::ids::UserName;
use crate::http_client::{Authorities, Endpoint};
use crate::secret::Secret;
use chrono::TimeDelta;
use std::fmt;
use std::path::PathBuf;

/// The section `exchange` of an organisation.
#[derive(Clone, PartialEq, Eq)]
pub struct ExchangeSettings {
    /// The host of EWS; every request goes there.
    pub host: Endpoint,
    /// The path of EWS at that host.
    pub path: String,
    /// Authorities besides the system's.
    pub authorities: Option<Authorities>,
    /// How to sign in.
    pub auth: ExchangeAuth,
    /// The mailboxes to look at.
    pub mailboxes: Vec<ProbedMailbox>,
    /// Whether the account impersonates users, as Lightning Sync's does, or opens mailboxes with rights of its own.
    pub impersonate: bool,
    /// Whether Autodiscover is looked at.
    pub autodiscover: bool,
    /// How often to probe.
    pub poll_every: TimeDelta,
    /// The name of the folder with the contacts that are synced.
    pub contacts_folder: String,
}

/// A mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct ProbedMailbox {
    /// Its primary address.
    pub address: String,
    /// The user as the other sources name them.
    pub user: UserName,
}

/// How to sign in.
#[derive(Clone, PartialEq, Eq)]
pub enum ExchangeAuth {
    /// The password itself, within TLS.
    Basic {
        /// `DOMAIN\name` or `name@domain`.
        username: String,
        /// The account's password.
        password: Secret,
    },
    /// NTLM version 2, bound to the server's certificate; the password stays here.
    Ntlm {
        /// `DOMAIN\\name` or `name@domain`.
        username: String,
        /// The account's password.
        password: Secret,
    },
    /// A token that another program renews in a file.
    Bearer {
        /// The file, read with every poll.
        token_file: PathBuf,
    },
}

impl ExchangeSettings {
    /// How often to probe when the operator does not say.
    pub const POLL_EVERY: TimeDelta = TimeDelta::minutes(5);
    /// What the vendor calls the folder.
    pub const CONTACTS_FOLDER: &str = "Salesforce_Sync";
    /// The path that Exchange gives to EWS.
    pub const PATH: &str = "/EWS/Exchange.asmx";
    /// At four requests at once these take an hour; more have no use in one organisation.
    pub const MAX_MAILBOXES: usize = 10_000;
}

/// Names the host alone: accounts and mailboxes do not belong in a log.
impl fmt::Debug for ExchangeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeSettings").field("host", &self.host).finish_non_exhaustive()
    }
}
