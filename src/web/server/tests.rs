//! Patience, with the clock of the test: streams in memory, and time that moves when nobody has anything to do.

use super::*;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::events::{Event, EventSink, Events};
use crate::web::limits::{
    ANSWERS_BYTES_PER_PEER, BODY_BYTES_PER_SECOND, BODY_GRACE, GIVE_WAY_AFTER, WRITE_BLOCKED_FOR,
};
use crate::web::problem::{Problem, ProblemReason};
use crate::web::services::{Access, BoxFuture, Ingest, IngestReceipt, IngestRequest, Understood};
use bytes::Bytes;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const NOW: Timestamp = Timestamp::from_seconds(1_795_356_000);
const PUSH: &str = "POST /api/v1/orgs/acme/activity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n";

/// Takes everything.
struct Taker;

impl Ingest for Taker {
    fn take(&self, request: IngestRequest) -> BoxFuture<Result<IngestReceipt, Problem>> {
        Box::pin(async move {
            Ok(IngestReceipt { accepted: request.body.len() as u64, ..IngestReceipt::default() })
        })
    }
    fn understand(&self, _: IngestRequest) -> BoxFuture<Result<Understood, Problem>> {
        Box::pin(async { Err(Problem::new(ProblemReason::Invalid, "")) })
    }
}

/// A client of a served connection. The sender keeps the server alive.
fn connect() -> (DuplexStream, watch::Sender<Ending>) {
    connect_to(&router(), [127, 0, 0, 1])
}

fn router() -> Arc<WebRouter> {
    Arc::new(WebRouter::new(ServerOptions::default(), services(Events::log_only()), false))
}

fn connect_to(router: &Arc<WebRouter>, peer: [u8; 4]) -> (DuplexStream, watch::Sender<Ending>) {
    let (client, server) = tokio::io::duplex(16 * 1024);
    let (end, ending) = watch::channel(Ending::No);
    let connection = serve_connection(server, (peer, 1).into(), Arc::clone(router), ending);
    // Beside hyper's buffers: 10,000 slow clients must not cost what 10,000 requests do.
    assert!(std::mem::size_of_val(&connection) < 2048);
    tokio::spawn(connection);
    (client, end)
}

fn services(events: Events) -> Services {
    Services {
        view: Arc::new(|| Arc::new(View::empty(NOW))),
        now: Arc::new(|| NOW),
        // A page without end.
        metrics: Arc::new(|_, _, _| {
            Box::new(std::iter::repeat(Bytes::from_static(&[b'#'; 65536])))
        }),
        ingest: Arc::new(Taker),
        history: None,
        changed_policy: Arc::new(|policy, _| Ok(policy.clone())),
        reload: Arc::new(|| Box::pin(async { Ok(()) })),
        access: Arc::new(|_| Some(Arc::new(Access::default()))),
        external_url: Arc::new(|| None),
        auth: Arc::new(Arc::default),
        events,
    }
}

/// Counts the tasks that were started again.
#[derive(Default)]
struct Restarts(Mutex<Vec<&'static str>>);

impl EventSink for Restarts {
    fn count(&self, event: &Event) {
        if let Event::TaskRestarted { task } = event {
            self.0.lock().unwrap().push(task);
        }
    }
}

#[tokio::test]
async fn a_defect_while_connections_are_accepted_is_counted_and_accepting_goes_on() {
    let restarts = Arc::new(Restarts::default());
    let events = Events::new(Arc::clone(&restarts) as _);
    let any = [SocketAddr::from(([127, 0, 0, 1], 0))];
    let mut server = Server::bind(&any, ServerOptions::default(), services(events)).unwrap();
    let address = server.local_addrs()[0];
    let (admit, broken) = (Arc::clone(&server.admit), AtomicBool::new(false));
    server.admit = Arc::new(move |peer| {
        assert!(broken.swap(true, Ordering::SeqCst), "a defect");
        admit(peer)
    });
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async {
        ended.await.ok();
    }));
    let ask = async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        stream.write_all(request).await.ok();
        stream.read_to_end(&mut answer).await.ok();
        String::from_utf8(answer).unwrap()
    };
    assert_eq!(ask().await, "");
    let answer = tokio::time::timeout(Duration::from_secs(60), ask()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(*restarts.0.lock().unwrap(), ["accept"]);
    drop(end);
    serving.await.unwrap();
    TcpStream::connect(address).await.unwrap_err();
}

