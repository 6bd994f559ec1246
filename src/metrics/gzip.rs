//! The page as one gzip member (RFC 1952), put together from pieces: families of organisations are compressed as they
//! are written, those of users come from the pieces that are kept. Never several members: common readers stop after
//! the first.

use super::deflate::Deflater;
use super::exposition::{CHUNK, Step, Walk};
use super::segments::{OrgSegments, Segments};
use super::users::UserLines;
use bytes::{Bytes, BytesMut};
use prometheus::HistogramTimer;
use std::sync::Arc;

/// No name, no time, an unknown system: the same page is the same bytes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// A compressed page on its way out. The pieces are the whole body, in order.
#[derive(Debug)]
pub struct GzipExposition {
    walk: Walk,
    segments: Arc<Segments>,
    deflater: Deflater,
    /// Checksum and length of all text so far.
    check: crc32fast::Hasher,
    text: BytesMut,
    /// The users that are being written.
    users: Option<Users>,
    state: State,
    _timer: HistogramTimer,
}

#[derive(Debug)]
struct Users {
    lines: UserLines,
    segments: Arc<OrgSegments>,
    next: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been written, not even the header.
    Begun,
    /// Between pieces: nothing is waiting in the compressor.
    Between,
    /// A piece is being compressed.
    Within,
    /// The trailer has been written.
    Ended,
}

impl GzipExposition {
    pub(super) fn new(walk: Walk, segments: Arc<Segments>, timer: HistogramTimer) -> Self {
        segments.retain(&walk.view);
        Self {
            walk,
            segments,
            deflater: Deflater::new(),
            check: crc32fast::Hasher::new(),
            text: BytesMut::with_capacity(CHUNK),
            users: None,
            state: State::Begun,
            _timer: timer,
        }
    }

    /// Compresses what has been written since.
    fn compress(&mut self, out: &mut Vec<u8>) {
        if !self.text.is_empty() {
            self.check.update(&self.text);
            self.deflater.write(&self.text, out);
            self.text.clear();
            self.state = State::Within;
        }
    }

    /// Ends the piece at hand, so that another can follow.
    fn end_piece(&mut self, out: &mut Vec<u8>) {
        self.compress(out);
        if self.state == State::Within {
            self.deflater.end_piece(out);
            self.state = State::Between;
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.compress(out);
        self.deflater.finish(out);
        out.extend_from_slice(&self.check.clone().finalize().to_le_bytes());
        // The format keeps the length modulo 2³².
        let length = self.check.total_len() as u32;
        out.extend_from_slice(&length.to_le_bytes());
        self.state = State::Ended;
    }

    /// The next piece of the users at hand.
    fn next_users(&mut self) -> Option<Bytes> {
        let users = self.users.as_mut()?;
        let block = users.segments.block(
            users.next,
            &mut users.lines,
            &mut self.deflater,
            &mut self.text,
        );
        self.text.clear();
        users.next += 1;
        let Some(block) = block else {
            self.users = None;
            self.walk.next_org();
            return None;
        };
        self.check.combine(&block.check);
        Some(block.bytes)
    }

    /// Looks up the pieces of the organisation at hand.
    fn begin_users(&mut self) {
        let names = self.walk.view.user_names;
        self.users = self.walk.user_lines().and_then(|lines| {
            let segments = self.segments.of(self.walk.org()?, names);
            Some(Users {
                lines,
                segments,
                next: 0,
            })
        });
    }
}

impl Iterator for GzipExposition {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        loop {
            if self.users.is_some() {
                match self.next_users() {
                    Some(bytes) => return Some(bytes),
                    None => continue,
                }
            }
            match self.state {
                State::Ended => return None,
                State::Begun => {
                    out.extend_from_slice(&HEADER);
                    self.state = State::Between;
                }
                State::Between | State::Within => {}
            }
            match self.walk.step(&mut self.text) {
                Step::Wrote => {
                    if self.text.len() >= CHUNK {
                        self.compress(&mut out);
                    }
                }
                Step::AtUsers => {
                    self.end_piece(&mut out);
                    self.begin_users();
                }
                Step::End => self.end(&mut out),
            }
            if !out.is_empty() && (self.text.is_empty() || self.state == State::Ended) {
                return Some(out.into());
            }
        }
    }
}
