//! Something that is no Exchange, or one that is broken: at each stage of a poll it does each thing that a server
//! can do. The poll ends within its time and its memory, says why, follows nobody anywhere, and is well again afterwards.

use super::fixture::{ACCOUNT, PASSWORD, Polled, World, mailboxes};
use crate::support::alone::alone;
use lightning_sync_exporter::domain::probe::ProbeStep;
use lightning_sync_exporter::http_client::{Endpoint, HttpLimits};
use lightning_sync_exporter::sources::exchange::ExchangeSettings;
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// All that happens here happens side by side in one process, with the servers.
const MEMORY_KB: u64 = 128 << 10;
/// The shipped limits with less patience.
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(2),
    total: Duration::from_secs(2),
    ..ExchangeSettings::LIMITS
};
/// A poll has a request at most for each stage, one that is tried again, and two on each connection for mailboxes.
const POLL_WITHIN: Duration = Duration::from_secs(2 * 10);
/// What a server can send until nobody reads any more: the limit, and what lies in buffers.
const MOST_SENT: u64 = 16 << 20;

/// Where in a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Before the connection is encrypted.
    Tcp,
    /// EWS without a sign-in.
    Front,
    /// Autodiscover's newest form.
    AutodiscoverV2,
    /// Its oldest form.
    AutodiscoverPox,
    SignIn,
    Mailbox,
}

/// What is done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Silent,
    /// A byte at a time.
    DripHead,
    DripBody,
    CutHead,
    CutBody,
    /// 4 GB, by the length.
    Huge,
    /// Pieces without an end.
    Endless,
    /// Headers without an end.
    HeadWithoutEnd,
    /// One answer after the other that is none yet.
    Interim,
    NotHttp,
    TwoLengths,
    Compressed,
    Empty,
    /// 10,000 elements within each other.
    Nested,
    /// 100,000 beside each other.
    Many,
    Attributes,
    Entities,
    DocumentType,
    Utf16,
    /// Latin letters of one byte, declared as UTF-8.
    Latin1,
    /// A page that wants a password.
    Page,
    Elsewhere,
    /// Autodiscover names another address, and another server.
    OtherAddress,
    OtherUrl,
}

use Act as A;

const ACTS: [Act; 24] = [
    A::Silent,
    A::DripHead,
    A::DripBody,
    A::CutHead,
    A::CutBody,
    A::Huge,
    A::Endless,
    A::HeadWithoutEnd,
    A::Interim,
    A::NotHttp,
    A::TwoLengths,
    A::Compressed,
    A::Empty,
    A::Nested,
    A::Many,
    A::Attributes,
    A::Entities,
    A::DocumentType,
    A::Utf16,
    A::Latin1,
    A::Page,
    A::Elsewhere,
    A::OtherAddress,
    A::OtherUrl,
];

/// What the poll says.
fn expected(stage: Stage, act: Act) -> Option<&'static str> {
    match (stage, act) {
        (Stage::Tcp, _) => Some("timeout"),
        // The oldest form is read where the newest does not answer, and nothing depends on either.
        (Stage::AutodiscoverV2, A::OtherUrl) => Some("autodiscover_url_mismatch"),
        (Stage::AutodiscoverV2, _) => None,
        (Stage::AutodiscoverPox, _) => Some("autodiscover_missing"),
        (_, A::Silent | A::DripHead | A::DripBody | A::Interim) => Some("timeout"),
        (_, A::CutHead | A::CutBody) => Some("connect_failed"),
        (_, A::Huge | A::Endless | A::HeadWithoutEnd) => Some("answer_too_large"),
        (_, A::NotHttp | A::TwoLengths) => Some("answer_malformed"),
        (_, A::Page) => Some("login_page"),
        (_, A::Elsewhere) => Some("redirected"),
        // What the front says is not read, as long as it is no page.
        (Stage::Front, _) => None,
        (Stage::SignIn | Stage::Mailbox, _) => Some("answer_malformed"),
    }
}

/// The server: TLS, and behind it an Exchange that does what it has to, except at one stage.
struct Hostile {
    address: SocketAddr,
    now: Mutex<Option<(Stage, Act)>>,
    upstream: SocketAddr,
    elsewhere: SocketAddr,
    sent: AtomicU64,
}

