//! Scores: what the shipped rules, and rules that others would write, make of every life.
//!
//! A life is played to the engine every five minutes. Its metrics page at each step is what Prometheus scrapes; promtool
//! evaluates the shipped rules on it at each step. What fires is inhibited as the shipped Alertmanager configuration
//! does it, and held against what was true.

mod alarms;
mod baselines;
mod player;
mod promtool;
pub mod quiet;
mod scores;
mod table;

#[expect(dead_code, reason = "a part of it serves tests alone")]
#[path = "../../tests/it/support/memory_store.rs"]
mod memory_store;

pub use player::{STEP, metrics_of_rules};
pub use scores::{RuleSet, Score};
pub use table::{document, row_of};

use chrono::TimeDelta;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_sim::scenarios::{Scenario, all};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// How long a life may last: longer ones show what comes once in months, which the judgement alone is held against.
const LONGEST: TimeDelta = TimeDelta::days(14);

/// The lives that are scored.
pub fn lives() -> Vec<Scenario> {
    all().into_iter().filter(|life| life.ends.since(life.starts) <= LONGEST).collect()
}

/// Plays a life, and shows each picture that is judged, with its instant.
///
/// # Errors
/// When the engine refuses a part of the life.
pub fn watch(
    life: &Scenario,
    judging: &mut dyn FnMut(&Arc<View>, Timestamp),
) -> anyhow::Result<()> {
    player::play(life, judging).map(|_| ())
}

/// How many lives one promtool evaluates side by side: enough that the work of an evaluation is shared, few enough that
/// there is something to do for every processor.
const BATCH: usize = 24;

/// Everything found out about one life.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The life.
    pub name: &'static str,
    /// By rule set: ours first.
    pub scores: Vec<(RuleSet, Score)>,
}

/// Scores lives with the rules in `rules`, `workers` of promtool at once.
///
/// # Errors
/// When promtool cannot be run, or does not understand what it is given.
pub fn score(lives: &[Scenario], rules: &Path, workers: usize) -> anyhow::Result<Vec<Scored>> {
    let batches: Vec<Vec<usize>> = batches(lives);
    let queue = Mutex::new(batches.into_iter().rev().collect::<Vec<_>>());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            scope.spawn(|| {
                loop {
                    let batch = queue.lock().ok().and_then(|mut queue| queue.pop());
                    let Some(batch) = batch else {
                        return;
                    };
                    let scored = score_batch(lives, &batch, rules);
                    if let Ok(mut results) = results.lock() {
                        results.push(scored);
                    }
                }
            });
        }
    });
    let mut all = Vec::new();
    for scored in results.into_inner().unwrap_or_default() {
        all.extend(scored?);
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, scored)| scored).collect())
}

/// Lives that are evaluated as often and last about as long, together; the longest first.
fn batches(lives: &[Scenario]) -> Vec<Vec<usize>> {
    let every = |index: &usize| lives.get(*index).map(player::evaluated_every);
    let length = |index: &usize| lives.get(*index).map(|life| life.ends.since(life.starts));
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse((every(index), length(index))));
    order
        .chunk_by(|one, other| every(one) == every(other))
        .flat_map(|same| same.chunks(BATCH).map(<[usize]>::to_vec))
        .collect()
}

fn score_batch(
    lives: &[Scenario],
    batch: &[usize],
    rules: &Path,
) -> anyhow::Result<Vec<(usize, Scored)>> {
    let mut played = Vec::new();
    for index in batch {
        if let Some(life) = lives.get(*index) {
            played.push((*index, life, player::play(life, &mut |_, _| ())?));
        }
    }
    let recordings: Vec<_> = played.iter().map(|(_, life, played)| (*life, played)).collect();
    let fired = promtool::evaluate(&recordings, rules)?;
    let scored = played.iter().zip(fired).map(|((index, life, played), fired)| {
        let mut scores = vec![scores::ours(life, &fired, played)];
        scores.extend(scores::baselines(life, played));
        (*index, Scored { name: life.name, scores })
    });
    Ok(scored.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page, its return, and a warning; an exporter that is restarted before every scrape; two of which one is dead.
    const SOME: [&str; 3] =
        ["account_flapping", "exporter_restarts", "stopped_with_one_of_two_dead"];

    /// All lives with `LIGHTNING_SYNC_TEST_LIVES=all`.
    #[test]
    fn what_an_exporter_sends_itself_is_what_the_rules_fire_wherever_it_answers() {
        let every = std::env::var_os("LIGHTNING_SYNC_TEST_LIVES").is_some();
        let mut lives = lives();
        lives.retain(|life| every || SOME.contains(&life.name));
        let rules =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../alerts/lightning-sync.rules.yaml");
        for scored in score(&lives, &rules, 2).unwrap() {
            let shipped = scored.scores.iter().find(|(of, _)| *of == RuleSet::Shipped);
            let (compared, differ) = shipped.unwrap().1.sent;
            println!("{}: {compared} compared, {differ} differ", scored.name);
            assert_eq!(differ, 0, "{scored:#?}");
            // Rules that are evaluated every three hours are evaluated 40 times.
            assert!(compared >= 40, "{}: {compared}", scored.name);
        }
    }
}
