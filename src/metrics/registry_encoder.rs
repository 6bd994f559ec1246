//! The registry's families in our formats: the `prometheus` crate gathers them and knows no OpenMetrics.

use super::catalogue::{Group, METRICS, Metric};
use super::encoder::Lines;
use bytes::BytesMut;
use prometheus::proto::{MetricFamily, MetricType};

/// Writes `families` in the order of the catalogue; one that the catalogue does not have is not written.
pub(super) fn write(out: &mut BytesMut, lines: &mut Lines, families: &[MetricFamily]) {
    for metric in METRICS.iter().filter(|m| m.group == Group::Exporter) {
        let family = families.iter().find(|family| family.name() == metric.name);
        if let Some(family) = family {
            write_family(out, lines, metric, family);
        }
    }
}

fn write_family(
    out: &mut BytesMut,
    lines: &mut Lines,
    metric: &'static Metric,
    family: &MetricFamily,
) {
    for series in family.get_metric() {
        let pairs = series.get_label().iter();
        let labels: Vec<(&str, &str)> = pairs.map(|pair| (pair.name(), pair.value())).collect();
        let labels = || labels.iter().copied();
        match family.get_field_type() {
            MetricType::COUNTER => {
                let value = series.get_counter().get_value();
                lines.labelled(out, metric, "", labels(), value);
            }
            MetricType::HISTOGRAM => {
                let histogram = series.get_histogram();
                let count = histogram.get_sample_count() as f64;
                for bucket in histogram.get_bucket() {
                    let bound = lines.bound(bucket.upper_bound());
                    let labels = labels().chain([("le", bound.as_str())]);
                    let value = bucket.cumulative_count() as f64;
                    lines.labelled(out, metric, "_bucket", labels, value);
                }
                lines.labelled(out, metric, "_bucket", labels().chain([("le", "+Inf")]), count);
                let sum = histogram.get_sample_sum();
                lines.labelled(out, metric, "_sum", labels(), sum);
                lines.labelled(out, metric, "_count", labels(), count);
            }
            MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => {
                let value = series.get_gauge().get_value();
                lines.labelled(out, metric, "", labels(), value);
            }
        }
    }
}
