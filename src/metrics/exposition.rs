//! The page as a stream of chunks: whoever sends it asks for the next one when the last has gone, and no more than a
//! chunk is ever in memory. All lines of a family follow each other, so the walk goes over the organisations once for
//! each family.

use super::facts::OrgFacts;
use super::families::{self, Family, Samples, Writer};
use super::gathered;
use super::lines::{Format, Lines};
use super::process;
use super::users::UserLines;
use crate::domain::policy::UserSeries;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use bytes::{Bytes, BytesMut};
use prometheus::HistogramTimer;
use prometheus::proto::MetricFamily;
use std::sync::Arc;

/// How much is handed over at a time: large enough that the system calls do not count, small enough for every cache.
pub const CHUNK: usize = 64 * 1024;
/// What one step may write beyond that: all series of one organisation in one family, or of one user.
const OVERHANG: usize = 8 * 1024;

/// A page on its way out, in chunks of about [`CHUNK`] bytes.
#[derive(Debug)]
pub struct Exposition {
    walk: Walk,
    users: Option<UserLines>,
    next_user: usize,
    buffer: BytesMut,
    _timer: HistogramTimer,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Some lines, or none.
    Wrote,
    /// The series of the users of the organisation at hand are next; the caller writes them and calls
    /// [`Walk::next_org`].
    AtUsers,
    /// The page has ended.
    End,
}

/// The walk over families and organisations.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) view: Arc<View>,
    orgs: Vec<OrgFacts>,
    lines: Lines,
    families: Vec<&'static Family>,
    /// The daemon's own counters, written last.
    own: Vec<MetricFamily>,
    family: usize,
    org: usize,
}

impl Walk {
    pub(super) fn new(
        view: Arc<View>,
        now: Timestamp,
        format: Format,
        own: Vec<MetricFamily>,
    ) -> Self {
        Self {
            orgs: OrgFacts::of(&view, now),
            view,
            lines: Lines::new(format),
            families: families::all().collect(),
            own,
            family: 0,
            org: 0,
        }
    }

    /// The organisation at hand.
    pub(super) fn org(&self) -> Option<&OrgFacts> {
        self.orgs.get(self.org)
    }

    pub(super) fn next_org(&mut self) {
        self.org += 1;
    }

    fn next_family(&mut self) {
        self.family += 1;
        self.org = 0;
    }

    /// Writes the next piece of the page.
    pub(super) fn step(&mut self, out: &mut BytesMut) -> Step {
        let Some(Family { metric, samples }) = self.families.get(self.family).copied() else {
            return self.finish(out);
        };
        match samples {
            Samples::View(value) => {
                self.lines.sample(out, metric, value(&self.view));
                self.next_family();
            }
            Samples::Org(write) => {
                if let Some(facts) = self.orgs.get(self.org) {
                    let lines = &mut self.lines;
                    lines.open(metric, &facts.org.policy.name);
                    write(&mut Writer { out, lines, metric }, facts);
                    self.next_org();
                } else {
                    self.next_family();
                }
            }
            Samples::Users => match self.orgs.get(self.org) {
                Some(facts) if self.view.user_series == UserSeries::PerUser => {
                    if facts.org.summary.columns.0.is_empty() {
                        self.next_org();
                    } else {
                        self.lines.head(out, metric);
                        return Step::AtUsers;
                    }
                }
                _ => self.next_family(),
            },
        }
        Step::Wrote
    }

    fn finish(&mut self, out: &mut BytesMut) -> Step {
        if self.family == self.families.len() {
            self.family += 1;
            gathered::write(out, &mut self.lines, &self.own);
            process::write(out, &mut self.lines);
            self.lines.end(out);
        }
        Step::End
    }

    /// What writes the users of the organisation at hand.
    pub(super) fn user_lines(&self) -> Option<UserLines> {
        let name = self.families.get(self.family)?.metric.name;
        let facts = self.org()?;
        Some(UserLines::new(
            name,
            facts.name(),
            facts.objects(),
            self.view.user_names,
        ))
    }
}

impl Exposition {
    pub(super) fn new(walk: Walk, timer: HistogramTimer) -> Self {
        Self {
            walk,
            users: None,
            next_user: 0,
            buffer: BytesMut::new(),
            _timer: timer,
        }
    }

    /// Appends the next chunk to `out`; false when the page has ended, which may come with its last bytes.
    pub fn next_chunk(&mut self, out: &mut BytesMut) -> bool {
        out.reserve(CHUNK + OVERHANG);
        let enough = out.len() + CHUNK;
        while out.len() < enough {
            match self.walk.step(out) {
                Step::Wrote => {}
                Step::AtUsers => self.put_users(out, enough),
                Step::End => return false,
            }
        }
        true
    }

    fn put_users(&mut self, out: &mut BytesMut, enough: usize) {
        let Some(facts) = self.walk.org() else { return };
        let columns = Arc::clone(&facts.org.summary.columns);
        if self.users.is_none() {
            self.users = self.walk.user_lines();
        }
        if let Some(lines) = self.users.as_mut() {
            self.next_user = lines.fill(out, &columns, self.next_user, usize::MAX, enough);
        }
        if self.next_user >= columns.0.len() {
            self.users = None;
            self.next_user = 0;
            self.walk.next_org();
        }
    }
}

/// The chunks, each as an allocation that can be sent as it is; the room of a chunk that has gone is used again.
impl Iterator for Exposition {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.next_chunk(&mut buffer);
        let chunk = buffer.split().freeze();
        self.buffer = buffer;
        (!chunk.is_empty()).then_some(chunk)
    }
}
