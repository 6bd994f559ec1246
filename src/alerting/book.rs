//! How far every alert has got: pending, firing, resolved, forgotten. A change is worked out here, stored elsewhere, and in
//! force only then.

use super::judged::{AlertWord, JudgedAlerts};
use crate::domain::alerts::{AlertChange, AlertId, AlertState};
use crate::domain::causes::Cause;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// For how long an end is sent again: as long as Prometheus does it. An Alertmanager that was away for longer has let the
/// alert end by itself.
const END_SENT_FOR: TimeDelta = TimeDelta::minutes(15);

/// The alerts that are known, by what they are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertBook(BTreeMap<AlertId, AlertState>);

/// An alert that fires, or has ended not long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingAlert {
    /// Which.
    pub id: AlertId,
    /// When it fired.
    pub starts: Timestamp,
    /// When it ended; `None`: it fires.
    pub ended: Option<Timestamp>,
    /// Its facts.
    pub description: Arc<str>,
}

impl AlertBook {
    /// The alerts that were stored.
    pub fn of(stored: Vec<(AlertId, AlertState)>) -> Self {
        Self(stored.into_iter().collect())
    }

    /// What changes at `now` by what was judged. Facts that only read otherwise are taken at once: they are no state.
    pub fn changes(
        &mut self,
        judged: &JudgedAlerts,
        hold: impl Fn(Cause) -> TimeDelta,
        now: Timestamp,
    ) -> Vec<AlertChange> {
        let mut changes = Vec::new();
        for (id, state) in &mut self.0 {
            let next = next(Some(state), judged.word(id), hold(id.subject.cause), now);
            match next {
                Some(next) if !differs(state, &next) => *state = next,
                next => changes.push((id.clone(), next)),
            }
        }
        for id in judged.holding().filter(|id| !self.0.contains_key(id)) {
            let next = next(None, judged.word(id), hold(id.subject.cause), now);
            changes.push((id.clone(), next));
        }
        changes
    }

    /// Takes changes that are stored.
    pub fn apply(&mut self, changes: Vec<AlertChange>) {
        for (id, state) in changes {
            match state {
                Some(state) => drop(self.0.insert(id, state)),
                None => drop(self.0.remove(&id)),
            }
        }
    }

    /// What is to be sent at `now`, news first: who is slow gets those before what is only refreshed.
    pub fn outgoing(&self, now: Timestamp) -> Vec<OutgoingAlert> {
        let sent = self.0.iter().filter_map(|(id, state)| {
            let ended = state.resolved_at;
            let lately = ended.is_none_or(|at| now.since(at) < END_SENT_FOR);
            lately.then_some(OutgoingAlert {
                id: id.clone(),
                starts: state.fired_at?,
                ended,
                description: Arc::clone(&state.description),
            })
        });
        let mut sent: Vec<OutgoingAlert> = sent.collect();
        sent.sort_by_key(|alert| Reverse(alert.ended.unwrap_or(alert.starts)));
        sent
    }
}

/// Whether a state is another to be stored.
fn differs(one: &AlertState, other: &AlertState) -> bool {
    let times = |state: &AlertState| (state.held_since, state.fired_at, state.resolved_at);
    times(one) != times(other)
}

