//! Lines of the two text formats: headers, labels with their escapes, values. It knows the catalogue and nothing of Views.

use super::catalogue::{Metric, Unit};
use super::number::put_float;
use bytes::BytesMut;

/// A format of the exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of the answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes the samples of one family after another. The header of a family comes with its first sample, so that a family
/// of which nothing is known leaves no trace.
#[derive(Debug)]
pub(super) struct Lines {
    format: Format,
    headed: Option<&'static Metric>,
}

impl Lines {
    pub(super) const fn new(format: Format) -> Self {
        Self {
            format,
            headed: None,
        }
    }

    /// Writes the header of `metric`, unless it is there already. All samples of a family follow each other.
    pub(super) fn head(&mut self, out: &mut BytesMut, metric: &'static Metric) {
        if self
            .headed
            .is_some_and(|headed| std::ptr::eq(headed, metric))
        {
            return;
        }
        self.headed = Some(metric);
        let (family, kind) = match self.format {
            Format::Text => (metric.name, metric.kind.text()),
            Format::OpenMetrics => (metric.family(), metric.kind.open_metrics()),
        };
        put(out, &["# HELP ", family, " "]);
        match self.format {
            Format::Text => put_escaped(out, metric.help, Quotes::Plain),
            Format::OpenMetrics => put_escaped(out, metric.help, Quotes::Escaped),
        }
        put(out, &["\n# TYPE ", family, " ", kind, "\n"]);
        if self.format == Format::OpenMetrics && metric.unit != Unit::None {
            put(out, &["# UNIT ", family, " ", metric.unit.name(), "\n"]);
        }
    }

    /// Writes a sample with one value for each of the metric's labels.
    pub(super) fn sample(
        &mut self,
        out: &mut BytesMut,
        metric: &'static Metric,
        labels: &[&str],
        value: f64,
    ) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        let names = metric.labels.iter().copied();
        self.labelled(out, metric, "", names.zip(labels.iter().copied()), value);
    }

    /// Writes a sample under the metric's name with a suffix, with labels of its own.
    pub(super) fn labelled<'l>(
        &mut self,
        out: &mut BytesMut,
        metric: &'static Metric,
        suffix: &str,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
        value: f64,
    ) {
        self.head(out, metric);
        put(out, &[metric.name, suffix]);
        put_labels(out, labels);
        put(out, &[" "]);
        put_float(out, value);
        put(out, &["\n"]);
    }

    /// The upper bound of a bucket as a label's value; OpenMetrics wants a decimal point in whole numbers.
    pub(super) fn bound(&self, bound: f64) -> String {
        let mut text = BytesMut::new();
        put_float(&mut text, bound);
        let mut text = String::from_utf8_lossy(&text).into_owned();
        if self.format == Format::OpenMetrics && !text.contains(['.', 'e', 'I', 'N']) {
            text.push_str(".0");
        }
        text
    }

    /// Ends the page.
    pub(super) fn end(&self, out: &mut BytesMut) {
        if self.format == Format::OpenMetrics {
            put(out, &["# EOF\n"]);
        }
    }
}

fn put(out: &mut BytesMut, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn put_labels<'l>(out: &mut BytesMut, labels: impl Iterator<Item = (&'l str, &'l str)>) {
    let mut open = "{";
    for (name, value) in labels {
        put(out, &[open, name, "=\""]);
        put_escaped(out, value, Quotes::Escaped);
        put(out, &["\""]);
        open = ",";
    }
    if open == "," {
        put(out, &["}"]);
    }
}

/// Whether quotes are special where a text stands: in label values they are, in the help of format 0.0.4 they are not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    Plain,
    Escaped,
}

/// Writes `text` with backslashes, line feeds and, where they are special, quotes escaped.
pub(super) fn put_escaped(out: &mut BytesMut, text: &str, quotes: Quotes) {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr3(b'\\', b'\n', b'"', rest) {
        let (before, tail) = rest.split_at(at);
        out.extend_from_slice(before);
        let (special, tail) = tail.split_at(1);
        out.extend_from_slice(match special {
            b"\n" => b"\\n",
            b"\\" => b"\\\\",
            _ if quotes == Quotes::Plain => b"\"",
            _ => b"\\\"",
        });
        rest = tail;
    }
    out.extend_from_slice(rest);
}
