//! The server: TLS, who signs in, what the scene makes of it, and a note of every request with its answer.

use super::items;
use super::listener::{SimResponse, SimService, accept, lock};
use super::logs::{LoggedCall, ServerLogs};
use super::mailbox::ExchangeMailbox;
use super::scene::ExchangeScene;
use super::soap;
use crate::simulator::FeederClock;
use crate::simulator::salesforce::body::SimBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_rustls::TlsAcceptor;

/// A request has a few kilobytes.
const MAX_REQUEST: usize = 1 << 20;
/// Longer than anybody waits.
const HANG: Duration = Duration::from_secs(86_400);
/// 4 GB.
const HUGE_MIB: usize = 4_096;
/// Levels of an answer that is too deep.
const LEVELS: usize = 10_000;

/// An Exchange organisation.
#[derive(Debug, Clone)]
pub struct ExchangeOrg {
    /// The account's name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Other accounts that may sign in: name and password.
    pub others: Vec<(String, String)>,
    /// Accounts of which a pause is demanded.
    pub throttled: Vec<String>,
    /// A token that is taken.
    pub token: String,
    /// The server's version.
    pub version: [u16; 3],
    /// What goes wrong.
    pub scene: ExchangeScene,
    /// The mailboxes.
    pub mailboxes: Vec<ExchangeMailbox>,
    /// How long each answer takes.
    pub slowness: Duration,
    /// The logs that it writes, if any.
    pub logs: Option<ServerLogs>,
}

impl ExchangeOrg {
    /// One in which all is well, on Exchange 2016.
    pub fn healthy(username: &str, password: &str, mailboxes: Vec<ExchangeMailbox>) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            token: "a-token-of-the-simulated-tenant".to_owned(),
            version: [15, 1, 2507],
            scene: ExchangeScene::Healthy,
            mailboxes,
            slowness: Duration::ZERO,
            logs: None,
            others: Vec::new(),
            throttled: Vec::new(),
        }
    }

    /// A mailbox by its address.
    pub fn mailbox(&mut self, address: &str) -> Option<&mut ExchangeMailbox> {
        self.mailboxes.iter_mut().find(|mailbox| mailbox.address.eq_ignore_ascii_case(address))
    }
}

/// A request as it arrived, with what was answered.
#[derive(Debug, Clone)]
pub struct ExchangeRequest {
    /// The path with its query.
    pub path: String,
    /// Whether something to sign in was shown.
    pub signs_in: bool,
    /// The mailbox that it is to be routed to.
    pub anchor: Option<String>,
    /// Its body.
    pub body: String,
    /// The status of the answer.
    pub status: u16,
    /// The answer, where it is a text.
    pub answer: String,
}

/// An Exchange that listens; it ends with this value.
pub struct Exchange {
    address: SocketAddr,
    host: String,
    world: Arc<ExchangeWorld>,
    accepting: JoinHandle<()>,
}

struct ExchangeWorld {
    org: Mutex<ExchangeOrg>,
    seen: Mutex<Vec<ExchangeRequest>>,
    open: Mutex<Vec<AbortHandle>>,
    tls: Mutex<Option<TlsAcceptor>>,
    clock: Mutex<Option<FeederClock>>,
    /// Requests that are being answered, and the most at once.
    now: AtomicUsize,
    most: AtomicUsize,
    url: String,
}

/// An answer before it is written.
struct SimAnswer {
    status: u16,
    kind: &'static str,
    headers: Vec<(hyper::header::HeaderName, HeaderValue)>,
    body: SimBody,
    text: String,
}

impl SimAnswer {
    fn text(status: u16, kind: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, kind, headers: Vec::new(), body: SimBody::text(text.clone()), text }
    }

    fn xml((status, text): (u16, String)) -> Self {
        Self::text(status, "text/xml; charset=utf-8", text)
    }

    fn page(status: u16, text: &str) -> Self {
        Self::text(status, "text/html", text)
    }

    fn with(mut self, name: hyper::header::HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }
}

impl Exchange {
    /// Listens on a free port of loopback, over TLS where there is a configuration of it. `host` is the name that clients use.
    ///
    /// # Errors
    /// When loopback gives no port.
    pub async fn start(
        org: ExchangeOrg,
        host: &str,
        tls: Option<Arc<ServerConfig>>,
    ) -> std::io::Result<Self> {
        Self::start_at(org, host, tls, 0).await
    }

