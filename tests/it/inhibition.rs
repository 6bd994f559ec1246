//! One cause, one page: a real Alertmanager with the shipped configuration gets every cause and all its consequences, in
//! the same second in both orders, and half an hour apart.
//!
//! Half an hour is six of the shipped group intervals, and that is how Alertmanager knows it: here an interval is a
//! second. One has passed when a group that was begun after it is notified.

use crate::support::http::{get, post};
use crate::support::process::wait_until;
use crate::support::receiver::{Notification, Receiver};
use crate::support::stack::Alertmanager;
use lightning_sync_exporter::domain::causes::{Cause, Scope, Severity};
use lightning_sync_exporter::rules::inhibits;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long Alertmanager may take for what it does within a second or two.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is apart by half an hour, in group intervals of five minutes.
const HALF_AN_HOUR: usize = 6;

/// What tells the alerts of one cause in one organisation apart. A match, so that a new cause is decided on here.
fn apart(cause: Cause) -> &'static [(&'static str, &'static str)] {
    match cause {
        Cause::NoSyncIn24Hours
        | Cause::NeverSynced
        | Cause::NothingIn24Hours
        | Cause::NothingIn60Minutes
        | Cause::Delayed
        | Cause::UnusuallyQuiet
        | Cause::ObservationsStale => &[("object_type", "contacts"), ("object_type", "events")],
        Cause::ResetStuck => &[("check", "reset")],
        Cause::InitialSyncStuck | Cause::CanaryLate => {
            &[("check", "contacts_to_exchange"), ("check", "events_to_exchange")]
        }
        Cause::ServiceAccountMissing
        | Cause::ServiceAccountNotRecognized
        | Cause::NoLinkedUsers
        | Cause::LinkedUsersUnexpected
        | Cause::UsersFailing
        | Cause::UsersSyncNothing
        | Cause::OutlookIntegrationDisabled
        | Cause::RetirementNear
        | Cause::Retired
        | Cause::IngestRejected
        | Cause::PollFailing
        | Cause::ExchangeUnreachable
        | Cause::ExchangeAccountRefused
        | Cause::ExchangeEwsOff
        | Cause::ExchangeImpersonationRefused
        | Cause::ExchangeCertificateEnding
        | Cause::SalesforceApiBudgetLow
        | Cause::SalesforceUsageUnknown
        | Cause::ExchangeSignInRefused
        | Cause::ExchangeNoCalls
        | Cause::ExchangeTwoWriters
        | Cause::DuplicateSurge
        | Cause::RecordsDrift
        | Cause::CanaryFailing
        | Cause::CanaryLeftovers
        | Cause::ExporterDown
        | Cause::StoreFailing
        | Cause::ClockSuspect
        | Cause::ConfigReloadFailed
        | Cause::WebReloadFailed
        | Cause::CertificateExpiring
        | Cause::Restarting
        | Cause::ManyOrganizations
        | Cause::BackupTooOld
        | Cause::StoreEmptied
        | Cause::Watchdog => &[("", "")],
    }
}

/// Whether alerts of a cause name an organisation.
fn names_an_org(cause: Cause) -> bool {
    cause.scope() != Scope::Exporter
        || [
            Cause::IngestRejected,
            Cause::PollFailing,
            Cause::SalesforceApiBudgetLow,
            Cause::SalesforceUsageUnknown,
        ]
        .contains(&cause)
}

