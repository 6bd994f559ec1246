//! What an attack costs: connections, time of scrapes, memory. Runs alone, because it measures.

use super::fixture::{Setting, Site};
use crate::support::http::{get, post};
use crate::support::process::wait_until;
use flate2::Compression;
use flate2::write::GzEncoder;
use lightning_sync_exporter::web::limits::{DECODED_BYTES, HEAD_WITHIN};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How many slow connections there are, each with its two ends in a process of its own: the usual limit of open files
/// is too low for both.
fn slow_connections() -> usize {
    std::env::var("LIGHTNING_SYNC_TEST_CONNECTIONS")
        .map_or(10_000, |text| text.parse().expect("a number of connections"))
}

/// Lets this process have `files` open.
fn allow_files(files: usize) {
    let limit = getrlimit(Resource::Nofile);
    let (files, soft) = (files as u64, limit.current.unwrap_or(u64::MAX));
    let maximum = limit.maximum.map(|hard| hard.max(files));
    let wanted = Rlimit { current: Some(soft.max(files)), maximum };
    assert!(
        soft >= files || setrlimit(Resource::Nofile, wanted).is_ok(),
        "{files} open files are needed and not allowed; raise the limit (ulimit -Hn) or lower LIGHTNING_SYNC_TEST_CONNECTIONS"
    );
}

fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Sends a head byte by byte until it is closed; says after how long that was.
async fn drip(address: SocketAddr, open: Arc<Open>) -> Duration {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let begun = Instant::now();
    let now_open = open.now.fetch_add(1, Ordering::Relaxed) + 1;
    open.most.fetch_max(now_open, Ordering::Relaxed);
    let mut nothing = [0; 1];
    let mut write = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n").await;
    while write.is_ok() {
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut nothing)).await {
            Ok(_) => break,
            Err(_) => write = stream.write_all(b"X").await,
        }
    }
    open.now.fetch_sub(1, Ordering::Relaxed);
    begun.elapsed()
}

#[derive(Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// What became of an attack.
struct Attack {
    connections: usize,
    most_at_once: usize,
    shortest: Duration,
    longest: Duration,
}

fn attack(address: SocketAddr, connections: usize) -> Attack {
    allow_files(connections + 100);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = Arc::new(Open::default());
    let lived: Vec<Duration> = runtime.block_on(async {
        let mut tasks = Vec::new();
        for number in 0..connections {
            tasks.push(tokio::spawn(drip(address, Arc::clone(&open))));
            if number % 256 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let mut lived = Vec::new();
        for task in tasks {
            lived.push(task.await.unwrap());
        }
        lived
    });
    Attack {
        connections: lived.len(),
        most_at_once: open.most.load(Ordering::Relaxed),
        shortest: lived.iter().copied().min().unwrap_or_default(),
        longest: lived.iter().copied().max().unwrap_or_default(),
    }
}

/// By itself this attacks a site of its own; the test below runs it in another process against its own.
#[test]
fn every_slow_connection_is_closed_in_time() {
    let site;
    let (address, connections) = match std::env::var(ATTACKED) {
        Ok(address) => (address.parse().unwrap(), slow_connections()),
        Err(_) => {
            site = Site::start();
            (site.address, 50)
        }
    };
    let attack = attack(address, connections);
    println!(
        "ATTACK {} {} {} {}",
        attack.connections,
        attack.most_at_once,
        attack.shortest.as_millis(),
        attack.longest.as_millis()
    );
    assert_eq!(attack.connections, connections);
    assert!(attack.longest < HEAD_WITHIN * 2, "{:?}", attack.longest);
}

const ATTACKED: &str = "LIGHTNING_SYNC_TEST_ATTACKED";

/// Attacks `address` from another process, which is this one's program again.
fn attack_from_outside(address: SocketAddr) -> Attack {
    let attacker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "web::measured::every_slow_connection_is_closed_in_time"])
        .env(ATTACKED, address.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&attacker.stdout).into_owned();
    let failed = String::from_utf8_lossy(&attacker.stderr).into_owned();
    assert!(attacker.status.success(), "{said}{failed}");
    let figures = said.split_once("ATTACK ").unwrap().1.lines().next().unwrap();
    let figures: Vec<u64> = figures.split(' ').map(|figure| figure.parse().unwrap()).collect();
    Attack {
        connections: usize::try_from(figures[0]).unwrap(),
        most_at_once: usize::try_from(figures[1]).unwrap(),
        shortest: Duration::from_millis(figures[2]),
        longest: Duration::from_millis(figures[3]),
    }
}