/// Reads until the server closes: what came and how long it took.
async fn until_closed(client: &mut DuplexStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.ok();
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

/// Reads one whole answer of a connection that stays open.
async fn one_answer(client: &mut DuplexStream) -> String {
    let mut answer = String::new();
    let mut piece = [0; 4096];
    while !answer.ends_with("alive.\n") {
        let read = client.read(&mut piece).await.unwrap();
        assert!(read > 0, "{answer}");
        answer += std::str::from_utf8(&piece[..read]).unwrap();
    }
    answer
}

fn close_to(took: Duration, wanted: Duration) -> bool {
    took >= wanted && took < wanted + Duration::from_millis(1500)
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_after_five_seconds() {
    let (mut client, _server) = connect();
    let (answer, took) = until_closed(&mut client).await;
    assert!(answer.is_empty() && close_to(took, HEAD_WITHIN), "{took:?} {answer}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_closed_as_early_as_one_that_never_comes() {
    let (client, _server) = connect();
    let (mut read, mut write) = tokio::io::split(client);
    tokio::spawn(async move {
        let head = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nX-Drip: 1234567890\r\n\r\n";
        for byte in head.bytes() {
            if write.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let begun = Instant::now();
    let mut answer = Vec::new();
    read.read_to_end(&mut answer).await.ok();
    assert!(answer.is_empty());
    assert!(close_to(begun.elapsed(), HEAD_WITHIN), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_rests_between_scrapes_and_not_for_ever() {
    let (mut client, _server) = connect();
    for _ in 0..3 {
        client.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let answer = one_answer(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let (answer, took) = until_closed(&mut client).await;
    let wanted = IDLE_WITHIN.saturating_sub(Duration::from_secs(60));
    assert!(answer.is_empty() && close_to(took, wanted), "{took:?} {answer}");
}

#[tokio::test(start_paused = true)]
async fn the_second_head_of_a_connection_has_five_seconds_from_its_first_byte() {
    let (mut client, _server) = connect();
    client.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    one_answer(&mut client).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    client.write_all(b"G").await.unwrap();
    let (_, took) = until_closed(&mut client).await;
    assert!(close_to(took, HEAD_WITHIN), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_refused_after_its_grace() {
    let (mut client, _server) = connect();
    let head = format!("{PUSH}Content-Length: 100\r\n\r\nab");
    client.write_all(head.as_bytes()).await.unwrap();
    let (answer, took) = until_closed(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("\"reason\":\"body_too_slow\""), "{answer}");
    assert!(took >= BODY_GRACE && took < BODY_GRACE * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_at_twice_the_least_rate_is_taken_however_long_it_takes() {
    let (client, _server) = connect();
    let (mut read, mut write) = tokio::io::split(client);
    let bytes = 60 * 2 * BODY_BYTES_PER_SECOND as usize;
    tokio::spawn(async move {
        let head = format!("{PUSH}Connection: close\r\nContent-Length: {bytes}\r\n\r\n");
        write.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..60 {
            let piece = vec![b' '; bytes / 60];
            write.write_all(&piece).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    });
    let mut answer = String::new();
    read.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(&format!("{{\"accepted\":{bytes},")), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn answers_beyond_their_budget_are_refused_with_when_to_come_again() {
    let router = router();
    let head_of = async |peer| {
        let (mut client, server) = connect_to(&router, peer);
        client
            .write_all(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut head = String::new();
        while !head.contains("\r\n\r\n") {
            let mut some = [0; 256];
            let read = client.read(&mut some).await.unwrap();
            head += std::str::from_utf8(&some[..read]).unwrap();
        }
        // Nobody reads on, as long as the connection is held.
        (head, client, server)
    };
    let mut held = vec![head_of([192, 0, 2, 1]).await];
    let (_, length) = held[0].0.split_once("content-length: ").unwrap();
    let length: usize = length.split_once('\r').unwrap().0.parse().unwrap();
    let fit = ANSWERS_BYTES_PER_PEER / length;
    for _ in 1..fit {
        held.push(head_of([192, 0, 2, 1]).await);
    }
    assert!(held.iter().all(|(head, ..)| head.starts_with("HTTP/1.1 200 ")));
    let (refused, ..) = head_of([192, 0, 2, 1]).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: 5\r\n"), "{refused}");
    let (other, ..) = head_of([192, 0, 2, 2]).await;
    assert!(other.starts_with("HTTP/1.1 200 "), "another peer has a part of its own: {other}");
    // Who does not read for a while gives way.
    tokio::time::advance(GIVE_WAY_AFTER * 2).await;
    let (again, ..) = head_of([192, 0, 2, 1]).await;
    assert!(again.starts_with("HTTP/1.1 200 "), "{again}");
}

#[tokio::test(start_paused = true)]
async fn who_ends_its_half_after_a_whole_request_is_answered() {
    for request in [
        "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        format!("{PUSH}Content-Length: 2\r\n\r\n{{}}"),
    ] {
        let (mut client, _server) = connect();
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let (answer, _) = until_closed(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scraper_that_does_not_read_loses_its_connection() {
    let (mut client, server) = connect();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    server.closed().await;
    assert!(close_to(begun.elapsed(), WRITE_BLOCKED_FOR), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_scraper_that_sips_loses_its_connection() {
    let (mut client, server) = connect();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    tokio::spawn(async move {
        let mut sip = [0; 512];
        while client.read(&mut sip).await.is_ok_and(|read| read > 0) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    server.closed().await;
    assert!(begun.elapsed() < WRITE_BLOCKED_FOR * 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_scraper_on_a_slow_line_is_served_on() {
    let (mut client, server) = connect();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // 64 KiB a second: a telephone at the edge of its network, and twice the least rate.
    let mut gulp = vec![0; 64 * 1024];
    for _ in 0..300 {
        client.read_exact(&mut gulp).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(!server.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_request_by_hand_with_bare_line_feeds_is_answered_at_once() {
    let (mut client, _server) = connect();
    client.write_all(b"GET /-/healthy HTTP/1.0\nHost: localhost\n\n").await.unwrap();
    let (answer, took) = until_closed(&mut client).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn every_address_is_that_of_ipv4_where_there_is_no_other() {
    let without = |refusal: rustix::io::Errno| {
        move |address: SocketAddr| {
            if address.is_ipv6() { Err(io::Error::from(refusal)) } else { Ok(address) }
        }
    };
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    for refusal in [rustix::io::Errno::AFNOSUPPORT, rustix::io::Errno::ADDRNOTAVAIL] {
        let taken = with_or_without_ipv6(address("[::]:9877"), without(refusal));
        assert_eq!(taken.unwrap(), address("0.0.0.0:9877"));
        with_or_without_ipv6(address("[::1]:9877"), without(refusal)).unwrap_err();
    }
    let in_use = without(rustix::io::Errno::ADDRINUSE);
    with_or_without_ipv6(address("[::]:9877"), in_use).unwrap_err();
}
