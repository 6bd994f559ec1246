//! Lines of the two text formats: headers, labels with their escapes, values. It knows the catalogue and nothing of Views.

use super::catalogue::{Metric, MetricKind};
use crate::domain::ids::OrgName;
use bytes::BytesMut;
use enum_map::Enum;
use prometheus::proto;

/// A format of the exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
pub enum PageFormat {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl PageFormat {
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
    pub(super) format: PageFormat,
    headed: Option<&'static Metric>,
    /// What stands before the value of each label behind `org` in the family at hand.
    before: Vec<Vec<u8>>,
    /// The beginning of the lines of the organisation at hand, up to the end of its name.
    opening: Vec<u8>,
}

impl Lines {
    pub(super) const fn new(format: PageFormat) -> Self {
        Self { format, headed: None, before: Vec::new(), opening: Vec::new() }
    }

    /// Whether the header of `metric` has been written and its samples are being written.
    pub(super) fn headed(&self, metric: &'static Metric) -> bool {
        self.headed.is_some_and(|headed| std::ptr::eq(headed, metric))
    }

    /// Writes the header of `metric`, unless it is there already. All samples of a family follow each other.
    pub(super) fn head(&mut self, out: &mut BytesMut, metric: &'static Metric) {
        if self.headed(metric) {
            return;
        }
        self.headed = Some(metric);
        let behind_org = metric.labels.iter().skip(1);
        self.before = behind_org.map(|label| format!("\",{label}=\"").into_bytes()).collect();
        let (family, kind) = match self.format {
            PageFormat::Text => (metric.name, metric.kind.text()),
            PageFormat::OpenMetrics => (metric.family(), metric.kind.open_metrics()),
        };
        put(out, &["# HELP ", family, " "]);
        match self.format {
            PageFormat::Text => put_escaped(out, metric.help, Quotes::Plain),
            PageFormat::OpenMetrics => put_escaped(out, metric.help, Quotes::Escaped),
        }
        put(out, &["\n# TYPE ", family, " ", kind, "\n"]);
        let unit = metric.unit();
        if self.format == PageFormat::OpenMetrics && !unit.is_empty() {
            put(out, &["# UNIT ", family, " ", unit, "\n"]);
        }
    }

    /// Writes a sample without labels.
    pub(super) fn sample(&mut self, out: &mut BytesMut, metric: &'static Metric, value: f64) {
        self.labelled(out, metric, "", std::iter::empty(), value);
    }

    /// Prepares for the samples of an organisation.
    pub(super) fn open(&mut self, metric: &Metric, org: &OrgName) {
        self.opening.clear();
        for part in [metric.name, "{org=\"", org.as_str()] {
            self.opening.extend_from_slice(part.as_bytes());
        }
    }

