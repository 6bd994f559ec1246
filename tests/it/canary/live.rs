//! The daemon in a process of its own, with a canary whose interval nobody may configure as short: half an hour and all
//! that depends on it are as many seconds.

use super::fixture::{ACCOUNT, APP, BothSides, CANARY, SECRET};
use crate::salesforce::secret_file;
use crate::support::http::get;
use crate::support::process::Process;
use chrono::TimeDelta;
use enum_map::EnumMap;
use lightning_sync_exporter::app::{Daemon, Options, Supervisor, real_clock};
use lightning_sync_exporter::config::{Environment, from_file};
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Names the configuration to the process of the daemon.
const DAEMON: &str = "LIGHTNING_SYNC_TEST_CANARY";
/// The interval, in milliseconds.
const INTERVAL: &str = "LIGHTNING_SYNC_TEST_CANARY_INTERVAL";
/// Whether nothing new is written.
const ENDS: &str = "LIGHTNING_SYNC_TEST_CANARY_ENDS";

/// What the canary does in the daemon.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Writes {
    Goes,
    Ends,
}

/// Organisations and where their daemon keeps what it knows.
pub(super) struct Site {
    pub(super) directory: tempfile::TempDir,
    config: PathBuf,
}

impl Site {
    /// `more` is text of an organisation besides its canary.
    pub(super) fn new(orgs: &[(&str, &BothSides, String)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        secret_file(&directory.path().join("secret"), SECRET);
        let database = directory.path().join("sync.db");
        let mut text = format!("store: {{ path: {} }}\norgs:\n", database.display());
        for (name, both, more) in orgs {
            let (salesforce, exchange) = (both.salesforce.address(), both.exchange.address());
            writeln!(
                text,
                "  - name: {name}
    canary:
      mailbox: {CANARY}
      user: {CANARY}
      salesforce:
        my_domain: http://{salesforce}
        auth: {{ client_credentials: {{ client_id: {APP}, client_secret_file: secret }} }}
      exchange:
        ews_url: http://{exchange}/EWS/Exchange.asmx
        auth: {{ basic: {{ username: '{ACCOUNT}', password_file: secret }} }}
{more}"
            )
            .unwrap();
        }
        let config = directory.path().join("config.yaml");
        fs::write(&config, text).unwrap();
        Self { directory, config }
    }

    /// This program again, as the daemon.
    pub(super) fn daemon(&self, interval: TimeDelta, writes: Writes) -> LiveDaemon {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "canary::live::the_daemon_of_another_test", "--nocapture"])
            .env(DAEMON, &self.config)
            .env(INTERVAL, interval.num_milliseconds().to_string())
            .env_remove(ENDS);
        if writes == Writes::Ends {
            command.env(ENDS, "");
        }
        let process = Process::start(&mut command);
        let address = process.wait_for_line(|line| line.strip_prefix("listening ")?.parse().ok());
        LiveDaemon { _process: process, address }
    }

    /// What `doctor` prints of the canary.
    pub(super) fn doctor(&self) -> Vec<String> {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"));
        let output = doctor.arg("doctor").arg("--config.file").arg(&self.config).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| line.contains("acme canary")).map(str::to_owned).collect()
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A daemon that is killed with this value.
pub(super) struct LiveDaemon {
    _process: Process,
    pub(super) address: SocketAddr,
}

impl LiveDaemon {
    /// The values of a metric whose labels have each of `parts` in them.
    pub(super) fn metric(&self, name: &str, parts: &[&str]) -> Vec<f64> {
        let page = get(self.address, "/metrics").text();
        let lines = page.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
                && parts.iter().all(|part| line.contains(part))
        });
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
    }
}

#[test]
fn the_daemon_of_another_test() {
    let Some(file) = std::env::var_os(DAEMON).map(PathBuf::from) else {
        return;
    };
    let interval = std::env::var(INTERVAL).unwrap().parse().unwrap();
    let every = TimeDelta::milliseconds(interval);
    let mut config = from_file(&file, &Environment::default()).unwrap();
    for org in &mut config.orgs {
        let mut settings = org.canary.as_deref().unwrap().clone();
        (settings.every, settings.poll_every, settings.least_allowed) =
            (every, every / 30, every / 3);
        if std::env::var_os(ENDS).is_some() {
            settings.lanes = EnumMap::default();
        }
        org.canary = Some(Arc::new(settings));
        if let Some(probe) = org.exchange.as_deref() {
            let mut probe = probe.clone();
            probe.poll_every = TimeDelta::seconds(2);
            org.exchange = Some(Arc::new(probe));
        }
    }
    let options = Options {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        telemetry_path: "/metrics".to_owned(),
        web_file: None,
        lifecycle: false,
        allowed_hosts: Vec::new(),
        config_file: Some(file),
        environment: Environment::default(),
        clock: real_clock(),
        supervisor: Supervisor::default(),
        alert_pace: 1,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(&config, options).unwrap();
        eprintln!("listening {}", daemon.addresses()[0]);
        // Until it is killed.
        daemon.run(std::future::pending()).await.unwrap();
    });
}
