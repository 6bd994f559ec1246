//! A watched directory of the real daemon: what people and programs put there is taken once, or lies beside its reason.

use crate::support::http::{get, post};
use crate::support::process::{Daemon, wait_until};
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::config;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn configured(directory: &Path) -> (PathBuf, PathBuf) {
    let drop = directory.join("acme");
    fs::create_dir(&drop).unwrap();
    let file = directory.join("config.yaml");
    let text = "store: { path: DB }\nuser_names: plain\norgs: [{ name: acme, time_zone: Europe/Berlin, files: { directory: acme } }]\n";
    let database = directory.join("files.db").display().to_string();
    fs::write(&file, text.replace("DB", &database)).unwrap();
    (file, drop)
}

fn at(ago: TimeDelta) -> String {
    let at = now().minus(ago).datetime();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Files of a folder of the directory, sorted; none where there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn sample(daemon: &Daemon, series: &str) -> Option<f64> {
    let page = get(daemon.address, "/metrics").text();
    let line = page.lines().find(|line| line.starts_with(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

fn wait_for(daemon: &Daemon, series: &str, value: f64) {
    wait_until(&format!("{series} {value}"), Duration::from_secs(60), || {
        (sample(daemon, series) == Some(value)).then_some(())
    });
}

const LINKED: &str = "lightning_sync_linked_users{org=\"acme\"}";
const SYNCED: &str = "lightning_sync_records_synced_60m{org=\"acme\",object_type=\"contacts\"}";
const REJECTED: &str =
    "lightning_sync_exporter_ingest_rejected_total{org=\"acme\",reason=\"no_known_label\"}";
const READABLE: &str = "lightning_sync_poll_success{org=\"acme\",source=\"files\"}";

#[test]
fn every_kind_of_file_is_taken_once_and_what_is_wrong_lies_beside_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let daemon = Daemon::start(&config);
    let (page, user) =
        (include_str!("pages/org_table.html"), include_str!("pages/user_pasted.txt"));
    fs::write(drop.join("1-page.html"), page).unwrap();
    // The user is named by the file, and the page need not name anybody.
    let user: String = user.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(drop.join("ann@corp.example.txt"), user).unwrap();
    let records: String = (1..=3)
        .map(|number| {
            format!(
                "{{\"at\":\"{}\",\"object_type\":\"contacts\",\"id\":\"{number}\"}}\n",
                at(TimeDelta::minutes(number))
            )
        })
        .collect();
    fs::write(drop.join("feed.ndjson"), &records).unwrap();
    fs::write(drop.join("half.json.part"), "{").unwrap();
    fs::write(drop.join("other.html"), "<p>Einstein Activity Capture</p>").unwrap();
    symlink("/etc/passwd", drop.join("passwd.txt")).unwrap();
    wait_until("the files are taken", Duration::from_secs(60), || {
        (names(&drop) == ["done", "half.json.part", "rejected"]).then_some(())
    });
    assert_eq!(names(&drop.join("done")), ["1-page.html", "ann@corp.example.txt", "feed.ndjson"]);
    assert_eq!(
        names(&drop.join("rejected")),
        ["other.html", "other.html.reason.txt", "passwd.txt", "passwd.txt.reason.txt"]
    );
    let reason = fs::read_to_string(drop.join("rejected/other.html.reason.txt")).unwrap();
    assert!(reason.starts_with("no known label was found"), "{reason}");
    wait_for(&daemon, LINKED, 41.0);
    wait_for(&daemon, REJECTED, 1.0);
    let users = get(daemon.address, "/api/v1/orgs/acme/users").json();
    assert_eq!(users["users"][0]["user"], "ann@corp.example");
    // A snapshot by name of its own time, and a table that says no time: the file's holds.
    let json = format!("{{\"captured_at\":\"{}\",\"linked_users\":42}}", at(TimeDelta::zero()));
    fs::write(drop.join("new.json"), json).unwrap();
    wait_for(&daemon, LINKED, 42.0);
    fs::write(drop.join("later.csv"), "user,linked_users\n,43\n").unwrap();
    wait_for(&daemon, LINKED, 43.0);
    // The feed again, as after a crash between the engine's word and the move: it changes nothing.
    let before = sample(&daemon, SYNCED);
    assert_eq!(before, Some(18.0), "a live page outranks a feed that has not covered an hour");
    fs::rename(drop.join("done/feed.ndjson"), drop.join("feed.ndjson")).unwrap();
    let duplicates =
        "lightning_sync_exporter_ingest_records_total{org=\"acme\",outcome=\"duplicate\"}";
    wait_for(&daemon, duplicates, 3.0);
    assert_eq!(sample(&daemon, SYNCED), before);
}

#[test]
fn a_directory_that_vanishes_is_told_once_and_taken_up_again() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let daemon = Daemon::start(&config);
    wait_for(&daemon, READABLE, 1.0);
    fs::remove_dir(&drop).unwrap();
    wait_for(&daemon, READABLE, 0.0);
    let failures = "lightning_sync_poll_failures_total{org=\"acme\",reason=\"directory_unavailable\",source=\"files\"}";
    wait_until("it fails again", Duration::from_secs(60), || {
        sample(&daemon, failures).filter(|count| *count >= 2.0)
    });
    let log = daemon.process.log();
    assert_eq!(log.matches("asking files failed").count(), 1, "{log}");
    assert!(log.contains("Check that the directory exists"), "{log}");
    fs::create_dir(&drop).unwrap();
    fs::write(drop.join("a.csv"), "user,linked_users\n,7\n").unwrap();
    wait_for(&daemon, LINKED, 7.0);
    wait_for(&daemon, READABLE, 1.0);
}

#[test]
fn a_file_without_read_right_lies_beside_its_reason_and_a_directory_without_one_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    // Root may read everything, unless it gave that right away.
    let daemon =
        Daemon::start_by(&["setpriv", "--bounding-set=-dac_override,-dac_read_search"], &config);
    wait_for(&daemon, READABLE, 1.0);
    let shut = drop.join("shut.csv");
    fs::write(&shut, "user,linked_users\n,7\n").unwrap();
    fs::set_permissions(&shut, Permissions::from_mode(0o000)).unwrap();
    fs::write(drop.join("zopen.csv"), "user,linked_users\n,8\n").unwrap();
    wait_for(&daemon, LINKED, 8.0);
    let reason = fs::read_to_string(drop.join("rejected/shut.csv.reason.txt")).unwrap();
    assert!(reason.contains("Permission denied") && reason.contains("read access"), "{reason}");
    fs::set_permissions(&drop, Permissions::from_mode(0o300)).unwrap();
    wait_for(&daemon, READABLE, 0.0);
    let log = daemon.process.log();
    assert!(log.contains("Permission denied"), "{log}");
    fs::set_permissions(&drop, Permissions::from_mode(0o700)).unwrap();
    wait_for(&daemon, READABLE, 1.0);
}

#[test]
fn a_directory_that_holds_what_the_daemon_needs_or_is_anothers_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["store", "conf", "drop", "drop/done", "keys"] {
        fs::create_dir(at(name)).unwrap();
    }
    symlink("store", at("link")).unwrap();
    fs::write(at("keys/token"), "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(at("keys/token"), Permissions::from_mode(0o600)).unwrap();
    symlink("../keys/token", at("conf/token")).unwrap();
    let file = at("conf/config.yaml");
    let mistakes = |orgs: &str| {
        let text = format!("store: {{ path: {} }}\norgs:\n{orgs}", at("store/a.db").display());
        fs::write(&file, text).unwrap();
        config::from_file(&file, &config::Environment::default())
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let acme = |drop: &str| format!("  - {{ name: acme, files: {{ directory: {drop} }} }}\n");
    assert_eq!(mistakes(&acme("../drop")), "");
    for store in ["../store", "../link", "../drop/../store/."] {
        let says = mistakes(&acme(store));
        assert!(
            says.contains("orgs[0].files: the directory holds the database (store.path)"),
            "{says}"
        );
    }
    let says = mistakes(&acme("."));
    assert!(says.contains("holds the configuration"), "{says}");
    let other = "  - { name: other, ingest: { token_file: token } }\n";
    let says = mistakes(&format!("{}{other}", acme("../keys")));
    assert!(says.contains("holds orgs[1].ingest.token_file"), "{says}");
    for shared in ["../drop", "../drop/done", "../drop/../drop"] {
        let other = acme(shared).replace("acme", "other");
        for text in [acme("../drop") + &other, other.clone() + &acme("../drop")] {
            let says = mistakes(&text);
            assert!(says.contains("orgs[1].files: the directory is "), "{says}");
        }
    }
}

#[test]
fn a_directory_that_is_not_there_is_a_mistake_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    fs::remove_dir(&drop).unwrap();
    let environment = config::Environment::default();
    let mistakes = config::from_file(&config, &environment).unwrap_err();
    let mistakes = mistakes.to_string();
    assert!(mistakes.contains("orgs[0].files.directory"), "{mistakes}");
    assert!(mistakes.contains("create it"), "{mistakes}");
}

const TABLE: &str = "\"User\",\"Object\"\n\"Ann\",\"Contact\"\n\"Ann\",\"Event\"\n\"Bob\",\"Event\"\n\n\n\"Sync errors\"\n\"Acme, Inc.\"\n";

#[test]
fn an_exported_error_report_becomes_the_figures_that_one_that_is_asked_for_has() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let key = "directory: acme, report: { object_column: Object, user_column: User }";
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("directory: acme", key)).unwrap();
    let daemon = Daemon::start(&config);
    fs::write(drop.join("errors.Report.csv"), TABLE).unwrap();
    let series = |what: &str, kind: &str| {
        format!("lightning_sync_salesforce_report_{what}{{kind=\"{kind}\",org=\"acme\"}}")
    };
    wait_for(&daemon, &series("failed_records", "events"), 2.0);
    wait_for(&daemon, &series("failing_users", "events"), 2.0);
    wait_for(&daemon, &series("failing_users", "contacts"), 1.0);
    wait_for(&daemon, &series("failed_records", "other"), 0.0);
    let truncated = "lightning_sync_salesforce_report_truncated{";
    assert_eq!(sample(&daemon, truncated), None, "a file does not tell");
    // Another one takes the place of the first; what is none leaves it as it is.
    fs::write(drop.join("later.report.csv"), "User,Object\nBob,Event\n").unwrap();
    wait_for(&daemon, &series("failed_records", "events"), 1.0);
    wait_for(&daemon, &series("failed_records", "contacts"), 0.0);
    fs::write(drop.join("wrong.report.csv"), "Owner,Object\nBob,Event\n").unwrap();
    let beside = drop.join("rejected/wrong.report.csv.reason.txt");
    let reason =
        wait_until("it is refused", Duration::from_secs(60), || fs::read_to_string(&beside).ok());
    assert!(reason.contains("report.user_column"), "{reason}");
    assert_eq!(sample(&daemon, &series("failed_records", "events")), Some(1.0));
    assert_eq!(names(&drop.join("done")), ["errors.Report.csv", "later.report.csv"]);
}

