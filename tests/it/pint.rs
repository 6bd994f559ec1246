//! What pint, a linter of rules, would look for in the shipped rules, check by check as its documentation lists them: a
//! test of our own, or why none is needed. pint itself is not to be had from a registry that this build uses.

use crate::support::stack::repository;
use serde_json::Value;
use std::collections::BTreeSet;

/// What stands for one of pint's checks.
enum Stand {
    /// What it would object to, a line each; none.
    Test(fn(&[Rule]) -> Vec<String>),
    /// Why it needs no test here.
    Reason(&'static str),
}

use Stand::{Reason, Test};

const CHECKS: [(&str, Stand); 38] = [
    ("alerts/absent", Test(absent)),
    ("alerts/annotation", Test(annotation)),
    ("alerts/comparison", Test(comparison)),
    ("alerts/count", Reason("counts alerts in a Prometheus of yours; `replay` does that here")),
    ("alerts/external_labels", Test(external_labels)),
    ("alerts/for", Test(hold)),
    ("alerts/template", Test(template)),
    ("group/interval", Test(interval)),
    ("ignore/file", Reason("reports files that tell pint to pass them over; ours do not")),
    ("labels/conflict", Test(conflict)),
    ("pint/comment", Reason("reads comments for pint; there are none")),
    ("promql/aggregate", Reason("has no rule of its own: it enforces labels that a company names")),
    ("promql/counter", Test(counter)),
    ("promql/features", Test(features)),
    ("promql/fragile", Test(fragile)),
    (
        "promql/impossible",
        Reason("every alert fires in its file of alerts/tests, so every query can answer"),
    ),
    ("promql/nan", Test(division)),
    ("promql/offset", Test(reach)),
    ("promql/performance", Test(recorded_already)),
    ("promql/range_query", Test(reach)),
    ("promql/rate", Test(rate)),
    ("promql/regexp", Test(regexp)),
    ("promql/selector", Reason("has no rule of its own: it enforces labels that a company names")),
    ("promql/series", Reason("every_metric_in_a_rule_is_in_the_catalogue")),
    ("promql/syntax", Reason("promtool_finds_nothing_to_object_to_in_the_rules")),
    (
        "promql/vector_matching",
        Reason("promtool evaluates every rule over many organisations in agreement.rs"),
    ),
    ("query/cost", Reason("docs/performance.md has what the rules cost with 1,000 organisations")),
    ("rule/dependency", Test(dependency)),
    ("rule/duplicate", Test(duplicate)),
    ("rule/for", Test(hold)),
    ("rule/label", Test(label)),
    (
        "rule/link",
        Reason("links lead to the daemon itself; web/pages.rs opens the runbook of every alert"),
    ),
    ("rule/name", Test(name)),
    ("rule/owner", Reason("is a comment for pint; every alert has an annotation `owner`")),
    ("rule/reject", Reason("has no rule of its own: it refuses what a company names")),
    ("rule/report", Reason("has no rule of its own: it reports what a company names")),
    ("rule/topk", Test(fragile)),
    ("yaml/parse", Reason("promtool_finds_nothing_to_object_to_in_the_rules")),
];

/// A rule of the shipped file.
struct Rule {
    name: String,
    is_alert: bool,
    expr: String,
    /// Seconds; `None`: it fires at once.
    hold: Option<u64>,
    /// Seconds between evaluations.
    interval: u64,
    labels: BTreeSet<String>,
    label_values: Vec<String>,
    annotations: Vec<(String, String)>,
}

/// "1m" as seconds.
fn seconds(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let each = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => panic!("{text}"),
    };
    number.parse::<u64>().unwrap() * each
}

