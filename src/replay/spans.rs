//! From what holds at each step to spans of time.

use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// Something that held from a step (included) until another (not included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldingSpan<K> {
    /// What.
    pub key: K,
    /// The first step.
    pub from: Timestamp,
    /// The first step at which it did not hold any more; `None` where it held to the end.
    pub until: Option<Timestamp>,
}

/// What holds now, and what held before.
#[derive(Debug, Clone)]
pub struct HoldingSpans<K> {
    open: BTreeMap<K, Timestamp>,
    ended: Vec<HoldingSpan<K>>,
}

impl<K> Default for HoldingSpans<K> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), ended: Vec::new() }
    }
}

impl<K: Ord + Clone> HoldingSpans<K> {
    /// Notes all that holds at `now`, which is later than every step before.
    pub fn step(&mut self, now: Timestamp, holding: impl IntoIterator<Item = K>) {
        let mut before = std::mem::take(&mut self.open);
        for key in holding {
            let from = before.remove(&key).unwrap_or(now);
            self.open.insert(key, from);
        }
        let ended = before.into_iter();
        self.ended.extend(ended.map(|(key, from)| HoldingSpan { key, from, until: Some(now) }));
    }

    /// All of them, by their beginnings.
    pub fn finish(self) -> Vec<HoldingSpan<K>> {
        let mut spans = self.ended;
        spans.extend(self.open.into_iter().map(|(key, from)| HoldingSpan {
            key,
            from,
            until: None,
        }));
        spans.sort_by(|one, other| (one.from, &one.key).cmp(&(other.from, &other.key)));
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_again_is_another_span() {
        let mut spans = HoldingSpans::default();
        let at = Timestamp::from_seconds;
        for (second, holding) in [(0, "a"), (5, "ab"), (10, "b"), (15, "ab")] {
            spans.step(at(second), holding.chars());
        }
        let spans: Vec<_> =
            spans.finish().into_iter().map(|span| (span.key, span.from, span.until)).collect();
        assert_eq!(spans, [('a', at(0), Some(at(10))), ('b', at(5), None), ('a', at(15), None)]);
    }
}
