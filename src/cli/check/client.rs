//! One GET of a daemon on this machine: plain HTTP, within ten seconds and a megabyte.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// Nagios gives a plugin a minute; a daemon on the same machine that needs ten seconds is not well.
const TIME_OUT: Duration = Duration::from_secs(10);
/// One organisation with all rows and findings takes about 30 kB.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error(
        "--url takes http://HOST:PORT of a daemon on this machine, such as http://127.0.0.1:9877"
    )]
    Url,
    #[error(
        "{host} is not this machine; plain http goes nowhere else. Run this command where the daemon runs"
    )]
    NotLoopback { host: String },
    #[error("no daemon answers at {address}: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("the daemon at {0} did not answer within {seconds} s", seconds = TIME_OUT.as_secs())]
    TimedOut(String),
    #[error(
        "the daemon does not know this organisation; `orgs` of its configuration names those it knows"
    )]
    UnknownOrg,
    #[error("the daemon answered {0}; its log says why")]
    Status(StatusCode),
    #[error("the answer is cut short or longer than {MAX_BODY_BYTES} bytes")]
    Body,
}

/// The body of a 200 answer to `path` below `url`.
pub(super) fn get(url: &str, path: &str) -> Result<Bytes, AskError> {
    let (authority, target) = target(url, path)?;
    let unreachable = |error: std::io::Error| AskError::Unreachable {
        address: authority.clone(),
        reason: error.to_string(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unreachable)?;
    runtime.block_on(async {
        match tokio::time::timeout(TIME_OUT, ask(&authority, &target)).await {
            Ok(answer) => answer,
            Err(_) => Err(AskError::TimedOut(authority.clone())),
        }
    })
}

/// `host:port` to connect to, and the path to ask for.
fn target(url: &str, path: &str) -> Result<(String, String), AskError> {
    let uri: Uri = url.parse().map_err(|_| AskError::Url)?;
    let host = uri.host().ok_or(AskError::Url)?;
    let plain = uri.scheme_str() == Some("http")
        && uri.query().is_none()
        && !uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
    if !plain {
        return Err(AskError::Url);
    }
    let port = uri.port_u16().unwrap_or(80);
    let prefix = uri.path().trim_end_matches('/');
    Ok((format!("{host}:{port}"), format!("{prefix}{path}")))
}

async fn ask(authority: &str, target: &str) -> Result<Bytes, AskError> {
    let unreachable = |reason: String| AskError::Unreachable {
        address: authority.to_owned(),
        reason,
    };
    let mut loopback = tokio::net::lookup_host(authority)
        .await
        .map_err(|error| unreachable(error.to_string()))?
        .filter(|address| address.ip().is_loopback())
        .peekable();
    if loopback.peek().is_none() {
        return Err(AskError::NotLoopback {
            host: authority.to_owned(),
        });
    }
    let addresses: Vec<_> = loopback.collect();
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    let request = Request::get(target)
        .header(hyper::header::HOST, authority)
        .header(hyper::header::ACCEPT, "application/json")
        .header(hyper::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| AskError::Url)?;
    let answered = async move {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(AskError::UnknownOrg),
            status => return Err(AskError::Status(status)),
        }
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES)
            .collect()
            .await;
        body.map(|body| body.to_bytes()).map_err(|_| AskError::Body)
    };
    // The connection has to be driven while the answer is read; its own error shows in the answer.
    tokio::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        _ = connection => answered.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_daemon_on_this_machine() {
        let split = |url: &str| target(url, "/api").map_err(|error| error.to_string());
        for (url, authority, path) in [
            ("http://127.0.0.1:9877", "127.0.0.1:9877", "/api"),
            ("http://[::1]:9877/", "[::1]:9877", "/api"),
            ("http://localhost/sync/", "localhost:80", "/sync/api"),
        ] {
            assert_eq!(
                split(url),
                Ok((authority.to_owned(), path.to_owned())),
                "{url}"
            );
        }
        for bad in [
            "",
            "127.0.0.1:9877",
            "https://127.0.0.1:9877",
            "http://ann:secret@127.0.0.1",
            "http://127.0.0.1/?a=b",
            "/api",
        ] {
            assert_eq!(split(bad), Err(AskError::Url.to_string()), "{bad}");
        }
        assert!(matches!(
            get("http://192.0.2.1:9877", "/api"),
            Err(AskError::NotLoopback { .. })
        ));
    }
}
