//! Two daemons on one PostgreSQL database, under load, with one writer: the leader is killed, stopped, held, or loses its
//! way to the database, and the other takes over. Each push that was answered with 200 counts once, whoever took it, and
//! nobody takes any more whom another has followed.

mod follower;
mod load;
mod takeover;

use crate::support::http::{get, request};
use crate::support::postgres::{Database, server, write_secret};
use crate::support::process::{Daemon, wait_until};
use crate::support::tcp_proxy::{BlockedDirections, TcpProxy};
use load::Load;
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the issue of a takeover is waited for in the worst case, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two daemons and what is pushed to both.
struct Pair {
    directory: TempDir,
    database: Database,
    /// The way of each to the database.
    proxies: [TcpProxy; 2],
    daemons: [Option<Daemon>; 2],
    load: Load,
}

impl Pair {
    /// Starts both; the first leads. `more` goes into the configuration of the first.
    fn start(more: &str) -> Self {
        let database = server().database();
        let proxies = [TcpProxy::to(server().port), TcpProxy::to(server().port)];
        let directory = tempfile::tempdir().unwrap();
        let mut pair =
            Self { directory, database, proxies, daemons: [None, None], load: Load::default() };
        for (which, more) in [(0, more), (1, "")] {
            let dsn = pair.directory.path().join(format!("dsn-{which}"));
            let port = pair.proxies[which].port;
            write_secret(&dsn, &server().dsn(&pair.database.name, "127.0.0.1", port));
            let text = format!(
                "store: {{ postgres: {{ dsn_file: {}, advertise_url: \"{}\" }} }}\n\
                 user_names: plain\norgs: [{{ name: acme }}]\n{more}\n",
                dsn.display(),
                Self::url(which)
            );
            std::fs::write(pair.config(which), text).unwrap();
            pair.run(which);
        }
        assert!(leads(pair.address(0)) && !leads(pair.address(1)));
        pair
    }

    fn url(which: usize) -> String {
        format!("http://daemon-{which}.example")
    }

    fn config(&self, which: usize) -> PathBuf {
        self.directory.path().join(format!("config-{which}.yaml"))
    }

    /// Starts a daemon, as a supervisor does whose daemon ended.
    fn run(&mut self, which: usize) {
        let daemon = Daemon::start(&self.config(which));
        let answers = || request(daemon.address, "GET", "/-/ready", &[], b"").ok();
        wait_until("it answers", PATIENCE, answers);
        self.load.reaches(which, daemon.address);
        self.daemons[which] = Some(daemon);
    }

    fn daemon(&mut self, which: usize) -> &mut Daemon {
        self.daemons[which].as_mut().unwrap()
    }

    fn address(&self, which: usize) -> SocketAddr {
        self.daemons[which].as_ref().unwrap().address
    }

    fn leader(&self) -> usize {
        let leads = |which: usize| {
            let page = request(self.address(which), "GET", "/metrics", &[], b"");
            page.is_ok_and(|page| page.text().contains(LEADS))
        };
        wait_until("one leads", PATIENCE, || (0..2).find(|which| leads(*which)))
    }

    fn signal(&mut self, which: usize, signal: Signal) {
        let pid = Pid::from_raw(self.daemon(which).process.pid() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until a daemon ends by itself, or because it was asked to; its exit code.
    fn ended(&mut self, which: usize) -> Option<i32> {
        let code = self.daemon(which).process.wait_for_exit();
        self.load.reaches_nobody(which);
        code
    }

    /// How long it took from `began` until the other one acknowledged something.
    fn taken_over(&self, by: usize, began: Instant) -> Duration {
        let address = self.address(by);
        let first = |ack: &load::Ack| ack.daemon == address && ack.answered > began;
        wait_until("the other one acknowledges", PATIENCE, || {
            self.load.acks().iter().find(|ack| first(ack)).map(|ack| ack.answered - began)
        })
    }

    /// One fault of the leader and all that follows from it; how long it took the other one to take over.
    fn fault(&mut self, fault: Fault) -> Duration {
        let old = self.leader();
        let new = 1 - old;
        self.load.goes_on_at(self.address(old));
        let mut began = Instant::now();
        match fault {
            Fault::Killed => {
                self.load.reaches_nobody(old);
                // SIGKILL.
                self.daemons[old] = None;
            }
            Fault::Stopped => {
                self.signal(old, Signal::TERM);
                assert_eq!(self.ended(old), Some(0));
                began = Instant::now();
            }
            Fault::Held => self.signal(old, Signal::STOP),
            Fault::Cut(blocked) => self.proxies[old].block(blocked),
        }
        let took = self.taken_over(new, began);
        self.load.goes_on_at(self.address(new));
        match fault {
            Fault::Killed | Fault::Stopped => {}
            Fault::Held => {
                self.signal(old, Signal::CONT);
                self.deposed(old);
            }
            Fault::Cut(_) => {
                self.proxies[old].block(BlockedDirections::default());
                self.deposed(old);
            }
        }
        self.run(old);
        assert!(!leads(self.address(old)), "it follows");
        took
    }

    fn deposed(&mut self, which: usize) {
        assert_eq!(self.ended(which), Some(1));
        let log = self.daemon(which).process.log();
        assert!(log.contains("another daemon leads by now"), "{log}");
    }

    /// Ends the load, and compares what was acknowledged with what is there.
    fn settle(&mut self) -> Result<u64, String> {
        let leader = self.leader();
        let sent = self.load.end(self.address(leader));
        self.load.judged()?;
        let rows = server().psql(
            &self.database.name,
            "SELECT (SELECT count(*) FROM activity), (SELECT sum(count) FROM minute_totals), \
             (SELECT sum(count) FROM hour_totals)",
        )?;
        if rows.trim() != format!("{sent}|{sent}|{sent}") {
            return Err(format!("{sent} records were acknowledged, and there are {}", rows.trim()));
        }
        let new = self.load.sent_again(self.address(leader));
        if new > 0 {
            return Err(format!("{new} acknowledged records were lost"));
        }
        for which in 0..2 {
            let address = self.address(which);
            let counted = format!(
                "lightning_sync_records_synced_24h{{org=\"acme\",object_type=\"contacts\"}} {sent}\n"
            );
            wait_until("both count the same", PATIENCE, || {
                get(address, "/metrics").text().contains(&counted).then_some(())
            });
        }
        Ok(sent)
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    /// As its supervisor ends it.
    Stopped,
    /// It does nothing for longer than its lease, and then goes on.
    Held,
    /// The network to the database swallows what is sent.
    Cut(BlockedDirections),
}

const LEADS: &str = "\nlightning_sync_exporter_leader 1\n";

fn leads(address: SocketAddr) -> bool {
    get(address, "/metrics").text().contains(LEADS)
}

/// Writes a daemon's configuration anew.
fn replace(config: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(config, text.replace(from, to)).unwrap();
}
