//! Requests to EWS. An [`EwsConnection`] sends one request after the other over one connection; there are few of them, which
//! is how many requests are on the way at once.

use super::ews::answer::EwsAnswer;
use super::ews::request::{Acting, Operation, RequestVersion, envelope};
use super::failure::{ExchangeFailure, FaultMeaning, meaning, wait};
use super::ntlm::{self, NtlmAccount, NtlmScene};
use super::settings::{EwsSettings, ExchangeAuth};
use crate::domain::time::Timestamp;
use crate::http_client::{
    HttpClient, HttpConnection, HttpLimits, HttpRequest, HttpResponse, TransportError,
    TransportFailure, Trust,
};
use crate::secret::{Readers, Secret, read_file};
use crate::sources::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hyper::Method;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use zeroize::Zeroizing;

/// A token has about 2 kB.
const MAX_TOKEN_BYTES: u64 = 16 << 10;
/// Where Exchange Online says why it refuses EWS as a whole; the two texts are all there are.
const POLICY_HEADER: &str = "x-ews-policy-reason";
const DISABLED: &str = "EWS is disabled for this user or tenant";
const BLOCKED: &str = "EWS is blocked by policy for this user or tenant";

/// Why a request gives no answer that says something about its mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sources) enum CallTrouble {
    /// Nothing may be requested for so long.
    Throttled(TimeDelta),
    /// The sign-in was refused.
    SignIn(ExchangeFailure),
    /// Something else, with words for the log.
    Failed(Failure, Option<ExchangeFailure>),
}

impl CallTrouble {
    pub(super) fn failed(kind: ExchangeFailure, detail: impl Into<String>) -> Self {
        Self::Failed(Failure::new(kind, detail), Some(kind))
    }
}

impl From<TransportError> for CallTrouble {
    fn from(error: TransportError) -> Self {
        // A page for errors that Exchange shows at random; the next request is answered.
        let at_error_page = error
            .redirect_path
            .as_deref()
            .is_some_and(|path| path.to_ascii_lowercase().starts_with("/ews/genericerrorpage"));
        if at_error_page {
            return Self::failed(
                ExchangeFailure::ExchangeServerError,
                "it leads to its page for errors",
            );
        }
        Self::Failed(error.into(), None)
    }
}

/// Sends requests to one Exchange.
pub(in crate::sources) struct ExchangeClient {
    pub(super) http: HttpClient,
    settings: EwsSettings,
    /// The newest version of the interface that the server takes, by its place in the list.
    version: AtomicU8,
    /// Requests since the last question.
    requests: AtomicU64,
}

/// What is shown to sign in; made anew for each poll.
pub(in crate::sources) enum SignIn {
    /// A header of each request.
    Shown(&'static str, HeaderValue),
    /// Messages that belong to a connection.
    Ntlm {
        /// The account's name.
        username: String,
        /// Its password.
        password: Secret,
        /// The time of the poll.
        now: Timestamp,
    },
}

impl SignIn {
    fn scheme(&self) -> &'static str {
        match self {
            Self::Shown(scheme, _) => scheme,
            Self::Ntlm { .. } => "NTLM",
        }
    }
}

impl ExchangeClient {
    pub(in crate::sources) fn new(
        settings: EwsSettings,
        trust: &Trust,
        limits: HttpLimits,
    ) -> Self {
        let http = HttpClient::new(settings.host.clone(), trust, limits);
        Self { http, settings, version: AtomicU8::new(0), requests: AtomicU64::new(0) }
    }

    /// How many requests were sent since the last question.
    pub(in crate::sources) fn take_requests(&self) -> u64 {
        self.requests.swap(0, Ordering::Relaxed)
    }

    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// What signs in.
    pub(in crate::sources) fn sign_in(&self, now: Timestamp) -> Result<SignIn, Failure> {
        let (scheme, text) = match &self.settings.auth {
            ExchangeAuth::Basic { username, password } => {
                let both = Zeroizing::new(format!("{username}:{}", password.expose()));
                ("Basic", Zeroizing::new(STANDARD.encode(both.as_bytes())))
            }
            ExchangeAuth::Ntlm { username, password } => {
                let (username, password) = (username.clone(), password.clone());
                return Ok(SignIn::Ntlm { username, password, now });
            }
            ExchangeAuth::Bearer { token_file } => {
                let unreadable =
                    |says: String| Failure::new(ExchangeFailure::TokenUnreadable, says);
                let bytes = read_file(token_file, MAX_TOKEN_BYTES, Readers::OwnerAndGroup("600"))
                    .map_err(|says| unreadable(format!("the file of the token {says}")))?;
                let text = std::str::from_utf8(&bytes).ok();
                let token = text.and_then(Secret::from_file_text).ok_or_else(|| {
                    unreadable("the file of the token does not hold one line".to_owned())
                })?;
                ("Bearer", Zeroizing::new(token.expose().to_owned()))
            }
        };
        let shown = Zeroizing::new(format!("{scheme} {}", text.as_str()));
        let mut header = HeaderValue::from_str(&shown).map_err(|_| {
            Failure::new(
                ExchangeFailure::TokenUnreadable,
                "the secret has characters that a header cannot carry",
            )
        })?;
        header.set_sensitive(true);
        Ok(SignIn::Shown(scheme, header))
    }

