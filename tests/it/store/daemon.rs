//! The whole daemon with PostgreSQL as its store: a second one, a server that goes away and comes back, forgetting, and a
//! backup by PostgreSQL's own means.

use crate::support::http::{Response, get, post};
use crate::support::postgres::{Database, Server, server};
use crate::support::process::{Daemon, Process, wait_until};
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::time::Timestamp;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BATCH: u64 = 500;
/// Longer than the longest pause between two attempts, and a start of the server.
const BACK_WITHIN: Duration = Duration::from_secs(60);

fn configured(directory: &TempDir, database: &Database) -> PathBuf {
    let file = directory.path().join(format!("{}.yaml", database.name));
    let text = format!(
        "store: {{ postgres: {{ dsn_file: {} }} }}\nuser_names: plain\norgs: [{{ name: acme }}]\n",
        database.file().display()
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// Sends a batch of records, the same for the same number within an hour.
fn push(address: SocketAddr, batch: u64) -> Response {
    let at = Timestamp::of_hour(now().hour()).datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let record = |record| {
        format!("{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"{batch}-{record}\"}}\n")
    };
    let body: String = (0..BATCH).map(record).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    post(address, "/api/v1/orgs/acme/activity", &headers, body.as_bytes())
}

fn pushed(address: SocketAddr, batch: u64) {
    let answer = push(address, batch);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], BATCH);
}

fn push_users(address: SocketAddr, users: &[&str]) {
    let at = now().datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let users: Vec<String> = users
        .iter()
        .map(|user| format!("{{\"user\":\"{user}@corp.example\",\"active_configuration\":true}}"))
        .collect();
    let body = format!(
        "{{\"captured_at\":\"{at}\",\"service_account\":\"svc@corp.example\",\"users\":[{}]}}",
        users.join(",")
    );
    let headers = [("Content-Type", "application/json")];
    let answer = post(address, "/api/v1/orgs/acme/snapshot", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The value of a series, by its whole name.
fn value(address: SocketAddr, series: &str) -> Option<u64> {
    let page = get(address, "/metrics").text();
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

fn counted(address: SocketAddr) -> Option<u64> {
    value(address, "lightning_sync_records_synced_24h{org=\"acme\",object_type=\"contacts\"}")
}

fn run(arguments: &[&str], file: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_lightning-sync-exporter");
    Command::new(program).args(arguments).arg(file).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_second_daemon_on_the_same_database_does_not_start() {
    let (directory, database) = (tempfile::tempdir().unwrap(), server().database());
    let config = configured(&directory, &database);
    let first = Daemon::start(&config);
    let mut second = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"));
    second.args(["--web.listen-address", "127.0.0.1:0", "--config.file"]).arg(&config);
    let mut second = Process::start(&mut second);
    assert_eq!(second.wait_for_exit(), Some(1));
    let says = second.log();
    assert!(
        says.contains("is in use by another daemon; stop that one, or give this one"),
        "{says}"
    );
    pushed(first.address, 0);
    // Nor does a reload take another one.
    let another = server().database();
    let other = std::fs::read_to_string(configured(&directory, &another)).unwrap();
    let own = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, other).unwrap();
    let pid = first.process.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let refused = "store.postgres: found another database than the one that is open";
    first.process.wait_for_line(|line| line.contains(refused).then_some(()));
    std::fs::write(&config, own).unwrap();
    drop(first);
    // Without its end the first one would hold it: the lock goes with the session.
    let next = Daemon::start(&config);
    assert_eq!(counted(next.address), Some(BATCH));
}

#[test]
fn a_server_that_goes_away_is_told_and_everything_goes_on_when_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start();
    let database = server.database();
    let config = configured(&directory, &database);
    let daemon = Daemon::start(&config);
    let address = daemon.address;
    pushed(address, 0);
    let failing = || value(address, "lightning_sync_exporter_store_failing");
    assert_eq!(failing(), Some(0));

    server.kill();
    let answer = push(address, 1);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["reason"], "store_failing");
    assert!(answer.header("Retry-After").is_some());
    wait_until("the alert's metric says so", BACK_WITHIN, || (failing() == Some(1)).then_some(()));
    assert_eq!(get(address, "/").status, 200, "pages are there meanwhile");
    let log = daemon.process.log();
    let names_it = log.contains(&format!("PostgreSQL of {}", database.file().display()));
    assert!(names_it && !log.contains("horse"), "{log}");

    server.run();
    let answer = wait_until("records are taken again", BACK_WITHIN, || {
        Some(push(address, 1)).filter(|answer| answer.status == 200)
    });
    assert_eq!(answer.json()["accepted"], BATCH, "nothing was half taken");
    assert_eq!(counted(address), Some(2 * BATCH));
    wait_until("the alert ends", BACK_WITHIN, || (failing() == Some(0)).then_some(()));
    let config = config.to_str().unwrap();
    let doctor =
        run(&["doctor", "--config.file", config, "--url"], Path::new("http://127.0.0.1:1"));
    let report = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(report.contains("the PostgreSQL database can be read"), "{report}");
}

#[test]
fn a_server_that_hangs_is_waited_for_no_longer_than_a_push_may_take() {
    let (directory, database) = (tempfile::tempdir().unwrap(), server().database());
    let daemon = Daemon::start(&configured(&directory, &database));
    let address = daemon.address;
    pushed(address, 0);
    let writer = format!(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = \
         (SELECT oid FROM pg_database WHERE datname = '{}')",
        database.name
    );
    let writer = server().psql("postgres", &writer).unwrap();
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, writer.trim()]).status().unwrap().success());
    };
    signal("-STOP");
    let began = Instant::now();
    let answer = push(address, 1);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert_eq!(value(address, "lightning_sync_exporter_store_failing"), Some(1));
    assert_eq!(get(address, "/").status, 200, "pages are there meanwhile");
    signal("-CONT");
    let answer = wait_until("records are taken again", BACK_WITHIN, || {
        Some(push(address, 1)).filter(|answer| answer.status == 200)
    });
    assert_eq!(answer.json()["accepted"], BATCH, "nothing was half taken");
    assert_eq!(counted(address), Some(2 * BATCH));
}

