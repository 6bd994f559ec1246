//! The real daemon under attack: by somebody without a credential, and by a feeder with one organisation's token. For
//! `LIGHTNING_SYNC_TEST_ATTACK_SECONDS` (a minute is the promise, the suite takes less), by 512 connections.

use crate::support::http::{get, request};
use crate::support::process::{Daemon, wait_until};
use flate2::Compression;
use flate2::write::GzEncoder;
use lightning_sync_exporter::app::now;
use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

const CONNECTIONS: usize = 512;
const ACME: (&str, &str) = ("Authorization", "Bearer acme-0123456789abcdef");
const BETA: (&str, &str) = ("Authorization", "Bearer beta-0123456789abcdef");
const JSON: (&str, &str) = ("Content-Type", "application/json");
const NDJSON: (&str, &str) = ("Content-Type", "application/x-ndjson");

/// One attack at a time, or they would measure each other.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn lasts() -> Duration {
    Duration::from_secs(
        std::env::var("LIGHTNING_SYNC_TEST_ATTACK_SECONDS")
            .map_or(6, |text| text.parse().expect("a number of seconds")),
    )
}

/// A daemon with acme and beta, each with a token, and a thousand users of acme.
fn daemon(directory: &Path, flags: &[&str]) -> Daemon {
    for name in ["acme", "beta"] {
        private(&directory.join(name), &format!("{name}-0123456789abcdef"));
    }
    let config = directory.join("config.yaml");
    let at = directory.display();
    let orgs = ["acme", "beta"].map(|name| {
        format!("{{ name: {name}, retirement: none, ingest: {{ token_file: {at}/{name} }} }}")
    });
    std::fs::write(
        &config,
        format!("store: {{ path: {at}/store.db }}\norgs: [{}]\n", orgs.join(", ")),
    )
    .unwrap();
    let daemon = Daemon::start_with(&config, "127.0.0.1:0", flags);
    let pushed = push(daemon.address, "acme", "snapshot", &[ACME, JSON], &users(1_000));
    assert_eq!(pushed, 200);
    daemon
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn users(count: usize) -> Vec<u8> {
    let now = now().to_string();
    let mut text = format!("{{\"captured_at\": \"{now}\", \"users_complete\": true, \"users\": [");
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            "{comma}{{\"user\":\"invented{number}@corp.example\",\"recognized_by_service_account\":true}}"
        )
        .unwrap();
    }
    text += "]}";
    text.into_bytes()
}

fn activity(records: usize, from: usize) -> Vec<u8> {
    let now = now().to_string();
    let mut text = String::new();
    for number in from..from + records {
        writeln!(
            text,
            "{{\"at\":\"{now}\",\"object_type\":\"events\",\"direction\":\"to_exchange\",\"outcome\":\"synced\",\"id\":\"{number}\"}}"
        )
        .unwrap();
    }
    text.into_bytes()
}

fn push(address: SocketAddr, org: &str, kind: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    let path = format!("/api/v1/orgs/{org}/{kind}");
    request(address, "POST", &path, headers, body).map_or(0, |answer| answer.status)
}

/// What a process has in memory, in MiB.
fn memory(pid: u32) -> u64 {
    memory_by(pid, "VmRSS")
}

/// The most that it ever had.
fn most_memory(pid: u32) -> u64 {
    memory_by(pid, "VmHWM")
}

