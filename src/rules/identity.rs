//! An alert's labels, as its rule makes them out of what was found: what Alertmanager knows it by. Whoever else sends the
//! alert has to give it these, or it comes twice.

use super::alerts;
use super::definition::AlertRule;
use super::words;
use crate::domain::alerts::AlertId;
use crate::domain::causes::{Cause, Severity};
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::OrgName;
use crate::domain::judge::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Names and values of labels, or of annotations.
pub type Labels = BTreeMap<&'static str, String>;

/// What Prometheus calls an exporter that it scrapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// Its label `job`.
    pub job: String,
    /// Its label `instance`.
    pub instance: String,
}

static RULES: LazyLock<BTreeMap<Cause, AlertRule>> =
    LazyLock::new(|| alerts::rules().into_iter().map(|rule| (rule.cause, rule)).collect());

/// The rule of a cause.
pub fn rule(cause: Cause) -> Option<&'static AlertRule> {
    RULES.get(&cause)
}

/// The alert that a finding is; `None`: it has none, or what explains it is alerted.
pub fn alert_of(finding: &Finding) -> Option<AlertId> {
    let rule = rule(finding.cause).filter(|_| finding.held_back_by.is_none())?;
    let mut subject = finding.subject();
    if rule.is_of_the_whole_org() {
        (subject.object_type, subject.check) = (None, None);
    }
    let org = Some(finding.org.clone());
    Some(AlertId { severity: finding.severity, subject, org, shared: None })
}

/// The alerts of what many of the organisations have in common, with their findings, longest first.
pub fn shared(findings: &[Finding], watched: usize) -> Vec<(AlertId, Vec<&Finding>)> {
    let mut by_cause: BTreeMap<Cause, Vec<&Finding>> = BTreeMap::new();
    let pages = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Critical && finding.held_back_by.is_none());
    for finding in pages {
        by_cause.entry(finding.cause).or_default().push(finding);
    }
    let mut alerts = Vec::new();
    for (cause, mut findings) in by_cause {
        findings.sort_by_key(|finding| finding.since);
        let mut orgs: BTreeSet<&OrgName> = BTreeSet::new();
        findings.retain(|finding| orgs.insert(&finding.org));
        if alerts::are_many(findings.len(), watched) {
            let subject = crate::domain::incidents::Subject {
                cause: Cause::ManyOrganizations,
                object_type: None,
                check: None,
            };
            let shared = Some(cause);
            let id = AlertId { severity: Severity::Critical, subject, org: None, shared };
            alerts.push((id, findings));
        }
    }
    alerts
}

impl AlertRule {
    /// Whether what was found of parts of an organisation is one alert of it.
    fn is_of_the_whole_org(&self) -> bool {
        self.expr.starts_with("min by (org, cause, severity)")
    }

    /// Whether it is about one exporter.
    fn is_of_an_exporter(&self) -> bool {
        self.expr.starts_with("instance:lightning_sync_finding:since{")
    }

    /// The labels of an alert of it.
    pub fn labels(&self, id: &AlertId, exporter: &ScrapeTarget) -> Labels {
        let AlertId { severity, subject, org, shared } = id;
        let mut labels = Labels::from([
            ("alertname", self.alert().to_owned()),
            ("cause", shared.unwrap_or(self.cause).to_string()),
            ("severity", severity.to_string()),
        ]);
        labels.extend(org.as_ref().map(|org| ("org", org.to_string())));
        labels.extend(subject.check.map(|check| ("check", check.check().to_owned())));
        labels.extend(subject.object_type.map(|object| ("object_type", object.to_string())));
        if self.is_of_an_exporter() {
            labels.insert("job", exporter.job.clone());
            labels.insert("instance", exporter.instance.clone());
        }
        labels
    }

    /// The annotations of an alert of it, with facts in the place of the rule's template, which only Prometheus can fill.
    pub fn annotations(&self, id: &AlertId, description: &str, url: &ExternalUrl) -> Labels {
        words::of_alert(self, id.org.as_ref(), description, url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ObjectType;

    fn finding(org: &str, cause: Cause) -> Finding {
        Finding {
            severity: Severity::Critical,
            cause,
            org: OrgName::new(org).unwrap(),
            object_type: Some(ObjectType::Contacts),
            check: None,
            since: None,
            users: None,
            held_back_by: None,
        }
    }

    #[test]
    fn labels_are_those_that_the_expression_leaves() {
        let exporter = ScrapeTarget { job: "sync".to_owned(), instance: "a:9877".to_owned() };
        let labels = |cause, finding: &Finding| {
            let id = alert_of(finding).unwrap();
            let labels = rule(cause).unwrap().labels(&id, &exporter);
            labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(
            labels(Cause::NoSyncIn24Hours, &finding("acme", Cause::NoSyncIn24Hours)),
            [
                "alertname=LightningSyncNoSyncIn24Hours",
                "cause=no_sync_in_24_hours",
                "object_type=contacts",
                "org=acme",
                "severity=critical"
            ]
        );
        let users = labels(Cause::UsersFailing, &finding("acme", Cause::UsersFailing));
        assert!(!users.iter().any(|label| label.starts_with("object_type")), "{users:?}");
        for cause in [Cause::StoreFailing, Cause::ClockSuspect, Cause::BackupTooOld] {
            assert!(rule(cause).unwrap().is_of_an_exporter(), "{cause}");
        }
        assert!(!rule(Cause::IngestRejected).unwrap().is_of_an_exporter());
        let explained = Finding {
            held_back_by: Some(Cause::NoLinkedUsers),
            ..finding("acme", Cause::NoSyncIn24Hours)
        };
        assert_eq!(alert_of(&explained), None);
        assert_eq!(alert_of(&finding("acme", Cause::Retired)), None);
    }

    #[test]
    fn more_than_ten_and_more_than_a_quarter_are_many() {
        let all: Vec<Finding> =
            (0..11).map(|number| finding(&format!("org-{number}"), Cause::NeverSynced)).collect();
        assert_eq!(shared(&all, 43).len(), 1);
        assert_eq!(shared(&all, 44).len(), 0);
        assert_eq!(shared(&all[..10], 12).len(), 0);
        let twice: Vec<Finding> = all[..6].iter().chain(&all[..6]).cloned().collect();
        assert_eq!(shared(&twice, 12).len(), 0, "organisations are counted, not findings");
    }
}
