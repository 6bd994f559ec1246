//! Requests with a session: had when it is needed, used until it is refused, renewed once in a poll.

use super::answer::{failure_of, not_answered, object_of};
use super::facts::SalesforcePart;
use super::failure::SalesforceFailure;
use super::grant;
use super::metadata::{self, Switch};
use super::settings::{Auth, SalesforceSettings};
use crate::domain::time::Timestamp;
use crate::http_client::{
    HttpClient, HttpLimits, HttpRequest, HttpResponse, TransportFailure, Trust,
};
use crate::secret::Secret;
use crate::sources::failure::Failure;
use crate::sources::polling::Usage;
use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::MultiGzDecoder;
use hyper::Method;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, HeaderValue,
};
use serde_json::{Map, Value};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests that run for 20 s and longer count against Salesforce's limit of concurrent ones. A page of 2,000 users with
/// every field filled is about 2 MB.
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(19),
    body_bytes: 8 << 20,
};

/// Sends requests to one organisation.
#[derive(Debug)]
pub(in crate::sources) struct Client {
    http: HttpClient,
    pub(in crate::sources) settings: Arc<SalesforceSettings>,
    session: Option<Secret>,
    /// Whether this poll has got a session already: a second one would not be better.
    renewed: bool,
    /// Requests of this poll, those for a session included.
    pub(super) requests: u64,
    /// The same as Salesforce counts them: each part of a batch is one.
    pub(in crate::sources) calls: u64,
    pub(in crate::sources) usage: Option<Usage>,
    /// Whether an answer of this poll showed it.
    pub(super) shows_usage: bool,
    /// How far the server's clock is ahead of ours, by the latest answer that has its time.
    pub(in crate::sources) clock_ahead: Option<TimeDelta>,
    /// When this poll began, by both clocks: an answer's time is compared when it comes.
    began: (Timestamp, Instant),
}

impl Client {
    pub(in crate::sources) fn new(settings: Arc<SalesforceSettings>, trust: &Trust) -> Self {
        let trust = trust.with(settings.authorities.as_ref());
        Self {
            http: HttpClient::new(settings.my_domain.clone(), &trust, LIMITS),
            settings,
            session: None,
            renewed: false,
            requests: 0,
            calls: 0,
            usage: None,
            shows_usage: false,
            clock_ahead: None,
            began: (Timestamp::MIN, Instant::now()),
        }
    }

    /// Begins a poll.
    pub(in crate::sources) fn begin(&mut self, now: Timestamp) {
        self.began = (now, Instant::now());
        (self.requests, self.calls) = (0, 0);
        self.shows_usage = false;
        self.renewed = false;
    }

    /// Forgets a session that the server no longer takes.
    pub(in crate::sources) fn forget_session(&mut self) {
        self.session = None;
    }

    /// Whether a text repeats the session or the secret that got it.
    pub(super) fn gives_away(&self, text: &str) -> bool {
        let secret = match &self.settings.auth {
            Auth::ClientCredentials { secret, .. } => Some(secret),
            Auth::JwtBearer { .. } => None,
        };
        [self.session.as_ref(), secret]
            .into_iter()
            .flatten()
            // One that is cut off is still half a secret.
            .filter_map(|secret| secret.expose().get(..secret.expose().len() / 2))
            .any(|half| text.contains(half))
    }

    /// The JSON object that a path answers; a body is JSON and posted.
    pub(in crate::sources) async fn call(
        &mut self,
        path: &str,
        body: Option<String>,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Failure> {
        loop {
            let session = self.session(now).await?;
            let mut headers = vec![(AUTHORIZATION, grant::bearer(&session)?)];
            if body.is_some() {
                headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
            }
            let request = HttpRequest {
                method: if body.is_some() { Method::POST } else { Method::GET },
                path: path.to_owned(),
                headers,
                body: body.clone().unwrap_or_default().into(),
            };
            let answer = self.send(request).await?;
            if answer.status != 401 {
                return object_of(&answer);
            }
            self.forget_session();
            let failure = failure_of(&answer);
            // Only an old session can be worth another one; a loop of log-ins locks users out.
            if self.renewed || !failure.is_of(&[SalesforceFailure::SessionExpired]) {
                return Err(failure);
            }
        }
    }

    /// The switches of a settings record.
    pub(super) async fn read_metadata(
        &mut self,
        part: SalesforcePart,
        now: Timestamp,
    ) -> Result<Vec<(Switch, Option<bool>)>, Failure> {
        let session = self.session(now).await?;
        let request = HttpRequest {
            method: Method::POST,
            path: format!("/services/Soap/m/{}.0", self.settings.api_version),
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=UTF-8")),
                (
                    HeaderName::from_static("soapaction"),
                    HeaderValue::from_static("\"readMetadata\""),
                ),
            ],
            body: metadata::envelope(part, &session).as_bytes().to_vec().into(),
        };
        metadata::switches(part, &self.send(request).await?)
    }