fn memory_by(pid: u32, key: &str) -> u64 {
    let status = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

/// Scrapes until `done`, and says how long the slowest in a hundred took.
fn scrape_until(address: SocketAddr, headers: &[(&str, &str)], done: &AtomicBool) -> Duration {
    let mut took = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = request(address, "GET", "/metrics", headers, b"");
        let (status, text) = answer.map_or((0, String::new()), |answer| {
            (
                answer.status,
                String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned(),
            )
        });
        assert_eq!(status, 200, "a scrape was not answered: {text}");
        took.push(begun.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    took.sort();
    took[(took.len() - 1) * 99 / 100]
}

/// Has `client` work on each of 512 connections, again and again, and holds what that does against what is promised.
fn attack<F>(
    daemon: &Daemon,
    headers: &'static [(&'static str, &'static str)],
    name: &str,
    client: impl Fn(usize, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (address, pid) = (daemon.address, daemon.process.pid());
    let quiet = AtomicBool::new(false);
    let quiet_p99 = std::thread::scope(|scope| {
        let scraper = scope.spawn(|| scrape_until(address, headers, &quiet));
        std::thread::sleep(Duration::from_secs(2));
        quiet.store(true, Ordering::Relaxed);
        scraper.join().unwrap()
    });
    let (before, lines) = (memory(pid), daemon.process.log().lines().count());
    let done = AtomicBool::new(false);
    let peak = AtomicU64::new(before);
    let p99 = std::thread::scope(|scope| {
        let scraper = scope.spawn(|| scrape_until(address, headers, &done));
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(memory(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clients = (0..CONNECTIONS).map(|number| client(number, address));
            let clients: Vec<_> = clients.map(tokio::spawn).collect();
            sleep(lasts()).await;
            for client in clients {
                client.abort();
            }
        });
        done.store(true, Ordering::Relaxed);
        scraper.join().unwrap()
    });
    let grown = peak.load(Ordering::Relaxed).saturating_sub(before);
    let lines = daemon.process.log().lines().count() - lines;
    println!(
        "{name}: {CONNECTIONS} connections for {} s: memory {before} MiB and {grown} more, scrapes p99 {:.1} ms ({:.1} ms without), {lines} lines of log",
        lasts().as_secs(),
        p99.as_secs_f64() * 1e3,
        quiet_p99.as_secs_f64() * 1e3,
    );
    assert!(grown < 64, "{grown} MiB more");
    assert!(lines < 100, "{lines} lines");
    // A machine that is busy with something else is slow without an attack too.
    let bound = Duration::from_millis(100).max(quiet_p99 * 3);
    assert!(p99 < bound, "{p99:?}");
}

async fn connect(
    address: SocketAddr,
    receive_buffer: Option<u32>,
) -> Option<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes).ok()?;
    }
    timeout(Duration::from_secs(5), socket.connect(address)).await.ok()?.ok()
}

/// Waits until the server closes, reading at most one byte of what it sends each second.
async fn linger(stream: &mut tokio::net::TcpStream) {
    let mut byte = [0; 1];
    while matches!(stream.read(&mut byte).await, Ok(read) if read > 0) {
        sleep(Duration::from_secs(1)).await;
    }
}

/// What an attacker takes away in memory and time; run alone, because other tests need the same two processors.
mod measured {
    use super::*;

