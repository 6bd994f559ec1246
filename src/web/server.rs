//! Listening, accepting, serving and ending in bounded time.

use super::connection::{ConnectionPace, Paced, read_head};
use super::limits::{
    ACCEPT_PAUSE, BACKLOG, HANDSHAKE_WITHIN, HEAD_BYTES, HEAD_FIELDS, HEAD_WITHIN, IDLE_WITHIN,
    SHUTDOWN_WITHIN,
};
use super::peers::{Counted, Peers, connections_that_fit};
use super::routes::WebRouter;
use super::services::{ServerOptions, Services};
use crate::events::spawn_restarting;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No address was given.
    #[error("no address to listen on; give --web.listen-address at least once")]
    NoAddress,
    /// The system refused.
    #[error(
        "cannot listen on {address}: {source}; choose another --web.listen-address or end what uses it"
    )]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
}

/// A server that listens and does not answer yet.
pub struct Server {
    listeners: Vec<TcpListener>,
    local_addrs: Vec<SocketAddr>,
    router: Arc<WebRouter>,
    /// Decided once: a file that loses its certificate must not make us serve in the open.
    encrypted: bool,
    admit: Arc<Admit>,
}

/// Counts a connection; `None` when there are too many.
type Admit = dyn Fn(IpAddr) -> Option<Counted> + Send + Sync;

/// How a connection is to end: at the end of its request, then at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    No,
    Soon,
    Now,
}

impl Server {
    /// Listens on every address; within a runtime. Raises the soft limit of open files as far as connections need.
    ///
    /// # Errors
    /// When there is no address, or one of them cannot be had.
    pub fn bind(
        addresses: &[SocketAddr],
        options: ServerOptions,
        services: Services,
    ) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        let mut local_addrs = Vec::new();
        for address in addresses.iter().copied() {
            let refused = |source| BindError::Refused { address, source };
            let listener = with_or_without_ipv6(address, listen).map_err(refused)?;
            local_addrs.push(listener.local_addr().map_err(refused)?);
            listeners.push(listener);
        }
        if listeners.is_empty() {
            return Err(BindError::NoAddress);
        }
        let peers = Peers::new(connections_that_fit());
        let loopback = local_addrs.iter().all(|address| address.ip().is_loopback());
        Ok(Self {
            encrypted: (services.auth)().tls.is_some(),
            listeners,
            local_addrs,
            router: Arc::new(WebRouter::new(options, services, loopback)),
            admit: Arc::new(move |address| peers.admit(address)),
        })
    }

    /// The addresses, with the ports that the system chose.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.encrypted { "https" } else { "http" }
    }

    /// Serves until `shutdown` completes, and then for at most [`SHUTDOWN_WITHIN`] longer.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let (end, ending) = watch::channel(Ending::No);
        // Every connection holds a sender; when all are gone, nothing is left to wait for.
        let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
        let accepting: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| {
                let accept = Arc::new(Accept {
                    listener,
                    router: Arc::clone(&self.router),
                    encrypted: self.encrypted,
                    admit: Arc::clone(&self.admit),
                    ending: ending.clone(),
                    alive: alive.clone(),
                });
                let events = self.router.site.services.events.clone();
                spawn_restarting("accept", events, move || Arc::clone(&accept).run())
            })
            .collect();
        drop((alive, ending));
        shutdown.await;
        for task in &accepting {
            task.abort();
        }
        end.send_replace(Ending::Soon);
        let waited = tokio::time::timeout(SHUTDOWN_WITHIN, all_gone.recv()).await;
        end.send_replace(Ending::Now);
        if waited.is_err() {
            tracing::warn!("Ended with connections that were not done after {SHUTDOWN_WITHIN:?}.");
            all_gone.recv().await;
        }
    }
}

