//! Files in the repository that are made from data: what is there is what the program would write.
//! `UPDATE_GENERATED=1` writes them.

use crate::support::documents::statuses;
use lightning_sync_exporter::config::{self, web_example};
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::external_url::ExternalUrl;
use lightning_sync_exporter::rules::{Format, Site, alertmanager, prometheus, render, runbook};
use std::path::Path;

pub(crate) fn is_current(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found,
        expected,
        "{} is out of date: run the tests once with UPDATE_GENERATED=1",
        path.display()
    );
}

#[test]
fn the_rules_file_is_what_the_rules_say() {
    is_current(
        "alerts/lightning-sync.rules.yaml",
        &render(Format::Prometheus, &ExternalUrl::default()),
    );
}

#[test]
fn the_charts_rules_are_what_the_rules_say() {
    is_current(
        "deploy/helm/lightning-sync-exporter/rules.yaml",
        &render(Format::Prometheus, &ExternalUrl::default()),
    );
}

#[test]
fn the_mixins_rules_are_what_the_rules_say() {
    let rules: serde_json::Value =
        serde_yaml_ng::from_str(&render(Format::Prometheus, &ExternalUrl::default())).unwrap();
    let text = serde_json::to_string_pretty(&rules).unwrap();
    is_current("mixin/rules.json", &format!("{text}\n"));
}

#[test]
fn the_operators_rules_are_what_the_rules_say() {
    is_current(
        "alerts/lightning-sync.prometheusrule.yaml",
        &render(Format::Operator, &ExternalUrl::default()),
    );
}

#[test]
fn the_example_of_alertmanager_is_what_the_rules_say() {
    is_current("deploy/alertmanager/alertmanager.yaml", &alertmanager());
}

#[test]
fn the_examples_of_prometheus_are_what_the_rules_say() {
    is_current("deploy/prometheus/prometheus.yml", &prometheus(Site::Package));
    is_current("deploy/compose/prometheus.yml", &prometheus(Site::Compose));
}

#[test]
fn the_example_of_the_webs_file_has_every_key() {
    is_current("deploy/web/web.yaml", &web_example());
}

#[test]
fn the_charts_schema_has_that_of_the_configuration() {
    let values = include_str!("deploy/values.schema.json");
    let mut schema: serde_json::Value = serde_json::from_str(values).unwrap();
    let mut config = config::schema();
    // One document has one draft; what is used is the same in both.
    config.as_object_mut().unwrap().remove("$schema");
    schema["properties"]["config"] = config;
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    is_current("deploy/helm/lightning-sync-exporter/values.schema.json", &text);
}

#[test]
fn the_document_of_statuses_is_what_guidance_says() {
    is_current("docs/statuses.md", &statuses());
}

#[test]
fn every_alert_has_its_runbook_and_there_is_no_other() {
    let mut names = Vec::new();
    for reason in Cause::ALL {
        if let (Some(alert), Some(text)) = (reason.alert(), runbook(*reason)) {
            is_current(&format!("docs/runbooks/{alert}.md"), &text);
            names.push(format!("{alert}.md"));
        }
    }
    names.sort();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, names);
}