    #[test]
    fn readers_that_do_not_read() {
        let _turn = alone();
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), &[]);
        let page = get(daemon.address, "/api/v1/orgs/acme/users?limit=1000");
        assert!(page.body.len() > 1_000_000, "{}", page.body.len());
        attack(&daemon, &[], "slow readers", |number, address| async move {
            let path = ["/api/v1/orgs/acme/users?limit=1000", "/metrics"][number % 2];
            let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            loop {
                if let Some(mut stream) = connect(address, Some(4096)).await
                    && stream.write_all(head.as_bytes()).await.is_ok()
                {
                    linger(&mut stream).await;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        // Whoever reads is answered again.
        wait_until("a page is answered", Duration::from_secs(15), || {
            let page = get(daemon.address, "/api/v1/orgs/acme/users?limit=1000");
            (page.status == 200).then_some(())
        });
    }

    #[test]
    fn writers_that_do_not_write() {
        let _turn = alone();
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), &[]);
        let address = daemon.address;
        let pasted = AtomicU64::new(0);
        attack(&daemon, &[], "slow writers", |number, address| async move {
            let path = ["/orgs/acme/paste", "/api/v1/orgs/acme/activity"][number % 2];
            let kind = ["application/x-www-form-urlencoded", "application/x-ndjson"][number % 2];
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 16000000\r\n\r\ncontent="
            );
            loop {
                if let Some(mut stream) = connect(address, None).await {
                    let mut sent = stream.write_all(head.as_bytes()).await;
                    while sent.is_ok() {
                        sleep(Duration::from_millis(100)).await;
                        sent = stream.write_all(b"x").await;
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        // While they go on, somebody pastes: who is slow has given way.
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let head = "POST /orgs/acme/paste HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16000000\r\n\r\ncontent=";
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    let mut sent = stream.write_all(head.as_bytes());
                    while sent.is_ok() && !stop.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(100));
                        sent = stream.write_all(b"x");
                    }
                }
            });
            }
            std::thread::sleep(Duration::from_secs(4));
            let form = b"content=x&captured_at=2026-11-22T13:55&token=acme-0123456789abcdef";
            let kind = [("Content-Type", "application/x-www-form-urlencoded")];
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline && pasted.load(Ordering::Relaxed) == 0 {
                let answer = request(address, "POST", "/orgs/acme/paste", &kind, form).unwrap();
                // The page says nothing known; what counts is that the form was read.
                if answer.status == 422 {
                    pasted.store(1, Ordering::Relaxed);
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(pasted.load(Ordering::Relaxed), 1, "nobody could paste");
    }

    /// Sends `requests` over and over, a new one each time.
    async fn flood(address: SocketAddr, request: impl Fn(u64) -> String) {
        let mut number = 0;
        loop {
            let Some(mut stream) = connect(address, None).await else {
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            let mut answer = [0; 4096];
            loop {
                number += 1;
                let sent = stream.write_all(request(number).as_bytes()).await;
                let read = timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
                if sent.is_err() || !matches!(read, Ok(Ok(read)) if read > 0) {
                    break;
                }
            }
        }
    }

    #[test]
    fn refused_requests_by_the_thousand() {
        let _turn = alone();
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), &[]);
        attack(&daemon, &[], "refused requests", |connection, address| {
            flood(address, move |number| {
                let org = ["acme", "beta", "nobody"][connection % 3];
                format!(
                    "POST /api/v1/orgs/{org}/activity?n={number} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong{number}\r\nContent-Length: 2\r\n\r\n{{}}"
                )
            })
        });
        let log = daemon.process.log();
        // Which of the organisations is refused first is chance.
        let is_wanted = |line: &&str| {
            line.contains("Refused an ingest request") && line.contains("\"token_wrong\"")
        };
        let line = log.lines().find(is_wanted).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["peer"], "127.0.0.1");
        assert_eq!(line["count"], 1);
        assert!(log.contains("\"org\":\"unknown\""), "{log}");
        let page = get(daemon.address, "/metrics").text();
        let refused: f64 = page
            .lines()
            .filter(|line| line.starts_with("lightning_sync_exporter_ingest_rejected_total"))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum();
        assert!(refused > 500.0, "{refused}");
    }

    #[test]
    fn passwords_by_the_thousand() {
        let _turn = alone();
        let directory = tempfile::tempdir().unwrap();
        let hash = bcrypt::hash_with_salt("correct horse", 8, [7; 16]).unwrap();
        let web = directory.path().join("web.yaml");
        private(&web, &format!("basic_auth_users: {{ ann: '{hash}' }}\n"));
        let web = web.display().to_string();
        let daemon = daemon(directory.path(), &["--web.config.file", &web]);
        const RIGHT: &[(&str, &str)] = &[("Authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=")];
        attack(&daemon, RIGHT, "passwords", |connection, address| {
            flood(address, move |number| {
                use base64::Engine;
                let pair = format!("ann:{connection} {number}");
                let pair = base64::engine::general_purpose::STANDARD.encode(pair);
                format!(
                    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {pair}\r\n\r\n"
                )
            })
        });
    }

    /// How long a push of beta takes in the middle.
    fn median_push(address: SocketAddr, pushes: usize) -> Duration {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut took: Vec<Duration> = (0..pushes)
            .map(|_| {
                let from = NUMBER.fetch_add(1_000, Ordering::Relaxed) as usize;
                let body = activity(1_000, from);
                let begun = Instant::now();
                let status = push(address, "beta", "activity", &[BETA, NDJSON], &body);
                assert_eq!(status, 200);
                begun.elapsed()
            })
            .collect();
        took.sort();
        took[took.len() / 2]
    }

    /// Bodies of about 64 kB that become as large as a body may be, in every form that is read, and what each is refused
    /// with: all that it makes fits into the budget of bodies.
    #[test]
    fn small_bodies_that_become_large_stay_within_the_budget() {
        let _turn = alone();
        const DECODED: usize = 63 << 20;
        let pack = |head: &str, piece: &dyn Fn(usize) -> String, tail: &str, most: usize| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::best());
            packed.write_all(head.as_bytes()).unwrap();
            let (mut made, mut number) = (head.len() + tail.len(), 0);
            while made < most {
                let text = piece(number);
                packed.write_all(text.as_bytes()).unwrap();
                (made, number) = (made + text.len(), number + 1);
            }
            packed.write_all(tail.as_bytes()).unwrap();
            packed.finish().unwrap()
        };
        let same = |text: &'static str| move |_: usize| text.repeat(1_000);
        let (json, csv, html, ndjson) =
            ("application/json", "text/csv", "text/html", "application/x-ndjson");
        let page = 7 << 20;
        let cases: [(&str, &str, &str, Vec<u8>, u16); 15] = [
            ("one unknown key", "snapshot", json, pack("{\"k", &same("k"), "\":1}", DECODED), 422),
            (
                "unknown keys",
                "snapshot",
                json,
                pack("{\"a\":1", &same(",\"k\":1"), "}", DECODED),
                422,
            ),
            (
                "keys of one user",
                "snapshot",
                json,
                pack("{\"users\":[{\"user\":\"a\"", &same(",\"k\":1"), "}]}", DECODED),
                422,
            ),
            (
                "users without a name",
                "snapshot",
                json,
                pack("{\"users\":[{}", &same(",{}"), "]}", DECODED),
                422,
            ),
            (
                "arrays in users",
                "snapshot",
                json,
                pack("{\"users\":[[]", &same(",[]"), "]}", DECODED),
                422,
            ),
            ("depth", "snapshot", json, pack("{\"users\":", &same("["), "", DECODED), 400),
            (
                "escapes in a key",
                "snapshot",
                json,
                pack("{\"", &same("\\u0061"), "\":1}", DECODED),
                422,
            ),
            ("empty records", "activity", ndjson, pack("", &same("{}\n"), "", DECODED), 422),
            ("records in an array", "activity", json, pack("[{}", &same(",{}"), "]", DECODED), 422),
            (
                "keys of a record",
                "activity",
                ndjson,
                pack("{\"at\":1", &same(",\"k\":1"), "}", DECODED),
                422,
            ),
            ("columns", "snapshot", csv, pack("user", &same(",k"), "\n", DECODED), 413),
            ("rows", "snapshot", csv, pack("user\n", &same("a\n"), "", DECODED), 422),
            ("quotes", "snapshot", csv, pack("user\n\"", &same("\"\""), "\"\n", DECODED), 413),
            ("attributes", "snapshot", html, pack("<p ", &same("a=b "), "></p>", page), 422),
            ("elements", "snapshot", html, pack("", &same("<b><p>x"), "", page), 413),
        ];
        for (name, kind, media_type, body, status) in cases {
            // Each on a daemon of its own: memory that one took and gave back hides what the next takes.
            let directory = tempfile::tempdir().unwrap();
            let daemon = daemon(directory.path(), &[]);
            let (address, pid) = (daemon.address, daemon.process.pid());
            let before = memory(pid);
            let begun = Instant::now();
            let headers = [ACME, ("Content-Type", media_type), ("Content-Encoding", "gzip")];
            let got = push(address, "acme", kind, &headers, &body);
            let took = begun.elapsed();
            let grown = most_memory(pid).saturating_sub(before);
            println!(
                "{name}: {} KiB, {grown} MiB of memory, {:.1} s, {got}",
                body.len() >> 10,
                took.as_secs_f64()
            );
            assert_eq!(got, status, "{name}");
            assert!(body.len() < 400 << 10, "{name}: {} bytes", body.len());
            assert!(grown < 256, "{name}: {grown} MiB");
        }
    }

    /// Heads with more fields, or more bytes, than are taken cost nothing that grows with them.
    #[test]
    fn heads_full_of_fields_are_refused_in_little_memory() {
        let _turn = alone();
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), &[]);
        let before = memory(daemon.process.pid());
        let fields = "a: b\r\n".repeat(1 << 20);
        let one = format!("a: {}\r\n", "b".repeat(6 << 20));
        for fields in [&fields, &one] {
            let clients: Vec<_> = (0..64)
                .map(|_| {
                    let head = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
                    let address = daemon.address;
                    std::thread::spawn(move || {
                        use std::io::Read;
                        let mut stream = std::net::TcpStream::connect(address).unwrap();
                        // It is refused before all of it was read.
                        stream.write_all(head.as_bytes()).ok();
                        let mut answer = Vec::new();
                        stream.read_to_end(&mut answer).ok();
                        answer
                    })
                })
                .collect();
            for client in clients {
                let answer = client.join().unwrap();
                let text = String::from_utf8_lossy(&answer);
                assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
            }
        }
        let grown = most_memory(daemon.process.pid()).saturating_sub(before);
        println!("128 heads of 6 MiB: memory {before} MiB and {grown} more");
        assert!(grown < 64, "{grown} MiB");
    }

    /// What a feeder's token can do to the memory and to another organisation.
    #[test]
    fn a_feeder_with_a_token_takes_neither_the_memory_nor_another_one_s_speed() {
        let _turn = alone();
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), &[]);
        let (address, pid) = (daemon.address, daemon.process.pid());
        let commas = |bytes: usize| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::best());
            packed.write_all(b"row,value\n").unwrap();
            packed.write_all(&vec![b','; bytes]).unwrap();
            Arc::new(packed.finish().unwrap())
        };
        let (names, commas) = (Arc::new(users(100_000)), commas(63_000_000));
        for (attack, feeder) in [("invented names", 0), ("commas", 1), ("slow bodies", 2)] {
            let alone = median_push(address, 15);
            let before = memory(pid);
            let (done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
            let under = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        peak.fetch_max(memory(pid), Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                });
                for _ in 0..if feeder == 2 { 48 } else { 8 } {
                    scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        match feeder {
                            0 => {
                                push(address, "acme", "snapshot", &[ACME, JSON], &names);
                            }
                            1 => {
                                let headers =
                                    [ACME, ("Content-Type", "text/csv"), ("Content-Encoding", "gzip")];
                                push(address, "acme", "snapshot", &headers, &commas);
                            }
                            _ => {
                                let head = format!(
                                    "POST /api/v1/orgs/acme/activity HTTP/1.1\r\nHost: localhost\r\n{}: {}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 16000000\r\n\r\n{{",
                                    ACME.0, ACME.1
                                );
                                let mut stream = std::net::TcpStream::connect(address).unwrap();
                                let mut sent = stream.write_all(head.as_bytes());
                                while sent.is_ok() && !done.load(Ordering::Relaxed) {
                                    std::thread::sleep(Duration::from_millis(100));
                                    sent = stream.write_all(b" ");
                                }
                            }
                        }
                    }
                });
                }
                std::thread::sleep(Duration::from_secs(1));
                let mut under = Vec::new();
                let begun = Instant::now();
                while begun.elapsed() < lasts() {
                    under.push(median_push(address, 5));
                }
                done.store(true, Ordering::Relaxed);
                under.sort();
                under[under.len() / 2]
            });
            let grown = peak.load(Ordering::Relaxed).saturating_sub(before);
            println!(
                "{attack}: memory {before} MiB and {grown} more; a push of another organisation takes {:.1} ms, {:.1} ms alone",
                under.as_secs_f64() * 1e3,
                alone.as_secs_f64() * 1e3
            );
            assert!(grown < 512, "{attack}: {grown} MiB");
            assert!(
                under < alone * 2 + Duration::from_millis(20),
                "{attack}: {under:?}, {alone:?} alone"
            );
        }
    }
}

