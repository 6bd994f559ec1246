//! The past played again: lives whose end is known, as files and as a store; what is printed, and what promtool takes.

use crate::cli::typed;
use crate::generated::is_current;
use crate::scenarios::Telling;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, IdentityKey};
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::judge::{judge, judge_org};
use lightning_sync_exporter::domain::observation::{ActivityBatch, Observation};
use lightning_sync_exporter::domain::policy::{UserNames, UserSeries};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::engine::{Engine, EngineSettings};
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::replay::{Past, Period, Replay, play};
use lightning_sync_exporter::store::{OpenOptions, SqliteStore};
use lightning_sync_sim::scenarios::{Pushes, Scenario, named};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn life(name: &str) -> Scenario {
    named(name).unwrap_or_else(|| panic!("no life {name}"))
}

fn records(life: &Scenario) -> Vec<ActivityRecord> {
    let identity = IdentityKey::new([0; 16]);
    let org = life.policy.name.as_str();
    let records = life.history(life.ends).records;
    let record = |record: &lightning_sync_sim::scenarios::SyncRecord| ActivityRecord {
        at: record.at,
        kind: ActivityKind {
            object_type: record.object_type,
            direction: Some(record.direction),
            outcome: record.outcome,
        },
        key: identity.of_id(org, record.at, &record.id.to_string()),
    };
    records.iter().map(record).collect()
}

