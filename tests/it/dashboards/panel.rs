//! A panel: a question, the queries that answer it, and how the answer is drawn.

use serde_json::{Value, json};

/// How an answer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    /// One figure for each series.
    Stat,
    /// One bar for each series.
    Bars,
    /// One row for each series.
    Table,
    /// Lines over time.
    Lines,
    /// States over time.
    States,
}

impl Drawn {
    const fn plugin(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Bars => "bargauge",
            Self::Table => "table",
            Self::Lines => "timeseries",
            Self::States => "state-timeline",
        }
    }

    /// Whether only the present is queried.
    const fn is_instant(self) -> bool {
        matches!(self, Self::Stat | Self::Bars | Self::Table)
    }
}

/// A query and the name of what it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PanelQuery {
    pub(super) expr: String,
    pub(super) legend: &'static str,
}

/// From which value on which colour holds; the first from below everything.
pub(super) type Colours = &'static [(Option<f64>, &'static str)];

/// Nothing is judged.
pub(super) const PLAIN: Colours = &[(None, "blue")];
/// Anything above 0 is bad.
pub(super) const NONE_IS_GOOD: Colours = &[(None, "green"), (Some(1.0), "red")];
/// Anything above 0 is for office hours.
pub(super) const FEW_ARE_GOOD: Colours = &[(None, "green"), (Some(1.0), "orange")];
/// Anything below 1 is bad.
pub(super) const ONE_IS_GOOD: Colours = &[(None, "red"), (Some(1.0), "green")];
/// Exactly 1 is good: a share of something that should be there, all of it and no more.
pub(super) const EXACTLY_ONE_IS_GOOD: Colours =
    &[(None, "red"), (Some(1.0), "green"), (Some(1.000_001), "red")];
/// 1 is held, which never looks as what is fresh does.
pub(super) const ONE_IS_HELD: Colours = &[(None, "blue"), (Some(1.0), "orange")];
/// 1 is business time.
pub(super) const ONE_IS_OPEN: Colours = &[(None, "dark-purple"), (Some(1.0), "light-blue")];
/// A share of a limit that is a setting: 1 is the limit itself.
pub(super) const OF_LIMIT: Colours = &[(None, "green"), (Some(0.5), "yellow"), (Some(1.0), "red")];

/// A panel.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) drawn: Drawn,
    pub(super) unit: &'static str,
    pub(super) queries: Vec<PanelQuery>,
    pub(super) colours: Colours,
    /// Words for values.
    pub(super) words: &'static [(&'static str, &'static str)],
    /// Titles and addresses.
    pub(super) links: &'static [(&'static str, &'static str)],
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Panel {
    /// A panel of a question; `queries` are expressions with the names of what they give.
    pub(super) fn new(
        drawn: Drawn,
        title: &'static str,
        description: &'static str,
        unit: &'static str,
        queries: &[(&str, &'static str)],
    ) -> Self {
        let (width, height) = match drawn {
            Drawn::Stat => (6, 4),
            Drawn::Bars | Drawn::Lines | Drawn::States => (12, 8),
            Drawn::Table => (24, 8),
        };
        Self {
            title,
            description,
            drawn,
            unit,
            queries: queries
                .iter()
                .map(|(expr, legend)| PanelQuery { expr: selected(expr), legend })
                .collect(),
            colours: PLAIN,
            words: &[],
            links: &[],
            width,
            height,
        }
    }

    pub(super) fn coloured(mut self, colours: Colours) -> Self {
        self.colours = colours;
        self
    }

    pub(super) fn worded(mut self, words: &'static [(&'static str, &'static str)]) -> Self {
        self.words = words;
        self
    }

    pub(super) fn linked(mut self, links: &'static [(&'static str, &'static str)]) -> Self {
        self.links = links;
        self
    }

    /// The panel as Grafana stores it, with its number and place.
    pub(super) fn json(&self, id: usize, x: u32, y: u32) -> Value {
        let targets: Vec<Value> = self
            .queries
            .iter()
            .zip('A'..)
            .map(|(query, letter)| {
                let mut target = json!({
                    "datasource": super::shape::datasource(),
                    "editorMode": "code",
                    "expr": query.expr,
                    "instant": self.drawn.is_instant(),
                    "legendFormat": query.legend,
                    "range": !self.drawn.is_instant(),
                    "refId": letter.to_string(),
                });
                if self.drawn == Drawn::Table
                    && let Some(target) = target.as_object_mut()
                {
                    target.insert("format".to_owned(), "table".into());
                }
                target
            })
            .collect();
        json!({
            "id": id,
            "type": self.drawn.plugin(),
            "title": self.title,
            "description": self.description,
            "datasource": super::shape::datasource(),
            "gridPos": { "h": self.height, "w": self.width, "x": x, "y": y },
            "fieldConfig": { "defaults": self.defaults(), "overrides": [] },
            "options": self.options(),
            "targets": targets,
            "transformations": self.transformations(),
        })
    }

    fn defaults(&self) -> Value {
        let steps: Vec<Value> = self
            .colours
            .iter()
            .map(|(from, colour)| json!({ "value": from, "color": colour }))
            .collect();
        let words: serde_json::Map<String, Value> = self
            .words
            .iter()
            .map(|(value, text)| ((*value).to_owned(), json!({ "text": text })))
            .collect();
        let mappings = match words.is_empty() {
            true => json!([]),
            false => json!([{ "type": "value", "options": words }]),
        };
        let links: Vec<Value> = self
            .links
            .iter()
            .map(|(title, url)| json!({ "title": title, "url": url, "targetBlank": true }))
            .collect();
        let mode = match self.drawn {
            Drawn::Lines => "palette-classic",
            Drawn::Stat | Drawn::Bars | Drawn::Table | Drawn::States => "thresholds",
        };
        json!({
            "unit": self.unit,
            "color": { "mode": mode },
            "thresholds": { "mode": "absolute", "steps": steps },
            "mappings": mappings,
            "links": links,
            "custom": {},
        })
    }

    fn options(&self) -> Value {
        let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
        match self.drawn {
            Drawn::Stat => {
                json!({ "reduceOptions": last, "colorMode": "background", "textMode": "value_and_name" })
            }
            Drawn::Bars => {
                json!({ "reduceOptions": last, "displayMode": "basic", "orientation": "horizontal" })
            }
            Drawn::Lines => {
                json!({ "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] }, "tooltip": { "mode": "multi", "sort": "desc" } })
            }
            Drawn::Table => json!({ "showHeader": true }),
            Drawn::States => json!({ "mergeValues": true, "showValue": "auto" }),
        }
    }

    /// A table of labels: the instant and the ever equal value are left out.
    fn transformations(&self) -> Value {
        match self.drawn {
            Drawn::Table => json!([
                { "id": "organize", "options": { "excludeByName": { "Time": true, "Value": true } } },
            ]),
            Drawn::Stat | Drawn::Bars | Drawn::Lines | Drawn::States => json!([]),
        }
    }
}

/// `{S}` stands for what every query selects by, `{O}` for that and the organisation; more matchers follow a comma.
fn selected(expr: &str) -> String {
    const SELECTED: &str = "job=~\"$job\",instance=~\"$instance\"";
    expr.replace("{S", &format!("{{{SELECTED}"))
        .replace("{O", &format!("{{{SELECTED},org=~\"$org\""))
}