#[test]
fn a_reload_over_http_has_to_be_enabled_and_no_proxy_or_other_site_gets_one() {
    let directory = tempfile::tempdir().unwrap();
    let closed = daemon(directory.path(), &[]);
    let ask = |daemon: &Daemon, headers: &[(&str, &str)]| {
        let answer = request(daemon.address, "POST", "/-/reload", headers, b"").unwrap();
        let reason = (answer.status != 200).then(|| answer.json()["reason"].clone());
        (answer.status, reason)
    };
    assert_eq!(ask(&closed, &[]), (403, Some("lifecycle_disabled".into())));
    drop(closed);
    let open = daemon(directory.path(), &["--web.enable-lifecycle"]);
    assert_eq!(ask(&open, &[]), (200, None));
    for foreign in [
        ("X-Real-IP", "192.0.2.1"),
        ("CF-Connecting-IP", "192.0.2.1"),
        ("True-Client-IP", "192.0.2.1"),
        ("X-Envoy-External-Address", "192.0.2.1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Host", "rebound.example"),
    ] {
        assert_eq!(ask(&open, &[foreign]), (403, Some("local_only".into())), "{foreign:?}");
    }
}

#[test]
fn hosts_that_are_allowed_hold_on_every_address() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let at = directory.path().display();
    std::fs::write(
        &config,
        format!("store: {{ path: {at}/store.db }}\norgs: [{{ name: acme }}]\n"),
    )
    .unwrap();
    let flags = ["--web.allowed-host", "sync.example"];
    let daemon = Daemon::start_with(&config, "0.0.0.0:0", &flags);
    let address = SocketAddr::from(([127, 0, 0, 1], daemon.address.port()));
    for (host, status) in [
        ("sync.example", 200),
        ("SYNC.example:9877", 200),
        ("localhost", 200),
        ("", 200),
        ("rebound.example", 403),
        ("192.0.2.1", 403),
    ] {
        let answer = request(address, "GET", "/metrics", &[("Host", host)], b"").unwrap();
        assert_eq!(answer.status, status, "{host:?}");
    }
}

