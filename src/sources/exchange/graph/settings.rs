//! What the operator says about the application that reads over Graph.

use crate::domain::ids::closed_set;
use crate::domain::time::Timestamp;
use crate::http_client::Endpoint;
use crate::secret::Secret;
use crate::sources::signing::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use std::sync::Arc;

closed_set! {
    /// Where a tenant is. A token of one cloud counts in no other.
    GraphCloud {
        /// Everywhere else, GCC included.
        Global = "global",
        /// The United States' government.
        GccHigh = "gcc_high",
        /// Its department of defense.
        Dod = "dod",
        /// Operated by 21Vianet.
        China = "china",
    }
}

impl GraphCloud {
    /// The hosts of sign-in and of Graph.
    pub const fn hosts(self) -> [&'static str; 2] {
        match self {
            Self::Global => ["https://login.microsoftonline.com", "https://graph.microsoft.com"],
            Self::GccHigh => ["https://login.microsoftonline.us", "https://graph.microsoft.us"],
            Self::Dod => ["https://login.microsoftonline.us", "https://dod-graph.microsoft.us"],
            Self::China => {
                ["https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"]
            }
        }
    }
}

/// The application and its tenant.
#[derive(Clone, PartialEq, Eq)]
pub struct GraphSettings {
    /// The host that gives tokens.
    pub login: Endpoint,
    /// The host of Graph.
    pub host: Endpoint,
    /// For whom a token is: Graph of that cloud.
    pub scope: String,
    /// The tenant's id or domain.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// What it proves itself with.
    pub auth: GraphAuth,
}

/// What an application proves itself with.
#[derive(Clone, PartialEq, Eq)]
pub enum GraphAuth {
    /// A secret, within TLS.
    Secret(Secret),
    /// A certificate; its key stays here.
    Certificate(Arc<GraphCertificate>),
}

/// A certificate of the application.
#[derive(PartialEq, Eq)]
pub struct GraphCertificate {
    /// Its key.
    pub key: SigningKey,
    /// SHA-256 of it, in base64url.
    pub thumbprint: String,
    /// When it ends.
    pub ends: Option<Timestamp>,
}

impl GraphCertificate {
    /// A certificate with its end and its key; `None` when they do not belong together.
    pub fn new(certificate: &[u8], ends: Option<Timestamp>, key: SigningKey) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let public = parsed.public_key().subject_public_key.data.as_ref();
        (public == key.public()).then(|| Self {
            thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate)),
            ends,
            key,
        })
    }
}
