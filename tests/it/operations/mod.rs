//! What operators do to a daemon that runs: back it up, put it back, go back a version, look for its secrets.

mod backup;
mod doctor;
mod erase;
mod log;
mod secrets;

use crate::support::http::post;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A configuration of one organisation that is fed from this host, over a database in a directory.
fn configured(directory: &Path, database: &str) -> PathBuf {
    let config = directory.join(format!("{database}.yaml"));
    let store = directory.join(database);
    let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", store.display());
    std::fs::write(&config, text).unwrap();
    config
}

/// Pushes records with these numbers, all of one instant, and gives the answer.
fn push(address: SocketAddr, at: &str, numbers: std::ops::Range<u64>) -> Value {
    let line =
        |number| format!("{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"r{number}\"}}\n");
    let body: String = numbers.map(line).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    let answer = post(address, "/api/v1/orgs/acme/activity", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Runs the program to its end.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter")).args(arguments).output().unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}
