//! The server: who asks, what the scene makes of it, and a note of every request.

use super::body::SimBody;
use super::composite;
use super::oauth;
use super::org::SimulatedOrg;
use super::rest;
use super::scene::Scene;
use super::soap;
use crate::domain::time::Timestamp;
use crate::simulator::FeederClock;
use bytes::Bytes;
use chrono::TimeDelta;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderValue, LOCATION,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The largest body of a request: a batch of 25 queries.
const MAX_REQUEST: usize = 1 << 20;
/// Longer than anybody waits.
const HANG: Duration = Duration::from_secs(86_400);
/// Four times what a client should take.
const PACKED_HUGE: usize = 32 << 20;
/// 2 GB.
const HUGE_MIB: usize = 2_048;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// When.
    pub at: Instant,
    /// The organisation's consumer key; empty when the session was unknown.
    pub client_id: String,
    /// The path with its query.
    pub path: String,
}

/// A Salesforce that listens; it ends with this value.
pub struct Salesforce {
    address: SocketAddr,
    world: Arc<World>,
    accepting: JoinHandle<()>,
}

struct World {
    clock: FeederClock,
    state: Mutex<ServerState>,
}

#[derive(Default)]
struct ServerState {
    orgs: HashMap<String, SimulatedOrg>,
    /// Sessions that hold, with their organisations.
    sessions: HashMap<String, String>,
    given: u64,
    seen: Vec<SeenRequest>,
    /// Bytes of bodies.
    sent: u64,
}

