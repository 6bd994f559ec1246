//! Connections of a simulated service, with or without TLS.

use crate::simulator::salesforce::body::SimBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

pub(super) type SimResponse = Result<Response<SimBody>, hyper::http::Error>;

/// What answers requests.
pub(super) trait SimService: Send + Sync + 'static {
    /// What encrypts connections from now on.
    fn tls(&self) -> Option<TlsAcceptor>;

    /// The connections that are open; they end with the service.
    fn open(&self) -> &Mutex<Vec<AbortHandle>>;

    /// Answers a request.
    fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> impl Future<Output = SimResponse> + Send;
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes connections for ever.
pub(super) async fn accept<S: SimService>(listener: TcpListener, world: Arc<S>) {
    while let Ok((stream, client)) = listener.accept().await {
        let (for_service, tls) = (Arc::clone(&world), world.tls());
        let connection = tokio::spawn(async move {
            let service =
                service_fn(move |request| Arc::clone(&for_service).serve(request, client));
            let http = http1::Builder::new();
            // A client that goes away, or does not trust us, is no news.
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        http.serve_connection(TokioIo::new(stream), service).await.ok();
                    }
                }
                None => {
                    http.serve_connection(TokioIo::new(stream), service).await.ok();
                }
            }
        });
        let mut open = lock(world.open());
        open.retain(|connection| !connection.is_finished());
        open.push(connection.abort_handle());
    }
}
