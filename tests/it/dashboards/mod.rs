//! The dashboards: by the rules of Grafana's own linter, by the catalogue, and by a Prometheus that scrapes the demo.
//! Grafana itself does not run here.
//!
//! Each panel answers the question in its title. Limits are the exported settings, never numbers of this module. A new
//! panel is an entry in the file of its dashboard; `UPDATE_GENERATED=1` writes `dashboards/*.json`.

mod exporter;
mod fleet;
mod organisation;
mod panel;
mod shape;

use crate::support::process::{Daemon, Process, free_port, wait_until};
use crate::support::stack::{Alertmanager, Prometheus};
use crate::support::{browser, http};
use lightning_sync_exporter::metrics::catalogue::{METRICS, MetricKind, find};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

/// A dashboard and its file in `dashboards/`.
struct Dashboard {
    file: &'static str,
    json: Value,
}

/// Every dashboard.
fn all() -> Vec<Dashboard> {
    vec![fleet::dashboard(), organisation::dashboard(), exporter::dashboard()]
}

/// Grafana's names of the units that are used.
const UNITS: [&str; 6] = ["short", "percentunit", "s", "bytes", "cps", "cpm"];

/// The unit of what a query gives, by how it is written.
fn unit_of(expr: &str) -> &'static str {
    let is = |part: &str| expr.contains(part);
    match () {
        () if expr.starts_with("60 * sum") => "cpm",
        () if expr.starts_with("1000 * ") => "dateTimeFromNow",
        () if is("histogram_quantile(") => "s",
        // Seconds of a processor in a second are processors.
        () if is("rate(process_cpu_seconds_total") => "short",
        () if is("rate(") => "cps",
        () if is(" / ") || is("_ratio{") => "percentunit",
        () if is("_bytes{") => "bytes",
        () if is("count(") || is("(group by") => "short",
        () if is("_seconds{") => "s",
        () => "short",
    }
}

/// Every query with where it stands; those of annotations too.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for dashboard in all() {
        for panel in list(&dashboard.json["panels"]) {
            for target in list(&panel["targets"]) {
                let place = format!("{}: {}", dashboard.file, text(&panel["title"]));
                queries.push((place, text(&target["expr"]).to_owned()));
            }
        }
        for annotation in list(&dashboard.json["annotations"]["list"]) {
            let place = format!("{}: annotation", dashboard.file);
            queries.push((place, text(&annotation["target"]["expr"]).to_owned()));
        }
    }
    queries
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The names of metrics in a text: words that begin as ours or the process's do. Recorded series have a colon.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'))
        .map(|word| word.trim_end_matches(':'))
        .filter(|word| !word.contains(':'))
        .filter(|word| word.starts_with("lightning_sync_") || word.starts_with("process_"))
        .collect()
}

fn is_known(name: &str) -> bool {
    let series = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| find(name.strip_suffix(suffix)?))
        .is_some_and(|metric| metric.kind == MetricKind::Histogram);
    series || find(name).is_some()
}

#[test]
fn the_files_are_what_the_panels_say() {
    for dashboard in all() {
        let text = serde_json::to_string_pretty(&dashboard.json).unwrap() + "\n";
        // A chart, and a mixin that is installed by itself, can read nothing that is not in them.
        for directory in
            ["dashboards", "mixin/dashboards", "deploy/helm/lightning-sync-exporter/dashboards"]
        {
            crate::generated::is_current(&format!("{directory}/{}", dashboard.file), &text);
        }
    }
}

#[test]
fn every_panel_has_one_unit_which_is_that_of_its_queries() {
    for dashboard in all() {
        for panel in list(&dashboard.json["panels"]) {
            let config = &panel["fieldConfig"];
            let shown = match panel["type"] == "table" {
                true => text(&config["overrides"][0]["properties"][0]["value"]),
                false => text(&config["defaults"]["unit"]),
            };
            for target in list(&panel["targets"]) {
                let expr = text(&target["expr"]);
                assert_eq!(unit_of(expr), shown, "{}: {}", dashboard.file, text(&panel["title"]));
            }
        }
    }
}