#[test]
fn an_exported_error_report_without_columns_is_refused_by_a_reason_that_names_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let daemon = Daemon::start(&config);
    fs::write(drop.join("errors.report.csv"), TABLE).unwrap();
    let rejected = "lightning_sync_exporter_ingest_rejected_total{org=\"acme\",reason=\"media_type_unsupported\"}";
    wait_for(&daemon, rejected, 1.0);
    let beside = drop.join("rejected/errors.report.csv.reason.txt");
    let reason =
        wait_until("the reason", Duration::from_secs(60), || fs::read_to_string(&beside).ok());
    assert!(reason.contains("orgs[].files.report"), "{reason}");
    assert_eq!(sample(&daemon, "lightning_sync_salesforce_report_failed_records"), None);
}

#[test]
fn a_report_is_asked_for_or_exported_but_not_both() {
    let directory = tempfile::tempdir().unwrap();
    let (config, _) = configured(directory.path());
    let secret = directory.path().join("secret");
    fs::write(&secret, "0123456789abcdef").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let columns = "object_column: Object, user_column: User";
    let asked = format!(
        "directory: acme, report: {{ {columns} }} }}, salesforce: {{ my_domain: https://acme.my.salesforce.com, auth: {{ client_credentials: {{ client_id: a, client_secret_file: secret }} }}, report: {{ id: 00O000000000001, {columns} }}"
    );
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("directory: acme", &asked)).unwrap();
    let mistakes = config::from_file(&config, &config::Environment::default()).unwrap_err();
    let says = mistakes.to_string();
    assert!(says.contains("1 mistake"), "{says}");
    assert!(says.contains("orgs[0].files: has a report"), "{says}");
}