impl Salesforce {
    /// Listens on a free port of loopback. `clock` gives the time of the stories.
    ///
    /// # Errors
    /// When loopback gives no port.
    pub async fn start(orgs: Vec<SimulatedOrg>, clock: FeederClock) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let orgs = orgs.into_iter().map(|org| (org.client_id.clone(), org)).collect();
        let world = Arc::new(World {
            clock,
            state: Mutex::new(ServerState { orgs, ..ServerState::default() }),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&world)));
        Ok(Self { address, world, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes an organisation.
    pub fn change(&self, client_id: &str, change: impl FnOnce(&mut SimulatedOrg)) {
        let now = (self.world.clock)();
        if let Some(org) = self.world.state().orgs.get_mut(client_id) {
            org.now = Some(now);
            change(org);
        }
    }

    /// Ends every session, as a change of the session settings does.
    pub fn expire_sessions(&self) {
        self.world.state().sessions.clear();
    }

    /// The bytes of the bodies that were sent since the last call.
    pub fn take_sent(&self) -> u64 {
        std::mem::take(&mut self.world.state().sent)
    }

    /// The requests since the last call.
    pub fn take_seen(&self) -> Vec<SeenRequest> {
        std::mem::take(&mut self.world.state().seen)
    }
}

impl Drop for Salesforce {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl std::fmt::Debug for Salesforce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salesforce").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, world: Arc<World>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let world = Arc::clone(&world);
                async move {
                    let accepts = request.headers().get(ACCEPT_ENCODING);
                    let packs = accepts.is_some_and(|value| value == "gzip");
                    let answer = world.serve(request).await.map(|answer| packed(answer, packs));
                    if let Ok(answer) = &answer {
                        let bytes = answer.body().size_hint().exact().unwrap_or_default();
                        world.state().sent += bytes;
                    }
                    answer
                }
            });
            // A client that goes away is no news.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<SimBody>, hyper::http::Error> {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let shown = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        if path == "/services/oauth2/token" {
            return self.token(shown.as_deref(), &body);
        }
        if path.starts_with("/services/Soap/m/") {
            return self.soap(&path, &body);
        }
        let (answer, wait) = self.data(&path, shown.as_deref(), &body);
        tokio::time::sleep(wait).await;
        answer
    }

    fn token(
        &self,
        shown: Option<&str>,
        body: &Bytes,
    ) -> Result<Response<SimBody>, hyper::http::Error> {
        let now = (self.clock)();
        let mut state = self.state();
        let asking = oauth::read(shown, body);
        state
            .note(asking.as_ref().map_or("", |asking| &asking.client_id), "/services/oauth2/token");
        let Some(asking) = asking else {
            let error = serde_json::json!({ "error": "unsupported_grant_type" });
            return json(400, &error, now, None);
        };
        let org = state.orgs.get(&asking.client_id);
        if let Some(org) = org.filter(|org| org.scene == Scene::TokenRedirect) {
            return elsewhere(org, "/services/oauth2/token");
        }
        if let Some(refusal) = oauth::refusal(org, &asking, now.seconds() as i64) {
            return json(400, &refusal, now, org);
        }
        let begins = org.map(|org| org.token.clone()).unwrap_or_default();
        state.given += 1;
        let session = format!("{begins}.{}", state.given);
        state.sessions.insert(session.clone(), asking.client_id.clone());
        let granted = oauth::granted(&session, "https://somewhere-else.my.salesforce.com");
        json(200, &granted, now, state.orgs.get(&asking.client_id))
    }

    fn soap(&self, path: &str, body: &Bytes) -> Result<Response<SimBody>, hyper::http::Error> {
        let body = String::from_utf8_lossy(body);
        let mut state = self.state();
        let client_id = state.sessions.get(soap::session(&body)).cloned().unwrap_or_default();
        state.note(&client_id, path);
        let org = state.orgs.get_mut(&client_id);
        let (status, text) = soap::answer(org.as_deref(), &body);
        let date = date(org.as_deref(), (self.clock)());
        if let Some(org) = org {
            org.used += 1;
        }
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "text/xml;charset=UTF-8")
            .header(DATE, date)
            .body(SimBody::text(text))
    }

    fn data(
        &self,
        path: &str,
        shown: Option<&str>,
        body: &Bytes,
    ) -> (Result<Response<SimBody>, hyper::http::Error>, Duration) {
        let now = (self.clock)();
        let mut state = self.state();
        let session = shown.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
        let client_id = state.sessions.get(session).cloned().unwrap_or_default();
        state.note(&client_id, path);
        let Some(org) = state.orgs.get_mut(&client_id) else {
            let (status, body) =
                rest::refused(401, "INVALID_SESSION_ID", "Session expired or invalid");
            return (json(status, &body, now, None), Duration::ZERO);
        };
        org.used += rest::parts(path, body);
        let wait = if org.scene == Scene::Hang {
            HANG
        } else if org.scene == Scene::Slow {
            org.slowness
        } else {
            Duration::ZERO
        };
        (played(org, path, body, now), wait)
    }
}

impl ServerState {
    fn note(&mut self, client_id: &str, path: &str) {
        self.seen.push(SeenRequest {
            at: Instant::now(),
            client_id: client_id.to_owned(),
            path: path.to_owned(),
        });
    }
}

