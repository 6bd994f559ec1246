//! Reads log files as they grow: over rotation, deletion and copies that are replaced by longer ones, each line once.
//!
//! Where it stopped is part of [`Positions`], which is stored together with what was added up. After a crash both are
//! as they were at the same instant, so that no line is lost and none counts twice.

use super::columns::{Columns, LogKind};
use crate::domain::time::Timestamp;
use chrono::{NaiveDate, TimeDelta};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much is read at once: large enough that system calls do not count, small beside the memory of the daemon.
const CHUNK: usize = 1 << 20;
/// The longest line; Exchange's own have at most a few thousand bytes.
const LONGEST_LINE: usize = 64 << 10;
/// How much of a file's beginning has to be the same for it to be the same file: the comment lines with their dates.
const BEGINNING: u64 = 512;
/// How many files one directory may have: 30 days of a busy server's files of 10 MB.
const MOST_FILES: usize = 20_000;
/// How long a file that is no longer listed is remembered: a share may be away for a night.
const REMEMBERED: TimeDelta = TimeDelta::hours(48);

/// One directory with one kind of log of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDirectory {
    /// The server's name, as configured.
    pub server: String,
    /// What its files are.
    pub kind: LogKind,
    /// Where it is.
    pub path: PathBuf,
}

/// How far one file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    offset: u64,
    /// A hash of the first `beginning_length` bytes.
    beginning: u128,
    beginning_length: u64,
    /// The row of column names that holds at `offset`.
    header: Option<String>,
    /// Whether `offset` lies within a line that is too long.
    skipping: bool,
    /// Size and time at the latest look, so that a file at rest is not opened.
    seen: Option<(u64, i64)>,
    listed_at: i64,
}

/// How far every file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions(BTreeMap<String, Position>);

/// What one look did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookReport {
    /// Bytes that were read.
    pub bytes: u64,
    /// Rows that were handed out.
    pub rows: u64,
    /// Lines that are too long, cut, or not text.
    pub unreadable: u64,
    /// Files with another product's columns.
    pub foreign_files: u64,
    /// Whether the budget ended before the files did.
    pub more: bool,
}

/// Reads what is new in a directory, at most `budget` bytes of it. Files of hours before `since` are left alone.
///
/// # Errors
/// When the directory or one of its files cannot be read; what was read before counts.
pub fn look(
    directory: &LogDirectory,
    positions: &mut Positions,
    (since, now): (Timestamp, Timestamp),
    budget: u64,
    take: &mut impl FnMut(&Columns, &[u8]) -> bool,
) -> io::Result<LookReport> {
    let mut report = LookReport::default();
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory.path)?.take(MOST_FILES) {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && LogKind::of_file(&name) == Some(directory.kind)
            && ends_at(&name).is_none_or(|end| end > since)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    let mut buffer = vec![0; CHUNK];
    for name in &names {
        let key = format!("{}/{}/{name}", directory.server, directory.kind.name());
        let position = positions.0.entry(key).or_default();
        position.listed_at = now.nanos();
        read_file(
            &directory.path.join(name),
            directory.kind,
            position,
            budget,
            &mut buffer,
            &mut report,
            take,
        )?;
    }
    let own = format!("{}/{}/", directory.server, directory.kind.name());
    positions.0.retain(|key, position| {
        !key.starts_with(&own) || now.since(Timestamp::from_nanos(position.listed_at)) < REMEMBERED
    });
    Ok(report)
}

