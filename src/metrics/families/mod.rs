//! The families that are written from a View, in the order of the page. Each names its metric once; a name that the
//! catalogue does not have does not compile.

mod activity;
mod organisation;
mod readings;
mod users;

use super::catalogue::{Metric, metric};
use super::facts::OrgFacts;
use super::lines::Lines;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use bytes::BytesMut;

/// A family and where its samples come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) samples: Samples,
}

/// How a family is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Samples {
    /// One sample, from the whole View.
    View(fn(&View) -> f64),
    /// Some samples for each organisation.
    Org(fn(&mut Writer<'_>, &OrgFacts)),
    /// One sample for each user and check, where the View asks for series of users.
    Users,
}

/// Every family, in the order of the page.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    [
        organisation::FAMILIES,
        activity::FAMILIES,
        users::FAMILIES,
        readings::FAMILIES,
        VIEW,
    ]
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

const fn per_org(metric: &'static Metric, write: fn(&mut Writer<'_>, &OrgFacts)) -> Family {
    Family {
        metric,
        samples: Samples::Org(write),
    }
}

/// A yes or no as Prometheus counts it.
fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// Writes the samples of one organisation in one family; labels are those behind `org`.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut BytesMut,
    pub(super) lines: &'a mut Lines,
    pub(super) metric: &'static Metric,
}

impl Writer<'_> {
    fn put(&mut self, labels: &[&'static str], value: f64) {
        self.lines.of_org(self.out, self.metric, labels, value);
    }

    /// Writes what is known; what is not leaves no trace.
    fn known(&mut self, labels: &[&'static str], value: Option<f64>) {
        if let Some(value) = value {
            self.put(labels, value);
        }
    }

    fn flag(&mut self, labels: &[&'static str], yes: bool) {
        self.put(labels, flag(yes));
    }

    /// Writes an instant. Before every source's time means never; after it, beyond what can be told.
    fn instant(&mut self, labels: &[&'static str], at: Option<Timestamp>) {
        match at {
            None | Some(Timestamp::MIN) => {}
            Some(Timestamp::MAX) => self.put(labels, f64::INFINITY),
            Some(at) => self.put(labels, at.seconds()),
        }
    }
}
