//! The configuration read again by the real daemon: what is good holds from then on, and what is not leaves the old one in
//! force and says so.

use crate::support::http::get;
use crate::support::process::{Daemon, wait_until};
use chrono::TimeDelta;
use lightning_sync_exporter::app::now;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn hang_up(daemon: &Daemon) {
    let pid = rustix::process::Pid::from_raw(daemon.process.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

/// The names of the organisations that are served.
fn orgs(daemon: &Daemon) -> Vec<String> {
    let body = get(daemon.address, "/api/v1/orgs").json();
    let orgs = body["orgs"].as_array().unwrap().iter();
    let mut names: Vec<String> = orgs.map(|org| org["org"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn reloaded(daemon: &Daemon) -> bool {
    let page = get(daemon.address, "/metrics").text();
    page.lines().any(|line| line == "lightning_sync_exporter_config_reload_success 1")
}

fn wait_for_log(daemon: &Daemon, text: &str) {
    wait_until(text, Duration::from_secs(60), || daemon.process.log().contains(text).then_some(()));
}

fn write(file: &Path, database: &str, orgs: &[&str]) {
    let database = file.with_file_name(database).display().to_string();
    let orgs: String = orgs.iter().map(|org| format!("  - {{ name: {org} }}\n")).collect();
    fs::write(file, format!("store: {{ path: {database} }}\norgs:\n{orgs}")).unwrap();
}

/// Whether the organisation shows a poll that fails.
fn poll_fails(daemon: &Daemon) -> bool {
    let answer = get(daemon.address, "/api/v1/orgs/acme");
    answer.status == 200 && answer.text().contains("\"poll_failing\":{")
}

#[test]
fn an_organisation_that_comes_back_without_salesforce_has_no_poll_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    // Nothing listens there.
    let file = crate::salesforce::config(directory.path(), "http://127.0.0.1:9");
    let daemon = Daemon::start(&file);
    let polled = || get(daemon.address, "/metrics").text().contains("lightning_sync_poll_success{");
    wait_until("salesforce fails", Duration::from_secs(60), || {
        (poll_fails(&daemon) && polled()).then_some(())
    });
    write(&file, "sync.db", &["beta"]);
    hang_up(&daemon);
    wait_until("acme is out", Duration::from_secs(60), || {
        (orgs(&daemon) == ["beta"]).then_some(())
    });
    write(&file, "sync.db", &["acme"]);
    hang_up(&daemon);
    wait_until("acme is in again", Duration::from_secs(60), || {
        (orgs(&daemon) == ["acme"]).then_some(())
    });
    assert!(!poll_fails(&daemon), "{}", get(daemon.address, "/api/v1/orgs/acme").text());
    // An organisation that stays and is polled no longer has none either.
    crate::salesforce::config(directory.path(), "http://127.0.0.1:9");
    hang_up(&daemon);
    wait_until("salesforce fails again", Duration::from_secs(60), || {
        (poll_fails(&daemon) && polled()).then_some(())
    });
    write(&file, "sync.db", &["acme"]);
    hang_up(&daemon);
    wait_until("no poll fails", Duration::from_secs(60), || {
        (!poll_fails(&daemon) && !polled()).then_some(())
    });
}

#[test]
fn a_hangup_reads_the_configuration_again_and_a_bad_one_leaves_the_old_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    write(&file, "a.db", &["acme"]);
    let daemon = Daemon::start(&file);
    assert_eq!((orgs(&daemon), reloaded(&daemon)), (vec!["acme".to_owned()], true));
    write(&file, "a.db", &["acme", "beta"]);
    hang_up(&daemon);
    wait_until("beta is served", Duration::from_secs(60), || {
        (orgs(&daemon) == ["acme", "beta"]).then_some(())
    });
    fs::write(&file, "orgs: [{ name: gamma, colour: red, shape: round }]\n").unwrap();
    hang_up(&daemon);
    wait_for_log(&daemon, "shape: unknown key");
    let log = daemon.process.log();
    let of = |key: &str| log.lines().filter(|line| line.contains(key)).count();
    assert_eq!((of("colour: unknown key"), of("shape: unknown key")), (1, 1), "{log}");
    assert!(!log.lines().any(|line| line.contains("colour") && line.contains("shape:")), "{log}");
    assert_eq!(orgs(&daemon), ["acme", "beta"]);
    assert!(!reloaded(&daemon));
    // Another database cannot be opened while this one is served.
    write(&file, "b.db", &["acme", "gamma"]);
    hang_up(&daemon);
    wait_for_log(&daemon, "needs a restart");
    assert_eq!(orgs(&daemon), ["acme", "beta"]);
    assert!(!reloaded(&daemon));
    assert!(!directory.path().join("b.db").exists());
    write(&file, "a.db", &["acme"]);
    let near = now().plus(TimeDelta::days(20)).datetime();
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("acme }", &format!("acme, retirement: {} }}", near.format("%F")));
    for (web, begins) in [
        ("", "\"/runbooks/"),
        ("web: { external_url: https://sync.example }\n", "\"https://sync.example/runbooks/"),
        ("web: { external_url: https://a.example }\n", "\"https://a.example/runbooks/"),
    ] {
        fs::write(&file, format!("{web}{text}")).unwrap();
        hang_up(&daemon);
        wait_until("links lead there", Duration::from_secs(60), || {
            let findings = get(daemon.address, "/api/v1/findings").text();
            findings.contains(&format!("{begins}LightningSyncRetirementNear")).then_some(())
        });
    }
    wait_until("the old is good again", Duration::from_secs(60), || {
        (reloaded(&daemon) && orgs(&daemon) == ["acme"]).then_some(())
    });
}