#[test]
fn strangers_find_nobody_by_name_and_see_no_whole_account() {
    let directory = tempfile::tempdir().unwrap();
    let search = "/api/v1/orgs/acme/users?q=invented7%40corp.example";
    let now = now().to_string();
    let account = format!(
        "{{\"captured_at\": \"{now}\", \"service_account\": \"svc-sfsync@corp.example\", \"service_account_recognized\": false}}"
    );
    let open = daemon(directory.path(), &[]);
    assert_eq!(push(open.address, "acme", "snapshot", &[ACME, JSON], account.as_bytes()), 200);
    assert_eq!(get(open.address, search).json()["matching"], 0);
    for path in ["/", "/orgs/acme", "/api/v1/orgs", "/api/v1/orgs/acme", "/api/v1/findings"] {
        let text = get(open.address, path).text();
        assert!(!text.contains("svc-sfsync"), "{path}: {text}");
        assert!(text.contains("svc…"), "{path}: {text}");
    }
    drop(open);
    let hash = bcrypt::hash_with_salt("correct horse", 5, [7; 16]).unwrap();
    let web = directory.path().join("web.yaml");
    private(&web, &format!("basic_auth_users: {{ ann: '{hash}' }}\n"));
    let web = web.display().to_string();
    let guarded = daemon(directory.path(), &["--web.config.file", &web]);
    let right = [("Authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=")];
    let ask = |path| request(guarded.address, "GET", path, &right, b"").unwrap();
    assert_eq!(ask(search).json()["matching"], 1);
    assert!(ask("/orgs/acme").text().contains("svc-sfsync@corp.example"));
}

