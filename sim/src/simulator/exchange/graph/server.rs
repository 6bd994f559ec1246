//! The server: TLS, tokens, batches, what the scene makes of them, and a note of every request.

use super::super::listener::{SimResponse, SimService, accept, lock};
use super::resource::{Resource, ResourceBody, resource, user_of};
use super::scene::GraphScene;
use super::tenant::GraphTenant;
use super::token;
use crate::simulator::salesforce::body::SimBody;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER};
use hyper::{Request, Response};
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_rustls::TlsAcceptor;

/// A batch has a few kilobytes.
const MAX_REQUEST: usize = 1 << 20;
/// 4 GB.
const HUGE_MIB: usize = 4_096;
/// Graph takes no more.
const MOST_PARTS: usize = 20;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct GraphRequest {
    /// The path with its query.
    pub path: String,
    /// Its body.
    pub body: String,
    /// The paths of the parts, of a batch.
    pub parts: Vec<String>,
    /// The status of the answer.
    pub status: u16,
}

/// Graph and Entra that listen; they end with this value.
pub struct Graph {
    address: SocketAddr,
    host: String,
    world: Arc<GraphWorld>,
    accepting: JoinHandle<()>,
}

struct GraphWorld {
    tenant: Mutex<GraphTenant>,
    tls: Option<TlsAcceptor>,
    seen: Mutex<Vec<GraphRequest>>,
    open: Mutex<Vec<AbortHandle>>,
    /// How many tokens were given, and the first that counts.
    tokens: AtomicU64,
    oldest: AtomicU64,
    /// Batches that are being answered, and the most at once.
    now: AtomicUsize,
    most: AtomicUsize,
    /// Parts on the way for each mailbox, and the most at once for any.
    by_mailbox: Mutex<(BTreeMap<String, usize>, usize)>,
}

/// An answer before it is written.
struct GraphAnswer {
    status: u16,
    kind: &'static str,
    retry_after: Option<u32>,
    location: Option<&'static str>,
    body: SimBody,
}

impl GraphAnswer {
    fn json(status: u16, body: &Value) -> Self {
        let kind = "application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false; charset=utf-8";
        Self {
            status,
            kind,
            retry_after: None,
            location: None,
            body: SimBody::text(body.to_string()),
        }
    }

    fn other(status: u16, kind: &'static str, body: SimBody) -> Self {
        Self { status, kind, retry_after: None, location: None, body }
    }

    fn of(resource: Resource) -> Self {
        let mut answer = match resource.body {
            ResourceBody::Json(body) => Self::json(resource.status, &body),
            ResourceBody::Text(text) => {
                Self::other(resource.status, "text/plain", SimBody::text(text))
            }
        };
        answer.retry_after = resource.retry_after;
        answer
    }
}

impl Graph {
    /// Listens on a free port of loopback, over TLS where there is a configuration of it. `host` is the name that clients use.
    ///
    /// # Errors
    /// When loopback gives no port.
    pub async fn start(
        tenant: GraphTenant,
        host: &str,
        tls: Option<Arc<ServerConfig>>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(GraphWorld {
            tenant: Mutex::new(tenant),
            tls: tls.map(TlsAcceptor::from),
            seen: Mutex::default(),
            open: Mutex::default(),
            tokens: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            by_mailbox: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&world)));
        Ok(Self { address, host: host.to_owned(), world, accepting })
    }

    /// The URL of both.
    pub fn url(&self) -> String {
        let scheme = if self.world.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.address.port())
    }

    /// Changes the tenant.
    pub fn change(&self, change: impl FnOnce(&mut GraphTenant)) {
        change(&mut lock(&self.world.tenant));
    }

    /// Takes no token any more that was given so far.
    pub fn end_tokens(&self) {
        let given = self.world.tokens.load(Ordering::Relaxed);
        self.world.oldest.store(given, Ordering::Relaxed);
    }

    /// How many tokens were given.
    pub fn tokens(&self) -> u64 {
        self.world.tokens.load(Ordering::Relaxed)
    }

    /// The requests since the last call.
    pub fn take_seen(&self) -> Vec<GraphRequest> {
        std::mem::take(&mut lock(&self.world.seen))
    }

    /// The most batches that were answered at once, and the most parts of one mailbox.
    pub fn most_at_once(&self) -> (usize, usize) {
        (self.world.most.load(Ordering::Relaxed), lock(&self.world.by_mailbox).1)
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.accepting.abort();
        for connection in lock(&self.world.open).drain(..) {
            connection.abort();
        }
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("address", &self.address).finish_non_exhaustive()
    }
}

