//! Tables of separated values, read record by record within bounds: what a table of separators alone costs is known
//! before it is read.

use super::ingest_error::IngestError;
use crate::domain::problem::ProblemReason;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// The most cells of a record: the columns that there are, or the hundred that an exported report may have, and some
/// empty ones.
const MAX_CELLS: usize = 128;
/// The longest record: several texts of errors with their stacks.
const MAX_RECORD_BYTES: usize = 1 << 20;
/// What most records fit into.
const USUAL_RECORD_BYTES: usize = 1024;

/// A table that is being read.
pub(super) struct Table<'a> {
    reader: Reader,
    separator: u8,
    rest: &'a [u8],
    /// The line that `rest` begins with.
    line: u64,
    text: Vec<u8>,
    ends: [usize; MAX_CELLS],
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'t> {
    /// The line that it begins with, from 1.
    pub(super) line: u64,
    text: &'t str,
    ends: &'t [usize],
}

impl<'t> Cells<'t> {
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&'t str> {
        let begin = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(begin..*self.ends.get(index)?)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'t str> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

impl<'a> Table<'a> {
    /// A table whose first line is `line` of the file.
    ///
    /// # Errors
    /// When a quote is never closed.
    pub(super) fn new(text: &'a str, separator: u8, line: u64) -> Result<Self, IngestError> {
        let quotes = memchr::memchr_iter(b'"', text.as_bytes()).count();
        if !quotes.is_multiple_of(2) {
            return Err(IngestError::whole(
                ProblemReason::Malformed,
                "in the table a quote is opened and never closed; send the whole table",
            ));
        }
        Ok(Self {
            reader: ReaderBuilder::new().delimiter(separator).build(),
            separator,
            rest: text.as_bytes(),
            line,
            text: vec![0; USUAL_RECORD_BYTES],
            ends: [0; MAX_CELLS],
        })
    }