#[test]
fn one_person_is_one_user_in_every_spelling_and_too_many_users_are_refused_and_block_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let text = fs::read_to_string(&config).unwrap();
    let more = "max_users: 2, exclude_users: [\"JOSE\u{301}@Corp.example\"], files";
    fs::write(&config, text.replace("files: {", &format!("{more}: {{"))).unwrap();
    let daemon = Daemon::start(&config);
    let snapshot = |minutes, users: &[&str], more: &str| {
        let users = users
            .iter()
            .map(|user| format!("{{\"user\":\"{user}\",\"active_configuration\":true}}"));
        let users = users.collect::<Vec<_>>().join(",");
        let at = at(TimeDelta::minutes(minutes));
        format!("{{\"captured_at\":\"{at}\",\"users\":[{users}]{more}}}")
    };
    let users = || get(daemon.address, "/api/v1/orgs/acme/users").json();
    let push = |body: &str| {
        let headers = [("Content-Type", "application/json")];
        post(daemon.address, "/api/v1/orgs/acme/snapshot", &headers, body.as_bytes())
    };
    assert_eq!(push(&snapshot(9, &["Ann@corp.example", "jos\u{e9}@corp.example"], "")).status, 200);
    let page: String = include_str!("pages/user_pasted.txt")
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(drop.join("ANN@Corp.example - Copy.txt"), page).unwrap();
    wait_until("the page is taken", Duration::from_secs(60), || {
        (names(&drop.join("done")) == ["ANN@Corp.example - Copy.txt"]).then_some(())
    });
    let known = users();
    let known: Vec<_> = (0..3).map(|place| known["users"][place]["user"].clone()).collect();
    assert_eq!(
        known,
        ["ann@corp.example".into(), "jos\u{e9}@corp.example".into(), serde_json::Value::Null]
    );
    assert_eq!(users()["users"][1]["verdict"], "excluded", "{}", users());
    let found = get(daemon.address, "/api/v1/orgs/acme/users?q=JOSE%CC%81@").json();
    assert_eq!(found["users"][0]["user"], "jos\u{e9}@corp.example");
    let page = get(daemon.address, "/orgs/acme/users/ANN@Corp.example");
    assert_eq!(page.status, 200, "{}", page.text());
    let third = snapshot(5, &["cid@corp.example"], ",\"linked_users\":7");
    let refused = push(&third);
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (422, Some("too_many_users")));
    fs::write(drop.join("1-third.json"), third).unwrap();
    fs::write(drop.join("2-good.json"), snapshot(4, &["ANN@corp.example"], ",\"linked_users\":2"))
        .unwrap();
    wait_for(&daemon, LINKED, 2.0);
    let reason = fs::read_to_string(drop.join("rejected/1-third.json.reason.txt")).unwrap();
    assert!(
        reason.starts_with("this organisation would have more users than its max_users (2)"),
        "{reason}"
    );
    wait_for(&daemon, &REJECTED.replace("no_known_label", "too_many_users"), 2.0);
}

