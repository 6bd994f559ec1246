//! The shipped rules, evaluated by promtool over many lives at once: each is an exporter of its own, and all begin together.

use crate::alarms::LabelSet;
use crate::player::{LEAD, Recording, STEP, evaluated_every, steps_each};
use anyhow::{Context, bail};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_sim::scenarios::Scenario;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What fires, and what fires or is about to, at each evaluation.
#[derive(Debug, Default)]
pub(crate) struct Fired {
    pub(crate) firing: Vec<BTreeSet<LabelSet>>,
    pub(crate) holding: Vec<BTreeSet<LabelSet>>,
}

/// Evaluates the rules over lives that are evaluated equally often.
pub(crate) fn evaluate(
    lives: &[(&Scenario, &Recording)],
    rules: &Path,
) -> anyhow::Result<Vec<Fired>> {
    let every = lives.first().map_or(STEP, |(life, _)| evaluated_every(life));
    let per_evaluation = lives.first().map_or(1, |(life, _)| steps_each(life));
    let steps = lives.iter().map(|(_, played)| played.steps).max().unwrap_or_default();
    // The first evaluation that sees the first scrape.
    let first = LEAD.div_ceil(per_evaluation);
    let last = (LEAD + steps).div_ceil(per_evaluation);
    let mut file = format!(
        "rule_files: ['{}']\nevaluation_interval: {}m\ngroup_eval_order: [lightning-sync, lightning-sync-slow]\ntests:\n  - interval: {}m\n    input_series:\n",
        std::path::absolute(rules)?.display(),
        every.num_minutes(),
        STEP.num_minutes()
    );
    for (life, played) in lives {
        for (series, values) in &played.series {
            let zero = is_instant(series)
                .then(|| life.starts.minus(STEP * i32::try_from(LEAD).unwrap_or(0)));
            writeln!(
                file,
                "      - series: '{series}'\n        values: '_x{LEAD}{}'",
                in_runs(values, zero, steps)
            )?;
        }
    }
    file += "    promql_expr_test:\n";
    for evaluation in first..last {
        let minutes = every.num_minutes() * i64::try_from(evaluation)?;
        writeln!(file, "      - {{ expr: 'ALERTS', eval_time: {minutes}m }}")?;
    }
    let directory = std::env::temp_dir();
    let path = directory.join(format!(
        "lightning-sync-score-{}-{:?}.yaml",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&path, file)?;
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .context("promtool cannot be started")?;
    std::fs::remove_file(&path)?;
    let text =
        [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
    read(lives, &text.concat(), first..last, per_evaluation)
}

/// Whether a series' values are instants, by the last part of its name.
fn is_instant(series: &str) -> bool {
    let name = series.split('{').next().unwrap_or_default();
    name.ends_with("_timestamp_seconds") || name == "process_start_time_seconds"
}

/// Values as promtool reads them, equal ones together. What is gone is marked as Prometheus marks it.
fn in_runs(values: &[Option<f64>], zero: Option<Timestamp>, steps: usize) -> String {
    // Of a finding, 0 is no instant; what lies before promtool's time is long ago.
    let shift = |value: f64| match zero {
        Some(zero) if value != 0.0 => (value - zero.seconds()).max(1.0),
        _ => value,
    };
    let mut values = values.to_vec();
    if values.len() < steps {
        values.push(None);
    }
    let mut out = String::new();
    let mut rest = values.as_slice();
    let mut was_there = false;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|value| *value == first).count();
        // Writing to a text cannot fail.
        match first {
            None if was_there && run > 1 => write!(out, " stale _x{}", run - 1).ok(),
            None if was_there => write!(out, " stale").ok(),
            None => write!(out, " _x{run}").ok(),
            Some(value) if value.is_infinite() => write!(out, "{}", " Inf".repeat(run)).ok(),
            Some(value) => write!(out, " {}x{}", shift(*value), run - 1).ok(),
        };
        was_there = first.is_some();
        rest = rest.get(run..).unwrap_or_default();
    }
    out
}

/// Sorts what promtool got into lives. It prints what it got where it is not what was expected, and nothing was: the
/// watchdog is always among it.
fn read(
    lives: &[(&Scenario, &Recording)],
    text: &str,
    evaluations: std::ops::Range<usize>,
    per_evaluation: usize,
) -> anyhow::Result<Vec<Fired>> {
    let mut owner: HashMap<String, usize> = HashMap::new();
    for (number, (life, _)) in lives.iter().enumerate() {
        for name in [life.name.to_owned(), format!("{}-2", life.name)] {
            owner.insert(name, number);
        }
        let beside = life.watching.beside.then(|| life.beside().policy.name);
        for org in [Some(life.policy.name.clone()), beside].into_iter().flatten() {
            owner.insert(org.to_string(), number);
        }
    }
    let got: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("got:")).collect();
    if got.len() != evaluations.len() {
        bail!(
            "promtool answers {} of {} evaluations: {}",
            got.len(),
            evaluations.len(),
            text.chars().take(2000).collect::<String>()
        );
    }
    let mut fired: Vec<Fired> = lives.iter().map(|_| Fired::default()).collect();
    for (evaluation, got) in evaluations.zip(got) {
        let step = (evaluation * per_evaluation).saturating_sub(LEAD);
        let lasts: Vec<bool> = lives.iter().map(|(_, played)| step < played.steps).collect();
        for (fired, _) in fired.iter_mut().zip(&lasts).filter(|(_, lasts)| **lasts) {
            fired.firing.push(BTreeSet::new());
            fired.holding.push(BTreeSet::new());
        }
        for alert in got.split("{").skip(1).filter_map(|alert| alert.split('}').next()) {
            let pairs = alert.split(", ").filter_map(|pair| pair.split_once('='));
            let pairs = pairs.map(|(name, value)| (name, value.trim_matches('"').to_owned()));
            let labels = LabelSet::of(pairs.filter(|(name, _)| *name != "__name__"));
            let of = [labels.get("org"), labels.get("instance")];
            let of = of.iter().find_map(|name| owner.get(*name)).copied();
            let Some(number) = of.filter(|number| lasts.get(*number) == Some(&true)) else {
                continue;
            };
            let Some(fired) = fired.get_mut(number) else {
                continue;
            };
            let firing = labels.get("alertstate") == "firing";
            let labels = labels.without("alertstate");
            if let Some(last) = fired.firing.last_mut().filter(|_| firing) {
                last.insert(labels.clone());
            }
            if let Some(last) = fired.holding.last_mut() {
                last.insert(labels);
            }
        }
    }
    Ok(fired)
}
