//! The shipped rules, judged by Prometheus' own tools. `promtool` and `amtool` come with the Debian packages
//! `prometheus` and `prometheus-alertmanager`; without them these tests fail.

use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::guidance;
use lightning_sync_exporter::metrics::catalogue;
use lightning_sync_exporter::rules::{Runbooks, groups, next_step, owners};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a tool in the repository; its answer, when it was content.
fn run(tool: &str, args: &[&str]) -> String {
    let output = Command::new(tool)
        .args(args)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{tool} cannot be started: {error}"));
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{tool} {args:?}:\n{answer}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    answer
}

fn test_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("alerts/tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn promtool_finds_nothing_to_object_to_in_the_rules() {
    run(
        "promtool",
        &[
            "check",
            "rules",
            "--lint=all",
            "--lint-fatal",
            "alerts/lightning-sync.rules.yaml",
        ],
    );
}

#[test]
fn the_rules_do_what_their_tests_say() {
    let files = test_files();
    // A promtool of its own for each half: it uses one core.
    let (some, others) = files.split_at(files.len() / 2);
    std::thread::scope(|scope| {
        for files in [some, others] {
            scope.spawn(|| {
                let mut args = vec!["test", "rules"];
                args.extend(files.iter().map(|file| file.to_str().unwrap()));
                run("promtool", &args);
            });
        }
    });
}

#[test]
fn every_alert_has_its_tests() {
    let expected: BTreeSet<String> = Cause::ALL
        .iter()
        .filter_map(|reason| Some(format!("{}.test.yaml", reason.alert()?)))
        .collect();
    let found: BTreeSet<String> = test_files()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_metric_in_a_rule_is_in_the_catalogue() {
    for group in groups() {
        let exprs = group
            .recording
            .iter()
            .map(|rule| (&rule.record, &rule.expr));
        let alerts = group.alerts.iter();
        let names: Vec<(String, String)> = exprs
            .map(|(name, expr)| (name.clone(), expr.clone()))
            .chain(alerts.map(|rule| {
                (
                    rule.alert().to_owned(),
                    format!("{} {}", rule.expr, rule.description),
                )
            }))
            .collect();
        for (rule, text) in names {
            for token in text.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))) {
                if token.starts_with("lightning_sync_") {
                    assert!(catalogue::find(token).is_some(), "{rule} reads {token}");
                }
            }
        }
    }
}

/// What a test of a rule expects of the annotations is checked by promtool word by word; the words that come from
/// guidance are written into the tests by `UPDATE_GENERATED=1`, the descriptions by hand.
#[test]
fn the_tests_expect_the_words_of_guidance() {
    for reason in Cause::ALL {
        let Some(alert) = reason.alert() else {
            continue;
        };
        let path = root().join(format!("alerts/tests/{alert}.test.yaml"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let expected = with_words(&text, *reason, alert);
        if std::env::var_os("UPDATE_GENERATED").is_some() && !text.is_empty() {
            std::fs::write(&path, &expected).unwrap();
        } else {
            assert_eq!(text, expected, "{alert}: run once with UPDATE_GENERATED=1");
        }
    }
}

/// Replaces every block of `exp_annotations` but for its description.
fn with_words(text: &str, reason: Cause, alert: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line.trim() != "exp_annotations:" {
            continue;
        }
        let margin = line.len() - line.trim_start().len();
        let mut description = None;
        while let Some(next) = lines.peek() {
            if next.len() - next.trim_start().len() <= margin {
                break;
            }
            if next.trim_start().starts_with("description:") {
                description = Some((*next).to_owned());
            }
            lines.next();
        }
        let guide = guidance::cause(reason);
        let pad = " ".repeat(margin + 2);
        let steps: String = next_step(guide)
            .lines()
            .map(|step| format!("{pad}  {step}\n"))
            .collect();
        out += format!(
            "{pad}summary: {}\n{}\n{pad}next_step: |-\n{steps}{pad}owner: {}\n{pad}runbook_url: {}\n",
            guide.summary,
            description.unwrap(),
            owners(guide),
            Runbooks::Repository.of(alert)
        )
        .as_str();
    }
    out
}

#[test]
fn the_example_of_prometheus_is_valid() {
    run(
        "promtool",
        // Its rules are where the package puts them; there, the package's test looks for them.
        &[
            "check",
            "config",
            "--syntax-only",
            "deploy/prometheus/prometheus.yml",
        ],
    );
}

#[test]
fn the_example_of_alertmanager_is_valid() {
    run(
        "amtool",
        &["check-config", "deploy/alertmanager/alertmanager.yaml"],
    );
}

#[test]
fn alerts_reach_who_should_be_told() {
    let routed = |labels: &[&str]| {
        let mut args = vec![
            "config",
            "routes",
            "test",
            "--config.file=deploy/alertmanager/alertmanager.yaml",
        ];
        args.extend(labels);
        run("amtool", &args).trim().to_owned()
    };
    for group in groups() {
        for rule in group.alerts {
            let (alert, severity) = (
                format!("alertname={}", rule.alert()),
                format!("severity={}", rule.severity()),
            );
            let expected = match rule.severity() {
                "critical" => "page",
                "warning" => "office-hours",
                "info" => "low",
                _ => "heartbeat",
            };
            assert_eq!(
                routed(&[&alert, &severity, "org=acme"]),
                expected,
                "{alert}"
            );
        }
    }
}