    /// The same on a port that is known already.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start_at(
        org: ExchangeOrg,
        host: &str,
        tls: Option<Arc<ServerConfig>>,
        port: u16,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let world = Arc::new(ExchangeWorld {
            org: Mutex::new(org),
            seen: Mutex::default(),
            open: Mutex::default(),
            tls: Mutex::new(tls.map(TlsAcceptor::from)),
            clock: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            url: format!("{scheme}://{host}:{}/EWS/Exchange.asmx", address.port()),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&world)));
        Ok(Self { address, host: host.to_owned(), world, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of EWS.
    pub fn url(&self) -> String {
        self.world.url.clone()
    }

    /// The name that clients use.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Gives items the time of a clock from now on.
    pub fn set_clock(&self, clock: FeederClock) {
        *lock(&self.world.clock) = Some(clock);
    }

    /// Shows another certificate from now on.
    pub fn set_tls(&self, tls: Arc<ServerConfig>) {
        *lock(&self.world.tls) = Some(TlsAcceptor::from(tls));
        self.hang_up();
    }

    /// Takes no connection any more.
    pub fn close(&self) {
        self.accepting.abort();
        self.hang_up();
    }

    fn hang_up(&self) {
        for connection in lock(&self.world.open).drain(..) {
            connection.abort();
        }
    }

    /// Changes the organisation.
    pub fn change(&self, change: impl FnOnce(&mut ExchangeOrg)) {
        change(&mut lock(&self.world.org));
    }

    /// The requests since the last call.
    pub fn take_seen(&self) -> Vec<ExchangeRequest> {
        std::mem::take(&mut lock(&self.world.seen))
    }

    /// The most requests that were answered at once.
    pub fn most_at_once(&self) -> usize {
        self.world.most.load(Ordering::Relaxed)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("address", &self.address).finish_non_exhaustive()
    }
}

impl SimService for ExchangeWorld {
    fn tls(&self) -> Option<TlsAcceptor> {
        lock(&self.tls).clone()
    }

    fn open(&self) -> &Mutex<Vec<AbortHandle>> {
        &self.open
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>, client: SocketAddr) -> SimResponse {
        let at_once = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(at_once, Ordering::Relaxed);
        let answered = self.answer(request, client).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        answered
    }
}

impl ExchangeWorld {
    async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> SimResponse {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let (shown, anchor) = (header(AUTHORIZATION.as_str()), header("x-anchormailbox"));
        let agent = header(USER_AGENT.as_str()).unwrap_or_default();
        let method = request.method().clone();
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        let (scene, slowness) = {
            let org = lock(&self.org);
            (org.scene, org.slowness)
        };
        if scene == ExchangeScene::Hang {
            tokio::time::sleep(HANG).await;
        }
        tokio::time::sleep(slowness).await;
        let answer = self.played(&method, &path, shown.as_deref(), &body);
        let logs = lock(&self.org).logs.clone();
        if let Some(logs) = logs.filter(|_| path.to_ascii_lowercase().starts_with("/ews/")) {
            let account = shown.as_deref().and_then(account_of);
            logs.note(&LoggedCall {
                method: method.as_str(),
                path: &path,
                account: account.as_deref(),
                agent: &agent,
                client: &client.ip().to_string(),
                anchor: anchor.as_deref().unwrap_or_default(),
                body: &body,
                status: answer.status,
                answer: &answer.text,
                locked: scene == ExchangeScene::LockedOut,
                reached: shown.is_some() && answer.status != 401 && !is_before_sign_in(scene),
            });
        }
        lock(&self.seen).push(ExchangeRequest {
            path,
            signs_in: shown.is_some(),
            anchor,
            body,
            status: answer.status,
            answer: answer.text,
        });
        let mut response =
            Response::builder().status(answer.status).header(CONTENT_TYPE, answer.kind);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response.body(answer.body)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the other scenes are about other parts")]
    fn played(&self, method: &Method, path: &str, shown: Option<&str>, body: &str) -> SimAnswer {
        let mut org = lock(&self.org);
        if let Some(answer) = self.autodiscover(&org, path, shown) {
            return answer;
        }
        if !path.eq_ignore_ascii_case("/ews/exchange.asmx") {
            return SimAnswer::page(
                404,
                "<html><body>404 - File or directory not found.</body></html>",
            );
        }
        match org.scene {
            ExchangeScene::WrongPath => {
                return SimAnswer::page(
                    404,
                    "<html><body>404 - File or directory not found.</body></html>",
                );
            }
            ExchangeScene::PoolDown => {
                return SimAnswer::page(503, "<html><body>Service Unavailable</body></html>");
            }
            ExchangeScene::ServerError => {
                return SimAnswer::page(
                    500,
                    "<html><body>Server Error in '/EWS' Application.</body></html>",
                );
            }
            ExchangeScene::ErrorPage => {
                return SimAnswer::page(302, "")
                    .with(LOCATION, "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx");
            }
            ExchangeScene::RedirectElsewhere => {
                return SimAnswer::page(302, "")
                    .with(LOCATION, "https://portal.elsewhere.example/");
            }
            ExchangeScene::SignInPage => {
                return SimAnswer::page(
                    200,
                    "<!DOCTYPE html><html><body><form><input type=\"password\"></form></body></html>",
                );
            }
            _ => {}
        }
        if *method == Method::GET || shown.is_none() {
            return refused(&org, "");
        }
        if let Some(refusal) = refusal(&org, shown) {
            return refusal;
        }
        let account = shown.and_then(account_of);
        if account.is_some_and(|account| org.throttled.contains(&account)) {
            return SimAnswer::xml(soap::fault(org.scene, "ErrorServerBusy", Some(60_000)));
        }
        self.after_sign_in(&mut org, body)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the other scenes are about other parts")]
    fn after_sign_in(&self, org: &mut ExchangeOrg, body: &str) -> SimAnswer {
        let policy = hyper::header::HeaderName::from_static("x-ews-policy-reason");
        match org.scene {
            ExchangeScene::EwsDisabled => {
                return SimAnswer::page(403, "")
                    .with(policy, "EWS is disabled for this user or tenant");
            }
            ExchangeScene::EwsBlocked => {
                return SimAnswer::page(403, "")
                    .with(policy, "EWS is blocked by policy for this user or tenant");
            }
            ExchangeScene::Forbidden => {
                return SimAnswer::page(403, "<html><body>Forbidden</body></html>");
            }
            ExchangeScene::Busy => {
                return SimAnswer::xml(soap::fault(org.scene, "ErrorServerBusy", Some(60_000)));
            }
            ExchangeScene::BusyWrapped => {
                return SimAnswer::xml(soap::fault(org.scene, "ErrorServerBusy", None));
            }
            ExchangeScene::BusyFront => {
                return SimAnswer::page(503, "<html><body>Service Unavailable</body></html>")
                    .with(RETRY_AFTER, "60");
            }
            ExchangeScene::OldInterface
                if soap::requested_version(body).starts_with("Exchange2013") =>
            {
                return SimAnswer::xml(soap::fault(org.scene, "ErrorInvalidServerVersion", None));
            }
            ExchangeScene::Truncated => {
                let half = Bytes::from_static(
                    b"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Bo",
                );
                let answer = SimAnswer::text(200, "text/xml", "");
                return SimAnswer { body: SimBody::Broken(Some(half)), ..answer };
            }
            ExchangeScene::Huge => {
                return SimAnswer {
                    body: SimBody::Pieces(HUGE_MIB),
                    ..SimAnswer::text(200, "text/xml", "")
                };
            }
            ExchangeScene::Deep => {
                let text = format!("{}{}", "<a>".repeat(LEVELS), "</a>".repeat(LEVELS));
                return SimAnswer::xml((200, text));
            }
            ExchangeScene::Entities => {
                let text = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><x>&b;</x>";
                return SimAnswer::xml((200, text.to_owned()));
            }
            ExchangeScene::OtherEncoding => {
                let text: Vec<u8> = "<x/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
                return SimAnswer {
                    body: SimBody::text(text),
                    ..SimAnswer::text(200, "text/xml; charset=utf-16", "")
                };
            }
            ExchangeScene::Garbage => return SimAnswer::text(200, "text/xml", "once upon a time"),
            _ => {}
        }
        if body.contains(":ConvertId") {
            return SimAnswer::xml((200, soap::converted(org.version)));
        }
        let scene = org.scene;
        if scene == ExchangeScene::MailboxesRefused {
            return refused(org, "");
        }
        let fault = |code| SimAnswer::xml(soap::fault(scene, code, None));
        let Some(address) = soap::mailbox_of(body) else {
            return fault("ErrorMissingEmailAddress");
        };
        let same = |other: &str| other.eq_ignore_ascii_case(&address);
        if org.mailboxes.iter().any(|mailbox| mailbox.alias.as_deref().is_some_and(same)) {
            return fault("ErrorNonPrimarySmtpAddress");
        }
        let own = org.version;
        let Some(mailbox) = org.mailbox(&address) else {
            return fault("ErrorNonExistentMailbox");
        };
        if mailbox.ews_disabled {
            return SimAnswer::page(403, "")
                .with(policy, "EWS is disabled for this user or tenant");
        }
        if mailbox.forbidden {
            return SimAnswer::page(403, "<html><body>Forbidden</body></html>");
        }
        if let Some(code) = mailbox.fault {
            return fault(code);
        }
        let version = mailbox.version.unwrap_or(own);
        let now = lock(&self.clock).as_ref().map(|clock| clock());
        let answer = items::answer(mailbox, version, body, now);
        match answer.or_else(|| soap::folders(mailbox, scene, version, body)) {
            Some(text) => SimAnswer::xml((200, text)),
            None => fault("ErrorInvalidRequest"),
        }
    }

    fn autodiscover(
        &self,
        org: &ExchangeOrg,
        path: &str,
        shown: Option<&str>,
    ) -> Option<SimAnswer> {
        let lower = path.to_ascii_lowercase();
        if !lower.starts_with("/autodiscover/") {
            return None;
        }
        let other = "https://old.acme.example/EWS/Exchange.asmx";
        let url = if org.scene == ExchangeScene::AutodiscoverOther { other } else { &self.url };
        let json =
            |status, text: String| SimAnswer::text(status, "application/json; charset=utf-8", text);
        if org.scene == ExchangeScene::AutodiscoverOff {
            return Some(SimAnswer::page(404, "<html><body>404</body></html>"));
        }
        if lower.starts_with("/autodiscover/autodiscover.json") {
            if org.scene == ExchangeScene::AutodiscoverOld {
                return Some(SimAnswer::page(404, "<html><body>404</body></html>"));
            }
            if !lower.contains("protocol=ews") {
                let text = "{\"ErrorCode\":\"ProtocolNotSupported\",\"ErrorMessage\":\"\"}";
                return Some(json(400, text.to_owned()));
            }
            return Some(json(200, format!("{{\"Protocol\":\"Ews\",\"Url\":\"{url}\"}}")));
        }
        if shown.is_none() {
            return Some(refused(org, ""));
        }
        Some(
            refusal(org, shown).unwrap_or_else(|| SimAnswer::xml((200, soap::autodiscovered(url)))),
        )
    }
}

fn refused(org: &ExchangeOrg, text: &str) -> SimAnswer {
    let mut answer = SimAnswer::page(401, text).with(WWW_AUTHENTICATE, "Negotiate");
    answer = answer.with(WWW_AUTHENTICATE, "NTLM");
    if org.scene != ExchangeScene::BasicOff {
        answer = answer.with(WWW_AUTHENTICATE, "Basic realm=\"mail\"");
    }
    answer.with(WWW_AUTHENTICATE, "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\"")
}

/// Why a sign-in is refused, if it is.
fn refusal(org: &ExchangeOrg, shown: Option<&str>) -> Option<SimAnswer> {
    if org.scene == ExchangeScene::LockedOut {
        return Some(refused(
            org,
            "<html><body>The referenced account is currently locked out and may not be logged on to.</body></html>",
        ));
    }
    let (scheme, shown) = shown.unwrap_or_default().split_once(' ').unwrap_or_default();
    let good = match scheme {
        "Basic" if org.scene != ExchangeScene::BasicOff => {
            let own = (org.username.clone(), org.password.clone());
            let fits = |(name, password): &(String, String)| {
                shown == STANDARD.encode(format!("{name}:{password}"))
            };
            fits(&own) || org.others.iter().any(fits)
        }
        "Bearer" => shown == org.token,
        _ => false,
    };
    (!good).then(|| refused(org, ""))
}

/// The name of the account that a request shows, where it is readable.
fn account_of(shown: &str) -> Option<String> {
    let bytes = STANDARD.decode(shown.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(name, _)| name.to_owned())
}

/// Whether the scene is played before any back end.
const fn is_before_sign_in(scene: ExchangeScene) -> bool {
    matches!(
        scene,
        ExchangeScene::WrongPath
            | ExchangeScene::PoolDown
            | ExchangeScene::ServerError
            | ExchangeScene::ErrorPage
            | ExchangeScene::RedirectElsewhere
            | ExchangeScene::SignInPage
            | ExchangeScene::BusyFront
    )
}
