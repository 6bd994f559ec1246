//! The whole daemon: from the configuration to the metrics page, through failures and back.

use super::fixture::{CLIENT_ID, SECRET, people};
use crate::support::http::{get, post};
use crate::support::process::{Daemon, wait_until};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::simulator::salesforce::{Salesforce, Scene, SimulatedOrg};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Writes a file that only we can read.
pub(super) fn secret_file(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A configuration of one organisation at `url`.
pub(super) fn config(directory: &Path, url: &str) -> PathBuf {
    secret_file(&directory.join("acme.secret"), SECRET);
    let file = directory.join("config.yaml");
    let database = directory.join("sync.db");
    let text = format!(
        "store: {{ path: {} }}
orgs:
  - name: acme
    product: einstein_activity_capture
    salesforce:
      my_domain: {url}
      auth: {{ client_credentials: {{ client_id: {CLIENT_ID}, client_secret_file: acme.secret }} }}
      poll_every: 30s
",
        database.display()
    );
    fs::write(&file, text).unwrap();
    file
}

/// Waits until the metrics page has a line.
pub(super) fn wait_for_metric(address: SocketAddr, line: &str) -> String {
    wait_until(line, Duration::from_secs(90), || {
        let page = get(address, "/metrics").text();
        page.lines().any(|found| found == line).then_some(page)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_salesforce_tells_is_on_the_metrics_page_and_a_failure_keeps_it() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(7));
    org.people[0].connectivity = "NEEDSATTENTION";
    let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = config(
        directory.path(),
        &format!("http://{}", salesforce.address()),
    );
    let daemon = Daemon::start(&file);
    let good = "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 1";
    let page = wait_for_metric(daemon.address, good);
    for line in [
        "lightning_sync_linked_users{org=\"acme\"} 6",
        "lightning_sync_service_account_recognized{org=\"acme\"} 1",
        "lightning_sync_users{org=\"acme\",check=\"service_account\",status=\"no\"} 1",
        "lightning_sync_users{org=\"acme\",check=\"contacts_to_exchange\",status=\"in_sync\"} 6",
        "lightning_sync_salesforce_capture_users{connectivity=\"needs_attention\",org=\"acme\"} 1",
        "lightning_sync_salesforce_part_available{org=\"acme\",part=\"activity_capture\"} 1",
        "lightning_sync_poll_failures_total{org=\"acme\",reason=\"maintenance\",source=\"salesforce\"} 0",
        "lightning_sync_salesforce_api_calls_total{org=\"acme\"} 4",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    salesforce.change(CLIENT_ID, |org| org.scene = Scene::Maintenance);
    let bad = "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 0";
    let page = wait_for_metric(daemon.address, bad);
    let counted = "lightning_sync_poll_failures_total{org=\"acme\",reason=\"maintenance\",source=\"salesforce\"} 1";
    assert!(page.contains(counted), "{page}");
    assert!(
        page.contains("lightning_sync_linked_users{org=\"acme\"} 6"),
        "{page}"
    );
    let log = daemon.process.log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("\"maintenance\""))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("status page"), "{log}");
    salesforce.change(CLIENT_ID, |org| org.scene = Scene::Healthy);
    wait_for_metric(daemon.address, good);
    assert!(
        daemon.process.log().contains("salesforce answers again"),
        "{}",
        daemon.process.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_that_asking_salesforce_fails_and_what_to_do() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(2));
    "another".clone_into(&mut org.client_secret);
    let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = config(
        directory.path(),
        &format!("http://{}", salesforce.address()),
    );
    let daemon = Daemon::start(&file);
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 0",
    );
    // Another source speaks: that does not make this one well.
    let at = now()
        .datetime()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let record = format!("{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"1\"}}");
    let headers = [("Content-Type", "application/x-ndjson")];
    let path = "/api/v1/orgs/acme/activity";
    let answer = post(daemon.address, path, &headers, record.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let doctor = || {
        let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
            .args(["doctor", "--url", &format!("http://{}", daemon.address)])
            .arg("--config.file")
            .arg(&file)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, said) = doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("PASS acme sources: activity speaks"),
        "{said}"
    );
    assert!(
        said.contains(
            "FAIL acme salesforce: asking it fails: credentials_rejected. Compare client id,"
        ),
        "{said}"
    );
    salesforce.change(CLIENT_ID, |org| SECRET.clone_into(&mut org.client_secret));
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 1",
    );
    let (code, said) = doctor();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PASS acme salesforce: it answers"), "{said}");
}

#[test]
fn a_machine_without_authorities_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = config(directory.path(), "https://acme.my.salesforce.example");
    let nothing = directory.path().join("nothing.pem");
    fs::write(&nothing, "").unwrap();
    let around = [
        ("SSL_CERT_FILE", nothing.to_str().unwrap()),
        ("SSL_CERT_DIR", directory.path().to_str().unwrap()),
    ];
    let daemon = Daemon::start_among(&file, "127.0.0.1:0", &[], &around);
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 0",
    );
    let log = daemon.process.log();
    assert_eq!(log.matches("No authority was found").count(), 1, "{log}");
}
