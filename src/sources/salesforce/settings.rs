//! What the operator says about a Salesforce organisation.

use super::report::ReportSettings;
use crate::http_client::{Authorities, Endpoint};
use crate::secret::Secret;
use crate::sources::polling::PollPace;
use crate::sources::signing::SigningKey;
use chrono::TimeDelta;
use std::fmt;
use std::sync::Arc;

/// The section `salesforce` of an organisation.
#[derive(Clone, PartialEq, Eq)]
pub struct SalesforceSettings {
    /// The organisation's own host; every request goes there.
    pub my_domain: Endpoint,
    /// Authorities besides the system's.
    pub authorities: Option<Authorities>,
    /// How to get a session.
    pub auth: Auth,
    /// The version of the interface: 67 is written v67.0.
    pub api_version: u16,
    /// How often to poll.
    pub poll_every: TimeDelta,
    /// The share of the organisation's daily requests, used by anybody, beyond which polling pauses.
    pub api_budget_percent: u8,
    /// The sync error report, where an admin built one.
    pub report: Option<ReportSettings>,
    /// Whether changed contacts and events are counted.
    pub approximate_activity: bool,
    /// Whether the switches of the settings are read, which takes a permission that could also change them.
    pub read_settings: bool,
}

/// How to get a session.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// OAuth 2.0 client credentials.
    ClientCredentials {
        /// The app's consumer key.
        client_id: String,
        /// Its consumer secret.
        secret: Secret,
    },
    /// OAuth 2.0 JWT bearer.
    JwtBearer {
        /// The app's consumer key.
        client_id: String,
        /// The user to run as.
        username: String,
        /// What signs.
        key: Arc<SigningKey>,
        /// Who is to believe it.
        audience: String,
    },
}

impl SalesforceSettings {
    /// The least version with all fields that are read.
    pub const LEAST_API_VERSION: u16 = 59;
    /// The version when the operator names none.
    pub const API_VERSION: u16 = 67;
    /// How often to poll when the operator does not say.
    pub const POLL_EVERY: TimeDelta = TimeDelta::seconds(60);
    /// The share of daily requests when the operator does not say.
    pub const API_BUDGET_PERCENT: u8 = 80;

    /// How often to poll.
    pub(super) const fn pace(&self) -> PollPace {
        PollPace { every: self.poll_every, budget_percent: self.api_budget_percent, steady: false }
    }

    /// `/services/data/v67.0`.
    pub(in crate::sources) fn data(&self) -> String {
        format!("/services/data/v{}.0", self.api_version)
    }

    /// The address of a query, as a part of a batch writes it.
    pub(super) fn in_batch(&self, soql: &str) -> String {
        let soql: String = form_urlencoded::byte_serialize(soql.as_bytes()).collect();
        format!("v{}.0/query/?q={soql}", self.api_version)
    }
}

/// Names the host alone: ids and users do not belong in a log.
impl fmt::Debug for SalesforceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalesforceSettings")
            .field("my_domain", &self.my_domain)
            .finish_non_exhaustive()
    }
}