#[test]
fn a_flood_of_refused_files_is_counted_and_no_flood_of_lines() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let daemon = Daemon::start(&config);
    for number in 0..400 {
        fs::write(drop.join(format!("{number}.json")), "{").unwrap();
    }
    let malformed =
        "lightning_sync_exporter_ingest_rejected_total{org=\"acme\",reason=\"malformed\"}";
    wait_for(&daemon, malformed, 400.0);
    let log = daemon.process.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("\"malformed\"")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("\"peer\":\"files\"") && lines[0].contains("\"count\":1"), "{log}");
    assert_eq!(names(&drop.join("rejected")).len(), 800, "each has its reason beside it");
}

/// Names as long as Linux takes them are too long for what is put beside a file.
#[test]
fn files_with_the_longest_names_are_taken_and_refused_like_others() {
    let directory = tempfile::tempdir().unwrap();
    let (config, drop) = configured(directory.path());
    let daemon = Daemon::start(&config);
    let long = |letter: &str, ending: &str| {
        format!("{}{ending}", letter.repeat((255 - ending.len()) / letter.len()))
    };
    let good = format!("{{\"captured_at\":\"{}\",\"linked_users\":44}}", at(TimeDelta::zero()));
    fs::write(drop.join(long("a", ".json")), good).unwrap();
    fs::write(drop.join(long("é", ".json")), "{").unwrap();
    fs::write(drop.join(long("한", ".txt")), "nothing known").unwrap();
    wait_for(&daemon, LINKED, 44.0);
    wait_until("all are moved", Duration::from_secs(60), || {
        (names(&drop) == ["done", "rejected"]).then_some(())
    });
    wait_for(&daemon, READABLE, 1.0);
    assert_eq!(names(&drop.join("done")).len(), 1);
    let rejected = names(&drop.join("rejected"));
    assert_eq!(rejected.len(), 4, "{rejected:?}");
    let reasons: Vec<_> = rejected.iter().filter(|name| name.ends_with(".reason.txt")).collect();
    for reason in reasons {
        assert!(
            rejected.iter().any(|name| *reason == format!("{name}.reason.txt")),
            "{rejected:?}"
        );
        assert!(!fs::read_to_string(drop.join("rejected").join(reason)).unwrap().is_empty());
    }
}