#[test]
fn bodies_come_as_shippers_send_them() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = daemon(directory.path(), &[]);
    let status = |headers: &[(&str, &str)], body: &[u8]| {
        let headers: Vec<_> = [ACME].iter().chain(headers).copied().collect();
        push(daemon.address, "acme", "activity", &headers, body)
    };
    let body = activity(500, 1_000_000);
    assert_eq!(status(&[NDJSON, NDJSON], &body), 200);
    assert_eq!(status(&[NDJSON, JSON], &body), 415);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&body).unwrap();
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
    raw.write_all(&body).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(&body[..], ruzstd::encoding::CompressionLevel::Fastest);
    let two = [zstd.clone(), zstd.clone()].concat();
    let bomb = ruzstd::encoding::compress_to_vec(
        &vec![b' '; 65 << 20][..],
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    // A frame that asks for a window of 3.75 TiB.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00];
    for (encoding, body, wanted) in [
        ("deflate", zlib.finish().unwrap(), 200),
        ("deflate", raw.finish().unwrap(), 200),
        ("zstd", zstd.clone(), 200),
        ("zstd", two, 200),
        ("zstd", zstd[..zstd.len() / 2].to_vec(), 400),
        ("zstd", bomb, 413),
        ("zstd", window.to_vec(), 413),
        ("zstd", b"no zstd".to_vec(), 400),
        ("deflate", b"\x78\x9c no zlib".to_vec(), 400),
        ("br", zstd.clone(), 415),
    ] {
        let got = status(&[NDJSON, ("Content-Encoding", encoding)], &body);
        assert_eq!(got, wanted, "{encoding} of {} bytes", body.len());
    }
    // Two records that a table without ids gives are two, and the time of a shell script is one: `date -Iseconds`.
    let now = now().to_string();
    let of = |record| {
        format!(
            "{{\"at\":\"{now}\",\"object_type\":\"events\",\"id\":\"\",\"record\":\"{record}\"}}\n"
        )
    };
    let path = "/api/v1/orgs/acme/activity";
    let two = request(daemon.address, "POST", path, &[ACME, NDJSON], (of(1) + &of(2)).as_bytes());
    assert_eq!(two.unwrap().json()["accepted"], 2);
    for (at, wanted) in [
        ("2026-11-22T13:55:00+00:00", 200),
        ("2026-11-22T13:55:00%2B0000", 200),
        ("2026-11-22T13:55:00Z", 200),
        ("2026-11-22%2013:55", 422),
    ] {
        let page = b"Users with linked Microsoft Exchange and Salesforce email addresses: 4\n";
        let path = format!("/api/v1/orgs/acme/snapshot?captured_at={at}");
        let headers = [ACME, ("Content-Type", "text/plain")];
        let answer = request(daemon.address, "POST", &path, &headers, page).unwrap();
        assert_eq!(answer.status, wanted, "{at}: {}", answer.text());
    }
    // YAML with the mark that editors of another system put before it.
    let config = directory.path().join("config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("\u{feff}{text}")).unwrap();
    drop(daemon);
    let daemon = Daemon::start(&config);
    assert_eq!(get(daemon.address, "/api/v1/orgs/acme").status, 200);
}
