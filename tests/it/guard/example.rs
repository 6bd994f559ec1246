//! Our example, before the family's own judge and before ours.

use super::authority::{Authority, replace};
use lightning_sync_exporter::config::{web_example, web_file};
use std::process::Command;

#[test]
fn the_example_is_good_for_promtool_and_for_us() {
    let directory = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    servers.good().write(directory.path(), "web");
    std::fs::write(directory.path().join("clients.crt"), &clients.pem).unwrap();
    let file = directory.path().join("web.yaml");
    replace(&file, &web_example());
    let output = Command::new("promtool")
        .args(["check", "web-config"])
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("promtool: {error}; tests/run installs it"));
    assert!(output.status.success(), "{output:?}");
    let read = web_file(&file).unwrap();
    assert!(read.tls.is_some());
    assert_eq!(read.headers.len(), 4);
    assert_eq!(read.users.len(), 1);
}
