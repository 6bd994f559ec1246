//! A real PostgreSQL server of Debian, started for this test process in a directory of its own. However the process ends,
//! the server and the directory go with it.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

use super::process::wait_until;

/// Whom the server runs as where root runs the tests, which PostgreSQL refuses: nobody, on every Linux.
const NOBODY: u32 = 65_534;
const USER: &str = "lightning";
const PASSWORD: &str = "correct horse";

/// A server on a port of loopback, encrypted for those who want it.
pub(crate) struct Server {
    directory: PathBuf,
    bin: PathBuf,
    pub(crate) port: u16,
    process: Option<Child>,
    /// Its input ends with this process, and then it ends the server and removes the directory.
    sweeper: Child,
    databases: AtomicU32,
}

/// The one that tests share which do not end it.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    pub(crate) fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("lightning-sync-postgres-")
            .tempdir()
            .expect("a temporary directory")
            .keep();
        let bin = newest_bin();
        let sweep = "read nothing; kill -QUIT \"$(head -n 1 \"$1/data/postmaster.pid\")\" 2>/dev/null; \
                     for _ in $(seq 100); do [ -e \"$1/data/postmaster.pid\" ] || break; sleep 0.1; done; rm -rf \"$1\"";
        let sweeper = Command::new("setsid")
            .args(["sh", "-c", sweep, "sweeper"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tests/run installs util-linux");
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let mut server =
            Self { directory, bin, port, process: None, sweeper, databases: AtomicU32::new(0) };
        server.init();
        server.run();
        server
    }

    fn init(&self) {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a key");
        let password = self.path("password");
        for (file, text) in [
            (&password, PASSWORD.to_owned()),
            (&self.path("server.key"), key.signing_key.serialize_pem()),
            (&self.certificate(), key.cert.pem()),
        ] {
            fs::write(file, text).expect("the directory is ours");
            fs::set_permissions(file, Permissions::from_mode(0o600)).expect("ours");
            self.give(file);
        }
        self.give(&self.directory);
        let made = self
            .command("initdb")
            .args(["--username", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .arg("--pwfile")
            .arg(&password)
            .args(["--no-sync", "--pgdata"])
            .arg(self.path("data"))
            .output()
            .expect("tests/run installs postgresql");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut settings = File::options()
            .append(true)
            .open(self.path("data/postgresql.conf"))
            .expect("initdb makes it");
        // Acknowledging early is the server's default here: the store has to see to it itself.
        write!(
            settings,
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{1}'\nfsync = on\n\
             synchronous_commit = off\nmax_connections = 200\nssl = on\nssl_cert_file = '{1}/server.pem'\n\
             ssl_key_file = '{1}/server.key'\nautovacuum_naptime = '1min'\n",
            self.port,
            self.directory.display()
        )
        .expect("room");
    }

    /// Starts the server, again after [`Self::kill`], and waits until it answers.
    pub(crate) fn run(&mut self) {
        self.process = Some(self.spawn());
        wait_until("PostgreSQL answers", Duration::from_secs(60), || {
            // It refuses to start for as long as a process of the one before has not seen that its parent is gone.
            let ended = self.process.as_mut().map(|process| process.try_wait().expect("a child"));
            if ended.flatten().is_some() {
                self.process = Some(self.spawn());
            }
            self.psql("postgres", "SELECT 1").ok()
        });
    }

    fn spawn(&self) -> Child {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.path("log"))
            .expect("the directory is ours");
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.path("data")).stdin(Stdio::null()).stdout(Stdio::null());
        postgres.stderr(log).spawn().expect("tests/run installs postgresql")
    }

    /// Ends the server as a loss of power would: nothing is flushed that was not.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        // The parent of all its processes; the others end when they see that it is gone.
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("procps").success());
        process.wait().expect("a child");
    }

    fn pid(&self) -> u32 {
        let file = fs::read_to_string(self.path("data/postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|pid| pid.parse().ok()).expect("a number")
    }

    /// An empty database with a name of its own.
    pub(crate) fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("store_{number}");
        self.psql("postgres", &format!("CREATE DATABASE {name}")).expect("a database");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let database = Database { name, directory };
        write_secret(&database.file(), &self.dsn(&database.name, "127.0.0.1", self.port));
        database
    }

    /// The connection string of a database, by a host and a port that lead here.
    pub(crate) fn dsn(&self, database: &str, host: &str, port: u16) -> String {
        format!("postgres://{USER}:{}@{host}:{port}/{database}", PASSWORD.replace(' ', "%20"))
    }

    /// The server's certificate, which it signed itself for `localhost`.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("server.pem")
    }

    /// Runs SQL past the store's own code; its columns are separated by `|`.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.client("psql", database);
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        answered(psql.env("PGOPTIONS", "-c search_path=lightning_sync,public"))
    }

    /// The text of a database, as an operator's backup has it.
    pub(crate) fn dump(&self, database: &str) -> String {
        answered(&mut self.client("pg_dump", database)).expect("a dump")
    }

    /// Makes of an empty database what a dump says.
    pub(crate) fn restore(&self, database: &str, dump: &str) {
        let file = self.path("dump.sql");
        fs::write(&file, dump).expect("the directory is ours");
        let mut psql = self.client("psql", database);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&file);
        answered(&mut psql).expect("a dump that can be read");
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut client = Command::new(self.bin.join(program));
        client
            .args(["-h", "127.0.0.1", "-U", USER, "-d", database, "-p", &self.port.to_string()])
            .env("PGPASSWORD", PASSWORD);
        client
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn give(&self, path: &Path) {
        if is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }

    /// A program of PostgreSQL, as a user that it does not refuse.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
            command.args([&user, &group, "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.directory);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        self.sweeper.wait().expect("a child");
        if let Some(mut process) = self.process.take() {
            process.wait().expect("a child");
        }
    }
}

/// A database, and a file that says where it is.
pub(crate) struct Database {
    pub(crate) name: String,
    directory: TempDir,
}

impl Database {
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("dsn")
    }
}

/// Writes a file that only we can read.
pub(crate) fn write_secret(file: &Path, text: &str) {
    fs::write(file, text).expect("the directory is ours");
    fs::set_permissions(file, Permissions::from_mode(0o600)).expect("ours");
}

/// What a program prints, or complains.
fn answered(command: &mut Command) -> Result<String, String> {
    let answer = command.output().expect("tests/run installs postgresql");
    match answer.status.success() {
        true => Ok(String::from_utf8(answer.stdout).expect("UTF-8")),
        false => Err(String::from_utf8_lossy(&answer.stderr).into_owned()),
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The programs of the newest release that is installed.
fn newest_bin() -> PathBuf {
    let releases = fs::read_dir("/usr/lib/postgresql").expect("tests/run installs postgresql");
    let releases = releases.map(|release| release.expect("readable").path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = releases.max_by_key(number).expect("tests/run installs postgresql");
    newest.join("bin")
}
