//! Unknown, zero and held are three things, and nothing that is stuck looks fresh.

use super::orgs::{NOW, ago, busy, held, silent, view, zero};
use super::page::read;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::{ObjectType, Source};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::domain::view::View;
use std::collections::BTreeMap;

fn map(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    let pairs = pairs.iter();
    pairs.map(|(key, value)| ((*key).to_owned(), *value)).collect()
}

#[test]
fn what_nobody_said_is_absent() {
    let page = read(&view([silent()]), NOW);
    for metric in [
        "last_sync_timestamp_seconds",
        "last_sync_age_seconds",
        "ever_synced",
        "records_synced_60m",
        "records_failed_24h",
        "service_account_provided",
        "linked_users",
        "expected_linked_users",
        "users",
        "users_failing",
        "records_in_sync",
        "reading_timestamp_seconds",
        "reading_stale",
        "reading_info",
        "observation_timestamp_seconds",
        "expected_every_seconds",
    ] {
        assert_eq!(page.of(metric, "silent"), map(&[]), "{metric}");
    }
    let since = ago(TimeDelta::hours(2)).seconds();
    assert_eq!(
        page.of("finding_since_timestamp_seconds", "silent")
            .into_iter()
            .filter(|(labels, since)| labels.starts_with("observations_stale") && *since > 0.0)
            .collect::<BTreeMap<_, _>>(),
        map(&[
            ("observations_stale  contacts critical", since),
            ("observations_stale  events critical", since)
        ])
    );
}

#[test]
fn a_zero_that_somebody_reads_is_a_zero() {
    let page = read(&view([zero()]), NOW);
    assert_eq!(page.of("records_synced_60m", "zero"), map(&[("contacts", 0.0)]));
    assert_eq!(page.of("records_synced_24h", "zero"), map(&[("contacts", 0.0)]));
    assert_eq!(page.of("ever_synced", "zero"), map(&[("contacts", 0.0)]));
    assert_eq!(page.of("last_sync_timestamp_seconds", "zero"), map(&[]));
    assert_eq!(
        page.of("reading_stale", "zero"),
        map(&[("contacts synced_60m", 0.0), ("contacts synced_24h", 0.0)])
    );
    assert!(
        page.of("users", "zero").values().all(|users| *users == 0.0)
            && page.of("users", "zero").len() == 36,
        "a list of no users names them all"
    );
}

#[test]
fn a_held_state_stays_and_says_so_while_its_counts_go() {
    let page = read(&view([held()]), NOW);
    let read_at = ago(TimeDelta::days(3)).seconds();
    assert_eq!(page.of("records_synced_60m", "held"), map(&[]));
    assert_eq!(page.of("last_sync_age_seconds", "held"), map(&[("contacts", 74.0 * 3600.0)]));
    assert_eq!(page.one("service_account_provided", "held"), Some(0.0));
    assert_eq!(
        page.of("reading_stale", "held"),
        map(&[(" service_account_provided", 1.0), ("contacts last_sync", 1.0)])
    );
    assert_eq!(
        page.of("reading_timestamp_seconds", "held"),
        map(&[(" service_account_provided", read_at), ("contacts last_sync", read_at)])
    );
}

#[test]
fn the_page_of_one_user_makes_nothing_of_the_organisations_rows_newer() {
    let mut org = held();
    org.last_report[Source::Snapshot] = Some(ago(TimeDelta::minutes(1)));
    let (spoken, silent) = (read(&view([org]), NOW), read(&view([held()]), NOW));
    for metric in [
        "reading_stale",
        "records_synced_60m",
        "last_sync_age_seconds",
        "last_sync_unconfirmed_since_timestamp_seconds",
        "finding",
    ] {
        assert_eq!(spoken.of(metric, "held"), silent.of(metric, "held"), "{metric}");
    }
}

#[test]
fn an_old_view_gives_no_counts_and_its_feed_does_not_seem_to_go_on() {
    let old = View { as_of: NOW.minus(View::FRESH_FOR), ..view([busy()]) };
    assert_eq!(
        read(&old, NOW).of("records_synced_24h", "busy"),
        map(&[("contacts", 2104.0), ("events", 2104.0)]),
        "still young enough"
    );
    let stuck = View { as_of: NOW.minus(TimeDelta::minutes(10)), ..view([busy()]) };
    let page = read(&stuck, NOW);
    for metric in [
        "records_synced_60m",
        "records_synced_24h",
        "records_failed_24h",
        "activity_coverage_seconds",
    ] {
        assert_eq!(page.of(metric, "busy"), map(&[]), "{metric}");
    }
    let looked_at = page.of("reading_timestamp_seconds", "busy");
    assert_eq!(looked_at.get("contacts last_sync"), Some(&ago(TimeDelta::minutes(10)).seconds()));
    assert_eq!(
        page.of("last_sync_age_seconds", "busy"),
        map(&[("contacts", 90.25), ("events", 90.25)]),
        "ages go on"
    );
}

#[test]
fn ages_are_those_of_the_scrape_and_never_below_zero() {
    let row = OrgRow::LastSync(ObjectType::Contacts);
    let ahead = NOW.plus(TimeDelta::minutes(4));
    let org = || held().shows(row, OrgValue::Instant(ahead), NOW);
    let age = |now| read(&view([org()]), now).of("last_sync_age_seconds", "held");
    assert_eq!(age(NOW), map(&[("contacts", 0.0)]));
    assert_eq!(age(NOW.plus(TimeDelta::minutes(5))), map(&[("contacts", 60.0)]));
}

#[test]
fn an_organisation_has_only_what_it_syncs() {
    let page = read(&view([held(), zero()]), NOW);
    let strays: Vec<_> = page
        .samples
        .iter()
        .filter(|sample| sample.labels.values().any(|value| value.starts_with("events")))
        .collect();
    assert_eq!(strays, Vec::<&super::page::Sample>::new());
}