/// Every address of a machine is `0.0.0.0` where the other family does not exist.
fn with_or_without_ipv6<T>(
    address: SocketAddr,
    listen: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let every = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
    match listen(address) {
        Err(error) if address == every && lacks_ipv6(&error) => {
            listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
        }
        taken => taken,
    }
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
        || code == Some(rustix::io::Errno::ADDRNOTAVAIL.raw_os_error())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted daemon must not wait for connections of its predecessor to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

struct Accept {
    listener: TcpListener,
    router: Arc<WebRouter>,
    encrypted: bool,
    admit: Arc<Admit>,
    ending: watch::Receiver<Ending>,
    alive: mpsc::Sender<Infallible>,
}

impl Accept {
    async fn run(self: Arc<Self>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Full: closing at once shows the client more than a queue that nobody serves.
                    if let Some(counted) = (self.admit)(peer.ip()) {
                        self.spawn(stream, peer, counted);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "A connection could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, peer: SocketAddr, counted: Counted) {
        // Without this, the last piece of an answer waits for an acknowledgement; a failure only costs time.
        stream.set_nodelay(true).ok();
        let router = Arc::clone(&self.router);
        let encrypted = self.encrypted;
        let (ending, alive) = (self.ending.clone(), self.alive.clone());
        drop(tokio::spawn(async move {
            if encrypted {
                if let Some(stream) = shake_hands(stream, peer, &router, ending.clone()).await {
                    serve_connection(stream, peer, router, ending).await;
                }
            } else {
                serve_connection(stream, peer, router, ending).await;
            }
            drop((counted, alive));
        }));
    }
}

/// The encrypted connection, under the certificate of this moment. `None`: the client did not come to terms with us.
async fn shake_hands(
    stream: TcpStream,
    peer: SocketAddr,
    router: &WebRouter,
    mut ending: watch::Receiver<Ending>,
) -> Option<Box<TlsStream<TcpStream>>> {
    let acceptor = TlsAcceptor::from((router.site.services.auth)().tls.clone()?);
    let by = Instant::now() + HANDSHAKE_WITHIN;
    let shaken = tokio::select! {
        shaken = timeout_at(by, acceptor.accept(stream)) => shaken,
        _ = ending.wait_for(|now| *now >= Ending::Soon) => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "A handshake failed: {error}");
            None
        }
        Err(_) => None,
    }
}

async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    peer: SocketAddr,
    router: Arc<WebRouter>,
    mut ending: watch::Receiver<Ending>,
) {
    let until = async |ending: &mut watch::Receiver<Ending>, at_least: Ending| {
        // A server that is gone ends its connections too.
        ending.wait_for(|now| *now >= at_least).await.ok();
    };
    let head_by = Instant::now() + HEAD_WITHIN;
    let first = tokio::select! {
        first = timeout_at(head_by, read_head(&mut stream)) => first,
        () = async { until(&mut ending, Ending::Soon).await } => return,
    };
    let first = match first {
        Ok(Ok(first)) if !first.is_empty() => first,
        _ => return,
    };
    let pace = ConnectionPace::new();
    let stream = Paced::new(TokioIo::new(stream), first.into(), head_by, pace.clone());
    let service = service_fn(|request| {
        let router = Arc::clone(&router);
        let (busy, pace) = (pace.request(), pace.clone());
        // On the heap, so that a connection that has sent no head yet holds no memory for its answer.
        Box::pin(async move {
            let answer = router.answer(request, peer, pace).await;
            // What would turn an error holds the request, so that it is busy until its body has been sent or dropped.
            Ok::<_, Infallible>(answer.map(|body| body.map_err(move |error| (error, &busy).0)))
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Whoever has sent all may end its half and wait for the answer, as simple tools do: what was taken is answered.
        .half_close(true)
        // The heads have a clock of their own; this one only makes hyper look at the stream while it rests.
        .header_read_timeout(IDLE_WITHIN + HEAD_WITHIN)
        .max_header_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    // How a connection failed is the client's affair: what was refused has been logged where it was refused.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = pace.wait_until_cut() => return,
        () = async { until(&mut ending, Ending::Soon).await } => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection.as_mut() => {}
        () = async { until(&mut ending, Ending::Now).await } => {}
    }
}

#[cfg(test)]
mod tests;