impl Hostile {
    fn act_at(&self, stage: Stage) -> Option<Act> {
        self.now.lock().unwrap().filter(|(at, _)| *at == stage).map(|(_, act)| act)
    }

    async fn serve(self: Arc<Self>, listener: TcpListener, tls: TlsAcceptor) {
        while let Ok((stream, _)) = listener.accept().await {
            let (server, tls) = (Arc::clone(&self), tls.clone());
            tokio::spawn(async move {
                if server.act_at(Stage::Tcp).is_some() {
                    // Until the other side goes.
                    let mut stream = stream;
                    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
                    return;
                }
                let Ok(mut stream) = tls.accept(stream).await else { return };
                while let Some((head, body)) = request(&mut stream).await {
                    if !server.answer(&mut stream, &head, &body).await {
                        break;
                    }
                }
                stream.shutdown().await.ok();
            });
        }
    }

    /// `false`: the connection ends.
    async fn answer(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        head: &str,
        body: &str,
    ) -> bool {
        let stage = if head.starts_with("GET /autodiscover") {
            Stage::AutodiscoverV2
        } else if head.starts_with("POST /autodiscover") {
            Stage::AutodiscoverPox
        } else if head.starts_with("GET ") {
            Stage::Front
        } else if body.contains("ConvertId") {
            Stage::SignIn
        } else {
            Stage::Mailbox
        };
        if let Some(act) = self.act_at(stage) {
            // Whoever does not read has gone; that is what is looked at.
            self.play(stream, stage, act).await.ok();
            return false;
        }
        if stage == Stage::AutodiscoverV2 {
            let port = self.address.port();
            let json = format!(
                "{{\"Protocol\":\"Ews\",\"Url\":\"https://localhost:{port}/EWS/Exchange.asmx\"}}"
            );
            let is_old = self.act_at(Stage::AutodiscoverPox).is_some();
            let status = if is_old { "404 Not Found" } else { "200 OK" };
            return stream
                .write_all(whole(status, "application/json", json.as_bytes()).as_slice())
                .await
                .is_ok();
        }
        if stage == Stage::AutodiscoverPox {
            let port = self.address.port();
            let text = format!(
                "<Autodiscover><Response><Account><Protocol><Type>EXPR</Type><EwsUrl>https://localhost:{port}/EWS/Exchange.asmx</EwsUrl></Protocol></Account></Response></Autodiscover>"
            );
            return stream.write_all(&whole("200 OK", "text/xml", text.as_bytes())).await.is_ok();
        }
        let Ok(mut upstream) = TcpStream::connect(self.upstream).await else { return false };
        let head = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        upstream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        tokio::io::copy(&mut upstream, stream).await.ok();
        false
    }

