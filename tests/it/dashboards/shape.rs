//! What all dashboards share: the choices at the top, annotations, links, and where panels stand.

use super::Dashboard;
use super::panel::Panel;
use serde_json::{Value, json};

/// Where Grafana's grid ends.
const COLUMNS: u32 = 24;

/// The data source that is chosen at the top.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A dashboard before its panels have places.
pub(super) struct Shape {
    pub(super) file: &'static str,
    pub(super) uid: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Whether one organisation is chosen at the top.
    pub(super) of_org: bool,
    /// Which findings are drawn as annotations; a selector.
    pub(super) findings: Option<&'static str>,
    /// Of which organisations changes of the set-up are drawn as annotations; a selector.
    pub(super) changes: Option<&'static str>,
    pub(super) panels: Vec<Panel>,
}

impl Shape {
    pub(super) fn dashboard(self) -> Dashboard {
        let (mut x, mut y, mut row) = (0, 0, 0);
        let mut panels = Vec::new();
        for (index, panel) in self.panels.iter().enumerate() {
            if x + panel.width > COLUMNS {
                (x, y, row) = (0, y + row, 0);
            }
            panels.push(panel.json(index + 1, x, y, self.of_org));
            x += panel.width;
            row = row.max(panel.height);
        }
        let mut choices = vec![
            json!({
                "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
                "hide": 0, "refresh": 1, "multi": false, "includeAll": false, "options": [], "regex": "", "skipUrlSync": false,
            }),
            choice("job", "Job", "label_values(lightning_sync_exporter_build_info, job)"),
            choice(
                "instance",
                "Instance",
                "label_values(lightning_sync_exporter_build_info{job=~\"$job\"}, instance)",
            ),
        ];
        choices.push(pages());
        if self.of_org {
            choices.push(one(
                "org",
                "Organisation",
                "label_values(lightning_sync_org_info{job=~\"$job\",instance=~\"$instance\"}, org)",
            ));
        }
        let links: Vec<Value> = [
            ("Fleet", "lightning-sync-fleet"),
            ("Organisation", "lightning-sync-organisation"),
            ("Exporter", "lightning-sync-exporter"),
        ]
        .into_iter()
        .filter(|(_, uid)| *uid != self.uid)
        .map(|(title, uid)| link(title, &format!("/d/{uid}")))
        .chain(self.of_org.then(|| link("Status page of ${org}", "${pages:raw}/orgs/${org}")))
        .collect();
        let annotations: Vec<Value> =
            self.findings.map(findings).into_iter().chain(self.changes.map(changes)).collect();
        Dashboard {
            file: self.file,
            json: json!({
                "uid": self.uid,
                "title": self.title,
                "description": self.description,
                "tags": ["lightning-sync"],
                "editable": false,
                "graphTooltip": 1,
                "schemaVersion": 39,
                "time": { "from": "now-24h", "to": "now" },
                "timezone": "browser",
                "refresh": "1m",
                "templating": { "list": choices },
                "annotations": { "list": annotations },
                "links": links,
                "panels": panels,
            }),
        }
    }
}

fn choice(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query", "datasource": datasource(),
        "query": { "query": query, "refId": name },
        "hide": 0, "refresh": 2, "sort": 1, "regex": "", "skipUrlSync": false, "options": [],
        "multi": true, "includeAll": true, "allValue": ".+",
        "current": { "selected": true, "text": ["All"], "value": ["$__all"] },
    })
}

fn one(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query", "datasource": datasource(),
        "query": { "query": query, "refId": name },
        "hide": 0, "refresh": 2, "sort": 1, "regex": "", "skipUrlSync": false, "options": [],
        "multi": false, "includeAll": false,
    })
}

/// Where a person opens the daemon's pages: what Prometheus calls an instance need not be an address for people.
fn pages() -> Value {
    let address = "http://127.0.0.1:9877";
    let chosen = json!({ "selected": true, "text": address, "value": address });
    json!({
        "name": "pages", "label": "Address of the pages", "type": "textbox", "query": address,
        "current": chosen, "options": [chosen], "hide": 0, "skipUrlSync": false,
    })
}

/// When the sync's set-up was changed: the value is the time.
fn changes(selector: &str) -> Value {
    json!({
        "name": "Set-up changes", "datasource": datasource(), "enable": true, "hide": false, "iconColor": "blue",
        "target": { "expr": format!("max by (org) (lightning_sync_salesforce_last_setup_change_timestamp_seconds{selector}) * 1000"), "refId": "Changes", "step": "60s" },
        "titleFormat": "{{org}}: the set-up of sync was changed", "textFormat": "",
        "tagKeys": "org", "useValueForTime": true,
    })
}

fn findings(selector: &str) -> Value {
    json!({
        "name": "Findings", "datasource": datasource(), "enable": true, "hide": false, "iconColor": "red",
        "target": { "expr": format!("max by (org, cause, object_type, severity) (lightning_sync_finding_since_timestamp_seconds{selector}) > 0"), "refId": "Findings", "step": "60s" },
        "titleFormat": "{{org}}: {{cause}}", "textFormat": "{{severity}} {{object_type}}",
        "tagKeys": "org,severity", "useValueForTime": false,
    })
}

fn link(title: &str, url: &str) -> Value {
    json!({
        "title": title, "type": "link", "url": url, "icon": "external link", "tooltip": "", "tags": [],
        "asDropdown": false, "includeVars": true, "keepTime": true, "targetBlank": false,
    })
}
