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
    /// How much is held for pages of text.
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
        let mut text = 0;
        for ((_, _, is_text), runs) in &mut memory.runs {
            runs.split_off(&scrape.orgs.len());
            text += if *is_text { runs.values().map(Run::text).sum() } else { 0 };
        }
        memory.text = text;
        scrape
    }

    /// The next run of `walk`, which stands at `place`: compressed where there is a deflater.
    pub(super) fn body(
        &self,
        walk: &mut Walk,
        place: RunPlace,
        deflater: Option<&mut Deflater>,
    ) -> RunBody {
        let is_text = deflater.is_none();
        let key = (place.family.0, place.family.1, is_text);
        if let Some(run) = self.run(walk.scrape(), place, key) {
            let is_empty = matches!(&run.body, RunBody::Text(text) if text.is_empty());
            walk.pass(run.orgs, !is_empty);
            return run.body;
        }
        let mut text = BytesMut::with_capacity(RUN + LEAST);
        let orgs = walk.run(&mut text, RUN);
        let body = match deflater {
            Some(deflater) if text.len() >= LEAST => RunBody::Piece(deflater.compress(&text)),
            _ => RunBody::Text(Bytes::copy_from_slice(&text)),
        };
        let (made, behind_head) = (walk.scrape().number, place.behind_head);
        let mut memory = self.lock();
        let mut held = memory.text;
        let runs = memory.runs.entry(key).or_default();
        runs.retain(|first, run| {
            let stays = *first < place.first || *first >= place.first + orgs;
            held -= if is_text && !stays { run.text() } else { 0 };
            stays
        });
        if !is_text || held + text.len() <= TEXT_HELD {
            held += if is_text { text.len() } else { 0 };
            runs.insert(place.first, Run { made, orgs, behind_head, body: body.clone() });
        }
        memory.text = held;
        body
    }

    /// The run at a place, where an earlier one still holds.
    fn run(&self, scrape: &Scrape, place: RunPlace, key: RunKey) -> Option<Run> {
        let memory = self.lock();
        let run = memory.runs.get(&key)?.get(&place.first)?;
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

    #[cfg(test)]
    pub(super) fn text_held(&self) -> usize {
        self.lock().text
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
