//! `doctor`, with a real Alertmanager behind it.

use super::{configured, run, text};
use crate::support::http;
use crate::support::process::wait_until;
use crate::support::process::{Daemon, free_port};
use crate::support::receiver::Receiver;
use crate::support::stack::{Alertmanager, Prometheus, repository};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// What the doctor says, without what differs from run to run, and how it exits.
fn doctor(config: &Path, flags: &[&str]) -> (Option<i32>, Vec<String>) {
    let config = config.to_str().unwrap();
    let output = run(&[&["doctor", "--config.file", config], flags].concat());
    let lines = text(&output.stdout);
    (output.status.code(), lines.lines().map(str::to_owned).collect())
}

fn paged(alertmanager: SocketAddr, config: &Path) -> (Option<i32>, Vec<String>) {
    let url = format!("http://{alertmanager}");
    let flags = ["--alertmanager.url", &url, "--page", "--page.within", "20s"];
    let (code, lines) = doctor(config, &flags);
    let page = lines.into_iter().skip_while(|line| !line.starts_with("PASS page"));
    (code, page.collect())
}

#[test]
fn every_part_is_looked_at_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), "live.db");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let (code, lines) = doctor(&config, &["--url", &nobody]);
    assert_eq!(code, Some(1));
    let words: Vec<&str> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        words,
        [
            "PASS configuration",
            "WARN acme ingest",
            "WARN store",
            "FAIL daemon",
            "SKIP prometheus",
            "SKIP alertmanager"
        ]
    );
    let daemon = Daemon::start(&config);
    let url = format!("http://{}", daemon.address);
    let (code, lines) = doctor(&config, &["--url", &url]);
    assert_eq!(code, Some(0), "{lines:?}");
    assert_eq!(lines[3], format!("PASS daemon: {url} is ready"));
    assert_eq!(
        lines[4],
        "WARN acme sources: no source has reported yet; push one record or paste the status page"
    );
    super::push(daemon.address, "2026-01-01T00:00:00Z", 0..1);
    let (_, lines) = doctor(&config, &["--url", &url]);
    assert_eq!(lines[4], "PASS acme sources: activity reports");
    std::fs::write(&config, "orgs: []\n").unwrap();
    let (code, lines) = doctor(&config, &["--url", "http://192.0.2.1:9877"]);
    assert_eq!(code, Some(1));
    assert!(lines[0].starts_with("FAIL configuration: "), "{lines:?}");
    assert!(
        lines.iter().any(
            |line| line.contains("http://192.0.2.1:9877: plain http is taken to loopback only")
        ),
        "{lines:?}"
    );
}

/// What the doctor says of a Prometheus.
fn seen(prometheus: &Prometheus, config: &Path) -> (Option<i32>, Vec<String>) {
    let url = format!("http://{}", prometheus.address);
    let (code, lines) = doctor(config, &["--prometheus.url", &url]);
    (code, lines.into_iter().filter(|line| line.contains(" prometheus")).collect())
}

