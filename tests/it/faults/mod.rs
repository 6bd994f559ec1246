//! Faults below the daemon: a disk that fails, tears or forgets at one call, and a clock that steps. Each is made by a shim
//! between the daemon and the C library, and after each the daemon is started again on what is left: every acknowledged
//! record is counted exactly once, and none that nobody sent.

mod clock;
mod disk;

use crate::support::http::request;
use crate::support::process::Daemon;
use crate::support::stack::repository;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many records a batch has.
const RECORDS: u64 = 30;

/// Compiles one of the shims into a directory.
fn shim(directory: &Path, name: &str) -> PathBuf {
    let library = directory.join(format!("{name}.so"));
    let output = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(repository("tests/it/faults").join(format!("{name}.c")))
        .arg("-ldl")
        .output()
        .unwrap_or_else(|error| panic!("cc: {error}; tests/run installs it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// The page for Prometheus, while the daemon lives.
fn page(address: SocketAddr) -> Option<String> {
    let answer = request(address, "GET", "/metrics", &[], b"").ok()?;
    String::from_utf8(answer.body).ok()
}

/// What a daemon that lives counts in 24 hours.
fn counted(address: SocketAddr) -> Option<u64> {
    let page = page(address)?;
    let line = "lightning_sync_records_synced_24h{org=\"acme\",object_type=\"contacts\"} ";
    let count = page.lines().find_map(|it| it.strip_prefix(line));
    // Before the first record nobody knows.
    Some(count.map_or(0, |count| count.parse().expect("a count")))
}

/// What was answered to a batch.
#[derive(Debug, PartialEq)]
enum Answer {
    /// How many were new, and how many known; nothing where the answer ends behind its status.
    Taken(Option<(u64, u64)>),
    Refused(u16),
    /// The daemon ended first.
    None,
}

/// Sends a batch: the same records for the same name and time.
fn push(address: SocketAddr, batch: &str, at: &str) -> Answer {
    let mut body = String::new();
    for record in 0..RECORDS {
        writeln!(
            body,
            "{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"{batch}-{record}\"}}"
        )
        .expect("memory");
    }
    let headers = [("Content-Type", "application/x-ndjson")];
    let path = "/api/v1/orgs/acme/activity";
    let Ok(answer) = request(address, "POST", path, &headers, body.as_bytes()) else {
        return Answer::None;
    };
    if answer.status != 200 {
        return Answer::Refused(answer.status);
    }
    let counts = || {
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
        Some((answer["accepted"].as_u64()?, answer["duplicates"].as_u64()?))
    };
    Answer::Taken(counts())
}

fn terminate(daemon: &Daemon) {
    let sent = Command::new("kill").args(["-TERM", &daemon.process.pid().to_string()]).status();
    assert!(sent.expect("kill exists").success());
}