#[test]
fn bars_begin_at_0_and_are_full_at_their_limit() {
    let mut limits = 0;
    for dashboard in all() {
        for panel in list(&dashboard.json["panels"]) {
            let (title, shown) = (text(&panel["title"]), &panel["fieldConfig"]["defaults"]);
            if panel["type"] == "bargauge" {
                assert_eq!(shown["min"], 0, "{title}");
                if shown["unit"] == "percentunit" {
                    assert_eq!(shown["max"], 1, "{title}");
                    limits += 1;
                }
            }
        }
    }
    assert_eq!(limits, 4);
}

/// The rules of Grafana's dashboard-linter by their names: uneditable-dashboard-rule, template-datasource-rule,
/// template-job-rule, template-instance-rule, template-on-time-change-reload-rule, template-label-promql-rule,
/// panel-datasource-rule, panel-title-description-rule, panel-units-rule, panel-no-targets-rule.
///
/// `target-rate-interval-rule`, `target-counter-agg-rule`, `target-job-rule` and `target-instance-rule` are held by
/// [`every_selector_chooses_by_job_and_instance_and_every_counter_has_its_rate`], `target-promql-rule` by a Prometheus that
/// takes every query. Its rules on `LogQL` have nothing to hold here.
#[test]
fn the_linter_s_rules_hold() {
    for dashboard in all() {
        let (file, json) = (dashboard.file, &dashboard.json);
        for choice in list(&json["templating"]["list"]) {
            let of_labels = choice["type"] != "query"
                || choice["refresh"] == 2
                    && choice["datasource"]["uid"] == "${datasource}"
                    && text(&choice["query"]["query"]).starts_with("label_values(");
            assert!(of_labels, "{file}: {choice}");
        }
        assert_eq!(json["editable"], false, "{file}");
        let choice = |name: &str| {
            list(&json["templating"]["list"])
                .iter()
                .find(|choice| choice["name"] == name)
                .unwrap_or_else(|| panic!("{file} has no {name}"))
        };
        let datasource = choice("datasource");
        assert_eq!(
            (text(&datasource["type"]), text(&datasource["query"]), text(&datasource["label"])),
            ("datasource", "prometheus", "Data source"),
            "{file}"
        );
        for (name, label) in [("job", "Job"), ("instance", "Instance")] {
            let choice = choice(name);
            assert_eq!(choice["datasource"]["uid"], "${datasource}", "{file} {name}");
            assert_eq!(
                (text(&choice["type"]), text(&choice["label"]), text(&choice["allValue"])),
                ("query", label, ".+"),
                "{file}"
            );
            assert_eq!((&choice["multi"], &choice["refresh"]), (&true.into(), &2.into()));
            assert!(names(text(&choice["query"]["query"])).iter().all(|name| is_known(name)));
        }
        assert_eq!(text(&choice("pages")["type"]), "textbox", "{file}");
        assert!(!json.to_string().contains("://${"), "{file}: an address is chosen as a whole");
        let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&json["panels"]) {
            let title = text(&panel["title"]);
            assert!(ids.insert(panel["id"].as_u64()) && titles.insert(title), "{file}: {title}");
            assert!(title.ends_with('?'), "{file}: a title asks a question: {title}");
            assert!(!text(&panel["description"]).is_empty(), "{file}: {title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{file}: {title}");
            let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
            assert!(UNITS.contains(&unit), "{file}: {title} in {unit}");
            assert!(!list(&panel["targets"]).is_empty(), "{file}: {title}");
            for target in list(&panel["targets"]) {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{file}: {title}");
            }
            let to_page = |link: &Value| text(&link["url"]).starts_with("${pages:raw}/");
            let links = list(&panel["fieldConfig"]["defaults"]["links"]);
            assert!(links.iter().any(to_page), "{file}: {title} leads to no status page");
            let place = &panel["gridPos"];
            assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{title}");
        }
    }
}

