//! The page as one gzip member (RFC 1952), put together from cached pieces and from what has changed since they were made. Never several members: common readers stop after the first.

use super::facts::Part;
use super::page_cache::{PageCache, RunBody};
use super::self_metrics::SelfMetrics;
use super::users::{UserLines, UserPieces};
use super::walk::{Walk, WalkStep};
use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};
use prometheus::HistogramTimer;
use std::sync::Arc;

/// No name, no time, an unknown system: the same page is the same bytes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// How much text is handed to the compressor at a time.
const TEXT: usize = 64 * 1024;
/// How much is handed over at a time, at least.
const ENOUGH: usize = 32 * 1024;

/// A compressed page on its way out. The pieces are the whole body, in order.
#[derive(Debug)]
pub struct GzipExposition {
    walk: Walk,
    cache: Arc<PageCache>,
    own: Arc<SelfMetrics>,
    /// Compresses what is not cached.
    deflater: Deflater,
    /// Compresses what will be cached.
    pieces: Deflater,
    /// Checksum and length of all text so far.
    check: crc32fast::Hasher,
    text: BytesMut,
    /// Whether the compressor has text whose piece has not ended.
    within: bool,
    users: Option<UsersAtHand>,
    progress: Progress,
    _timer: Option<HistogramTimer>,
}

#[derive(Debug)]
enum Progress {
    /// The page is being made; these pieces have been handed over.
    Making(Vec<Bytes>),
    /// It was made before, and is handed over from the piece of this number on.
    Made { pieces: Arc<[Bytes]>, next: usize },
    /// The trailer has been handed over.
    Ended,
}

/// The users that are being written.
#[derive(Debug)]
struct UsersAtHand {
    lines: UserLines,
    pieces: Arc<UserPieces>,
    next: usize,
}

impl GzipExposition {
    pub(super) fn new(
        walk: Walk,
        cache: Arc<PageCache>,
        own: Arc<SelfMetrics>,
        timer: Option<HistogramTimer>,
    ) -> Self {
        let progress = match walk.scrape().pages[walk.format()].get().cloned() {
            Some(pieces) => Progress::Made { pieces, next: 0 },
            None => Progress::Making(Vec::new()),
        };
        Self {
            walk,
            cache,
            own,
            deflater: Deflater::default(),
            pieces: Deflater::default(),
            check: crc32fast::Hasher::new(),
            text: BytesMut::new(),
            within: false,
            users: None,
            progress,
            _timer: timer,
        }
    }

    /// Compresses what has been written since.
    fn compress(&mut self, out: &mut Vec<u8>) {
        if !self.text.is_empty() {
            self.check.update(&self.text);
            self.deflater.write(&self.text, out);
            self.text.clear();
            self.within = true;
        }
    }

    /// Ends the piece at hand, so that another can follow.
    fn end_piece(&mut self, out: &mut Vec<u8>) {
        self.compress(out);
        if self.within {
            self.deflater.end_piece(out);
            self.within = false;
        }
    }

    /// Makes the page for scrapes of the same View to come.
    pub(super) fn prepare(mut self) {
        while let Progress::Making(made) = std::mem::replace(&mut self.progress, Progress::Ended) {
            self.advance(made);
        }
    }

    /// Makes the next piece of the page, and caches the page when that was the last.
    fn advance(&mut self, mut made: Vec<Bytes>) -> Bytes {
        let piece = self.make(!made.is_empty());
        let last = piece.is_none();
        let piece = piece.unwrap_or_else(|| self.end());
        made.push(piece.clone());
        if last {
            let page = &self.walk.scrape().pages[self.walk.format()];
            // Of two scrapes that made it at the same time, either will do.
            let _other_was_first = page.set(made.into()).is_err();
        } else {
            self.progress = Progress::Making(made);
        }
        piece
    }

    /// The next part of the page up to the daemon's own metrics; `None` when that has been made.
    fn make(&mut self, begun: bool) -> Option<Bytes> {
        if let Some(bytes) = self.next_users() {
            return Some(bytes);
        }
        let mut out = Vec::new();
        if !begun {
            out.extend_from_slice(&HEADER);
        }
        while out.len() < ENOUGH {
            match self.walk.place() {
                Some(place) if place.part != Part::Ages => {
                    match self.cache.compressed(&mut self.walk, place, &mut self.pieces) {
                        RunBody::Text(text) => self.text.extend_from_slice(&text),
                        RunBody::Piece(piece) => {
                            self.end_piece(&mut out);
                            self.check.combine(&piece.check);
                            out.extend_from_slice(&piece.bytes);
                        }
                    }
                }
                _ => match self.walk.step(&mut self.text, TEXT) {
                    WalkStep::Wrote => {}
                    WalkStep::AtUsers => {
                        self.end_piece(&mut out);
                        self.begin_users();
                        if !out.is_empty() {
                            break;
                        }
                        return self.next_users();
                    }
                    WalkStep::AtOwn => {
                        self.end_piece(&mut out);
                        break;
                    }
                },
            }
            if self.text.len() >= TEXT {
                self.compress(&mut out);
            }
        }
        (!out.is_empty()).then(|| out.into())
    }

