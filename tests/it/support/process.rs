//! Real programs, started on free ports and killed when the test ends.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// A child process whose standard error goes to a file, so that what it has written can be read at once; killed on drop.
pub(crate) struct Process {
    child: Child,
    log: NamedTempFile,
    name: String,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = NamedTempFile::new().expect("a temporary file");
        let stderr = File::options().append(true).open(log.path()).expect("it was just made");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} does not start: {error}; tests/run installs it")
            });
        Self { child, log, name }
    }

    /// Waits for a whole log line that `pick` takes something from.
    pub(crate) fn wait_for_line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = self.log();
            if let Some(found) =
                log.split_inclusive('\n').filter_map(|it| it.strip_suffix('\n')).find_map(&pick)
            {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{} never logged what was waited for:\n{log}",
                self.name
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log.path()).expect("the file is there");
        String::from_utf8_lossy(&log).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, when it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Waits for the process to end and gives its exit code.
    pub(crate) fn wait_for_exit(&mut self) -> Option<i32> {
        self.wait_for_status().code()
    }

    /// Waits for the process to end and tells how it did.
    pub(crate) fn wait_for_status(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("{} could not be waited for", self.name);
        }
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_lightning-sync-exporter");

/// The daemon, under test.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Daemon {
    /// Starts the daemon with a configuration file on a port that the system chooses.
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_on(config, "127.0.0.1:0")
    }

    /// Starts the daemon with everything that it can log.
    pub(crate) fn start_verbose(config: &Path) -> Self {
        Self::start_with(config, "127.0.0.1:0", &["--log.level", "debug"])
    }

    /// Starts the daemon on a given address.
    pub(crate) fn start_on(config: &Path, address: &str) -> Self {
        Self::start_with(config, address, &[])
    }

    /// Starts the daemon by another program, which gets it as its last arguments.
    pub(crate) fn start_by(program: &[&str], config: &Path) -> Self {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(BINARY);
        Self::start_as(command, config, "127.0.0.1:0", &[])
    }

    /// Starts the daemon on a given address with more flags.
    pub(crate) fn start_with(config: &Path, address: &str, flags: &[&str]) -> Self {
        Self::start_as(Command::new(BINARY), config, address, flags)
    }

    /// Starts the daemon with more variables in its environment.
    pub(crate) fn start_among(
        config: &Path,
        address: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(BINARY);
        command.envs(environment.iter().copied());
        Self::start_as(command, config, address, flags)
    }

    /// Starts the daemon where it may end instead of listening; how it ended, then.
    pub(crate) fn start_or_end(
        config: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Self, ExitStatus> {
        let mut command = Command::new(BINARY);
        command.envs(environment.iter().copied());
        let mut process = Process::start(command.arg("--config.file").arg(config).args([
            "--web.listen-address",
            "127.0.0.1:0",
            "--log.format",
            "json",
        ]));
        let started = wait_until("the daemon listens or ends", Duration::from_secs(60), || {
            // Asked first: what it logged before it ended is there then.
            let ended = process.ended();
            match process.log().lines().find_map(listening) {
                Some(address) => Some(Ok(address)),
                None => ended.map(Err),
            }
        });
        started.map(|address| Self { process, address })
    }

    fn start_as(mut command: Command, config: &Path, address: &str, flags: &[&str]) -> Self {
        let process = Process::start(
            command
                .arg("--config.file")
                .arg(config)
                .args(["--web.listen-address", address, "--log.format", "json"])
                .args(flags),
        );
        let address = process.wait_for_line(listening);
        Self { process, address }
    }
}

/// The address in the log line that says where the daemon listens.
fn listening(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line.get("address")?.as_str()?.parse().ok()
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has free ports")
        .port()
}

/// Waits until `check` gives something, or fails with `what`.
pub(crate) fn wait_until<T>(
    what: &str,
    within: Duration,
    mut check: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