    async fn play(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        stage: Stage,
        act: Act,
    ) -> std::io::Result<()> {
        let envelope = |inner: &str| {
            format!("<s:Envelope xmlns:s=\"e\"><s:Body>{inner}</s:Body></s:Envelope>")
        };
        let xml = |text: Vec<u8>| whole("200 OK", "text/xml; charset=utf-8", &text);
        let answer = match act {
            A::Silent => {
                tokio::io::copy(stream, &mut tokio::io::sink()).await?;
                return Ok(());
            }
            A::DripHead => return drip(stream, b"HTTP/1.1 200 OK\r\nX-A: ", b"a").await,
            A::DripBody => {
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n";
                stream.write_all(head).await?;
                return drip(stream, b"<", b"a").await;
            }
            A::CutHead => b"HTTP/1.1 200 OK\r\nContent-".to_vec(),
            A::CutBody => b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n<s:Envelope".to_vec(),
            A::Huge => {
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n";
                return self.flood(stream, head, vec![b'a'; 64 << 10]).await;
            }
            A::Endless => {
                let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let piece = [b"10000\r\n".as_slice(), &vec![b'a'; 64 << 10], b"\r\n"].concat();
                return self.flood(stream, head, piece).await;
            }
            A::HeadWithoutEnd => {
                let line = format!("X-A: {}\r\n", "a".repeat(1_000)).into_bytes();
                return self.flood(stream, b"HTTP/1.1 200 OK\r\n", line).await;
            }
            A::Interim => {
                let line = b"HTTP/1.1 102 Processing\r\n\r\n".to_vec();
                return drip(stream, b"", &line).await;
            }
            A::NotHttp => b"SSH-2.0-OpenSSH_9.2\r\nProtocol mismatch.\r\n\r\n".to_vec(),
            A::TwoLengths => {
                b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n<a/>a".to_vec()
            }
            A::Compressed => {
                let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/xml\r\nContent-Length: 5\r\n\r\n";
                [head.as_bytes(), b"\x1f\x8b\x08\0\0"].concat()
            }
            A::Empty => xml(Vec::new()),
            A::Nested => xml(envelope(&("<a>".repeat(10_000) + &"</a>".repeat(10_000))).into()),
            A::Many => xml(envelope(&"<a/>".repeat(100_000)).into()),
            A::Attributes => {
                let all: Vec<String> =
                    (0..10_000).map(|number| format!("a{number}=\"b\"")).collect();
                xml(envelope(&format!("<a {}/>", all.join(" "))).into())
            }
            A::Entities => {
                let laughs: String = (1..10)
                    .map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10)))
                    .collect();
                let begins = format!("<!DOCTYPE a [<!ENTITY a0 \"ha\">{laughs}]>");
                xml((begins + &envelope("&a9;")).into())
            }
            A::DocumentType => {
                let begins = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">";
                xml((begins.to_owned() + &envelope("<a/>")).into())
            }
            A::Utf16 => {
                let text: Vec<u16> =
                    "\u{feff}".encode_utf16().chain(envelope("<a/>").encode_utf16()).collect();
                xml(text.into_iter().flat_map(u16::to_le_bytes).collect())
            }
            A::Latin1 => xml([envelope("").as_bytes(), b"<!-- Postf\xe4cher -->"].concat()),
            A::Page => whole(
                "200 OK",
                "text/html",
                b"<!DOCTYPE html><html><body><form><input type=\"password\"></form></body></html>",
            ),
            A::Elsewhere => {
                let to = self.elsewhere;
                format!("HTTP/1.1 302 Found\r\nLocation: https://{to}/EWS/Exchange.asmx\r\nContent-Length: 0\r\n\r\n").into_bytes()
            }
            A::OtherAddress | A::OtherUrl if stage == Stage::AutodiscoverV2 => {
                let to = self.elsewhere;
                let json = if act == A::OtherUrl {
                    format!("{{\"Protocol\":\"Ews\",\"Url\":\"https://{to}/EWS/Exchange.asmx\"}}")
                } else {
                    format!("{{\"RedirectUrl\":\"https://{to}/autodiscover/autodiscover.json\"}}")
                };
                whole("200 OK", "application/json", json.as_bytes())
            }
            A::OtherAddress | A::OtherUrl => {
                let to = self.elsewhere;
                let action = if act == A::OtherUrl {
                    format!(
                        "<Action>redirectUrl</Action><RedirectUrl>https://{to}/autodiscover/autodiscover.xml</RedirectUrl>"
                    )
                } else {
                    "<Action>redirectAddr</Action><RedirectAddr>user0@elsewhere.example</RedirectAddr>".to_owned()
                };
                xml(format!(
                    "<Autodiscover><Response><Account>{action}</Account></Response></Autodiscover>"
                )
                .into())
            }
        };
        stream.write_all(&answer).await
    }

    /// Sends until nobody takes it.
    async fn flood(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        head: &[u8],
        piece: Vec<u8>,
    ) -> std::io::Result<()> {
        stream.write_all(head).await?;
        let mut sent = 0;
        loop {
            let written = stream.write_all(&piece).await;
            sent += piece.len() as u64;
            self.sent.fetch_max(sent, Ordering::Relaxed);
            written?;
        }
    }
}

