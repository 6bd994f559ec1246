//! From a pushed record to a notification, with the real daemon, Prometheus and Alertmanager.

use crate::support::http::{get, post};
use crate::support::process::{Daemon, Process, wait_until};
use crate::support::receiver::{Notification, Receiver};
use crate::support::stack::{Alertmanager, Prometheus, repository};
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::now;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const HEADLINE: &str = "LightningSyncNoSyncIn24Hours";

/// A directory with the configuration of one organisation that needs no token from loopback.
fn configured(directory: &Path, name: &str) -> PathBuf {
    let config = directory.join(format!("{name}.yaml"));
    let store = directory.join(format!("{name}.db"));
    fs::write(
        &config,
        format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", store.display()),
    )
    .expect("writable");
    config
}

/// Pushes records of contacts and events that were synced `ago`.
fn push(address: SocketAddr, ago: TimeDelta, id: &str) {
    let at = now().minus(ago).datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = format!(
        "{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"c-{id}\"}}\n{{\"at\":\"{at}\",\"object_type\":\"events\",\"id\":\"e-{id}\"}}\n"
    );
    let headers = [("Content-Type", "application/x-ndjson")];
    let answer = post(address, "/api/v1/orgs/acme/activity", &headers, body.as_bytes());
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "{\"accepted\":2,\"duplicates\":0,\"expired\":0,\"rejected\":[]}")
    );
}

fn terminate(process: &mut Process) {
    let status = Command::new("kill")
        .arg("-TERM")
        .arg(process.pid().to_string())
        .status()
        .expect("kill exists");
    assert!(status.success());
    assert_eq!(process.wait_for_exit(), Some(0), "{}", process.log());
}

fn with_alerts(receiver: &Receiver, status: &str) -> Vec<Notification> {
    receiver
        .notifications()
        .into_iter()
        .filter(|got| !got.alerts(status, HEADLINE).is_empty())
        .collect()
}

#[test]
fn a_sync_that_stopped_25_hours_ago_reaches_a_receiver_once_survives_the_exporter_and_resolves() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = configured(directory.path(), "acme");
    let mut daemon = Daemon::start(&config);
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(directory.path(), receiver.address);
    let rules = directory.path().join("rules.yaml");
    let external_url = format!("http://{}", daemon.address);
    let printed = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .args(["rules", "--external-url", &external_url])
        .output()
        .expect("the program runs");
    fs::write(&rules, printed.stdout).expect("the directory is writable");
    let prometheus = Prometheus::start_with(
        directory.path(),
        &[("lightning-sync", &[daemon.address])],
        Some(alertmanager.address),
        &rules,
    );

    let pushed = Instant::now();
    push(daemon.address, TimeDelta::hours(25), "old");
    let page = get(daemon.address, "/metrics").text();
    assert!(
        page.contains("lightning_sync_ever_synced{org=\"acme\",object_type=\"contacts\"} 1"),
        "visible at once:\n{page}"
    );

    let first = wait_until("the notification", Duration::from_secs(120), || {
        with_alerts(&receiver, "firing").pop()
    });
    println!("from push to notification: {:.1} s", first.at.duration_since(pushed).as_secs_f64());
    let alerts = first.alerts("firing", HEADLINE);
    assert_eq!(first.path, "/page", "the receiver that wakes somebody");
    assert_eq!(alerts.len(), 2, "contacts and events in one message: {}", first.body);
    for alert in alerts {
        let labels = &alert["labels"];
        assert_eq!((&labels["org"], &labels["severity"]), (&"acme".into(), &"critical".into()));
        assert!(labels.get("instance").is_none() && labels.get("job").is_none(), "{labels}");
        for annotation in ["summary", "description", "next_step", "owner", "runbook_url"] {
            let text = alert["annotations"][annotation].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{annotation} is missing: {alert}");
        }
        let runbook = format!("{external_url}/runbooks/{HEADLINE}");
        assert_eq!(alert["annotations"]["runbook_url"], runbook.as_str());
        let runbook = get(daemon.address, &format!("/runbooks/{HEADLINE}"));
        assert_eq!(runbook.status, 200, "the link leads somewhere");
        let description = alert["annotations"]["description"].as_str().unwrap_or_default();
        assert!(description.contains(" UTC"), "when it ran out: {description}");
    }

    // The exporter goes; what it last said still holds.
    let address = daemon.address;
    terminate(&mut daemon.process);
    wait_until("Prometheus sees the exporter gone", Duration::from_secs(30), || {
        let up = prometheus.query("up{job=\"lightning-sync\"}");
        (up.first()?["value"][1] == "0").then_some(())
    });
    let gone = Instant::now();
    wait_until("ten evaluations without the exporter", Duration::from_secs(30), || {
        assert_eq!(prometheus.firing(HEADLINE).len(), 2, "a dead exporter resolved the page");
        (gone.elapsed() > Duration::from_secs(10)).then_some(())
    });
    assert!(with_alerts(&receiver, "resolved").is_empty());

    // It comes back with what it knew, and sync resumes.
    let daemon = Daemon::start_on(&config, &address.to_string());
    push(daemon.address, TimeDelta::minutes(1), "new");
    let resolved = wait_until("the resolution", Duration::from_secs(120), || {
        with_alerts(&receiver, "resolved").pop()
    });
    let ended = resolved.alerts("resolved", HEADLINE);
    assert_eq!(ended.len(), 2, "{}", resolved.body);
    for alert in ended {
        let annotations = &alert["annotations"];
        let mut before = first.alerts("firing", HEADLINE).into_iter();
        let same = before.any(|before| &before["annotations"] == annotations);
        assert!(same, "it says what held, not what ended it: {annotations}");
    }
    assert_eq!(with_alerts(&receiver, "firing").len(), 1, "one cause, one notification");
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
}