#[test]
fn grafana_s_own_types_take_them() {
    let dashboards: Vec<Value> = all()
        .iter()
        .map(|dashboard| serde_json::json!({ "file": dashboard.file, "json": dashboard.json }))
        .collect();
    let answer = browser::run("types.mjs", serde_json::json!({ "dashboards": dashboards }));
    assert_eq!(answer["files"], 3);
    assert!(answer["troubles"] == serde_json::json!([]), "{answer:#}");
}

#[test]
fn every_selector_chooses_by_job_and_instance_and_every_counter_has_its_rate() {
    for (place, expr) in queries() {
        let mut selectors = 0;
        for name in names(&expr).into_iter().chain(expr.contains("up{").then_some("up")) {
            for (at, found) in expr.match_indices(name) {
                let rest = &expr[at + found.len()..];
                // A longer name that begins with this one.
                if rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
                {
                    continue;
                }
                selectors += 1;
                assert!(
                    rest.starts_with("{job=~\"$job\",instance=~\"$instance\""),
                    "{place}: {name} in {expr}"
                );
                let is_counter = find(name)
                    .is_some_and(|metric| metric.kind == MetricKind::Counter)
                    || name.ends_with("_bucket");
                assert_eq!(is_counter, expr[..at].ends_with("rate("), "{place}: {name}");
                let range = rest.split_once('}').unwrap().1;
                assert_eq!(is_counter, range.starts_with("[$__rate_interval]"), "{place}");
            }
        }
        assert!(selectors > 0, "{place}: {expr}");
    }
}

/// Metrics that no dashboard shows, and why.
const NOT_SHOWN: [(&str, &str); 22] = [
    ("lightning_sync_activity_coverage_seconds", "the rules need it; people see a gap"),
    ("lightning_sync_ever_synced", "the finding says it"),
    (
        "lightning_sync_exporter_alert_send_failures_total",
        "only where the daemon sends alerts; the log says it, and the heartbeat stops",
    ),
    ("lightning_sync_exporter_alerts_sent_total", "only where the daemon sends alerts"),
    (
        "lightning_sync_exporter_config_last_reload_success_timestamp_seconds",
        "whether it was taken is shown",
    ),
    ("lightning_sync_exporter_finding_since_timestamp_seconds", "the alerts say it"),
    ("lightning_sync_exporter_last_backup_timestamp_seconds", "an alert says when it is too old"),
    ("lightning_sync_exporter_store_since_timestamp_seconds", "an alert says when it changes"),
    ("lightning_sync_exporter_scrapes_total", "Prometheus knows its scrapes"),
    ("lightning_sync_exporter_task_restarts_total", "a defect of ours; the log says it"),
    (
        "lightning_sync_exporter_web_certificate_not_after_timestamp_seconds",
        "only where https is served; the log and the doctor say it",
    ),
    (
        "lightning_sync_exporter_web_passwords_refused_total",
        "only where users are configured; the log says it",
    ),
    ("lightning_sync_exporter_web_reload_failures_total", "the log says it"),
    (
        "lightning_sync_last_sync_deadline_timestamp_seconds",
        "the time since the last sync is shown",
    ),
    (
        "lightning_sync_outlook_integration_enabled",
        "matters only where reps choose events; the finding says it",
    ),
    (
        "lightning_sync_poll_last_success_timestamp_seconds",
        "whether the latest poll was good is shown",
    ),
    ("lightning_sync_reading_info", "the status page names sources"),
    ("lightning_sync_reading_timestamp_seconds", "the status page tells ages row by row"),
    ("lightning_sync_users_drifting", "shown as a finding; the users' pages have both counts"),
    ("lightning_sync_users_surging", "shown as a finding; the users' pages have both counts"),
    ("lightning_sync_user_status", "one series a user: the status page shows users"),
    ("lightning_sync_utc_offset_seconds", "the alerts need it"),
];

