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
/// A share of a limit that is a setting: 1 is the limit itself, where a bar is full.
pub(super) const OF_LIMIT: Colours = &[(None, "green"), (Some(0.5), "yellow"), (Some(1.0), "red")];

/// Where a person reads on who chose one organisation at the top.
const PAGE_OF_CHOSEN: (&str, &str) = ("Status page of ${org}", "${pages:raw}/orgs/${org}");
/// Where a person reads on about a series with an organisation in its name.
const PAGE_OF_SERIES: (&str, &str) =
    ("Status page of ${__field.labels.org}", "${pages:raw}/orgs/${__field.labels.org}");
/// Where a person reads on about what is of no organisation, or of all.
const ALL_PAGES: (&str, &str) = ("Status pages of all organisations", "${pages:raw}/");

/// The column of a table of findings that has their values.
const SINCE: &str = "since";
/// The colours that severities have everywhere.
const SEVERITIES: &[(&str, &str)] = &[("critical", "red"), ("warning", "orange"), ("info", "blue")];

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
    /// Titles and addresses beside that of the status page.
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

    /// Of this many of the grid's columns.
    pub(super) fn wide(mut self, columns: u32) -> Self {
        self.width = columns;
        self
    }

    /// Of this many of the grid's rows.
    pub(super) fn tall(mut self, rows: u32) -> Self {
        self.height = rows;
        self
    }

    pub(super) fn linked(mut self, links: &'static [(&'static str, &'static str)]) -> Self {
        self.links = links;
        self
    }

    /// The status page that says more; a table names its own, because its organisations are in a column.
    fn page(&self, of_org: bool) -> Option<(&'static str, &'static str)> {
        let named = self.queries.iter().any(|query| query.legend.contains("{{org}}"));
        let page = match (of_org, named) {
            (true, _) => PAGE_OF_CHOSEN,
            (false, true) => PAGE_OF_SERIES,
            (false, false) => ALL_PAGES,
        };
        (self.drawn != Drawn::Table).then_some(page)
    }

    /// The panel as Grafana stores it, with its number and place. `of_org`: one organisation is chosen at the top.
    pub(super) fn json(&self, id: usize, x: u32, y: u32, of_org: bool) -> Value {
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
            "fieldConfig": { "defaults": self.defaults(of_org), "overrides": self.overrides() },
            "options": self.options(),
            "targets": targets,
            "transformations": self.transformations(),
        })
    }

    fn defaults(&self, of_org: bool) -> Value {
        let steps: Vec<Value> = self
            .colours
            .iter()
            .map(|(from, colour)| {
                // As other programs write a whole number.
                let whole =
                    from.filter(|value| value.fract() == 0.0).map(|value| json!(value as i64));
                json!({ "value": whole.unwrap_or_else(|| json!(from)), "color": colour })
            })
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
        let page = self.page(of_org);
        let links: Vec<Value> = page
            .iter()
            .chain(self.links)
            .map(|(title, url)| json!({ "title": title, "url": url, "targetBlank": true }))
            .collect();
        let mode = match self.drawn {
            Drawn::Lines => "palette-classic",
            Drawn::Stat | Drawn::Bars | Drawn::Table | Drawn::States => "thresholds",
        };
        let mut defaults = json!({
            "unit": self.unit,
            "color": { "mode": mode },
            "thresholds": { "mode": "absolute", "steps": steps },
            "mappings": mappings,
            "links": links,
            "custom": {},
        });
        if let Some(defaults) = defaults.as_object_mut() {
            // Otherwise Grafana begins at the lowest value, whose bar is empty then, and lines lie about proportions.
            if matches!(self.drawn, Drawn::Bars | Drawn::Lines) {
                defaults.insert("min".to_owned(), 0.into());
            }
            if self.drawn == Drawn::Bars && (self.colours == OF_LIMIT || !self.words.is_empty()) {
                defaults.insert("max".to_owned(), 1.into());
            }
        }
        defaults
    }

    /// What holds of single columns or lines.
    fn overrides(&self) -> Value {
        let of = |name: &str, property: Value| json!({ "matcher": { "id": "byName", "options": name }, "properties": [property] });
        if self.drawn == Drawn::Table {
            // Of this column alone: Grafana would take the texts of the others for times.
            return json!([of(SINCE, json!({ "id": "unit", "value": "dateTimeFromNow" }))]);
        }
        let severities = match self.queries.iter().any(|query| query.legend == "{{severity}}") {
            true => SEVERITIES,
            false => &[],
        };
        let coloured = |(severity, colour): &(&str, &str)| {
            of(
                severity,
                json!({ "id": "color", "value": { "mode": "fixed", "fixedColor": colour } }),
            )
        };
        severities.iter().map(coloured).collect()
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
            // By their names the severities begin with the worst.
            Drawn::Table => {
                json!({ "showHeader": true, "sortBy": [{ "displayName": "severity", "desc": false }] })
            }
            Drawn::States => json!({ "mergeValues": true, "showValue": "auto" }),
        }
    }

    /// A table of findings: the value is since when, the time that of the query.
    fn transformations(&self) -> Value {
        match self.drawn {
            Drawn::Table => json!([
                { "id": "organize", "options": {
                    "excludeByName": { "Time": true },
                    "renameByName": { "Value": SINCE },
                    "indexByName": { "severity": 0, "org": 1, "cause": 2, "object_type": 3, "Value": 4, "instance": 5 },
                } },
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
