//! What `doctor` prints of an Exchange, whole, and how it exits.

use super::fixture::{ACCOUNT, PASSWORD, certified, mailboxes};
use crate::salesforce::{secret_file, wait_for_metric};
use crate::support::http::post;
use crate::support::process::Daemon;
use lightning_sync_exporter::app::now;
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg, ExchangeScene, FolderPlace};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// The lines, without what differs from run to run, and the exit code.
fn doctor(config: &Path, url: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .args(["doctor", "--config.file", config.to_str().unwrap(), "--url", url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let directory = config.parent().unwrap().to_str().unwrap();
    (output.status.code(), text.replace(directory, "DIRECTORY").replace(url, "URL"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_a_healthy_and_of_a_broken_exchange_is_a_line() {
    let certified = certified("localhost", 2100);
    let org = ExchangeOrg::healthy(ACCOUNT, PASSWORD, mailboxes(3));
    let exchange =
        Exchange::start(org, "localhost", Some(Arc::clone(&certified.config))).await.unwrap();
    let directory = certified.directory.path();
    secret_file(&directory.join("acme.exchange"), PASSWORD);
    let config = directory.join("config.yaml");
    let text = format!(
        "store: {{ path: sync.db }}
orgs:
  - name: acme
    exchange:
      ews_url: {}
      ca_file: ca.pem
      auth: {{ basic: {{ username: '{ACCOUNT}', password_file: acme.exchange }} }}
      mailboxes: [user0@corp.example, user1@corp.example, user2@corp.example]
",
        exchange.url()
    );
    fs::write(&config, text).unwrap();
    let daemon = Daemon::start(&config);
    let url = format!("http://{}", daemon.address);
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 1",
    );
    let json = [("Content-Type", "application/json")];
    let body = format!("{{\"captured_at\":\"{}\",\"linked_users\":3}}", now());
    post(daemon.address, "/api/v1/orgs/acme/snapshot", &json, body.as_bytes());
    let mut all = Vec::new();
    for change in [None, Some(ExchangeScene::Healthy), Some(ExchangeScene::LockedOut)] {
        exchange.change(|org| {
            org.scene = change.unwrap_or(ExchangeScene::Healthy);
            if change == Some(ExchangeScene::Healthy) {
                org.mailboxes[0].folders[0].place = FolderPlace::Deleted;
            }
        });
        exchange.take_seen();
        let (at, of) = (config.clone(), url.clone());
        let (code, text) = tokio::task::spawn_blocking(move || doctor(&at, &of)).await.unwrap();
        let lines: Vec<&str> =
            text.lines().filter(|line| line.contains(" acme exchange ")).collect();
        // The poll as a whole failed: once more, in a line of its own.
        let failed = text.lines().find(|line| line.starts_with("FAIL acme exchange: "));
        assert_eq!(failed.is_some(), change == Some(ExchangeScene::LockedOut), "{text}");
        all.push(format!("exit {}\n{}\n", code.unwrap(), lines.join("\n")));
        let sign_ins =
            exchange.take_seen().iter().filter(|seen| seen.body.contains("ConvertId")).count();
        assert!(sign_ins <= 1, "one sign-in: {sign_ins}");
        assert!(!text.contains(PASSWORD), "{text}");
    }
    assert_eq!(all[0], HEALTHY);
    assert_eq!(all[1], FOLDER);
    assert_eq!(all[2], LOCKED);
}

const HEALTHY: &str = "\
exit 0
PASS acme exchange dns: it works
PASS acme exchange tcp: it works
PASS acme exchange tls: it works
PASS acme exchange http: it works
PASS acme exchange autodiscover: it works
PASS acme exchange auth: it works
PASS acme exchange impersonation: 3 of 3 mailboxes
PASS acme exchange version: 3 of 3 mailboxes
PASS acme exchange calendar: 3 of 3 mailboxes
PASS acme exchange contacts_folder: 3 of 3 mailboxes
PASS acme exchange counts: 3 of 3 mailboxes
";
const FOLDER: &str = "\
exit 1
PASS acme exchange dns: it works
PASS acme exchange tcp: it works
PASS acme exchange tls: it works
PASS acme exchange http: it works
PASS acme exchange autodiscover: it works
PASS acme exchange auth: it works
PASS acme exchange impersonation: 3 of 3 mailboxes
PASS acme exchange version: 3 of 3 mailboxes
PASS acme exchange calendar: 3 of 3 mailboxes
FAIL acme exchange contacts_folder: folder_deleted in 1 of 3 mailboxes. The folder lies under Deleted Items: move it back under Contacts.
PASS acme exchange counts: 2 of 2 mailboxes
";
const LOCKED: &str = "\
exit 1
PASS acme exchange dns: it works
PASS acme exchange tcp: it works
PASS acme exchange tls: it works
PASS acme exchange http: it works
PASS acme exchange autodiscover: it works
WARN acme exchange auth: sign_in_refused_once. One refusal proves nothing: it is tried a second time with the next poll.
SKIP acme exchange impersonation: an earlier step fails, or it is switched off
SKIP acme exchange version: an earlier step fails, or it is switched off
SKIP acme exchange calendar: an earlier step fails, or it is switched off
SKIP acme exchange contacts_folder: an earlier step fails, or it is switched off
SKIP acme exchange counts: an earlier step fails, or it is switched off
";
