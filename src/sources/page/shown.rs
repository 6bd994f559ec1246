//! What a page shows, piece by piece, whatever it was made of.

use crate::domain::problem::ProblemReason;
use crate::sources::ingest_error::{IngestError, invisible};

/// The most pieces of a page; a page full of other things has some thousands.
const MAX_PIECES: usize = 100_000;
/// The longest text of a piece; the rest is cut: several times the longest label with its value.
const MAX_TEXT_BYTES: usize = 1024;

/// A piece: what stands in one cell, paragraph or line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Piece {
    /// The line it stands on, from 1; 0 where that says nothing.
    pub(super) line: u64,
    /// Its text, in one line, without characters that show nothing.
    pub(super) text: String,
    /// Its pictures of a check (`true`) or an X.
    pub(super) marks: Vec<bool>,
}

/// A page as pieces.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) pieces: Vec<Piece>,
    /// Whether the page ends within its last piece.
    pub(super) cut: bool,
    open: Piece,
}

impl Shown {
    /// Adds text to the open piece.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            if self.open.text.len() >= MAX_TEXT_BYTES {
                break;
            }
            if character.is_whitespace() {
                self.space();
            } else if !invisible(character) && !character.is_control() {
                self.open.text.push(character);
            }
        }
    }

    /// Parts two words of the open piece.
    pub(super) fn space(&mut self) {
        if !self.open.text.is_empty() && !self.open.text.ends_with(' ') {
            self.open.text.push(' ');
        }
    }

    /// Adds a mark to the open piece; a picture is often named twice, and two say no more than one.
    pub(super) fn mark(&mut self, mark: bool) {
        if !self.open.marks.contains(&mark) {
            self.open.marks.push(mark);
        }
    }

    /// Whether the open piece shows anything.
    pub(super) fn is_open(&self) -> bool {
        !self.open.text.trim_end().is_empty() || !self.open.marks.is_empty()
    }

    /// Ends the open piece.
    ///
    /// # Errors
    /// When the page has too many.
    pub(super) fn end(&mut self, line: u64) -> Result<(), IngestError> {
        let is_open = self.is_open();
        let mut piece = std::mem::take(&mut self.open);
        if !is_open {
            return Ok(());
        }
        if self.pieces.len() >= MAX_PIECES {
            return Err(IngestError::whole(
                ProblemReason::DecodedTooLarge,
                format!(
                    "the page has more than {MAX_PIECES} pieces of text; save the frame of the status page alone"
                ),
            ));
        }
        let length = piece.text.trim_end().len();
        piece.text.truncate(length);
        piece.line = line;
        self.pieces.push(piece);
        Ok(())
    }
}

/// Splits a text. Cells are parted by tabs, bars or several spaces, as browsers, tables in text and terminals do.
pub(super) fn split(body: &str) -> Result<Shown, IngestError> {
    let mut shown = Shown::default();
    for (index, line) in body.lines().enumerate() {
        let number = index as u64 + 1;
        let line = line.trim_start_matches([' ', '\u{2022}', '\u{b7}', '*']);
        let cells = line.split(['\t', '|']);
        for cell in cells.flat_map(|cell| cell.split("  ")) {
            shown.text(cell);
            shown.end(number)?;
        }
    }
    Ok(shown)
}
