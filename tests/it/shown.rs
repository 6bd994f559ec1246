//! What pages, JSON and `check` show of every life is what was judged.
//!
//! Some lives; all with `LIGHTNING_SYNC_TEST_LIVES=all`. A life is looked at when what was judged changes, and every
//! three hours: between these the three say the same of the same findings, with other ages.

use crate::cli::typed;
use crate::scores::some;
use crate::support::http::get;
use crate::web::serving;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::{Cause, Severity};
use lightning_sync_exporter::domain::judge::{Finding, judge};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_score::watch;
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// What a finding is, apart from its age and its words: cause, severity, object type, check, what explains it.
type Found = (String, String, Option<String>, Option<String>, bool);

fn judged(finding: &Finding) -> Found {
    (
        finding.cause.to_string(),
        finding.severity.to_string(),
        finding.object_type.map(|object| object.to_string()),
        finding.check.map(|check| check.check().to_owned()),
        finding.held_back_by.is_some(),
    )
}

fn in_json(finding: &Value) -> Found {
    let text = |key: &str| finding[key].as_str().map(str::to_owned);
    (
        text("reason").unwrap(),
        text("severity").unwrap(),
        text("object_type"),
        text("check"),
        !finding["held_back_by"].as_array().unwrap().is_empty(),
    )
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// What stands between two texts, at each place.
fn between<'a>(page: &'a str, before: &'a str, after: &'a str) -> Vec<&'a str> {
    page.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

/// The code that a plugin has to exit with: a failure, then that nobody looks, then a warning.
fn code(findings: &[Finding], verdict: &str) -> u8 {
    let has = |severity| {
        findings
            .iter()
            .any(|found| found.severity == severity && found.cause != Cause::ObservationsStale)
    };
    let blind = findings.iter().any(|found| found.cause == Cause::ObservationsStale)
        || ["unknown", "held", "waiting"].contains(&verdict);
    match (has(Severity::Critical), blind, has(Severity::Warning)) {
        (true, ..) => 2,
        (_, true, _) => 3,
        (.., true) => 1,
        _ => 0,
    }
}

/// What `Monitoring::Plugin` reads of the performance data in each line: label, value, unit, and the state of the value.
const READER: &str = r#"
use Monitoring::Plugin::Performance;
while (my $line = <STDIN>) {
    my (undef, $figures) = split / \| /, $line, 2;
    my @read = Monitoring::Plugin::Performance->parse_perfstring($figures // "");
    print join(" ", map { join(",", $_->label, $_->value, $_->uom // "", $_->threshold->get_status($_->value)) } @read), "\n";
}"#;

/// Lines of `check` as others' programs read them: no figure is lost, and one past its limit is a failure.
fn read_by_others(lines: &[(u8, String)]) {
    let input = tempfile::NamedTempFile::new().unwrap();
    fs::write(input.path(), lines.iter().map(|(_, line)| line.as_str()).collect::<String>())
        .unwrap();
    let output = Command::new("perl")
        .args(["-e", READER])
        .stdin(File::open(input.path()).unwrap())
        .output()
        .unwrap();
    let read = String::from_utf8(output.stdout).unwrap();
    assert_eq!(read.lines().count(), lines.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut past = 0;
    for ((exit, line), read) in lines.iter().zip(read.lines()) {
        let figures = line.trim_end().split_once(" | ").map_or("", |(_, figures)| figures);
        let written = figures.split_whitespace().map(|figure| {
            let (label, rest) = figure.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let number = value.trim_end_matches('s');
            (label.to_owned(), number.to_owned(), value[number.len()..].to_owned())
        });
        let states: Vec<Vec<&str>> =
            read.split_whitespace().map(|figure| figure.split(',').collect()).collect();
        let taken = states.iter().map(|read| (read[0].into(), read[1].into(), read[2].into()));
        assert_eq!(taken.collect::<Vec<_>>(), written.collect::<Vec<_>>(), "{line}");
        if states.iter().any(|read| read[3] == "2") {
            assert_eq!(*exit, 2, "{line}");
            past += 1;
        }
    }
    assert!(past > 0, "no life has a last sync past its limit");
}

/// Holds everything that is shown of an organisation against what was judged of it; the line of `check` and its exit code.
fn look(address: SocketAddr, org: &str, findings: &[Finding], about: &str) -> (u8, String) {
    let json = get(address, &format!("/api/v1/orgs/{org}")).json();
    let shown = json["findings"].as_array().unwrap().iter().map(in_json).collect();
    assert_eq!(sorted::<Found>(shown), sorted(findings.iter().map(judged).collect()), "{about}");

    let verdict = json["verdict"].as_str().unwrap();
    let url = format!("http://{address}");
    let (exit, line, errors) = typed(&["check", "--org", org, "--url", &url], "");
    assert_eq!((exit, errors.as_str()), (code(findings, verdict), ""), "{about}: {line}");

    let page = get(address, &format!("/orgs/{org}")).text();
    let labels = between(&page, "aria-label=\"Runbook: ", "\"");
    let (held, acting): (Vec<_>, Vec<_>) =
        findings.iter().partition(|found| found.held_back_by.is_some());
    let name = |found: &&Finding| found.cause.alert().unwrap_or(found.cause.name());
    let with_runbook = acting.iter().filter(|found| found.cause.alert().is_some());
    assert_eq!(sorted(labels), sorted(with_runbook.map(name).collect()), "{about}");
    assert_eq!(page.matches("<article class=\"finding ").count(), acting.len(), "{about}");
    assert_eq!(page.matches("Explained by: ").count(), held.len(), "{about}");

    // The same headline at both places, and the level that JSON names.
    let badge = between(&page, "<span class=\"badge ", "</span>")[0];
    assert!(badge.starts_with(&format!("{verdict}\">")), "{about}: {badge}");
    let overview = get(address, "/").text();
    assert!(overview.contains(&format!("<span class=\"badge {badge}</span>")), "{about}: {badge}");
    (exit, line)
}

#[test]
fn pages_json_and_check_show_what_was_judged_of_every_life() {
    let (mut looks, mut lines) = (0, Vec::new());
    for life in some() {
        let shown = Arc::new(Mutex::new((Arc::new(View::empty(life.starts)), life.starts)));
        let site = serving({
            let shown = Arc::clone(&shown);
            move || shown.lock().unwrap().clone()
        });
        let mut last: Option<(Vec<Found>, Timestamp)> = None;
        watch(&life, &mut |view, now| {
            let findings = judge(view, now);
            let found: Vec<Found> = findings.iter().map(judged).collect();
            let same = last.as_ref().is_some_and(|(before, at)| {
                *before == found && now.since(*at) < TimeDelta::hours(3)
            });
            if same {
                return;
            }
            last = Some((found, now));
            looks += 1;
            *shown.lock().unwrap() = (Arc::clone(view), now);
            for org in &view.orgs {
                let org = &org.policy.name;
                let of: Vec<Finding> =
                    findings.iter().filter(|found| found.org == *org).cloned().collect();
                lines.push(look(
                    site.address,
                    org.as_str(),
                    &of,
                    &format!("{} at {now:?}", life.name),
                ));
            }
        })
        .unwrap();
    }
    println!("{looks} looks");
    assert!(looks > 100, "{looks}");
    lines.sort();
    lines.dedup();
    read_by_others(&lines);
}
