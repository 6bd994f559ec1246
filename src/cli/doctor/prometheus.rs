//! What a Prometheus has of ours: the target, the organisations, the rules, and an Alertmanager to send alerts to.

use super::super::api_client::ApiClient;
use super::{DoctorReport, json};
use crate::config::ValidConfig;
use crate::rules::{AlertRule, Group, groups};
use serde_json::Value;
use std::collections::BTreeSet;

/// `up{job=~".*lightning-sync.*"}`: what the rules recognise as ours.
const TARGETS: &str = "up%7Bjob%3D~%22.*lightning-sync.*%22%7D";
/// `group by (job) (lightning_sync_exporter_build_info)`
const DAEMONS: &str = "group%20by%20(job)%20(lightning_sync_exporter_build_info)";
/// `group by (org) (lightning_sync_org_info)`
const ORGS: &str = "group%20by%20(org)%20(lightning_sync_org_info)";
/// As many names as somebody reads.
const NAMED: usize = 10;

/// Looks at all of it.
///
/// # Errors
/// In a sentence, when it cannot be queried.
pub(super) async fn look(
    api: &ApiClient,
    config: Option<&ValidConfig>,
    report: &mut DoctorReport<'_, '_>,
) -> Result<(), String> {
    if target(api, report).await?
        && let Some(config) = config
    {
        orgs(api, config, report).await?;
    }
    rules(api, config, report).await?;
    let answer = data(api, "/api/v1/alertmanagers").await?;
    match list(&answer, "activeAlertmanagers").len() {
        0 => report.fail(
            "prometheus alerts",
            "it sends alerts to nobody; name an Alertmanager under `alerting` in its configuration",
        ),
        count => report.pass("prometheus alerts", format!("it sends them to {count} Alertmanager")),
    }
    Ok(())
}

/// Says which targets answer; whether one does.
async fn target(api: &ApiClient, report: &mut DoctorReport<'_, '_>) -> Result<bool, String> {
    const CHECK: &str = "prometheus target";
    let targets = query(api, TARGETS).await?;
    let mut answers = false;
    for target in &targets {
        let of = |path| text(target, path).unwrap_or_default();
        let (job, instance) = (of("/metric/job"), of("/metric/instance"));
        if of("/value/1") == "1" {
            answers = true;
            report.pass(CHECK, format!("job {job} scrapes {instance}"));
        } else {
            let says =
                format!("job {job} cannot scrape {instance}; Prometheus's page /targets says why");
            report.fail(CHECK, says);
        }
    }
    if !targets.is_empty() {
        return Ok(answers);
    }
    let others = names(&query(api, DAEMONS).await?, "/metric/job");
    if others.is_empty() {
        report.fail(
            CHECK,
            "it has no target whose job has lightning-sync in its name; add one, as in deploy/prometheus/prometheus.yml",
        );
        return Ok(false);
    }
    let says = format!(
        "job {} scrapes a daemon; rename it so that lightning-sync is in it, or nobody is alerted of a target that never answers",
        some_of(&others)
    );
    report.warn(CHECK, says);
    Ok(true)
}

async fn orgs(
    api: &ApiClient,
    config: &ValidConfig,
    report: &mut DoctorReport<'_, '_>,
) -> Result<(), String> {
    const CHECK: &str = "prometheus organisations";
    let has = names(&query(api, ORGS).await?, "/metric/org");
    let wanted = config.orgs.iter().map(|org| org.policy.name.to_string());
    let missing: BTreeSet<String> = wanted.filter(|name| !has.contains(name)).collect();
    if missing.is_empty() {
        report.pass(CHECK, "it has every organisation of the configuration");
    } else {
        let says = format!("it has nothing of {}; does it scrape this daemon?", some_of(&missing));
        report.fail(CHECK, says);
    }
    Ok(())
}

