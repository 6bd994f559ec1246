//! The daemon's own counters: made before the first event, closed sets of labels, gone with their organisation.

use super::orgs::NOW;
use super::page::Page;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::events::{Event, EventSink, Figure};
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn own(orgs: &[&str]) -> Arc<SelfMetrics> {
    let own = SelfMetrics::new(&["malformed", "token_wrong"]).unwrap();
    let orgs: Vec<OrgName> = orgs.iter().map(|name| OrgName::new(name).unwrap()).collect();
    own.set_orgs(&orgs);
    Arc::new(own)
}

/// The daemon's own series that contain `part`, as they stand after `exporter_`.
fn series(own: &Arc<SelfMetrics>, part: &str) -> BTreeMap<String, f64> {
    let pages = MetricsPages::new(Arc::clone(own));
    let view = Arc::new(View::empty(NOW));
    let page: Vec<u8> = pages.text(view, NOW, PageFormat::Text).flatten().collect();
    let page = Page::parse(&String::from_utf8(page).unwrap());
    let samples = page.samples.iter().filter_map(|sample| {
        let name = sample.name.strip_prefix("lightning_sync_exporter_")?;
        let labels: Vec<String> = sample.labels.values().cloned().collect();
        Some((format!("{name} {}", labels.join(" ")), sample.value))
    });
    samples
        .filter(|(name, _)| {
            name.contains(part) && (name.starts_with(part) || !name.starts_with("finding_"))
        })
        .collect()
}

#[test]
fn what_needs_attention_of_the_daemon_is_a_finding_until_it_ends() {
    let own = own(&["acme"]);
    let holds = || -> Vec<String> {
        let all = series(&own, "finding_since_timestamp_seconds");
        let holding = all.into_iter().filter(|(_, since)| *since > 0.0);
        let words = holding.map(|(name, _)| name.split_once(' ').unwrap().1.to_owned());
        words.collect()
    };
    assert_eq!(holds(), Vec::<String>::new());
    let of_acme = || -> Vec<String> {
        let all = series(&own, "finding_since_timestamp_seconds");
        all.into_keys().filter(|name| name.contains(" acme ")).collect()
    };
    // Of limits that nobody reported nothing is known, which is not a zero.
    assert_eq!(of_acme(), ["finding_since_timestamp_seconds ingest_rejected acme "]);
    own.count(&Event::ConfigRejected { errors: String::new() });
    own.count(&Event::WebReloadFailed { says: String::new() });
    own.count(&rejected("acme", "malformed"));
    own.set_certificate_until(Some(NOW.plus(chrono::TimeDelta::days(13))));
    own.count(&Event::WebReloadFailed { says: String::new() });
    let figure = |name, value| Figure { metric: name, labels: Vec::new(), value };
    own.count(&Event::SourceFigures {
        org: "acme".to_owned(),
        source: "salesforce",
        figures: vec![figure("lightning_sync_salesforce_api_budget_used_ratio", 0.76)],
    });
    assert_eq!(
        holds(),
        [
            "certificate_expiring  warning",
            "config_reload_failed  warning",
            "ingest_rejected acme warning",
            "salesforce_api_budget_low acme warning",
            "salesforce_usage_unknown acme warning",
            "web_reload_failed  warning",
        ]
    );
    own.count(&Event::ConfigReloaded);
    own.set_certificate_until(Some(NOW.plus(chrono::TimeDelta::days(15))));
    own.count(&Event::PollingEnded { org: "acme".to_owned(), source: "salesforce" });
    assert_eq!(holds(), ["ingest_rejected acme warning"]);
    assert_eq!(of_acme(), ["finding_since_timestamp_seconds ingest_rejected acme warning"]);
}