/// The answer under the organisation's scene.
fn played(
    org: &mut SimulatedOrg,
    path: &str,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<SimBody>, hyper::http::Error> {
    let refused = |status, code: &str, message: &str| {
        let message = format!("{message}{}", org.repeated());
        let (status, body) = rest::refused(status, code, &message);
        json(status, &body, now, Some(org))
    };
    let page = |status: u16, text: &str| {
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "text/html;charset=UTF-8")
            .body(SimBody::text(format!("{text}<!--{}-->", org.repeated())))
    };
    match org.scene {
        Scene::SessionsRefused | Scene::RevokedApp => {
            refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        }
        Scene::NotForApi => refused(
            401,
            "INVALID_SESSION_ID",
            "This session is not valid for use with the REST API",
        ),
        Scene::LimitExceeded => {
            refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        }
        Scene::LimitExceeded400 => {
            refused(400, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        }
        Scene::PermissionDenied => refused(
            403,
            "API_DISABLED_FOR_ORG",
            "API is not enabled for this Organization or Partner",
        ),
        Scene::TransactionSecurity => {
            refused(400, "TXN_SECURITY_METERING_ERROR", "A policy took too long")
        }
        Scene::VersionMissing => refused(404, "NOT_FOUND", "The requested resource does not exist"),
        Scene::ServerError => refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
        Scene::Maintenance => {
            page(503, "<!DOCTYPE html><html><body>We are down for maintenance.</body></html>")
        }
        Scene::LoginPage => {
            page(200, "<html><head><title>Login | Salesforce</title></head></html>")
        }
        Scene::Redirect => elsewhere(org, path),
        Scene::StrangeCode => refused(400, &format!("STRANGE{}", org.repeated()), "strange"),
        Scene::Garbage => Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .body(SimBody::text("{\"results\": [")),
        Scene::Truncated => Response::builder().header(CONTENT_TYPE, "application/json").body(
            SimBody::Broken(Some(Bytes::from_static(b"{\"results\": [{\"statusCode\": 200,"))),
        ),
        Scene::HugeBody => Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .body(SimBody::Pieces(HUGE_MIB)),
        Scene::PackedHuge => Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_ENCODING, "gzip")
            .body(SimBody::text(vec![b' '; PACKED_HUGE]).packed()),
        Scene::PackedGarbage => Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_ENCODING, "gzip")
            .body(SimBody::text("{}")),
        Scene::Healthy
        | Scene::NoRunAsUser
        | Scene::NotApproved
        | Scene::MalformedQuery
        | Scene::FieldUnknown
        | Scene::Hang
        | Scene::Slow
        | Scene::TokenRedirect
        | Scene::EndlessPaging
        | Scene::RepeatingPage
        | Scene::ObjectMissing
        | Scene::OddValues
        | Scene::NoBatch
        | Scene::ClockAhead => {
            let path = path.strip_prefix("/services/data/v").and_then(|rest| rest.split_once('/'));
            match path {
                Some((_version, path)) => {
                    let (status, body) = match path {
                        "composite" => composite::answer(org, body, now),
                        path => rest::answer(org, path, body, now),
                    };
                    json(status, &body, now, Some(org))
                }
                None => refused(404, "NOT_FOUND", "The requested resource does not exist"),
            }
        }
    }
}

/// The answer as gzip, where the client takes it.
fn packed(answer: Response<SimBody>, packs: bool) -> Response<SimBody> {
    if !packs || answer.headers().contains_key(CONTENT_ENCODING) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    if matches!(body, SimBody::Whole(_)) {
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Response::from_parts(head, body.packed())
}

/// A redirect; an organisation that repeats what it should not does so in the host and in the query.
fn elsewhere(org: &SimulatedOrg, path: &str) -> Result<Response<SimBody>, hyper::http::Error> {
    let to = if org.repeats {
        let host = format!("https://{}.evil.example", org.client_secret);
        format!("{host}{path}?session={}", org.token)
    } else {
        format!("{}{path}", org.elsewhere)
    };
    Response::builder().status(302).header(LOCATION, to).body(SimBody::text(""))
}

fn json(
    status: u16,
    body: &Value,
    now: Timestamp,
    org: Option<&SimulatedOrg>,
) -> Result<Response<SimBody>, hyper::http::Error> {
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json;charset=UTF-8")
        .header(DATE, date(org, now));
    if let Some(org) = org.filter(|org| org.shows_usage) {
        response =
            response.header("Sforce-Limit-Info", format!("api-usage={}/{}", org.used, org.allowed));
    }
    response.body(SimBody::text(body.to_string()))
}

/// The server's time as a header carries it.
fn date(org: Option<&SimulatedOrg>, now: Timestamp) -> String {
    let ahead = org.is_some_and(|org| org.scene == Scene::ClockAhead);
    let at = if ahead { now.plus(TimeDelta::hours(2)) } else { now };
    at.datetime().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
