//! Requests of a command to one service at an address that the operator named: https anywhere, plain http on this machine.

use super::args::AskArgs;
use crate::config;
use crate::http_client::{Endpoint, HttpClient, HttpLimits, HttpRequest, TransportFailure, Trust};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use std::time::Duration;
use zeroize::Zeroizing;

/// Somebody waits for the answer at a terminal. An Alertmanager's own metrics take about 100 kB, one organisation with all
/// rows and findings 30 kB.
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(8),
    total: Duration::from_secs(10),
    body_bytes: 4 << 20,
};
/// An older Prometheus lists its rules with every alert of them: 40 MB where everything is wrong.
const LIMITS_OF_OTHERS: HttpLimits = HttpLimits { body_bytes: 64 << 20, ..LIMITS };

/// A client of one service, which trusts the authorities of one file.
pub(super) struct ApiClient {
    http: HttpClient,
    authorization: Option<HeaderValue>,
}

impl ApiClient {
    /// A client of a daemon, under the name and with the certificate of the operator's choice.
    ///
    /// # Errors
    /// In a sentence, when the address is none or a file cannot be read.
    pub(super) fn daemon(url: &str, args: &AskArgs) -> Result<Self, String> {
        let user = args.user.as_ref().zip(args.password_file.as_deref());
        let authorization = user.map(|(name, file)| {
            let password = config::password(file)?;
            let pair = Zeroizing::new(format!("{name}:{}", password.expose()));
            let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
            let mut value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        Ok(Self {
            authorization: authorization.transpose()?,
            ..Self::new(url, args, true, LIMITS)?
        })
    }

    /// A client of another service, which is not to get what opens the daemon.
    ///
    /// # Errors
    /// As [`Self::daemon`].
    pub(super) fn other(url: &str, args: &AskArgs) -> Result<Self, String> {
        Self::new(url, args, false, LIMITS_OF_OTHERS)
    }

    fn new(
        url: &str,
        args: &AskArgs,
        with_certificate: bool,
        limits: HttpLimits,
    ) -> Result<Self, String> {
        if url.contains('@') {
            // Nor is it repeated: there is a password in it.
            return Err(
                "a URL holds no name and password; give --user and --password-file".to_owned()
            );
        }
        let endpoint = Endpoint::with_path(url).map_err(|says| format!("{url}: {says}"))?;
        let own = args.cert.as_deref().zip(args.key.as_deref());
        let own = own.filter(|_| with_certificate);
        let trust = if endpoint.is_secure() {
            Trust::of_files(&args.ca_file, own)?
        } else {
            Trust::of_nobody()
        };
        Ok(Self { http: HttpClient::new(endpoint, &trust, limits), authorization: None })
    }

    /// What an answer of 401 means.
    pub(super) const fn refused(&self) -> &'static str {
        match self.authorization {
            Some(_) => "the daemon refuses the name or the password of --user and --password-file",
            None => "the daemon asks for a name and a password; give --user and --password-file",
        }
    }

    /// Status and body of a GET; a sentence when there is no answer.
    pub(super) async fn get(&self, path: &str) -> Result<(u16, Bytes), String> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// The body of a GET that is answered with 200; a sentence otherwise, in which the service is `name`.
    pub(super) async fn body(&self, name: &str, path: &str) -> Result<Bytes, String> {
        match self.get(path).await? {
            (200, body) => Ok(body),
            (status, _) => Err(format!("{name} answers {status} to {path}")),
        }
    }

    /// Status and body of a request, which has a body of JSON or none.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), String> {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let authorization = self.authorization.clone().map(|value| (AUTHORIZATION, value));
        let headers = std::iter::once(json).chain(authorization).collect();
        let request = HttpRequest { method, path: path.to_owned(), headers, body };
        match self.http.send(request).await {
            Ok(answer) => Ok((answer.status, answer.body)),
            Err(error) if error.failure == TransportFailure::TlsNotVerified => {
                Err(format!("{error}; --ca-file names who is"))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What a command waits in.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