    /// The next record that is not a blank line.
    ///
    /// # Errors
    /// When it has too many cells or is too long.
    pub(super) fn next(&mut self) -> Result<Option<Cells<'_>>, IngestError> {
        while let [b'\n' | b'\r', ..] = self.rest {
            self.skip(1);
        }
        let line = self.line;
        let (mut written, mut cells) = (0, 0);
        loop {
            let (result, read, wrote, ended) = self.reader.read_record(
                self.rest,
                self.text.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(cells..).unwrap_or_default(),
            );
            self.skip(read);
            (written, cells) = (written + wrote, cells + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() >= MAX_RECORD_BYTES => {
                    return Err(too_large(line, "is longer than 1 MiB"));
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => {
                    let separator = self.separator;
                    let more = self.rest.iter().position(|byte| *byte != separator);
                    self.skip(more.unwrap_or(self.rest.len()));
                    if !matches!(self.rest, [] | [b'\n' | b'\r', ..]) {
                        return Err(too_large(line, "has more than 128 cells"));
                    }
                    // Columns that are empty to the line's end: what comes next is another record.
                    self.reader.reset();
                    break;
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let text = self.text.get(..written).unwrap_or_default();
        Ok(Some(Cells {
            line,
            text: std::str::from_utf8(text).unwrap_or_default(),
            ends: self.ends.get(..cells).unwrap_or_default(),
        }))
    }

    /// Leaves bytes behind, with the lines that end among them.
    fn skip(&mut self, count: usize) {
        let (passed, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.line += lines(passed);
        // The two bytes of one line end may come apart.
        if passed.ends_with(b"\r") && rest.starts_with(b"\n") {
            self.line -= 1;
        }
        self.rest = rest;
    }
}

fn too_large(line: u64, what: &str) -> IngestError {
    IngestError::whole(
        ProblemReason::DecodedTooLarge,
        format!("line {line} of the table {what}; send the columns that are needed"),
    )
}

/// How many lines end in a text: with `\n`, `\r\n` or, as long ago, `\r`.
pub(super) fn lines(text: &[u8]) -> u64 {
    let ends = memchr::memchr2_iter(b'\n', b'\r', text);
    ends.filter(|at| text.get(*at..at + 2) != Some(b"\r\n")).count() as u64
}

/// The separator: spreadsheets write the one of their country, so the first line decides.
pub(super) fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty());
    let count = |of| memchr::memchr_iter(of, header.unwrap_or_default().as_bytes()).count();
    // The last of the largest: a comma where none is more frequent.
    [b'\t', b';', b','].into_iter().max_by_key(|of| count(*of)).unwrap_or(b',')
}

/// The separator that a first line `sep=;` names, which spreadsheets write for each other, and the text after it; its first
/// line is the end of that one.
pub(super) fn named_separator(text: &str) -> Option<(u8, &str)> {
    let (hint, rest) = text.split_at_checked(text.find(['\n', '\r'])?)?;
    let hint = hint.trim_matches(['"', ' ']);
    let (key, named) = hint.split_at_checked("sep=".len())?;
    let is_named = key.eq_ignore_ascii_case("sep=");
    match *named.as_bytes() {
        [named @ (b',' | b';' | b'\t')] if is_named => Some((named, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u64, Vec<String>)>, IngestError> {
        let mut table = Table::new(text, separator(text), 1)?;
        let mut rows = Vec::new();
        while let Some(cells) = table.next()? {
            rows.push((cells.line, cells.iter().map(str::to_owned).collect()));
        }
        Ok(rows)
    }

    #[test]
    fn a_record_knows_its_line_whatever_ends_lines_and_however_many_are_blank() {
        let rows = [
            "\n\n",
            "a,b",
            "\n",
            "1,\"x\ny\n\"",
            "\n",
            "\n",
            "2,\"\"\"\"",
            "\n",
            "3,z",
            "\n\n\n",
            "4,",
        ];
        let wanted: Vec<(u64, Vec<String>)> = [
            (3, ["a", "b"]),
            (4, ["1", "x|y|"]),
            (8, ["2", "\""]),
            (9, ["3", "z"]),
            (12, ["4", ""]),
        ]
        .map(|(line, cells)| (line, cells.map(str::to_owned).to_vec()))
        .to_vec();
        for end in ["\n", "\r\n", "\r"] {
            let text = rows.concat().replace('\n', end);
            let found: Vec<_> = read(&text)
                .unwrap()
                .into_iter()
                .map(|(line, cells)| {
                    let cells = cells.into_iter().map(|cell| cell.replace(end, "|"));
                    (line, cells.collect::<Vec<_>>())
                })
                .collect();
            assert_eq!(found, wanted, "{end:?}");
            assert_eq!(read(&format!("{text}{end}")).unwrap().len(), 5);
        }
    }

    #[test]
    fn a_record_is_bounded_before_it_is_read() {
        let wide = |cells: usize, last: &str| format!("a{}{last}\nb,c\n", ",".repeat(cells - 1));
        let of = |text: &str| {
            let rows = read(text).map_err(|error| error.detail)?;
            Ok::<_, String>(rows.iter().map(|row| row.1.len()).collect::<Vec<_>>())
        };
        assert_eq!(of(&wide(MAX_CELLS, "x")), Ok(vec![MAX_CELLS, 2]));
        assert_eq!(of(&wide(MAX_CELLS, "")), Ok(vec![MAX_CELLS, 2]));
        assert_eq!(of(&wide(MAX_CELLS + 1, "")), Ok(vec![MAX_CELLS, 2]));
        assert_eq!(of(&wide(1_000_000, "")), Ok(vec![MAX_CELLS, 2]));
        assert_eq!(of(wide(300, "").trim_end_matches("\nb,c\n")), Ok(vec![MAX_CELLS]));
        for last in ["x", "\"x\"", " "] {
            let wide = format!("\n{}", wide(MAX_CELLS + 1, last));
            assert_eq!(
                of(&wide).unwrap_err(),
                "line 2 of the table has more than 128 cells; send the columns that are needed"
            );
        }
        // Quotes within a cell hide no separator.
        let hidden = format!("a\"{}\"\n", ",x".repeat(MAX_CELLS));
        assert_eq!(
            of(&hidden).unwrap_err(),
            "line 1 of the table has more than 128 cells; send the columns that are needed"
        );
        let long = format!("a\n{}", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(of(&long), Ok(vec![1, 1]));
        assert_eq!(
            of(&format!("{long}x")).unwrap_err(),
            "line 2 of the table is longer than 1 MiB; send the columns that are needed"
        );
        assert_eq!(
            of("a\n\"b").unwrap_err(),
            "in the table a quote is opened and never closed; send the whole table"
        );
    }

    #[test]
    fn the_first_line_with_anything_in_it_names_the_separator() {
        for (text, of) in [
            ("", b','),
            ("a", b','),
            ("a;b\n1,2,3,4", b';'),
            ("\n \r\na\tb;c\td", b'\t'),
            ("a,b;c", b','),
            ("a;b\tc", b';'),
        ] {
            assert_eq!(separator(text), of, "{text:?}");
        }
    }
}
