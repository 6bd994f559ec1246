//! One cause, one page: a real Alertmanager with the shipped configuration, told a cause and all its consequences in
//! the same second.

use crate::support::http::{get, post};
use crate::support::process::wait_until;
use crate::support::receiver::{Notification, Receiver};
use crate::support::stack::Alertmanager;
use lightning_sync_exporter::domain::causes::{Cause, Scope, Severity};
use lightning_sync_exporter::rules::inhibits;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// How long Alertmanager may take for what it does within a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// The alerts of a reason in an organisation, as the rules would send them: one for each severity and object type.
fn alerts(reason: Cause, org: &str) -> Vec<Value> {
    let of_object = [
        Cause::NoSyncIn24Hours,
        Cause::NeverSynced,
        Cause::NothingIn24Hours,
        Cause::NothingIn60Minutes,
        Cause::Delayed,
        Cause::ObservationsStale,
    ]
    .contains(&reason);
    let things: &[(&str, &str)] = match reason.scope() {
        Scope::Org if of_object => &[("object_type", "contacts"), ("object_type", "events")],
        Scope::Users => &[("check", "service_account"), ("check", "contacts_folder")],
        Scope::Org | Scope::Exporter => &[("", "")],
    };
    let mut alerts = Vec::new();
    for severity in reason.severities() {
        for (name, value) in things {
            let mut labels = json!({ "alertname": reason.alert(), "severity": severity.name() });
            if reason.scope() != Scope::Exporter
                || [Cause::IngestRejected, Cause::PollFailing, Cause::SalesforceApiBudgetLow]
                    .contains(&reason)
            {
                labels["org"] = org.into();
            }
            if !name.is_empty() {
                labels[*name] = (*value).into();
            }
            alerts.push(json!({ "labels": labels }));
        }
    }
    alerts
}

/// The cause at its worst: that is what holds others back.
fn cause(reason: Cause, org: &str) -> Vec<Value> {
    let worst = reason.severities()[0].name();
    let mut alerts = alerts(reason, org);
    alerts.retain(|alert| alert["labels"]["severity"] == worst);
    alerts
}

fn send(address: SocketAddr, alerts: &[Value]) {
    let body = serde_json::to_vec(alerts).unwrap();
    let headers = [("Content-Type", "application/json")];
    let answer = post(address, "/api/v2/alerts", &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn labels(alerts: &[Value]) -> BTreeSet<String> {
    alerts.iter().map(|alert| alert["labels"].to_string()).collect()
}

fn told(receiver: &Receiver, label: &str, value: &str) -> Vec<Notification> {
    let mut all = receiver.notifications();
    all.retain(|got| got.body["commonLabels"][label] == value);
    all
}

/// What Alertmanager says of the alerts it holds back: label sets and by how many they are held.
fn held_back(address: SocketAddr) -> Vec<(Value, usize)> {
    let alerts = get(address, "/api/v2/alerts").json();
    alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| {
            let by = alert["status"]["inhibitedBy"].as_array().map_or(0, Vec::len);
            (alert["labels"].clone(), by)
        })
        .collect()
}

/// Sends `causes` with `consequences`, waits until everything that Alertmanager would tell of them has been told, and
/// gives the notifications that `label` and `value` pick.
fn notifications(
    alertmanager: &Alertmanager,
    receiver: &Receiver,
    all: &[Value],
    (label, value): (&str, &str),
) -> Vec<Notification> {
    send(alertmanager.address, all);
    wait_until(&format!("a notification of {value}"), PATIENCE, || {
        told(receiver, label, value).pop()
    });
    // A group that is begun now is told after every group that was begun before: then nothing is still to come.
    let after = format!("after-{}", value.to_lowercase());
    send(alertmanager.address, &cause(Cause::NoSyncIn24Hours, &after));
    wait_until(&format!("the notification of {after}"), PATIENCE, || {
        told(receiver, "org", &after).pop()
    });
    told(receiver, label, value)
}

#[test]
fn a_cause_with_all_its_consequences_in_the_same_second_is_one_notification() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(directory.path(), receiver.address);
    for reason in Cause::ALL.iter().copied() {
        let held = inhibits(reason);
        if held.is_empty() || reason.scope() == Scope::Exporter {
            continue;
        }
        let org = reason.name().replace('_', "-");
        let cause = cause(reason, &org);
        // The consequences first, so that the order in the request is no help.
        let mut all: Vec<Value> = held.iter().flat_map(|other| alerts(*other, &org)).collect();
        all.extend(cause.clone());
        let got = notifications(&alertmanager, &receiver, &all, ("org", &org));
        assert_eq!(got.len(), 1, "{reason}: {got:#?}");
        assert_eq!(got[0].path, "/page");
        let alerts = got[0].body["alerts"].as_array().unwrap();
        assert_eq!(labels(alerts), labels(&cause), "{reason}");
        for (labels, by) in held_back(alertmanager.address) {
            if labels["org"] == org.as_str() {
                let is_cause = labels["alertname"] == reason.alert().unwrap();
                assert_eq!(by > 0, !is_cause, "{reason} and {labels}");
            }
        }
    }
}

#[test]
fn a_dead_exporter_is_one_notification_and_the_pages_that_were_true_stay() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(directory.path(), receiver.address);
    let mut all: Vec<Value> =
        inhibits(Cause::ExporterDown).iter().flat_map(|other| alerts(*other, "acme")).collect();
    let page = cause(Cause::NoSyncIn24Hours, "beta");
    all.extend(page.clone());
    // Alerts about an exporter name it; those about what nobody else watches name the organisation.
    let mut down = cause(Cause::ExporterDown, "");
    for alert in all.iter_mut().chain(&mut down) {
        if alert["labels"].get("org").is_none() {
            alert["labels"]["job"] = "lightning-sync".into();
            alert["labels"]["instance"] = "sync.example:9877".into();
        }
    }
    all.extend(down.clone());
    for mut alert in down {
        alert["labels"] = json!({
            "alertname": "LightningSyncExporterDown", "severity": "critical", "org": "acme",
        });
        all.push(alert);
    }
    let got =
        notifications(&alertmanager, &receiver, &all, ("alertname", "LightningSyncExporterDown"));
    assert_eq!(got.len(), 1, "{got:#?}");
    assert_eq!(told(&receiver, "org", "acme").len(), 0);
    let beta = told(&receiver, "org", "beta");
    assert_eq!(beta.len(), 1, "{beta:#?}");
    assert_eq!(labels(beta[0].body["alerts"].as_array().unwrap()), labels(&page));
    let silenced = inhibits(Cause::ExporterDown);
    for (labels, by) in held_back(alertmanager.address) {
        let expected = silenced.iter().any(|reason| labels["alertname"] == reason.alert().unwrap())
            || labels["alertname"] == "LightningSyncExporterDown" && labels["org"] == "acme";
        assert_eq!(by > 0, expected, "{labels}");
    }
}

#[test]
fn another_organisations_consequences_are_not_held_back() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(directory.path(), receiver.address);
    let mut all = cause(Cause::ServiceAccountMissing, "acme");
    all.extend(cause(Cause::NoSyncIn24Hours, "beta"));
    let got = notifications(&alertmanager, &receiver, &all, ("org", "beta"));
    assert_eq!(got.len(), 1, "{got:#?}");
    assert_eq!(Cause::NoSyncIn24Hours.severities(), [Severity::Critical], "both are pages");
}
