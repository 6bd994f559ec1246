//! Requests to one Alertmanager, and the heartbeat.

use super::settings::{AlertmanagerAuth, AlertmanagerSettings, HeartbeatSettings};
use crate::http_client::{HttpClient, HttpLimits, HttpRequest, HttpResponse, Trust};
use crate::secret::{Readers, Secret, read_file};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use std::time::Duration;
use zeroize::Zeroizing;

/// As long as Prometheus waits for an Alertmanager. An answer is empty, or a sentence about each alert that is refused.
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
    body_bytes: 1 << 20,
};
/// A token of Kubernetes or a vendor is below this.
const MAX_TOKEN_BYTES: u64 = 16 << 10;

/// Why a request was in vain, in words.
pub(super) enum SendFailure {
    /// It got no answer, or one that says that others will do no better.
    NoUse(String),
    /// This request was refused.
    Refused(String),
}

/// A client of one Alertmanager.
pub(super) struct AlertmanagerClient {
    pub(super) name: String,
    http: HttpClient,
    auth: Option<AlertmanagerAuth>,
}

impl AlertmanagerClient {
    pub(super) fn new(settings: &AlertmanagerSettings, trust: &Trust) -> Self {
        let trust = trust.with(settings.authorities.as_ref());
        Self {
            name: settings.endpoint.to_string(),
            http: HttpClient::new(settings.endpoint.clone(), &trust, LIMITS),
            auth: settings.auth.clone(),
        }
    }

    /// Sends a list of alerts as JSON.
    pub(super) async fn post(&self, body: Bytes) -> Result<(), SendFailure> {
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        headers.extend(self.authorization().map_err(SendFailure::NoUse)?);
        let path = "/api/v2/alerts".to_owned();
        let answer =
            self.http.send(HttpRequest { method: Method::POST, path, headers, body }).await;
        match answer {
            Ok(HttpResponse { status: 200..=299, .. }) => Ok(()),
            // What it wrote is not repeated: it may hold what was sent.
            Ok(HttpResponse { status, .. }) => {
                let says = format!("it answers {status}");
                Err(if status == 400 {
                    SendFailure::Refused(says)
                } else {
                    SendFailure::NoUse(says)
                })
            }
            Err(error) => Err(SendFailure::NoUse(error.to_string())),
        }
    }

    fn authorization(&self) -> Result<Option<(HeaderName, HeaderValue)>, String> {
        let text = match &self.auth {
            None => return Ok(None),
            Some(AlertmanagerAuth::Basic { username, password }) => {
                let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
                Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
            }
            Some(AlertmanagerAuth::Bearer { token_file }) => {
                let bytes = read_file(token_file, MAX_TOKEN_BYTES, Readers::OwnerAndGroup("600"))
                    .map_err(|says| format!("the file of the token {says}"))?;
                let text = std::str::from_utf8(&bytes).ok();
                let token = text.and_then(Secret::from_file_text);
                let token = token.ok_or("the file of the token does not hold one line")?;
                Zeroizing::new(format!("Bearer {}", token.expose()))
            }
        };
        let value = HeaderValue::from_str(&text);
        let mut value =
            value.map_err(|_| "the secret has characters that a header cannot carry".to_owned())?;
        value.set_sensitive(true);
        Ok(Some((AUTHORIZATION, value)))
    }
}

/// Sends heartbeats.
pub(super) struct HeartbeatClient {
    http: HttpClient,
    path: Secret,
}

impl HeartbeatClient {
    pub(super) fn new(settings: &HeartbeatSettings, trust: &Trust) -> Self {
        let http = HttpClient::new(settings.endpoint.clone(), trust, LIMITS);
        Self { http, path: settings.path.clone() }
    }

    /// Sends one.
    pub(super) async fn beat(&self) -> Result<(), String> {
        let (method, path) = (Method::GET, self.path.expose().to_owned());
        let request = HttpRequest { method, path, headers: Vec::new(), body: Bytes::new() };
        match self.http.send(request).await {
            Ok(HttpResponse { status: 200..=299, .. }) => Ok(()),
            Ok(HttpResponse { status, .. }) => Err(format!("it answers {status}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
