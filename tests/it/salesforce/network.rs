//! What is wrong below HTTP: names, connections, certificates, silence.

use super::fixture::{CLIENT_ID, World, noon, policy, settings};
use crate::support::stack::repository;
use lightning_sync_exporter::http_client::TransportFailure;
use lightning_sync_exporter::http_client::{Authorities, Endpoint, Trust};
use lightning_sync_exporter::sources::failure::Failure;
use lightning_sync_exporter::sources::salesforce::SalesforceFailure;
use lightning_sync_exporter::sources::salesforce::{Poller, SalesforceSettings};
use lightning_sync_sim::simulator::salesforce::Scene;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn failure_of(settings: SalesforceSettings) -> Failure {
    let mut poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    poller.poll(noon()).await.snapshot.unwrap_err()
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let failure = failure_of(settings("https://no-such-host.invalid")).await;
    assert_eq!(failure.reason.name, TransportFailure::NameNotResolved.name());
    assert!(failure.detail.contains("no-such-host.invalid"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = failure_of(settings(&format!("http://{address}"))).await;
    assert_eq!(failure.reason.name, TransportFailure::ConnectFailed.name());
}

/// A server that speaks TLS with a certificate for `localhost` of an authority that nobody knows, and answers 503.
async fn with_certificate() -> u16 {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("data/server.pem"))
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/server.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                // The beginning of the request is enough to answer.
                let _begun = stream.read(&mut [0; 4096]).await.ok()?;
                let answer = "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.ok()
            });
        }
    });
    port
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_a_ca_file_makes_it_known() {
    let port = with_certificate().await;
    let mut settings = settings(&format!("https://localhost:{port}"));
    let failure = failure_of(settings.clone()).await;
    assert_eq!(failure.reason.name, TransportFailure::TlsNotVerified.name());
    assert!(failure.detail.contains("UnknownIssuer"), "{failure}");
    settings.authorities =
        Some(Authorities::from_file(&repository("tests/it/salesforce/data/ca.pem")).unwrap());
    let failure = failure_of(settings.clone()).await;
    assert_eq!(failure.reason.name, SalesforceFailure::Maintenance.name(), "{failure}");
    // The same server by an address that its certificate does not name.
    settings.my_domain = Endpoint::new(&format!("https://127.0.0.1:{port}")).unwrap();
    let failure = failure_of(settings).await;
    assert_eq!(failure.reason.name, TransportFailure::TlsNotVerified.name(), "{failure}");
}

#[tokio::test]
async fn plain_http_on_the_port_of_tls_is_refused() {
    let world = World::healthy(1).await;
    let url = format!("https://{}", world.salesforce.address());
    let failure = failure_of(settings(&url)).await;
    assert_eq!(failure.reason.name, TransportFailure::TlsNotVerified.name(), "{failure}");
}

#[tokio::test]
async fn a_poll_that_hangs_ends_within_its_bound() {
    let mut world = World::healthy(1).await;
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::Hang);
    let began = Instant::now();
    let failure = world.poll().await.snapshot.unwrap_err();
    println!("a poll that hangs ended after {:?}: {failure}", began.elapsed());
    assert_eq!(failure.reason.name, TransportFailure::Timeout.name());
    assert!(began.elapsed() < Duration::from_secs(25));
}
