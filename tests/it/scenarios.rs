//! Every story told to the engine, the judgement asked every five minutes, and its answers held against the truth.

use crate::support::memory_store::MemoryStore;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, IdentityKey};
use lightning_sync_exporter::domain::causes::{Cause, Severity};
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::judge::{Finding, judge};
use lightning_sync_exporter::domain::observation::{ActivityBatch, Observation};
use lightning_sync_exporter::domain::policy::{UserNames, UserSeries};
use lightning_sync_exporter::domain::rows::UserRow;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::engine::{Engine, EngineSettings};
use lightning_sync_exporter::events::Events;
use lightning_sync_sim::scenarios::{Pushes, Scenario, Truth, all, demo, exact, named};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// How often the judgement is asked: the stories' times are whole multiples of it.
const EVALUATION: TimeDelta = TimeDelta::minutes(5);

/// What makes two findings the same line.
type Line = (Cause, Severity, Option<ObjectType>, Option<UserRow>);

/// A line that held from one evaluation (included) until another (not included).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    line: Line,
    from: Timestamp,
    until: Timestamp,
}

/// The story as the engine hears it.
pub(crate) struct Telling<'a> {
    scenario: &'a Scenario,
    pub(crate) engine: Engine<MemoryStore>,
    identity: IdentityKey,
}

impl<'a> Telling<'a> {
    pub(crate) fn begin(scenario: &'a Scenario) -> Self {
        let settings = EngineSettings {
            policies: vec![Arc::new(scenario.policy.clone())],
            keep_activity: TimeDelta::days(7),
            keep_history: TimeDelta::days(400),
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        };
        let engine =
            Engine::start(MemoryStore::new(), settings, Events::log_only(), scenario.starts)
                .unwrap();
        let identity = engine.identity();
        Self { scenario, engine, identity }
    }

    pub(crate) fn hear(&mut self, pushes: Pushes, now: Timestamp) {
        let org = &self.scenario.policy.name;
        let mut observations = Vec::new();
        if pushes.feed_speaks {
            let records = pushes
                .records
                .iter()
                .map(|record| ActivityRecord {
                    at: record.at,
                    kind: ActivityKind {
                        object_type: record.object_type,
                        direction: Some(record.direction),
                        outcome: record.outcome,
                    },
                    key: self.identity.of_id(org.as_str(), record.at, &record.id.to_string()),
                })
                .collect();
            observations.push(Observation::Activity(ActivityBatch {
                org: org.clone(),
                received_at: now,
                records,
            }));
        }
        observations.extend(pushes.snapshots.into_iter().map(Observation::Snapshot));
        for receipt in self.engine.observe(observations, now) {
            receipt.unwrap();
        }
    }

    /// The findings at `now`, those left out that another one explains.
    fn findings(&mut self, now: Timestamp, elapsed: TimeDelta) -> Vec<Finding> {
        self.engine.tick(now, elapsed);
        let findings = judge(&self.engine.view(), now);
        let held_back: BTreeSet<Cause> =
            findings.iter().flat_map(|finding| finding.cause.consequences()).copied().collect();
        findings.into_iter().filter(|finding| !held_back.contains(&finding.cause)).collect()
    }
}

/// Tells a story to its end and notes what held when.
fn tell(scenario: &Scenario) -> Vec<Seen> {
    let mut telling = Telling::begin(scenario);
    telling.hear(scenario.history(scenario.starts), scenario.starts);
    let mut open: BTreeMap<Line, Timestamp> = BTreeMap::new();
    let mut seen = Vec::new();
    let mut now = scenario.starts;
    while now < scenario.ends {
        let since = now;
        now = now.plus(EVALUATION);
        telling.hear(scenario.live(now, since), now);
        let lines: BTreeSet<Line> = telling
            .findings(now, EVALUATION)
            .iter()
            .map(|finding| (finding.cause, finding.severity, finding.object_type, finding.check))
            .collect();
        open.retain(|line, from| {
            let holds = lines.contains(line);
            if !holds {
                seen.push(Seen { line: *line, from: *from, until: now });
            }
            holds
        });
        for line in lines {
            open.entry(line).or_insert(now);
        }
    }
    seen.extend(open.into_iter().map(|(line, from)| Seen { line, from, until: Timestamp::MAX }));
    seen.sort_by_key(|seen| (seen.from, seen.line));
    seen
}

/// How what was seen compares with the truth.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    pages_expected: usize,
    pages_seen: usize,
    missed: Vec<String>,
    wrong: Vec<String>,
    /// From the first page that was due to the first that came.
    delay: Option<TimeDelta>,
}