#[test]
fn a_person_and_an_organisation_are_taken_out() {
    let (directory, database) = (tempfile::tempdir().unwrap(), server().database());
    let config = configured(&directory, &database);
    let daemon = Daemon::start(&config);
    push_users(daemon.address, &["ann", "bob"]);
    pushed(daemon.address, 0);
    let erase = |flags: &[&str]| {
        let arguments = [&["erase", "--org", "acme"], flags, &["--database"]].concat();
        run(&arguments, &database.file())
    };
    let dumped = || server().dump(&database.name);
    assert!(said(&erase(&[])).contains("is in use by another daemon"));
    drop(daemon);
    let mistyped = wait_until("the lock is free", BACK_WITHIN, || {
        let says = said(&erase(&["--user", "anne@corp.example"]));
        (!says.contains("is in use")).then_some(says)
    });
    assert!(mistyped.contains("did you mean ann@corp.example?"), "{mistyped}");
    assert!(dumped().contains("ann@corp.example"));
    let erased = erase(&["--user", "ann@corp.example"]);
    assert!(erased.status.success(), "{}", said(&erased));
    let left = dumped();
    assert!(!left.contains("ann@corp.example") && left.contains("bob@corp.example"));

    let daemon = Daemon::start(&config);
    let users = get(daemon.address, "/api/v1/orgs/acme/users").text();
    assert!(!users.contains("ann@corp") && users.contains("bob@corp.example"), "{users}");
    assert_eq!(counted(daemon.address), Some(BATCH), "records name nobody");
    drop(daemon);
    let erased = wait_until("the lock is free", BACK_WITHIN, || {
        Some(erase(&[])).filter(|erased| !said(erased).contains("is in use"))
    });
    assert!(erased.status.success(), "{}", said(&erased));
    assert!(!dumped().contains("bob@corp.example") && !dumped().contains("acme"));
}

#[test]
fn a_dump_beside_the_daemon_becomes_a_database_with_everything_acknowledged_before() {
    let (directory, database) = (tempfile::tempdir().unwrap(), server().database());
    let daemon = Daemon::start(&configured(&directory, &database));
    pushed(daemon.address, 0);
    let dump = server().dump(&database.name);
    pushed(daemon.address, 1);
    let restored = server().database();
    server().restore(&restored.name, &dump);
    let second = Daemon::start(&configured(&directory, &restored));
    assert_eq!(counted(second.address), Some(BATCH));
    assert_eq!(push(second.address, 0).json()["duplicates"], BATCH);
}
