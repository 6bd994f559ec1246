//! Grafana's dashboards as data → `dashboards/*.json`: the fleet, one organisation, the exporter itself.
//!
//! Each panel answers the question in its title. Limits are the exported settings, never numbers of this module; tests
//! hold every query against the catalogue, against the rules of Grafana's own linter and against a real Prometheus.
//! A new panel is an entry in the file of its dashboard. This module does no I/O: it returns texts.

mod exporter;
mod fleet;
mod organisation;
mod panel;
mod shape;

use serde_json::Value;

/// A dashboard and its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// The file in `dashboards/`.
    pub file: &'static str,
    /// What Grafana imports.
    pub json: Value,
}

impl Dashboard {
    /// The file's text.
    pub fn text(&self) -> String {
        // A value with string keys: nothing that a JSON writer could refuse.
        serde_json::to_string_pretty(&self.json).unwrap_or_default() + "\n"
    }
}

/// Every dashboard.
pub fn all() -> Vec<Dashboard> {
    vec![fleet::dashboard(), organisation::dashboard(), exporter::dashboard()]
}