/// The state after a word; `None`: nothing is left to be known.
fn next(
    state: Option<&AlertState>,
    word: AlertWord,
    hold: TimeDelta,
    now: Timestamp,
) -> Option<AlertState> {
    // A clock that went back leaves no time ahead of it: nothing would begin or end before that had come.
    let passed = |at: Option<Timestamp>| at.map(|at| at.min(now));
    let mut next = match state {
        Some(state) => AlertState {
            held_since: passed(state.held_since),
            fired_at: passed(state.fired_at),
            resolved_at: passed(state.resolved_at),
            description: Arc::clone(&state.description),
        },
        None => AlertState {
            held_since: None,
            fired_at: None,
            resolved_at: None,
            description: "".into(),
        },
    };
    let fires = next.fired_at.is_some() && next.resolved_at.is_none();
    match word {
        AlertWord::Holds(description) => {
            next.held_since.get_or_insert(now);
            next.description = description;
        }
        AlertWord::Unknown => {}
        AlertWord::Ended => {
            next.held_since = None;
            if fires {
                next.resolved_at = Some(now);
            }
        }
    }
    match next.held_since {
        Some(since) if !fires && now.since(since) >= hold => {
            (next.fired_at, next.resolved_at) = (Some(now), None);
        }
        None if next.resolved_at.is_none_or(|at| now.since(at) >= END_SENT_FOR) => return None,
        Some(_) | None => {}
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alerts::{OwnFinding, OwnState};
    use crate::domain::view::View;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn at(minutes: i64) -> Timestamp {
        START.plus(TimeDelta::minutes(minutes))
    }

    fn judged(state: OwnState, now: Timestamp) -> JudgedAlerts {
        let own = OwnFinding { org: None, cause: Cause::BackupTooOld, state };
        JudgedAlerts::of(&View::empty(now), &[own], now)
    }

    /// Judges at `now`, and takes what changes after a restart or not; gives what fires and what ended.
    fn round(book: &mut AlertBook, state: OwnState, now: Timestamp) -> Vec<(i64, Option<i64>)> {
        let changes = book.changes(&judged(state, now), |_| TimeDelta::minutes(10), now);
        book.apply(changes);
        // What is stored is all that there is to know.
        *book = AlertBook::of(book.0.clone().into_iter().collect());
        let minutes = |at: Timestamp| at.since(START).num_minutes();
        let sent = book.outgoing(now);
        sent.iter().map(|it| (minutes(it.starts), it.ended.map(minutes))).collect()
    }

    const HOLDS: OwnState = OwnState::Holds(START);

    #[test]
    fn an_alert_is_pending_fires_ends_is_sent_for_a_while_and_forgotten() {
        let mut book = AlertBook::default();
        assert_eq!(round(&mut book, HOLDS, at(0)), []);
        assert_eq!(round(&mut book, HOLDS, at(9)), []);
        for minute in [10, 11, 60] {
            assert_eq!(round(&mut book, HOLDS, at(minute)), [(10, None)]);
        }
        for minute in [61, 62, 75] {
            assert_eq!(round(&mut book, OwnState::Refuted, at(minute)), [(10, Some(61))]);
        }
        assert_eq!(round(&mut book, OwnState::Refuted, at(76)), []);
        assert_eq!(book, AlertBook::default());
    }

    #[test]
    fn a_break_begins_the_wait_anew_and_what_nobody_knows_is_no_break() {
        let mut book = AlertBook::default();
        round(&mut book, HOLDS, at(0));
        round(&mut book, OwnState::Refuted, at(5));
        assert_eq!(book, AlertBook::default());
        round(&mut book, HOLDS, at(6));
        assert_eq!(round(&mut book, OwnState::Unknown, at(12)), []);
        assert_eq!(round(&mut book, OwnState::Unknown, at(16)), [(16, None)]);
        assert_eq!(round(&mut book, OwnState::Unknown, at(600)), [(16, None)]);
        assert_eq!(round(&mut book, OwnState::Refuted, at(601)), [(16, Some(601))]);
    }

    #[test]
    fn an_end_is_sent_on_while_the_same_is_pending_again() {
        let mut book = AlertBook::default();
        round(&mut book, HOLDS, at(0));
        round(&mut book, HOLDS, at(10));
        round(&mut book, OwnState::Refuted, at(20));
        assert_eq!(round(&mut book, HOLDS, at(21)), [(10, Some(20))]);
        assert_eq!(round(&mut book, HOLDS, at(31)), [(31, None)]);
    }

    #[test]
    fn a_clock_that_went_back_neither_ends_an_alert_nor_keeps_one_from_beginning_or_ending() {
        let mut book = AlertBook::default();
        round(&mut book, HOLDS, at(1_000));
        assert_eq!(round(&mut book, HOLDS, at(0)), []);
        assert_eq!(round(&mut book, HOLDS, at(10)), [(10, None)]);
        assert_eq!(round(&mut book, HOLDS, at(-500)), [(-500, None)]);
        assert_eq!(round(&mut book, OwnState::Refuted, at(-499)), [(-500, Some(-499))]);
        assert_eq!(round(&mut book, OwnState::Refuted, at(-600)), [(-600, Some(-600))]);
        assert_eq!(round(&mut book, OwnState::Refuted, at(-585)), []);
    }

    #[test]
    fn a_change_that_is_not_stored_is_worked_out_again() {
        let mut book = AlertBook::default();
        for minute in [0, 10] {
            let changes =
                book.changes(&judged(HOLDS, at(minute)), |_| TimeDelta::zero(), at(minute));
            assert_eq!(changes.len(), 1);
            assert_eq!(book.outgoing(at(minute)), []);
        }
    }
}
