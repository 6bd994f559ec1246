//! One request to an address that the operator named: https anywhere, plain http on this machine.

use super::args::AskArgs;
use crate::config;
use crate::secret::Secret;
use crate::tls;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// Somebody waits for the answer at a terminal.
const TIME_OUT: Duration = Duration::from_secs(10);
/// An Alertmanager's own metrics take about 100 kB, one organisation with all rows and findings 30 kB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Asks, trusting the authorities of one file, under the name and with the certificate of the operator's choice.
pub(super) struct Ask {
    ca_file: PathBuf,
    own: Option<(PathBuf, PathBuf)>,
    user: Option<(String, Secret)>,
}

impl Ask {
    /// Asks a daemon.
    ///
    /// # Errors
    /// In a sentence, when the password cannot be read.
    pub(super) fn daemon(args: &AskArgs) -> Result<Self, String> {
        let user = args.user.clone().zip(args.password_file.as_deref());
        let user = user
            .map(|(name, file)| config::password(file).map(|password| (name, password)))
            .transpose()?;
        Ok(Self {
            ca_file: args.ca_file.clone(),
            own: args.cert.clone().zip(args.key.clone()),
            user,
        })
    }

    /// Asks somebody else, who is not to get what opens the daemon.
    pub(super) fn another(args: &AskArgs) -> Self {
        Self {
            ca_file: args.ca_file.clone(),
            own: None,
            user: None,
        }
    }

    /// What an answer of 401 means.
    pub(super) fn refused(&self) -> &'static str {
        match self.user {
            Some(_) => "the daemon refuses the name or the password of --user and --password-file",
            None => "the daemon asks for a name and a password; give --user and --password-file",
        }
    }

    fn authorization(&self) -> Option<HeaderValue> {
        let (name, password) = self.user.as_ref()?;
        let pair = Zeroizing::new(format!("{name}:{}", password.expose()));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Status and body of a GET; a sentence's beginning when there is no answer.
    pub(super) async fn get(&self, url: &str, path: &str) -> Result<(u16, Bytes), String> {
        self.ask(Method::GET, url, path, Bytes::new()).await
    }

    /// The same of a POST of JSON.
    pub(super) async fn post(
        &self,
        url: &str,
        path: &str,
        json: &serde_json::Value,
    ) -> Result<(u16, Bytes), String> {
        self.ask(Method::POST, url, path, json.to_string().into())
            .await
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), String> {
        match tokio::time::timeout(TIME_OUT, self.try_ask(method, url, path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "{url} did not answer within {} s",
                TIME_OUT.as_secs()
            )),
        }
    }

    async fn try_ask(
        &self,
        method: Method,
        url: &str,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), String> {
        let no_url =
            || format!("{url} is no address such as http://127.0.0.1:9877 or https://HOST:PORT");
        let uri: Uri = url.parse().map_err(|_| no_url())?;
        let host = uri.host().ok_or_else(no_url)?;
        if uri
            .authority()
            .is_some_and(|all| all.as_str().contains('@'))
        {
            // Nor is it repeated: there is a password in it.
            return Err(
                "a URL holds no name and password; give --user and --password-file".to_owned(),
            );
        }
        if uri.query().is_some() {
            return Err(no_url());
        }
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(no_url()),
        };
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let authority = format!("{host}:{port}");
        let unreachable = |error: std::io::Error| format!("{url} cannot be reached: {error}");
        let addresses: Vec<_> = tokio::net::lookup_host(&authority)
            .await
            .map_err(unreachable)?
            .filter(|address| encrypted || address.ip().is_loopback())
            .collect();
        if addresses.is_empty() {
            return Err(format!(
                "{authority} is not this machine; plain http goes nowhere else, use https"
            ));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", uri.path().trim_end_matches('/')))
            .header(HOST, &authority)
            .header(ACCEPT, "application/json, text/plain;q=0.5")
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|_| no_url())?;
        if let Some(value) = self.authorization() {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let stream = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(unreachable)?;
        let sent = if encrypted {
            let own = self.own.as_ref().map(|(cert, key)| (&**cert, &**key));
            let config = tls::client(&self.ca_file, own)?;
            let name = host.trim_matches(['[', ']']).to_owned();
            let name = name.try_into().map_err(|_| no_url())?;
            let stream = TlsConnector::from(config)
                .connect(name, stream)
                .await
                .map_err(|error| {
                    format!("{url} is not trusted: {error}; --ca-file names who is")
                })?;
            send(stream, request).await
        } else {
            send(stream, request).await
        };
        sent.map_err(|says| format!("{url}: {says}"))
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(u16, Bytes), String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| whole(&error))?;
    let answered = async move {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| whole(&error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES)
            .collect()
            .await;
        body.map(|body| (status, body.to_bytes()))
            .map_err(|_| format!("the answer is cut short or longer than {MAX_BODY_BYTES} bytes"))
    };
    // The connection has to be driven while the answer is read; its own error shows in the answer.
    tokio::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        _ = connection => answered.await,
    }
}

/// An error with what stands behind it, such as the alert by which a server refuses a certificate.
fn whole(error: &hyper::Error) -> String {
    let mut says = error.to_string();
    let mut behind = std::error::Error::source(error);
    while let Some(cause) = behind {
        says = format!("{says}: {cause}");
        behind = cause.source();
    }
    says
}
