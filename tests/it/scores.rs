//! What the alerts are worth: some lives with the real rules, and the table in the documents.
//!
//! All lives with `LIGHTNING_SYNC_TEST_LIVES=all`, which takes minutes; the table is then compared as a whole.

use crate::generated::is_current;
use crate::support::stack::repository;
use lightning_sync_score::{RuleSet, document, lives, quiet, row_of, score};
use lightning_sync_sim::scenarios::Scenario;
use std::fs;

/// One of each kind: an account, a probe, a canary, a user, a stop, a feed, an exporter, two at once.
const SOME: [&str; 6] = [
    "account_flapping",
    "certificate_expired",
    "mailbox_moved",
    "counts_only_stopped",
    "exporter_dies_while_it_pages",
    "stopped_with_one_of_two_dead",
];

/// The lives that are tried: all where the variable is set.
pub(crate) fn some() -> Vec<Scenario> {
    let every = std::env::var_os("LIGHTNING_SYNC_TEST_LIVES").is_some();
    lives().into_iter().filter(|life| every || SOME.contains(&life.name)).collect()
}

#[test]
fn the_table_of_scores_is_what_the_rules_make_of_the_lives() {
    let every = std::env::var_os("LIGHTNING_SYNC_TEST_LIVES").is_some();
    let some = some();
    let rules = repository("alerts/lightning-sync.rules.yaml");
    let scored = score(&some, &rules, 2).unwrap();
    if every {
        is_current("docs/truth.md", &document(&some, &scored));
        return;
    }
    let table = fs::read_to_string(repository("docs/truth.md")).unwrap();
    for (life, scored) in some.iter().zip(&scored) {
        let row = row_of(life, scored);
        let (_, shipped) = scored.scores.iter().find(|(of, _)| *of == RuleSet::Shipped).unwrap();
        assert!(table.contains(&row), "run the score with --write: {row}{:#?}", shipped.notes);
    }
    let named = |life: &Scenario| table.contains(&format!("| `{}`: {} |", life.name, life.title));
    let missing: Vec<&str> =
        lives().iter().filter(|life| !named(life)).map(|life| life.name).collect();
    assert_eq!(missing, Vec::<&str>::new(), "not in the table: run the score with --write");
}

#[test]
fn the_early_warning_is_wrong_once_in_a_quarter_at_most_and_finds_a_stop_within_two_hours_of_business()
 {
    let (busy, others) = quiet::random(quiet::ORGS, false);
    assert!(busy.most <= 1 && others.most <= 1, "{busy:?} {others:?}");
    assert!(busy.delays.len() > 10, "{busy:?}");
    assert!(
        busy.delays.iter().all(|delay| delay.is_some_and(|minutes| minutes <= 120)),
        "{busy:?}"
    );
    let table = fs::read_to_string(repository("docs/truth.md")).unwrap();
    let row = quiet::busy_row(&busy);
    assert!(table.contains(&row), "run the score with --quiet: {row}");
}
