//! Requests to Graph, and to who gives tokens for it.

use super::super::client::{CallTrouble, is_page};
use super::super::failure::{ExchangeFailure, wait};
use super::answer::{GraphError, GraphPart, is_object, read_batch, read_body};
use super::meaning::{GraphMeaning, meaning};
use super::request::{GraphAsk, batch};
use super::settings::{GraphAuth, GraphSettings};
use super::token::{self, GraphToken};
use crate::domain::time::Timestamp;
use crate::http_client::{
    HttpClient, HttpConnection, HttpLimits, HttpRequest, HttpResponse, Trust,
};
use crate::sources::failure::Failure;
use chrono::TimeDelta;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

/// Sends requests of one application.
pub(in crate::sources::exchange) struct GraphClient {
    pub(in crate::sources::exchange) http: HttpClient,
    login: HttpClient,
    settings: GraphSettings,
    token: Option<GraphToken>,
    requests: AtomicU64,
}

impl GraphClient {
    pub(in crate::sources::exchange) fn new(
        settings: GraphSettings,
        trust: &Trust,
        limits: HttpLimits,
    ) -> Self {
        Self {
            http: HttpClient::new(settings.host.clone(), trust, limits),
            login: HttpClient::new(settings.login.clone(), trust, limits),
            settings,
            token: None,
            requests: AtomicU64::new(0),
        }
    }

    /// How many requests were sent since the last question.
    pub(in crate::sources::exchange) fn take_requests(&self) -> u64 {
        self.requests.swap(0, Ordering::Relaxed)
    }

    /// When the application's own certificate ends, where it has one.
    pub(in crate::sources::exchange) fn certificate_ends(&self) -> Option<Timestamp> {
        match &self.settings.auth {
            GraphAuth::Secret(_) => None,
            GraphAuth::Certificate(certificate) => certificate.ends,
        }
    }

    fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether Graph answers, without a sign-in.
    pub(in crate::sources::exchange) async fn front(
        &self,
        mut connection: HttpConnection,
    ) -> Result<(), CallTrouble> {
        self.count_request();
        let request = HttpRequest {
            method: Method::GET,
            path: "/v1.0/".to_owned(),
            headers: Vec::new(),
            body: Vec::new().into(),
        };
        let response = connection.send(request).await?;
        match response.status {
            429 => Err(CallTrouble::Throttled(pause(&response.headers))),
            503 | 504 if response.headers.contains_key(RETRY_AFTER) => {
                Err(CallTrouble::Throttled(pause(&response.headers)))
            }
            500.. => Err(server_error(response.status)),
            _ if is_object(&response.body) => Ok(()),
            _ => Err(not_graph(&response)),
        }
    }

    /// The header that shows a token: the one that is held, or a new one.
    pub(in crate::sources::exchange) async fn sign_in(
        &mut self,
        now: Timestamp,
    ) -> Result<HeaderValue, CallTrouble> {
        if let Some(held) = self.token.as_ref().filter(|token| now < token.until) {
            return bearer(held);
        }
        self.token = None;
        let failed = |failure: Failure| CallTrouble::Failed(failure, None);
        let request = token::request(&self.settings, now).map_err(failed)?;
        self.count_request();
        let response = self.login.send(request).await?;
        match response.status {
            429 => return Err(CallTrouble::Throttled(pause(&response.headers))),
            500.. => return Err(server_error(response.status)),
            _ => {}
        }
        if is_page(&response) {
            return Err(not_graph(&response));
        }
        let answer = token::read(&response.body).map_err(failed)?;
        let token = answer
            .token(now)
            .map_err(|(kind, failure)| CallTrouble::Failed(failure, Some(kind)))?;
        bearer(self.token.insert(token))
    }

    /// Forgets the token: it was refused.
    pub(in crate::sources::exchange) fn forget_token(&mut self) {
        self.token = None;
    }

    /// The answers to the parts of a batch. `CallTrouble::SignIn`: the token is not taken.
    pub(in crate::sources::exchange) async fn batch(
        &self,
        token: &HeaderValue,
        parts: &[(&str, &GraphAsk)],
    ) -> Result<Vec<GraphPart>, CallTrouble> {
        self.count_request();
        let request = HttpRequest {
            method: Method::POST,
            path: "/v1.0/$batch".to_owned(),
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (AUTHORIZATION, token.clone()),
            ],
            body: batch(parts.iter().copied()).into(),
        };
        let response = self.http.send(request).await?;
        if response.status == 200 {
            if is_page(&response) {
                return Err(not_graph(&response));
            }
            return read_batch(&response.body)
                .map_err(|failure| CallTrouble::Failed(failure, None));
        }
        let body = read_body(&response.body).and_then(|body| body.error);
        let error = body.unwrap_or_default();
        Err(match meaning(response.status, &error, retry_after(&response.headers)) {
            GraphMeaning::Throttled(wait) => CallTrouble::Throttled(wait),
            GraphMeaning::TokenRefused => CallTrouble::SignIn(ExchangeFailure::AppRefused),
            GraphMeaning::Failed(ExchangeFailure::ExchangeServerError) => {
                server_error(response.status)
            }
            // Nothing in a whole batch is out of reach but by conditional access, or a proxy.
            _ if response.status == 403 && error == GraphError::default() => not_graph(&response),
            GraphMeaning::Failed(kind) => {
                CallTrouble::failed(kind, format!("HTTP {} for a batch", response.status))
            }
            GraphMeaning::NotFound | GraphMeaning::Undecided => not_graph(&response),
        })
    }
}

fn bearer(token: &GraphToken) -> Result<HeaderValue, CallTrouble> {
    let shown = Zeroizing::new(format!("Bearer {}", token.secret.expose()));
    let mut header = HeaderValue::from_str(&shown).map_err(|_| {
        CallTrouble::Failed(
            Failure::malformed("the token has characters that a header cannot carry"),
            None,
        )
    })?;
    header.set_sensitive(true);
    Ok(header)
}

fn retry_after(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn pause(headers: &HeaderMap) -> TimeDelta {
    wait(retry_after(headers).map(|seconds| TimeDelta::seconds(seconds.into())))
}

fn server_error(status: u16) -> CallTrouble {
    CallTrouble::failed(ExchangeFailure::ExchangeServerError, format!("HTTP {status}"))
}

/// Something else answers in Graph's place.
fn not_graph(response: &HttpResponse) -> CallTrouble {
    if is_page(response) {
        let detail = format!("a page answers in the place of Graph, with HTTP {}", response.status);
        CallTrouble::failed(ExchangeFailure::LoginPage, detail)
    } else {
        let detail = format!("HTTP {} without an answer of Graph's", response.status);
        CallTrouble::Failed(Failure::malformed(detail), None)
    }
}
