//! Five hundred organisations, polled side by side: for one minute, at the shortest interval. The long form is run by
//! hand: `LIGHTNING_SYNC_TEST_POLL_MINUTES=10`; from 5 minutes on it is at the default interval.

use super::daemon::secret_file;
use super::fixture::people;
use crate::support::http::get;
use crate::support::process::Daemon;
use lightning_sync_exporter::app::now;
use lightning_sync_sim::simulator::salesforce::{Salesforce, SimulatedOrg};
use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ORGS: usize = 500;
/// Users of each organisation.
const USERS: usize = 40;
const MOST_LATE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_organisations_are_polled_in_time() {
    let minutes: u64 = std::env::var("LIGHTNING_SYNC_TEST_POLL_MINUTES")
        .map_or(1, |minutes| minutes.parse().unwrap());
    let every = if minutes < 5 { 30 } else { 60 };
    let orgs = (0..ORGS)
        .map(|n| SimulatedOrg::healthy(&format!("3MVG9{n}"), "a-consumer-secret", people(USERS)))
        .collect();
    let salesforce = Salesforce::start(orgs, Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    secret_file(&directory.path().join("secret"), "a-consumer-secret");
    let mut text =
        format!("store: {{ path: {} }}\norgs:\n", directory.path().join("sync.db").display());
    for n in 0..ORGS {
        text += &format!(
            "  - name: org-{n}\n    product: einstein_activity_capture\n    salesforce: {{ my_domain: 'http://{}', poll_every: {every}s, auth: {{ client_credentials: {{ client_id: 3MVG9{n}, client_secret_file: secret }} }} }}\n",
            salesforce.address()
        );
    }
    let file = directory.path().join("config.yaml");
    fs::write(&file, text).unwrap();
    let daemon = Daemon::start(&file);
    let mut polls: HashMap<String, Vec<Instant>> = HashMap::new();
    let ends = Instant::now() + Duration::from_secs(minutes * 60 + 2 * every);
    while Instant::now() < ends {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for seen in salesforce.take_seen() {
            if seen.path.ends_with("/composite/batch") {
                polls.entry(seen.client_id).or_default().push(seen.at);
            }
        }
    }
    let mut late: Vec<Duration> = Vec::new();
    for times in polls.values() {
        for (place, at) in (0..).zip(times) {
            let due = times[0] + Duration::from_secs(every) * place;
            late.push(at.saturating_duration_since(due));
        }
    }
    late.sort();
    let page = get(daemon.address, "/metrics").text();
    let figure = |name: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    let seconds = (minutes * 60 + 2 * every) as f64;
    println!(
        "{ORGS} organisations of {USERS} users every {every} s for {seconds} s: {} polls, latest {:?}, 99 % within {:?}; {:.1} s of processor time ({:.1} % of a core), {:.0} MiB resident",
        late.len(),
        late[late.len() - 1],
        late[late.len() * 99 / 100],
        figure("process_cpu_seconds_total"),
        figure("process_cpu_seconds_total") / seconds * 100.0,
        figure("process_resident_memory_bytes") / 1_048_576.0,
    );
    assert_eq!(polls.len(), ORGS);
    let bad = page
        .lines()
        .filter(|line| line.starts_with("lightning_sync_poll_success") && line.ends_with(" 0"));
    assert_eq!(bad.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(late.len() as u64 >= ORGS as u64 * (minutes * 60 / every));
    assert!(late[late.len() - 1] <= MOST_LATE, "{:?}", late[late.len() - 1]);
}