impl SimService for GraphWorld {
    fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.clone()
    }

    fn open(&self) -> &Mutex<Vec<AbortHandle>> {
        &self.open
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>, _: SocketAddr) -> SimResponse {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let header = |name: hyper::header::HeaderName| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (shown, host) = (header(AUTHORIZATION), header(HOST).unwrap_or_default());
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let slowness = lock(&self.tenant).slowness;
        let parts = parts_of(&path, &body);
        let is_batch = !parts.is_empty();
        if is_batch {
            let at_once = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(at_once, Ordering::Relaxed);
            let mut counted = lock(&self.by_mailbox);
            for user in parts.iter().filter_map(|(_, path)| user_of(path)) {
                let now = counted.0.entry(user).or_default();
                *now += 1;
                let now = *now;
                counted.1 = counted.1.max(now);
            }
        }
        tokio::time::sleep(slowness).await;
        let answer = self.played(&path, &host, shown.as_deref(), &body, &parts);
        if is_batch {
            self.now.fetch_sub(1, Ordering::Relaxed);
            let mut counted = lock(&self.by_mailbox);
            for user in parts.iter().filter_map(|(_, path)| user_of(path)) {
                if let Some(now) = counted.0.get_mut(&user) {
                    *now -= 1;
                }
            }
        }
        lock(&self.seen).push(GraphRequest {
            path,
            body: String::from_utf8_lossy(&body).into_owned(),
            parts: parts.into_iter().map(|(_, path)| path).collect(),
            status: answer.status,
        });
        let mut response =
            Response::builder().status(answer.status).header(CONTENT_TYPE, answer.kind);
        if let Some(seconds) = answer.retry_after {
            response = response.header(RETRY_AFTER, seconds);
        }
        if let Some(location) = answer.location {
            response = response.header(LOCATION, location);
        }
        response.body(answer.body)
    }
}

/// The ids and paths of a batch's parts.
fn parts_of(path: &str, body: &[u8]) -> Vec<(String, String)> {
    if path != "/v1.0/$batch" {
        return Vec::new();
    }
    let batch: Value = serde_json::from_slice(body).unwrap_or_default();
    let parts = batch.get("requests").and_then(Value::as_array).into_iter().flatten();
    parts
        .filter_map(|part| {
            let text = |key: &str| part.get(key)?.as_str().map(str::to_owned);
            (text("method")? == "GET").then_some((text("id")?, text("url")?))
        })
        .collect()
}

impl GraphWorld {
    fn played(
        &self,
        path: &str,
        host: &str,
        shown: Option<&str>,
        body: &Bytes,
        parts: &[(String, String)],
    ) -> GraphAnswer {
        let tenant = lock(&self.tenant);
        if path.ends_with("/oauth2/v2.0/token") {
            return self.token(&tenant, path, host, body);
        }
        if let Some(tenant) = path.strip_suffix("/v2.0/.well-known/openid-configuration") {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            let base = format!("{scheme}://{host}{tenant}");
            return GraphAnswer::json(200, &token::discovered(&base));
        }
        let Some(below) = path.strip_prefix("/v1.0") else {
            return GraphAnswer::of(Resource::error(
                tenant.scene,
                400,
                "BadRequest",
                "Invalid version.",
            ));
        };
        if let Some(answer) = broken(tenant.scene, below) {
            return answer;
        }
        if below.trim_matches('/').is_empty() {
            return GraphAnswer::json(
                200,
                &json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata", "value": [{"name": "users", "kind": "EntitySet", "url": "users"}]}),
            );
        }
        let token = shown
            .and_then(|shown| shown.strip_prefix("Bearer ")?.strip_prefix("eyJ0eXAi.simulated."));
        let number = token.and_then(|number| number.parse::<u64>().ok());
        let taken = number.is_some_and(|number| {
            (self.oldest.load(Ordering::Relaxed)..self.tokens.load(Ordering::Relaxed))
                .contains(&number)
        });
        if !taken || tenant.scene == GraphScene::TokenRefused {
            let words = "Access token has expired or is not yet valid.";
            return GraphAnswer::of(Resource::error(
                tenant.scene,
                401,
                "InvalidAuthenticationToken",
                words,
            ));
        }
        if below == "/$batch" {
            return batch(&tenant, parts);
        }
        GraphAnswer::of(resource(&tenant, below))
    }

