//! The catalogue against the page, and against the documentation.

use super::golden::{compare, full_page};
use super::page::Page;
use crate::support::documents::metrics;
use lightning_sync_exporter::metrics::PageFormat;
use lightning_sync_exporter::metrics::catalogue::{METRICS, MetricKind, find};
use std::collections::BTreeSet;

#[test]
fn a_page_has_every_metric_of_the_catalogue_and_no_other_in_its_order() {
    let page = Page::parse(&full_page(PageFormat::Text));
    let emitted: Vec<&str> = page.types.iter().map(|(name, _)| name.as_str()).collect();
    let declared: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(emitted, declared);
}

#[test]
fn a_sample_has_the_labels_and_the_type_of_the_catalogue() {
    let page = Page::parse(&full_page(PageFormat::Text));
    for (name, kind) in &page.types {
        assert_eq!(find(name).unwrap().kind.text(), kind, "{name}");
    }
    for sample in &page.samples {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| find(sample.name.strip_suffix(suffix)?))
            .filter(|metric| metric.kind == MetricKind::Histogram);
        let metric = family.or_else(|| find(&sample.name)).unwrap();
        let declared: BTreeSet<&str> = metric.labels.iter().copied().collect();
        let mut written: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
        if sample.name.ends_with("_bucket") {
            assert!(written.remove("le"), "{sample:?}");
        }
        assert_eq!(written, declared, "{sample:?}");
    }
}

#[test]
fn names_say_their_type_and_unit_and_helps_say_what_absence_means() {
    for metric in METRICS {
        let name = metric.name;
        assert_eq!(name.ends_with("_total"), metric.kind == MetricKind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), metric.kind == MetricKind::Info, "{name}");
        let family = metric.family();
        assert_eq!(family.ends_with("_seconds"), metric.unit() == "seconds", "{name}");
        assert_eq!(family.ends_with("_bytes"), metric.unit() == "bytes", "{name}");
        let instant = name.ends_with("_timestamp_seconds") || name == "process_start_time_seconds";
        assert_eq!(metric.help.contains("Unix seconds"), instant, "{name}");
        let absence = metric.help.contains("Absent: ") || metric.help.contains("Always there.");
        assert!(absence, "{name}: {}", metric.help);
        assert!(!metric.help.contains('|'), "{name}: its help is a table's cell");
    }
}

#[test]
fn the_documentation_is_made_from_the_catalogue() {
    compare("docs/metrics.md", &metrics());
}