    fn version(&self) -> RequestVersion {
        let place = usize::from(self.version.load(Ordering::Relaxed));
        RequestVersion::ALL.get(place).copied().unwrap_or(RequestVersion::Exchange2010)
    }
}

/// One connection.
pub(in crate::sources) struct EwsConnection<'c> {
    client: &'c ExchangeClient,
    sign_in: &'c SignIn,
    connection: Option<HttpConnection>,
    /// Whether NTLM signed in on this connection.
    signed_in: bool,
}

impl<'c> EwsConnection<'c> {
    pub(in crate::sources) fn new(
        client: &'c ExchangeClient,
        sign_in: &'c SignIn,
        connection: Option<HttpConnection>,
    ) -> Self {
        Self { client, sign_in, connection, signed_in: false }
    }

    /// What an operation gives. A server that does not know our version of the interface is requested again with an older one.
    pub(in crate::sources) async fn call(
        &mut self,
        acting: Acting<'_>,
        operation: Operation<'_>,
    ) -> Result<EwsAnswer, CallTrouble> {
        loop {
            let version = self.client.version();
            let body = envelope(version, acting, operation);
            let path = self.client.settings.path.clone();
            let response = self.post(&path, body, acting.anchor()).await?;
            let answer = read(&response, self.sign_in.scheme())?;
            let fault = match &answer.outcome {
                Err(fault) => Some(fault),
                Ok(messages) => messages.iter().find_map(|message| {
                    let fault = message.fault.as_ref()?;
                    matches!(
                        meaning(fault),
                        FaultMeaning::Throttled(_)
                            | FaultMeaning::SignIn(_)
                            | FaultMeaning::VersionTooNew
                    )
                    .then_some(fault)
                }),
            };
            match fault.map(meaning) {
                Some(FaultMeaning::Throttled(wait)) => return Err(CallTrouble::Throttled(wait)),
                Some(FaultMeaning::SignIn(failure)) if acting.anchor().is_none() => {
                    return Err(CallTrouble::SignIn(failure));
                }
                Some(FaultMeaning::VersionTooNew) => {
                    let Some(older) = version.older() else {
                        return Err(CallTrouble::failed(
                            ExchangeFailure::RequestRefused,
                            "no version of the request is taken",
                        ));
                    };
                    let place = u8::try_from(older.index()).unwrap_or_default();
                    self.client.version.fetch_max(place, Ordering::Relaxed);
                }
                // The account itself was let in: in a mailbox it is its owner's account.
                Some(
                    FaultMeaning::SignIn(_) | FaultMeaning::NotFound | FaultMeaning::Failed(_),
                )
                | None => return Ok(answer),
            }
        }
    }

    /// What Autodiscover's oldest form answers.
    pub(super) async fn autodiscover(&mut self, body: String) -> Result<HttpResponse, CallTrouble> {
        self.post("/autodiscover/autodiscover.xml", body, None).await
    }

    async fn post(
        &mut self,
        path: &str,
        body: String,
        anchor: Option<&str>,
    ) -> Result<HttpResponse, CallTrouble> {
        let sign_in = self.sign_in;
        let request = || {
            let mut headers =
                vec![(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))];
            if let SignIn::Shown(_, header) = sign_in {
                headers.push((AUTHORIZATION, header.clone()));
            }
            // Leads the request to the mailbox's own server.
            let anchor = anchor.and_then(|anchor| HeaderValue::from_str(anchor).ok());
            headers
                .extend(anchor.map(|anchor| (HeaderName::from_static("x-anchormailbox"), anchor)));
            HttpRequest {
                method: Method::POST,
                path: path.to_owned(),
                headers,
                body: body.clone().into(),
            }
        };
        self.client.count_request();
        // The server may have closed a connection that was idle, which is no failure.
        if self.connection.is_some() {
            match self.send(&request).await {
                Err(error) if error.failure == TransportFailure::ConnectFailed => {
                    self.connection = None
                }
                other => return Ok(other.inspect_err(|_| self.connection = None)?),
            }
        }
        self.connection = Some(self.client.http.open().await?);
        self.signed_in = false;
        Ok(self.send(&request).await.inspect_err(|_| self.connection = None)?)
    }

    /// Sends a request on the open connection, and signs in on it where that is how.
    async fn send(
        &mut self,
        request: &impl Fn() -> HttpRequest,
    ) -> Result<HttpResponse, TransportError> {
        let Some(connection) = &mut self.connection else {
            return self.client.http.send(request()).await;
        };
        let SignIn::Ntlm { username, password, now } = self.sign_in else {
            return connection.send(request()).await;
        };
        if self.signed_in {
            let response = connection.send(request()).await?;
            if response.status != 401 {
                return Ok(response);
            }
        }
        let first = ntlm_request(request(), &ntlm::negotiate(), true);
        self.client.count_request();
        let response = connection.send(first).await?;
        let Some(challenge) = challenge(&response) else {
            return Ok(response);
        };
        let mut random = [0; 8];
        // Without random bytes a sign-in is as good; they protect against tables of hashes.
        SystemRandom::new().fill(&mut random).ok();
        let scene = NtlmScene {
            host: self.client.settings.host.host(),
            certificate: connection.peer_certificate().map(AsRef::as_ref),
            now: *now,
            random,
        };
        let account = NtlmAccount::of(username, password);
        let Some(message) = ntlm::authenticate(&account, &scene, &challenge) else {
            return Ok(response);
        };
        let message = Zeroizing::new(message);
        let response = connection.send(ntlm_request(request(), &message, false)).await?;
        self.signed_in = response.status != 401;
        Ok(response)
    }
}

