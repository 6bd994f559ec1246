//! Durable NDJSON ingest over HTTP, client included, on one machine: records a second, and who the time goes to.
//!
//! `cargo bench --bench ingest` sends 1,000,000 records with times near now, then 300,000 spread at random over 24
//! hours, in bodies of 5,000 records over four connections. Every answer has been waited for, so every record counted
//! here is on disk. The shares are processor time by thread: what the client, the HTTP and parsing threads, and the
//! engine with its store took.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a bench fails loudly"
)]

use lightning_sync_exporter::app::{Daemon, Options, Supervisor, now, real_clock};
use lightning_sync_exporter::config::{Environment, from_text};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const BODY_RECORDS: usize = 5_000;
const CONNECTIONS: usize = 4;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "store: {{ path: {} }}\norgs: [{{ name: acme }}]\n",
        directory.path().join("bench.db").display()
    );
    let config = from_text("bench", &text, Path::new(""), &Environment::default()).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options = Options {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        telemetry_path: "/metrics".to_owned(),
        web_file: None,
        lifecycle: false,
        allowed_hosts: Vec::new(),
        config_file: None,
        environment: Environment::default(),
        clock: real_clock(),
        supervisor: Supervisor::default(),
        alert_pace: 1,
    };
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let daemon = runtime.block_on(async { Daemon::start(&config, options) }).unwrap();
    let address = daemon.addresses()[0];
    let running = runtime.spawn(daemon.run(async move {
        ended.await.ok();
    }));

    let near = |index: usize| (index as i64) * 50_000;
    // A multiplicative walk over the day: every instant once, in no order.
    let spread = |index: usize| {
        ((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 86_400_000_000_000) as i64
    };
    run("near now", address, 1_000_000, &near);
    run("random over 24 h", address, 300_000, &spread);

    end.send(()).ok();
    runtime.block_on(running).unwrap().unwrap();
}

/// Sends records whose time lies `ago(index)` nanoseconds back.
fn run(name: &str, address: SocketAddr, count: usize, ago: &dyn Fn(usize) -> i64) {
    let base = now().nanos();
    let bodies: Vec<Vec<u8>> = (0..count / BODY_RECORDS)
        .map(|body| {
            request(
                address,
                (0..BODY_RECORDS).map(|record| body * BODY_RECORDS + record),
                base,
                ago,
            )
        })
        .collect();
    let bodies = Arc::new(bodies);
    let next = Arc::new(AtomicUsize::new(0));
    let before = threads();
    let started = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (bodies, next) = (Arc::clone(&bodies), Arc::clone(&next));
            let client = std::thread::Builder::new().name("client".to_owned());
            client.spawn(move || send(address, &bodies, &next)).unwrap()
        })
        .collect();
    let client_ticks: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    let took = started.elapsed().as_secs_f64();
    let after = threads();
    let spent = |picked: &dyn Fn(&str) -> bool| -> u64 {
        let sum = |all: &[(String, u64)]| {
            all.iter().filter(|(name, _)| picked(name)).map(|(_, ticks)| ticks).sum::<u64>()
        };
        sum(&after).saturating_sub(sum(&before))
    };
    let engine = spent(&|name| name == "engine");
    let http = spent(&|name| name.starts_with("tokio"));
    let all = (client_ticks + engine + http).max(1) as f64;
    let share = |ticks: u64| 100.0 * ticks as f64 / all;
    println!(
        "{name}: {:.0} records/s ({count} in {took:.2} s); processor time: client {:.0} %, HTTP and parser {:.0} %, engine and store {:.0} %",
        count as f64 / took,
        share(client_ticks),
        share(http),
        share(engine),
    );
}

fn request(
    address: SocketAddr,
    records: impl Iterator<Item = usize>,
    base: i64,
    ago: &dyn Fn(usize) -> i64,
) -> Vec<u8> {
    let mut body = String::new();
    for index in records {
        let at = chrono::DateTime::from_timestamp_nanos(base - ago(index))
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let object = if index % 3 == 0 { "contacts" } else { "events" };
        body += &format!(
            "{{\"at\":\"{at}\",\"object_type\":\"{object}\",\"direction\":\"to_exchange\",\"user\":\"user{}@corp.example\",\"outcome\":\"synced\",\"id\":\"00U{index:015}\"}}\n",
            index % 5_000,
        );
    }
    let head = format!(
        "POST /api/v1/orgs/acme/activity HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// Sends bodies until none is left, waiting for each answer; gives the processor time that this thread took.
fn send(address: SocketAddr, bodies: &[Vec<u8>], next: &AtomicUsize) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut answer = vec![0; 16 << 10];
    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
        stream.write_all(body).unwrap();
        let mut length = 0;
        while !answer[..length].ends_with(b"\"rejected\":[]}") {
            let count = stream.read(&mut answer[length..]).unwrap();
            assert!(count > 0, "closed: {}", String::from_utf8_lossy(&answer[..length]));
            length += count;
        }
        let text = String::from_utf8_lossy(&answer[..length]);
        let expected = format!("\"accepted\":{BODY_RECORDS},\"duplicates\":0");
        assert!(text.starts_with("HTTP/1.1 200") && text.contains(&expected), "{text}");
    }
    ticks(&fs::read_to_string("/proc/thread-self/stat").unwrap()).1
}

/// Name and processor time of every thread of this process, in clock ticks.
fn threads() -> Vec<(String, u64)> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok())
        .map(|stat| ticks(&stat))
        .collect()
}

fn ticks(stat: &str) -> (String, u64) {
    let (head, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let name = head.split_once('(').unwrap().1;
    (name.to_owned(), fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
}
