//! The client against real sockets.

use super::connector::Resolver;
use super::*;
use hyper::Method;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

const LIMITS: HttpLimits =
    HttpLimits { connect: Duration::from_secs(4), total: Duration::from_secs(8), body_bytes: 1000 };
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What a server does when it has written its answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    ReadOn,
    Close,
    /// The last piece again and again, one every 20 ms.
    Trickle,
}

struct FakeServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    async fn plain(answer: impl Into<String>, then: Then) -> Self {
        Self::start(answer.into(), then, None).await
    }

    async fn start(answer: String, then: Then, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            heads: Arc::default(),
        };
        let (connections, heads) = (Arc::clone(&server.connections), Arc::clone(&server.heads));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, heads, tls) = (answer.clone(), Arc::clone(&heads), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            serve(tls.accept(stream).await.ok()?, answer, then, heads).await
                        }
                        None => serve(stream, answer, then, heads).await,
                    }
                });
            }
        });
        server
    }

    async fn tls(identity: &Identity) -> Self {
        Self::start(OK.to_owned(), Then::ReadOn, Some(identity.acceptor())).await
    }

    fn client(&self) -> HttpClient {
        self.client_within(LIMITS)
    }

    fn client_within(&self, limits: HttpLimits) -> HttpClient {
        let endpoint = Endpoint::new(&format!("http://{}", self.address)).unwrap();
        HttpClient::new(endpoint, &Trust::of_nobody(), limits)
    }

    fn tls_client(&self, host: &str, trust: &Trust) -> HttpClient {
        let url = format!("https://{host}:{}", self.address.port());
        let resolver = answering(&[self.address], false);
        HttpClient::with_resolver(Endpoint::new(&url).unwrap(), trust, LIMITS, resolver)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads heads of requests and answers each.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: String,
    then: Then,
    heads: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        heads.lock().unwrap().push(String::from_utf8(head).unwrap());
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        if then == Then::Trickle {
            let last = answer.bytes().last()?;
            loop {
                beat.tick().await;
                stream.write_u8(last).await.ok()?;
            }
        }
        if then == Then::Close {
            return Some(());
        }
    }
}

