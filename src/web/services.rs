//! What the server needs from others, as values: `app.rs` puts them in. No type here belongs to a source, the store or
//! the engine.

use super::answer::Pieces;
use super::auth::WebAuth;
use super::limits::INGEST_MEMORY;
use super::negotiate::{Encoding, ExpositionFormat};
use super::problem::{FieldError, FieldErrorJson, Problem};
use crate::domain::causes::Cause;
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::{OrgName, closed_set};
use crate::domain::observation::Snapshot;
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::events::Events;
use crate::secret::Secret;
use crate::store::History;
use bytes::Bytes;
use serde::Serialize;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use utoipa::ToSchema;

/// A future in a box, as trait objects return it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Says who may push for an organisation; `None` when it is not configured.
pub type AccessOf = dyn Fn(&OrgName) -> Option<Arc<Access>> + Send + Sync;

/// Makes the metrics page of an instant, already encoded.
pub type MetricsPage = dyn Fn(ExpositionFormat, Encoding, Timestamp) -> Pieces + Send + Sync;

/// Changes a policy by texts such as `fresh_within=5m`.
pub type ChangedPolicy = dyn Fn(&OrgPolicy, &[String]) -> Result<OrgPolicy, String> + Send + Sync;

/// What the server reads and calls.
#[derive(Clone)]
pub struct Services {
    /// The picture that the engine published last.
    pub view: Arc<dyn Fn() -> Arc<View> + Send + Sync>,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Makes the metrics page.
    pub metrics: Arc<MetricsPage>,
    /// Takes what is pushed.
    pub ingest: Arc<dyn Ingest>,
    /// Reads the past, for charts, on a thread that may block; `None`: there is none to read.
    pub history: Option<Arc<dyn History>>,
    /// An organisation's policy with some keys changed as the configuration writes them; the mistakes in one text.
    pub changed_policy: Arc<ChangedPolicy>,
    /// Reads the configuration again; all mistakes in one text when the old one stays.
    pub reload: Arc<dyn Fn() -> BoxFuture<Result<(), String>> + Send + Sync>,
    /// Who may push for an organisation; `None` when it is not configured.
    pub access: Arc<AccessOf>,
    /// How the server is guarded at this moment; looked at for every connection and every request.
    pub auth: Arc<dyn Fn() -> Arc<WebAuth> + Send + Sync>,
    /// Where people reach the pages from elsewhere at this moment: the JSON links there.
    pub external_url: Arc<dyn Fn() -> Option<Arc<ExternalUrl>> + Send + Sync>,
    /// Where refusals are logged and counted.
    pub events: Events,
}

impl Services {
    /// Where an alert's runbook is, for who is not on our pages.
    pub(super) fn runbook(&self, alert: &str) -> String {
        (self.external_url)().map_or(format!("/runbooks/{alert}"), |url| url.runbook(alert))
    }
}

/// What the operator chooses of the server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The path of the metrics page; begins with a slash.
    pub telemetry_path: String,
    /// The hosts that requests may name besides loopback; empty: any, where not all addresses are loopback.
    pub allowed_hosts: Vec<String>,
    /// How many bytes all that is taken in may need at once.
    pub ingest_memory: u64,
    /// Whether `POST /-/reload` is taken from this host without a token.
    pub lifecycle: bool,
}

/// The address of a cause's runbook.
pub(super) fn runbook(cause: Cause) -> Option<String> {
    Some(format!("/runbooks/{}", cause.alert()?))
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            telemetry_path: "/metrics".to_owned(),
            allowed_hosts: Vec::new(),
            ingest_memory: INGEST_MEMORY,
            lifecycle: false,
        }
    }
}

/// Who may push for an organisation.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The organisation's token; `None`: only this host itself is heard.
    pub token: Option<Secret>,
    /// The origins of web pages that may push, such as `https://acme.lightning.force.com`.
    pub allowed_origins: Vec<String>,
}

closed_set! {
    /// What is pushed.
    IngestKind {
        /// The status page's values, or the page itself.
        Snapshot = "snapshot",
        /// Records of activity.
        Activity = "activity",
    }
}

closed_set! {
    /// The media type of a pushed body.
    MediaType {
        /// JSON.
        Json = "application/json",
        /// One JSON object a line.
        Ndjson = "application/x-ndjson",
        /// A table with a header.
        Csv = "text/csv",
        /// A saved page.
        Html = "text/html",
        /// A page's text.
        Text = "text/plain",
    }
}

impl IngestKind {
    /// What is taken.
    pub const fn media_types(self) -> &'static [MediaType] {
        match self {
            Self::Snapshot => &[MediaType::Json, MediaType::Csv, MediaType::Html, MediaType::Text],
            Self::Activity => &[MediaType::Ndjson, MediaType::Json],
        }
    }
}

/// What somebody pushed and was allowed to push.
#[derive(Debug, Clone)]
pub struct IngestRequest {
    /// For which organisation; configured when the request was let in.
    pub org: OrgName,
    /// What it is.
    pub kind: IngestKind,
    /// What the body says it is.
    pub media_type: MediaType,
    /// The body, decoded.
    pub body: Bytes,
    /// The query as it came, decoded; keys in order, none twice.
    pub query: Vec<(String, String)>,
    /// When it was whole.
    pub received_at: Timestamp,
}

/// What became of the records of a body that is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct IngestReceipt {
    /// New values, users and records.
    pub accepted: u64,
    /// Those that were known.
    pub duplicates: u64,
    /// Those that are too old to count.
    pub expired: u64,
    /// How many were left out, where `rejected` does not list them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_total: Option<u64>,
    /// What was left out, with `on_error=skip`.
    #[schema(value_type = Vec<FieldErrorJson>)]
    pub rejected: Vec<FieldError>,
}

/// Takes what is pushed.
pub trait Ingest: Send + Sync {
    /// Reads, commits, and only then answers: what was refused was not taken at all.
    fn take(&self, request: IngestRequest) -> BoxFuture<Result<IngestReceipt, Problem>>;

    /// Reads a snapshot as [`Self::take`] would, and stores nothing.
    fn understand(&self, request: IngestRequest) -> BoxFuture<Result<Understood, Problem>>;
}

/// What was read of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    /// The rows and users.
    pub snapshot: Snapshot,
    /// The same as JSON, in the form that is taken.
    pub json: String,
}