#[test]
fn prometheus_has_the_target_and_the_rules_or_the_doctor_names_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), "live.db");
    let daemon = Daemon::start(&config);
    let at = |name: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let shipped = repository("alerts/lightning-sync.rules.yaml");
    let deaf = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let job = "lightning-sync";
    let scraped = |prometheus: &Prometheus, count| {
        wait_until("scrapes and an evaluation", std::time::Duration::from_secs(60), || {
            let up = prometheus.query("up").len();
            let ours = prometheus.query("lightning_sync_org_info or lightning_sync_none").len();
            (up == count && (ours > 0 || count != 1)).then_some(())
        });
    };

    let good =
        Prometheus::start_with(&at("good"), &[(job, &[daemon.address])], Some(deaf), &shipped);
    scraped(&good, 1);
    let rules = lightning_sync_exporter::rules::groups();
    let loaded = rules.iter().map(|group| {
        let (name, count) = (group.name, group.recording.len() + group.alerts.len());
        format!("PASS prometheus rules: group {name} is loaded, with all {count} rules")
    });
    let [first, slow] = loaded.collect::<Vec<_>>().try_into().unwrap();
    let (_, lines) = seen(&good, &config);
    assert_eq!(
        lines,
        [
            format!("PASS prometheus target: job {job} scrapes {}", daemon.address),
            "PASS prometheus organisations: it has every organisation of the configuration".to_owned(),
            first.clone(),
            slow,
            "WARN prometheus links: alerts link to http://127.0.0.1:9877, which is this machine alone; set web.external_url, and load what `rules --config.file` prints".to_owned(),
            "PASS prometheus alerts: it sends them to 1 Alertmanager".to_owned(),
        ]
    );

    // It scrapes another daemon, the rules are of before, and nobody gets the alerts.
    let text = std::fs::read_to_string(&shipped).unwrap();
    let text = text.replace("- alert: LightningSyncDelayed", "- alert: LightningSyncOldName");
    let old = directory.path().join("old.yaml");
    std::fs::write(&old, text).unwrap();
    let database = directory.path().join("live.db").display().to_string();
    std::fs::write(
        &config,
        format!(
            "store: {{ path: {database} }}\nweb: {{ external_url: https://sync.example }}\norgs: [{{ name: acme }}, {{ name: beta }}]\n"
        ),
    )
    .unwrap();
    let bad = Prometheus::start_with(&at("bad"), &[(job, &[daemon.address, deaf])], None, &old);
    scraped(&bad, 2);
    wait_until("a scrape", std::time::Duration::from_secs(60), || {
        (!bad.query("lightning_sync_org_info").is_empty()).then_some(())
    });
    let (code, mut lines) = seen(&bad, &config);
    lines.sort();
    assert_eq!(code, Some(1));
    assert_eq!(
        lines,
        [
            "FAIL prometheus alerts: it sends alerts to nobody; name an Alertmanager under `alerting` in its configuration".to_owned(),
            "FAIL prometheus organisations: it has nothing of beta; does it scrape this daemon?".to_owned(),
            "FAIL prometheus rules: group lightning-sync-slow lacks LightningSyncDelayed; load the rules of this version".to_owned(),
            format!("FAIL prometheus target: job {job} cannot scrape {deaf}; Prometheus's page /targets says why"),
            first,
            format!("PASS prometheus target: job {job} scrapes {}", daemon.address),
            "WARN prometheus links: alerts link to http://127.0.0.1:9877, the pages are at https://sync.example; load what `rules --config.file` prints".to_owned(),
        ]
    );

    // No rules of ours, and a job of another name.
    let none = directory.path().join("none.yaml");
    std::fs::write(&none, "groups: [{ name: other, rules: [] }]\n").unwrap();
    let other = Prometheus::start_with(&at("other"), &[("sync", &[daemon.address])], None, &none);
    scraped(&other, 1);
    let (_, lines) = seen(&other, &config);
    assert_eq!(
        (lines[0].as_str(), lines[2].as_str()),
        (
            "WARN prometheus target: job sync scrapes a daemon; rename it so that lightning-sync is in it, or nobody is alerted of a target that never answers",
            "FAIL prometheus rules: it has no group lightning-sync; write what `lightning-sync-exporter rules` prints to a file of its rule_files, and reload it"
        )
    );
    let (_, lines) = doctor(&config, &["--prometheus.url", &format!("http://{deaf}")]);
    let says = lines.iter().find(|line| line.starts_with("FAIL prometheus: ")).unwrap();
    assert!(says.contains(&deaf.to_string()), "{says}");
    let (_, lines) = doctor(&config, &["--prometheus.url", &format!("http://{}", daemon.address)]);
    assert!(
        lines.contains(&"FAIL prometheus: Prometheus answers 404 to /api/v1/query?query=up%7Bjob%3D~%22.*lightning-sync.*%22%7D".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn a_test_page_arrives_or_the_doctor_says_where_it_stuck() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), "live.db");
    let daemon = Daemon::start(&config);
    let receiver = Receiver::start();
    let at = |name: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };

    let good = Alertmanager::start(&at("good"), receiver.address);
    let (_, page) = paged(good.address, &config);
    assert!(
        page[0].starts_with("PASS page sent: LightningSyncTestPage with mark=doctor-"),
        "{page:?}"
    );
    assert_eq!(
        page[1..],
        [
            "PASS page routed: to receiver page",
            "PASS page delivered: by webhook; look whether somebody's phone says so"
        ]
    );
    let got = receiver.notifications();
    assert_eq!(got[0].path, "/page");
    let alert = got[0].alerts("firing", "LightningSyncTestPage")[0].clone();
    assert_eq!(
        alert["annotations"]["summary"],
        "This is a test by `lightning-sync-exporter doctor --page`. Nothing is wrong."
    );

    let deaf = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let stuck = Alertmanager::start(&at("stuck"), deaf);
    let (code, page) = paged(stuck.address, &config);
    assert_eq!(
        (code, page.last().map(String::as_str)),
        (
            Some(1),
            Some(
                "FAIL page delivered: sending by webhook fails; Alertmanager's log says why, and it tries again"
            )
        )
    );

    let silenced = Alertmanager::start(&at("silenced"), receiver.address);
    let silence = silence(silenced.address);
    let (code, page) = paged(silenced.address, &config);
    assert_eq!(code, Some(1));
    assert_eq!(
        page.last().unwrap(),
        &format!(
            "FAIL page held back: silence {silence} matches it, and so it may match real pages; end that silence"
        )
    );
    drop(daemon);
}