fn rules() -> Vec<Rule> {
    let file = std::fs::read(repository("mixin/rules.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let texts = |value: &Value| -> Vec<(String, String)> {
        let entries = value.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    let of = |rule: &Value, interval| {
        let alert = rule["alert"].as_str();
        let labels = texts(&rule["labels"]);
        Rule {
            name: alert.or(rule["record"].as_str()).unwrap().to_owned(),
            is_alert: alert.is_some(),
            expr: rule["expr"].as_str().unwrap().to_owned(),
            hold: rule["for"].as_str().map(seconds),
            interval,
            labels: labels.iter().map(|(name, _)| name.clone()).collect(),
            label_values: labels.into_iter().map(|(_, value)| value).collect(),
            annotations: texts(&rule["annotations"]),
        }
    };
    let groups = file["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| {
        let interval = seconds(group["interval"].as_str().unwrap());
        group["rules"].as_array().unwrap().iter().map(move |rule| (rule, interval))
    });
    rules.map(|(rule, interval)| of(rule, interval)).collect()
}

/// The names of the rules that something is wrong with.
fn wrong(rules: &[Rule], is_wrong: impl Fn(&Rule) -> bool) -> Vec<String> {
    rules.iter().filter(|rule| is_wrong(rule)).map(|rule| rule.name.clone()).collect()
}

/// The alert that fires whatever happens, because its absence is the message.
fn always(rule: &Rule) -> bool {
    rule.name == "LightningSyncWatchdog"
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(from).skip(1).filter_map(move |rest| rest.split(to).next())
}

/// Names of metrics, functions, labels and words.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}

/// What is asked in a rule: its own expression, and what its annotations ask.
fn queries(rule: &Rule) -> impl Iterator<Item = &str> {
    let asked = rule.annotations.iter().flat_map(|(_, text)| {
        let texts = text.split("printf `").skip(1).filter_map(|rest| rest.split_once('`'));
        let is_query =
            |after: &str| after.split("}}").next().is_some_and(|it| it.contains("| query"));
        texts.filter(move |(_, after)| is_query(after)).map(|(query, _)| query)
    });
    std::iter::once(rule.expr.as_str()).chain(asked)
}

fn absent(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        words(&rule.expr).any(|word| word == "absent") && rule.hold.is_none_or(|hold| hold < 120)
    })
}

fn annotation(rules: &[Rule]) -> Vec<String> {
    let wanted = ["description", "next_step", "owner", "page_url", "runbook_url", "summary"];
    wrong(rules, |rule| {
        let names: Vec<&str> = rule.annotations.iter().map(|(name, _)| name.as_str()).collect();
        let empty = rule.annotations.iter().any(|(_, text)| text.trim().is_empty());
        rule.is_alert && (names != wanted || empty)
    })
}

/// A selection by cause needs none: its series is there only while the finding holds, which `> 0` in the recording sees to.
fn comparison(rules: &[Rule]) -> Vec<String> {
    let claimed = rules.iter().find(|rule| rule.name == "org:lightning_sync_finding:claimed");
    assert!(claimed.unwrap().expr.contains("instance:lightning_sync_finding:since > 0"));
    wrong(rules, |rule| {
        let compares = [" > ", " < ", " == ", "absent("].iter().any(|it| rule.expr.contains(it));
        let selects = rule.expr.contains("org:lightning_sync_finding:since{cause=");
        rule.is_alert && !always(rule) && !compares && !selects
    })
}

fn external_labels(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| rule.annotations.iter().any(|(_, text)| text.contains("externalLabels")))
}

fn hold(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        let expected = rule.is_alert && !always(rule);
        rule.hold.is_some() != expected || rule.hold.is_some_and(|hold| hold < 60)
    })
}

/// Values stay out of labels; and what a query is asked for, the query gives.
fn template(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        let has_value = rule.label_values.iter().any(|value| value.contains("{{"));
        // A rate is shown by none.
        let rates = ["rate(", "irate(", "deriv("];
        let texts = rule.annotations.iter();
        let has_rate = texts.clone().any(|(_, text)| rates.iter().any(|rate| text.contains(rate)));
        let reads_lost_label = texts.clone().any(|(_, text)| {
            let asks_by = |label| text.contains(&format!("by ({label})"));
            between(text, ".Labels.", " ").any(|label| !asks_by(label))
        });
        has_value || has_rate || reads_lost_label
    })
}

/// Prometheus looks back five minutes.
fn interval(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| rule.interval > 300)
}

