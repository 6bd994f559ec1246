//! A configuration and a database that version 0.1 wrote are taken as they are.

use crate::support::http::{get, post};
use crate::support::stack::repository;
use chrono::DateTime;
use lightning_sync_exporter::app::{Daemon, Options, Supervisor, running_clock};
use lightning_sync_exporter::config::{Environment, from_file};
use lightning_sync_exporter::domain::time::Timestamp;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

/// When the snapshot in the database was taken; the daemon ended 10 minutes later.
const CAPTURED_AT: &str = "2026-11-28T09:45:17Z";

#[test]
fn a_configuration_and_a_database_of_version_0_1_work_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    fs::copy(repository("tests/it/upgrade/config.yaml"), &file).unwrap();
    let database = directory.path().join("lightning-sync.db");
    fs::copy(repository("tests/it/upgrade/version_0_1.db"), &database).unwrap();
    let config = from_file(&file, &Environment::default()).unwrap();
    assert_eq!(config.store.path, database);

    let captured = DateTime::parse_from_rfc3339(CAPTURED_AT).unwrap().timestamp();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let options = Options {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        telemetry_path: "/metrics".to_owned(),
        web_file: None,
        lifecycle: false,
        allowed_hosts: Vec::new(),
        config_file: None,
        environment: Environment::default(),
        clock: running_clock(Timestamp::from_seconds(captured + 20 * 60), 1),
        supervisor: Supervisor::default(),
        alert_pace: 1,
    };
    let daemon = runtime.block_on(async { Daemon::start(&config, options) }).unwrap();
    let address = daemon.addresses()[0];
    let running = runtime.spawn(daemon.run(async move {
        ended.await.ok();
    }));

    let page = get(address, "/metrics").text();
    for sample in [
        "last_sync_timestamp_seconds{org=\"acme\",object_type=\"contacts\"} 1795859117",
        "last_sync_timestamp_seconds{org=\"acme\",object_type=\"events\"} 1795852517",
        "records_failed_24h{org=\"acme\",object_type=\"events\"} 1",
        "linked_users{org=\"acme\"} 2",
        "users{org=\"acme\",check=\"reset\",status=\"marked_for_reset\"} 1",
        "users{org=\"acme\",check=\"active_configuration\",status=\"no\"} 1",
        "org_info{org=\"beta\",product=\"einstein_activity_capture\",connection=\"service_account\"} 1",
    ] {
        assert!(page.contains(&format!("\nlightning_sync_{sample}")), "{sample}\n{page}");
    }
    // What was counted is not counted again.
    let record = format!(
        "{{\"at\":\"{CAPTURED_AT}\",\"object_type\":\"contacts\",\"user\":\"ann@acme.example\",\"record\":\"1\",\"id\":\"a1\"}}\n"
    );
    let headers = [("Content-Type", "application/x-ndjson")];
    let answer = post(address, "/api/v1/orgs/acme/activity", &headers, record.as_bytes());
    assert_eq!(answer.text(), "{\"accepted\":0,\"duplicates\":1,\"expired\":0,\"rejected\":[]}");
    end.send(()).ok();
    runtime.block_on(running).unwrap().unwrap();
}