async fn rules(
    api: &ApiClient,
    config: Option<&ValidConfig>,
    report: &mut DoctorReport<'_, '_>,
) -> Result<(), String> {
    let answer = data(api, "/api/v1/rules?exclude_alerts=true").await?;
    let mut ours = Vec::new();
    for group in groups() {
        let loaded = list(&answer, "groups").iter().filter(|found| found["name"] == group.name);
        let rules: Vec<&Value> = loaded.flat_map(|found| list(found, "rules")).collect();
        of_group(&group, &rules, report);
        ours.extend(rules);
    }
    if let Some(config) = config {
        links(&ours, config, report);
    }
    Ok(())
}

fn of_group(group: &Group, rules: &[&Value], report: &mut DoctorReport<'_, '_>) {
    const CHECK: &str = "prometheus rules";
    let name = group.name;
    if rules.is_empty() {
        let says = format!(
            "it has no group {name}; write what `lightning-sync-exporter rules` prints to a file of its rule_files, and reload it"
        );
        return report.fail(CHECK, says);
    }
    let has: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["name"].as_str()).collect();
    let recording = group.recording.iter().map(|rule| rule.record);
    let wanted: BTreeSet<&str> =
        recording.chain(group.alerts.iter().map(AlertRule::alert)).collect();
    let missing: BTreeSet<&str> = wanted.difference(&has).copied().collect();
    let others: BTreeSet<&str> = has.difference(&wanted).copied().collect();
    let broken = rules.iter().find(|rule| rule["health"] == "err");
    if !missing.is_empty() {
        let says =
            format!("group {name} lacks {}; load the rules of this version", some_of(&missing));
        report.fail(CHECK, says);
    } else if let Some(rule) = broken {
        let of = |key: &str| rule[key].as_str().unwrap_or_default();
        report.fail(CHECK, format!("{} cannot be evaluated: {}", of("name"), of("lastError")));
    } else if !others.is_empty() {
        let says = format!(
            "group {name} also has {}, which this version does not know; load the rules of this version",
            some_of(&others)
        );
        report.warn(CHECK, says);
    } else {
        report.pass(CHECK, format!("group {name} is loaded, with all {} rules", rules.len()));
    }
}

/// Says where the links of the alerts lead, where that is not where people reach the pages.
fn links(rules: &[&Value], config: &ValidConfig, report: &mut DoctorReport<'_, '_>) {
    const CHECK: &str = "prometheus links";
    let ours = config.external_url.clone().unwrap_or_default();
    let runbooks = rules.iter().filter_map(|rule| text(rule, "/annotations/runbook_url"));
    let found =
        runbooks.filter_map(|link| link.split_once("/runbooks/")).map(|(url, _)| url).next();
    match found {
        Some(url) if url != ours.as_str() => report.warn(
            CHECK,
            format!("alerts link to {url}, the pages are at {ours}; load what `rules --config.file` prints"),
        ),
        Some(url) if config.external_url.is_none() => report.warn(
            CHECK,
            format!("alerts link to {url}, which is this machine alone; set web.external_url, and load what `rules --config.file` prints"),
        ),
        Some(url) => report.pass(CHECK, format!("alerts link to {url}")),
        None => {}
    }
}

/// The vector that an instant query answers with.
async fn query(api: &ApiClient, expression: &str) -> Result<Vec<Value>, String> {
    let answer = data(api, &format!("/api/v1/query?query={expression}")).await?;
    Ok(list(&answer, "result").to_vec())
}

async fn data(api: &ApiClient, path: &str) -> Result<Value, String> {
    let answer = json(&api.body("Prometheus", path).await?);
    Ok(answer.get("data").cloned().unwrap_or_default())
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path)?.as_str()
}

fn names(vector: &[Value], label: &str) -> BTreeSet<String> {
    let names = vector.iter().filter_map(|sample| text(sample, label));
    names.map(str::to_owned).collect()
}

/// "a, b and 3 more"
fn some_of<T: AsRef<str>>(names: &BTreeSet<T>) -> String {
    let first: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
