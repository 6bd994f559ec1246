//! The whole daemon under load, killed with SIGKILL at random moments: every answer of 200 was the truth, and what was
//! under way is there whole or not at all. `LIGHTNING_SYNC_TEST_KILLS` is how often (200 on SQLite and 20 on PostgreSQL,
//! the full size). That such a test can fail is shown beside the store, with a writer that acknowledges too early.

use crate::random::Random;
use crate::store::places::{PlaceOnDisk, on_disk};
use crate::support::http::{get, request};
use crate::support::process::Daemon;
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

const ORGS: [&str; 2] = ["acme", "beta"];
const SEED: u64 = 17;

/// Who sends for one organisation: one batch after the other, each again until it is acknowledged.
struct Client {
    org: &'static str,
    random: Random,
    /// Records that were acknowledged.
    acknowledged: u64,
    /// The batch that was not, and how many records it has.
    under_way: Option<(String, u64)>,
    sent: u64,
}

impl Client {
    fn batch(&mut self) -> (String, u64) {
        self.under_way.clone().unwrap_or_else(|| {
            let records = 1 + self.random.below(40);
            let at = now().datetime().to_rfc3339_opts(SecondsFormat::Nanos, true);
            let mut body = String::new();
            for _ in 0..records {
                self.sent += 1;
                writeln!(
                    body,
                    "{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"direction\":\"to_exchange\",\"id\":\"{}\"}}",
                    self.sent
                )
                .expect("memory");
            }
            (body, records)
        })
    }

    /// Sends a batch; says how many of its records were new, when it was acknowledged.
    fn push(&mut self, address: SocketAddr) -> Option<u64> {
        let (body, records) = self.batch();
        let path = format!("/api/v1/orgs/{}/activity", self.org);
        let headers = [("Content-Type", "application/x-ndjson")];
        self.under_way = Some((body.clone(), records));
        let answer = request(address, "POST", &path, &headers, body.as_bytes()).ok()?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.under_way = None;
        self.acknowledged += records;
        // The answer may be cut off behind its status by the kill.
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
        let (new, again) = (&answer["accepted"], &answer["duplicates"]);
        assert_eq!(new.as_u64()? + again.as_u64()?, records, "{answer}");
        new.as_u64()
    }

    fn push_until_the_end(&mut self, address: SocketAddr, acknowledged: &Sender<()>) {
        while self.push(address).is_some() && acknowledged.send(()).is_ok() {}
    }

    /// Compares what the daemon counts with what it acknowledged; what was under way is sent again.
    fn settle(&mut self, address: SocketAddr) {
        let found = counted(address, self.org);
        let under_way = self.under_way.as_ref().map_or(0, |(_, records)| *records);
        assert!(
            found == self.acknowledged || found == self.acknowledged + under_way,
            "{}: {found} are counted, {} were acknowledged and {under_way} were under way",
            self.org,
            self.acknowledged
        );
        if under_way > 0 {
            let missing = self.acknowledged + under_way - found;
            assert_eq!(self.push(address), Some(missing), "sent again");
        }
        assert_eq!(counted(address, self.org), self.acknowledged);
    }
}

fn counted(address: SocketAddr, org: &str) -> u64 {
    let page = get(address, "/metrics").text();
    let line =
        format!("lightning_sync_records_synced_24h{{org=\"{org}\",object_type=\"contacts\"}} ");
    let count = page.lines().find_map(|it| it.strip_prefix(&line));
    // Before the first record nobody knows.
    count.map_or(0, |count| count.parse().expect("a count"))
}

fn configured<P: PlaceOnDisk>(directory: &Path, place: &P) -> PathBuf {
    let file = directory.join("config.yaml");
    let text = format!("store: {}\norgs: [{{ name: acme }}, {{ name: beta }}]\n", place.section());
    std::fs::write(&file, text).expect("the directory is writable");
    file
}

fn a_daemon_killed_at_any_moment_under_load_loses_nothing_acknowledged_and_counts_nothing_twice<
    P: PlaceOnDisk,
>() {
    let kills =
        std::env::var("LIGHTNING_SYNC_TEST_KILLS").map_or(P::KILLS, |kills| kills.parse().unwrap());
    let (directory, place) = (tempfile::tempdir().expect("a temporary directory"), P::new());
    let config = configured(directory.path(), &place);
    let mut random = Random::new(SEED);
    let mut clients = ORGS.map(|org| Client {
        org,
        random: Random::new(random.below(u64::MAX)),
        acknowledged: 0,
        under_way: None,
        sent: 0,
    });
    let mut cut_short = 0;
    for _ in 0..kills {
        let daemon = Daemon::start(&config);
        let address = daemon.address;
        for client in &mut clients {
            client.settle(address);
        }
        std::thread::scope(|scope| {
            let (send, acknowledged) = mpsc::channel();
            for client in &mut clients {
                let send = send.clone();
                scope.spawn(move || client.push_until_the_end(address, &send));
            }
            drop(send);
            for _ in 0..random.below(25) {
                acknowledged.recv_timeout(Duration::from_secs(30)).expect("a daemon that goes on");
            }
            // Somewhere in the next commits.
            let within = Duration::from_micros(random.below(3_000));
            let _one_more = acknowledged.recv_timeout(within).is_ok();
            drop(daemon);
        });
        cut_short += clients.iter().filter(|it| it.under_way.is_some()).count();
    }
    let daemon = Daemon::start(&config);
    for client in &mut clients {
        client.settle(daemon.address);
    }
    let acknowledged: u64 = clients.iter().map(|client| client.acknowledged).sum();
    println!(
        "{}: {kills} kills of the daemon: {acknowledged} records acknowledged, 0 lost, 0 counted twice; {cut_short} batches were under way",
        P::NAME
    );
    assert!(cut_short > 0, "no kill met a batch under way");
}

on_disk! {
    a_daemon_killed_at_any_moment_under_load_loses_nothing_acknowledged_and_counts_nothing_twice
}
