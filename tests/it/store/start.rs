//! How long the daemon takes from its start to a scrape that counts a full window exactly.
//! `LIGHTNING_SYNC_TEST_RECORDS` is how many records the window holds (10,000,000, the full size), and
//! `LIGHTNING_SYNC_TEST_NAMES` how many invented users an earlier version took (2,000,000, the full size).

mod measured {
    use super::super::try_open;
    use crate::support::http::get;
    use crate::support::process::Daemon;
    use chrono::TimeDelta;
    use lightning_sync_exporter::app::now;
    use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, RecordKey};
    use lightning_sync_exporter::domain::ids::{
        Direction, ObjectType, OrgId, OrgName, Outcome, Source, UserName,
    };
    use lightning_sync_exporter::domain::policy::OrgPolicy;
    use lightning_sync_exporter::domain::rows::{Status, UserRow, UserValue};
    use lightning_sync_exporter::domain::time::Timestamp;
    use lightning_sync_exporter::domain::users::UserReadings;
    use lightning_sync_exporter::store::{Store, StoreWrite};
    use std::path::Path;
    use std::time::{Duration, Instant};

    /// The best of so many starts: the machine has other work, too.
    const ATTEMPTS: usize = 3;
    const BATCH: u64 = 100_000;

    /// Fills the window with records of contacts, a day's but for an hour.
    fn fill(path: &Path, records: u64, now: Timestamp) {
        let mut store = try_open(path).unwrap();
        let begin = now.minus(TimeDelta::hours(23));
        let (org, _) = store.org(&OrgName::new("acme").unwrap(), begin).unwrap();
        let apart = TimeDelta::hours(23).num_nanoseconds().unwrap() as u64 / records;
        for first in (0..records).step_by(BATCH as usize) {
            let record = |number: u64| ActivityRecord {
                at: Timestamp::from_nanos(begin.nanos() + (number * apart) as i64),
                kind: ActivityKind {
                    object_type: ObjectType::Contacts,
                    direction: Some(Direction::ToExchange),
                    outcome: Outcome::Synced,
                },
                key: RecordKey(u128::from(number).to_be_bytes()),
            };
            let records = (first..records.min(first + BATCH)).map(record).collect();
            let horizon = Timestamp::MIN;
            store.commit(&[StoreWrite::Activity { org, records, horizon }]).unwrap();
        }
        let (object_type, source) = (ObjectType::Contacts, Source::Activity);
        store
            .commit(&[
                StoreWrite::Covered { org: OrgId(org.0), object_type, since: begin },
                StoreWrite::SourceHeartbeat { org, source, at: now, users_complete: None },
            ])
            .unwrap();
    }

    #[test]
    fn the_first_scrape_after_a_start_counts_a_full_window_exactly() {
        let records = std::env::var("LIGHTNING_SYNC_TEST_RECORDS")
            .map_or(10_000_000, |records| records.parse().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large.db");
        fill(&path, records, now());
        let config = directory.path().join("config.yaml");
        let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", path.display());
        std::fs::write(&config, text).unwrap();
        let line = "lightning_sync_records_synced_24h{org=\"acme\",object_type=\"contacts\"} ";
        let started = (0..ATTEMPTS).map(|_| {
            let began = Instant::now();
            let daemon = Daemon::start(&config);
            let page = get(daemon.address, "/metrics").text();
            let took = began.elapsed();
            let count = page.lines().find_map(|it| it.strip_prefix(line));
            let count: f64 = count.unwrap().parse().unwrap();
            assert!(count == records as f64, "{count} of {records}");
            println!(
                "from the start to the first scrape, which counts {records} records: {:.3} s",
                took.as_secs_f64()
            );
            took
        });
        let fastest = started.min().unwrap();
        assert!(fastest < Duration::from_secs(1), "{fastest:?} at best");
    }

    /// Stores a user of each organisation and then others with the same rows, `names` in all, as a version without a bound
    /// took them.
    fn fill_users(path: &Path, orgs: &[&str], rows: &[UserRow], names: u64, now: Timestamp) {
        let mut store = try_open(path).unwrap();
        let mut readings = UserReadings::default();
        for row in rows {
            let value = match row.statuses().first() {
                Some(_) => UserValue::Status(Status::Yes),
                None => UserValue::Records(312),
            };
            readings.take(*row, value, now);
        }
        for name in orgs {
            let (org, _) = store.org(&OrgName::new(name).unwrap(), now).unwrap();
            let user = UserName::new("invented0@corp.example").unwrap();
            let (source, readings) = (Source::Snapshot, Box::new(readings.clone()));
            store
                .commit(&[StoreWrite::User { org, source, user, changes: Vec::new(), readings }])
                .unwrap();
        }
        drop(store);
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                 INSERT INTO users SELECT org, source, 'invented' || n || '@corp.example', cells FROM users, n",
                [(names / orgs.len() as u64) as i64 - 1],
            )
            .unwrap();
    }

    /// What a process takes of memory, in MiB: now, and at most so far.
    fn memory(pid: u32) -> [u64; 2] {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        ["VmRSS", "VmHWM"].map(|name| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        })
    }

    #[test]
    fn a_start_with_half_a_million_users_is_quick_and_bounded_in_memory() {
        const USERS: u64 = 500_000;
        const ORGS: u64 = 10;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.db");
        let orgs: Vec<String> = (0..ORGS).map(|number| format!("org-{number}")).collect();
        let orgs: Vec<&str> = orgs.iter().map(String::as_str).collect();
        fill_users(&path, &orgs, &UserRow::ALL, USERS, now());
        let config = directory.path().join("config.yaml");
        let text = format!("store: {{ path: {} }}\norgs:\n", path.display());
        let named = orgs.iter().map(|org| format!("  - {{ name: {org} }}\n"));
        std::fs::write(&config, text + &named.collect::<String>()).unwrap();
        let started = (0..ATTEMPTS).map(|_| {
            let began = Instant::now();
            let daemon = Daemon::start(&config);
            let page = get(daemon.address, "/metrics").text();
            let took = began.elapsed();
            for org in &orgs {
                let line = format!(
                    "lightning_sync_users{{org=\"{org}\",check=\"service_account\",status=\"yes\"}} {}",
                    USERS / ORGS
                );
                assert!(page.lines().any(|found| found == line), "{line}");
            }
            let [resident, peak] = memory(daemon.process.pid());
            println!(
                "from the start to the first scrape with {USERS} users of all rows: {:.2} s, {resident} MiB, {peak} MiB at most",
                took.as_secs_f64()
            );
            assert!(peak < 700, "{peak} MiB: more than 1.4 KiB a user");
            took
        });
        let fastest = started.min().unwrap();
        assert!(fastest < Duration::from_secs(2), "{fastest:?} at best");
    }

    #[test]
    fn a_start_with_two_million_stored_names_is_bounded_in_memory_and_no_step_of_the_clock() {
        let names = std::env::var("LIGHTNING_SYNC_TEST_NAMES")
            .map_or(2_000_000, |names| names.parse().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("names.db");
        let rows = [UserRow::ServiceAccount, UserRow::ContactsLinked, UserRow::EventsLinked];
        fill_users(&path, &["acme"], &rows, names, now());
        let config = directory.path().join("config.yaml");
        let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", path.display());
        std::fs::write(&config, text).unwrap();
        let began = Instant::now();
        let daemon = Daemon::start(&config);
        let page = get(daemon.address, "/metrics").text();
        let took = began.elapsed();
        let [_, peak] = memory(daemon.process.pid());
        println!(
            "from the start to the first scrape with {names} stored names: {:.2} s, {peak} MiB at most",
            took.as_secs_f64()
        );
        let most = OrgPolicy::defaults(OrgName::new("acme").unwrap()).max_users.min(names);
        for line in [
            "lightning_sync_exporter_clock_suspect 0".to_owned(),
            format!(
                "lightning_sync_users{{org=\"acme\",check=\"service_account\",status=\"yes\"}} {most}"
            ),
        ] {
            assert!(page.lines().any(|found| found == line), "{line}");
        }
        assert!(peak < 512, "{peak} MiB");
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