/// A request with a message of NTLM; the first goes without the body, which nobody would read.
fn ntlm_request(mut request: HttpRequest, message: &[u8], is_first: bool) -> HttpRequest {
    let text = Zeroizing::new(format!("NTLM {}", STANDARD.encode(message)));
    if let Ok(mut header) = HeaderValue::from_str(&text) {
        header.set_sensitive(true);
        request.headers.push((AUTHORIZATION, header));
    }
    if is_first {
        request.body = Vec::new().into();
    }
    request
}

/// The second message of NTLM, if the answer has one.
fn challenge(response: &HttpResponse) -> Option<Vec<u8>> {
    let all = response.headers.get_all(WWW_AUTHENTICATE).iter();
    let mut texts = all.filter_map(|value| value.to_str().ok()?.strip_prefix("NTLM "));
    STANDARD.decode(texts.next()?.trim()).ok()
}

/// What an answer's status and body say before anything of EWS.
fn read(response: &HttpResponse, scheme: &str) -> Result<EwsAnswer, CallTrouble> {
    let failed = |kind, detail: &str| Err(CallTrouble::failed(kind, detail));
    match response.status {
        200 | 500 => match EwsAnswer::read(&response.body) {
            Ok(answer) => Ok(answer),
            Err(_) if response.status == 500 => {
                failed(ExchangeFailure::ExchangeServerError, "HTTP 500 without an answer of EWS")
            }
            Err(_) if is_page(response) => {
                failed(ExchangeFailure::LoginPage, "a page answers in the place of EWS")
            }
            Err(trouble) => Err(CallTrouble::Failed(Failure::malformed(trouble.to_string()), None)),
        },
        401 => Err(CallTrouble::SignIn(refused(response, scheme))),
        403 => {
            let (kind, detail) = forbidden(&response.headers);
            failed(kind, detail)
        }
        404 | 405 | 410 => failed(ExchangeFailure::NotEws, "HTTP 404 or alike"),
        429 | 503 => Err(CallTrouble::Throttled(wait(retry_after(&response.headers)))),
        status => failed(ExchangeFailure::ExchangeServerError, &format!("HTTP {status}")),
    }
}

/// Why a sign-in was refused, as far as the answer shows it.
fn refused(response: &HttpResponse, scheme: &str) -> ExchangeFailure {
    if !offered(&response.headers)
        .is_some_and(|schemes| schemes.iter().any(|offered| offered.eq_ignore_ascii_case(scheme)))
    {
        return ExchangeFailure::SchemeNotOffered;
    }
    let body = String::from_utf8_lossy(&response.body);
    if body.contains("account is currently locked out") {
        ExchangeFailure::AccountLocked
    } else {
        ExchangeFailure::SignInRefused
    }
}

/// The schemes of an answer that wants a sign-in; `None` where it names none.
pub(super) fn offered(headers: &HeaderMap) -> Option<Vec<String>> {
    let all = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let schemes: Vec<String> = all
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.split_whitespace().next())
        .filter(|word| !word.contains('='))
        .map(str::to_owned)
        .collect();
    (!schemes.is_empty()).then_some(schemes)
}

/// What a 403 means. Without Exchange's own reason it proves nothing about a policy.
pub(super) fn forbidden(headers: &HeaderMap) -> (ExchangeFailure, &'static str) {
    match headers.get(POLICY_HEADER).and_then(|value| value.to_str().ok()).map(str::trim) {
        Some(DISABLED) => (ExchangeFailure::EwsDisabled, "EWS is disabled for this user or tenant"),
        Some(BLOCKED) => (ExchangeFailure::EwsBlocked, "EWS is blocked by a policy"),
        _ => (ExchangeFailure::EwsForbidden, "HTTP 403 without a reason of Exchange's own"),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<TimeDelta> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(TimeDelta::seconds(seconds.into()))
}

/// Whether it is a page for people.
pub(super) fn is_page(response: &HttpResponse) -> bool {
    let begins = response.body.get(..response.body.len().min(512)).unwrap_or_default();
    let begins = String::from_utf8_lossy(begins).to_ascii_lowercase();
    begins.contains("<html") || begins.contains("<!doctype html")
}
