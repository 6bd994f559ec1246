//! The walk over the page. All lines of a family follow each other, so it goes over the organisations once for each
//! family.

use super::encoder::{Lines, PageFormat};
use super::families::{FAMILIES, Family, Samples};
use super::page_cache::RunPlace;
use super::process;
use super::scrape::{KnownOrg, Scrape};
use super::self_metrics::SelfMetrics;
use super::users::UserLines;
use crate::domain::policy::UserSeries;
use bytes::BytesMut;
use std::sync::Arc;

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WalkStep {
    /// Some lines, or none.
    Wrote,
    /// The series of the users of the organisation at hand are next; the caller writes them and calls
    /// [`Walk::next_org`].
    AtUsers,
    /// All that is known of organisations has been written; the daemon's own metrics are next.
    AtOwn,
}

/// The walk over families and organisations.
#[derive(Debug)]
pub(super) struct Walk {
    scrape: Arc<Scrape>,
    lines: Lines,
    family: usize,
    org: usize,
}

impl Walk {
    pub(super) fn new(scrape: Arc<Scrape>, format: PageFormat) -> Self {
        Self { scrape, lines: Lines::new(format), family: 0, org: 0 }
    }

    pub(super) fn scrape(&self) -> &Arc<Scrape> {
        &self.scrape
    }

    pub(super) const fn format(&self) -> PageFormat {
        self.lines.format
    }

    /// The organisation at hand.
    pub(super) fn org(&self) -> Option<&KnownOrg> {
        self.scrape.orgs.get(self.org)
    }

    pub(super) fn next_org(&mut self) {
        self.org += 1;
    }

    /// The family at hand.
    fn family(&self) -> Option<&'static Family> {
        FAMILIES.get(self.family)
    }

    fn next_family(&mut self) {
        self.family += 1;
        self.org = 0;
    }

    /// Where the next run of organisations stands; `None` where none is next.
    pub(super) fn place(&self) -> Option<RunPlace> {
        let family = self.family()?;
        self.org()?;
        Some(RunPlace {
            family: (self.format(), self.family),
            part: family.samples.part()?,
            first: self.org,
            behind_head: self.lines.headed(family.metric),
        })
    }

    /// Writes organisations of the family at hand until `out` holds `enough` bytes; says how many.
    pub(super) fn run(&mut self, out: &mut BytesMut, enough: usize) -> usize {
        let first = self.org;
        if let Some(family) = self.family() {
            for org in self.scrape.orgs.iter().skip(first) {
                family.write(out, &mut self.lines, &org.facts);
                self.org += 1;
                if out.len() >= enough {
                    break;
                }
            }
        }
        self.org - first
    }

    /// Passes over organisations whose lines are there already; `headed` says that the family's header is, too.
    pub(super) fn pass(&mut self, orgs: usize, headed: bool) {
        self.org += orgs;
        if let Some(family) = self.family().filter(|_| headed) {
            self.lines.head(&mut BytesMut::new(), family.metric);
        }
    }

    /// Writes what is next: of a run of organisations until `out` holds `enough` bytes.
    pub(super) fn step(&mut self, out: &mut BytesMut, enough: usize) -> WalkStep {
        if self.place().is_some() {
            self.run(out, enough);
            return WalkStep::Wrote;
        }
        let Some(family) = self.family() else {
            return WalkStep::AtOwn;
        };
        match (family.samples, self.org()) {
            (Samples::View(value), _) => {
                let value = value(&self.scrape.view);
                self.lines.sample(out, family.metric, value);
                self.next_family();
            }
            (Samples::EachUser, Some(org))
                if self.scrape.view.user_series == UserSeries::PerUser =>
            {
                if org.facts.users.summary.columns.0.is_empty() {
                    self.next_org();
                } else {
                    self.lines.head(out, family.metric);
                    return WalkStep::AtUsers;
                }
            }
            _ => self.next_family(),
        }
        WalkStep::Wrote
    }

    /// Writes the daemon's own metrics and ends the page.
    pub(super) fn own(&mut self, out: &mut BytesMut, own: &SelfMetrics) {
        own.write(out, &mut self.lines, &self.scrape);
        process::write(out, &mut self.lines);
        self.lines.end(out);
    }

    /// What writes the users of the organisation at hand.
    pub(super) fn user_lines(&self) -> Option<UserLines> {
        let name = self.family()?.metric.name;
        let policy = &self.org()?.facts.policy;
        Some(UserLines::new(name, policy, self.scrape.view.user_names))
    }
}
