//! What the operator says about an organisation's Exchange.

use super::ews::request::Acting;
use super::graph::GraphSettings;
use crate::domain::ids::UserName;
use crate::domain::time::Timestamp;
use crate::http_client::{Authorities, Endpoint, HttpLimits};
use crate::secret::Secret;
use chrono::TimeDelta;
use ring::digest::{SHA256, digest};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// The section `exchange` of an organisation. There is at least one of `ews` and `graph`.
#[derive(Clone, PartialEq, Eq)]
pub struct ExchangeSettings {
    /// How mailboxes are looked at over EWS, where they are.
    pub ews: Option<EwsSettings>,
    /// How mailboxes are looked at over Microsoft Graph, where they are. With both, each mailbox is looked at over Graph, and
    /// over EWS when Graph reports that it is not in Exchange Online.
    pub graph: Option<GraphSettings>,
    /// Authorities besides the system's.
    pub authorities: Option<Authorities>,
    /// The mailboxes to look at.
    pub mailboxes: Vec<ProbedMailbox>,
    /// How often to probe.
    pub poll_every: TimeDelta,
    /// The name of the folder with the contacts that are synced.
    pub contacts_folder: String,
    /// How long a request may take, and how large its answer may be.
    pub limits: HttpLimits,
    /// When Microsoft ends EWS in Exchange Online; `None` where it does not.
    pub ews_retirement: Option<Timestamp>,
}

/// The account and the way over EWS.
#[derive(Clone, PartialEq, Eq)]
pub struct EwsSettings {
    /// The host of EWS; every request goes there.
    pub host: Endpoint,
    /// The path of EWS at that host.
    pub path: String,
    /// How to sign in.
    pub auth: ExchangeAuth,
    /// Whether the account impersonates users, as Lightning Sync's does, or opens mailboxes with rights of its own.
    pub impersonate: bool,
    /// Whether Autodiscover is looked at.
    pub autodiscover: bool,
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

impl ExchangeAuth {
    /// Whether refused sign-ins lock the account. Nobody's account is locked by a token, and another program renews it.
    pub(super) const fn locks(&self) -> bool {
        !matches!(self, Self::Bearer { .. })
    }

    /// Two bytes of a hash: enough to see that a password changed, too few to guess it from.
    pub(in crate::sources) fn fingerprint(&self) -> [u8; 2] {
        let text = match self {
            Self::Basic { username, password } | Self::Ntlm { username, password } => {
                Zeroizing::new(format!("{username}\0{}", password.expose()))
            }
            // Tokens change by themselves.
            Self::Bearer { .. } => Zeroizing::new(String::new()),
        };
        let hash = digest(&SHA256, text.as_bytes());
        match hash.as_ref() {
            [first, second, ..] => [*first, *second],
            _ => [0; 2],
        }
    }
}

impl ExchangeSettings {
    /// How often to probe when the operator does not say.
    pub const POLL_EVERY: TimeDelta = TimeDelta::minutes(5);
    /// What the vendor calls the folder.
    pub const CONTACTS_FOLDER: &str = "Salesforce_Sync";
    /// A busy Exchange takes seconds for a search; what takes longer is no answer. 50 folders are about 40 kB, a batch of lists at Graph
    /// about 600 kB.
    pub const LIMITS: HttpLimits = HttpLimits {
        connect: Duration::from_secs(10),
        total: Duration::from_secs(30),
        body_bytes: 4 << 20,
    };
    /// Microsoft's final date, of February 2026: 2027-04-01T00:00:00Z.
    pub const EWS_RETIREMENT: Timestamp = Timestamp::from_seconds(1_806_537_600);
    /// At four requests at once these take an hour; more have no use in one organisation.
    pub const MAX_MAILBOXES: usize = 10_000;
}

impl EwsSettings {
    /// The path that Exchange gives to EWS.
    pub const PATH: &str = "/EWS/Exchange.asmx";

    /// How requests for a mailbox are made.
    pub(in crate::sources) fn acting<'m>(&self, mailbox: &'m str) -> Acting<'m> {
        if self.impersonate { Acting::Impersonating(mailbox) } else { Acting::Delegate(mailbox) }
    }
}

/// Names the hosts alone: accounts and mailboxes do not belong in a log.
impl fmt::Debug for ExchangeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts =
            [self.ews.as_ref().map(|ews| &ews.host), self.graph.as_ref().map(|graph| &graph.host)];
        f.debug_struct("ExchangeSettings").field("hosts", &hosts).finish_non_exhaustive()
    }
}
