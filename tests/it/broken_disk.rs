//! A database that cannot be written or read, as a sender and an operator meet it: the daemon says what is wrong and what
//! to do, stays up where it can, and takes nothing by halves.

use crate::support::disk::Disk;
use crate::support::http::{Response, get, post};
use crate::support::process::{Daemon, wait_until};
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const BATCH: u64 = 2_000;

fn configured(directory: &Path, store: &Path) -> PathBuf {
    let file = directory.join("config.yaml");
    let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", store.display());
    fs::write(&file, text).expect("the directory is writable");
    file
}

/// Sends a batch of records, the same for the same number.
fn push(address: SocketAddr, batch: u64) -> Response {
    let at = now().datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut body = String::new();
    for record in 0..BATCH {
        writeln!(
            body,
            "{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"{batch}-{record}\"}}"
        )
        .expect("memory");
    }
    let headers = [("Content-Type", "application/x-ndjson")];
    post(address, "/api/v1/orgs/acme/activity", &headers, body.as_bytes())
}

fn counted(address: SocketAddr) -> u64 {
    let page = get(address, "/metrics").text();
    let line = "lightning_sync_records_synced_24h{org=\"acme\",object_type=\"contacts\"} ";
    let count = page.lines().find_map(|it| it.strip_prefix(line));
    count.map_or(0, |count| count.parse().expect("a count"))
}

/// Starts a daemon that should not start.
fn refused(config: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .arg("--config.file")
        .arg(config)
        .args(["--web.listen-address", "127.0.0.1:0"])
        .output()
        .expect("the program runs")
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends until a batch is refused; which one, and the answer.
fn push_until_refused(address: SocketAddr) -> (u64, Response) {
    (0..1_000)
        .map(|batch| (batch, push(address, batch)))
        .find(|(_, answer)| answer.status != 200)
        .expect("a small disk gets full")
}

fn is_told(answer: &Response) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("Retry-After").is_some());
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["reason"], "store_failing", "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|it| !it.is_empty()), "{problem}");
}

#[test]
fn a_full_disk_is_told_to_senders_and_alerts_and_everything_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = Disk::new(12 << 20);
    let ballast = disk.at.join("ballast");
    fs::write(&ballast, vec![1; 6 << 20]).expect("there is room");
    let config = configured(directory.path(), &disk.at.join("full.db"));
    let daemon = Daemon::start(&config);
    let address = daemon.address;

    let (first, answer) = push_until_refused(address);
    is_told(&answer);
    assert!(first > 0, "some batches fit");
    assert_eq!(counted(address), first * BATCH, "nothing is half taken");
    let page = get(address, "/metrics").text();
    let failures = page
        .lines()
        .find_map(|it| it.strip_prefix("lightning_sync_exporter_commit_failures_total "));
    assert_ne!(failures, Some("0"), "what the alert reads");
    assert_eq!(get(address, "/").status, 200, "pages are there meanwhile");
    assert!(daemon.process.log().contains("disk"), "{}", daemon.process.log());

    fs::remove_file(&ballast).expect("it is there");
    let taken = wait_until("the store takes records again", Duration::from_secs(30), || {
        Some(push(address, first)).filter(|answer| answer.status == 200)
    });
    assert_eq!(taken.json()["accepted"], BATCH, "nothing was half taken");
    assert_eq!(counted(address), (first + 1) * BATCH);
}

#[test]
fn a_disk_that_becomes_read_only_is_told_and_what_was_taken_can_be_read() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = Disk::new(32 << 20);
    let store = disk.at.join("ro.db");
    let config = configured(directory.path(), &store);
    {
        let daemon = Daemon::start(&config);
        assert_eq!(push(daemon.address, 0).status, 200);
    }
    // Nobody has a file open for writing, as after an error that made the system mount it anew.
    disk.make_read_only();
    let said = said(&refused(&config));
    assert!(
        said.contains(&store.display().to_string())
            && said.contains("Read-only file system")
            && said.contains("write access"),
        "{said}"
    );
}

#[test]
fn a_damaged_database_and_one_in_use_are_refused_with_the_file_and_the_next_step() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = directory.path().join("a.db");
    let config = configured(directory.path(), &store);
    {
        let mut daemon = Daemon::start(&config);
        for batch in 0..5 {
            assert_eq!(push(daemon.address, batch).status, 200);
        }
        let second = said(&refused(&config));
        assert!(
            second.contains(&store.display().to_string())
                && second.contains("is in use by another daemon; stop that one"),
            "{second}"
        );
        assert_eq!(counted(daemon.address), 5 * BATCH, "the first goes on");
        // What it leaves is one whole file.
        let pid = daemon.process.pid().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.expect("kill exists").success());
        assert_eq!(daemon.process.wait_for_exit(), Some(0));
    }
    let file = OpenOptions::new().write(true).open(&store).expect("ours");
    file.write_all_at(&[0xa5; 8192], 0).expect("ours");
    drop(file);
    let before = fs::read(&store).expect("it is there");
    let damaged = said(&refused(&config));
    assert!(damaged.contains(&store.display().to_string()), "{damaged}");
    assert!(damaged.contains("backup"), "{damaged}");
    let after = fs::read(&store).expect("it is there");
    assert!(after == before, "a damaged file is left as it is");
}
