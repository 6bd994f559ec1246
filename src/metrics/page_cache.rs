//! The lines of organisations that compressed pages share, in runs: some organisations in one family. A run holds for as
//! long as the part of the facts that the family is written from says the same of each of them.

use super::encoder::PageFormat;
use super::facts::Part;
use super::gzip::{CompressedPiece, Deflater};
use super::scrape::Scrape;
use super::walk::Walk;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much text a run has: enough to compress as well as the whole, little enough that an organisation in which
/// something changed takes few others with it.
const RUN: usize = 32 * 1024;
/// A run of less than this is compressed with what stands around it: a piece costs a header and tables of its own.
const LEAST: usize = 4 * 1024;

/// What scrapes share, bounded by the page of the last one.
#[derive(Debug, Default)]
pub(super) struct PageCache {
    memory: Mutex<Memory>,
    /// Held while organisations are judged, so that two scrapes do not judge the same View; what was made meanwhile is
    /// read beside it.
    judging: Mutex<()>,
}

#[derive(Debug, Default)]
struct Memory {
    last: Option<Arc<Scrape>>,
    /// The runs of a family (by format and place on the page), by their first organisation.
    runs: HashMap<(PageFormat, usize), BTreeMap<usize, Run>>,
}

/// The place of a run on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunPlace {
    /// The format, and the family's place on the page.
    pub(super) family: (PageFormat, usize),
    pub(super) part: Part,
    pub(super) first: usize,
    /// Whether the family's header stands before it already.
    pub(super) behind_head: bool,
}

/// The lines of some organisations in one family.
#[derive(Debug, Clone)]
struct Run {
    /// The number of the scrape that made it.
    made: u64,
    orgs: usize,
    behind_head: bool,
    body: RunBody,
}

/// A run as it goes into a compressed page.
#[derive(Debug, Clone)]
pub(super) enum RunBody {
    /// Compressed on its own.
    Piece(CompressedPiece),
    /// Too short for that.
    Text(Bytes),
}

impl PageCache {
    /// What a scrape of `view` at `now` knows.
    pub(super) fn scrape(&self, view: Arc<View>, now: Timestamp) -> Arc<Scrape> {
        let _judging = self.judging.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.lock().last.clone();
        if let Some(last) = last.as_ref().filter(|last| last.serves(&view, now)) {
            return Arc::clone(last);
        }
        let scrape = Arc::new(Scrape::after(last.as_deref(), view, now));
        let mut memory = self.lock();
        memory.last = Some(Arc::clone(&scrape));
        for runs in memory.runs.values_mut() {
            runs.split_off(&scrape.orgs.len());
        }
        scrape
    }

    /// The next run of `walk`, which stands at `place`.
    pub(super) fn body(
        &self,
        walk: &mut Walk,
        place: RunPlace,
        deflater: &mut Deflater,
    ) -> RunBody {
        if let Some(run) = self.run(walk.scrape(), place) {
            let is_empty = matches!(&run.body, RunBody::Text(text) if text.is_empty());
            walk.pass(run.orgs, !is_empty);
            return run.body;
        }
        let mut text = BytesMut::with_capacity(RUN + LEAST);
        let orgs = walk.run(&mut text, RUN);
        let body = if text.len() >= LEAST {
            RunBody::Piece(deflater.compress(&text))
        } else {
            RunBody::Text(text.freeze())
        };
        let (made, behind_head) = (walk.scrape().number, place.behind_head);
        let mut memory = self.lock();
        let runs = memory.runs.entry(place.family).or_default();
        runs.retain(|first, _| *first <= place.first || *first >= place.first + orgs);
        runs.insert(place.first, Run { made, orgs, behind_head, body: body.clone() });
        body
    }

    /// The run at a place, where an earlier one still holds.
    fn run(&self, scrape: &Scrape, place: RunPlace) -> Option<Run> {
        let memory = self.lock();
        let run = memory.runs.get(&place.family)?.get(&place.first)?;
        let orgs = place.first..place.first + run.orgs;
        let holds =
            run.behind_head == place.behind_head && scrape.says_since(orgs, place.part, run.made);
        holds.then(|| run.clone())
    }

    #[cfg(test)]
    pub(super) fn orgs_with_users(&self) -> Vec<String> {
        let last = self.lock().last.clone();
        let orgs = last.iter().flat_map(|scrape| &scrape.orgs);
        orgs.filter(|org| org.users.is_some())
            .map(|org| org.facts.policy.name.to_string())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