/// The alerts of a cause in an organisation, as the rules would send them, of the severities that are wanted.
fn alerts_of(cause: Cause, org: &str, wanted: impl Fn(Severity) -> bool) -> Vec<Value> {
    let mut alerts = Vec::new();
    for severity in cause.severities().iter().filter(|severity| wanted(**severity)) {
        for (name, value) in apart(cause) {
            let mut labels = json!({
                "alertname": cause.alert(), "severity": severity.name(), "cause": cause.name(),
            });
            if names_an_org(cause) {
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

/// The cause at its worst: that is what wakes somebody.
fn worst(cause: Cause, org: &str) -> Vec<Value> {
    alerts_of(cause, org, |severity| severity == cause.severities()[0])
}

/// Everything that a cause holds back, at every severity.
fn consequences(cause: Cause, org: &str) -> Vec<Value> {
    inhibits(cause).into_iter().flat_map(|other| alerts_of(other, org, |_| true)).collect()
}

fn label_sets(alerts: &[Value]) -> BTreeSet<String> {
    alerts.iter().map(|alert| alert["labels"].to_string()).collect()
}

fn of_notification(got: &Notification) -> BTreeSet<String> {
    label_sets(got.body["alerts"].as_array().unwrap())
}

/// An Alertmanager with the shipped configuration, and who gets its notifications.
pub(crate) struct Stack {
    _directory: tempfile::TempDir,
    receiver: Receiver,
    alertmanager: Alertmanager,
    passed: Cell<usize>,
}

impl Stack {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::start(directory.path(), receiver.address);
        Self { _directory: directory, receiver, alertmanager, passed: Cell::new(0) }
    }

    pub(crate) fn send(&self, alerts: &[Value]) {
        let body = serde_json::to_vec(alerts).unwrap();
        let headers = [("Content-Type", "application/json")];
        let answer = post(self.alertmanager.address, "/api/v2/alerts", &headers, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The notifications that were delivered with a label in common.
    pub(crate) fn delivered(&self, label: &str, value: &str) -> Vec<Notification> {
        let mut all = self.receiver.notifications();
        all.retain(|got| got.body["commonLabels"][label] == value);
        all
    }

    /// Lets so many group intervals pass: each group that is begun here waits as long, one after the other.
    pub(crate) fn pass(&self, intervals: usize) {
        for _ in 0..intervals {
            self.passed.set(self.passed.get() + 1);
            let org = format!("passed-{}", self.passed.get());
            self.send(&worst(Cause::NoSyncIn24Hours, &org));
            wait_until(&format!("the notification of {org}"), PATIENCE, || {
                self.delivered("org", &org).pop()
            });
        }
    }

    /// The label sets of an organisation's alerts, and by how many others each is held back.
    pub(crate) fn held_back(&self, of: impl Fn(&Value) -> bool) -> Vec<(Value, usize)> {
        let alerts = get(self.alertmanager.address, "/api/v2/alerts").json();
        let alerts = alerts.as_array().unwrap().iter();
        let of = alerts.filter(|alert| of(&alert["labels"]));
        of.map(|alert| {
            let by = alert["status"]["inhibitedBy"].as_array().map_or(0, Vec::len);
            (alert["labels"].clone(), by)
        })
        .collect()
    }

    /// Exactly these notifications of an organisation woke somebody, each by what it has in it.
    fn expect_pages(&self, org: &str, expected: &[&[Value]]) {
        let got = self.delivered("org", org);
        let pages = got.iter().filter(|got| got.path == "/page");
        let pages: Vec<_> = pages.map(of_notification).collect();
        let expected: Vec<_> = expected.iter().map(|alerts| label_sets(alerts)).collect();
        assert_eq!(pages, expected, "{org}");
    }
}

/// The causes of an organisation that hold something back.
fn causes() -> Vec<Cause> {
    let all = Cause::ALL.iter().copied().filter(|cause| !inhibits(*cause).is_empty());
    let (exporter, org): (Vec<_>, Vec<_>) = all.partition(|cause| cause.scope() == Scope::Exporter);
    assert_eq!(exporter, [Cause::ExporterDown], "it has a test of its own");
    for cause in Cause::ALL.iter().filter(|cause| cause.is_root()) {
        assert!(org.contains(cause), "{cause}");
    }
    org
}

#[test]
fn a_cause_with_all_its_consequences_is_one_notification_in_any_order_and_half_an_hour_later() {
    let stack = Stack::start();
    let org = |cause: Cause, order: &str| format!("{order}-{}", cause.name().replace('_', "-"));
    for cause in causes() {
        let [first, last, together, later, earlier] =
            ["first", "last", "together", "later", "earlier"].map(|order| org(cause, order));
        // In the same second: the cause before its consequences, after them, and in one request with them.
        stack.send(&worst(cause, &first));
        stack.send(&consequences(cause, &first));
        stack.send(&consequences(cause, &last));
        stack.send(&worst(cause, &last));
        stack.send(&[consequences(cause, &together), worst(cause, &together)].concat());
        stack.send(&worst(cause, &later));
        stack.send(&consequences(cause, &earlier));
    }
    stack.pass(HALF_AN_HOUR);
    for cause in causes() {
        stack.send(&consequences(cause, &org(cause, "later")));
        stack.send(&worst(cause, &org(cause, "earlier")));
    }
    // A group that exists is looked at once in an interval.
    stack.pass(3);
    for cause in causes() {
        for order in ["first", "last", "together", "later"] {
            let org = org(cause, order);
            stack.expect_pages(&org, &[&worst(cause, &org)]);
            assert_eq!(
                stack.delivered("org", &org).len(),
                1,
                "{org}: nobody else is sent anything"
            );
            for (labels, by) in stack.held_back(|labels| labels["org"] == org.as_str()) {
                let is_cause = labels["alertname"] == cause.alert().unwrap();
                assert_eq!(by > 0, !is_cause, "{cause} and {labels}");
            }
        }
        // What was paged half an hour before anybody knew the cause cannot be taken back: the cause alone is news then.
        let org = org(cause, "earlier");
        let pages = consequences(cause, &org);
        let before: Vec<Value> = pages
            .iter()
            .filter(|alert| alert["labels"]["severity"] == Severity::Critical.name())
            .cloned()
            .collect();
        let news = worst(cause, &org);
        let expected: Vec<&[Value]> =
            [before.as_slice(), &news].into_iter().filter(|alerts| !alerts.is_empty()).collect();
        stack.expect_pages(&org, &expected);
    }
}

#[test]
fn a_cause_that_is_a_warning_holds_back_what_it_does_as_a_page() {
    let stack = Stack::start();
    for cause in causes() {
        for severity in cause.severities() {
            let org = format!("{severity}-{}", cause.name().replace('_', "-"));
            stack.send(&alerts_of(cause, &org, |other| other == *severity));
            stack.send(&consequences(cause, &org));
        }
    }
    stack.pass(1);
    for cause in causes() {
        for severity in cause.severities() {
            let org = format!("{severity}-{}", cause.name().replace('_', "-"));
            // What is a page for its hours alone explains nothing while it is a warning, and a warning of the probe no page.
            let holds = |other: &Value| {
                *severity == Severity::Critical
                    || (!cause.consequences().is_empty()
                        && (!cause.is_probed() || other["severity"] != Severity::Critical.name()))
            };
            let held = stack.held_back(|labels| {
                labels["org"] == org.as_str() && labels["alertname"] != cause.alert().unwrap()
            });
            assert!(!held.is_empty());
            for (labels, by) in held {
                assert_eq!(by > 0, holds(&labels), "{cause} as {severity}, and {labels}");
            }
        }
    }
}

#[test]
fn one_organisation_holds_back_nothing_of_another() {
    let stack = Stack::start();
    // Every cause fires in one organisation, and each of their consequences alone in one of its own.
    let consequences: BTreeSet<Cause> = causes().into_iter().flat_map(inhibits).collect();
    let lone = |cause: Cause| format!("lone-{}", cause.name().replace('_', "-"));
    for cause in causes() {
        stack.send(&worst(cause, "acme"));
    }
    for cause in &consequences {
        stack.send(&alerts_of(*cause, &lone(*cause), |_| true));
    }
    stack.pass(2);
    let others = stack.held_back(|labels| labels["org"] != "acme");
    assert!(others.len() >= consequences.len());
    for (labels, by) in others {
        assert_eq!(by, 0, "{labels}");
    }
    for cause in consequences {
        let org = lone(cause);
        let pages = alerts_of(cause, &org, |severity| severity == Severity::Critical);
        let expected: &[&[Value]] = if pages.is_empty() { &[] } else { &[&pages] };
        stack.expect_pages(&org, expected);
    }
}

#[test]
fn a_dead_exporter_is_one_notification_and_the_pages_that_were_true_stay() {
    let stack = Stack::start();
    let mut all: Vec<Value> = inhibits(Cause::ExporterDown)
        .iter()
        .flat_map(|other| alerts_of(*other, "acme", |_| true))
        .collect();
    let page = worst(Cause::NoSyncIn24Hours, "beta");
    all.extend(page.clone());
    // Alerts about an exporter name it; those about what nobody else watches name the organisation.
    let mut down = worst(Cause::ExporterDown, "");
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
    stack.send(&all);
    stack.pass(2);
    let got = stack.delivered("alertname", "LightningSyncExporterDown");
    assert_eq!(got.len(), 1, "{got:#?}");
    assert_eq!(stack.delivered("org", "acme").len(), 0);
    stack.expect_pages("beta", &[&page]);
    let silenced = inhibits(Cause::ExporterDown);
    let of_this =
        |labels: &Value| !labels["org"].as_str().is_some_and(|org| org.starts_with("passed-"));
    for (labels, by) in stack.held_back(of_this) {
        let expected = silenced.iter().any(|reason| labels["alertname"] == reason.alert().unwrap())
            || labels["alertname"] == "LightningSyncExporterDown" && labels["org"] == "acme";
        assert_eq!(by > 0, expected, "{labels}");
    }
}
