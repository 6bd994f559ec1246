//! The whole daemon over Graph: from the configuration, by secret and by certificate, to the metrics page.

use super::fixture::certified;
use super::graph::{KEY, SECRET, app_certificate};
use crate::salesforce::{secret_file, wait_for_metric};
use crate::support::http::get;
use crate::support::process::{Daemon, wait_until};
use lightning_sync_sim::simulator::exchange::graph::{
    Graph, GraphMailbox, GraphScene, GraphTenant, GraphTrouble as Trouble, SimulatedApp,
};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// What is wrong with a mailbox, and its verdict on the metrics page. `unknown`: nothing is claimed yet.
const ROWS: &[(Option<Trouble>, &str)] = &[
    (None, "ok"),
    (Some(Trouble::ODataDisabled), "unknown"),
    (Some(Trouble::AccessPolicy), "unknown"),
    (Some(Trouble::AccessDenied), "unknown"),
    (Some(Trouble::ExtensionError), "unknown"),
    (Some(Trouble::RequestDenied), "unknown"),
    (Some(Trouble::ContactsDenied), "ok"),
    (Some(Trouble::SettingsDenied), "ok"),
    (Some(Trouble::NotEnabled), "not_in_exchange_online"),
    (Some(Trouble::NotEnabledOld), "not_in_exchange_online"),
    (Some(Trouble::InvalidUser), "mailbox_not_found"),
    (Some(Trouble::UserNotFound), "mailbox_not_found"),
    (Some(Trouble::ResourceNotFound), "mailbox_not_found"),
    (Some(Trouble::CalendarNotFound), "calendar_missing"),
    (Some(Trouble::StateNotFound), "unknown"),
    (Some(Trouble::Throttled), "unknown"),
    (Some(Trouble::ActivityLimit), "unknown"),
    (Some(Trouble::DependencyFailed), "unknown"),
    (Some(Trouble::Unavailable), "unknown"),
    (Some(Trouble::BadRequest), "request_refused"),
    (Some(Trouble::Unknown), "exchange_other"),
    (Some(Trouble::MoreElsewhere), "ok"),
    (Some(Trouble::OddCount), "exchange_other"),
];

struct Running {
    daemon: Daemon,
    graph: Graph,
    // Ends with the test.
    _certified: super::fixture::Certified,
}

async fn running(app: SimulatedApp, auth: &str, mailboxes: Vec<GraphMailbox>) -> Running {
    let certified = certified("localhost", 2100);
    let directory = certified.directory.path();
    let users: Vec<String> = mailboxes.iter().map(|mailbox| mailbox.user.clone()).collect();
    let mut tenant = GraphTenant::healthy(app, mailboxes);
    // Within the five minutes that an assertion holds.
    tenant.now_seconds =
        chrono::DateTime::<chrono::Utc>::from(fs::metadata(directory).unwrap().modified().unwrap())
            .timestamp()
            + 60;
    let (id, client_id) = (tenant.tenant.clone(), tenant.client_id.clone());
    let config = Some(Arc::clone(&certified.config));
    let graph = Graph::start(tenant, "localhost", config).await.unwrap();
    secret_file(&directory.join("acme.graph"), SECRET);
    secret_file(&directory.join("acme.key"), KEY);
    let file = directory.join("config.yaml");
    let text = format!(
        "store: {{ path: {} }}
orgs:
  - name: acme
    retirement: none
    connection: oauth
    exchange:
      ca_file: ca.pem
      graph:
        tenant: {id}
        client_id: {client_id}
        {auth}
        simulator: {}
      mailboxes: [{}]
      poll_every: 1m
",
        directory.join("sync.db").display(),
        graph.url(),
        users.join(", ")
    );
    fs::write(&file, text).unwrap();
    Running { daemon: Daemon::start(&file), graph, _certified: certified }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_of_errors_is_on_the_metrics_page() {
    let mailboxes = ROWS.iter().enumerate().map(|(number, (trouble, _))| {
        let user = format!("user{number}@corp.example");
        GraphMailbox { trouble: *trouble, ..GraphMailbox::healthy(user, 42) }
    });
    let app = SimulatedApp::Secret(SECRET.to_owned());
    let auth = "client_secret_file: acme.graph";
    let running = running(app, auth, mailboxes.collect()).await;
    let page = wait_for_metric(
        running.daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 1",
    );
    for verdict in ROWS.iter().map(|(_, verdict)| verdict) {
        let count = ROWS.iter().filter(|(_, other)| other == verdict).count();
        let shown = |line: &&str| {
            line.starts_with("lightning_sync_exchange_mailboxes{")
                && line.contains(&format!("verdict=\"{verdict}\""))
        };
        let line = page.lines().find(shown).unwrap_or_else(|| panic!("{verdict}\n{page}"));
        assert!(line.ends_with(&format!(" {count}")), "{line}");
    }
    assert!(page.contains("reason=\"mailbox_not_found\""), "{page}");
    let log = running.daemon.process.log();
    assert!(log.contains("mailbox_not_found") && !log.contains(SECRET), "{log}");
    assert!(!log.contains("eyJ0eXAi") && !page.contains("user0@"));
    assert_eq!(running.graph.tokens(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_files_signs_in_and_what_breaks_is_on_the_page() {
    let (_, pem, app) = app_certificate(2100);
    let mailboxes = (0..3).map(|n| GraphMailbox::healthy(format!("user{n}@corp.example"), 42));
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("app.pem");
    fs::write(&certificate, pem).unwrap();
    let auth = format!("certificate_file: {}\n        key_file: acme.key", certificate.display());
    let running = running(app, &auth, mailboxes.collect()).await;
    let address = running.daemon.address;
    let page =
        wait_for_metric(address, "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 1");
    for line in [
        "lightning_sync_exchange_contacts_records{org=\"acme\"} 126",
        "lightning_sync_exchange_certificate_not_after_timestamp_seconds{org=\"acme\"} 4102444800",
        "lightning_sync_records_in_sync{org=\"acme\",object_type=\"contacts\"} 126",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert!(!page.contains("lightning_sync_service_account_recognized{"), "{page}");
    running.graph.change(|tenant| tenant.scene = GraphScene::LoginPage);
    wait_for_metric(address, "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 0");
    wait_until("the steps are on the page", Duration::from_secs(10), || {
        let shown = get(address, "/orgs/acme").text();
        ["finding broken", "<b>http</b>", "login_page"]
            .iter()
            .all(|part| shown.contains(part))
            .then_some(())
    });
    let log = running.daemon.process.log();
    assert!(!log.contains("PRIVATE KEY") && !log.contains("eyJ"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_mailboxes_take_little_memory() {
    let mailboxes = (0..2_000).map(|n| GraphMailbox::healthy(format!("user{n}@corp.example"), 42));
    let app = SimulatedApp::Secret(SECRET.to_owned());
    let running = running(app, "client_secret_file: acme.graph", mailboxes.collect()).await;
    let page = wait_for_metric(
        running.daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 1",
    );
    let value = |metric: &str| {
        let line = page.lines().find(|line| line.starts_with(metric)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let bytes = value("process_resident_memory_bytes");
    let seconds = value("lightning_sync_poll_duration_seconds");
    let records = value("lightning_sync_exchange_contacts_records{");
    println!("2000 mailboxes: {:.0} MB in all, {seconds:.1} s", bytes / 1e6);
    assert_eq!(records, 2_000.0 * 42.0);
    assert!(bytes < 100e6 && seconds < 300.0, "{bytes} {seconds}");
}
