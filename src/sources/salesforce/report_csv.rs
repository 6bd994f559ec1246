//! The sync error report as somebody exported it: CSV with labels in its first line, and below the table, after a blank
//! line, the report's name, whose it is and when it was made. Which encoding it has is the choice of whoever exports.

use super::report::{Columns, Report, Tally};
use crate::domain::problem::ProblemReason;
use crate::sources::ingest_error::{IngestError, quoted, without_mark};
use crate::sources::snapshot::MAX_USERS;
use crate::sources::table::{Cells, Table, lines, separator};
use std::borrow::Cow;

/// The largest table: some 50,000 rows with the text of an error in each.
const MAX_BYTES: usize = 16 << 20;

/// Reads an exported report. It does not tell whether rows were left out.
///
/// # Errors
/// When it is no whole table, has not the columns, or is too large.
pub fn read_csv(body: &[u8], columns: &Columns) -> Result<Report, IngestError> {
    if body.len() > MAX_BYTES {
        return Err(IngestError::whole(
            ProblemReason::DecodedTooLarge,
            "the report has more than 16 MiB; export it with fewer columns, two are enough",
        ));
    }
    let text = decoded(without_mark(body)?);
    if text.contains('\0') {
        return Err(malformed(
            "it has bytes that are no text; export it in UTF-8",
        ));
    }
    let table = text.trim_start();
    let first = text.get(..text.len() - table.len()).unwrap_or_default();
    let line = 1 + lines(first.as_bytes());
    let (table, below) = parts(table);
    let separator = separator(table);
    let mut rows = Table::new(table, separator, line)?;
    let Some(header) = rows.next()? else {
        return Err(malformed("it is empty; export the report again"));
    };
    let width = header.len();
    let object = place(header, &columns.object, "object_column")?;
    let user = place(header, &columns.user, "user_column")?;
    let mut tally = Tally::default();
    while let Some(record) = rows.next()? {
        if record.len() != width {
            return Err(malformed(format!(
                "its line {} has {} cells and the first {width}; export the report again as details only",
                record.line,
                record.len()
            )));
        }
        let users = tally.row(cell(record, object), filled(record, user));
        if users > MAX_USERS {
            return Err(IngestError::whole(
                ProblemReason::DecodedTooLarge,
                format!("the report names more than {MAX_USERS} users"),
            ));
        }
    }
    let mut rest = Table::new(below, separator, 1)?;
    while let Some(record) = rest.next()? {
        let is_row = filled(record, object).is_some() && filled(record, user).is_some();
        if record.len() == width && is_row {
            return Err(malformed(
                "rows go on below a blank line; export the report again as details only",
            ));
        }
    }
    Ok(tally.report(None))
}

/// UTF-8 or, where it is none, ISO 8859-1, which is what exports have unless somebody chooses.
fn decoded(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(body.iter().copied().map(char::from).collect()),
    }
}