    async fn session(&mut self, now: Timestamp) -> Result<Secret, Failure> {
        if let Some(session) = &self.session {
            return Ok(session.clone());
        }
        self.renewed = true;
        let request = grant::request(&self.settings.auth, now)?;
        let answer = self.send(request).await?;
        let session = grant::session(&answer).map_err(|mut failure| {
            // At the token's address these speak of the app, not of a session or a version.
            if failure
                .is_of(&[SalesforceFailure::SessionExpired, SalesforceFailure::PermissionDenied])
            {
                failure.reason = SalesforceFailure::CredentialsRejected.into();
            }
            failure
        })?;
        Ok(self.session.insert(session).clone())
    }

    async fn send(&mut self, mut request: HttpRequest) -> Result<HttpResponse, Failure> {
        self.requests += 1;
        self.calls += 1;
        // 5,000 users are 2 MB a poll, and 80 kB compressed.
        request.headers.push((ACCEPT_ENCODING, HeaderValue::from_static("gzip")));
        let answer = unpacked(self.http.send(request).await.map_err(not_answered)?)?;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(usage) = header("sforce-limit-info").and_then(usage) {
            self.usage = Some(usage);
            self.shows_usage = true;
        }
        let (began, clock) = self.began;
        // A header's time has no fractions.
        let took = TimeDelta::from_std(clock.elapsed()).unwrap_or_default();
        let took = TimeDelta::seconds(took.num_seconds());
        self.clock_ahead = header(DATE.as_str())
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .and_then(|date| Timestamp::from_datetime(date.with_timezone(&Utc)))
            .map(|server| server.since(began.plus(took)));
        Ok(answer)
    }
}

/// The answer with a body that is not compressed. A small body can become a large one, so the bound counts again.
fn unpacked(mut answer: HttpResponse) -> Result<HttpResponse, Failure> {
    if answer.headers.get(CONTENT_ENCODING).is_none_or(|coding| coding != "gzip") {
        return Ok(answer);
    }
    let most = LIMITS.body_bytes;
    let mut body = Vec::new();
    let read =
        MultiGzDecoder::new(answer.body.as_ref()).take(most as u64 + 1).read_to_end(&mut body);
    let failure = |kind, what: &str| Err(Failure::new(kind, what));
    match read {
        Err(_) => failure(TransportFailure::AnswerMalformed, "the answer is no whole gzip"),
        Ok(_) if body.len() > most => {
            failure(TransportFailure::AnswerTooLarge, "the answer is too large once it is unpacked")
        }
        Ok(_) => {
            answer.body = body.into();
            Ok(answer)
        }
    }
}

/// Reads `api-usage=25/5000; per-app-api-usage=17/250(appName=sample)`, how much of the organisation's daily requests is
/// used. The first part counts: it is the whole organisation's.
fn usage(header: &str) -> Option<Usage> {
    let (used, allowed) = header
        .split([';', ','])
        .find_map(|part| part.trim().strip_prefix("api-usage="))?
        .split_once('/')?;
    let allowed: u64 = allowed.trim().parse().ok()?;
    Some(Usage { used: used.trim().parse().ok()?, allowed: (allowed > 0).then_some(allowed)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_header_are_read() {
        let expected = Some(Usage { used: 25, allowed: 5000 });
        assert_eq!(usage("api-usage=25/5000"), expected);
        assert_eq!(
            usage("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)"),
            expected
        );
        for bad in [
            "",
            "api-usage=",
            "api-usage=1/0",
            "api-usage=-1/5",
            "per-app-api-usage=17/250",
            "api-usage=x/y",
        ] {
            assert_eq!(usage(bad), None, "{bad}");
        }
    }
}
