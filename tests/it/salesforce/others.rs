//! Our client against a Salesforce that somebody else wrote, and somebody else's client against our simulator. Both come
//! from the registry of Python's packages; `tests/run` installs them, and without them these tests fail.

use super::fixture::{CLIENT_ID, SECRET, noon, people, policy, settings};
use crate::support::process::Process;
use crate::support::stack::repository;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::http_client::Trust;
use lightning_sync_exporter::sources::salesforce::{Poller, SalesforcePart};
use lightning_sync_sim::simulator::salesforce::{Salesforce, SimulatedOrg};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// Python with the packages of `tests/run`.
pub(super) fn python(script: &str) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(repository("target"), PathBuf::from);
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", target.join("python"))
        .arg(repository("tests/it/salesforce/data").join(script));
    command
}

#[tokio::test]
async fn a_salesforce_that_somebody_else_wrote_is_read() {
    let shim = Process::start(python("mockforce_shim.py").arg("5"));
    let port: u16 = shim.wait_for_line(|line| line.strip_prefix("listening ")?.parse().ok());
    let settings = settings(&format!("http://127.0.0.1:{port}"));
    let mut poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
    let polled = poller.poll(noon()).await;
    let snapshot = polled.snapshot.unwrap();
    let mut names: Vec<&str> = snapshot.users.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 5);
    assert_eq!(names[4], "user4@corp.example");
    assert!(snapshot.users_complete);
    assert!(snapshot.rows.contains(&(OrgRow::LinkedUsers, OrgValue::Count(5))));
    assert_eq!(polled.facts.assigned, Some([5, 0]));
    // It takes no batches, so that what does not fit into the first poll's requests comes with the second.
    let facts = poller.poll(noon()).await.facts;
    assert_eq!(facts.parts[SalesforcePart::SetupTrail], Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_client_reads_the_simulator() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(2_345));
    org.page_rows = 1_000;
    let clock = Arc::new(lightning_sync_exporter::app::now);
    let salesforce = Salesforce::start(vec![org], clock).await.unwrap();
    let mut client = python("other_client.py");
    client.args([&salesforce.address().to_string(), CLIENT_ID, SECRET, "2345"]);
    let output = tokio::task::spawn_blocking(move || client.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.trim(), "fine", "{errors}");
}