#[test]
fn ten_thousand_slow_connections_are_closed_in_time_and_no_scrape_waits_for_them() {
    let connections = slow_connections();
    allow_files(connections + 2_000);
    let site = Site::with(Setting { page: (&[b'#'; 65536], 16), ..Setting::default() });
    let (address, before) = (site.address, memory("VmRSS"));
    let attacker = std::thread::spawn(move || attack_from_outside(address));
    let (mut scrapes, mut peak) = (Vec::new(), before);
    while !attacker.is_finished() {
        let begun = Instant::now();
        assert_eq!(get(address, "/metrics").body.len(), 16 * 65536);
        scrapes.push(begun.elapsed());
        if scrapes.len() % 64 == 0 {
            peak = peak.max(memory("VmRSS"));
        }
    }
    let attack = attacker.join().unwrap();
    scrapes.sort();
    let at = |share: f64| scrapes[((scrapes.len() - 1) as f64 * share) as usize];
    println!(
        "{} slow connections, {} open at once: closed after {:.1} s to {:.1} s; {} scrapes of 1 MiB beside them: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms; memory {before} to {peak} MiB",
        attack.connections,
        attack.most_at_once,
        attack.shortest.as_secs_f64(),
        attack.longest.as_secs_f64(),
        scrapes.len(),
        at(0.5).as_secs_f64() * 1e3,
        at(0.99).as_secs_f64() * 1e3,
        at(1.0).as_secs_f64() * 1e3,
    );
    assert_eq!(attack.connections, connections);
    assert!(
        attack.most_at_once > connections / 2,
        "only {} were open at once",
        attack.most_at_once
    );
    assert!(peak - before < 100, "{before} to {peak} MiB");
    assert!(at(0.99) < Duration::from_millis(50), "{:?}", at(0.99));
}

fn zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![0; 1024 * 1024];
    for _ in 0..bytes / piece.len() {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

const PACKED: [(&str, &str); 2] =
    [("Content-Type", "application/x-ndjson"), ("Content-Encoding", "gzip")];

#[test]
fn a_gzip_bomb_is_refused_at_the_limit_in_bounded_memory() {
    let member = zeros(DECODED_BYTES);
    let members = member.repeat(10 * 1024 * 1024 / member.len());
    let decoded = (members.len() / member.len() * DECODED_BYTES) >> 30;
    let single = zeros(DECODED_BYTES * 16);
    let site = Site::start();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmHWM");
    for bomb in [&members, &single] {
        let begun = Instant::now();
        let answer = post(site.address, "/api/v1/orgs/acme/activity", &PACKED, bomb);
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (413, Some("decoded_too_large"))
        );
        println!(
            "a bomb of {} KiB was refused after {:.2} s",
            bomb.len() / 1024,
            begun.elapsed().as_secs_f64()
        );
    }
    let grown = memory("VmHWM") - before;
    println!(
        "{} MiB that would become {decoded} GiB: memory grew by {grown} MiB",
        members.len() >> 20
    );
    assert!(grown < 2 * (DECODED_BYTES as u64 >> 20) + 32, "{grown} MiB");
    let exact = post(site.address, "/api/v1/orgs/acme/activity", &PACKED, &member);
    assert_eq!(exact.json()["duplicates"], DECODED_BYTES);
    assert_eq!(site.seen.pushed.lock().unwrap().len(), 1);
}

#[test]
fn large_bodies_of_an_organisation_come_one_after_the_other_and_hold_up_nobody_else() {
    let site = Site::start();
    let address = site.address;
    let body = Arc::new(zeros(DECODED_BYTES));
    let push = move |org: &str, headers: &[(&str, &str)], body: &[u8], query: &str| {
        let path = format!("/api/v1/orgs/{org}/activity{query}");
        post(address, &path, headers, body)
    };
    let held: Vec<_> = (0..2)
        .map(|_| {
            let body = Arc::clone(&body);
            std::thread::spawn(move || push("acme", &PACKED, &body, "?hold=1").status)
        })
        .collect();
    let pushed = || site.seen.pushed.lock().unwrap().len();
    wait_until("one is handed over", Duration::from_secs(30), || (pushed() == 1).then_some(()));
    let of_beta = [PACKED[0], PACKED[1], ("Authorization", "Bearer beta-token")];
    assert_eq!(push("beta", &of_beta, &body, "").status, 200);
    let small = push("acme", &PACKED[..1], b"{}", "");
    assert_eq!(small.status, 200, "small bodies go past");
    // acme's second one has not been decoded yet.
    assert_eq!(pushed(), 3);
    site.gate.add_permits(2);
    let held: Vec<u16> = held.into_iter().map(|push| push.join().unwrap()).collect();
    assert_eq!(held, [200, 200]);
}

#[test]
fn bodies_of_usual_size_go_side_by_side_while_no_other_organisation_sends() {
    let site = Site::start();
    let address = site.address;
    let handed_over = |size: usize, wanted: usize| {
        let before = site.seen.pushed.lock().unwrap().len();
        let held: Vec<_> = (0..2)
            .map(|_| {
                std::thread::spawn(move || {
                    let path = "/api/v1/orgs/acme/activity?hold=1";
                    post(address, path, &PACKED[..1], &vec![b'0'; size]).status
                })
            })
            .collect();
        wait_until("as many are handed over", Duration::from_secs(30), || {
            (site.seen.pushed.lock().unwrap().len() == before + wanted).then_some(())
        });
        site.gate.add_permits(2);
        let held: Vec<u16> = held.into_iter().map(|push| push.join().unwrap()).collect();
        assert_eq!(held, [200, 200]);
    };
    handed_over((2 << 20) - 1, 2);
    handed_over(2 << 20, 1);
}
