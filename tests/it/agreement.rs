//! What the daemon judges and what the shipped rules say is the same, at every instant of every story: each story is
//! told to the engine, its scrapes become the input of promtool, and the alerts must be what `judge` found.
//!
//! The exporter answers throughout, so a rule's result depends on one scrape alone; steps of a quarter of an hour, or
//! more in long stories, are as good as shorter ones. What the rules do when it does not answer, and minute by
//! minute at the edges, is in `alerts/tests/`.

use crate::inhibition::Stack;
use crate::scenarios::Telling;
use crate::support::process::wait_until;
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::calendar::Calendar;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::ids::{Direction, ObjectType, Outcome, Source, UserName};
use lightning_sync_exporter::domain::judge::{Finding, judge};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::UserValues;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::rules::groups;
use lightning_sync_sim::scenarios::{Pushes, Scenario, SyncRecord, all, named};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The shortest step: longer than Prometheus looks back, so that every result comes from one scrape.
const SHORTEST: TimeDelta = TimeDelta::minutes(15);
/// How many steps a story may have: promtool evaluates about ten a second.
const STEPS: i32 = 480;

/// The scrapes of a story and what was judged at each.
struct Recording {
    step: TimeDelta,
    series: BTreeMap<String, Vec<Option<f64>>>,
    expected: Vec<BTreeSet<String>>,
}

/// Tells a story and writes down what Prometheus would see of it, and what it should say.
fn record(
    scenario: &Scenario,
    mut pushes: impl FnMut(Timestamp, Timestamp) -> Pushes,
) -> Recording {
    let pages = MetricsPages::new(Arc::new(SelfMetrics::new(&[]).unwrap()));
    let read = metrics_of_rules();
    let mut telling = Telling::begin(scenario);
    let length = scenario.ends.since(scenario.starts);
    let step = SHORTEST
        * (1 + (length - SHORTEST).num_minutes() as i32 / (SHORTEST * STEPS).num_minutes() as i32);
    let mut recording = Recording { step, series: BTreeMap::new(), expected: Vec::new() };
    let (mut since, mut now) = (scenario.starts.minus(step), scenario.starts);
    while now <= scenario.ends {
        telling.hear(pushes(since, now), now);
        telling.engine.tick(now, step);
        let view = Arc::new(telling.engine.view());
        let findings = judge(&view, now);
        let expected = findings.iter().filter_map(alert).collect();
        let text: Vec<u8> = pages.text(view, now, PageFormat::Text).flatten().collect();
        recording.take(std::str::from_utf8(&text).unwrap(), &read);
        recording.expected.push(expected);
        (since, now) = (now, now.plus(step));
    }
    recording
}

/// The alert that a finding should be: all checks of an organisation's users are one.
fn alert(finding: &Finding) -> Option<String> {
    if finding.held_back_by.is_some() {
        return None;
    }
    let mut labels = vec![
        format!("alertname=\"{}\"", finding.cause.alert()?),
        format!("cause=\"{}\"", finding.cause),
        format!("org=\"{}\"", finding.org),
        format!("severity=\"{}\"", finding.severity),
    ];
    if finding.cause != Cause::UsersFailing {
        labels.extend(finding.check.map(|check| format!("check=\"{}\"", check.check())));
        labels.extend(finding.object_type.map(|object| format!("object_type=\"{object}\"")));
    }
    Some(format!("{{{}}}", labels.join(",")))
}

/// The exporter's metrics that any rule reads.
fn metrics_of_rules() -> BTreeSet<String> {
    let groups = groups();
    let recording = groups.iter().flat_map(|group| group.recording.iter().map(|rule| &rule.expr));
    let alerts = groups.iter().flat_map(|group| group.alerts.iter().map(|rule| &rule.expr));
    recording
        .chain(alerts)
        .flat_map(|expr| expr.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))))
        .filter(|token| token.starts_with("lightning_sync_"))
        // These are read together, by a pattern.
        .chain([
            "lightning_sync_finding_since_timestamp_seconds",
            "lightning_sync_exporter_finding_since_timestamp_seconds",
        ])
        .map(str::to_owned)
        .collect()
}

