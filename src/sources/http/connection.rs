//! One connection to one host, one request at a time; every step has its time and its name when it fails.

use super::endpoint::Endpoint;
use super::trust::Trust;
use crate::sources::failure::{Failure, FailureReason};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A name server that does not answer within this is down.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);
/// TCP and TLS over the longest path on earth take a second.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Requests that run for 20 s and longer count against Salesforce's limit of concurrent ones.
const ANSWER_WITHIN: Duration = Duration::from_secs(19);
/// The longest name of an organisation's domain, with that of a sandbox.
const MAX_DOMAIN: usize = 46;
/// A page of 2,000 users with every field filled is about 2 MB.
const MAX_ANSWER: usize = 8 << 20;

/// What is asked.
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// Headers besides `Host`, `User-Agent` and `Accept`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; empty for none.
    pub body: Bytes,
}

/// What came back, whatever its status, except redirects.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Speaks to one host. A connection is opened when it is needed.
pub struct Client {
    endpoint: Endpoint,
    trust: Trust,
    connection: Option<Connection>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    /// A client of `endpoint`.
    pub fn new(endpoint: Endpoint, trust: Trust) -> Self {
        Self {
            endpoint,
            trust,
            connection: None,
        }
    }

    /// Closes the connection; the next request opens another.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// What went wrong on the way, a redirect, or an answer that is too large.
    pub async fn send(&mut self, request: Request) -> Result<Answer, Failure> {
        let mut connection = self.ready().await?;
        let host = self.endpoint.host();
        let answer = match timeout(
            ANSWER_WITHIN,
            exchange(&mut connection, request, &self.endpoint),
        )
        .await
        {
            Ok(answer) => answer?,
            Err(_) => {
                let seconds = ANSWER_WITHIN.as_secs();
                return Err(Failure::new(
                    FailureReason::Timeout,
                    format!("{host} did not answer completely within {seconds} s"),
                ));
            }
        };
        // Only a connection whose answer was read to its end can carry another request.
        self.connection = Some(connection);
        if (300..400).contains(&answer.status) {
            return Err(Failure::new(
                FailureReason::Redirected,
                elsewhere(host, &answer),
            ));
        }
        Ok(answer)
    }

    async fn ready(&mut self) -> Result<Connection, Failure> {
        if let Some(mut connection) = self.connection.take()
            && connection.sender.ready().await.is_ok()
        {
            return Ok(connection);
        }
        let host = self.endpoint.host().to_owned();
        let not_resolved = |why: &str| {
            Failure::new(
                FailureReason::NameNotResolved,
                format!("the name {host} {why}"),
            )
        };
        let target = (host.as_str(), self.endpoint.port());
        let addresses: Vec<_> = timeout(RESOLVE_WITHIN, tokio::net::lookup_host(target))
            .await
            .map_err(|_| not_resolved("was not looked up in time"))?
            .map_err(|_| not_resolved("does not resolve"))?
            .collect();
        if addresses.is_empty() {
            return Err(not_resolved("has no address"));
        }
        let opened = timeout(CONNECT_WITHIN, async {
            let stream = TcpStream::connect(addresses.as_slice())
                .await
                .map_err(|error| {
                    Failure::new(
                        FailureReason::ConnectFailed,
                        format!("{host}: {}", error.kind()),
                    )
                })?;
            stream.set_nodelay(true).ok();
            self.open(stream).await
        });
        opened.await.unwrap_or_else(|_| {
            let seconds = CONNECT_WITHIN.as_secs();
            Err(Failure::new(
                FailureReason::Timeout,
                format!("no connection to {host} within {seconds} s"),
            ))
        })
    }

    async fn open(&self, stream: TcpStream) -> Result<Connection, Failure> {
        if !self.endpoint.is_secure() {
            return connection(TokioIo::new(stream), self.endpoint.host()).await;
        }
        let host = self.endpoint.host();
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Failure::new(
                FailureReason::TlsNotVerified,
                format!("{host} is no name that a certificate can carry"),
            )
        })?;
        let connector = tokio_rustls::TlsConnector::from(self.trust.config());
        match connector.connect(name, stream).await {
            Ok(stream) => connection(TokioIo::new(stream), host).await,
            Err(error) => Err(refused(host, &error)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

async fn connection<T>(io: T, host: &str) -> Result<Connection, Failure>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, driver) = handshake(io).await.map_err(|_| broken(host))?;
    let driver = tokio::spawn(async move {
        // A connection that breaks shows at the request that it was to carry.
        driver.await.ok();
    });
    Ok(Connection { sender, driver })
}

async fn exchange(
    connection: &mut Connection,
    request: Request,
    endpoint: &Endpoint,
) -> Result<Answer, Failure> {
    let host = endpoint.host();
    let unsendable = || {
        Failure::new(
            FailureReason::AnswerMalformed,
            "the request cannot be written as HTTP",
        )
    };
    let uri: Uri = request.path.parse().map_err(|_| unsendable())?;
    let mut builder = hyper::Request::builder()
        .method(request.method)
        .uri(uri)
        .header(HOST, endpoint.authority())
        .header(
            USER_AGENT,
            concat!("lightning-sync-exporter/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, "application/json, text/xml");
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    let request = builder
        .body(Full::new(request.body))
        .map_err(|_| unsendable())?;
    let response = connection
        .sender
        .send_request(request)
        .await
        .map_err(|_| broken(host))?;
    let (head, body) = response.into_parts();
    let body = match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Failure::new(
                FailureReason::AnswerTooLarge,
                format!("{host} sent more than {} MiB", MAX_ANSWER >> 20),
            ));
        }
        Err(_) => return Err(broken(host)),
    };
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

fn broken(host: &str) -> Failure {
    Failure::new(
        FailureReason::ConnectFailed,
        format!("the connection to {host} broke before the answer was complete"),
    )
}

fn refused(host: &str, error: &io::Error) -> Failure {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => Failure::new(
            FailureReason::TlsNotVerified,
            format!(
                "the certificate of {host} is not acceptable: {}",
                short(&format!("{why:?}"))
            ),
        ),
        Some(_) => Failure::new(
            FailureReason::TlsNotVerified,
            format!("{host} and we agree on no secure connection"),
        ),
        None => Failure::new(
            FailureReason::ConnectFailed,
            format!("{host}: {}", error.kind()),
        ),
    }
}

/// The kind of a certificate's fault without what the certificate says of itself.
fn short(debug: &str) -> &str {
    debug
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default()
}

/// Where a redirect leads, as far as that is a host's name: one of this shape is too short to repeat a secret that was
/// sent, and one of the vendor's is what a renamed domain needs.
fn elsewhere(host: &str, answer: &Answer) -> String {
    let target = answer
        .headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok()?.parse::<Uri>().ok())
        .and_then(|uri| uri.host().map(str::to_owned))
        .filter(|target| {
            let own = target.strip_suffix(".my.salesforce.com");
            own.is_some_and(|own| own.len() <= MAX_DOMAIN && !own.contains('.'))
        });
    match target {
        Some(target) => format!("{host} redirects to {target}, which was not followed"),
        None => format!("{host} redirects elsewhere, which was not followed"),
    }
}
