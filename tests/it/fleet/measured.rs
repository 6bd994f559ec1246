//! A thousand organisations of a hundred users each, one of a hundred thousand, and weeks of many.

mod soak;

use crate::support::http::{Response, get, post, request};
use crate::support::process::Daemon;
use flate2::Compression;
use flate2::write::GzEncoder;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::time::Timestamp;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
/// The best of so many counts: the machine has other work, too.
const ATTEMPTS: usize = 3;
/// The same of what takes milliseconds: a neighbour's second may cover a few attempts.
const SHORT_ATTEMPTS: usize = 20;

fn configured(directory: &Path, orgs: usize) -> PathBuf {
    let mut text = format!("store: {{ path: {} }}\norgs:\n", directory.join("fleet.db").display());
    for number in 0..orgs {
        text += &format!("  - {{ name: org-{number:04}, max_users: 100000 }}\n");
    }
    let file = directory.join("config.yaml");
    fs::write(&file, text).expect("writable");
    file
}

/// A snapshot of an organisation with all of its users, some of whom are not well.
fn snapshot(users: usize, captured_at: Timestamp, seed: usize) -> String {
    let mut body = format!(
        "{{\"captured_at\":\"{captured_at}\",\"service_account\":\"svc\",\"service_account_recognized\":true,\"linked_users\":{users},\
         \"contacts\":{{\"last_sync\":\"{captured_at}\",\"synced_60m\":12,\"synced_24h\":340}},\
         \"events\":{{\"last_sync\":\"{captured_at}\",\"synced_60m\":31,\"synced_24h\":804}},\"users_complete\":true,\"users\":["
    );
    for number in 0..users {
        let well = !(number + seed).is_multiple_of(50);
        let comma = if number == 0 { "" } else { "," };
        body += &format!(
            "{comma}{{\"user\":\"user-{number}@corp.example\",\"active_configuration\":true,\"mailbox_version_supported\":true,\"recognized_by_service_account\":{well},\
             \"contacts\":{{\"folder_found\":true,\"linked\":true,\"to_exchange\":\"in_sync\",\"to_salesforce\":\"in_sync\",\"records_in_sync\":312}},\
             \"events\":{{\"folder_found\":true,\"linked\":true,\"to_exchange\":\"in_sync\",\"to_salesforce\":\"sync_in_progress\",\"records_in_sync\":1204}}}}"
        );
    }
    body + "]}"
}

fn push(address: SocketAddr, org: &str, body: &str) -> Duration {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body.as_bytes()).expect("memory");
    let body = encoder.finish().expect("memory");
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let began = Instant::now();
    let answer = post(address, &format!("/api/v1/orgs/{org}/snapshot"), &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    began.elapsed()
}

fn scrape(address: SocketAddr) -> (Duration, Response) {
    let began = Instant::now();
    let headers = [("Accept-Encoding", "gzip"), ("Connection", "close")];
    let answer = request(address, "GET", "/metrics", &headers, b"").expect("an answer");
    assert_eq!(answer.status, 200);
    (began.elapsed(), answer)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

fn ratio((ours, theirs): (Duration, Duration)) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

/// Serves one answer from memory, to measure what the bytes themselves cost.
fn from_memory(body: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        for peer in listener.incoming() {
            let mut peer = peer.expect("a peer");
            let mut asked = [0; 4096];
            let mut read = 0;
            while !asked[..read].ends_with(b"\r\n\r\n") {
                read += peer.read(&mut asked[read..]).expect("a request");
            }
            peer.write_all(head.as_bytes()).expect("a reader");
            peer.write_all(&body).expect("a reader");
        }
    });
    address
}

/// User and system time, and resident memory, of a process.
fn usage(pid: u32) -> (Duration, u64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks: u64 =
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
    // A tick is a hundredth of a second on every Linux that we run on.
    (Duration::from_millis(ticks * 10), resident.expect("a number"))
}