/// What Prometheus sends at the end of an alert is what held: not the reading that ended it.
#[test]
fn the_end_of_an_alert_does_not_quote_what_ended_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = directory.path().join("acme.yaml");
    let store = directory.path().join("acme.db").display().to_string();
    let text = format!(
        "store: {{ path: {store} }}\norgs: [{{ name: acme, expected_linked_users: 40 }}]\n"
    );
    fs::write(&config, text).expect("writable");
    let daemon = Daemon::start(&config);
    let read = |linked: u32| {
        let at = now().datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
        let page = format!("{{\"captured_at\":\"{at}\",\"linked_users\":{linked}}}");
        let headers = [("Content-Type", "application/json")];
        let answer = post(daemon.address, "/api/v1/orgs/acme/snapshot", &headers, page.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    read(37);
    // It takes what an Alertmanager is sent, and routes nothing.
    let receiver = Receiver::start();
    let rules = directory.path().join("rules.yaml");
    let shipped = fs::read_to_string(repository("alerts/lightning-sync.rules.yaml")).unwrap();
    fs::write(&rules, shipped.replace("for: 10m", "for: 1s")).expect("writable");
    let jobs: &[(&str, &[SocketAddr])] = &[("lightning-sync", &[daemon.address])];
    let prometheus = Prometheus::start_with(directory.path(), jobs, Some(receiver.address), &rules);
    let sent = |ended: bool| {
        wait_until("an alert is sent", Duration::from_secs(120), || {
            let notifications = receiver.notifications().into_iter().rev();
            let alerts = notifications.flat_map(|got| got.body.as_array().cloned().unwrap());
            let ours = "LightningSyncLinkedUsersUnexpected";
            let mut found = alerts.filter(|alert| alert["labels"]["alertname"] == ours);
            // While it fires its end lies ahead.
            let over = |alert: &serde_json::Value| {
                let ends = alert["endsAt"].as_str().unwrap_or_default();
                chrono::DateTime::parse_from_rfc3339(ends).unwrap() <= now().datetime()
            };
            found.find(|alert| over(alert) == ended)
        })
    };
    let first = sent(false)["annotations"].clone();
    let description = first["description"].as_str().unwrap_or_default().to_owned();
    assert!(description.contains("linked users: 37, expected: 40, since "), "{description}");
    read(40);
    assert_eq!(sent(true)["annotations"], first, "what held, in the same words");
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
}

#[test]
fn two_jobs_and_two_replicas_of_the_same_organisations_break_no_rule_and_page_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let one = Daemon::start(&configured(directory.path(), "one"));
    let two = Daemon::start(&configured(directory.path(), "two"));
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(directory.path(), receiver.address);
    let both: &[SocketAddr] = &[one.address, two.address];
    let prometheus = Prometheus::start(
        directory.path(),
        &[("blue", both), ("green", &[one.address])],
        Some(alertmanager.address),
    );
    for daemon in [&one, &two] {
        push(daemon.address, TimeDelta::hours(25), "old");
    }
    wait_until("the notification", Duration::from_secs(120), || {
        with_alerts(&receiver, "firing").pop()
    });
    let firing = prometheus.firing(HEADLINE);
    assert_eq!(firing.len(), 2, "one for contacts, one for events: {firing:?}");
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());

    // One replica hears of a sync that the other missed: the more hopeful of the two is right.
    push(two.address, TimeDelta::minutes(1), "new");
    wait_until("the page is withdrawn", Duration::from_secs(120), || {
        prometheus.firing(HEADLINE).is_empty().then_some(())
    });
    assert_eq!(with_alerts(&receiver, "firing").len(), 1);
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
}
