//! From a host's name to a connection: addresses, TCP to the one that answers, TLS.

use super::trust::Trust;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

/// A name server that does not answer within this is down.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);
/// After this the other address family is tried too; RFC 8305 recommends 250 ms.
const OTHER_FAMILY_AFTER: Duration = Duration::from_millis(250);

pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

type ConnectorFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Opens connections, each within a time that covers looking up, TCP and TLS.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<HttpConnector<Resolver>>,
    pub(super) resolver: Resolver,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) within: Duration,
}

impl Connector {
    pub(super) fn new(resolver: Resolver, trust: &Trust, within: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_happy_eyeballs_timeout(Some(OTHER_FAMILY_AFTER));
        // Shared by the addresses of a family, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(within));
        let tls = trust.config();
        Self { https: HttpsConnector::from((tcp, Arc::clone(&tls))), resolver, tls, within }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = ConnectorFuture<Stream, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let opened = timeout(self.within, self.https.call(uri));
        Box::pin(async move { opened.await? })
    }
}

/// Looks names up. What is not encrypted stays on this machine, whatever a name server answers.
#[derive(Clone)]
pub(super) struct Resolver {
    loopback_only: bool,
    /// What tests answer instead of the system.
    #[cfg(test)]
    pub(super) fixed: Option<Vec<SocketAddr>>,
}

/// Why a name gives no address; the end of a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotResolved(pub(super) &'static str);

impl Resolver {
    pub(super) const fn new(loopback_only: bool) -> Self {
        Self {
            loopback_only,
            #[cfg(test)]
            fixed: None,
        }
    }

    pub(super) async fn resolve(
        self,
        name: &str,
    ) -> Result<std::vec::IntoIter<SocketAddr>, NotResolved> {
        let found = tokio::net::lookup_host((name, 0));
        let found = timeout(RESOLVE_WITHIN, found)
            .await
            .map_err(|_| NotResolved("was not looked up in time"))?
            .map(Iterator::collect::<Vec<_>>);
        #[cfg(test)]
        let found = self.fixed.map_or(found, Ok);
        let mut addresses = found.map_err(|_| NotResolved("does not resolve"))?;
        if addresses.is_empty() {
            return Err(NotResolved("has no address"));
        }
        if self.loopback_only {
            addresses.retain(|address| address.ip().is_loopback());
        }
        if addresses.is_empty() {
            return Err(NotResolved(
                "is not this machine; plain http goes nowhere else, use https",
            ));
        }
        Ok(addresses.into_iter())
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NotResolved;
    type Future = ConnectorFuture<Self::Response, NotResolved>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotResolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { resolver.resolve(name.as_str()).await })
    }
}