    /// Looks up the pieces of the users of the organisation at hand.
    fn begin_users(&mut self) {
        let pieces = self.walk.org().and_then(|org| org.users.clone());
        let at_hand = |(lines, pieces)| UsersAtHand { lines, pieces, next: 0 };
        self.users = self.walk.user_lines().zip(pieces).map(at_hand);
    }

    /// The next piece of the users at hand; behind the last of them the walk goes on.
    fn next_users(&mut self) -> Option<Bytes> {
        let users = self.users.as_mut()?;
        let block =
            users.pieces.block(users.next, &mut users.lines, &mut self.pieces, &mut self.text);
        self.text.clear();
        users.next += 1;
        if let Some(block) = block {
            self.check.combine(&block.check);
            return Some(block.bytes);
        }
        self.users = None;
        self.walk.next_org();
        None
    }

    /// The daemon's own metrics and the trailer. They are part of the cached page: collecting and compressing some counters of
    /// each organisation takes longer than sending all that is known of it.
    fn end(&mut self) -> Bytes {
        let mut out = Vec::new();
        self.walk.own(&mut self.text, &self.own);
        self.compress(&mut out);
        self.deflater.finish(&mut out);
        out.extend_from_slice(&self.check.clone().finalize().to_le_bytes());
        // The format has the length modulo 2³².
        let length = self.check.total_len() as u32;
        out.extend_from_slice(&length.to_le_bytes());
        out.into()
    }
}

impl Iterator for GzipExposition {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.progress, Progress::Ended) {
            Progress::Ended => None,
            Progress::Making(made) => Some(self.advance(made)),
            Progress::Made { pieces, next } => {
                let piece = pieces.get(next).cloned()?;
                let next = next + 1;
                self.progress = Progress::Made { pieces, next };
                Some(piece)
            }
        }
    }
}

/// How much is added when the output is full.
const GROWTH: usize = 16 * 1024;

/// A compressed piece with the checksum and length of its text.
#[derive(Debug, Clone)]
pub(super) struct CompressedPiece {
    pub(super) bytes: Bytes,
    pub(super) check: crc32fast::Hasher,
}

/// Raw deflate in pieces that can be put one behind the other (RFC 1951): each refers to nothing before it and ends at a
/// whole byte with an empty block, as a synchronising flush leaves it. It takes a quarter of a megabyte from its first use
/// on.
#[derive(Debug, Default)]
pub(super) struct Deflater(Option<Compress>);

impl Deflater {
    fn compressor(&mut self) -> &mut Compress {
        // The fastest level: a scrape waits for it, and metrics compress twelvefold all the same.
        self.0.get_or_insert_with(|| Compress::new(Compression::fast(), false))
    }

    /// Compresses `text` as part of the piece at hand; `out` may get nothing yet.
    pub(super) fn write(&mut self, text: &[u8], out: &mut Vec<u8>) {
        self.run(text, FlushCompress::None, out);
    }

    /// Ends the piece at hand; the next one refers to nothing before it.
    pub(super) fn end_piece(&mut self, out: &mut Vec<u8>) {
        self.run(&[], FlushCompress::Sync, out);
        self.compressor().reset();
    }

    /// Ends the last piece and the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.run(&[], FlushCompress::Finish, out);
        self.compressor().reset();
    }

    /// A whole piece of its own.
    pub(super) fn compress(&mut self, text: &[u8]) -> CompressedPiece {
        let mut bytes = Vec::with_capacity(text.len() / 8);
        self.write(text, &mut bytes);
        self.end_piece(&mut bytes);
        bytes.shrink_to_fit();
        let mut check = crc32fast::Hasher::new();
        check.update(text);
        CompressedPiece { bytes: bytes.into(), check }
    }

    fn run(&mut self, text: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        let compressor = self.compressor();
        let mut rest = text;
        loop {
            out.reserve(GROWTH);
            let taken = compressor.total_in();
            // An error would mean that the compressor's state is damaged; the page then ends short and its checksum says so.
            let Ok(status) = compressor.compress_vec(rest, out, flush) else {
                return;
            };
            let taken = usize::try_from(compressor.total_in() - taken).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            // Space that is left says that nothing is held back but what a flush would bring.
            let settled = out.len() < out.capacity();
            if rest.is_empty() && settled || status == Status::StreamEnd {
                return;
            }
        }
    }
}
