//! Requests to one host and their answers, over reused connections or one that the caller holds.

use super::connector::{Connector, Resolver, Stream};
use super::endpoint::Endpoint;
use super::failure::{TransportError, TransportFailure};
use super::trust::Trust;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower_service::Service;

/// The head of an answer: cookies and policies of a service take about 8 kB.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Requests of a poll follow each other within this; between polls no connection stays open.
const IDLE: Duration = Duration::from_secs(15);
/// Nobody sends more at once to one host.
const MAX_IDLE: usize = 2;

/// Bounds of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// For a connection: name, TCP and TLS.
    pub connect: Duration,
    /// For everything until the last byte of the answer.
    pub total: Duration,
    /// Of an answer's body.
    pub body_bytes: usize,
}

/// A request.
#[derive(Debug)]
pub struct HttpRequest {
    /// GET or POST.
    pub method: Method,
    /// The path with its query, below the endpoint's own.
    pub path: String,
    /// Headers besides `Host`, `User-Agent` and `Accept`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; empty for none.
    pub body: Bytes,
}

/// An answer, whatever its status, except redirects.
#[derive(Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Sends requests to one endpoint.
pub struct HttpClient {
    pub(super) endpoint: Endpoint,
    limits: HttpLimits,
    pub(super) connector: Connector,
    pool: legacy::Client<Connector, Full<Bytes>>,
}

impl HttpClient {
    /// A client of `endpoint`. Connections are opened when they are needed.
    pub fn new(endpoint: Endpoint, trust: &Trust, limits: HttpLimits) -> Self {
        let resolver = Resolver::new(!endpoint.is_secure());
        Self::with_resolver(endpoint, trust, limits, resolver)
    }

    pub(super) fn with_resolver(
        endpoint: Endpoint,
        trust: &Trust,
        limits: HttpLimits,
        resolver: Resolver,
    ) -> Self {
        let connector = Connector::new(resolver, trust, limits.connect);
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector.clone());
        Self { endpoint, limits, connector, pool }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// What went wrong on the way, a redirect, or an answer that is too large.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let request = self.endpoint.prepare(request)?;
        let answered = async {
            let sent = self.pool.request(request).await;
            let response = sent.map_err(|error| TransportError::of(&self.endpoint, &error))?;
            self.endpoint.read(response, self.limits).await
        };
        self.endpoint.within(self.limits.total, answered).await
    }

    /// Opens one connection that the caller holds, for authentication that belongs to the connection.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self) -> Result<HttpConnection, TransportError> {
        let endpoint = &self.endpoint;
        let stream = self.connector.clone().call(endpoint.uri("/")?).await;
        let stream = stream.map_err(|error| TransportError::of(endpoint, &*error))?;
        let peer_certificate = peer_certificate(&stream);
        self.hold(stream, peer_certificate).await
    }

    /// A connection over a stream that is open already.
    pub(super) async fn hold<S>(
        &self,
        stream: S,
        peer_certificate: Option<CertificateDer<'static>>,
    ) -> Result<HttpConnection, TransportError>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let endpoint = &self.endpoint;
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(stream)
            .await
            .map_err(|error| TransportError::of(endpoint, &error))?;
        // A connection that breaks shows at the request that it was to carry.
        let driver = tokio::spawn(async move { drop(driver.await) });
        Ok(HttpConnection {
            endpoint: endpoint.clone(),
            limits: self.limits,
            sender,
            driver,
            peer_certificate,
        })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpClient({})", self.endpoint)
    }
}

/// One connection. It is never replaced by another: once it is closed, every request fails.
pub struct HttpConnection {
    endpoint: Endpoint,
    limits: HttpLimits,
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    peer_certificate: Option<CertificateDer<'static>>,
}

impl HttpConnection {
    /// Sends a request on this very connection and reads the whole answer.
    ///
    /// # Errors
    /// As [`HttpClient::send`]; after one, the connection is of no more use.
    pub async fn send(&mut self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut request = self.endpoint.prepare(request)?;
        // On the line stands the path alone.
        if let Some(path) = request.uri().path_and_query() {
            *request.uri_mut() = Uri::from(path.clone());
        }
        let (endpoint, sender) = (&self.endpoint, &mut self.sender);
        let answered = async {
            let broken = |error| TransportError::of(endpoint, &error);
            sender.ready().await.map_err(broken)?;
            let response = sender.send_request(request).await.map_err(broken)?;
            endpoint.read(response, self.limits).await
        };
        endpoint.within(self.limits.total, answered).await
    }

    /// The certificate that the peer showed, for channel binding; `None` over plain http.
    pub fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.peer_certificate.as_ref()
    }
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for HttpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpConnection({})", self.endpoint)
    }
}

fn peer_certificate(stream: &Stream) -> Option<CertificateDer<'static>> {
    let MaybeHttpsStream::Https(tls) = stream else {
        return None;
    };
    let (_, session) = tls.inner().get_ref();
    Some(session.peer_certificates()?.first()?.clone().into_owned())
}

impl Endpoint {
    fn prepare(&self, request: HttpRequest) -> Result<Request<Full<Bytes>>, TransportError> {
        let mut prepared = Request::new(Full::new(request.body));
        *prepared.method_mut() = request.method;
        *prepared.uri_mut() = self.uri(&request.path)?;
        let host = HeaderValue::from_str(&self.authority());
        let agent = concat!("lightning-sync-exporter/", env!("CARGO_PKG_VERSION"));
        let accept = "application/json, text/xml, text/plain;q=0.5";
        let headers = prepared.headers_mut();
        headers.insert(HOST, host.map_err(|_: InvalidHeaderValue| self.unsendable())?);
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.extend(request.headers);
        Ok(prepared)
    }

    fn unsendable(&self) -> TransportError {
        TransportError::new(
            TransportFailure::AnswerMalformed,
            format!("the request to {self} cannot be written as HTTP"),
        )
    }

    /// Where a path is at this endpoint. A path that a server sent cannot name another host.
    fn uri(&self, path: &str) -> Result<Uri, TransportError> {
        if !path.starts_with('/') {
            return Err(self.unsendable());
        }
        Uri::builder()
            .scheme(if self.is_secure() { "https" } else { "http" })
            .authority(self.authority())
            .path_and_query(format!("{}{path}", self.path()))
            .build()
            .map_err(|_| self.unsendable())
    }

    async fn read(
        &self,
        response: Response<Incoming>,
        limits: HttpLimits,
    ) -> Result<HttpResponse, TransportError> {
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            let location = head.headers.get(LOCATION);
            let target = location.and_then(|value| value.to_str().ok()?.parse::<Uri>().ok());
            return Err(TransportError {
                failure: TransportFailure::Redirected,
                detail: format!("{self} redirects elsewhere, which was not followed"),
                redirect_path: target.as_ref().map(|uri| uri.path().to_owned()),
                redirect_host: target.and_then(|uri| uri.host().map(str::to_owned)),
            });
        }
        let body = Limited::new(body, limits.body_bytes).collect().await;
        let body = body.map_err(|error| TransportError::of(self, &*error))?;
        Ok(HttpResponse {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    async fn within<T>(
        &self,
        time: Duration,
        answered: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        timeout(time, answered).await.unwrap_or_else(|_| {
            Err(TransportError::new(
                TransportFailure::Timeout,
                format!("{self} did not answer completely within {time:?}"),
            ))
        })
    }
}
