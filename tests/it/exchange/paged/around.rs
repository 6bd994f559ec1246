//! What all have in common: certificates, the names of hosts, and the process of the daemon.

use super::rows::{Played, Trouble};
use super::site::NAMED;
use super::{DAEMON, PAST};
use crate::exchange::fixture::{Certified, certified, certified_until};
use crate::salesforce::secret_file;
use crate::support::process::Process;
use chrono::{Datelike, TimeDelta};
use lightning_sync_exporter::app::now;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) struct Around {
    pub(super) certified: Certified,
    pub(super) expired: Certified,
    pub(super) ending: Certified,
    named: Certified,
    pub(super) hosts: PathBuf,
}

impl Around {
    pub(super) fn new() -> Self {
        let certified = certified("localhost", 2100);
        let day = now().plus(TimeDelta::days(10)).datetime();
        // All that have the name are signed by one authority: who has its certificate renewed changes no configuration.
        let ending = (day.year(), day.month() as u8, day.day() as u8);
        let around = Self {
            expired: certified_until("localhost", (2021, 1, 1), Some(&certified)),
            ending: certified_until("localhost", ending, Some(&certified)),
            named: certified_until(NAMED, (2100, 1, 1), None),
            hosts: certified.directory.path().join("hosts"),
            certified,
        };
        fs::write(&around.hosts, around.names()).unwrap();
        secret_file(&around.directory().join("secret"), crate::exchange::graph::SECRET);
        secret_file(&around.directory().join("token"), "a-token-of-the-simulated-tenant");
        around
    }

    pub(super) fn directory(&self) -> &Path {
        self.certified.directory.path()
    }

    pub(super) fn names(&self) -> String {
        format!("127.0.0.1 localhost\n127.0.0.1 {NAMED}\n")
    }

    /// The name under which an organisation's server is known, and its certificate.
    pub(super) fn named(&self, played: &Played) -> (&'static str, &Certified) {
        if matches!(played.trouble, Trouble::Name) {
            (NAMED, &self.named)
        } else {
            ("localhost", &self.certified)
        }
    }

    /// Starts the process of the daemon: this program again, with names of hosts of its own.
    pub(super) fn daemon(&self, config: &Path, past: TimeDelta) -> (Process, SocketAddr) {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""])
            .arg(&self.hosts)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "exchange::paged::the_daemon_of_another_test", "--nocapture"])
            .env(DAEMON, config)
            .env(PAST, past.num_seconds().to_string());
        let process = Process::start(&mut command);
        let address = process.wait_for_line(|line| line.strip_prefix("listening ")?.parse().ok());
        (process, address)
    }
}