/// Metrics of what Salesforce tells beside the rows; `docs/salesforce-source.md` says what each of them is.
const NOT_SHOWN_AS_A_WHOLE: &[(&str, &str)] = &[
    (
        "lightning_sync_salesforce_",
        "only where Salesforce is asked; the status page says what follows",
    ),
    (
        "lightning_sync_exchange_log_",
        "only where Exchange's logs are read; docs/metrics.md says what each is",
    ),
    ("lightning_sync_canary_", "only where a canary writes; the status page shows its round trips"),
    ("lightning_sync_exchange_", "only where Exchange is probed; the status page shows the steps"),
];

#[test]
fn every_name_of_a_metric_is_in_the_catalogue_and_what_is_not_shown_has_a_reason() {
    let all_queries: Vec<(String, String)> = queries();
    let mut shown: BTreeSet<&str> = BTreeSet::new();
    for (place, expr) in &all_queries {
        for name in names(expr) {
            assert!(is_known(name), "{place}: {name}");
            shown.insert(name.strip_suffix("_bucket").unwrap_or(name));
        }
    }
    let hidden: BTreeSet<&str> = METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| name.starts_with("lightning_sync_") && !shown.contains(name))
        .filter(|name| {
            let begins = |(family, _): &(&str, &str)| name.starts_with(family);
            !NOT_SHOWN_AS_A_WHOLE.iter().any(begins)
        })
        .collect();
    assert_eq!(hidden, NOT_SHOWN.iter().map(|(name, _)| *name).collect());
}

#[test]
fn rules_and_documentation_name_no_metric_that_there_is_not() {
    let root = crate::support::stack::repository("");
    let mut files = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs"), root.join("alerts"), root.join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| ["md", "yaml", "yml"].iter().any(|known| kind == *known))
            {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 40);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for name in names(&text) {
            assert!(is_known(name) || is_family(name), "{}: {name}", file.display());
        }
    }
}

/// A name that ends in an underscore stands for all that begin so.
fn is_family(name: &str) -> bool {
    name.ends_with('_') && METRICS.iter().any(|metric| metric.name.starts_with(name))
}

#[test]
fn a_name_that_only_begins_as_a_metric_does_is_not_known() {
    for cut in ["lightning_sync_users_fail", "lightning_sync_users_failings", "lightning_sync_x_"] {
        assert!(!is_known(cut) && !is_family(cut), "{cut}");
    }
    assert!(
        is_family("lightning_sync_exporter_ingest_") && is_known("lightning_sync_users_failing")
    );
}

/// Every query with everything chosen at the top.
fn queries_for_all() -> Vec<(String, String)> {
    queries().into_iter().map(for_all).collect()
}

fn for_all((place, expr): (String, String)) -> (String, String) {
    let expr = expr
        .replace("$__rate_interval", "1m")
        .replace("$job", ".+")
        .replace("$instance", ".+")
        .replace("$org", ".+");
    (place, expr)
}

#[test]
fn no_query_returns_anything_where_nothing_of_ours_answers() {
    let directory = tempfile::tempdir().unwrap();
    // Somebody else's process, as every Prometheus scrapes some.
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let other = Alertmanager::start(directory.path(), nobody);
    let prometheus = Prometheus::start(directory.path(), &[("other", &[other.address])], None);
    let up = "process_open_fds{job=\"other\"} and on (job, instance) rate(process_cpu_seconds_total[1m])";
    wait_until("the other is scraped", Duration::from_secs(60), || {
        (!prometheus.query(up).is_empty()).then_some(())
    });
    for (place, expr) in queries_for_all() {
        let answer = prometheus.query(&expr);
        assert!(answer.is_empty(), "{place}: {expr}: {answer:#?}");
    }
}