#[test]
fn backups_are_judged_only_where_an_age_is_configured() {
    let own = own(&[]);
    let judged = || -> Vec<(String, f64)> {
        let all = series(&own, "finding_since_timestamp_seconds");
        all.into_iter().filter(|(name, _)| name.contains("backup")).collect()
    };
    let word = |severity: &str, since| {
        vec![(format!("finding_since_timestamp_seconds backup_too_old  {severity}"), since)]
    };
    own.set_last_backup(Some(NOW.minus(chrono::TimeDelta::days(300))));
    assert_eq!(judged(), []);
    let backup = series(&own, "last_backup");
    assert_eq!(backup.into_values().collect::<Vec<_>>(), [NOW.seconds() - 300.0 * 86400.0]);
    own.set_backup_max_age(Some(chrono::TimeDelta::hours(26)));
    assert_eq!(judged(), word("warning", NOW.seconds()));
    own.set_orgs(&[OrgName::new("acme").unwrap()]);
    assert_eq!(judged(), word("warning", NOW.seconds()), "a reload changes nothing");
    own.set_last_backup(Some(NOW.minus(chrono::TimeDelta::hours(26))));
    assert_eq!(judged(), word("", 0.0));
    own.set_last_backup(None);
    assert_eq!(judged(), word("warning", NOW.seconds()), "there has been none");
    assert!(series(&own, "last_backup").is_empty(), "and no time is claimed");
    own.set_backup_max_age(None);
    assert_eq!(judged(), []);
}

fn rejected(org: &str, reason: &'static str) -> Event {
    Event::IngestRejected {
        org: org.to_owned(),
        reason,
        detail: String::new(),
        field: None,
        log: None,
    }
}

#[test]
fn series_of_configured_organisations_start_at_zero() {
    let expected = [
        "ingest_records_total acme accepted",
        "ingest_records_total acme duplicate",
        "ingest_records_total acme expired",
        "ingest_snapshots_total acme",
    ];
    let expected = expected.map(|name| (name.to_owned(), 0.0));
    assert_eq!(series(&own(&["acme"]), "ingest_"), BTreeMap::from(expected));
}

#[test]
fn events_are_counted_where_they_happened() {
    let own = own(&["acme"]);
    own.count(&rejected("acme", "malformed"));
    own.count(&rejected("stranger", "token_wrong"));
    own.count(&Event::ActivityAccepted {
        org: "acme".to_owned(),
        accepted: 3,
        duplicates: 1,
        expired: 2,
    });
    own.count(&Event::SnapshotAccepted { org: "acme".to_owned(), rows: 9 });
    let counted: BTreeMap<String, f64> =
        series(&own, "ingest_").into_iter().filter(|(_, value)| *value > 0.0).collect();
    let expected = [
        ("ingest_records_total acme accepted", 3.0),
        ("ingest_records_total acme duplicate", 1.0),
        ("ingest_records_total acme expired", 2.0),
        ("ingest_rejected_total  token_wrong", 1.0),
        ("ingest_rejected_total acme malformed", 1.0),
        ("ingest_snapshots_total acme", 1.0),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(counted, BTreeMap::from(expected));
}

#[test]
fn an_organisation_that_is_no_longer_configured_leaves_and_does_not_come_back() {
    let own = own(&["acme", "beta"]);
    own.set_orgs(&[OrgName::new("beta").unwrap()]);
    own.count(&Event::SnapshotAccepted { org: "acme".to_owned(), rows: 1 });
    assert_eq!(series(&own, "acme"), BTreeMap::new());
    assert_eq!(series(&own, "beta").len(), 4);
}

#[test]
fn a_rejected_configuration_shows_until_one_is_taken() {
    let own = own(&[]);
    let reload = || series(&own, "config_").into_values().collect::<Vec<f64>>();
    own.config_loaded(NOW);
    assert_eq!(reload(), [NOW.seconds(), 1.0]);
    own.count(&Event::ConfigRejected { errors: String::new() });
    assert_eq!(reload(), [NOW.seconds(), 0.0]);
    own.count(&Event::ConfigReloaded);
    assert_eq!(reload(), [NOW.seconds(), 1.0]);
}

#[test]
fn scrapes_and_commits_are_counted_with_their_durations() {
    let own = own(&[]);
    own.count(&Event::Committed { took: Duration::from_millis(3) });
    own.count(&Event::CommitFailed { error: String::new() });
    drop(series(&own, ""));
    let counts = series(&own, "_count ");
    let expected =
        [("commit_duration_seconds_count ", 1.0), ("scrape_duration_seconds_count ", 1.0)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(counts, BTreeMap::from(expected), "a scrape is timed when it has ended");
    assert_eq!(series(&own, "commit_failures_total ").into_values().next(), Some(1.0));
    assert_eq!(series(&own, "scrapes_total ").into_values().next(), Some(4.0));
}
