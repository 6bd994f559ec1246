//! The lines of organisations that are kept between scrapes, in runs: some organisations in one family. A run holds for
//! as long as the part of the facts that the family is written from says the same of each of them.

use super::deflate::{Deflater, Segment};

use super::encoder::Format;
use super::facts::Part;
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

/// What is kept; shared by all scrapes, bounded by the page of the last one.
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
    runs: HashMap<(Format, usize), BTreeMap<usize, Run>>,
}

/// The place of a run on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) format: Format,
    pub(super) family: usize,
    pub(super) part: Part,
    pub(super) first: usize,
    /// Whether the family's header stands before it already.
    pub(super) behind_head: bool,
}

/// The lines of some organisations in one family.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The number of the scrape that made it.
    made: u64,
    orgs: usize,
    behind_head: bool,
    /// How long the text is.
    length: usize,
    /// Stored where somebody asks for the page as text, and of short runs.
    text: Option<Bytes>,
    /// Stored where somebody asks for the page compressed.
    piece: Option<Segment>,
}

/// A run as it goes into a compressed page.
#[derive(Debug)]
pub(super) enum Body {
    /// Compressed on its own.
    Piece(Segment),
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

    /// The text of the next run of `walk`, which stands at `place`.
    pub(super) fn text(&self, walk: &mut Walk, place: Place) -> Bytes {
        let kept = self.run(walk.scrape(), place);
        if let Some(run) = &kept
            && let Some(text) = &run.text
        {
            walk.pass(run.orgs, run.length > 0);
            return text.clone();
        }
        let mut run = Run::write(walk, place);
        // The same facts of the same organisations make the same run; more of them may have come behind its end.
        run.piece = kept.filter(|kept| kept.orgs == run.orgs).and_then(|kept| kept.piece);
        let text = run.text.clone().unwrap_or_default();
        self.keep(place, run);
        text
    }

    /// The next run of `walk`, which stands at `place`, for a compressed page.
    pub(super) fn body(&self, walk: &mut Walk, place: Place, deflater: &mut Deflater) -> Body {
        let mut run = match self.run(walk.scrape(), place) {
            Some(run) => {
                walk.pass(run.orgs, run.length > 0);
                if let Some(body) = run.body() {
                    return body;
                }
                run
            }
            None => Run::write(walk, place),
        };
        let text = run.text.clone().unwrap_or_default();
        if run.length >= LEAST {
            run.piece = Some(deflater.segment(&text));
            // Whoever wants pages compressed seldom wants them as text.
            run.text = None;
        }
        let body = run.body().unwrap_or(Body::Text(text));
        self.keep(place, run);
        body
    }

    /// The run at a place, where what was kept still holds.
    fn run(&self, scrape: &Scrape, place: Place) -> Option<Run> {
        let memory = self.lock();
        let run = memory.runs.get(&place.family())?.get(&place.first)?;
        let orgs = place.first..place.first + run.orgs;
        let holds =
            run.behind_head == place.behind_head && scrape.says_since(orgs, place.part, run.made);
        holds.then(|| run.clone())
    }

    fn keep(&self, place: Place, run: Run) {
        let mut memory = self.lock();
        let runs = memory.runs.entry(place.family()).or_default();
        runs.retain(|first, _| *first <= place.first || *first >= place.first + run.orgs);
        runs.insert(place.first, run);
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

impl Run {
    fn write(walk: &mut Walk, place: Place) -> Self {
        let mut text = BytesMut::with_capacity(RUN + LEAST);
        let orgs = walk.run(&mut text, RUN);
        Self {
            made: walk.scrape().number,
            orgs,
            behind_head: place.behind_head,
            length: text.len(),
            text: Some(text.freeze()),
            piece: None,
        }
    }

    /// What a compressed page takes; `None` while it has yet to be compressed.
    fn body(&self) -> Option<Body> {
        let piece = self.piece.clone().map(Body::Piece);
        piece.or_else(|| {
            let short = self.text.clone().filter(|_| self.length < LEAST);
            short.map(Body::Text)
        })
    }
}

impl Place {
    const fn family(&self) -> (Format, usize) {
        (self.format, self.family)
    }
}
