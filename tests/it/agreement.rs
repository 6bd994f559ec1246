//! What the daemon judges and what the shipped rules say is the same, at every instant of every story: the engine takes each
//! story in, its scrapes become the input of promtool, and the alerts must be what `judge` found.
//!
//! The exporter answers throughout, so a rule's result depends on one scrape alone; steps of a quarter of an hour, or
//! more in long stories, are as good as shorter ones. What the rules do when it does not answer, and minute by
//! minute at the edges, is in `alerts/tests/`.

use crate::lives::{PATIENCE, Site, job, targets};
use crate::scenarios::Telling;
use crate::support::http::exposed;
use crate::support::process::wait_until;
use crate::support::receiver::Notification;
use chrono::TimeDelta;
use enum_map::EnumMap;
use lightning_sync_exporter::alerting::{AlertBook, JudgedAlerts, OutgoingAlert};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::alerts::AlertId;
use lightning_sync_exporter::domain::calendar::Calendar;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::exchange_log::{ExchangeCalls, LoggedRefusals, SignInRefusal};
use lightning_sync_exporter::domain::ids::{
    Direction, ObjectType, OrgName, Outcome, Source, UserName,
};
use lightning_sync_exporter::domain::judge::{Finding, judge};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::probe::{ProbeReport, ProbeStep, ProbeTrouble, StepReport};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::source_state::{SourceFacts, SourceState};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::UserValues;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::rules::{ScrapeTarget, alert_of, rule};
use lightning_sync_score::metrics_of_rules;
use lightning_sync_sim::scenarios::{Pushes, Scenario, SyncRecord, exact, named};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

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

/// Plays a story and writes down what Prometheus would see of it, and what it should report.
fn record(
    scenario: &Scenario,
    mut pushes: impl FnMut(Timestamp, Timestamp) -> Pushes,
) -> Recording {
    record_each(scenario, |telling, since, now| telling.hear(pushes(since, now), now))
}

