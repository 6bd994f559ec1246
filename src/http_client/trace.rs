//! One connection, opened step by step: which step fails, why, and how long each takes.

use super::client::{HttpClient, HttpConnection};
use super::failure::{TransportError, TransportFailure};
use crate::domain::ids::closed_set;
use crate::domain::time::Timestamp;
use crate::tls;
use hyper_util::rt::TokioIo;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

closed_set! {
    /// A step on the way to an open connection, in order.
    TracePhase {
        Name = "name",
        Tcp = "tcp",
        Tls = "tls",
    }
}

closed_set! {
    /// Why a TLS handshake fails.
    Distrust {
        Expired = "expired",
        NotYetValid = "not_yet_valid",
        UnknownIssuer = "unknown_issuer",
        OtherName = "other_name",
        /// No version or cipher suite in common, or no TLS at all.
        NoAgreement = "no_agreement",
        /// Anything else about the certificate.
        Other = "other",
    }
}

/// What opening a connection gave.
#[derive(Debug)]
pub struct Trace {
    /// How long the steps took that succeeded.
    pub took: enum_map::EnumMap<TracePhase, Option<Duration>>,
    /// The version of TLS that was agreed on.
    pub tls_version: Option<&'static str>,
    /// When the first certificate of the chain to end ends.
    pub certificate_ends: Option<Timestamp>,
    /// The open connection, or the step that failed and why.
    pub opened: Result<HttpConnection, (TracePhase, TransportError, Option<Distrust>)>,
}

impl HttpClient {
    /// Opens a connection and reports on each step of it.
    pub async fn trace(&self) -> Trace {
        let mut trace = Trace {
            took: enum_map::EnumMap::default(),
            tls_version: None,
            certificate_ends: None,
            opened: Err((TracePhase::Name, self.no_address(), None)),
        };
        trace.opened = self.traced(&mut trace).await;
        trace
    }

    fn no_address(&self) -> TransportError {
        let detail = format!("the name {} has no address", self.endpoint.host());
        TransportError::new(TransportFailure::NameNotResolved, detail)
    }

    async fn traced(
        &self,
        trace: &mut Trace,
    ) -> Result<HttpConnection, (TracePhase, TransportError, Option<Distrust>)> {
        let began = Instant::now();
        let resolver = self.connector.resolver.clone();
        let addresses = resolver.resolve(self.endpoint.host()).await.map_err(|error| {
            (TracePhase::Name, TransportError::of(&self.endpoint, &error), None)
        })?;
        trace.took[TracePhase::Name] = Some(began.elapsed());
        let began = Instant::now();
        let stream = self
            .reach(addresses.collect())
            .await
            .map_err(|error| (TracePhase::Tcp, error, None))?;
        trace.took[TracePhase::Tcp] = Some(began.elapsed());
        if !self.endpoint.is_secure() {
            let held = self.hold(TokioIo::new(stream), None).await;
            return held.map_err(|error| (TracePhase::Tcp, error, None));
        }
        let began = Instant::now();
        let failed = |error, why| (TracePhase::Tls, error, why);
        let name = ServerName::try_from(self.endpoint.host().to_owned())
            .map_err(|_| failed(self.no_address(), None))?;
        let connector = TlsConnector::from(std::sync::Arc::clone(&self.connector.tls));
        let shaken = timeout(self.connector.within, connector.connect(name, stream)).await;
        let stream = match shaken {
            Err(elapsed) => {
                return Err(failed(TransportError::of(&self.endpoint, &elapsed), None));
            }
            Ok(Err(error)) => {
                return Err(failed(TransportError::of(&self.endpoint, &error), distrust(&error)));
            }
            Ok(Ok(stream)) => stream,
        };
        trace.took[TracePhase::Tls] = Some(began.elapsed());
        let (_, session) = stream.get_ref();
        trace.tls_version = session.protocol_version().map(|version| {
            if version == rustls::ProtocolVersion::TLSv1_3 { "TLS 1.3" } else { "TLS 1.2" }
        });
        let chain = session.peer_certificates().unwrap_or_default();
        trace.certificate_ends = chain.iter().filter_map(|one| tls::not_after(one)).min();
        let peer_certificate = chain.first().map(|first| first.clone().into_owned());
        let held = self.hold(TokioIo::new(stream), peer_certificate).await;
        held.map_err(|error| failed(error, None))
    }

    /// TCP to the first address that answers; each has its share of the time.
    async fn reach(&self, addresses: Vec<SocketAddr>) -> Result<TcpStream, TransportError> {
        let share = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let within = (self.connector.within / share).max(Duration::from_secs(1));
        let mut last = self.no_address();
        for mut address in addresses {
            address.set_port(self.endpoint.port());
            match timeout(within, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Only saves a delay; what cannot be set is no failure.
                    stream.set_nodelay(true).ok();
                    return Ok(stream);
                }
                Ok(Err(error)) => last = TransportError::of(&self.endpoint, &error),
                Err(elapsed) => last = TransportError::of(&self.endpoint, &elapsed),
            }
        }
        Err(last)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's lists are open")]
fn distrust(error: &io::Error) -> Option<Distrust> {
    use CertificateError as Wrong;
    let mut next: Option<&(dyn Error + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            let rustls::Error::InvalidCertificate(why) = tls else {
                return Some(Distrust::NoAgreement);
            };
            return Some(match why {
                Wrong::Expired | Wrong::ExpiredContext { .. } => Distrust::Expired,
                Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => Distrust::NotYetValid,
                // An authority of the same name with another key.
                Wrong::UnknownIssuer | Wrong::BadSignature => Distrust::UnknownIssuer,
                Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                    Distrust::OtherName
                }
                _ => Distrust::Other,
            });
        }
        next = error.source();
    }
    None
}