impl Recording {
    fn take(&mut self, page: &str, read: &BTreeSet<String>) {
        let scrape = self.expected.len();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            if !read.contains(name) {
                continue;
            }
            let separator = if labels == "}" { "" } else { "," };
            let series = format!("{name}{{job=\"sync\",instance=\"a\"{separator}{labels}");
            let values = self.series.entry(series).or_default();
            values.resize(scrape, None);
            values.push(Some(value.parse().unwrap()));
        }
    }

    /// promtool begins at 0, and the rules tell 0 from instants by their size: the story begins as much later as lies
    /// between its first instant and the earliest that it speaks of, in whole steps.
    fn first_scrape(&self, starts: Timestamp) -> usize {
        let earliest = self
            .series
            .iter()
            .filter(|(series, _)| is_instant(series))
            .flat_map(|(_, values)| values.iter().flatten())
            .filter(|at| **at > 0.0)
            .fold(starts.seconds(), |earliest, at| earliest.min(*at));
        ((starts.seconds() - earliest) / self.step.num_seconds() as f64).ceil() as usize + 1
    }

    fn test_file(&self, starts: Timestamp) -> String {
        let first = self.first_scrape(starts);
        let zero = starts.minus(self.step * i32::try_from(first).unwrap()).seconds();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/lightning-sync.rules.yaml");
        let mut file = format!(
            "rule_files: ['{}']\nevaluation_interval: {step}m\ngroup_eval_order: [lightning-sync]\ntests:\n  - interval: {step}m\n    input_series:\n",
            rules.display(),
            step = self.step.num_minutes()
        );
        let up = vec![Some(1.0); self.expected.len()];
        let up = ("up{job=\"sync\",instance=\"a\"}".to_owned(), up);
        for (series, values) in self.series.iter().chain([(&up.0, &up.1)]) {
            let offset = if is_instant(series) { zero } else { 0.0 };
            let values: Vec<Option<f64>> = values
                .iter()
                // Of a finding, 0 is no instant.
                .map(|value| value.map(|value| if value == 0.0 { value } else { value - offset }))
                .collect();
            writeln!(
                file,
                "      - series: '{series}'\n        values: '_x{first}{}'",
                in_runs(&values)
            )
            .unwrap();
        }
        file += "    promql_expr_test:\n";
        for (scrape, expected) in self.expected.iter().enumerate() {
            let minutes = (first + scrape) as i64 * self.step.num_minutes();
            writeln!(
                file,
                "      - expr: 'group without (alertstate) (ALERTS{{org!=\"\"}})'\n        eval_time: {minutes}m\n        exp_samples:"
            )
            .unwrap();
            for alert in expected {
                writeln!(file, "          - {{labels: '{alert}', value: 1}}").unwrap();
            }
        }
        file
    }
}

/// Whether a series' values are instants, by the last part of its name.
fn is_instant(series: &str) -> bool {
    series.split('{').next().is_some_and(|name| name.ends_with("_timestamp_seconds"))
}

/// Values as promtool reads them, equal ones together.
fn in_runs(values: &[Option<f64>]) -> String {
    let mut out = String::new();
    let mut rest = values;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|value| *value == first).count();
        match first {
            None => write!(out, " _x{run}").unwrap(),
            Some(value) if *value == f64::INFINITY => {
                out.push_str(&" Inf".repeat(run));
            }
            Some(value) => write!(out, " {value}x{}", run - 1).unwrap(),
        }
        rest = &rest[run..];
    }
    out
}

/// Fails with promtool's words where the alerts are not the findings: it names the instant, both answers, and the story.
fn agree(scenario: &Scenario, recording: &Recording) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("story.test.yaml");
    std::fs::write(&file, recording.test_file(scenario.starts)).unwrap();
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("promtool cannot be started: {error}"));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(60).collect();
    assert!(
        output.status.success(),
        "{}, first scrape {} at {} min of the test (exp: judge, got: rules):\n{}",
        scenario.name,
        scenario.starts,
        recording.first_scrape(scenario.starts) as i64 * recording.step.num_minutes(),
        said.join("\n")
    );
}