/// The end of the hour or day that a file's name speaks of, UTC.
fn ends_at(name: &str) -> Option<Timestamp> {
    let digits: String = name
        .chars()
        .skip_while(|letter| !letter.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let (date, hours) = match digits.len() {
        // Ews_YYYYMMDDHH-N.LOG
        10 => {
            let hour: i64 = digits.get(8..)?.parse().ok()?;
            (digits.get(..8)?.to_owned(), hour + 1)
        }
        // u_exYYMMDD.log; a day of local time may end up to 12 hours later than UTC's.
        6 => (format!("20{digits}"), 24 + 12),
        _ => return None,
    };
    let day = NaiveDate::parse_from_str(&date, "%Y%m%d").ok()?;
    let midnight = Timestamp::from_datetime(day.and_time(chrono::NaiveTime::MIN).and_utc())?;
    // Rows that began in an hour are written when they end.
    Some(midnight.plus(TimeDelta::hours(hours + 1)))
}

fn read_file(
    path: &Path,
    kind: LogKind,
    position: &mut Position,
    budget: u64,
    buffer: &mut [u8],
    report: &mut LookReport,
    take: &mut impl FnMut(&Columns, &[u8]) -> bool,
) -> io::Result<()> {
    let Some(mut file) = open(path)? else {
        return Ok(());
    };
    let found = file.metadata()?;
    let modified = found.modified().ok().and_then(|at| {
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    });
    let seen = modified.map(|at| (found.len(), at));
    if seen.is_some() && seen == position.seen {
        return Ok(());
    }
    if found.len() < position.beginning_length {
        // A copy that is being written anew; whether it is the same file cannot be seen yet.
        return Ok(());
    }
    if beginning(&mut file, position.beginning_length)? != position.beginning
        && position.beginning_length > 0
    {
        // Another file of the same name.
        *position = Position {
            listed_at: position.listed_at,
            ..Position::default()
        };
    }
    if found.len() < position.offset {
        // The same file, still shorter than what was read of it.
        return Ok(());
    }
    file.seek(SeekFrom::Start(position.offset))?;
    let mut columns = position
        .header
        .as_deref()
        .and_then(|header| Columns::of_header(kind, header));
    let mut held = 0;
    loop {
        if report.bytes >= budget {
            report.more = true;
            return Ok(());
        }
        let free = buffer.get_mut(held..).unwrap_or_default();
        let length = file.read(free)?;
        if length == 0 {
            break;
        }
        report.bytes += length as u64;
        let filled = buffer.get(..held + length).unwrap_or_default();
        let mut rest = filled;
        while let Some((line, after)) = memchr::memchr(b'\n', rest)
            .and_then(|end| Some((rest.get(..end)?, rest.get(end + 1..)?)))
        {
            if std::mem::take(&mut position.skipping) || line.len() > LONGEST_LINE {
                report.unreadable += 1;
            } else {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let first = position.offset == 0;
                read_line(kind, line, first, position, &mut columns, report, take);
            }
            position.offset += line.len() as u64 + 1;
            rest = after;
        }
        held = rest.len();
        if held > LONGEST_LINE {
            // The rest of a line that is too long is dropped; its end is still to come.
            position.skipping = true;
            position.offset += held as u64;
            held = 0;
        } else {
            let from = filled.len() - held;
            buffer.copy_within(from..from + held, 0);
        }
    }
    if position.beginning_length < BEGINNING.min(position.offset) {
        position.beginning_length = BEGINNING.min(position.offset);
        position.beginning = beginning(&mut file, position.beginning_length)?;
    }
    position.seen = seen;
    Ok(())
}

fn read_line(
    kind: LogKind,
    line: &[u8],
    first: bool,
    position: &mut Position,
    columns: &mut Option<Columns>,
    report: &mut LookReport,
    take: &mut impl FnMut(&Columns, &[u8]) -> bool,
) {
    let line = if first {
        line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
    } else {
        line
    };
    let names = match line {
        [] => return,
        [b'#', comment @ ..] => match comment.strip_prefix(b"Fields:") {
            Some(names) => names,
            None => return,
        },
        // The bare row of names, before the first or once more.
        _ if columns
            .as_ref()
            .is_some_and(|columns| columns.is_header(line)) =>
        {
            return;
        }
        _ if columns.is_none() && line.starts_with(b"DateTime,") => line,
        _ => {
            match columns {
                Some(columns) if take(columns, line) => report.rows += 1,
                Some(_) => report.unreadable += 1,
                // A row before any names, or below another product's.
                None => {}
            }
            return;
        }
    };
    let names = std::str::from_utf8(names).unwrap_or_default();
    *columns = Columns::of_header(kind, names);
    position.header = columns.is_some().then(|| names.to_owned());
    if columns.is_none() {
        report.foreign_files += 1;
    }
}

/// Opens a regular file; `None` for anything else and for what is gone since it was listed.
fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => {
            let file = File::from(file);
            Ok(file.metadata()?.is_file().then_some(file))
        }
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A hash of a file's first bytes.
fn beginning(file: &mut File, length: u64) -> io::Result<u128> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.by_ref()
        .take(length.min(BEGINNING))
        .read_to_end(&mut bytes)?;
    let mut hasher = SipHasher13::new();
    hasher.write(&bytes);
    Ok(hasher.finish128().as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str = "#Software: Microsoft Exchange Server\r\n#Fields: DateTime,AuthenticatedUser,SoapAction,HttpStatus\r\n";

    struct Fixture {
        directory: tempfile::TempDir,
        positions: Positions,
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                directory: tempfile::tempdir().unwrap(),
                positions: Positions::default(),
            }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.directory.path().join(name), text).unwrap();
        }

        fn append(&self, name: &str, text: &str) {
            let path = self.directory.path().join(name);
            let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        /// What is handed out, and the report.
        fn look(&mut self, budget: u64) -> (Vec<String>, LookReport) {
            let directory = LogDirectory {
                server: "ex01".to_owned(),
                kind: LogKind::Ews,
                path: self.directory.path().to_owned(),
            };
            let mut rows = Vec::new();
            let since = Timestamp::from_seconds(0);
            // What is stored is what a start after a crash begins with.
            let stored = serde_json::to_string(&self.positions).unwrap();
            self.positions = serde_json::from_str(&stored).unwrap();
            let report = look(
                &directory,
                &mut self.positions,
                (since, since),
                budget,
                &mut |columns, line| {
                    let whole = columns.split(line).is_some();
                    if whole {
                        rows.push(String::from_utf8_lossy(line).into_owned());
                    }
                    whole
                },
            );
            (rows, report.unwrap())
        }
    }

    fn row(number: usize) -> String {
        format!("2026-11-28T06:00:00Z,svc,CreateItem{number},200")
    }

    #[test]
    fn each_line_is_handed_out_once_while_a_file_grows_rotates_and_goes() {
        let mut logs = Fixture::new();
        logs.write(
            "Ews_2026112806-1.LOG",
            &format!("\u{feff}{HEADER}{}\r\n2026-11-28T0", row(1)),
        );
        assert_eq!(logs.look(u64::MAX).0, [row(1)]);
        assert_eq!(logs.look(u64::MAX).0, Vec::<String>::new());
        logs.append("Ews_2026112806-1.LOG", "6:00:00Z,svc,CreateItem2,200\r\n");
        assert_eq!(logs.look(u64::MAX).0, [row(2)]);
        // The names once more, then a file of the next hour, and the first one deleted.
        logs.append(
            "Ews_2026112806-1.LOG",
            "DateTime,AuthenticatedUser,SoapAction,HttpStatus\r\n",
        );
        logs.write("Ews_2026112807-1.LOG", &format!("{HEADER}{}\r\n", row(3)));
        assert_eq!(logs.look(u64::MAX).0, [row(3)]);
        fs::remove_file(logs.directory.path().join("Ews_2026112806-1.LOG")).unwrap();
        assert_eq!(logs.look(u64::MAX).0, Vec::<String>::new());
    }

    #[test]
    fn a_longer_copy_goes_on_and_another_file_of_the_name_begins_anew() {
        let mut logs = Fixture::new();
        let name = "Ews_2026112806-1.LOG";
        let whole = format!("{HEADER}{}\r\n{}\r\n", row(1), row(2));
        logs.write(name, &format!("{HEADER}{}\r\n", row(1)));
        assert_eq!(logs.look(u64::MAX).0, [row(1)]);
        // A copy is replaced while we look: first shorter than what is known, then longer.
        logs.write(name, whole.get(..90).unwrap());
        assert_eq!(logs.look(u64::MAX).0, Vec::<String>::new());
        logs.write(name, &whole);
        assert_eq!(logs.look(u64::MAX).0, [row(2)]);
        let other = format!("#Date: 2026-11-28T06:30:00Z\r\n{whole}{}\r\n", row(9));
        logs.write(name, &other);
        assert_eq!(logs.look(u64::MAX).0, [row(1), row(2), row(9)]);
    }

    #[test]
    fn lines_without_an_end_or_sense_cost_neither_memory_nor_the_lines_after_them() {
        let mut logs = Fixture::new();
        let name = "Ews_2026112806-1.LOG";
        let long = "x".repeat(3 * CHUNK + 7);
        logs.write(
            name,
            &format!(
                "{HEADER}{long}\r\n{}\r\n\0\0\0\r\na,b\r\n{}\r\n",
                row(1),
                row(2)
            ),
        );
        let (rows, report) = logs.look(u64::MAX);
        assert_eq!(rows, [row(1), row(2)]);
        assert_eq!((report.rows, report.unreadable), (2, 3));
    }

    #[test]
    fn another_products_columns_are_reported_and_not_read() {
        let mut logs = Fixture::new();
        logs.write(
            "Ews_2026112806-1.LOG",
            "#Fields: time,level,message\r\n1,2,3\r\n",
        );
        let (rows, report) = logs.look(u64::MAX);
        assert_eq!((rows.len(), report.foreign_files), (0, 1));
    }

    #[test]
    fn a_budget_cuts_the_look_and_not_the_lines() {
        let mut logs = Fixture::new();
        let lines: Vec<String> = (0..60_000).map(row).collect();
        logs.write(
            "Ews_2026112806-1.LOG",
            &format!("{HEADER}{}\r\n", lines.join("\r\n")),
        );
        let (mut all, mut looks) = (Vec::new(), 0);
        loop {
            let (rows, report) = logs.look(1);
            all.extend(rows);
            looks += 1;
            if !report.more {
                break;
            }
        }
        assert_eq!(all, lines);
        assert!(looks >= 3, "{looks}");
    }

    #[test]
    fn links_are_not_followed_and_old_hours_not_read() {
        let mut logs = Fixture::new();
        logs.write("secret.txt", &format!("{HEADER}{}\r\n", row(1)));
        let path = logs.directory.path();
        std::os::unix::fs::symlink(path.join("secret.txt"), path.join("Ews_2026112806-1.LOG"))
            .unwrap();
        assert_eq!(logs.look(u64::MAX).0, Vec::<String>::new());
        let at = |name| ends_at(name).map(|at| at.datetime().to_rfc3339());
        assert_eq!(
            at("Ews_2026112806-12.LOG").unwrap(),
            "2026-11-28T08:00:00+00:00"
        );
        assert_eq!(at("u_ex261128.log").unwrap(), "2026-11-29T13:00:00+00:00");
        assert_eq!(at("Ews_x.LOG"), None);
    }
}