    /// Writes a sample of the organisation that was opened, with the values of the labels behind `org`. They are words
    /// of closed sets and an organisation's name has none of the characters that are special, so nothing is escaped.
    pub(super) fn of_org(
        &mut self,
        out: &mut BytesMut,
        metric: &'static Metric,
        labels: &[&'static str],
        value: f64,
    ) {
        debug_assert_eq!(labels.len() + 1, metric.labels.len(), "{}", metric.name);
        self.head(out, metric);
        out.extend_from_slice(&self.opening);
        for (before, label) in self.before.iter().zip(labels) {
            out.extend_from_slice(before);
            out.extend_from_slice(label.as_bytes());
        }
        if value == 1.0 {
            out.extend_from_slice(b"\"} 1\n");
            return;
        }
        out.extend_from_slice(b"\"} ");
        put_float(out, value);
        out.extend_from_slice(b"\n");
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
        if self.format == PageFormat::OpenMetrics && !text.contains(['.', 'e', 'I', 'N']) {
            text.push_str(".0");
        }
        text
    }

    /// Writes a series of the registry. The `prometheus` crate, which gathers it, knows no OpenMetrics.
    pub(super) fn series(
        &mut self,
        out: &mut BytesMut,
        metric: &'static Metric,
        series: &proto::Metric,
    ) {
        let pairs = series.get_label().iter();
        let labels: Vec<(&str, &str)> = pairs.map(|pair| (pair.name(), pair.value())).collect();
        let labels = || labels.iter().copied();
        match metric.kind {
            MetricKind::Counter => {
                self.labelled(out, metric, "", labels(), series.get_counter().get_value());
            }
            MetricKind::Gauge | MetricKind::Info => {
                self.labelled(out, metric, "", labels(), series.get_gauge().get_value());
            }
            MetricKind::Histogram => {
                let histogram = series.get_histogram();
                let count = histogram.get_sample_count() as f64;
                for bucket in histogram.get_bucket() {
                    let bound = self.bound(bucket.upper_bound());
                    let labels = labels().chain([("le", bound.as_str())]);
                    self.labelled(out, metric, "_bucket", labels, bucket.cumulative_count() as f64);
                }
                self.labelled(out, metric, "_bucket", labels().chain([("le", "+Inf")]), count);
                self.labelled(out, metric, "_sum", labels(), histogram.get_sample_sum());
                self.labelled(out, metric, "_count", labels(), count);
            }
        }
    }

    /// Ends the page.
    pub(super) fn end(&self, out: &mut BytesMut) {
        if self.format == PageFormat::OpenMetrics {
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

/// Writes a number in the fewest digits that read back as the same value.
fn put_float(out: &mut BytesMut, value: f64) {
    // Whole numbers up to here convert exactly; most values are small counts and times in seconds.
    if value.fract() == 0.0 && value.abs() < 1e15 {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalogue::metric;
    use proptest::prelude::*;

    fn escaped(text: &str, quotes: Quotes) -> String {
        let mut out = BytesMut::new();
        put_escaped(&mut out, text, quotes);
        String::from_utf8(out.to_vec()).unwrap()
    }

    /// Takes escapes back, as the specification reads them.
    fn plain(escaped: &str) -> String {
        let mut text = String::new();
        let mut characters = escaped.chars();
        while let Some(character) = characters.next() {
            text.push(match character {
                '\\' => match characters.next().unwrap() {
                    'n' => '\n',
                    escaped => escaped,
                },
                other => other,
            });
        }
        text
    }

    #[test]
    fn what_is_special_is_escaped_where_it_is_special() {
        assert_eq!(escaped("a\\b\"c\nd", Quotes::Escaped), "a\\\\b\\\"c\\nd");
        assert_eq!(escaped("a\\b\"c\nd", Quotes::Plain), "a\\\\b\"c\\nd");
    }

    fn number(value: f64) -> String {
        let mut out = BytesMut::new();
        put_float(&mut out, value);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn numbers_have_the_fewest_digits_that_say_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (0.5, "0.5"),
            (0.005, "0.005"),
            (0.000012, "0.000012"),
            (1e-7, "1e-7"),
            (123456.0, "123456"),
            (999999.5, "999999.5"),
            (1795348200.0, "1795348200"),
            (1795348200.25, "1795348200.25"),
            (-12.25, "-12.25"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e100, "1e100"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(number(value).parse::<f64>().unwrap(), value);
        }

        #[test]
        fn a_label_stays_on_its_line_within_its_quotes_and_reads_back(
            text in r#"([\\"\nn]|\PC){0,40}"#,
        ) {
            let written = escaped(&text, Quotes::Escaped);
            prop_assert!(!written.contains('\n'));
            let unescaped = written.replace("\\\\", "").replace("\\\"", "");
            prop_assert!(!unescaped.contains('"'));
            prop_assert_eq!(plain(&written), text);
        }
    }

    #[test]
    fn a_header_comes_once_and_with_the_first_sample() {
        let linked = metric("lightning_sync_linked_users");
        let mut out = BytesMut::new();
        let mut lines = Lines::new(PageFormat::OpenMetrics);
        for (org, users) in [("acme", 40.0), ("beta", 1.0)] {
            lines.open(linked, &OrgName::new(org).unwrap());
            lines.of_org(&mut out, linked, &[], users);
        }
        lines.sample(&mut out, metric("process_cpu_seconds_total"), 0.5);
        lines.end(&mut out);
        let help = "Users with linked Microsoft Exchange and Salesforce email addresses. Absent: no source has reported it.";
        let cpu = "User and system time that the process has used. Absent: the system does not report it.";
        assert_eq!(
            String::from_utf8(out.to_vec()).unwrap(),
            format!(
                "# HELP lightning_sync_linked_users {help}\n\
                 # TYPE lightning_sync_linked_users gauge\n\
                 lightning_sync_linked_users{{org=\"acme\"}} 40\n\
                 lightning_sync_linked_users{{org=\"beta\"}} 1\n\
                 # HELP process_cpu_seconds {cpu}\n\
                 # TYPE process_cpu_seconds counter\n\
                 # UNIT process_cpu_seconds seconds\n\
                 process_cpu_seconds_total 0.5\n\
                 # EOF\n"
            )
        );
    }

    #[test]
    fn bounds_of_buckets_are_written_as_each_format_wants_them() {
        let bound = |format, bound| Lines::new(format).bound(bound);
        assert_eq!(bound(PageFormat::Text, 1.0), "1");
        assert_eq!(bound(PageFormat::OpenMetrics, 1.0), "1.0");
        assert_eq!(bound(PageFormat::OpenMetrics, 0.25), "0.25");
    }
}