/// A label that a rule sets hides an external label of the same name: none but the one that routes.
fn conflict(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| rule.labels.iter().any(|label| label != "severity"))
}

/// Counters are read for what they grew by. The reasons of refusals are told since the start, and say so.
fn counter(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            let total =
                |word: &&str| word.starts_with("lightning_sync_") && word.ends_with("_total");
            let counters = words(query).filter(total).count();
            let grown: usize =
                ["increase(", "rate("].iter().map(|it| query.matches(it).count()).sum();
            counters > grown && !query.starts_with("sum by (reason)")
        })
    })
}

/// Functions that Prometheus has behind a flag, or that only newer versions or others have.
fn features(rules: &[Rule]) -> Vec<String> {
    const FLAGGED: [&str; 9] = [
        "limitk",
        "limit_ratio",
        "mad_over_time",
        "sort_by_label",
        "sort_by_label_desc",
        "info",
        "double_exponential_smoothing",
        "holt_winters",
        "ts_of_max_over_time",
    ];
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            FLAGGED.iter().any(|function| {
                query.contains(&format!("{function}("))
                    && words(query).any(|word| word == *function)
            })
        })
    })
}

/// No alert is of whichever series happen to be the largest; and what compares two sums waits for whole scrapes.
fn fragile(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        let samples = words(&rule.expr).any(|word| matches!(word, "topk" | "bottomk" | "limitk"));
        let waits = rule.hold.is_some_and(|hold| hold >= 60);
        samples || rule.is_alert && !always(rule) && !waits
    })
}

/// Whatever is divided is divided by a number.
fn division(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            let by_number =
                |rest: &str| rest.trim_start().starts_with(|c: char| ('1'..='9').contains(&c));
            query.replace("%q", "").replace("%f", "").contains('%')
                || query.split(" / ").skip(1).any(|rest| !by_number(rest))
        })
    })
}

/// Nothing is asked of longer ago than Prometheus keeps by default.
fn reach(rules: &[Rule]) -> Vec<String> {
    const KEPT: u64 = 15 * 86_400;
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            let ranges = between(query, "[", "]");
            let offsets = query.split(" offset ").skip(1).filter_map(|rest| words(rest).next());
            ranges.chain(offsets).any(|span| seconds(span) > KEPT)
        })
    })
}

/// What is recorded is read from there.
fn recorded_already(rules: &[Rule]) -> Vec<String> {
    let recorded: Vec<&Rule> = rules.iter().filter(|rule| !rule.is_alert).collect();
    wrong(rules, |rule| {
        recorded.iter().any(|other| other.name != rule.name && rule.expr.contains(&other.expr))
    })
}

/// Four scrapes of a minute or more.
fn rate(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            let calls = query.split("increase(").skip(1).chain(query.split("rate(").skip(1));
            let mut spans = calls.filter_map(|rest| between(rest, "[", "]").next());
            spans.any(|span| seconds(span) < 240)
        })
    })
}

/// What is no pattern is compared; anchors are there already. The job's name is the user's to choose, so that one pattern
/// finds what contains the program's.
fn regexp(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            query.split("=~\"").skip(1).filter_map(|rest| rest.split('"').next()).any(|pattern| {
                !pattern.contains(['*', '+', '|', '?', '(', '['])
                    || pattern.starts_with('^')
                    || pattern.ends_with('$')
                    || pattern.matches(['*', '+']).count() > 1 && pattern != ".*lightning-sync.*"
            })
        })
    })
}

/// What is read as recorded is recorded.
fn dependency(rules: &[Rule]) -> Vec<String> {
    let recorded: BTreeSet<&str> =
        rules.iter().filter(|rule| !rule.is_alert).map(|rule| rule.name.as_str()).collect();
    wrong(rules, |rule| {
        queries(rule).any(|query| {
            let mut read = words(query).filter(|word| word.contains(":lightning_sync"));
            read.any(|word| !recorded.contains(word))
        })
    })
}

fn duplicate(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        rules.iter().filter(|other| other.name == rule.name || other.expr == rule.expr).count() > 1
    })
}

