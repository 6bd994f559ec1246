//! The mixin, as Jsonnet renders it: the shipped files without a configuration, and what a configuration says in them. And
//! whether another's ruler takes the rules.

use crate::support::http;
use crate::support::process::{Process, free_port, wait_until};
use crate::support::stack::repository;
use lightning_sync_exporter::domain::causes::Cause;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// What a file of Jsonnet that imports `mixin/mixin.libsonnet` as a user does comes to.
fn rendered(program: &str) -> Value {
    let output = Command::new("jsonnet")
        .arg("--jpath")
        .arg(repository(""))
        .args(["--exec", program])
        .output()
        .unwrap_or_else(|error| panic!("jsonnet: {error}; tests/run installs it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn shipped(path: &str) -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(repository(path)).unwrap()).unwrap()
}

/// As kube-prometheus puts a mixin into its manifests.
const KUBE_PROMETHEUS: &str = "
local manifests(mixin) = {
  local a = if std.objectHasAll(mixin, 'prometheusAlerts') then mixin.prometheusAlerts.groups else [],
  local r = if std.objectHasAll(mixin, 'prometheusRules') then mixin.prometheusRules.groups else [],
  groups: a + r,
  dashboards: mixin.grafanaDashboards,
};
local mixin = import 'mixin/mixin.libsonnet';
";

#[test]
fn without_a_configuration_the_mixin_is_what_is_shipped() {
    let found = rendered(&format!("{KUBE_PROMETHEUS} manifests(mixin)"));
    assert_eq!(found["groups"], shipped("alerts/lightning-sync.rules.yaml")["groups"]);
    let dashboards = found["dashboards"].as_object().unwrap();
    assert_eq!(
        dashboards.keys().collect::<Vec<_>>(),
        [
            "lightning-sync-exporter.json",
            "lightning-sync-fleet.json",
            "lightning-sync-organisation.json"
        ]
    );
    for (name, dashboard) in dashboards {
        let file = name.strip_prefix("lightning-sync-").unwrap();
        assert_eq!(*dashboard, shipped(&format!("dashboards/{file}")), "{name}");
    }
}

#[test]
fn what_a_configuration_says_is_in_what_the_mixin_renders() {
    let found = rendered(&format!(
        "{KUBE_PROMETHEUS} manifests(mixin {{ _config+:: {{
            externalUrl: 'https://tools.example/sync/', runbooks: 'https://wiki.example/sync/',
            jobSelector: 'job=~\"crm/.+\"', alertLabels: {{ team: 'crm' }}, maxAlertsPerGroup: 20,
            excludedAlerts: ['LightningSyncWatchdog'],
            dashboardNamePrefix: 'CRM / ', dashboardTags: ['crm'], dashboardPeriod: 'now-7d',
            dashboardRefresh: '5m', dashboardTimezone: 'utc', datasourceFilterRegex: '/prod/',
        }} }})"
    ));
    let text = found.to_string();
    for gone in ["127.0.0.1", "lightning-sync.*", "LightningSyncWatchdog"] {
        assert!(!text.contains(gone), "{gone}");
    }
    let before = shipped("alerts/lightning-sync.rules.yaml");
    let rules = |groups: &Value| -> Vec<Value> {
        let groups = groups["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    };
    let (ours, all) = (rules(&found), rules(&before));
    assert_eq!(ours.len(), all.len() - 1);
    for rule in ours.iter().filter(|rule| rule["alert"].is_string()) {
        let alert = rule["alert"].as_str().unwrap();
        assert_eq!(rule["labels"]["team"], "crm", "{alert}");
        let links = &rule["annotations"];
        assert_eq!(links["runbook_url"], format!("https://wiki.example/sync/{alert}"));
        let page = links["page_url"].as_str().unwrap();
        assert!(page.contains("https://tools.example/sync/"), "{page}");
        assert!(!page.contains("sync//"), "{page}");
        let same = all.iter().find(|other| other["alert"] == alert).unwrap();
        assert_eq!(rule["labels"]["severity"], same["labels"]["severity"], "{alert}");
    }
    assert_eq!(text.matches("crm/.+").count(), 2, "both selectors of LightningSyncExporterDown");
    let sizes: Vec<(&str, usize)> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["name"].as_str().unwrap(), group["rules"].as_array().unwrap().len()))
        .collect();
    assert!(sizes.iter().all(|(_, size)| *size <= 20), "{sizes:?}");
    let names: Vec<&str> = sizes.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["lightning-sync", "lightning-sync-slow-1", "lightning-sync-slow-2"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.yaml");
    fs::write(&file, json!({ "groups": found["groups"] }).to_string()).unwrap();
    let checked = Command::new("promtool").args(["check", "rules"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    for (name, dashboard) in found["dashboards"].as_object().unwrap() {
        assert!(dashboard["title"].as_str().unwrap().starts_with("CRM / "), "{name}");
        assert_eq!(dashboard["tags"], json!(["crm"]), "{name}");
        assert_eq!(
            (&dashboard["refresh"], &dashboard["timezone"], &dashboard["time"]),
            (&json!("5m"), &json!("utc"), &json!({ "from": "now-7d", "to": "now" })),
            "{name}"
        );
        let choices = dashboard["templating"]["list"].as_array().unwrap();
        let choice = |wanted: &str| choices.iter().find(|choice| choice["name"] == wanted).unwrap();
        assert_eq!(choice("datasource")["regex"], "/prod/", "{name}");
        let pages = choice("pages");
        let address = json!("https://tools.example/sync");
        for place in [&pages["query"], &pages["current"]["value"], &pages["options"][0]["value"]] {
            assert_eq!(*place, address, "{name}");
        }
    }
}

/// The rules as vmalert gets them here: evaluated soon, and what they record goes by names of its own, so that it does not
/// take the place of what the test wrote.
fn hasty(directory: &Path) -> std::path::PathBuf {
    let mut rules = shipped("alerts/lightning-sync.rules.yaml");
    for group in rules["groups"].as_array_mut().unwrap() {
        group["interval"] = "2s".into();
        for rule in group["rules"].as_array_mut().unwrap() {
            if let Some(record) = rule["record"].as_str() {
                rule["record"] = format!("{record}:tried").into();
            }
        }
    }
    let file = directory.join("hasty.rules.yaml");
    fs::write(&file, rules.to_string()).unwrap();
    file
}

/// Series with which every alert fires: each finding of twelve organisations, an exporter that is down, one that has
/// restarted four times, and a database that is new.
fn everything_is_wrong() -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    let mut lines = Vec::new();
    let mut line = |series: &str, value: i64, ago: i64| {
        lines.push(format!("{series} {value} {}\n", (now - ago) * 1_000));
    };
    let instance = "job=\"lightning-sync\",instance=\"a:9877\"";
    line(&format!("up{{{instance}}}"), 0, 0);
    line(&format!("instance:lightning_sync:answers{{{instance}}}"), 1, 60);
    for org in 0..12 {
        let of_org = format!("org=\"org-{org}\"");
        line(
            &format!("instance:lightning_sync_org:watched{{{instance},{of_org}}}"),
            4_000_000_000,
            0,
        );
        for cause in Cause::ALL {
            let found = format!(
                "{of_org},cause=\"{}\",severity=\"critical\",object_type=\"events\",check=\"linked\"",
                cause.name()
            );
            line(&format!("org:lightning_sync_finding:since{{{found}}}"), now - 3_600, 0);
            let ours = format!("instance:lightning_sync_finding:since{{{instance},{found}}}");
            line(&ours, now - 3_600, 0);
        }
    }
    for restart in 0..5 {
        let ago = 60 * (5 - restart);
        line(&format!("process_start_time_seconds{{{instance}}}"), now - ago, ago);
        let since = format!("lightning_sync_exporter_store_since_timestamp_seconds{{{instance}}}");
        line(&since, now - ago, ago);
    }
    lines.concat()
}

#[test]
fn vmalert_evaluates_every_rule_and_words_every_alert() {
    let directory = tempfile::tempdir().unwrap();
    let at = || SocketAddr::from(([127, 0, 0, 1], free_port()));
    let (store, vmalert) = (at(), at());
    let _store = Process::start(
        Command::new("victoria-metrics")
            .arg(format!("-storageDataPath={}", directory.path().join("data").display()))
            .arg(format!("-httpListenAddr={store}"))
            // What is written is found at once.
            .arg("-search.latencyOffset=0s"),
    );
    let written = everything_is_wrong();
    wait_until("VictoriaMetrics takes series", Duration::from_secs(60), || {
        let path = "/api/v1/import/prometheus";
        http::request(store, "POST", path, &[], written.as_bytes())
            .ok()
            .filter(|answer| answer.status == 204)
    });
    let url = format!("http://{store}");
    let _vmalert = Process::start(
        Command::new("vmalert")
            .arg(format!("-rule={}", hasty(directory.path()).display()))
            .arg(format!("-datasource.url={url}"))
            .arg(format!("-remoteWrite.url={url}"))
            .arg(format!("-remoteRead.url={url}"))
            .arg(format!("-httpListenAddr={vmalert}"))
            // Alerts go to nobody.
            .arg(format!("-notifier.url=http://{}", at())),
    );
    let rules = shipped("alerts/lightning-sync.rules.yaml");
    let rules = rules["groups"].as_array().unwrap().iter();
    let (alerts, records): (Vec<_>, Vec<_>) = rules
        .flat_map(|group| group["rules"].as_array().unwrap())
        .partition(|rule| rule["alert"].is_string());
    let alerts: BTreeSet<&str> =
        alerts.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    wait_until("every alert is pending or fires", Duration::from_secs(60), || {
        let page = http::request(vmalert, "GET", "/metrics", &[], b"").ok()?;
        let page = String::from_utf8(page.body).ok()?;
        // The rule's name and the value of its series of one family.
        let of = |family: &str| -> Vec<(String, f64)> {
            page.lines()
                .filter_map(|line| line.strip_prefix(family)?.rsplit_once(' '))
                .map(|(labels, value)| {
                    let name = labels.split('"').nth(1).unwrap();
                    (name.to_owned(), value.parse().unwrap())
                })
                .collect()
        };
        let (of_alerts, of_records) =
            (of("vmalert_alerting_rules_error{"), of("vmalert_recording_rules_error{"));
        let failed: Vec<_> =
            of_alerts.iter().chain(&of_records).filter(|(_, error)| *error != 0.0).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let active = [of("vmalert_alerts_pending{"), of("vmalert_alerts_firing{")].concat();
        let active: BTreeSet<&str> = active
            .iter()
            .filter(|(_, count)| *count > 0.0)
            .map(|(name, _)| name.as_str())
            .collect();
        let known = (of_alerts.len(), of_records.len()) == (alerts.len(), records.len());
        (known && alerts.is_subset(&active)).then_some(())
    });
}
