//! What a metric is, and the ways to read the one table of all of them: by name at compile time, and as a page.
//! A new metric is a line in [`METRICS`] and its writer in `families`; a test finds whichever was forgotten.

use super::table;

/// Every metric that the daemon exposes, in the order of the page.
pub const METRICS: &[Metric] = table::METRICS;

/// One metric as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name as it is scraped, suffixes included.
    pub name: &'static str,
    /// What its values mean over time.
    pub kind: MetricKind,
    /// The labels, in the order they are written.
    pub labels: &'static [&'static str],
    /// Who writes it.
    pub group: MetricGroup,
    /// One sentence on what the value is, and one on what its absence means.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A sum since the start of the process.
    Counter,
    /// A distribution since the start of the process.
    Histogram,
    /// Always 1: its labels are the facts.
    Info,
}

/// Where a metric's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricGroup {
    /// Facts about an organisation, one series for each.
    Organisation,
    /// What was read of an organisation's status rows and activity.
    Sync,
    /// Counts over the users, and the users themselves.
    Users,
    /// Which source reported, and when.
    Readings,
    /// What the daemon makes of it.
    Judgement,
    /// The daemon, from the View that it last published.
    View,
    /// The daemon's own counters.
    Exporter,
    /// The operating system's figures of the process, under their customary names.
    Process,
}

impl MetricKind {
    /// The type in text format 0.0.4, which has no info.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Gauge | Self::Info => "gauge",
            Self::Counter | Self::Histogram => self.open_metrics(),
        }
    }

    /// The type in OpenMetrics.
    pub const fn open_metrics(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Info => "info",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    /// The name of the family in OpenMetrics, which leaves out the suffixes of counters and infos.
    pub fn family(&self) -> &'static str {
        let suffix = match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Info => "_info",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// The base unit as OpenMetrics names it, by the family's suffix; empty for a number of things or a yes and no.
    pub fn unit(&self) -> &'static str {
        let suffixed =
            |unit: &&str| self.family().strip_suffix(*unit).is_some_and(|rest| rest.ends_with('_'));
        ["seconds", "bytes"].into_iter().find(suffixed).unwrap_or_default()
    }
}

/// The metric of a name that is known when this program is compiled; a name that is not in the table does not compile.
pub(super) const fn metric(name: &str) -> &'static Metric {
    let mut rest = METRICS;
    while let Some((metric, tail)) = rest.split_first() {
        if same(metric.name.as_bytes(), name.as_bytes()) {
            return metric;
        }
        rest = tail;
    }
    #[expect(
        clippy::panic,
        reason = "evaluated by the compiler only: a forgotten line in the table stops the build"
    )]
    {
        panic!("this metric is not in the catalogue")
    }
}

const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let (Some((x, a_rest)), Some((y, b_rest))) = (a.split_first(), b.split_first()) {
        if *x != *y {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}

/// The metric of a name, if there is one.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}