    fn token(&self, tenant: &GraphTenant, path: &str, host: &str, body: &Bytes) -> GraphAnswer {
        if tenant.scene == GraphScene::LoginDown {
            return GraphAnswer::other(
                503,
                "text/html",
                SimBody::text("<html><body>503</body></html>"),
            );
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match token::verify(tenant, &format!("{scheme}://{host}{path}"), body) {
            Ok(()) => {
                let number = self.tokens.fetch_add(1, Ordering::Relaxed);
                let token = format!("eyJ0eXAi.simulated.{number}");
                GraphAnswer::json(200, &token::granted(&token, tenant.token_seconds))
            }
            Err(refusal) => {
                let (status, answer) = token::refused(refusal);
                GraphAnswer::json(status, &answer)
            }
        }
    }
}

/// What a scene answers in Graph's place. Some begin with the first batch.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other scenes are about other parts")]
fn broken(scene: GraphScene, below: &str) -> Option<GraphAnswer> {
    let page =
        |status, text: &'static str| GraphAnswer::other(status, "text/html", SimBody::text(text));
    let is_batch = below == "/$batch";
    let json = "application/json";
    Some(match scene {
        GraphScene::Throttled => {
            let mut answer = GraphAnswer::of(Resource::error(
                scene,
                429,
                "TooManyRequests",
                "Too many requests.",
            ));
            answer.retry_after = Some(40);
            answer
        }
        GraphScene::Unavailable => page(503, "<html><body>Service Unavailable</body></html>"),
        GraphScene::GatewayTimeout => {
            let mut answer = page(504, "<html><body>Gateway Timeout</body></html>");
            answer.retry_after = Some(40);
            answer
        }
        GraphScene::LoginPage => page(
            200,
            "<!DOCTYPE html><html><body><form><input type=\"password\"></form></body></html>",
        ),
        GraphScene::RedirectElsewhere => {
            let mut answer = page(302, "");
            answer.location = Some("https://portal.elsewhere.example/");
            answer
        }
        GraphScene::WrongType => {
            GraphAnswer::other(200, "application/pdf", SimBody::text("%PDF-1.7 once upon a time"))
        }
        GraphScene::Truncated if is_batch => {
            let half = Bytes::from_static(b"{\"responses\":[{\"id\":\"0\",\"sta");
            GraphAnswer::other(200, json, SimBody::Broken(Some(half)))
        }
        GraphScene::Huge if is_batch => GraphAnswer::other(200, json, SimBody::Pieces(HUGE_MIB)),
        GraphScene::Trickle if is_batch => GraphAnswer::other(200, json, SimBody::trickle()),
        GraphScene::Deep if is_batch => {
            let deep = "[".repeat(100_000);
            GraphAnswer::other(200, json, SimBody::text(format!("{{\"responses\":{deep}")))
        }
        GraphScene::ManyParts if is_batch => {
            let part = json!({"id": "0", "status": 200, "body": {"id": "x"}});
            GraphAnswer::json(200, &json!({"responses": vec![part; 10_000]}))
        }
        _ => return None,
    })
}

fn batch(tenant: &GraphTenant, parts: &[(String, String)]) -> GraphAnswer {
    let ids: std::collections::BTreeSet<&String> = parts.iter().map(|(id, _)| id).collect();
    if parts.is_empty() || parts.len() > MOST_PARTS || ids.len() < parts.len() {
        let words = "Batch has no parts, too many, or an id twice.";
        return GraphAnswer::of(Resource::error(tenant.scene, 400, "BadRequest", words));
    }
    let mut answers: Vec<Value> = parts
        .iter()
        .map(|(id, path)| {
            let found = if tenant.scene == GraphScene::ThrottledParts {
                let words = "Application is over its MailboxConcurrency limit.";
                let mut refused = Resource::error(tenant.scene, 429, "ApplicationThrottled", words);
                refused.retry_after = Some(25);
                refused
            } else {
                resource(tenant, path)
            };
            let (kind, body) = match found.body {
                ResourceBody::Json(body) => ("application/json", body),
                ResourceBody::Text(text) => ("text/plain", Value::String(text)),
            };
            let mut headers = json!({"Content-Type": kind});
            if let (Some(seconds), Some(headers)) = (found.retry_after, headers.as_object_mut()) {
                headers.insert("Retry-After".to_owned(), seconds.to_string().into());
            }
            json!({"id": id, "status": found.status, "headers": headers, "body": body})
        })
        .collect();
    // Answers come in any order.
    answers.reverse();
    if tenant.scene == GraphScene::Shuffled {
        let middle = answers.len() / 2;
        answers.rotate_left(middle);
        if answers.len() + 1 < MOST_PARTS {
            answers.push(json!({"id": "99", "status": 200, "body": {"id": "x"}}));
        }
    }
    GraphAnswer::json(200, &json!({ "responses": answers }))
}
