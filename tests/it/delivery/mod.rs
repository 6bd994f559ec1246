//! Alerts that the daemon sends itself, with real Alertmanagers: beside a Prometheus they come once, and kills of the daemon
//! lose none, end none and begin none anew.
//!
//! The daemon runs in a process of its own whose rounds follow each other faster. Nothing else is shortened.

mod hostile;
mod killed;

use crate::support::http::{get, post};
use crate::support::process::{Process, wait_until};
use crate::support::receiver::Receiver;
use crate::support::stack::{Alertmanager, Prometheus, repository};
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::{Daemon, Options, Supervisor, now, real_clock};
use lightning_sync_exporter::config::{Environment, from_file};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Names the configuration to the process of the daemon.
const CONFIG: &str = "LIGHTNING_SYNC_TEST_DELIVERY";
const LISTEN: &str = "LIGHTNING_SYNC_TEST_DELIVERY_LISTEN";
const PATIENCE: Duration = Duration::from_secs(120);
/// A round every tenth of a second; what waits for ten minutes waits for a second.
const PACE: u32 = 600;

#[test]
fn the_daemon_of_another_test() {
    let Some(file) = std::env::var_os(CONFIG).map(PathBuf::from) else {
        return;
    };
    let config = from_file(&file, &Environment::default()).unwrap();
    let options = Options {
        listen: vec![std::env::var(LISTEN).unwrap().parse().unwrap()],
        telemetry_path: "/metrics".to_owned(),
        web_file: None,
        lifecycle: true,
        allowed_hosts: Vec::new(),
        config_file: Some(file),
        environment: Environment::default(),
        clock: real_clock(),
        supervisor: Supervisor::default(),
        alert_pace: PACE,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(&config, options).unwrap();
        eprintln!("listening {}", daemon.addresses()[0]);
        // Until it is killed.
        daemon.run(std::future::pending()).await.unwrap();
    });
}

/// Starts the process of the daemon: this program again.
fn daemon(config: &Path, listen: &str) -> (Process, SocketAddr) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "delivery::the_daemon_of_another_test", "--nocapture"])
        .env(CONFIG, config)
        .env(LISTEN, listen);
    let process = Process::start(&mut command);
    let address = process.wait_for_line(|line| line.strip_prefix("listening ")?.parse().ok());
    (process, address)
}

/// Pushes records of contacts and events that were synced `ago`.
fn push(address: SocketAddr, org: &str, ago: TimeDelta) {
    let at = now().minus(ago).datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
    let line =
        |object| format!("{{\"at\":\"{at}\",\"object_type\":\"{object}\",\"id\":\"{at}\"}}\n");
    let body = line("contacts") + &line("events");
    let headers = [("Content-Type", "application/x-ndjson")];
    let path = format!("/api/v1/orgs/{org}/activity");
    let answer = post(address, &path, &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// An Alertmanager with the shipped configuration, and who gets its notifications.
struct Site {
    _directory: tempfile::TempDir,
    receiver: Receiver,
    alertmanager: Alertmanager,
}

impl Site {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::at_any_hour(directory.path(), receiver.address);
        Self { _directory: directory, receiver, alertmanager }
    }

    /// The labels of its alerts of a name.
    fn labels(&self, alert: &str) -> BTreeSet<String> {
        let alerts = get(self.alertmanager.address, "/api/v2/alerts").json();
        let of = alerts.as_array().unwrap().iter().map(|alert| &alert["labels"]);
        of.filter(|labels| labels["alertname"] == alert).map(ToString::to_string).collect()
    }

    /// How often somebody was notified of an alert in a state.
    fn notified(&self, status: &str, alert: &str) -> usize {
        let all = self.receiver.notifications();
        all.iter().filter(|got| !got.alerts(status, alert).is_empty()).count()
    }
}

fn configured(
    directory: &Path,
    alertmanagers: &[SocketAddr],
    listen: SocketAddr,
    orgs: &[String],
) -> String {
    let store = directory.join("sync.db").display().to_string();
    let alertmanagers: String =
        alertmanagers.iter().map(|address| format!("    - url: http://{address}\n")).collect();
    let orgs: String = orgs.iter().map(|org| format!("  - {{ name: {org} }}\n")).collect();
    format!(
        "store: {{ path: {store} }}\nalerting:\n  instance: {listen}\n  alertmanagers:\n{alertmanagers}orgs:\n{orgs}"
    )
}

const HEADLINE: &str = "LightningSyncNoSyncIn24Hours";
const RELOAD: &str = "LightningSyncConfigReloadFailed";

#[test]
fn beside_a_prometheus_every_alert_comes_once_and_ends_once_at_each_alertmanager() {
    let directory = tempfile::tempdir().unwrap();
    let [both, alone] = [Site::start(), Site::start()];
    let listen = SocketAddr::from(([127, 0, 0, 1], crate::support::process::free_port()));
    let config = directory.path().join("config.yaml");
    let text = configured(
        directory.path(),
        &[both.alertmanager.address, alone.alertmanager.address],
        listen,
        &["acme".to_owned()],
    );
    fs::write(&config, &text).unwrap();
    let (process, address) = daemon(&config, &listen.to_string());
    let rules = directory.path().join("rules.yaml");
    let shipped = fs::read_to_string(repository("alerts/lightning-sync.rules.yaml")).unwrap();
    fs::write(&rules, shipped.replace("for: 10m", "for: 1s").replace("for: 1m", "for: 1s"))
        .unwrap();
    let jobs: &[(&str, &[SocketAddr])] = &[("lightning-sync", &[address])];
    let prometheus =
        Prometheus::start_with(directory.path(), jobs, Some(both.alertmanager.address), &rules);
    push(address, "acme", TimeDelta::hours(25));
    fs::write(&config, "orgs: nothing\n").unwrap();
    assert_ne!(post(address, "/-/reload", &[], b"").status, 200);
    for alert in [HEADLINE, RELOAD] {
        let labels = |site: &Site| site.labels(alert);
        let of_rules = wait_until("Prometheus fires", PATIENCE, || {
            let firing: BTreeSet<String> =
                prometheus.firing(alert).iter().map(ToString::to_string).collect();
            (!firing.is_empty()).then_some(firing)
        });
        wait_until("the daemon sends the same", PATIENCE, || {
            (labels(&alone) == of_rules).then_some(())
        });
        assert_eq!(labels(&both), of_rules, "from both it is one alert");
        for site in [&both, &alone] {
            wait_until("somebody is notified", PATIENCE, || {
                (site.notified("firing", alert) > 0).then_some(())
            });
        }
    }
    let page = get(address, "/metrics").text();
    let sent = format!(
        "lightning_sync_exporter_alerts_sent_total{{alertmanager=\"http://{}\"}} ",
        alone.alertmanager.address
    );
    let sent = page.lines().find_map(|line| line.strip_prefix(&sent)?.parse::<f64>().ok());
    assert!(sent.is_some_and(|sent| sent > 0.0), "{page}");
    // It ends: the configuration is good again, and something syncs.
    fs::write(&config, &text).unwrap();
    assert_eq!(post(address, "/-/reload", &[], b"").status, 200);
    push(address, "acme", TimeDelta::minutes(1));
    for site in [&both, &alone] {
        for alert in [HEADLINE, RELOAD] {
            wait_until("the end is known", PATIENCE, || {
                (site.notified("resolved", alert) > 0).then_some(())
            });
            assert_eq!(site.notified("firing", alert), 1, "{alert}");
            assert_eq!(site.notified("resolved", alert), 1, "{alert}");
        }
    }
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
    drop(process);
}
