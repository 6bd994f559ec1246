//! A replay in words.

use super::{HoldingSpan, Replay};
use crate::domain::causes::Severity;
use crate::domain::time::Timestamp;
use crate::guidance::verdict::span;
use std::fmt::Write as _;

impl Replay {
    /// An instant where the organisation is.
    pub(super) fn local(&self, at: Timestamp) -> String {
        at.datetime().with_timezone(&self.policy.time_zone).format("%Y-%m-%d %H:%M").to_string()
    }

    /// From when until when, and how long.
    pub(super) fn when<K>(&self, of: &HoldingSpan<K>) -> String {
        let (from, end) = (self.local(of.from), of.until.unwrap_or(self.period.until));
        let lasted = span(end.since(of.from));
        match of.until {
            Some(until) => format!("{from} to {}, {lasted}", self.local(until)),
            None => format!("{from} to the end, {lasted}"),
        }
    }

    /// One sentence on the whole.
    pub fn summary(&self) -> String {
        let count = |number: usize, one: &str, many: &str| match number {
            0 => format!("no {one}"),
            1 => format!("1 {one}"),
            number => format!("{number} {many}"),
        };
        let alerts = count(self.alerts.len() + self.left_out, "alert", "alerts");
        let pages = count(self.pages(), "page", "pages");
        let held = count(self.held_back.len(), "alert held back", "alerts held back");
        format!("{alerts}, {pages}, {held}")
    }

    /// All of it, a line each.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.put_text(&mut out).ok();
        out
    }

    fn put_text(&self, out: &mut String) -> std::fmt::Result {
        let zone = self.policy.time_zone;
        let (from, until) = (self.local(self.period.from), self.local(self.period.until));
        writeln!(out, "{}: {from} to {until} ({zone})", self.org)?;
        for change in &self.changes {
            writeln!(out, "changed: {}", change.escape_debug())?;
        }
        writeln!(out, "{}\n", self.summary())?;
        for alert in &self.alerts {
            let (key, pages) = (&alert.key, alert.key.severity == Severity::Critical);
            let about =
                if key.about().is_empty() { String::new() } else { format!(" {}", key.about()) };
            let severity =
                if pages { "critical: pages".to_owned() } else { key.severity.to_string() };
            writeln!(out, "{}: {}{about}, {severity}", self.when(alert), key.name())?;
        }
        if self.left_out > 0 {
            writeln!(out, "and {} more", self.left_out)?;
        }
        if !self.held_back.is_empty() {
            writeln!(out, "\nHeld back:")?;
        }
        for held in &self.held_back {
            let (alert, by) = (held.key.alert, held.key.by);
            let about = if alert.about().is_empty() {
                String::new()
            } else {
                format!(" {}", alert.about())
            };
            writeln!(out, "{}: {}{about}, by {by}", self.when(held), alert.name())?;
        }
        writeln!(out, "\nNot known:")?;
        let same = |one: &HoldingSpan<_>, other: &HoldingSpan<_>| {
            (one.from, one.until) == (other.from, other.until)
        };
        for unknown in self.unknown.chunk_by(same) {
            let names: Vec<&str> = unknown.iter().map(|unknown| unknown.key.name()).collect();
            let when = unknown.first().map_or(String::new(), |unknown| self.when(unknown));
            writeln!(out, "- {when}: when {} last synced", names.join(" and "))?;
        }
        for sentence in self.not_known {
            writeln!(out, "- {sentence}")?;
        }
        Ok(())
    }
}
