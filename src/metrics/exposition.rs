//! The page as text, in a stream of chunks: whoever sends it takes the next one when the last has gone, and no more than
//! a chunk is ever in memory.

use super::facts::Part;
use super::page_cache::PageCache;
use super::self_metrics::SelfMetrics;
use super::users::UserLines;
use super::walk::{Walk, WalkStep};
use bytes::{Bytes, BytesMut};
use prometheus::HistogramTimer;
use std::sync::Arc;

/// How much is handed over at a time: large enough that the system calls do not count, small enough for every cache.
const CHUNK: usize = 64 * 1024;
/// What one step may write beyond that: a run of organisations in one family, or all series of one user.
const OVERHANG: usize = 40 * 1024;

/// A page on its way out, in chunks of about 64 KiB bytes.
#[derive(Debug)]
pub struct TextExposition {
    walk: Walk,
    cache: Arc<PageCache>,
    own: Arc<SelfMetrics>,
    users: Option<UserLines>,
    next_user: usize,
    ended: bool,
    buffer: BytesMut,
    _timer: HistogramTimer,
}

impl TextExposition {
    pub(super) fn new(
        walk: Walk,
        cache: Arc<PageCache>,
        own: Arc<SelfMetrics>,
        timer: HistogramTimer,
    ) -> Self {
        let buffer = BytesMut::new();
        Self { walk, cache, own, users: None, next_user: 0, ended: false, buffer, _timer: timer }
    }

    /// Appends the next chunk to `out`; false when the page has ended, which may come with its last bytes.
    pub fn next_chunk(&mut self, out: &mut BytesMut) -> bool {
        if self.ended {
            return false;
        }
        out.reserve(CHUNK + OVERHANG);
        let enough = out.len() + CHUNK;
        while out.len() < enough {
            if let Some(place) = self.walk.place().filter(|place| place.part != Part::Ages) {
                self.cache.text(&mut self.walk, place, out);
                continue;
            }
            match self.walk.step(out, enough) {
                WalkStep::Wrote => {}
                WalkStep::AtUsers => self.put_users(out, enough),
                WalkStep::AtOwn => {
                    self.walk.own(out, &self.own);
                    self.ended = true;
                    return false;
                }
            }
        }
        true
    }

    fn put_users(&mut self, out: &mut BytesMut, enough: usize) {
        let Some(org) = self.walk.org() else { return };
        let columns = Arc::clone(&org.facts.users.summary.columns);
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

/// The chunks, each as an allocation that can be sent as it is; the buffer of a chunk that has gone is used again.
impl Iterator for TextExposition {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.next_chunk(&mut buffer);
        let chunk = buffer.split().freeze();
        self.buffer = buffer;
        (!chunk.is_empty()).then_some(chunk)
    }
}