#[test]
fn every_query_returns_data_from_a_prometheus_that_scrapes_the_demo() {
    let directory = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let _demo = Process::start(Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter")).args([
        "demo",
        "--web.listen-address",
        &address.to_string(),
    ]));
    wait_until("the demo answers", Duration::from_secs(60), || {
        http::request(address, "GET", "/-/ready", &[], b"")
            .ok()
            .filter(|answer| answer.status == 200)
    });
    // The series of failures begin with the first one: nobody listens where this one asks.
    let config = directory.path().join("failing.yaml");
    let secret = directory.path().join("client.secret");
    fs::write(&secret, "3f6c1c9f0a7d4d0c9b8f5a6e7d8c9b0a").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "store: {{ path: {} }}\norgs:\n  - {{ name: failing, product: einstein_activity_capture, salesforce: {{ \
         my_domain: 'http://127.0.0.1:1', auth: {{ client_credentials: {{ client_id: app, client_secret_file: {} }} }} }} }}\n",
        directory.path().join("failing.db").display(),
        secret.display()
    );
    fs::write(&config, text).unwrap();
    let failing = Daemon::start(&config);
    // A refusal's series begins with it.
    let media = [("Content-Type", "application/json")];
    let refused = http::post(address, "/api/v1/orgs/nobody/snapshot", &media, b"{}");
    assert_eq!(refused.status, 404);
    let alertmanager = Alertmanager::start(directory.path(), address);
    let jobs =
        [("lightning-sync", &[address, failing.address][..]), ("other", &[alertmanager.address])];
    let prometheus = Prometheus::start(directory.path(), &jobs, None);
    let mut left = queries_for_all();
    let asked = left.len();
    let patience = std::time::Instant::now() + Duration::from_secs(60);
    while !left.is_empty() && std::time::Instant::now() < patience {
        std::thread::sleep(Duration::from_secs(1));
        left.retain(|(_, expr)| prometheus.query(expr).is_empty());
    }
    assert!(left.is_empty(), "without data: {left:#?}");
    let other = alertmanager.address.to_string();
    for (place, expr) in queries_for_all() {
        for series in prometheus.query(&expr) {
            assert_ne!(series["metric"]["instance"], other, "{place}: {expr}");
        }
    }
    let followed = follow_links(&prometheus, address, failing.address);
    println!("{asked} queries, all with data; {followed} links, all to pages that there are");
}

/// Opens what every link of every panel leads to for the first series that the panel shows, and counts the links.
fn follow_links(prometheus: &Prometheus, demo: SocketAddr, failing: SocketAddr) -> usize {
    let dashboards = all();
    let mut followed = 0;
    for dashboard in &dashboards {
        for panel in list(&dashboard.json["panels"]) {
            let expr = text(&panel["targets"][0]["expr"]);
            let (_, expr) = for_all((String::new(), expr.to_owned()));
            let shown = &prometheus.query(&expr)[0]["metric"];
            let org = shown["org"].as_str().unwrap_or("acme");
            for link in list(&panel["fieldConfig"]["defaults"]["links"]) {
                let mut url = text(&link["url"]).replace("${org}", org);
                for (name, label) in shown.as_object().unwrap() {
                    for place in ["__field.labels", "__data.fields"] {
                        url = url.replace(&format!("${{{place}.{name}}}"), text(label));
                    }
                }
                let place = format!("{}: {}: {url}", dashboard.file, text(&panel["title"]));
                if let Some(path) = url.strip_prefix("${pages:raw}") {
                    let address = if org == "failing" { failing } else { demo };
                    let answer = http::request(address, "GET", path, &[], b"").unwrap();
                    assert_eq!(answer.status, 200, "{place}");
                } else {
                    let (uid, _) = url.strip_prefix("/d/").unwrap().split_once('?').unwrap();
                    assert!(dashboards.iter().any(|other| other.json["uid"] == uid), "{place}");
                }
                assert!(!url.trim_start_matches("${pages:raw}").contains('$'), "{place}");
                followed += 1;
            }
        }
    }
    followed
}