/// One byte, or a little more, now and then.
async fn drip(
    stream: &mut (impl AsyncWrite + Unpin),
    head: &[u8],
    piece: &[u8],
) -> std::io::Result<()> {
    stream.write_all(head).await?;
    loop {
        stream.write_all(piece).await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn whole(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A request's head and body.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(end) = end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if bytes.len() >= end + length {
                return Some((head, String::from_utf8(bytes[end..].to_vec()).unwrap()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Why the poll failed, wherever.
fn reason(polled: &Polled) -> Option<&'static str> {
    let failed = polled.snapshot.as_ref().err().map(|failure| failure.reason.name);
    failed.or_else(|| polled.broken().map(|(_, reason)| reason))
}

/// Does one thing at every stage, one after the other. Gives how long the longest poll took.
async fn at_every_stage(
    act: Act,
    elsewhere: SocketAddr,
    wrong: &Mutex<Vec<String>>,
) -> (Duration, u64) {
    let mut world = World::of(3).await;
    let org = ExchangeOrg::healthy(ACCOUNT, PASSWORD, mailboxes(3));
    let upstream = Exchange::start(org, "localhost", None).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Arc::new(Hostile {
        address: listener.local_addr().unwrap(),
        now: Mutex::new(None),
        upstream: upstream.address(),
        elsewhere,
        sent: AtomicU64::new(0),
    });
    let tls = TlsAcceptor::from(Arc::clone(&world.certified.config));
    let serving = tokio::spawn(Arc::clone(&server).serve(listener, tls));
    let port = server.address.port();
    world.ews().host = Endpoint::new(&format!("https://localhost:{port}")).unwrap();
    world.settings.limits = LIMITS;
    world.restart();
    let mut longest = Duration::ZERO;
    let stages = [
        Stage::Tcp,
        Stage::Front,
        Stage::AutodiscoverV2,
        Stage::AutodiscoverPox,
        Stage::SignIn,
        Stage::Mailbox,
    ];
    for stage in stages {
        let is_autodiscovers = matches!(stage, Stage::AutodiscoverV2 | Stage::AutodiscoverPox);
        if (matches!(act, A::OtherAddress | A::OtherUrl) && !is_autodiscovers)
            || (stage == Stage::Tcp && act != A::Silent)
        {
            continue;
        }
        *server.now.lock().unwrap() = Some((stage, act));
        let began = Instant::now();
        let polled = world.poll().await;
        longest = longest.max(began.elapsed());
        if reason(&polled) != expected(stage, act) {
            let failure = polled.snapshot.as_ref().err().map(|failure| failure.detail.clone());
            wrong
                .lock()
                .unwrap()
                .push(format!("{stage:?} {act:?}: {:?} {failure:?}", reason(&polled)));
        }
        let texts = format!("{:?}{:?}", polled.snapshot.as_ref().err(), polled.news);
        assert!(!texts.contains(PASSWORD) && texts.len() < 2_000, "{texts}");
        *server.now.lock().unwrap() = None;
        let well = world.poll().await;
        assert_eq!(
            reason(&well),
            None,
            "after {stage:?} {act:?}: {:?}",
            well.snapshot.as_ref().err()
        );
        assert_eq!(well.figure("step_success", &[ProbeStep::Counts.name()]), Some(1.0));
    }
    serving.abort();
    (longest, server.sent.load(Ordering::Relaxed))
}

#[test]
fn whatever_a_server_does_a_poll_ends_in_time_and_says_why() {
    let test = "exchange::hostile::whatever_a_server_does_a_poll_ends_in_time_and_says_why";
    alone(test, MEMORY_KB, every_act_at_every_stage);
}

fn every_act_at_every_stage() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        // Whoever is led elsewhere arrives here.
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = elsewhere.local_addr().unwrap();
        let arrived = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&arrived);
        tokio::spawn(async move {
            while elsewhere.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let wrong = Arc::new(Mutex::new(Vec::new()));
        let acts = ACTS.map(|act| {
            let wrong = Arc::clone(&wrong);
            (act, tokio::spawn(async move { at_every_stage(act, address, &wrong).await }))
        });
        let mut took = BTreeMap::new();
        for (act, done) in acts {
            let (longest, sent) = done.await.unwrap();
            assert!(longest < POLL_WITHIN, "{act:?}: {longest:?}");
            assert!(sent < MOST_SENT, "{act:?}: {sent}");
            took.insert(longest, act);
        }
        let wrong = wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(arrived.load(Ordering::Relaxed), 0, "nobody is followed");
        println!("the longest polls: {:?}", took.iter().rev().take(3).collect::<Vec<_>>());
    });
}