/// A certificate that signs itself.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    fn new(until: i32, authority: bool) -> Self {
        let mut params = CertificateParams::new(vec!["exchange.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![self.certificate.der().clone()],
                PrivateKeyDer::try_from(self.key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Trust in a `ca_file` that holds this.
    fn named(&self) -> Trust {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, self.certificate.pem()).unwrap();
        Trust::of_nobody().with(Some(&Authorities::from_file(&path).unwrap()))
    }
}

fn get(path: &str) -> HttpRequest {
    HttpRequest {
        method: Method::GET,
        path: path.to_owned(),
        headers: Vec::new(),
        body: Default::default(),
    }
}

fn answering(addresses: &[SocketAddr], loopback_only: bool) -> Resolver {
    let mut resolver = Resolver::new(loopback_only);
    resolver.fixed = Some(addresses.to_vec());
    resolver
}

async fn failure(client: &HttpClient) -> (TransportFailure, String) {
    let error = client.send(get("/")).await.unwrap_err();
    (error.failure, error.detail)
}

/// An address whose queue of connections is full: whoever connects gets no answer at all. It lasts as long as what is
/// returned.
fn black_hole(address: SocketAddr) -> (TcpListener, Vec<StdStream>) {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || StdStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let waiting = std::iter::from_fn(connect).collect();
    (listener, waiting)
}

#[tokio::test]
async fn a_black_holed_ipv6_address_does_not_keep_ipv4_from_being_tried() {
    let server = FakeServer::plain(OK, Then::ReadOn).await;
    let hole = SocketAddr::new("::1".parse().unwrap(), server.address.port());
    let _hole = black_hole(hole);
    let url = format!("http://localhost:{}", server.address.port());
    let client = HttpClient::with_resolver(
        Endpoint::new(&url).unwrap(),
        &Trust::of_nobody(),
        LIMITS,
        answering(&[hole, server.address], true),
    );
    let began = Instant::now();
    assert_eq!(client.send(get("/")).await.unwrap().body, "ok");
    let took = began.elapsed();
    println!("answered after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_black_holed_address_leaves_time_for_the_next_of_its_family() {
    let server = FakeServer::plain(OK, Then::ReadOn).await;
    let hole = SocketAddr::new("127.0.0.2".parse().unwrap(), server.address.port());
    let _hole = black_hole(hole);
    let url = format!("http://localhost:{}", server.address.port());
    let limits = HttpLimits { connect: Duration::from_millis(600), ..LIMITS };
    let client = |addresses: &[SocketAddr]| {
        HttpClient::with_resolver(
            Endpoint::new(&url).unwrap(),
            &Trust::of_nobody(),
            limits,
            answering(addresses, true),
        )
    };
    let answer = client(&[hole, server.address]).send(get("/")).await.unwrap();
    assert_eq!(answer.body, "ok");
    let (failure, detail) = failure(&client(&[hole])).await;
    assert_eq!(failure, TransportFailure::Timeout, "{detail}");
}

#[tokio::test]
async fn what_is_slow_ends_in_time() {
    let limits = HttpLimits { total: Duration::from_millis(400), ..LIMITS };
    for (answer, then) in [
        ("", Then::ReadOn),
        ("HTTP/1.1 200 OK\r\nX-Slow: ", Then::ReadOn),
        ("HTTP/1.1 200 OK\r\nX-Slow: y", Then::Trickle),
        ("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", Then::ReadOn),
        ("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", Then::Trickle),
    ] {
        let server = FakeServer::plain(answer, then).await;
        let began = Instant::now();
        let (failure, detail) = failure(&server.client_within(limits)).await;
        assert_eq!(failure, TransportFailure::Timeout, "{answer}: {detail}");
        assert!(detail.ends_with("completely within 400ms"), "{detail}");
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn bodies_and_heads_are_bounded() {
    let body = "x".repeat(1001);
    for answer in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{body}\r\n0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000)),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: x\r\n".repeat(200)),
    ] {
        let server = FakeServer::plain(answer, Then::Close).await;
        let (failure, detail) = failure(&server.client()).await;
        assert_eq!(failure, TransportFailure::AnswerTooLarge, "{detail}");
    }
    let most = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    let server = FakeServer::plain(most, Then::Close).await;
    assert_eq!(server.client().send(get("/")).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stranger = FakeServer::plain(OK, Then::ReadOn).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let head = format!(
            "HTTP/1.1 {status}\r\nLocation: http://{}/x?secret\r\nContent-Length: 0\r\n\r\n",
            stranger.address
        );
        let server = FakeServer::plain(head, Then::ReadOn).await;
        let error = server.client().send(get("/")).await.unwrap_err();
        assert_eq!(error.failure, TransportFailure::Redirected);
        assert_eq!(error.redirect_host.as_deref(), Some("127.0.0.1"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(stranger.connections(), 0);
}

#[tokio::test]
async fn what_breaks_or_is_not_http_is_named() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", TransportFailure::ConnectFailed),
        ("", TransportFailure::ConnectFailed),
        ("220 mail.example ESMTP\r\n", TransportFailure::AnswerMalformed),
    ] {
        let server = FakeServer::plain(answer, Then::Close).await;
        let (failure, detail) = failure(&server.client()).await;
        assert_eq!(failure, expected, "{answer}: {detail}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = HttpClient::new(Endpoint::new(&url).unwrap(), &Trust::of_nobody(), LIMITS);
    assert_eq!(
        failure(&client).await,
        (TransportFailure::ConnectFailed, format!("{url} cannot be reached: connection refused"))
    );
}

#[tokio::test]
async fn connections_are_reused_until_the_server_closes_them() {
    let server = FakeServer::plain(OK, Then::ReadOn).await;
    let client = server.client();
    for _ in 0..5 {
        client.send(get("/")).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let closing = FakeServer::plain(OK, Then::Close).await;
    let client = closing.client();
    for _ in 0..5 {
        client.send(get("/")).await.unwrap();
    }
    assert_eq!(closing.connections(), 5);
}

#[tokio::test]
async fn no_path_leads_to_another_host() {
    let server = FakeServer::plain(OK, Then::ReadOn).await;
    let url = format!("http://{}/below", server.address);
    let endpoint = Endpoint::with_path(&url).unwrap();
    let client = HttpClient::new(endpoint, &Trust::of_nobody(), LIMITS);
    for path in ["http://192.0.2.1/x", "@192.0.2.1/x", ":1@192.0.2.1/", "", "x", "/a b"] {
        let error = client.send(get(path)).await.unwrap_err();
        assert!(error.detail.contains("cannot be written"), "{path}: {error}");
    }
    assert_eq!(server.connections(), 0);
    for path in ["//192.0.2.1/x", "/@192.0.2.1", "/../x"] {
        client.send(get(path)).await.unwrap();
        let head = server.heads.lock().unwrap().pop().unwrap();
        assert!(head.starts_with(&format!("GET /below{path} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains(&format!("host: {}\r\n", server.address)), "{head}");
    }
}

#[tokio::test]
async fn plain_http_does_not_leave_this_machine_whatever_the_name_server_answers() {
    let elsewhere = "192.0.2.1:80".parse().unwrap();
    let client = HttpClient::with_resolver(
        Endpoint::new("http://localhost").unwrap(),
        &Trust::of_nobody(),
        LIMITS,
        answering(&[elsewhere], true),
    );
    let (failure, detail) = failure(&client).await;
    assert_eq!(failure, TransportFailure::NameNotResolved);
    assert!(detail.contains("is not this machine"), "{detail}");
}

#[tokio::test]
async fn a_certificate_is_believed_for_its_names_while_it_is_valid_and_signed_or_named() {
    let (good, other) = (Identity::new(2100, false), Identity::new(2100, false));
    let authority = Identity::new(2100, true);
    let (expired, old) = (Identity::new(2021, false), Identity::new(2021, true));
    let name = "exchange.example";
    for (identity, trust, host, fault) in [
        (&good, good.named(), name, None),
        (&authority, authority.named(), name, None),
        (&good, Trust::of_nobody(), name, Some("UnknownIssuer")),
        (&good, Trust::of_system(), name, Some("UnknownIssuer")),
        (&authority, good.named(), name, Some("CaUsedAsEndEntity")),
        (&good, other.named(), name, Some("BadSignature")),
        (&good, good.named(), "mail.example", Some("another name")),
        (&authority, authority.named(), "mail.example", Some("another name")),
        (&expired, expired.named(), name, Some("has expired")),
        (&old, old.named(), name, Some("has expired")),
    ] {
        let server = FakeServer::tls(identity).await;
        let sent = server.tls_client(host, &trust).send(get("/")).await;
        match fault {
            None => assert_eq!(sent.unwrap().body, "ok"),
            Some(fault) => {
                let error = sent.unwrap_err();
                assert_eq!(error.failure, TransportFailure::TlsNotVerified, "{error}");
                assert!(error.detail.contains(fault), "{fault}: {error}");
                assert_eq!(server.heads.lock().unwrap().len(), 0);
            }
        }
    }
}

#[tokio::test]
async fn one_connection_can_be_held_with_the_certificate_of_its_peer() {
    let identity = Identity::new(2100, true);
    let server = FakeServer::tls(&identity).await;
    let client = server.tls_client("exchange.example", &identity.named());
    let mut connection = client.open().await.unwrap();
    assert_eq!(connection.peer_certificate(), Some(identity.certificate.der()));
    for _ in 0..3 {
        assert_eq!(connection.send(get("/EWS")).await.unwrap().body, "ok");
    }
    assert_eq!(server.connections(), 1);
    assert!(server.heads.lock().unwrap()[0].starts_with("GET /EWS HTTP/1.1\r\n"));
    // Another connection in its place would not be authenticated.
    let closing = FakeServer::plain(OK, Then::Close).await;
    let mut connection = closing.client().open().await.unwrap();
    assert_eq!(connection.peer_certificate(), None);
    connection.send(get("/")).await.unwrap();
    let error = connection.send(get("/")).await.unwrap_err();
    assert_eq!(error.failure, TransportFailure::ConnectFailed, "{error}");
    assert_eq!(closing.connections(), 1);
}