/// One of `of` parts of all stories, so that the parts run side by side.
fn stories(part: usize, of: usize) {
    for scenario in all().iter().skip(part).step_by(of) {
        let recording = record(scenario, |since, now| {
            if now == scenario.starts { scenario.history(now) } else { scenario.live(now, since) }
        });
        agree(scenario, &recording);
    }
}

#[test]
fn rules_and_judgement_agree_on_the_first_third_of_the_stories() {
    stories(0, 3);
}

#[test]
fn rules_and_judgement_agree_on_the_second_third_of_the_stories() {
    stories(1, 3);
}

#[test]
fn rules_and_judgement_agree_on_the_last_third_of_the_stories() {
    stories(2, 3);
}

/// The labels of an alert as it is written in a recording.
fn labels(alert: &str) -> BTreeMap<String, String> {
    let pairs = alert.trim_matches(['{', '}']).split(',');
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        })
        .collect()
}

/// Those of alerts that wake somebody.
fn pages(alerts: &BTreeSet<String>) -> BTreeSet<BTreeMap<String, String>> {
    let all = alerts.iter().map(|alert| labels(alert));
    all.filter(|labels| labels["severity"] == "critical").collect()
}

/// What somebody who is woken knows to hold of an organisation after all notifications, and how many of them were news.
fn delivered(stack: &Stack, org: &str) -> (BTreeSet<BTreeMap<String, String>>, usize) {
    let (mut holding, mut news) = (BTreeSet::new(), 0);
    for got in stack.delivered("org", org).iter().filter(|got| got.path == "/page") {
        let before = holding.len();
        let alerts = got.body["alerts"].as_array().unwrap();
        let of = |status: &str| -> Vec<BTreeMap<String, String>> {
            let of = alerts.iter().filter(|alert| alert["status"] == status);
            of.map(|alert| serde_json::from_value(alert["labels"].clone()).unwrap()).collect()
        };
        for ended in of("resolved") {
            holding.remove(&ended);
        }
        let before = before.min(holding.len());
        holding.extend(of("firing"));
        news += usize::from(holding.len() > before);
    }
    (holding, news)
}

/// The rules fire what was judged: that is what the thirds show. Here it is sent to a real Alertmanager, change by change,
/// all stories side by side. Who is woken knows what was judged after each of them, and is woken by nothing else.
#[test]
fn what_is_delivered_is_what_was_judged_in_every_story() {
    let stack = Stack::start();
    let stories: Vec<(Scenario, Vec<BTreeSet<String>>)> = all()
        .into_iter()
        .map(|scenario| {
            let mut changes = record(&scenario, |since, now| {
                if now == scenario.starts {
                    scenario.history(now)
                } else {
                    scenario.live(now, since)
                }
            })
            .expected;
            changes.dedup_by_key(|alerts| pages(alerts));
            (scenario, changes)
        })
        .collect();
    let names: BTreeSet<_> = stories.iter().map(|(story, _)| &story.policy.name).collect();
    assert_eq!(names.len(), stories.len(), "each has an organisation of its own");
    let changes = stories.iter().map(|(_, changes)| changes.len()).max().unwrap();
    let nothing = BTreeSet::new();
    for change in 0..changes {
        let before = change.checked_sub(1);
        let of = |all: &'_ [BTreeSet<String>]| {
            let before = before.and_then(|before| all.get(before)).unwrap_or(&nothing).clone();
            all.get(change).map(|now| (before, now.clone()))
        };
        for (_, all) in &stories {
            let Some((before, alerts)) = of(all) else {
                continue;
            };
            let holding = alerts.iter().map(|alert| json!({ "labels": labels(alert) }));
            let ended = before.difference(&alerts).map(|alert| {
                let at = now().datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
                json!({ "labels": labels(alert), "endsAt": at })
            });
            stack.send(&holding.chain(ended).collect::<Vec<_>>());
        }
        for (story, all) in &stories {
            let Some((_, alerts)) = of(all) else {
                continue;
            };
            let org = story.policy.name.as_str();
            wait_until(&format!("{org}: {:?}", pages(&alerts)), Duration::from_secs(60), || {
                (delivered(&stack, org).0 == pages(&alerts)).then_some(())
            });
        }
    }
    stack.pass(2);
    for (story, all) in &stories {
        let org = story.policy.name.as_str();
        let mut woken = 0;
        let mut before = BTreeSet::new();
        for alerts in all.iter().map(pages) {
            woken += usize::from(!alerts.is_subset(&before));
            before = alerts;
        }
        assert_eq!(delivered(&stack, org).1, woken, "{org}");
        assert_eq!(delivered(&stack, org).0, before, "{org}");
    }
    println!("{} stories, {changes} changes at most", stories.len());
}

