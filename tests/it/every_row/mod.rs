//! The mission's table: every row of the article in every state, by every honest way in, as far as the alert and beyond
//! the daemon's death.

mod forms;
mod table;

use crate::support::http::{get, post};
use crate::support::process::Daemon;
use crate::support::stack::Prometheus;
use chrono::TimeDelta;
use forms::{Form, bodies};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::rows::{Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::guidance;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use table::{Case, Comes, cases, comes, series, state};

/// One organisation for each case and form, so that nothing can come of anything else.
struct Told {
    org: String,
    case: Case,
    form: Form,
}

fn configuration(directory: &std::path::Path, told: &[Told]) -> std::path::PathBuf {
    let mut text = format!(
        "store: {{ path: {} }}\nuser_names: plain\norgs:\n",
        directory.join("every-row.db").display()
    );
    for told in told {
        text += &format!(
            "  - {{ name: {}, reps_select_events: true, expected_linked_users: 1, retirement: none }}\n",
            told.org
        );
    }
    let file = directory.join("every-row.yaml");
    fs::write(&file, text).expect("writable");
    file
}

fn push(address: SocketAddr, told: &Told, body: &str, captured_at: Timestamp) {
    let path = format!("/api/v1/orgs/{}/snapshot?captured_at={captured_at}", told.org);
    let media = [("Content-Type", told.form.media_type())];
    let answer = post(address, &path, &media, body.as_bytes());
    assert_eq!(answer.status, 200, "{}: {body}\n{}", told.org, answer.text());
}

/// The samples of a page, without its comments.
fn samples(address: SocketAddr) -> BTreeMap<String, f64> {
    let page = get(address, "/metrics").text();
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// The reasons of the findings that hold for an organisation.
fn findings(samples: &BTreeMap<String, f64>, org: &str) -> BTreeSet<String> {
    let begins = format!("lightning_sync_finding_since_timestamp_seconds{{org=\"{org}\",cause=\"");
    let of_org = samples
        .iter()
        .filter(|(_, since)| **since > 0.0)
        .filter_map(|(series, _)| series.strip_prefix(&begins));
    of_org.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// What the JSON says of the case: its value, and what it shows.
fn in_json(address: SocketAddr, told: &Told) -> (serde_json::Value, String) {
    let (path, rows, id) = match &told.case {
        Case::Org(row, _) | Case::OrgUnknown(row) => {
            (format!("/api/v1/orgs/{}", told.org), "/rows", row.id())
        }
        Case::User(row, _) => {
            (format!("/api/v1/orgs/{}/users", told.org), "/users/0/rows", row.id())
        }
    };
    let body = get(address, &path).json();
    let rows = body.pointer(rows).and_then(|rows| rows.as_array());
    let row = rows.and_then(|rows| rows.iter().find(|row| row["row"] == id));
    let row = row.unwrap_or_else(|| panic!("{path} has no {id}: {body:#}"));
    let known = match &told.case {
        Case::Org(..) => true,
        Case::OrgUnknown(_) => false,
        Case::User(_, value) => *value != Status::Unknown.into(),
    };
    let state = if known { "live" } else { "unknown" };
    assert_eq!(row["state"], state, "{path} {row:#}");
    let unknown = (!known).then_some("unknown");
    let shows = unknown.or(row["shows"].as_str().or(row["value"].as_str()));
    (row["value"].clone(), shows.unwrap_or("number").to_owned())
}

/// Holds everything that is said of every case against the table; gives what has to survive.
fn check(address: SocketAddr, all: &[Told], at: Timestamp) -> Vec<String> {
    let samples = samples(address);
    let (mut said, mut wrong) = (Vec::new(), Vec::new());
    for told in all {
        let (series, value) = series(&told.case, &told.org);
        assert_eq!(samples.get(&series), value.as_ref(), "{series}");
        let expected: BTreeSet<String> = expected(told, at).map(|r| r.to_string()).collect();
        let found = findings(&samples, &told.org);
        if found != expected {
            let case = &told.case;
            wrong.push(format!("{}: {found:?}, not {expected:?}: {case:?}", told.org));
        }
        let (value, shows) = in_json(address, told);
        explained(told, &shows, at);
        said.push(format!("{series} {value}"));
    }
    assert_eq!(wrong, Vec::<String>::new());
    said
}

/// The reasons that the table expects of a case.
fn expected(told: &Told, at: Timestamp) -> impl Iterator<Item = Cause> + use<> {
    let reasons = match comes(&told.case, at) {
        Comes::Alerts(reasons) => reasons,
        Comes::Nothing(why) => {
            assert!(!why.is_empty());
            &[]
        }
    };
    reasons.iter().copied()
}

/// What the JSON shows, asked of `explain`, has guidance's own words for the state that the table tells.
fn explained(told: &Told, shows: &str, at: Timestamp) {
    let (row, state) = state(&told.case, at);
    let guide = guidance::guide_of(row, state)
        .unwrap_or_else(|| panic!("no guidance for {}={}", row.spec().id, state.name()));
    let asked = format!("{}={shows}", row.spec().id);
    let text = guidance::explain(Some(&asked)).unwrap_or_else(|error| panic!("{asked}: {error}"));
    assert!(
        text.contains(&format!("\n{}: {}", state.name(), guide.meaning.marked())),
        "{asked}: {text}"
    );
    if let Some(first) = guide.steps.first() {
        let begins = text.lines().find(|line| line.starts_with("  1. "));
        assert!(begins.is_some_and(|line| line.ends_with(first.text.marked())), "{asked}: {text}");
    }
}

/// A real Prometheus scrapes the daemon and evaluates the shipped rules: in the end those alerts are there that the table
/// expects, and no other.
fn alerted(address: SocketAddr, all: &[Told], at: Timestamp) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let of = |told: &Told| {
        let org = told.org.clone();
        expected(told, at).map(move |reason| {
            let alert = reason.alert().unwrap_or_else(|| panic!("{reason} has no alert"));
            (org.clone(), alert.to_owned())
        })
    };
    let expected: BTreeSet<(String, String)> = all.iter().flat_map(of).collect();
    let prometheus = Prometheus::start(directory.path(), &[("sync", &[address])], None);
    let mut found = BTreeSet::new();
    let deadline = Instant::now() + Duration::from_secs(120);
    while found != expected && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
        let text = |alert: &serde_json::Value, label: &str| {
            alert["metric"][label].as_str().unwrap_or_default().to_owned()
        };
        found = prometheus
            .query("ALERTS{org=~\"case-.*\"}")
            .iter()
            .map(|alert| (text(alert, "org"), text(alert, "alertname")))
            .collect();
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    let wrong: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "missing {missing:?}, wrong {wrong:?}");
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
}

#[test]
fn every_row_in_every_state_comes_in_by_every_way_is_judged_explained_and_survives() {
    // The page shows minutes.
    let at = Timestamp::from_seconds(now().seconds() as i64 / 60 * 60);
    let unknown = UserValue::from(Status::Unknown);
    let mut all = Vec::new();
    for (number, case) in cases(at).into_iter().enumerate() {
        for form in Form::ALL {
            // A page cannot say that nobody knows of a reset: it shows none, or one.
            let page = matches!(form, Form::Text | Form::Html);
            if page && matches!(case, Case::User(UserRow::Reset, value) if value == unknown) {
                continue;
            }
            all.push(Told {
                org: format!("case-{number:02}-{}", form.name()),
                case: case.clone(),
                form,
            });
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = configuration(directory.path(), &all);
    let daemon = Daemon::start(&config);
    for told in &all {
        // Users twice: what has limits has lasted for longer than any of them.
        let long_ago = matches!(told.case, Case::User(..)).then(|| at.minus(TimeDelta::hours(80)));
        for captured_at in long_ago.into_iter().chain([at]) {
            for body in bodies(&told.case, told.form, captured_at) {
                push(daemon.address, told, &body, captured_at);
            }
        }
    }
    let before = check(daemon.address, &all, at);
    alerted(daemon.address, &all, at);
    // Killed, not ended.
    drop(daemon);
    let daemon = Daemon::start(&config);
    assert_eq!(check(daemon.address, &all, at), before);
    println!(
        "{} rows and states, {} ways in: {} told, judged, alerted, explained and kept",
        cases(at).len(),
        Form::ALL.len(),
        all.len()
    );
}
