//! Alerts as Prometheus has them, and what Alertmanager lets through.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::{Cause, Scope};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::replay::{HoldingSpan, HoldingSpans};
use lightning_sync_exporter::rules::holds_back;
use std::collections::{BTreeMap, BTreeSet};

/// The labels of an alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LabelSet(BTreeMap<String, String>);

impl LabelSet {
    pub(crate) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// The cause; that of an alert that has no label of it, by its name.
    pub(crate) fn cause(&self) -> Option<Cause> {
        let (cause, alert) = (self.get("cause"), self.get("alertname"));
        let mut all = Cause::ALL.iter().copied();
        all.find(|of| of.name() == cause || (cause.is_empty() && of.alert() == Some(alert)))
    }

    pub(crate) fn pages(&self) -> bool {
        self.get("severity") == "critical"
    }
}

/// What is left of alerts that fire together once the shipped inhibition is applied.
pub(crate) fn let_through(firing: &BTreeSet<LabelSet>) -> BTreeSet<LabelSet> {
    let inhibited = |target: &LabelSet| {
        firing.iter().filter(|source| *source != target).any(|source| {
            let (Some(cause), Some(other)) = (source.cause(), target.cause()) else {
                return false;
            };
            if cause == Cause::ExporterDown && source.get("org").is_empty() {
                let of_org = other == cause && !target.get("org").is_empty();
                let own = target.get("severity") == "warning"
                    && !target.get("job").is_empty()
                    && source.get("instance") == target.get("instance");
                return of_org || own;
            }
            let same_org = !source.get("org").is_empty() && source.get("org") == target.get("org");
            let scope = cause.scope() != Scope::Exporter || cause == Cause::ExporterDown;
            same_org && scope && holds_back((cause, source.pages()), (other, target.pages()))
        })
    };
    firing.iter().filter(|target| !inhibited(target)).cloned().collect()
}

/// An alert that fires from an evaluation (included) until another (not included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) labels: LabelSet,
    pub(crate) from: Timestamp,
    /// [`Timestamp::MAX`] where the life ends before it does.
    pub(crate) until: Timestamp,
}

/// From what fires at each evaluation to spans.
pub(crate) fn spans(
    starts: Timestamp,
    every: TimeDelta,
    evaluations: impl Iterator<Item = BTreeSet<LabelSet>>,
) -> Vec<Alarm> {
    let mut spans = HoldingSpans::default();
    let mut now = starts;
    for firing in evaluations {
        spans.step(now, firing);
        now = now.plus(every);
    }
    let alarm = |span: HoldingSpan<LabelSet>| Alarm {
        labels: span.key,
        from: span.from,
        until: span.until.unwrap_or(Timestamp::MAX),
    };
    spans.finish().into_iter().map(alarm).collect()
}