#[test]
fn a_page_that_nobody_gets_is_not_called_delivered_because_another_alert_is() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), "live.db");
    let receiver = Receiver::start();
    let deaf = format!("http://127.0.0.1:{}/page", free_port());
    let at = |name: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let watched = |alertmanager: &Alertmanager| {
        let watchdog = json!([{ "labels": { "alertname": "Watchdog", "severity": "none" } }]);
        let headers = [("Content-Type", "application/json")];
        let taken = http::post(
            alertmanager.address,
            "/api/v2/alerts",
            &headers,
            watchdog.to_string().as_bytes(),
        );
        assert_eq!(taken.status, 200);
        let last = |lines: Vec<String>| lines.last().unwrap().clone();
        last(paged(alertmanager.address, &config).1)
    };

    let empty = Alertmanager::start_changed(&at("empty"), receiver.address, |entry| {
        if entry["name"] == "page" {
            entry.as_mapping_mut().unwrap().remove("webhook_configs");
        }
    });
    assert_eq!(
        watched(&empty),
        "FAIL page delivered: receiver page has nothing to send with; give it an integration"
    );

    let silent = Alertmanager::start_changed(&at("silent"), receiver.address, |entry| {
        if entry["name"] == "page" {
            entry["webhook_configs"][0]["url"] = deaf.clone().into();
        }
    });
    let said = watched(&silent);
    assert!(
        said.starts_with("FAIL page delivered: some notifications by webhook fail and some go out; Watchdog was active too")
            && said.contains("look for mark=doctor-")
            || said.starts_with("FAIL page delivered: sending by webhook fails"),
        "{said}"
    );

    let good = Alertmanager::start(&at("both"), receiver.address);
    let said = watched(&good);
    assert!(
        said.starts_with(
            "WARN page delivered: a notification went out by webhook, and none failed; Watchdog was active too"
        ),
        "{said}"
    );
}

/// Silences every critical alert.
fn silence(alertmanager: SocketAddr) -> String {
    let silence = json!({
        "matchers": [{ "name": "severity", "value": "critical", "isRegex": false, "isEqual": true }],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "test",
        "comment": "everything",
    });
    let headers = [("Content-Type", "application/json")];
    let answer =
        http::post(alertmanager, "/api/v2/silences", &headers, silence.to_string().as_bytes());
    let answer: Value = answer.json();
    answer["silenceID"].as_str().unwrap().to_owned()
}