/// The table, and what stands below the first blank line that is not within quotes. Spreadsheets write a blank line as
/// separators alone.
fn parts(text: &str) -> (&str, &str) {
    let (mut within, mut at) = (false, 0);
    for line in text.split_inclusive('\n') {
        let blank = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ';');
        if !within && line.chars().all(blank) {
            break;
        }
        within ^= !memchr::memchr_iter(b'"', line.as_bytes())
            .count()
            .is_multiple_of(2);
        at += line.len();
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn place(header: Cells<'_>, label: &str, key: &str) -> Result<usize, IngestError> {
    header
        .iter()
        .position(|cell| cell.trim() == label.trim())
        .ok_or_else(|| {
            IngestError::whole(
                ProblemReason::Invalid,
                format!(
                    "the report has no column {}, which orgs[].files.report.{key} names; write its label as the report shows it",
                    quoted(label)
                ),
            )
        })
}

fn cell(record: Cells<'_>, place: usize) -> &str {
    record.get(place).unwrap_or_default().trim()
}

fn filled(record: Cells<'_>, place: usize) -> Option<&str> {
    Some(cell(record, place)).filter(|cell| !cell.is_empty())
}

fn malformed(fault: impl std::fmt::Display) -> IngestError {
    IngestError::whole(
        ProblemReason::Malformed,
        format!("the file is no exported report: {fault}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOOTER: &str = "\n\n\"Sync errors\"\n\"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved.\"\n\"Confidential Information - Do Not Distribute\"\n\"Generated By:  Ann 5/1/2026 10:00 AM\"\n\"Acme, Inc.\"\n";

    fn columns() -> Columns {
        Columns {
            object: "Object".to_owned(),
            user: "User: Full Name".to_owned(),
        }
    }

    fn counted(body: &[u8]) -> ([u64; 3], [u64; 3]) {
        let report = read_csv(body, &columns()).unwrap();
        assert_eq!(report.truncated, None);
        (report.records, report.users)
    }

    fn refused(body: &[u8]) -> (ProblemReason, String) {
        let error = read_csv(body, &columns()).unwrap_err();
        (error.reason, error.detail)
    }

    const TABLE: &str = "\"User: Full Name\",\"Error\",\"Object\"\n\"Böhm, Ann\",\"He said \"\"no\"\"\n\nand, again\",\"Contact\"\n\"Böhm, Ann\",\"x\",\"CONTACT\"\n\"Bob\",\"\",\"Event\"\n\"\",\"\",\"Event\"\n\"Bob\",\"\",\"Task\"\n";
    const SAYS: ([u64; 3], [u64; 3]) = ([2, 2, 1], [1, 1, 1]);

    #[test]
    fn rows_are_counted_in_any_encoding_with_or_without_lines_below() {
        let whole = format!("{TABLE}{FOOTER}");
        assert_eq!(counted(TABLE.as_bytes()), SAYS);
        assert_eq!(counted(whole.as_bytes()), SAYS);
        assert_eq!(counted(format!("\u{feff}{whole}").as_bytes()), SAYS);
        assert_eq!(counted(whole.replace('\n', "\r\n").as_bytes()), SAYS);
        let latin: Vec<u8> = whole.chars().map(|letter| letter as u8).collect();
        assert_eq!(counted(&latin), SAYS);
        // As a spreadsheet saves it.
        let saved = "Object;User: Full Name\nEvent;Ann\n;\n;\nSync errors;\nAcme;\n";
        assert_eq!(counted(saved.as_bytes()), ([0, 1, 0], [0, 1, 0]));
    }

    #[test]
    fn a_report_without_rows_says_that_nothing_failed() {
        let body = format!("\"User: Full Name\",\"Object\"\n{FOOTER}");
        assert_eq!(counted(body.as_bytes()), ([0; 3], [0; 3]));
    }

    #[test]
    fn a_column_that_is_not_there_is_named_by_its_key() {
        for (header, key) in [
            ("User: Full Name,Error", "object_column"),
            ("Object,Owner", "user_column"),
            ("User: Full Name;Object,Error", "object_column"),
        ] {
            let (reason, detail) = refused(format!("{header}\na,b\n").as_bytes());
            assert_eq!(reason, ProblemReason::Invalid, "{detail}");
            assert!(detail.contains(key), "{detail}");
        }
    }

    #[test]
    fn what_is_no_whole_report_is_refused() {
        let good = "Object,User: Full Name\n";
        for (body, says) in [
            (String::new(), "empty"),
            ("\u{feff}\r\n\n".to_owned(), "empty"),
            (format!("{good}Event,\"An"), "never closed"),
            (format!("{good}Event\n"), "line 2 has 1 cells"),
            (format!("{good}Event,Ann,x\n"), "line 2 has 3 cells"),
            (format!("{good}Event,Ann\n\nEvent,Bob\n"), "blank line"),
            (format!("{good}\0Event,Ann\n"), "no text"),
        ] {
            let (reason, detail) = refused(body.as_bytes());
            assert_eq!(reason, ProblemReason::Malformed, "{detail}");
            assert!(detail.contains(says), "{detail}");
        }
        let (reason, _) = refused(&[0xff, 0xfe, b'O', 0, b'b', 0]);
        assert_eq!(reason, ProblemReason::Malformed);
    }

    #[test]
    fn hostile_tables_are_bounded() {
        let commas = vec![b','; MAX_BYTES + 1];
        assert_eq!(refused(&commas).0, ProblemReason::DecodedTooLarge);
        let mut users = "Object,User: Full Name\n".to_owned();
        users.extend((0..=MAX_USERS).map(|user| format!("Event,{user}\n")));
        assert_eq!(refused(users.as_bytes()).0, ProblemReason::DecodedTooLarge);
        let wide = format!("Object,User: Full Name{}\n", ",".repeat(MAX_BYTES - 100));
        assert_eq!(counted(wide.as_bytes()), ([0; 3], [0; 3]));
        let wide = format!("Object,User: Full Name{}x\n", ",".repeat(MAX_BYTES - 100));
        assert_eq!(
            refused(wide.as_bytes()).1,
            "line 1 of the table has more than 128 cells; send the columns that are needed"
        );
        let quotes = "\"".repeat(MAX_BYTES);
        assert_eq!(refused(quotes.as_bytes()).0, ProblemReason::DecodedTooLarge);
    }
}
