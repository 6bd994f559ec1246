//! Raw deflate in pieces that can be put one behind the other (RFC 1951): each refers to nothing before it and ends at a
//! whole byte with an empty block, as a synchronising flush leaves it.

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};

/// How much is added when the output is full.
const GROWTH: usize = 16 * 1024;

/// A compressed piece with the checksum and length of its text.
#[derive(Debug, Clone)]
pub(super) struct CompressedPiece {
    pub(super) bytes: Bytes,
    pub(super) check: crc32fast::Hasher,
}

/// A compressor for one piece after another; it takes a quarter of a megabyte from its first use on.
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