/// Severity comes with the finding, or from the rule.
fn label(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| {
        let of_finding = rule.expr.contains("lightning_sync_finding:since{cause=");
        rule.is_alert && rule.labels.contains("severity") == of_finding
    })
}

/// Alerts by the product, recordings as level, metric and operation.
fn name(rules: &[Rule]) -> Vec<String> {
    wrong(rules, |rule| match rule.is_alert {
        true => !rule.name.starts_with("LightningSync"),
        false => rule.name.split(':').count() != 3,
    })
}

#[test]
fn every_check_of_pint_has_its_test_or_its_reason() {
    let rules = rules();
    assert!(rules.len() > 30, "{}", rules.len());
    let mut objections = Vec::new();
    for (check, stand) in &CHECKS {
        match stand {
            Test(objects) => {
                let found = objects(&rules);
                objections.extend(found.into_iter().map(|rule| format!("{check}: {rule}")));
            }
            Reason(reason) => assert!(!reason.is_empty(), "{check}"),
        }
    }
    assert_eq!(objections, Vec::<String>::new());
    let names: Vec<&str> = CHECKS.iter().map(|(check, _)| *check).collect();
    assert!(names.is_sorted(), "{names:?}");
}

/// A test that objects to nothing is worth nothing unless it can object.
#[test]
fn the_tests_that_stand_for_pint_object_to_what_pint_objects_to() {
    let rule = |expr: &str| Rule {
        name: "Wrong".to_owned(),
        is_alert: true,
        expr: expr.to_owned(),
        hold: Some(60),
        interval: 60,
        labels: BTreeSet::from(["severity".to_owned()]),
        label_values: vec!["critical".to_owned()],
        annotations: Vec::new(),
    };
    let objects = |check: &str, rule: Rule| {
        let mut rules = rules();
        rules.push(rule);
        let stand = CHECKS.iter().find(|(name, _)| *name == check);
        let Some((_, Test(objects))) = stand else { panic!("{check}") };
        let objections = objects(&rules);
        assert_eq!(objections.last().map(String::as_str), Some("Wrong"), "{check}");
    };
    let up = || rule("up == 0");
    objects("alerts/absent", rule("absent(up)"));
    objects("alerts/annotation", up());
    objects("alerts/comparison", rule("up"));
    let with = |text: &str| Rule {
        annotations: vec![("description".to_owned(), text.to_owned())],
        ..up()
    };
    objects("alerts/external_labels", with("{{ $externalLabels.site }}"));
    objects("alerts/for", Rule { hold: None, ..up() });
    objects("alerts/template", Rule { label_values: vec!["{{ $value }}".to_owned()], ..up() });
    objects("alerts/template", with("{{ with query `sum(up)` }}{{ .Labels.instance }}{{ end }}"));
    objects("group/interval", Rule { interval: 600, ..up() });
    objects("labels/conflict", Rule { labels: BTreeSet::from(["org".to_owned()]), ..up() });
    objects("promql/counter", rule("lightning_sync_polls_total > 5"));
    objects("promql/features", rule("limitk(3, up) == 0"));
    objects("promql/fragile", rule("topk(3, up) == 0"));
    objects("promql/nan", rule("sum(up / down) > 1"));
    objects("promql/offset", rule("up offset 30d == 0"));
    objects("promql/range_query", rule("max_over_time(up[30d]) == 0"));
    objects("promql/rate", rule("rate(lightning_sync_polls_total[2m]) > 1"));
    objects("promql/regexp", rule("up{job=~\"sync\"} == 0"));
    objects("promql/regexp", rule("up{job=~\"^sync.*\"} == 0"));
    objects(
        "promql/performance",
        rule("sum(last_over_time(instance:lightning_sync_finding:since[4h]) > 0) > 3"),
    );
    objects("rule/dependency", rule("org:lightning_sync_finding:gone > 0"));
    objects("rule/duplicate", rule("vector(1)"));
    objects("rule/label", Rule { labels: BTreeSet::new(), ..up() });
    objects("rule/name", up());
}
