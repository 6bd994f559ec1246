//! The families that are written from a View, in the order of the page. Each names its metric once; a name that the
//! catalogue does not have does not compile.

mod activity;
mod organisation;
mod readings;
mod samples;
mod users;

pub(super) use samples::Samples;

use super::catalogue::{Metric, metric};

/// A family and where its samples come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) samples: Samples,
}

/// Every family, in the order of the page.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    [organisation::FAMILIES, activity::FAMILIES, users::FAMILIES, readings::FAMILIES, VIEW]
        .into_iter()
        .flatten()
}

const VIEW: &[Family] = &[
    Family {
        metric: metric("lightning_sync_exporter_view_timestamp_seconds"),
        samples: Samples::View(|view| view.as_of.seconds()),
    },
    Family {
        metric: metric("lightning_sync_exporter_clock_suspect"),
        samples: Samples::View(|view| flag(view.clock_suspect)),
    },
    Family {
        metric: metric("lightning_sync_exporter_store_failing"),
        samples: Samples::View(|view| flag(view.store_failing)),
    },
];

/// A yes or no as Prometheus counts it.
fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
