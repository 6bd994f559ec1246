//! What the picture makes of a source that asks: it is live only for what it still reads.

use super::fixture::{noon, policy};
use crate::support::memory_store::MemoryStore;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::ids::{ObjectType, Source, UserName};
use lightning_sync_exporter::domain::judge::judge_org;
use lightning_sync_exporter::domain::observation::{Observation, Snapshot};
use lightning_sync_exporter::domain::policy::{OrgPolicy, Product, UserNames, UserSeries};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::engine::{Engine, EngineSettings};
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::guidance::user_row_of;
use std::sync::Arc;

const CONTACTS: ObjectType = ObjectType::Contacts;

fn minutes(count: i64) -> Timestamp {
    noon().plus(TimeDelta::minutes(count))
}

fn engine(policy: OrgPolicy) -> Engine<MemoryStore> {
    let settings = EngineSettings {
        policies: vec![Arc::new(policy)],
        keep_activity: TimeDelta::days(7),
        keep_history: TimeDelta::days(400),
        user_series: UserSeries::Aggregate,
        user_names: UserNames::Pseudonym,
    };
    Engine::start(MemoryStore::default(), settings, Events::log_only(), noon()).unwrap()
}

fn tell(
    engine: &mut Engine<MemoryStore>,
    at: Timestamp,
    rows: &[(OrgRow, OrgValue)],
) -> Arc<OrgView> {
    let snapshot = Snapshot {
        org: policy().name,
        source: Source::Salesforce,
        captured_at: at,
        rows: rows.to_vec(),
        users: Vec::new(),
        users_complete: false,
    };
    engine.observe(vec![Observation::Snapshot(snapshot)], at)[0].unwrap();
    Arc::clone(&engine.view().orgs[0])
}

#[test]
fn a_count_that_is_no_longer_read_goes_although_the_source_still_speaks() {
    let mut engine = engine(policy());
    let rows = [
        (OrgRow::Synced60m(CONTACTS), OrgValue::Count(7)),
        (OrgRow::LastSync(CONTACTS), OrgValue::Instant(noon())),
        (OrgRow::OutlookIntegration, OrgValue::Flag(true)),
    ];
    let org = tell(&mut engine, noon(), &rows);
    assert!(org.current(OrgRow::Synced60m(CONTACTS), noon()).is_some());
    let mut org = org;
    for minute in 1..=15 {
        org = tell(&mut engine, minutes(minute), &[]);
    }
    let now = minutes(15);
    assert!(org.is_live(Source::Salesforce, now));
    assert_eq!(org.current(OrgRow::Synced60m(CONTACTS), now), None);
    let last = org.current(OrgRow::LastSync(CONTACTS), now).unwrap();
    assert!(last.stale, "held, because nobody looks any more");
    // Switches are read every hour, so an older word still counts.
    assert!(!org.current(OrgRow::OutlookIntegration, now).unwrap().stale);
    assert_eq!(org.unconfirmed_since(CONTACTS, now), Some(minutes(10)));
}

#[test]
fn who_has_not_started_after_two_days_never_will_by_waiting() {
    let mut engine = engine(policy());
    let found = |hours: i64, engine: &mut Engine<MemoryStore>| {
        let at = noon().plus(TimeDelta::hours(hours));
        let values = [
            (UserRow::ActiveConfiguration, Status::Yes.into()),
            (UserRow::ContactsToExchange, Status::NotStarted.into()),
        ];
        let snapshot = Snapshot {
            org: policy().name,
            source: Source::Salesforce,
            captured_at: at,
            rows: Vec::new(),
            users: vec![(UserName::new("ann@corp.example").unwrap(), values.to_vec())],
            users_complete: true,
        };
        engine.observe(vec![Observation::Snapshot(snapshot)], at)[0].unwrap();
        let findings = judge_org(&engine.view().orgs[0], true, at);
        findings.iter().any(|finding| finding.cause == Cause::InitialSyncStuck)
    };
    assert_eq!([0, 47, 49].map(|hours| found(hours, &mut engine)), [false, false, true]);
    let steps = user_row_of(
        Product::EinsteinActivityCapture,
        UserRow::ContactsToExchange,
        Status::NotStarted,
    );
    assert!(steps.unwrap().steps[0].text.marked().contains("licence"));
}

#[test]
fn a_source_that_reads_only_settings_does_not_claim_that_nothing_ever_synced() {
    let mut policy = policy();
    policy.product = Product::LightningSync;
    let mut engine = engine(policy);
    let rows = [(OrgRow::OutlookIntegration, OrgValue::Flag(true))];
    let org = tell(&mut engine, noon(), &rows);
    assert_eq!(org.ever_synced(CONTACTS, noon()), None);
    let rows = [(OrgRow::Synced60m(CONTACTS), OrgValue::Count(0))];
    let org = tell(&mut engine, minutes(1), &rows);
    assert_eq!(org.ever_synced(CONTACTS, minutes(1)), Some(false));
}