/// `LIGHTNING_SYNC_TEST_ORGS` is how many organisations there are.
#[test]
fn a_thousand_organisations_of_a_hundred_users() {
    let orgs: usize = std::env::var("LIGHTNING_SYNC_TEST_ORGS")
        .map_or(1_000, |orgs| orgs.parse().expect("a number"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let daemon = Daemon::start(&configured(directory.path(), orgs));
    let pid = daemon.process.pid();
    let (cpu_before, _) = usage(pid);
    let began = Instant::now();
    for org in 0..orgs {
        push(daemon.address, &format!("org-{org:04}"), &snapshot(100, now(), org));
    }
    let took = began.elapsed();
    let (cpu, resident) = usage(pid);
    println!(
        "{orgs} snapshots of 100 users, one after another: {:.1} s, {:.1} s of processor time; {} MB resident",
        took.as_secs_f64(),
        (cpu - cpu_before).as_secs_f64(),
        resident / 1024
    );
    let page = scrape(daemon.address).1;
    let memory = from_memory(page.body.clone());
    let (ours, theirs) = (0..SHORT_ATTEMPTS)
        .map(|_| {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                ours.push(scrape(daemon.address).0);
                theirs.push(scrape(memory).0);
            }
            (median(ours), median(theirs))
        })
        .min_by(|a, b| ratio(*a).total_cmp(&ratio(*b)))
        .expect("some attempts");
    let ratio = ratio((ours, theirs));
    let text = get(daemon.address, "/metrics").text();
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    println!(
        "the page: {series} series, {} kB as text, {} kB compressed; a scrape {:.1} ms, the same bytes from memory {:.1} ms, ratio {ratio:.2}",
        text.len() / 1000,
        page.body.len() / 1000,
        ours.as_secs_f64() * 1e3,
        theirs.as_secs_f64() * 1e3,
    );
    let (cpu_before, _) = usage(pid);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        scrape(daemon.address);
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let (cpu, resident) = usage(pid);
    println!(
        "scraped every second: {:.1} % of a core, {} MB resident",
        (cpu - cpu_before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0,
        resident / 1024
    );
    assert!(ratio < 1.5, "a scrape took {ours:?}, {ratio:.2} times its bytes");
    assert!(resident < 600 * orgs as u64);
}

#[test]
fn a_hundred_thousand_users_are_applied_without_holding_up_scrapes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let daemon = Daemon::start(&configured(directory.path(), ATTEMPTS));
    let address = daemon.address;
    for (what, seed) in [("all new", 0), ("again, some changed", 1)] {
        let took = (0..ATTEMPTS).map(|org| {
            let org = format!("org-{org:04}");
            let body = snapshot(100_000, now(), seed);
            let (took, scrapes) = std::thread::scope(|scope| {
                let pushing = scope.spawn(|| push(address, &org, &body));
                let mut scrapes = Vec::new();
                while !pushing.is_finished() {
                    scrapes.push(scrape(address).0);
                }
                (pushing.join().expect("it is taken"), scrapes)
            });
            let slowest = scrapes.iter().max().copied().unwrap_or_default();
            println!(
                "100,000 users in {} MB, {what}: acknowledged after {:.2} s; {} scrapes meanwhile, the slowest {:.1} ms",
                body.len() / 1_000_000,
                took.as_secs_f64(),
                scrapes.len(),
                slowest.as_secs_f64() * 1e3
            );
            assert!(slowest < Duration::from_millis(500));
            let page = get(address, "/metrics").text();
            assert!(page.contains(&format!(
                "lightning_sync_users_failing{{org=\"{org}\",check=\"service_account\"}} 2000\n"
            )));
            took
        });
        let took = took.min().expect("some attempts");
        assert!(
            took < Duration::from_secs(2),
            "{what}: {took:?} at best; twice the bar is more than a slower machine explains"
        );
    }
}
