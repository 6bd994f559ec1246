//! How a family is written: from the View, from one part of what is known of an organisation, or user by user.

use super::{Family, flag};
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::metrics::catalogue::Metric;
use crate::metrics::encoder::Lines;
use crate::metrics::facts::{Ages, Counts, Each, Hours, ObservedAt, OrgFacts, Part, Users, Values};
use bytes::BytesMut;

/// Writes the samples of an organisation from a part of its facts.
pub(super) type Write<P> = fn(&mut Writer<'_>, &P);

/// Where the samples of a family come from.
#[derive(Debug, Clone, Copy)]
pub(in crate::metrics) enum Samples {
    /// One sample, from the whole View.
    View(fn(&View) -> f64),
    /// Some samples for each organisation, from one part of its facts.
    Settings(Write<()>),
    Hours(Write<Hours>),
    Users(Write<Users>),
    Values(Write<Values>),
    ObservedAt(Write<ObservedAt>),
    Counts(Write<Counts>),
    Ages(Write<Ages>),
    /// One sample for each user and check, where the View asks for series of users.
    EachUser,
}

impl Samples {
    /// The part that decides what the samples say; `None` where it is not an organisation's.
    pub(in crate::metrics) const fn part(&self) -> Option<Part> {
        Some(match self {
            Self::View(_) | Self::EachUser => return None,
            Self::Settings(_) => Part::Settings,
            Self::Hours(_) => Part::Hours,
            Self::Users(_) => Part::Users,
            Self::Values(_) => Part::Values,
            Self::ObservedAt(_) => Part::ObservedAt,
            Self::Counts(_) => Part::Counts,
            Self::Ages(_) => Part::Ages,
        })
    }
}

impl Family {
    /// Writes the samples of an organisation; none for a family that has no part of its facts.
    pub(in crate::metrics) fn write(&self, out: &mut BytesMut, lines: &mut Lines, org: &OrgFacts) {
        lines.open(self.metric, &org.policy.name);
        let writer = &mut Writer { out, lines, metric: self.metric, policy: &org.policy };
        match self.samples {
            Samples::View(_) | Samples::EachUser => {}
            Samples::Settings(write) => write(writer, &()),
            Samples::Hours(write) => write(writer, &org.hours),
            Samples::Users(write) => write(writer, &org.users),
            Samples::Values(write) => write(writer, &org.said),
            Samples::ObservedAt(write) => write(writer, &org.seen),
            Samples::Counts(write) => write(writer, &org.counts),
            Samples::Ages(write) => write(writer, &org.moving),
        }
    }
}

/// Writes the samples of one organisation in one family; labels are those behind `org`.
#[derive(Debug)]
pub(in crate::metrics) struct Writer<'a> {
    out: &'a mut BytesMut,
    lines: &'a mut Lines,
    metric: &'static Metric,
    pub(super) policy: &'a OrgPolicy,
}

impl Writer<'_> {
    pub(super) fn put(&mut self, labels: &[&'static str], value: f64) {
        self.lines.of_org(self.out, self.metric, labels, value);
    }

    /// Writes what is known; what is not leaves no trace.
    pub(super) fn known(&mut self, labels: &[&'static str], value: Option<f64>) {
        if let Some(value) = value {
            self.put(labels, value);
        }
    }

    pub(super) fn flag(&mut self, labels: &[&'static str], yes: bool) {
        self.put(labels, flag(yes));
    }

    /// Writes an instant. Before every source's time means never; after it, beyond what can be told.
    pub(super) fn instant(&mut self, labels: &[&'static str], at: Option<Timestamp>) {
        match at {
            None | Some(Timestamp::MIN) => {}
            Some(Timestamp::MAX) => self.put(labels, f64::INFINITY),
            Some(at) => self.put(labels, at.seconds()),
        }
    }

    /// Writes what is known of each object type that the organisation syncs.
    pub(super) fn each<T: Copy>(
        &mut self,
        answers: &Each<T>,
        write: impl Fn(&mut Self, &[&'static str], T),
    ) {
        let policy = self.policy;
        for object in &policy.objects {
            if let Some(answer) = answers[*object] {
                write(self, &[object.name()], answer);
            }
        }
    }
}