/// A story of our own: around the clock, and told by the test.
fn plain(name: &'static str, hours: i64) -> Scenario {
    let mut scenario = named("healthy").unwrap();
    scenario.name = name;
    scenario.policy.calendar = Calendar::Always;
    scenario.ends = scenario.starts.plus(TimeDelta::hours(hours));
    scenario
}

fn page(scenario: &Scenario, at: Timestamp, rows: Vec<(OrgRow, OrgValue)>) -> Snapshot {
    Snapshot {
        org: scenario.policy.name.clone(),
        source: Source::Snapshot,
        captured_at: at,
        rows,
        users: Vec::<(_, UserValues)>::new(),
        users_complete: false,
    }
}

#[test]
fn they_agree_on_a_page_that_was_fresh_when_read_then_held_then_read_with_a_past_date_and_held_again()
 {
    let mut scenario = plain("held", 150);
    scenario.policy.expected_every[Source::Snapshot] = Some(TimeDelta::hours(4));
    let starts = scenario.starts;
    let last = starts.minus(TimeDelta::hours(20));
    let recording = record(&scenario, |_, now| {
        let read = [0, 70, 120].map(|hours| starts.plus(TimeDelta::hours(hours)));
        let snapshots = if read.contains(&now) {
            ObjectType::ALL
                .iter()
                .map(|object| (OrgRow::LastSync(*object), OrgValue::Instant(last)))
                .collect::<Vec<_>>()
        } else {
            Vec::new()
        };
        Pushes {
            snapshots: if snapshots.is_empty() {
                Vec::new()
            } else {
                vec![page(&scenario, now, snapshots)]
            },
            ..Pushes::default()
        }
    });
    agree(&scenario, &recording);
    let any = |alert: &str| {
        recording.expected.iter().any(|all| all.iter().any(|one| one.contains(alert)))
    };
    assert!(any("LightningSyncNoSyncIn24Hours") && any("LightningSyncObservationsStale"));
}

#[test]
fn they_agree_that_pages_of_users_confirm_nothing_of_the_organisation() {
    let mut scenario = plain("users_only", 60);
    scenario.policy.expected_every[Source::Snapshot] = Some(TimeDelta::hours(4));
    let starts = scenario.starts;
    let recording = record(&scenario, |_, now| {
        let rows = if now == starts {
            ObjectType::ALL
                .iter()
                .map(|object| {
                    let at = starts.minus(TimeDelta::minutes(2));
                    (OrgRow::LastSync(*object), OrgValue::Instant(at))
                })
                .collect()
        } else {
            Vec::new()
        };
        // Somebody pastes a page of one user every now and then.
        let users = (now.since(starts).num_hours() % 3 == 0).then(|| {
            let name = UserName::new("ann@corp.example").unwrap();
            let linked = vec![(UserRow::ContactsLinked, Status::Yes.into())];
            (name, linked)
        });
        let mut snapshot = page(&scenario, now, rows);
        snapshot.users.extend(users);
        Pushes { snapshots: vec![snapshot], ..Pushes::default() }
    });
    agree(&scenario, &recording);
    let told = |hours: i64, alert: &str| {
        let step = hours * 60 / recording.step.num_minutes();
        recording.expected[step as usize].iter().any(|one| one.contains(alert))
    };
    assert!(!told(6, "LightningSyncObservationsStale"));
    assert!(told(10, "LightningSyncObservationsStale"));
    assert!(!told(50, "LightningSyncNoSyncIn24Hours"), "nobody has looked");
}

