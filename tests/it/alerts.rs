//! The shipped rules, judged by Prometheus' own tools. `promtool` and `amtool` come with the Debian packages
//! `prometheus` and `prometheus-alertmanager`; without them these tests fail.

use lightning_sync_exporter::metrics::catalogue;
use lightning_sync_exporter::rules::groups;
use std::path::Path;
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

#[test]
fn promtool_finds_nothing_to_object_to_in_the_rules() {
    run(
        "promtool",
        &["check", "rules", "--lint=all", "--lint-fatal", "alerts/lightning-sync.rules.yaml"],
    );
}

/// The files of tests, by name.
fn tests_of_rules() -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(root().join("alerts/tests"))
        .expect("the repository is there")
        .map(|entry| entry.expect("readable").file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

#[test]
fn every_alert_has_its_tests() {
    let mut expected: Vec<String> = groups()
        .iter()
        .flat_map(|group| &group.alerts)
        .map(|rule| format!("{}.test.yaml", rule.alert()))
        .collect();
    expected.sort();
    expected.dedup();
    let mut found = tests_of_rules();
    // Timelines are about several alerts and the rules that carry them.
    found.retain(|file| !file.starts_with("timelines"));
    assert_eq!(found, expected);
}

/// Without an order promtool takes the groups in one of its own, another at each run, and an alert of the second group
/// reads what the first has recorded.
#[test]
fn every_file_of_tests_says_in_which_order_the_groups_are_evaluated() {
    let names: Vec<&str> = groups().iter().map(|group| group.name).collect();
    let order = format!("\ngroup_eval_order: [{}]\n", names.join(", "));
    let mut without = tests_of_rules();
    without.retain(|file| {
        !std::fs::read_to_string(root().join("alerts/tests").join(file)).unwrap().contains(&order)
    });
    assert_eq!(without, [""; 0]);
}

#[test]
fn the_rules_do_what_their_tests_expect() {
    let files = tests_of_rules();
    // Each file is a process of its own: two at a time, as many as the smallest machine has cores.
    std::thread::scope(|scope| {
        for half in 0..2 {
            let files = files.iter().skip(half).step_by(2);
            scope.spawn(move || {
                for file in files {
                    run("promtool", &["test", "rules", &format!("alerts/tests/{file}")]);
                }
            });
        }
    });
}

/// A sample of what `tests/mutation/rules.py` tries with all of them; see there.
#[test]
fn mutants_of_the_rules_are_noticed_by_their_tests() {
    let answer = run("python3", &["tests/mutation/rules.py", "--every", "80", "--start", "7"]);
    assert!(answer.contains(" mutants, "), "{answer}");
}

/// All of what `tests/mutation/judge.py` tries; see there.
#[test]
fn mutants_of_the_judgement_are_noticed_by_its_tests() {
    let answer = run("python3", &["tests/mutation/judge.py"]);
    assert!(answer.contains(" 0 survive\n"), "{answer}");
}

#[test]
fn every_metric_in_a_rule_is_in_the_catalogue() {
    for group in groups() {
        let exprs = group.recording.iter().map(|rule| (&rule.record, &rule.expr));
        let alerts = group.alerts.iter();
        let names: Vec<(String, String)> = exprs
            .map(|(name, expr)| ((*name).to_owned(), expr.clone()))
            .chain(alerts.map(|rule| {
                (rule.alert().to_owned(), format!("{} {}", rule.expr, rule.description))
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

#[test]
fn the_example_of_prometheus_is_valid() {
    run(
        "promtool",
        // Its rules are where the package puts them; there, the package's test looks for them.
        &["check", "config", "--syntax-only", "deploy/prometheus/prometheus.yml"],
    );
}

#[test]
fn the_example_of_alertmanager_is_valid() {
    run("amtool", &["check-config", "deploy/alertmanager/alertmanager.yaml"]);
}

#[test]
fn alerts_reach_who_should_be_told() {
    let routed = |labels: &[&str]| {
        let mut args =
            vec!["config", "routes", "test", "--config.file=deploy/alertmanager/alertmanager.yaml"];
        args.extend(labels);
        run("amtool", &args).trim().to_owned()
    };
    for group in groups() {
        for rule in group.alerts {
            let alert = format!("alertname={}", rule.alert());
            for severity in rule.severities() {
                let expected = match severity {
                    "critical" => "page",
                    "warning" => "office-hours",
                    "info" => "low",
                    _ => "heartbeat",
                };
                let severity = format!("severity={severity}");
                assert_eq!(routed(&[&alert, &severity, "org=acme"]), expected, "{alert}");
            }
        }
    }
    let unknown = ["alertname=LightningSyncDelayed", "severity=urgent"];
    assert_eq!(routed(&unknown), "office-hours", "it reaches somebody");
}