/// The same of what each step does to the engine.
fn record_each(
    scenario: &Scenario,
    mut each: impl FnMut(&mut Telling<'_>, Timestamp, Timestamp),
) -> Recording {
    let pages = MetricsPages::new(Arc::new(SelfMetrics::new(&[]).unwrap()));
    let read = metrics_of_rules();
    let mut telling = Telling::begin(scenario);
    let length = scenario.ends.since(scenario.starts);
    let step = SHORTEST
        * (1 + (length - SHORTEST).num_minutes() as i32 / (SHORTEST * STEPS).num_minutes() as i32);
    let mut recording = Recording { step, series: BTreeMap::new(), expected: Vec::new() };
    let mut sent = Sent::default();
    let (mut since, mut now) = (scenario.starts.minus(step), scenario.starts);
    while now <= scenario.ends {
        each(&mut telling, since, now);
        telling.engine.tick(now, step);
        let view = Arc::new(telling.engine.view());
        let findings = judge(&view, now);
        let expected: BTreeSet<String> = findings.iter().filter_map(alert).collect();
        let before = recording.expected.last();
        sent.agrees(&view, &expected, before.unwrap_or(&BTreeSet::new()), now);
        let text: Vec<u8> = pages.text(view, now, PageFormat::Text).flatten().collect();
        recording.take(std::str::from_utf8(&text).unwrap(), &read);
        recording.expected.push(expected);
        (since, now) = (now, now.plus(step));
    }
    recording
}

/// What the daemon itself sends of a story, restarted at every step.
#[derive(Default)]
struct Sent {
    book: AlertBook,
    firing: BTreeSet<String>,
}

impl Sent {
    /// A step is longer than any alert waits: what fires is what held at this step and the one before.
    fn agrees(
        &mut self,
        view: &View,
        expected: &BTreeSet<String>,
        before: &BTreeSet<String>,
        now: Timestamp,
    ) {
        let judged = JudgedAlerts::of(view, &[], now);
        let hold = |cause| rule(cause).unwrap().hold.unwrap_or_default();
        let changes = self.book.changes(&judged, hold, now);
        self.book.apply(changes);
        let sent = self.book.outgoing(now);
        let of = |wanted: fn(&OutgoingAlert, Timestamp) -> bool| -> BTreeSet<String> {
            let sent = sent.iter().filter(|alert| wanted(alert, now));
            sent.map(|alert| shown(&alert.id)).collect()
        };
        let firing = of(|alert, _| alert.ended.is_none());
        let held: BTreeSet<String> = expected.intersection(before).cloned().collect();
        assert_eq!(firing, held, "at {now}");
        let ended: BTreeSet<String> = self.firing.difference(expected).cloned().collect();
        assert_eq!(of(|alert, now| alert.ended == Some(now)), ended, "at {now}");
        self.firing = firing;
    }
}

/// The alert that a finding should be.
fn alert(finding: &Finding) -> Option<String> {
    Some(shown(&alert_of(finding)?))
}

/// The labels of an alert of an organisation.
fn shown(id: &AlertId) -> String {
    // None of them names an exporter.
    let exporter = ScrapeTarget { job: String::new(), instance: String::new() };
    let labels = rule(id.subject.cause).unwrap().labels(id, &exporter);
    let labels = labels.iter().map(|(name, value)| format!("{name}=\"{value}\""));
    format!("{{{}}}", labels.collect::<Vec<_>>().join(","))
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
            "rule_files: ['{}']\nevaluation_interval: {step}m\ngroup_eval_order: [lightning-sync, lightning-sync-slow]\ntests:\n  - interval: {step}m\n    input_series:\n",
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
    for scenario in exact().iter().skip(part).step_by(of) {
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

/// What somebody who is woken knows to hold of an organisation after all notifications, how many alerts of them were news,
/// and how many notifications had news in them.
fn delivered(site: &Site, org: &str) -> (BTreeSet<BTreeMap<String, String>>, usize, usize) {
    let (mut holding, mut news, mut woken) = (BTreeSet::new(), 0, 0);
    let all = site.receiver.notifications();
    let of_org = |got: &&Notification| got.body["commonLabels"]["org"] == org;
    for got in all.iter().filter(|got| got.path == "/page").filter(of_org) {
        let alerts = got.body["alerts"].as_array().unwrap();
        let of = |status: &str| -> Vec<BTreeMap<String, String>> {
            let of = alerts.iter().filter(|alert| alert["status"] == status);
            of.map(|alert| serde_json::from_value(alert["labels"].clone()).unwrap()).collect()
        };
        for ended in of("resolved") {
            holding.remove(&ended);
        }
        let before = holding.len();
        holding.extend(of("firing"));
        news += holding.len() - before;
        woken += usize::from(holding.len() > before);
    }
    (holding, news, woken)
}

/// A story that is shown to Prometheus: where it stands, and at which of its steps other pages hold than before.
struct Shown {
    scenario: Scenario,
    recording: Recording,
    changes: Vec<usize>,
}

impl Shown {
    fn new(scenario: Scenario, recording: Recording) -> Self {
        let expected = &recording.expected;
        let differs = |at: &usize| *at == 0 || pages(&expected[*at]) != pages(&expected[*at - 1]);
        let changes = (0..expected.len()).filter(differs).collect();
        Self { scenario, recording, changes }
    }

    fn org(&self) -> &str {
        self.scenario.policy.name.as_str()
    }

    /// The pages that hold after so many changes; those of the end go on.
    fn pages(&self, change: usize) -> BTreeSet<BTreeMap<String, String>> {
        let at = self.changes.get(change).or(self.changes.last()).unwrap();
        pages(&self.recording.expected[*at])
    }

    /// The lines of the organisation as a scrape at this moment finds them: the story stands still at a change, and its
    /// instants are moved to now.
    fn lines(&self, change: usize, out: &mut String) {
        let at = *self.changes.get(change).or(self.changes.last()).unwrap();
        let then = self.scenario.starts.plus(self.recording.step * i32::try_from(at).unwrap());
        let ahead = now().since(then).num_seconds() as f64;
        for (series, values) in
            self.recording.series.iter().filter(|(name, _)| name.contains(",org="))
        {
            if let Some(value) = values.get(at).copied().flatten() {
                let moved = is_instant(series) && value != 0.0 && value.is_finite();
                let value = if moved { value + ahead } else { value };
                let value = if value.is_finite() { value.to_string() } else { "+Inf".to_owned() };
                let series = series.replace("job=\"sync\",instance=\"a\",", "");
                writeln!(out, "{series} {value}").unwrap();
            }
        }
    }
}

/// Shows all stories to a Prometheus with the shipped rules and an Alertmanager with the shipped routes, change by change,
/// side by side. After each change, who is woken knows what was judged, and no page that went on was sent anew.
fn deliver(stories: Vec<Shown>) -> Vec<usize> {
    let begun = Instant::now();
    let stories = Arc::new(stories);
    let names: BTreeSet<_> = stories.iter().map(Shown::org).collect();
    assert_eq!(names.len(), stories.len(), "each has an organisation of its own");
    let shown = Arc::new(AtomicUsize::new(0));
    let page = {
        let (stories, shown) = (Arc::clone(&stories), Arc::clone(&shown));
        move || {
            let view = now().seconds();
            let mut out = format!("lightning_sync_exporter_view_timestamp_seconds {view}\n");
            // What a few of very many organisations have is no trouble of all.
            for other in 0..400 {
                writeln!(out, "lightning_sync_org_info{{org=\"other-{other}\"}} 1").unwrap();
            }
            let change = shown.load(Ordering::SeqCst);
            stories.iter().for_each(|story| story.lines(change, &mut out));
            Some(out)
        }
    };
    let target = exposed(page);
    let directory = tempfile::tempdir().unwrap();
    let site = Site::start(directory.path(), &[job("lightning-sync", &targets(&[target], ""))]);
    let changes = stories.iter().map(|story| story.changes.len()).max().unwrap();
    for change in 0..changes {
        shown.store(change, Ordering::SeqCst);
        for story in stories.iter() {
            let (org, expected) = (story.org(), story.pages(change));
            wait_until(&format!("{org}: {expected:?}"), PATIENCE, || {
                (delivered(&site, org).0 == expected).then_some(())
            });
        }
    }
    // Warnings, too, have begun to fire by then; nothing else is sent.
    site.evaluations(20.0);
    let woken = stories.iter().map(|story| {
        let (holding, news, woken) = delivered(&site, story.org());
        let each = (0..story.changes.len()).map(|change| {
            let before = change.checked_sub(1).map_or(BTreeSet::new(), |last| story.pages(last));
            story.pages(change).difference(&before).count()
        });
        assert_eq!(news, each.sum::<usize>(), "{}", story.org());
        assert_eq!(holding, story.pages(changes), "{}", story.org());
        woken
    });
    let woken = woken.collect();
    assert_eq!(site.prometheus.broken_rules(), Vec::<String>::new());
    let took = begun.elapsed().as_secs();
    println!("{} stories, {changes} changes at most, {took} s", stories.len());
    woken
}

/// The rules fire what was judged at every step: that is what the thirds show. Here a real Prometheus evaluates them and a
/// real Alertmanager delivers.
#[test]
fn what_is_delivered_is_what_was_judged_in_every_story() {
    let stories = exact().into_iter().map(|scenario| {
        let recording = record(&scenario, |since, now| {
            if now == scenario.starts { scenario.history(now) } else { scenario.live(now, since) }
        });
        Shown::new(scenario, recording)
    });
    deliver(stories.collect());
}

/// The status page, Exchange's logs and the probe find one after the other, half an hour apart and in every order, that
/// Exchange refuses the account. The first one wakes somebody, and nobody is woken again.
#[test]
fn a_refused_account_is_one_page_whoever_finds_it_first() {
    const SEEN: [Cause; 3] = [
        Cause::ServiceAccountNotRecognized,
        Cause::ExchangeSignInRefused,
        Cause::ExchangeAccountRefused,
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let stories = orders.map(|order| {
        let mut scenario = plain("refused", 4);
        let name = format!("refused-{}", order.map(|place: usize| place.to_string()).join("-"));
        scenario.policy.name = OrgName::new(&name).unwrap();
        scenario.policy.probes_exchange = true;
        scenario.policy.reads_exchange_log = true;
        let starts = scenario.starts;
        let found_at = |seen: usize| {
            let place = order.iter().position(|of| *of == seen).unwrap();
            starts.plus(TimeDelta::minutes(60 + 30 * i64::try_from(place).unwrap()))
        };
        let recording = record_each(&scenario, |telling, _, now| {
            let rows = vec![
                (
                    OrgRow::ServiceAccountProvided,
                    OrgValue::Account(Some(Arc::from("svc-sfsync@corp.example"))),
                ),
                (OrgRow::ServiceAccountRecognized, OrgValue::Flag(now < found_at(0))),
                (OrgRow::LinkedUsers, OrgValue::Count(40)),
            ];
            let snapshots = vec![page(&scenario, now, rows)];
            telling.hear(Pushes { snapshots, ..Pushes::default() }, now);
            let org = &scenario.policy.name;
            let calls = logged(now, (now >= found_at(1)).then(|| found_at(1)));
            let facts =
                SourceFacts { exchange_calls: Some(Arc::new(calls)), ..SourceFacts::default() };
            let state = SourceState { failing: None, facts };
            telling.engine.set_source_state(org, Source::ExchangeLog.name(), Some(state));
            let probe = probed(now, (now >= found_at(2)).then(|| found_at(2)));
            let facts = SourceFacts { probe: Some(Arc::new(probe)), ..SourceFacts::default() };
            let state = SourceState { failing: None, facts };
            telling.engine.set_source_state(org, Source::Exchange.name(), Some(state));
        });
        // All three are found, and the first of them is the page.
        let last = recording.expected.last().unwrap();
        for cause in SEEN {
            assert!(
                last.iter().any(|alert| alert.contains(cause.alert().unwrap())),
                "{cause}: {last:?}"
            );
        }
        let first = SEEN[order[0]].alert().unwrap();
        let holding: Vec<_> = pages(last).into_iter().collect();
        assert_eq!(holding.len(), 1, "{name}: {holding:?}");
        assert_eq!(holding[0]["alertname"], first, "{name}");
        Shown::new(scenario, recording)
    });
    // The last two changes of warnings are shown, too.
    let stories = stories.map(|mut story| {
        let steps = story.recording.expected.len();
        story.changes.extend([steps - 1]);
        story
    });
    assert_eq!(deliver(stories.into()), [1; 6]);
}

/// What Exchange's logs show of an account whose sign-ins are refused since an instant, or that works.
fn logged(read_at: Timestamp, refused: Option<Timestamp>) -> ExchangeCalls {
    ExchangeCalls {
        read_at,
        begun_at: read_at.minus(TimeDelta::days(2)),
        complete_until: Some(read_at),
        no_calls_after: TimeDelta::hours(4),
        last_call: Some(refused.unwrap_or(read_at)),
        last_write: None,
        writes: [0, 0],
        refused: refused.map(|since| LoggedRefusals {
            since,
            latest: read_at,
            reason: SignInRefusal::LockedOut,
        }),
        sees_refusals: true,
        two_writers: Vec::new(),
        two_writers_count: 0,
        mailboxes: BTreeMap::new(),
    }
}

/// What a probe shows whose sign-in is refused since an instant, or works.
fn probed(at: Timestamp, refused: Option<Timestamp>) -> ProbeReport {
    ProbeReport {
        at,
        steps: EnumMap::from_fn(|_| StepReport::SKIPPED),
        certificate_ends: None,
        tls_version: None,
        throttled_until: None,
        suspended_until: None,
        places: EnumMap::default(),
        ews_ends: None,
        mailboxes: 1,
        trouble: refused.map(|since| ProbeTrouble {
            cause: Cause::ExchangeAccountRefused,
            step: ProbeStep::Auth,
            reason: "sign_in_refused",
            advice: "Look.",
            since,
        }),
        decided: true,
    }
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
            states: Vec::new(),
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
            states: Vec::new(),
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
