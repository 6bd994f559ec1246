//! Why there is no answer: one closed list for all that send requests, and how errors of libraries become one of it.
//!
//! What a server wrote never becomes part of an error: it may repeat the secret that was sent.

use super::connector::NotResolved;
use super::endpoint::Endpoint;
use crate::domain::ids::closed_set;
use http_body_util::LengthLimitError;
use rustls::CertificateError;
use std::error::Error;
use std::io;
use tokio::time::error::Elapsed;

closed_set! {
    /// What went wrong between us and an answer.
    TransportFailure {
        /// The name of the host does not resolve.
        NameNotResolved = "name_not_resolved",
        /// No connection, or it broke.
        ConnectFailed = "connect_failed",
        /// The certificate, or the handshake, is not acceptable.
        TlsNotVerified = "tls_not_verified",
        /// No complete answer in time.
        Timeout = "timeout",
        /// The answer sends us elsewhere.
        Redirected = "redirected",
        /// The answer, or its head, is larger than any of ours.
        AnswerTooLarge = "answer_too_large",
        /// What answers does not speak HTTP.
        AnswerMalformed = "answer_malformed",
    }
}

impl TransportFailure {
    /// What somebody can do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NameNotResolved => {
                "Check the host's spelling in the configuration and the name servers of this machine."
            }
            Self::ConnectFailed => {
                "Check that this machine may reach the host: firewall, network, and whether the host listens."
            }
            Self::TlsNotVerified => {
                "Check the host's name and certificate; behind an inspecting proxy, name its authority in ca_file, otherwise install the system's ca-certificates."
            }
            Self::Timeout => {
                "The service is slow or a firewall swallows packets; it is tried again by itself."
            }
            Self::Redirected => {
                "Configure the host that finally answers: redirects are never followed, because they could take the credentials elsewhere."
            }
            Self::AnswerTooLarge => {
                "Check that the configured host is the service itself; the rest of the answer was not read."
            }
            Self::AnswerMalformed => {
                "Check that the configured host is the service itself, and that the interface version exists there."
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TransportError {
    /// The kind.
    pub failure: TransportFailure,
    /// What happened, in words of ours.
    pub detail: String,
    /// The host that a redirect names. It is the server's text: show it only when it has the shape of a host that is expected.
    pub redirect_host: Option<String>,
    /// The path that a redirect names, with the same care.
    pub redirect_path: Option<String>,
}

impl TransportError {
    pub(super) fn new(failure: TransportFailure, detail: String) -> Self {
        Self { failure, detail, redirect_host: None, redirect_path: None }
    }

    /// What an error of a library means. The first link of the chain that is known decides.
    pub(super) fn of(endpoint: &Endpoint, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(NotResolved(why)) = error.downcast_ref() {
                let detail = format!("the name {} {why}", endpoint.host());
                return Self::new(TransportFailure::NameNotResolved, detail);
            }
            if error.is::<Elapsed>() {
                return Self::new(
                    TransportFailure::Timeout,
                    format!("no connection to {endpoint} in time"),
                );
            }
            if error.is::<LengthLimitError>() {
                return Self::too_large(endpoint, "an answer");
            }
            if let Some(http) = error.downcast_ref::<hyper::Error>() {
                if http.is_parse_too_large() {
                    return Self::too_large(endpoint, "headers");
                }
                if http.is_parse() {
                    return Self::new(
                        TransportFailure::AnswerMalformed,
                        format!("what answers at {endpoint} does not speak HTTP"),
                    );
                }
            }
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::new(
                    TransportFailure::TlsNotVerified,
                    format!("{endpoint} is not trusted: {}", distrust(tls)),
                );
            }
            next = match error.downcast_ref::<io::Error>() {
                // What an I/O error wraps is not its source.
                Some(io) => match io.get_ref() {
                    Some(inner) => Some(inner),
                    None => return Self::of_io(endpoint, io.kind()),
                },
                None => error.source(),
            };
        }
        Self::of_io(endpoint, io::ErrorKind::UnexpectedEof)
    }

    fn of_io(endpoint: &Endpoint, kind: io::ErrorKind) -> Self {
        use io::ErrorKind as Kind;
        let broken = matches!(kind, Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe);
        let failure = if kind == Kind::TimedOut {
            TransportFailure::Timeout
        } else {
            TransportFailure::ConnectFailed
        };
        let detail = if broken {
            format!("the connection to {endpoint} broke before the answer was complete")
        } else {
            format!("{endpoint} cannot be reached: {kind}")
        };
        Self::new(failure, detail)
    }

    fn too_large(endpoint: &Endpoint, what: &str) -> Self {
        Self::new(
            TransportFailure::AnswerTooLarge,
            format!("{endpoint} sent {what} of more bytes than are taken"),
        )
    }
}

/// Why TLS failed, without what a certificate writes of itself.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's lists are open; what is not named here is named by its variant"
)]
fn distrust(error: &rustls::Error) -> String {
    use CertificateError as Wrong;
    let why = match error {
        rustls::Error::AlertReceived(alert) => return format!("it refuses us: {alert:?}"),
        rustls::Error::InvalidCertificate(why) => why,
        _ => {
            let debug = format!("{error:?}");
            return format!("no secure connection is agreed on: {}", word(&debug));
        }
    };
    let known = match why {
        Wrong::Expired | Wrong::ExpiredContext { .. } => "its certificate has expired",
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => "its certificate is not valid yet",
        Wrong::UnknownIssuer => "no known authority signed its certificate (UnknownIssuer)",
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        _ => {
            let debug = format!("{why:?}");
            let inner = debug.rsplit('(').next().unwrap_or_default();
            return format!("its certificate is not acceptable: {}", word(inner));
        }
    };
    known.to_owned()
}

/// The first word: the name of a variant without its fields.
fn word(debug: &str) -> &str {
    debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}
