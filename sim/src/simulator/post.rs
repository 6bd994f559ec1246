//! One POST at a time over one lasting connection.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The daemon answers within its commit, which takes milliseconds; this is for one that hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Of an answer no more is read: it is only looked at when it is an error.
const ANSWER_BYTES: usize = 16 * 1024;

/// What the daemon answered.
#[derive(Debug)]
pub(super) enum PushAnswer {
    /// Taken.
    Taken,
    /// To be sent again, after this long where the daemon says so.
    Again(Option<Duration>),
    /// Refused for good, with the status and the beginning of the answer.
    Refused(StatusCode, String),
}

/// A connection to the daemon, opened when it is needed.
pub(super) struct PushConnection {
    addr: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl PushConnection {
    pub(super) const fn new(addr: SocketAddr) -> Self {
        Self { addr, sender: None }
    }

    /// Sends `body`; whatever breaks on the way means "again".
    pub(super) async fn post(
        &mut self,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> PushAnswer {
        let answer = timeout(ANSWER_WITHIN, self.attempt(path, content_type, body)).await;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => {
                self.sender = None;
                PushAnswer::Again(None)
            }
        }
    }

    async fn attempt(
        &mut self,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> anyhow::Result<PushAnswer> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, self.addr.to_string())
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(body))?;
        let response = self.ready().await?.send_request(request).await?;
        let status = response.status();
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let Ok(body) = body else {
            // A longer answer than we read leaves the connection in the middle of it.
            self.sender = None;
            return Ok(answer(status, wait, ""));
        };
        Ok(answer(status, wait, &String::from_utf8_lossy(&body.to_bytes())))
    }

    async fn ready(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(self.sender.insert(sender));
        }
        let stream = TcpStream::connect(self.addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "The connection to the daemon broke.");
            }
        });
        Ok(self.sender.insert(sender))
    }
}

fn answer(status: StatusCode, wait: Option<Duration>, body: &str) -> PushAnswer {
    if status.is_success() {
        PushAnswer::Taken
    } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        PushAnswer::Again(wait)
    } else {
        PushAnswer::Refused(status, body.chars().take(500).collect())
    }
}
