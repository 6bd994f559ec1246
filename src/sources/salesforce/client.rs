//! Requests with a session: had when it is needed, used until it is refused, renewed once in a poll.

use super::answer::{failure_of, not_answered, object_of};
use super::failure::SalesforceFailure;
use super::grant;
use super::metadata;
use super::settings::{Auth, SalesforceSettings};
use crate::domain::time::Timestamp;
use crate::http_client::{HttpClient, HttpLimits, HttpRequest, HttpResponse, Trust};
use crate::secret::Secret;
use crate::sources::failure::Failure;
use crate::sources::polling::Usage;
use chrono::{DateTime, TimeDelta, Utc};
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests that run for 20 s and longer count against Salesforce's limit of concurrent ones. A page of 2,000 users with
/// every field filled is about 2 MB.
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(19),
    body_bytes: 8 << 20,
};

/// Speaks to one organisation.
#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient,
    pub(super) settings: Arc<SalesforceSettings>,
    session: Option<Secret>,
    /// Whether this poll has got a session already: a second one would not be better.
    renewed: bool,
    /// Requests of this poll, those for a session included.
    pub(super) calls: u64,
    pub(super) usage: Option<Usage>,
    /// How far the server's clock is ahead of ours, by the latest answer that has its time.
    pub(super) clock_ahead: Option<TimeDelta>,
    /// When this poll began, by both clocks: an answer's time is compared when it comes.
    began: (Timestamp, Instant),
}

impl Client {
    pub(super) fn new(settings: Arc<SalesforceSettings>, trust: &Trust) -> Self {
        let trust = trust.with(settings.authorities.as_ref());
        Self {
            http: HttpClient::new(settings.my_domain.clone(), &trust, LIMITS),
            settings,
            session: None,
            renewed: false,
            calls: 0,
            usage: None,
            clock_ahead: None,
            began: (Timestamp::MIN, Instant::now()),
        }
    }

    /// Begins a poll.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.began = (now, Instant::now());
        self.calls = 0;
        self.renewed = false;
    }

    /// Forgets a session that the server no longer takes.
    pub(super) fn forget_session(&mut self) {
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

    /// The switches of a settings record.
    pub(super) async fn read_metadata(
        &mut self,
        record: metadata::SettingsRecord,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, bool)>, Failure> {
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
            body: metadata::envelope(record, &session).as_bytes().to_vec().into(),
        };
        metadata::switches(&self.send(request).await?)
    }

    /// The JSON object at a path, or that it answers to a JSON body.
    pub(super) async fn call(
        &mut self,
        path: &str,
        body: Option<String>,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Failure> {
        loop {
            let session = self.session(now).await?;
            let mut method = Method::GET;
            let mut headers = vec![(AUTHORIZATION, grant::bearer(&session)?)];
            if body.is_some() {
                method = Method::POST;
                headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
            }
            let request = HttpRequest {
                method,
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
            // Only an old session can be worth another one; asking in a loop locks users out.
            if self.renewed || !failure.is_of(&[SalesforceFailure::SessionExpired]) {
                return Err(failure);
            }
        }
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

    async fn send(&mut self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        self.calls += 1;
        let answer = self.http.send(request).await.map_err(not_answered)?;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(usage) = header("sforce-limit-info").and_then(usage) {
            self.usage = Some(usage);
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

/// How much of the daily requests is used: `api-usage=25/5000; per-app-api-usage=17/250(appName=sample)`. The first part counts: it is the whole
/// organisation's.
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
        let some = Some(Usage { used: 25, allowed: 5000 });
        assert_eq!(usage("api-usage=25/5000"), some);
        assert_eq!(
            usage("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)"),
            some
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
