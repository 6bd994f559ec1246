//! The whole daemon: from the configuration to the metrics page.

use super::fixture::{ACCOUNT, PASSWORD, certified, mailboxes};
use crate::salesforce::{secret_file, wait_for_metric};
use crate::support::http::get;
use crate::support::process::{Daemon, wait_until};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg, ExchangeScene};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_probe_finds_is_on_the_metrics_page() {
    let certified = certified("localhost", 2100);
    let org = ExchangeOrg::healthy(ACCOUNT, PASSWORD, mailboxes(3));
    let exchange =
        Exchange::start(org, "localhost", Some(Arc::clone(&certified.config))).await.unwrap();
    let directory = certified.directory.path();
    secret_file(&directory.join("acme.exchange"), PASSWORD);
    let file = directory.join("config.yaml");
    let text = format!(
        "store: {{ path: {} }}
orgs:
  - name: acme
    retirement: none
    exchange:
      ews_url: {}
      ca_file: ca.pem
      auth: {{ basic: {{ username: '{ACCOUNT}', password_file: acme.exchange }} }}
      mailboxes: [user0@corp.example, user1@corp.example as Ann@corp.example, user2@corp.example]
      poll_every: 1m
",
        directory.join("sync.db").display(),
        exchange.url()
    );
    fs::write(&file, text).unwrap();
    let daemon = Daemon::start(&file);
    let page = wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 1",
    );
    for line in [
        "lightning_sync_exchange_step_success{org=\"acme\",step=\"counts\"} 1",
        "lightning_sync_exchange_mailboxes{org=\"acme\",verdict=\"ok\"} 3",
        "lightning_sync_exchange_contacts_records{org=\"acme\"} 126",
        "lightning_sync_exchange_certificate_not_after_timestamp_seconds{org=\"acme\"} 4102444800",
        "lightning_sync_service_account_recognized{org=\"acme\"} 1",
        "lightning_sync_users{check=\"contacts_folder\",org=\"acme\",status=\"yes\"} 3",
        "lightning_sync_records_in_sync{object_type=\"contacts\",org=\"acme\"} 126",
    ] {
        let parts: Vec<&str> = line.split(['{', '}']).collect();
        let mut labels: Vec<&str> = parts[1].split(',').collect();
        labels.sort_unstable();
        let found = page.lines().any(|found| {
            let found: Vec<&str> = found.split(['{', '}']).collect();
            let mut other: Vec<&str> =
                found.get(1).map(|it| it.split(',').collect()).unwrap_or_default();
            other.sort_unstable();
            found.first() == parts.first() && other == labels && found.get(2) == parts.get(2)
        });
        assert!(found, "{line}\n{page}");
    }
    assert!(!page.contains("user0@") && !daemon.process.log().contains(PASSWORD));
    exchange.change(|org| org.scene = ExchangeScene::WrongPath);
    let page = wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"exchange\"} 0",
    );
    assert!(page.contains("lightning_sync_exchange_step_failure_info{org=\"acme\",step=\"http\",verdict=\"failed\",reason=\"not_ews\"} 1")
        || page.lines().any(|line| line.starts_with("lightning_sync_exchange_step_failure_info") && line.contains("not_ews")), "{page}");
    // The page follows with the next View.
    wait_until("the steps are on the page", Duration::from_secs(10), || {
        let shown = get(daemon.address, "/orgs/acme").text();
        let parts =
            ["The way to Exchange", "broken first", "<b>http</b>", "✗ failed here", "not_ews"];
        parts.iter().all(|part| shown.contains(part)).then_some(())
    });
    assert!(daemon.process.log().contains("Get-WebServicesVirtualDirectory"));
}
