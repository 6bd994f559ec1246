//! The whole daemon over logs: what it finds, and what people see of it.

use super::logs::{EwsVersion, LogFile};
use crate::support::http::{get, post};
use crate::support::process::{Daemon, wait_until};
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::now;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SVC: &str = "svc-sfsync@corp.example";
const ANN: &str = "ann@corp.example";

/// An instant of so many minutes ago, as Exchange writes it.
fn ago(minutes: i64) -> String {
    let at = now().minus(TimeDelta::minutes(minutes));
    at.datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
}

struct Logs {
    ews: LogFile,
    iis: LogFile,
}

impl Logs {
    fn call(&mut self, minutes: i64, account: &str, agent: &str) {
        self.ews.row(&[
            ("DateTime", &ago(minutes)),
            ("AuthenticatedUser", account),
            ("ImpersonatedUser", ANN),
            ("SoapAction", "UpdateItem"),
            ("UserAgent", agent),
        ]);
    }

    fn refused(&mut self, minutes: i64) {
        let at = ago(minutes);
        self.iis.row(&[
            ("date", &at[..10]),
            ("time", &at[11..19]),
            ("cs-username", "CORP\\svc-sfsync"),
            ("cs-uri-stem", "/EWS/Exchange.asmx"),
            ("sc-status", "401"),
            ("sc-win32-status", "1909"),
        ]);
    }

    /// As a copy of the server's files is replaced by the next.
    fn write(&self, directory: &Path) {
        let day = now().datetime();
        let ews = format!("Ews_{}-1.LOG", day.format("%Y%m%d%H"));
        let iis = format!("u_ex{}.log", day.format("%y%m%d"));
        for (folder, name, text) in [("ews", ews, &self.ews.text), ("iis", iis, &self.iis.text)] {
            let folder = directory.join(folder);
            fs::create_dir_all(&folder).unwrap();
            // The hour may have ended meanwhile: it stays the file that it was.
            let known = fs::read_dir(&folder).unwrap().next().map(|entry| entry.unwrap().path());
            fs::write(known.unwrap_or_else(|| folder.join(name)), text).unwrap();
        }
    }
}

fn finding(daemon: &Daemon, cause: &str) -> Option<(String, f64)> {
    let page = get(daemon.address, "/metrics").text();
    let start =
        format!("lightning_sync_finding_since_timestamp_seconds{{org=\"acme\",cause=\"{cause}\",");
    let line = page.lines().find_map(|line| line.strip_prefix(&start))?;
    let (labels, value) = line.split_once("} ")?;
    let severity = labels.split('"').nth(1)?.to_owned();
    Some((severity, value.parse().ok()?))
}

fn wait_for(daemon: &Daemon, cause: &str, severity: &str) {
    let what = format!("{cause} is {severity:?}");
    wait_until(&what, Duration::from_secs(60), || {
        finding(daemon, cause).filter(|found| found.0 == severity)
    });
}

#[test]
fn nobody_calls_then_sign_ins_are_refused_then_all_is_well_and_another_program_writes() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let text = format!(
        "store: {{ path: logs.db }}\nuser_names: plain\norgs:\n  - name: acme\n    retirement: none\n    exchange_log:\n      service_account: [{SVC}, 'CORP\\svc-sfsync']\n      poll_every: 1s\n      no_calls_after: 1h\n      servers: [{{ name: EX01, ews: ews, iis: iis }}]\n"
    );
    fs::write(&config, text).unwrap();
    let mut logs = Logs {
        ews: LogFile::ews(EwsVersion::Exchange2016, &ago(130)),
        iis: LogFile::iis("date time cs-username cs-uri-stem sc-status sc-win32-status"),
    };
    logs.call(120, SVC, "SF/1");
    logs.call(0, "bob@corp.example", "Microsoft Office/16.0");
    logs.write(directory.path());
    let daemon = Daemon::start(&config);
    let snapshot = format!(
        "{{\"captured_at\":\"{}\",\"users\":[{{\"user\":\"{ANN}\",\"active_configuration\":true}}]}}",
        ago(0)
    );
    let path = "/api/v1/orgs/acme/snapshot";
    let json = [("Content-Type", "application/json")];
    assert_eq!(post(daemon.address, path, &json, snapshot.as_bytes()).status, 200);

    wait_for(&daemon, "exchange_no_calls", "warning");
    wait_for(&daemon, "exchange_sign_in_refused", "");
    wait_for(&daemon, "exchange_two_writers", "");

    for minutes in [3, 2, 1] {
        logs.refused(minutes);
    }
    logs.write(directory.path());
    wait_for(&daemon, "exchange_sign_in_refused", "critical");
    // What it explains is no finding of its own.
    wait_for(&daemon, "exchange_no_calls", "");
    let page = get(daemon.address, "/orgs/acme").text();
    for expected in [
        "Exchange refuses the service account's sign-ins: the account is locked out (1909).",
        "Exchange's side only",
        "Last write: ",
    ] {
        let escaped = expected.replace('\'', "&#39;");
        assert!(page.contains(expected) || page.contains(&escaped), "{expected}\n{page}");
    }
    let answer: Value =
        serde_json::from_slice(&get(daemon.address, "/api/v1/orgs/acme").body).unwrap();
    let read = &answer["exchange_log"];
    assert_eq!(read["sign_ins_refused"]["reason"], "locked_out", "{answer}");
    assert_eq!((&read["writes_60m"], &read["writes_24h"]), (&0.into(), &1.into()), "{answer}");

    logs.call(0, SVC, "SF/1");
    logs.call(0, "crm@corp.example", "OtherSync/2");
    logs.write(directory.path());
    wait_for(&daemon, "exchange_sign_in_refused", "");
    wait_for(&daemon, "exchange_two_writers", "warning");
    assert_eq!(finding(&daemon, "exchange_no_calls").unwrap().0, "");
    let page = get(daemon.address, &format!("/orgs/acme/users/{ANN}")).text();
    assert!(page.contains("crm@corp.example") && page.contains("update_item"), "{page}");

    // What was found survives a restart, also while the logs are away.
    drop(daemon);
    fs::rename(directory.path().join("ews"), directory.path().join("away")).unwrap();
    let daemon = Daemon::start(&config);
    assert_eq!(finding(&daemon, "exchange_two_writers").unwrap().0, "warning");
    // Who no longer reads them finds nothing in them.
    drop(daemon);
    fs::write(&config, "store: { path: logs.db }\norgs: [{ name: acme }]\n").unwrap();
    let daemon = Daemon::start(&config);
    wait_for(&daemon, "exchange_two_writers", "");

    // What is stored of a person goes with the person, and nobody else's with it.
    drop(daemon);
    let has = |name: &str| {
        let bytes = fs::read(directory.path().join("logs.db")).unwrap();
        bytes.windows(name.len()).any(|window| window == name.as_bytes())
    };
    assert!(has(ANN) && has("EX01"));
    let erased = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .args(["erase", "--database"])
        .arg(directory.path().join("logs.db"))
        .args(["--org", "acme", "--user", ANN])
        .output()
        .unwrap();
    assert!(erased.status.success(), "{erased:?}");
    assert!(!has(ANN) && has("EX01"));
}