#[test]
fn they_agree_on_zeros_of_a_feed_that_is_young_and_of_a_page_beside_it() {
    let scenario = plain("young_feed", 60);
    let starts = scenario.starts;
    let recording = record(&scenario, |since, now| {
        let first = starts.plus(TimeDelta::hours(2));
        let begun = since < first && first <= now;
        let records = if begun {
            vec![SyncRecord {
                at: first,
                object_type: ObjectType::Contacts,
                direction: Direction::ToExchange,
                outcome: Outcome::Synced,
                user: UserName::new("ann@corp.example").unwrap(),
                id: 1,
            }]
        } else {
            Vec::new()
        };
        // The page counts nothing at all, and was read an hour after the beginning and a day later.
        let read = [1, 26].map(|hours| starts.plus(TimeDelta::hours(hours)));
        let zeros: Vec<(OrgRow, OrgValue)> = ObjectType::ALL
            .iter()
            .flat_map(|object| [OrgRow::Synced60m(*object), OrgRow::Synced24h(*object)])
            .map(|row| (row, OrgValue::Count(0)))
            .collect();
        Pushes {
            feed_speaks: begun,
            records,
            snapshots: if read.contains(&now) {
                vec![page(&scenario, now, zeros)]
            } else {
                Vec::new()
            },
        }
    });
    agree(&scenario, &recording);
    let severities: BTreeSet<&str> = recording
        .expected
        .iter()
        .flatten()
        .filter(|alert| alert.contains("NothingIn24Hours"))
        .filter_map(|alert| alert.split("severity=\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(severities, BTreeSet::from(["critical", "warning"]));
}

#[test]
fn they_agree_on_a_service_account_that_is_refuted_by_a_sync_and_then_lost_for_good() {
    let scenario = plain("account", 40);
    let starts = scenario.starts;
    let recording = record(&scenario, |_, now| {
        let minute = now.since(starts).num_minutes();
        let flags = |provided: bool, recognized: bool| {
            let name = provided.then(|| Arc::from("svc-sfsync@corp.example"));
            vec![
                (OrgRow::ServiceAccountProvided, OrgValue::Account(name)),
                (OrgRow::ServiceAccountRecognized, OrgValue::Flag(recognized)),
                (OrgRow::LinkedUsers, OrgValue::Count(if recognized { 40 } else { 0 })),
                (OrgRow::OutlookIntegration, OrgValue::Flag(recognized)),
            ]
        };
        let mut snapshots = Vec::new();
        let rows = match minute {
            0 => Some(flags(true, true)),
            180 => Some(flags(true, false)),
            360 => Some(flags(false, false)),
            1200 => Some(flags(true, true)),
            1500 => Some(flags(false, false)),
            _ => None,
        };
        snapshots.extend(rows.map(|rows| page(&scenario, now, rows)));
        // A sync after the second reading, by a feed that speaks on.
        let synced = [60, 540].contains(&minute);
        Pushes {
            feed_speaks: synced,
            records: synced
                .then(|| SyncRecord {
                    at: now.minus(TimeDelta::minutes(1)),
                    object_type: ObjectType::Events,
                    direction: Direction::ToExchange,
                    outcome: Outcome::Synced,
                    user: lightning_sync_exporter::domain::ids::UserName::new("ann@corp.example")
                        .unwrap(),
                    id: minute as u64,
                })
                .into_iter()
                .collect(),
            snapshots,
        }
    });
    agree(&scenario, &recording);
    for alert in ["ServiceAccountMissing", "ServiceAccountNotRecognized", "NoLinkedUsers"] {
        assert!(recording.expected.iter().flatten().any(|found| found.contains(alert)), "{alert}");
    }
}

/// A page as it is when everything that can be wrong with an organisation is, and has been read every hour for five days:
/// with a root cause, or with a service account that works and syncs that are just in time.
fn worst(name: &'static str, root_cause: bool) -> (String, BTreeSet<String>) {
    let mut scenario = plain(name, 120);
    let starts = scenario.starts;
    scenario.policy.reps_select_events = true;
    scenario.policy.expected_linked_users = Some(40);
    scenario.policy.retirement = Some(scenario.ends.plus(TimeDelta::days(20)));
    let mut telling = Telling::begin(&scenario);
    let mut now = starts;
    while now < scenario.ends {
        let last = if root_cause {
            starts.minus(TimeDelta::days(2))
        } else {
            now.minus(TimeDelta::hours(20))
        };
        let mut rows = vec![
            (
                OrgRow::ServiceAccountProvided,
                OrgValue::Account(Some(Arc::from("svc-sfsync@corp.example"))),
            ),
            (OrgRow::ServiceAccountRecognized, OrgValue::Flag(!root_cause)),
            (OrgRow::LinkedUsers, OrgValue::Count(if root_cause { 0 } else { 30 })),
            (OrgRow::OutlookIntegration, OrgValue::Flag(false)),
        ];
        for object in ObjectType::ALL.iter().copied() {
            rows.push((OrgRow::LastSync(object), OrgValue::Instant(last)));
            rows.push((OrgRow::Synced60m(object), OrgValue::Count(0)));
            rows.push((OrgRow::Synced24h(object), OrgValue::Count(0)));
        }
        let mut snapshot = page(&scenario, now, rows);
        // Everybody fails one check, waits for a reset, or for the end of a first sync.
        let usual =
            |row: UserRow| if row.is_direction() { Status::InSync } else { row.statuses()[0] };
        for (number, odd) in UserRow::checks().enumerate() {
            let status = if odd == UserRow::Reset {
                Status::ResetInProgress
            } else if odd.is_direction() {
                Status::InitialSyncInProgress
            } else {
                Status::No
            };
            let of = |row| if row == odd { status } else { usual(row) };
            let name = UserName::new(&format!("user{number}@corp.example")).unwrap();
            snapshot
                .users
                .push((name, UserRow::checks().map(|row| (row, of(row).into())).collect()));
        }
        telling.hear(Pushes { snapshots: vec![snapshot], ..Pushes::default() }, now);
        now = now.plus(TimeDelta::hours(1));
        telling.engine.tick(now, TimeDelta::hours(1));
    }
    let view = Arc::new(telling.engine.view());
    let alerts = judge(&view, now).iter().filter_map(alert).collect();
    let pages = MetricsPages::new(Arc::new(SelfMetrics::new(&[]).unwrap()));
    let text: Vec<u8> = pages.text(view, now, PageFormat::Text).flatten().collect();
    let text = String::from_utf8(text).unwrap();
    let about = |line: &&str| {
        ["{org=\"healthy", "lightning_sync_exporter_view_timestamp"]
            .iter()
            .any(|part| line.contains(part))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter(about);
    (lines.map(|line| format!("{line}\n")).collect(), alerts)
}

/// What `tests/measure/rules.py` multiplies, to measure what the rules cost.
#[test]
fn the_pages_of_the_measurement_are_what_the_daemon_reports_of_the_worst_organisations() {
    for (name, root_cause, expected) in [("broken", true, 4), ("failing", false, 13)] {
        let (page, alerts) = worst(name, root_cause);
        assert_eq!(alerts.len(), expected, "{name}: {alerts:#?}");
        crate::generated::is_current(&format!("tests/measure/{name}.prom"), &page);
    }
}
