//! Pasted text: one piece for each cell of each line.

use super::shown::Shown;
use crate::sources::ingest_error::IngestError;

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
