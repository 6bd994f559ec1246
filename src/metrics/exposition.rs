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
        let mut out = std::mem::take(&mut self.buffer);
        out.reserve(CHUNK + OVERHANG);
        while !self.ended && out.len() < CHUNK {
            if let Some(place) = self.walk.place().filter(|place| place.part != Part::Ages) {
                self.cache.text(&mut self.walk, place, &mut out);
                continue;
            }
            match self.walk.step(&mut out, CHUNK) {
                WalkStep::Wrote => {}
                WalkStep::AtUsers => self.put_users(&mut out, CHUNK),
                WalkStep::AtOwn => {
                    self.walk.own(&mut out, &self.own);
                    self.ended = true;
                }
            }
        }
        let chunk = out.split().freeze();
        self.buffer = out;
        (!chunk.is_empty()).then_some(chunk)
    }
}
