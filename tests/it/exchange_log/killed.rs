//! The whole daemon over logs that grow, rotate, are copied and deleted, killed with SIGKILL at random moments: every
//! line counts once. `LIGHTNING_SYNC_TEST_KILLS` is how often (200, the full size).

use super::logs::{EwsVersion, LogFile};
use crate::random::Random;
use crate::support::http::get;
use crate::support::process::{Daemon, wait_until};
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SVC: &str = "svc-sfsync@corp.example";
const SEED: u64 = 23;

/// A server that writes its log, and what it has written.
struct Server {
    directory: PathBuf,
    version: EwsVersion,
    /// Whether the directory has copies, which are written anew each time, rather than the logs themselves.
    copies: bool,
    random: Random,
    number: u32,
    file: Option<(String, LogFile)>,
    /// Bytes of the file that are on disk.
    written: usize,
    /// Files that are whole on disk and no longer written.
    closed: Vec<String>,
    calls: u64,
    writes: u64,
}

impl Server {
    fn new(directory: PathBuf, version: EwsVersion, copies: bool, seed: u64) -> Self {
        fs::create_dir_all(&directory).expect("the directory is writable");
        let random = Random::new(seed);
        let (number, file, written, closed, calls, writes) = (0, None, 0, Vec::new(), 0, 0);
        Self { directory, version, copies, random, number, file, written, closed, calls, writes }
    }

    fn step(&mut self) {
        let at = now().datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
        if self.file.is_none() {
            self.number += 1;
            let name = format!("Ews_{}-{}.LOG", now().datetime().format("%Y%m%d%H"), self.number);
            self.file = Some((name, LogFile::ews(self.version, &format!("{at} {}", self.number))));
            self.written = 0;
        }
        let (name, file) = self.file.as_mut().expect("it was just made");
        for _ in 0..=self.random.below(20) {
            let kind = self.random.below(4);
            let account = if kind == 0 { "ann@corp.example" } else { SVC };
            let action = if kind == 1 { "GetItem" } else { "UpdateItem" };
            file.row(&[
                ("DateTime", &at),
                ("AuthenticatedUser", account),
                ("ImpersonatedUser", "ann@corp.example"),
                ("SoapAction", action),
                ("UserAgent", "Microsoft Office/16"),
            ]);
            self.calls += u64::from(kind != 0);
            self.writes += u64::from(kind > 1);
        }
        let path = self.directory.join(&*name);
        if self.copies {
            // As a copy grows: over the one before, in pieces, sometimes into space that is reserved.
            let reserves = self.random.below(2) == 0;
            let cut = self.random.below(file.text.len() as u64) as usize;
            let mut partial = file.text.as_bytes()[..cut].to_vec();
            if reserves {
                partial.resize(file.text.len(), 0);
            }
            fs::write(&path, partial).expect("writable");
            std::thread::sleep(Duration::from_millis(self.random.below(4)));
            fs::write(&path, &file.text).expect("writable");
        } else {
            // The end of the last line may come later.
            let end = file.text.len() - self.random.below(40) as usize;
            let mut log =
                OpenOptions::new().create(true).append(true).open(&path).expect("writable");
            log.write_all(&file.text.as_bytes()[self.written.min(end)..end]).expect("writable");
            self.written = self.written.max(end);
        }
        if self.random.below(12) == 0 {
            self.close();
        }
    }

    /// Ends the file, so that the next row is in another.
    fn close(&mut self) {
        if let Some((name, file)) = self.file.take() {
            let path = self.directory.join(&name);
            if !self.copies {
                let mut log = OpenOptions::new().append(true).open(path).expect("writable");
                log.write_all(&file.text.as_bytes()[self.written..]).expect("writable");
            }
            self.closed.push(name);
        }
    }
}

fn counted(address: SocketAddr, what: &str) -> Option<u64> {
    let page = get(address, "/metrics").text();
    let start = format!("lightning_sync_exchange_log_{what}{{org=\"acme\",window=\"24h\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&start))?.parse().ok()
}

fn configured(directory: &Path) -> PathBuf {
    let file = directory.join("config.yaml");
    let text = format!(
        "store: {{ path: killed.db }}\norgs:\n  - name: acme\n    exchange_log:\n      service_account: [{SVC}]\n      poll_every: 1s\n      servers: [{{ name: EX01, ews: live }}, {{ name: EX02, ews: copies }}]\n"
    );
    fs::write(&file, text).expect("the directory is writable");
    file
}

#[test]
fn a_daemon_killed_while_logs_grow_rotate_and_go_counts_every_line_once() {
    let kills =
        std::env::var("LIGHTNING_SYNC_TEST_KILLS").map_or(200, |kills| kills.parse().unwrap());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = configured(directory.path());
    let mut servers = [
        Server::new(directory.path().join("live"), EwsVersion::Exchange2016, false, SEED),
        Server::new(directory.path().join("copies"), EwsVersion::Exchange2013, true, SEED + 1),
    ];
    let mut random = Random::new(SEED);
    let mut settled = 0;
    for kill in 0..kills {
        let daemon = Daemon::start(&config);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for server in &mut servers {
                let stop = &stop;
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        server.step();
                        std::thread::sleep(Duration::from_millis(server.random.below(30)));
                    }
                });
            }
            std::thread::sleep(Duration::from_micros(random.below(1_400_000)));
            if kill % 10 == 9 {
                stop.store(true, Ordering::Relaxed);
            }
            drop(daemon);
            stop.store(true, Ordering::Relaxed);
        });
        if kill % 10 == 9 || kill + 1 == kills {
            settle(&config, &mut servers);
            settled += 1;
        }
    }
    let lines: u64 = servers.iter().map(|server| server.calls).sum();
    println!(
        "{kills} kills of the daemon, {settled} comparisons: {lines} calls logged in {} files, 0 lost, 0 counted twice",
        servers.iter().map(|server| server.number).sum::<u32>()
    );
}

/// Lets the daemon read what there is, and compares.
fn settle(config: &Path, servers: &mut [Server]) {
    for server in &mut *servers {
        server.close();
    }
    let expected = (
        servers.iter().map(|server| server.calls).sum::<u64>(),
        servers.iter().map(|server| server.writes).sum::<u64>(),
    );
    let daemon = Daemon::start(config);
    let found = || Some((counted(daemon.address, "calls")?, counted(daemon.address, "writes")?));
    wait_until("everything is read", Duration::from_secs(30), || {
        let found = found()?;
        assert!(found.0 <= expected.0 && found.1 <= expected.1, "{found:?} of {expected:?}");
        (found == expected).then_some(())
    });
    // Later polls add nothing, and files that are read may go.
    let rows =
        "lightning_sync_poll_last_success_timestamp_seconds{org=\"acme\",source=\"exchange_log\"} ";
    let polled = || {
        let page = get(daemon.address, "/metrics").text();
        page.lines().find_map(|line| line.strip_prefix(rows).map(str::to_owned))
    };
    for server in &mut *servers {
        let newest = server.closed.pop();
        for name in std::mem::replace(&mut server.closed, newest.into_iter().collect()) {
            fs::remove_file(server.directory.join(name)).expect("it is there");
        }
    }
    let before = polled();
    wait_until("another poll", Duration::from_secs(30), || (polled() != before).then_some(()));
    assert_eq!(found(), Some(expected));
}