/// The same as a file, as it is pushed.
fn file(life: &Scenario, directory: &Path) -> String {
    let lines = life.history(life.ends).records.into_iter().map(|record| {
        let line = json!({
            "at": record.at.to_string(),
            "object_type": record.object_type.name(),
            "direction": record.direction.name(),
            "outcome": record.outcome.name(),
            "id": record.id.to_string(),
        });
        format!("{line}\n")
    });
    let path = directory.join("records.ndjson");
    fs::write(&path, lines.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn whole(life: &Scenario) -> Period {
    Period::new(life.starts, life.ends, Period::STEP).unwrap()
}

fn replayed(life: &Scenario) -> Replay {
    let past = Past::of_records(&records(life)).unwrap();
    play(&past, &life.policy, whole(life), &[], |_, _| {})
}

#[test]
fn what_is_played_is_judged_as_it_was_when_it_was_lived() {
    for name in ["contacts_stopped", "stops_before_a_weekend", "three_syncs_a_day_stop"] {
        let life = life(name);
        let past = Past::of_records(&records(&life)).unwrap();
        // Before the first record a silent feed and none look alike.
        let first = past.reach().0;
        let mut played = Vec::new();
        play(&past, &life.policy, whole(&life), &[], |org, now| {
            if now >= first {
                played.push((now, judge_org(org, true, now)));
            }
        });
        let mut telling = Telling::begin(&life);
        let mut since = life.starts.minus(Period::STEP);
        for (now, findings) in &played {
            let records = life.live(*now, since).records;
            let pushes = Pushes { feed_speaks: !records.is_empty(), records, ..Pushes::default() };
            telling.hear(pushes, *now);
            telling.engine.tick(*now, now.since(since.max(life.starts)));
            let lived = judge(&telling.engine.view(), *now);
            assert_eq!(&lived, findings, "{name} at {now}");
            since = *now;
        }
        assert!(played.iter().any(|(_, findings)| !findings.is_empty()), "{name}");
    }
}

#[test]
fn a_stop_pages_once_for_each_object_type_that_stops() {
    for (name, pages) in
        [("healthy", 0), ("contacts_stopped", 1), ("events_stop", 1), ("everything_stops", 2)]
    {
        let replay = replayed(&life(name));
        assert_eq!(replay.pages(), pages, "{name}: {}", replay.text());
    }
}

#[test]
fn what_is_printed_is_what_it_was() {
    for name in ["contacts_stopped", "stops_before_a_weekend", "feed_silent"] {
        let replay = replayed(&life(name));
        is_current(&format!("tests/it/golden/replay/{name}.txt"), &replay.text());
        is_current(&format!("tests/it/golden/replay/{name}.json"), &replay.json().unwrap());
        is_current(&format!("tests/it/golden/replay/{name}.svg"), &replay.svg());
    }
}

#[test]
fn the_picture_is_whole_and_refers_to_nothing() {
    let svg = replayed(&life("contacts_stopped")).svg();
    let mut reader = quick_xml::Reader::from_str(&svg);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    for word in ["href", "url(", "style", "script", "http"] {
        let found = svg.matches(word).count();
        assert_eq!(found, usize::from(word == "http"), "{word}");
    }
}

#[test]
fn a_changed_policy_is_read_as_the_configuration_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = file(&life("contacts_stopped"), directory.path());
    let run = |changes: &[&str]| {
        let mut arguments = vec!["replay", "--file", &file, "--format", "json"];
        for change in changes {
            arguments.extend(["--set", change]);
        }
        let (code, output, errors) = typed(&arguments, "");
        assert_eq!((code, errors.as_str()), (0, ""), "{changes:?}");
        serde_json::from_str::<Value>(&output).unwrap()
    };
    let (as_it_is, changed) = (run(&[]), run(&["fresh_within=12h", "stale_after=13h"]));
    let first = |replay: &Value, cause: &str| {
        let alerts = replay["alerts"].as_array().unwrap().clone();
        alerts.into_iter().find(|alert| alert["cause"] == cause).unwrap_or_default()
    };
    assert!(!first(&as_it_is, "delayed").is_null());
    let cause = Cause::NoSyncIn24Hours.name();
    let from = |replay: &Value| first(replay, cause)["from"].as_str().unwrap_or("~").to_owned();
    assert!(from(&changed) < from(&as_it_is), "{changed:#} {as_it_is:#}");
    assert_eq!(changed["changes"], json!(["fresh_within=12h", "stale_after=13h"]));
}

#[test]
fn promtool_makes_blocks_of_what_is_written_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let life = life("contacts_stopped");
    let file = file(&life, directory.path());
    let (code, output, errors) =
        typed(&["replay", "--file", &file, "--org", "acme", "--format", "openmetrics"], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(output.ends_with("\n# EOF\n"));
    let series = directory.path().join("series.om");
    fs::write(&series, output).unwrap();
    let blocks = directory.path().join("blocks");
    let promtool = |arguments: &[&str]| {
        let ran = Command::new("promtool").args(arguments).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let (series, blocks) = (series.to_str().unwrap(), blocks.to_str().unwrap());
    promtool(&["tsdb", "create-blocks-from", "openmetrics", series, blocks]);
    // Without it promtool takes the directory for none of Prometheus.
    fs::create_dir(Path::new(blocks).join("wal")).unwrap();
    let found = "--match={cause=\"no_sync_in_24_hours\",severity=\"critical\"}";
    let dumped = promtool(&["tsdb", "dump", found, blocks]);
    assert!(dumped.lines().count() > 10, "{dumped}");
    for label in ["job=\"lightning-sync\"", "instance=\"replay\"", "org=\"acme\""] {
        assert!(dumped.contains(label), "{label}");
    }
    // What was written is read again as a past of its own, and alerts the same.
    let of = |file: &str| {
        let arguments = ["replay", "--file", file, "--org", "acme", "--format", "json"];
        let (code, output, errors) = typed(&arguments, "");
        assert_eq!((code, errors.as_str()), (0, ""));
        let replay: Value = serde_json::from_str(&output).unwrap();
        let alerts = replay["alerts"].as_array().unwrap().clone();
        let page = |alert: &Value| (alert["pages"] == true).then(|| alert["alert"].clone());
        alerts.iter().filter_map(page).collect::<Vec<_>>()
    };
    assert_eq!(of(series), of(&file));
}

#[test]
fn the_store_is_played_without_the_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let life = life("contacts_stopped");
    let name = life.policy.name.as_str();
    let database = directory.path().join("lightning-sync.db");
    let settings = EngineSettings {
        policies: vec![Arc::new(life.policy.clone())],
        keep_activity: TimeDelta::days(7),
        keep_history: TimeDelta::days(400),
        user_series: UserSeries::Aggregate,
        user_names: UserNames::Pseudonym,
    };
    let store = SqliteStore::open(&database, OpenOptions::default()).unwrap();
    let mut engine = Engine::start(store, settings, Events::log_only(), life.starts).unwrap();
    let mut now = life.starts;
    let all = records(&life);
    let mut received = Timestamp::MIN;
    while now <= life.ends {
        let new = all.iter().filter(|record| record.at > received && record.at <= now);
        let batch = ActivityBatch {
            org: life.policy.name.clone(),
            received_at: now,
            records: new.copied().collect(),
        };
        engine.observe(vec![Observation::Activity(batch)], now).remove(0).unwrap();
        (received, now) = (now, now.plus(TimeDelta::hours(6)));
    }
    drop(engine);
    let config = directory.path().join("config.yaml");
    fs::write(&config, format!("orgs:\n  - name: {name}\n")).unwrap();
    let period = [life.starts.to_string(), life.ends.to_string()];
    let arguments = ["replay", "--config.file", config.to_str().unwrap(), "--format", "json"];
    let of = |more: &[&str]| {
        let span = ["--since", &period[0], "--until", &period[1]];
        let (code, output, errors) = typed(&[&arguments[..], more, &span].concat(), "");
        assert_eq!((code, errors.as_str()), (0, ""));
        serde_json::from_str::<Value>(&output).unwrap()
    };
    let file = file(&life, directory.path());
    let (stored, played) = (of(&[]), of(&["--file", &file, "--org", name]));
    let paged = |replay: &Value| {
        let alerts = replay["alerts"].as_array().unwrap().clone();
        alerts.into_iter().filter(|alert| alert["pages"] == true).collect::<Vec<_>>()
    };
    let (of_store, of_file) = (paged(&stored), paged(&played));
    assert_eq!((of_store.len(), of_file.len()), (1, 1));
    for key in ["alert", "object_type", "from"] {
        assert_eq!(of_store[0][key], of_file[0][key], "{key}");
    }
    // Of the first records after a gap the store has the hour.
    let lasted = |alert: &Value| alert["seconds"].as_i64().unwrap();
    assert!((lasted(&of_store[0]) - lasted(&of_file[0])).abs() < 3600);
    assert_ne!(stored["not_known"], played["not_known"]);
    let (code, _, errors) = typed(&[&arguments[..], &["--org", "nobody"]].concat(), "");
    assert_eq!((code, errors.as_str()), (2, "lightning-sync-exporter: nobody is not configured\n"));
}

#[test]
fn what_cannot_be_played_is_answered_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let file = path.to_str().unwrap();
    let good = r#"{"at":"2026-11-22T13:55:00Z","object_type":"contacts"}"#;
    let far = r#"{"at":"2261-11-22T13:55:00Z","object_type":"contacts"}"#;
    for (content, more, code, says) in [
        (&b""[..], &[][..], 1, "there is no sample in it that can be judged"),
        (b"\xff\xfe", &[], 1, "no UTF-8 at byte 0"),
        (b"{\"at\":\"\xff\"}", &[], 1, "line 1: is not UTF-8"),
        (far.as_bytes(), &[], 1, "is more than 48 h ahead of our clock"),
        (b"{}\n{", &[], 1, "2 records are wrong; the first: line 1, at: is missing"),
        (b"[", &[], 1, "the array ends within record 1"),
        (
            b"lightning_sync_linked_users{org=\"acme\"} NaN NaN",
            &[],
            1,
            "line 1: a time that cannot be",
        ),
        (good.as_bytes(), &[], 2, "the time that is played ends before it begins"),
        (good.as_bytes(), &["--until", "2100-01-01"], 2, "steps are more than 110000"),
        (
            good.as_bytes(),
            &["--step", "2h", "--until", "2026-11-23"],
            2,
            "a step is from 1s to 1h long",
        ),
        (
            good.as_bytes(),
            &["--set", "fresh_within=NaN"],
            2,
            "fresh_within: found \"NaN\"; allowed: ",
        ),
        (good.as_bytes(), &["--set", "nonsense"], 2, "allowed: a key and its value"),
        (
            good.as_bytes(),
            &["--set", "salesforce.key_file=/etc/shadow"],
            2,
            "salesforce: no key of a policy",
        ),
        (good.as_bytes(), &["--set", "stale_after=5m"], 2, "stale_after"),
        (
            good.as_bytes(),
            &["--format", "openmetrics", "--step", "10m", "--until", "2026-11-23"],
            2,
            "of at most 5m",
        ),
    ] {
        fs::write(&path, content).unwrap();
        let (exit, output, errors) = typed(&[&["replay", "--file", file], more].concat(), "");
        assert_eq!((exit, output.as_str()), (code, ""), "{errors}");
        assert!(errors.contains(says), "{says}: {errors}");
        assert!(errors.lines().count() <= 3, "{errors}");
    }
    let missing = directory.path().join("missing");
    let (exit, _, errors) = typed(&["replay", "--file", missing.to_str().unwrap()], "");
    assert_eq!(exit, 1);
    assert!(errors.contains("No such file"), "{errors}");
}

#[test]
fn records_out_of_order_and_twice_are_the_same_past() {
    let life = life("contacts_stopped");
    let mut all = records(&life);
    let expected = replayed(&life).text();
    all.reverse();
    all.extend(all.clone());
    let past = Past::of_records(&all).unwrap();
    let replay = play(&past, &life.policy, whole(&life), &[], |_, _| {});
    assert_eq!(replay.text(), expected);
}
