//! The lines of organisations that pages share, in runs: some organisations in one family. A run holds for as
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

/// The most text that is held for pages that are not compressed: all but users and ages of 1,500 organisations. Prometheus
/// has its pages compressed; what is beyond is written anew for who has not.
const TEXT_HELD: usize = 32 << 20;

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
    /// The runs of a family (by format and place on the page), by their first organisation: for compressed pages, and for
    /// pages of text.
    runs: HashMap<RunKey, BTreeMap<usize, Run>>,
    /// How much text is held.
    text: usize,
}

/// The format, the family's place on the page, and whether it is for a page of text.
type RunKey = (PageFormat, usize, bool);

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

impl Run {
    fn text(&self) -> usize {
        if let RunBody::Text(text) = &self.body { text.len() } else { 0 }
    }
}

/// A run as it goes into a page.
#[derive(Debug, Clone)]
pub(super) enum RunBody {
    /// Compressed on its own.
    Piece(CompressedPiece),
    /// Too short for that, or for a page of text.
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
        let memory = &mut *memory;
        for runs in memory.runs.values_mut() {
            runs.split_off(&scrape.orgs.len());
        }
        memory.text = memory.runs.values().flat_map(BTreeMap::values).map(Run::text).sum();
        scrape
    }

    /// The next run of `walk`, which stands at `place`, for a compressed page.
    pub(super) fn compressed(
        &self,
        walk: &mut Walk,
        place: RunPlace,
        deflater: &mut Deflater,
    ) -> RunBody {
        let key = (place.family.0, place.family.1, false);
        if let Some(body) = self.pass(walk, place, key) {
            return body;
        }
        let mut text = BytesMut::with_capacity(RUN + LEAST);
        let orgs = walk.run(&mut text, RUN);
        let body = if text.len() >= LEAST {
            RunBody::Piece(deflater.compress(&text))
        } else {
            RunBody::Text(Bytes::copy_from_slice(&text))
        };
        self.hold(walk.scrape(), place, key, orgs, body.clone());
        body
    }

    /// Appends the next run of `walk`, which stands at `place`, to a page of text.
    pub(super) fn text(&self, walk: &mut Walk, place: RunPlace, out: &mut BytesMut) {
        let key = (place.family.0, place.family.1, true);
        if let Some(RunBody::Text(text)) = self.pass(walk, place, key) {
            out.extend_from_slice(&text);
            return;
        }
        let begin = out.len();
        let orgs = walk.run(out, begin + RUN);
        // What is new now may be new at the next scrape, too: a copy of it would be for nothing.
        let scrape = walk.scrape();
        if scrape.says_since(place.first..place.first + orgs, place.part, scrape.number - 1) {
            let text = out.get(begin..).map(Bytes::copy_from_slice).unwrap_or_default();
            self.hold(scrape, place, key, orgs, RunBody::Text(text));
        }
    }

    /// An earlier run that still holds; the walk has passed over its organisations.
    fn pass(&self, walk: &mut Walk, place: RunPlace, key: RunKey) -> Option<RunBody> {
        let run = self.lock().runs.get(&key)?.get(&place.first)?.clone();
        let orgs = place.first..place.first + run.orgs;
        if run.behind_head != place.behind_head
            || !walk.scrape().says_since(orgs, place.part, run.made)
        {
            return None;
        }
        walk.pass(run.orgs, !matches!(&run.body, RunBody::Text(text) if text.is_empty()));
        Some(run.body)
    }

    /// Holds a run of `orgs` organisations for later pages, as long as the bound allows it.
    fn hold(&self, scrape: &Scrape, place: RunPlace, key: RunKey, orgs: usize, body: RunBody) {
        let run = Run { made: scrape.number, orgs, behind_head: place.behind_head, body };
        let memory = &mut *self.lock();
        let runs = memory.runs.entry(key).or_default();
        for (_, gone) in runs.extract_if(place.first..place.first + orgs, |_, _| true) {
            memory.text -= gone.text();
        }
        if memory.text + run.text() <= TEXT_HELD {
            memory.text += run.text();
            runs.insert(place.first, run);
        }
    }

    #[cfg(test)]
    pub(super) fn orgs_with_users(&self) -> Vec<String> {
        let last = self.lock().last.clone();
        let orgs = last.iter().flat_map(|scrape| &scrape.orgs);
        orgs.filter(|org| org.users.is_some())
            .map(|org| org.facts.policy.name.to_string())
            .collect()
    }

    #[cfg(test)]
    pub(super) fn text_held(&self) -> usize {
        self.lock().text
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