fn compare(scenario: &Scenario, seen: &[Seen]) -> Verdict {
    // One evaluation, and how late the story itself lets anybody notice.
    let within = |a: Timestamp, b: Timestamp| a.since(b).abs() <= EVALUATION.max(scenario.grain());
    let line = |truth: &Truth| (truth.reason, truth.severity, truth.object_type, truth.check);
    let mut left: Vec<Seen> = seen.to_vec();
    let mut verdict = Verdict::default();
    for truth in &scenario.truth {
        let found = left.iter().position(|seen| {
            seen.line == line(truth)
                && within(seen.from, truth.from)
                && within(seen.until, truth.until)
        });
        match found {
            Some(index) => {
                let seen = left.remove(index);
                if truth.severity == Severity::Critical {
                    verdict.delay.get_or_insert(seen.from.since(truth.from));
                }
            }
            None => {
                verdict.missed.push(format!("{:?} {} .. {}", line(truth), truth.from, truth.until))
            }
        }
    }
    verdict.wrong = left
        .iter()
        .map(|seen| format!("{:?} {} .. {}", seen.line, seen.from, seen.until))
        .collect();
    let truths: Vec<Seen> = scenario
        .truth
        .iter()
        .map(|truth| Seen { line: line(truth), from: truth.from, until: truth.until })
        .collect();
    verdict.pages_expected = pages(&truths);
    verdict.pages_seen = pages(seen);
    verdict
}

/// How often somebody is woken: contacts and events of the same cause at the same time are one page.
fn pages(seen: &[Seen]) -> usize {
    let mut spans: BTreeMap<Cause, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for seen in seen.iter().filter(|seen| seen.line.1 == Severity::Critical) {
        spans.entry(seen.line.0).or_default().push((seen.from, seen.until));
    }
    spans
        .into_values()
        .map(|mut spans| {
            spans.sort();
            let mut end = Timestamp::MIN;
            spans
                .into_iter()
                .filter(|(from, until)| {
                    let begins = *from > end;
                    end = end.max(*until);
                    begins
                })
                .count()
        })
        .sum()
}

/// `cargo test --test it every_story -- --nocapture` prints the table.
#[test]
fn every_story_is_judged_as_somebody_who_knows_it_would() {
    let mut table = String::from(
        "story                       pages expected  seen  missed  wrong  first delay\n",
    );
    let mut mistakes = String::new();
    for scenario in exact() {
        let verdict = compare(&scenario, &tell(&scenario));
        let delay = verdict
            .delay
            .map_or_else(|| "-".to_owned(), |delay| format!("{} min", delay.num_minutes()));
        writeln!(
            table,
            "{:<27} {:>14} {:>5} {:>7} {:>6} {:>12}",
            scenario.name,
            verdict.pages_expected,
            verdict.pages_seen,
            verdict.missed.len(),
            verdict.wrong.len(),
            delay
        )
        .unwrap();
        for (kind, lines) in [("missed", &verdict.missed), ("wrong", &verdict.wrong)] {
            for line in lines {
                writeln!(mistakes, "{}: {kind}: {line}", scenario.name).unwrap();
            }
        }
    }
    println!("{table}");
    assert_eq!(mistakes, "");
}

/// Some instant, and twelve hours later: one of them is night in Europe.
const NOWS: [i64; 2] = [1_795_000_000, 1_795_043_200];

#[test]
fn the_demo_shows_one_broken_organisation_whenever_it_is_started() {
    for now in NOWS.map(Timestamp::from_seconds) {
        let mut found = Vec::new();
        for scenario in demo(now) {
            // The daemon of the demo has just been started, and hears the whole past at once.
            let mut telling = Telling::begin(&scenario);
            telling.hear(scenario.history(now), now);
            for finding in telling.findings(now, TimeDelta::zero()) {
                found.push((scenario.name, finding.cause, finding.severity));
            }
        }
        assert_eq!(found, [("globex", Cause::ServiceAccountNotRecognized, Severity::Critical)]);
    }
}

#[test]
fn every_story_has_its_own_name_and_says_what_happens() {
    let stories = all();
    let names: BTreeSet<&str> = stories.iter().map(|story| story.name).collect();
    assert_eq!(names.len(), stories.len());
    for story in &stories {
        assert!(!story.title.is_empty() && story.about.ends_with('.'), "{}", story.name);
        assert_eq!(named(story.name).map(|named| named.about), Some(story.about));
        for breakage in story.breakages() {
            assert!(breakage.since < breakage.until, "{}: {breakage:?}", story.name);
            let by = breakage.page.as_ref().map_or(breakage.since, |(_, by)| *by);
            assert!(breakage.since <= by && by <= breakage.until, "{}: {breakage:?}", story.name);
        }
        for truth in &story.truth {
            assert!(
                truth.reason.severities().contains(&truth.severity),
                "{}: {truth:?}",
                story.name
            );
            assert!(
                story.starts <= truth.from && truth.from < truth.until,
                "{}: {truth:?}",
                story.name
            );
        }
    }
    assert!(named("no_such_story").is_none());
}
