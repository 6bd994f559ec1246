//! A small reader of the text formats, written from their specification and not from the writer.

use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A sample: name, labels, value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Sample {
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) samples: Vec<Sample>,
    /// Families in the order of their headers, with their type.
    pub(super) types: Vec<(String, String)>,
}

pub(super) fn pages() -> MetricsPages {
    MetricsPages::new(Arc::new(SelfMetrics::new(&["malformed", "unknown_key"]).unwrap()))
}

/// The page of `view` at `now`, as text.
pub(super) fn text(view: &View, now: Timestamp, format: PageFormat) -> String {
    let chunks: Vec<u8> = pages().text(Arc::new(view.clone()), now, format).flatten().collect();
    String::from_utf8(chunks).unwrap()
}

/// The page of `view` at `now`, read back.
pub(super) fn read(view: &View, now: Timestamp) -> Page {
    Page::parse(&text(view, now, PageFormat::Text))
}

impl Page {
    /// Reads a page; a line that the format does not allow, a family in two places or a series that comes twice fails
    /// the test.
    pub(super) fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut seen = BTreeSet::new();
        assert!(text.ends_with('\n'), "the last line has an end");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(
                    page.types.iter().all(|(known, _)| known != name),
                    "{name} is in one place"
                );
                page.types.push((name.to_owned(), kind.to_owned()));
            } else if !line.starts_with('#') {
                let sample = sample(line);
                let family = &page.types.last().expect("a header comes first").0;
                assert!(sample.name.starts_with(family.as_str()), "{line} belongs to {family}");
                let series = (sample.name.clone(), sample.labels.clone());
                assert!(seen.insert(series), "{line} comes twice");
                page.samples.push(sample);
            }
        }
        page
    }

    /// The samples of a metric of an organisation as `label values joined by a space → value`.
    pub(super) fn of(&self, metric: &str, org: &str) -> BTreeMap<String, f64> {
        let name = format!("lightning_sync_{metric}");
        self.samples
            .iter()
            .filter(|sample| sample.name == name && sample.label("org") == org)
            .map(|sample| {
                let labels = sample.labels.iter().filter(|(name, _)| *name != "org");
                let values: Vec<&str> = labels.map(|(_, value)| value.as_str()).collect();
                (values.join(" "), sample.value)
            })
            .collect()
    }

    /// The only sample of a metric of an organisation.
    pub(super) fn one(&self, metric: &str, org: &str) -> Option<f64> {
        let samples = self.of(metric, org);
        assert!(samples.len() <= 1, "{metric} of {org}: {samples:?}");
        samples.into_values().next()
    }
}

fn sample(line: &str) -> Sample {
    let name_end = line.find(['{', ' ']).expect("a name ends");
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label has a value");
            let (value, after) = quoted(after);
            assert!(
                labels.insert(label.to_owned(), value).is_none(),
                "{label} comes twice in {line}"
            );
            if let Some(after) = after.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = after.strip_prefix(',').expect("a comma or the end of the labels");
        }
    }
    let value = rest.strip_prefix(' ').expect("one space before the value");
    Sample { name: name.to_owned(), labels, value: value.parse().expect("a number") }
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return (value, characters.as_str()),
            '\\' => match characters.next().expect("something is escaped") {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                other => panic!("\\{other} is no escape"),
            },
            plain => value.push(plain),
        }
    }
    panic!("{text} has no closing quote")
}
