//! Reads log files as they grow: over rotation, deletion and copies that are replaced by longer ones, each line once.
//!
//! How far each file was read is part of what is stored together with the totals. After a crash both are as they were at
//! the same instant, so that no line is lost and none counts twice.

use super::columns::{LogColumns, LogKind};
use super::failure::ExchangeLogFailure;
use super::totals::AHEAD;
use crate::domain::time::Timestamp;
use chrono::{NaiveDate, TimeDelta};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How much is read at once: large enough that system calls do not count, small beside the memory of the daemon.
pub(super) const CHUNK: usize = 1 << 20;
/// The longest line; Exchange's own have at most a few thousand bytes.
const LONGEST_LINE: usize = 64 << 10;
/// The longest row of column names that is stored; 92 names have 1,600 bytes.
const LONGEST_HEADER: usize = 8 << 10;
/// How much of a file's beginning has to be the same for it to be the same file: the comment lines with their dates.
const BEGINNING: u64 = 512;
/// How many files of the last day one directory may have: 200 GB in Exchange's files of 10 MB.
const MOST_FILES: usize = 20_000;
/// How many files are remembered, listed or not.
const MOST_REMEMBERED: usize = 2 * MOST_FILES;
/// How long a file that is no longer listed is remembered: a share may be away for a weekend, a clock may step.
const REMEMBERED: TimeDelta = TimeDelta::hours(72);
/// How long after its hour or day a file may still grow.
const GROWS_FOR: TimeDelta = TimeDelta::hours(2);
/// How much of an area without text is looked through for its end: several of Exchange's files of 10 MB.
const MOST_EMPTY: u64 = 64 << 20;

/// How far one file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FilePosition {
    #[serde(rename = "o")]
    offset: u64,
    /// A hash of the first `beginning_length` bytes.
    #[serde(rename = "b")]
    beginning: u64,
    #[serde(rename = "l")]
    beginning_length: u64,
    /// The row of column names that holds at `offset`, by its place among the headers.
    #[serde(rename = "h", skip_serializing_if = "Option::is_none", default)]
    header: Option<usize>,
    /// Whether rows were found under no columns that are known.
    #[serde(rename = "u", skip_serializing_if = "is_false", default)]
    unknown_columns: bool,
    /// Whether `offset` lies within a line that is too long.
    #[serde(rename = "k", skip_serializing_if = "is_false", default)]
    skipping: bool,
    /// Size and time when it was read to its end, so that a file at rest is not opened.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none", default)]
    seen: Option<(u64, i64)>,
    /// Since when it is no longer listed.
    #[serde(rename = "m", skip_serializing_if = "Option::is_none", default)]
    missed_since: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How far every file of one directory was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePositions {
    /// Rows of column names, each once: most files have the same.
    headers: Vec<String>,
    files: BTreeMap<String, FilePosition>,
}

/// What one reading of a directory did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Bytes that were read.
    pub bytes: u64,
    /// Rows that were handed out and taken.
    pub rows: u64,
    /// Lines that are too long, cut, or no rows.
    pub unreadable: u64,
    /// Whether something is left to read, because the budget ended or a copy is not finished.
    pub more: bool,
    /// What is wrong with the directory.
    pub failure: Option<(ExchangeLogFailure, String)>,
}

impl ReadReport {
    fn fail(&mut self, failure: ExchangeLogFailure, detail: impl std::fmt::Display) {
        // The first says most: what follows is often its consequence.
        self.failure.get_or_insert_with(|| (failure, detail.to_string()));
    }
}

/// Reads what is new in a directory with one kind of log, at most `budget` bytes and one chunk of it. Files of hours
/// before `since` are left alone. `take` says whether a line was a row.
pub fn read_directory(
    (kind, path): (LogKind, &Path),
    positions: &mut FilePositions,
    (since, now): (Timestamp, Timestamp),
    budget: u64,
    take: &mut impl FnMut(&LogColumns, &[u8]) -> bool,
) -> ReadReport {
    let mut report = ReadReport::default();
    let files = match list(path, kind, (since, now), &mut report) {
        Ok(files) => files,
        Err(error) => {
            report.fail(ExchangeLogFailure::DirectoryUnavailable, error);
            return report;
        }
    };
    positions.tidy(&files, since, now);
    if files.is_empty() {
        report
            .fail(ExchangeLogFailure::NoLogFiles, "no file has the name of a log of the last day");
    }
    let mut buffer = vec![0; CHUNK];
    let mut newest_is_unknown = false;
    for LogFile { name, period } in files {
        let position = positions.files.entry(name.clone()).or_default();
        position.missed_since = None;
        let at_rest = period.is_some_and(|period| now.since(period.ends) > GROWS_FOR);
        let read = FileReader { kind, position, headers: &mut positions.headers }.read(
            (&path.join(&name), at_rest),
            budget,
            &mut buffer,
            &mut report,
            take,
        );
        if let Err(error) = read {
            report.fail(ExchangeLogFailure::DirectoryUnavailable, format_args!("{name}: {error}"));
            report.more = true;
        }
        newest_is_unknown = position.unknown_columns;
    }
    positions.tidy_headers();
    if newest_is_unknown {
        let detail = "the newest file has other columns than are needed";
        report.fail(ExchangeLogFailure::ColumnsUnknown, detail);
    }
    report
}

/// A file and the time that its name names.
struct LogFile {
    name: String,
    period: Option<LogPeriod>,
}

/// The files of a kind, oldest first; those without a time in their names come before all others.
fn list(
    path: &Path,
    kind: LogKind,
    (since, now): (Timestamp, Timestamp),
    report: &mut ReadReport,
) -> io::Result<Vec<LogFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        let period = LogPeriod::of_file(&name);
        if LogKind::of_file(&name) != Some(kind) || period.is_some_and(|it| it.ends <= since) {
            continue;
        }
        // Our clock is behind: the rows would be of no possible time now, and are when it is right again.
        if period.is_some_and(|it| it.begins > now.plus(AHEAD)) {
            continue;
        }
        if files.len() == MOST_FILES {
            report.fail(ExchangeLogFailure::TooManyFiles, format_args!("more than {MOST_FILES}"));
            break;
        }
        files.push(LogFile { name, period });
    }
    files.sort_unstable_by(|one, other| (one.period, &one.name).cmp(&(other.period, &other.name)));
    Ok(files)
}

/// What a file's name says of when it was written. Ordered by time, then by the number of the file within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LogPeriod {
    /// After this nothing is written to it, apart from what Exchange writes late.
    ends: Timestamp,
    number: u32,
    /// Before this nothing is written to it.
    begins: Timestamp,
}

impl LogPeriod {
    fn of_file(name: &str) -> Option<Self> {
        let start = name.find(|letter: char| letter.is_ascii_digit())?;
        let rest = name.get(start..)?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at_checked(end)?;
        let (date, begins, hours) = match digits.len() {
            // Ews_YYYYMMDDHH-N.LOG. Rows that began in an hour are written when they end.
            10 => {
                let hour: i64 = digits.get(8..)?.parse().ok()?;
                (digits.get(..8)?.to_owned(), hour, hour + 2)
            }
            // u_exYYMMDD.log; a day of local time may end up to 12 hours later than UTC's.
            6 => (format!("20{digits}"), -14, 24 + 13),
            _ => return None,
        };
        let day = NaiveDate::parse_from_str(&date, "%Y%m%d").ok()?;
        let midnight = Timestamp::from_datetime(day.and_time(chrono::NaiveTime::MIN).and_utc())?;
        let number = rest.strip_prefix('-').and_then(|rest| rest.split('.').next()?.parse().ok());
        let [begins, ends] = [begins, hours].map(|hour| midnight.plus(TimeDelta::hours(hour)));
        Some(Self { ends, number: number.unwrap_or(0), begins })
    }
}

impl FilePositions {
    /// Forgets files that are gone for long: by our clock, and by the files themselves, since a clock may step. What is
    /// forgotten in error would be read again, and counted twice.
    fn tidy(&mut self, listed: &[LogFile], since: Timestamp, now: Timestamp) {
        let listed: HashSet<&str> = listed.iter().map(|file| file.name.as_str()).collect();
        for (name, position) in &mut self.files {
            if !listed.contains(name.as_str()) {
                position.missed_since.get_or_insert(now.nanos());
            }
        }
        let names = self.files.keys().map(String::as_str).chain(listed);
        let newest = names.filter_map(LogPeriod::of_file).map(|period| period.ends).max();
        let oldest = since.minus(REMEMBERED);
        let oldest = newest.map_or(oldest, |newest| oldest.min(newest.minus(now.since(oldest))));
        self.files.retain(|name, position| {
            match (LogPeriod::of_file(name), position.missed_since) {
                (_, None) => true,
                (Some(period), Some(_)) => period.ends > oldest,
                (None, Some(missed)) => now.since(Timestamp::from_nanos(missed)) <= REMEMBERED,
            }
        });
        let too_many = self.files.len().saturating_sub(MOST_REMEMBERED);
        if too_many > 0 {
            let missed = self.files.iter().filter_map(|(name, it)| Some((it.missed_since?, name)));
            let mut missed: Vec<(i64, String)> =
                missed.map(|(since, name)| (since, name.clone())).collect();
            missed.sort_unstable();
            for (_, name) in missed.into_iter().take(too_many) {
                self.files.remove(&name);
            }
        }
    }

    /// Forgets headers that no file has any more.
    fn tidy_headers(&mut self) {
        let mut headers = Vec::new();
        for position in self.files.values_mut() {
            let header = position.header.and_then(|place| self.headers.get(place));
            position.header = header.map(|header| interned(&mut headers, header));
        }
        self.headers = headers;
    }
}

/// The place of a header in a list that has each once.
fn interned(headers: &mut Vec<String>, header: &str) -> usize {
    headers.iter().position(|known| known == header).unwrap_or_else(|| {
        headers.push(header.to_owned());
        headers.len() - 1
    })
}

/// Reads one file.
struct FileReader<'p> {
    kind: LogKind,
    position: &'p mut FilePosition,
    headers: &'p mut Vec<String>,
}

impl FileReader<'_> {
    fn read(
        &mut self,
        (path, at_rest): (&Path, bool),
        budget: u64,
        buffer: &mut [u8],
        report: &mut ReadReport,
        take: &mut impl FnMut(&LogColumns, &[u8]) -> bool,
    ) -> io::Result<()> {
        // A share may report an old size of a file that is open elsewhere, but not of one at rest.
        if at_rest && self.position.seen.is_some() {
            match fs::symlink_metadata(path) {
                Ok(found) if seen(&found) == self.position.seen => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let Some(mut file) = open(path)? else {
            return Ok(());
        };
        let found = file.metadata()?;
        let seen = seen(&found);
        if seen.is_some() && seen == self.position.seen {
            return Ok(());
        }
        if !self.is_continued(&mut file, found.len())? {
            report.more = true;
            return Ok(());
        }
        file.seek(SeekFrom::Start(self.position.offset))?;
        let to_end = self.read_on(&mut file, budget, buffer, report, take)?;
        self.extend_beginning(&mut file)?;
        self.position.seen = seen.filter(|_| to_end);
        report.more |= !to_end;
        Ok(())
    }

    /// Takes in more of the file's beginning, once that much was read. Meanwhile a copy may be written over it: what does
    /// not go on from what is known is left for later.
    fn extend_beginning(&mut self, file: &mut File) -> io::Result<()> {
        let (known, length) = (self.position.beginning_length, BEGINNING.min(self.position.offset));
        if known == 0 || known >= length {
            return Ok(());
        }
        let found = beginning(file, length)?;
        let start = usize::try_from(known).ok().and_then(|known| found.get(..known));
        let goes_on = start.is_some_and(|start| hash_of(start) == self.position.beginning);
        if goes_on && found.len() as u64 == length && !found.contains(&0) {
            self.position.beginning = hash_of(&found);
            self.position.beginning_length = length;
        }
        Ok(())
    }

    /// Whether the file can be read on from where reading stopped; another file of the same name begins anew. `false`: a
    /// copy is being written, and what it will be cannot be seen yet.
    fn is_continued(&mut self, file: &mut File, length: u64) -> io::Result<bool> {
        if length < self.position.beginning_length {
            return Ok(false);
        }
        if self.position.beginning_length > 0 {
            let beginning = beginning(file, self.position.beginning_length)?;
            if hash_of(&beginning) != self.position.beginning {
                // It was emptied since it was opened, or space is reserved that is not written yet, which reads as NUL.
                let is_short = (beginning.len() as u64) < self.position.beginning_length;
                if is_short || beginning.contains(&0) {
                    return Ok(false);
                }
                *self.position = FilePosition::default();
            }
        }
        Ok(length >= self.position.offset)
    }

    /// Reads from `offset` on. `false`: there is more.
    fn read_on(
        &mut self,
        file: &mut File,
        budget: u64,
        buffer: &mut [u8],
        report: &mut ReadReport,
        take: &mut impl FnMut(&LogColumns, &[u8]) -> bool,
    ) -> io::Result<bool> {
        let header = self.position.header.and_then(|place| self.headers.get(place));
        let mut columns = header.and_then(|header| LogColumns::of_header(self.kind, header));
        // Bytes at the buffer's start that are a line without its end yet.
        let mut begun = 0;
        loop {
            if report.bytes >= budget {
                return Ok(false);
            }
            let length = match file.read(buffer.get_mut(begun..).unwrap_or_default()) {
                Ok(0) => return Ok(true),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            report.bytes += length as u64;
            let filled = buffer.get(..begun + length).unwrap_or_default();
            let is_first = self.position.offset == 0 && !self.position.skipping;
            let mut rest = filled;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                let Some((line, after)) = rest.split_at_checked(end + 1) else {
                    break;
                };
                if std::mem::take(&mut self.position.skipping) || line.len() > LONGEST_LINE {
                    report.unreadable += 1;
                } else {
                    self.read_line(line, &mut columns, report, take);
                }
                self.position.offset += line.len() as u64;
                rest = after;
            }
            begun = rest.len();
            let skips = self.position.skipping || begun > LONGEST_LINE;
            // Space that was reserved for a copy which is being written.
            let waits =
                skips && !self.position.skipping && rest.ends_with(&[0]) && is_empty_to_end(file)?;
            if skips && !waits {
                self.position.skipping = true;
                self.position.offset += begun as u64;
            }
            if is_first && self.position.offset > 0 {
                // Of the bytes that were read: another copy may already be written over them.
                let length = BEGINNING.min(self.position.offset);
                let start = usize::try_from(length).ok().and_then(|length| filled.get(..length));
                self.position.beginning = hash_of(start.unwrap_or_default());
                self.position.beginning_length = length;
            }
            if waits {
                return Ok(false);
            }
            if skips {
                begun = 0;
            } else {
                let from = filled.len() - begun;
                buffer.copy_within(from..from + begun, 0);
            }
        }
    }

    fn read_line(
        &mut self,
        line: &[u8],
        columns: &mut Option<LogColumns>,
        report: &mut ReadReport,
        take: &mut impl FnMut(&LogColumns, &[u8]) -> bool,
    ) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let names = match line {
            [] => return,
            [b'#', comment @ ..] => match comment.strip_prefix(b"Fields:") {
                Some(names) => names,
                None => return,
            },
            // The row of names without a mark, before the first row or once more.
            _ if self.kind != LogKind::Iis && line.starts_with(b"DateTime,") => line,
            _ => {
                match columns {
                    Some(columns) if take(columns, line) => report.rows += 1,
                    Some(_) => report.unreadable += 1,
                    None => self.position.unknown_columns = true,
                }
                return;
            }
        };
        let names = std::str::from_utf8(names).unwrap_or_default().trim();
        let fits = names.len() <= LONGEST_HEADER;
        *columns = fits.then(|| LogColumns::of_header(self.kind, names)).flatten();
        self.position.header = columns.is_some().then(|| interned(self.headers, names));
        self.position.unknown_columns = columns.is_none();
    }
}

/// Size and time of a file.
fn seen(found: &fs::Metadata) -> Option<(u64, i64)> {
    let since = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((found.len(), i64::try_from(since.as_nanos()).ok()?))
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

/// A file's first bytes.
fn beginning(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length.min(BEGINNING)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Whether nothing but NUL follows, up to the file's end; where reading goes on stays as it is.
fn is_empty_to_end(file: &mut File) -> io::Result<bool> {
    let from = file.stream_position()?;
    let mut rest = file.by_ref().take(MOST_EMPTY);
    let mut buffer = vec![0; 64 << 10];
    let empty = loop {
        let length = rest.read(&mut buffer)?;
        if length == 0 {
            break rest.limit() > 0;
        }
        if buffer.get(..length).is_some_and(|read| read.iter().any(|byte| *byte != 0)) {
            break false;
        }
    };
    file.seek(SeekFrom::Start(from))?;
    Ok(empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str = "#Software: Microsoft Exchange Server\r\n#Fields: DateTime,AuthenticatedUser,SoapAction,ErrorCode,ImpersonatedUser\r\n";
    const NAME: &str = "Ews_2026112806-1.LOG";

    struct Fixture {
        directory: tempfile::TempDir,
        positions: FilePositions,
        now: Timestamp,
    }

    impl Fixture {
        fn new() -> Self {
            let now = Timestamp::from_seconds(1_795_850_000);
            assert_eq!(now.to_string(), "2026-11-28T07:13:20Z");
            let directory = tempfile::tempdir().unwrap();
            Self { directory, positions: FilePositions::default(), now }
        }

        fn write(&self, name: &str, text: impl AsRef<[u8]>) {
            fs::write(self.directory.path().join(name), text).unwrap();
        }

        fn append(&self, name: &str, text: impl AsRef<[u8]>) {
            let path = self.directory.path().join(name);
            let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(text.as_ref()).unwrap();
        }

        /// What is handed out, and the report.
        fn read_within(&mut self, budget: u64) -> (Vec<String>, ReadReport) {
            let mut rows = Vec::new();
            // What is stored is what a start after a crash begins with.
            let stored = serde_json::to_string(&self.positions).unwrap();
            self.positions = serde_json::from_str(&stored).unwrap();
            let report = read_directory(
                (LogKind::Ews, self.directory.path()),
                &mut self.positions,
                (self.now.minus(TimeDelta::hours(25)), self.now),
                budget,
                &mut |columns, line| {
                    let whole = columns.split(line).is_some();
                    if whole {
                        rows.push(String::from_utf8_lossy(line).into_owned());
                    }
                    whole
                },
            );
            (rows, report)
        }

        fn read(&mut self) -> Vec<String> {
            self.read_within(u64::MAX).0
        }

        fn failure(&mut self) -> Option<ExchangeLogFailure> {
            self.read_within(u64::MAX).1.failure.map(|(failure, _)| failure)
        }
    }

    const NOTHING: [String; 0] = [];

    fn row(number: usize) -> String {
        format!("2026-11-28T06:00:00Z,svc,CreateItem{number},,ann")
    }

    #[test]
    fn each_line_is_handed_out_once_while_a_file_grows_rotates_and_goes() {
        let mut logs = Fixture::new();
        logs.write(NAME, format!("\u{feff}{HEADER}{}\r\n2026-11-28T0", row(1)));
        assert_eq!(logs.read(), [row(1)]);
        assert_eq!(logs.read(), NOTHING);
        logs.append(NAME, "6:00:00Z,svc,CreateItem2,,ann\r\n");
        assert_eq!(logs.read(), [row(2)]);
        // The names once more, then a file of the next hour, and the first one deleted.
        logs.append(NAME, "DateTime,AuthenticatedUser,SoapAction,ErrorCode,ImpersonatedUser\r\n");
        logs.write("Ews_2026112807-1.LOG", format!("{HEADER}{}\r\n", row(3)));
        assert_eq!(logs.read(), [row(3)]);
        fs::remove_file(logs.directory.path().join(NAME)).unwrap();
        assert_eq!(logs.read(), NOTHING);
        // It comes back, as on a share that was away.
        logs.write(NAME, format!("\u{feff}{HEADER}{}\r\n{}\r\n", row(1), row(2)));
        assert_eq!(logs.read(), NOTHING);
    }

    #[test]
    fn a_longer_copy_goes_on_and_another_file_of_the_name_begins_anew() {
        let mut logs = Fixture::new();
        let whole = format!("{HEADER}{}\r\n{}\r\n", row(1), row(2));
        logs.write(NAME, format!("{HEADER}{}\r\n", row(1)));
        assert_eq!(logs.read(), [row(1)]);
        // A copy is replaced meanwhile: first shorter than what is known, then longer.
        for part in [0, 90, HEADER.len() + 5] {
            logs.write(NAME, whole.get(..part).unwrap());
            let (rows, report) = logs.read_within(u64::MAX);
            assert_eq!((rows.as_slice(), report.more), (NOTHING.as_slice(), true), "{part}");
        }
        logs.write(NAME, &whole);
        assert_eq!(logs.read(), [row(2)]);
        let other = format!("#Date: 2026-11-28T06:30:00Z\r\n{HEADER}{}\r\n{}\r\n", row(8), row(9));
        logs.write(NAME, &other);
        assert_eq!(logs.read(), [row(8), row(9)]);
    }

    #[test]
    fn space_that_a_copy_reserved_is_waited_for_whatever_part_of_it_is_written() {
        let mut logs = Fixture::new();
        let rows: Vec<String> = (0..8_000).map(row).collect();
        let whole = format!("{HEADER}{}\r\n", rows.join("\r\n"));
        let mut all = Vec::new();
        for written in [0, 100, HEADER.len() + 70, 1_000, 70_000, 200_000, 90, 300_000] {
            let mut bytes = whole.clone().into_bytes();
            bytes[written..].fill(0);
            logs.write(NAME, &bytes);
            let (rows, report) = logs.read_within(u64::MAX);
            assert!(report.more || report.bytes < 200_000, "{written}: {report:?}");
            assert_eq!(report.unreadable, 0, "{written}");
            all.extend(rows);
        }
        logs.write(NAME, &whole);
        all.extend(logs.read());
        assert_eq!(all, rows);
    }

    #[test]
    fn a_copy_that_stops_within_its_first_lines_is_no_other_file() {
        let mut logs = Fixture::new();
        let whole = format!("{HEADER}{}\r\n{}\r\n", row(1), row(2));
        let reserved = |written: usize| {
            let mut bytes = whole.clone().into_bytes();
            bytes.resize(300_000, 0);
            bytes[written..].fill(0);
            bytes
        };
        // The first line, and then what comes after it within space that is reserved.
        logs.write(NAME, reserved(60));
        assert_eq!(logs.read(), NOTHING);
        assert!(logs.positions.files[NAME].beginning_length > 0, "it is known again");
        logs.write(NAME, reserved(HEADER.len() + row(1).len() + 2));
        assert_eq!(logs.read(), [row(1)]);
        logs.write(NAME, reserved(60));
        assert_eq!(logs.read(), NOTHING);
        logs.write(NAME, &whole);
        assert_eq!(logs.read(), [row(2)]);
        // Another that begins alike for a while and is longer.
        let other = format!("{HEADER}{}\r\n{}\r\n{}\r\n", row(1), row(5), row(6));
        logs.write(NAME, other);
        assert_eq!(logs.read(), [row(1), row(5), row(6)]);
    }

    #[test]
    fn a_copy_that_is_shorter_than_what_was_read_is_waited_for() {
        let mut logs = Fixture::new();
        let rows: Vec<String> = (0..40).map(row).collect();
        let text = |rows: &[String]| format!("{HEADER}{}\r\n", rows.join("\r\n"));
        logs.write(NAME, text(&rows[..30]));
        assert_eq!(logs.read(), rows[..30]);
        logs.write(NAME, text(&rows[..20]));
        let (found, report) = logs.read_within(u64::MAX);
        assert_eq!((found.as_slice(), report.more), (NOTHING.as_slice(), true));
        logs.write(NAME, text(&rows));
        assert_eq!(logs.read(), rows[30..]);
    }

    #[test]
    fn a_mark_of_the_encoding_before_the_names_is_none_of_them() {
        let mut logs = Fixture::new();
        let bare = "DateTime,AuthenticatedUser,SoapAction,ErrorCode,ImpersonatedUser";
        logs.write(NAME, format!("\u{feff}{bare}\r\n{}\r\n", row(1)));
        assert_eq!(logs.read(), [row(1)]);
    }

    #[test]
    fn a_file_of_now_is_opened_although_its_size_and_time_are_as_they_were() {
        // A share may report an old size of a file that is open elsewhere: what is read counts, and not what is reported.
        let mut logs = Fixture::new();
        logs.write(NAME, format!("{HEADER}{}\r\n", row(1)));
        assert_eq!(logs.read(), [row(1)]);
        logs.positions.files.get_mut(NAME).unwrap().seen = Some((1, 1));
        logs.append(NAME, format!("{}\r\n", row(2)));
        assert_eq!(logs.read(), [row(2)]);
        let path = logs.directory.path().join(NAME);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        assert_eq!(logs.read(), NOTHING, "a link in its place is not followed");
    }

    #[test]
    fn lines_without_an_end_or_sense_cost_neither_memory_nor_the_lines_after_them() {
        let mut logs = Fixture::new();
        let long = "x".repeat(10 << 20);
        let empty = "\0".repeat(200_000);
        let text =
            format!("{HEADER}{long}\r\n{}\r\n\0\0\0\r\na,b\r\n{empty}\r\n{}\r\n", row(1), row(2));
        logs.write(NAME, text);
        let (rows, report) = logs.read_within(u64::MAX);
        assert_eq!(rows, [row(1), row(2)]);
        assert_eq!((report.rows, report.unreadable, report.more), (2, 4, false));
        // A long line that is still being written, cut by every budget.
        logs.append(NAME, &long);
        for _ in 0..12 {
            assert_eq!(logs.read_within(1).0, NOTHING);
        }
        logs.append(NAME, format!("\r\n{}\r\n", row(3)));
        let (rows, report) = logs.read_within(u64::MAX);
        assert_eq!((rows.as_slice(), report.unreadable), ([row(3)].as_slice(), 1));
    }

    #[test]
    fn columns_may_change_inside_a_file_and_another_products_are_a_failure() {
        let mut logs = Fixture::new();
        logs.write(NAME, "#Fields: time,level,message\r\n1,2,3\r\n");
        let (rows, report) = logs.read_within(u64::MAX);
        assert_eq!(rows, NOTHING);
        assert_eq!(report.failure.unwrap().0, ExchangeLogFailure::ColumnsUnknown);
        assert_eq!(logs.failure(), Some(ExchangeLogFailure::ColumnsUnknown), "as long as it lasts");
        let other = "X,ImpersonatedUser,ErrorCode,SoapAction,AuthenticatedUser,DateTime";
        logs.append(NAME, format!("#Fields: {other}\r\n1,2,3,4,5,6\r\n{HEADER}{}\r\n", row(1)));
        assert_eq!(logs.read(), ["1,2,3,4,5,6".to_owned(), row(1)]);
        assert_eq!(logs.failure(), None);
        assert_eq!(logs.positions.headers.len(), 1, "only what holds is stored");
        logs.write("Ews_2026112807-1.LOG", "no header\r\n");
        assert_eq!(logs.failure(), Some(ExchangeLogFailure::ColumnsUnknown));
    }

    #[test]
    fn a_budget_cuts_the_reading_and_not_the_lines_and_files_come_in_the_order_of_their_numbers() {
        let mut logs = Fixture::new();
        let lines: Vec<String> = (0..60_000).map(row).collect();
        for (number, part) in (1..).zip(lines.chunks(5_000)) {
            let name = format!("Ews_2026112806-{number}.LOG");
            logs.write(&name, format!("{HEADER}{}\r\n", part.join("\r\n")));
        }
        let (mut all, mut readings) = (Vec::new(), 0);
        loop {
            let (rows, report) = logs.read_within(1);
            all.extend(rows);
            readings += 1;
            if !report.more {
                break;
            }
        }
        assert_eq!(all, lines);
        assert!(readings >= 12, "{readings}");
    }

    #[test]
    fn links_are_not_followed_and_old_hours_not_read() {
        let mut logs = Fixture::new();
        assert_eq!(logs.failure(), Some(ExchangeLogFailure::NoLogFiles));
        logs.write("secret.txt", format!("{HEADER}{}\r\n", row(1)));
        let path = logs.directory.path();
        std::os::unix::fs::symlink(path.join("secret.txt"), path.join(NAME)).unwrap();
        logs.write("Ews_2026112703-1.LOG", format!("{HEADER}{}\r\n", row(1)));
        assert_eq!(logs.read(), NOTHING);
        let ends = |name| LogPeriod::of_file(name).map(|period| period.ends.to_string());
        assert_eq!(ends("Ews_2026112806-12.LOG").unwrap(), "2026-11-28T08:00:00Z");
        assert_eq!(ends("u_ex261128.log").unwrap(), "2026-11-29T13:00:00Z");
        for none in ["Ews_x.LOG", "Ews_2026992806-1.LOG", "Ews_20261128061.LOG", "ü"] {
            assert_eq!(ends(none), None, "{none}");
        }
        let gone = logs.directory.path().join("gone");
        let mut positions = FilePositions::default();
        let window = (logs.now, logs.now);
        let kind = (LogKind::Ews, gone.as_path());
        let report = read_directory(kind, &mut positions, window, 1, &mut |_, _| true);
        assert_eq!(report.failure.unwrap().0, ExchangeLogFailure::DirectoryUnavailable);
    }

    #[test]
    fn positions_of_files_that_are_gone_are_forgotten_only_after_days() {
        let mut logs = Fixture::new();
        logs.write(NAME, format!("{HEADER}{}\r\n", row(1)));
        assert_eq!(logs.read(), [row(1)]);
        for (hours, remembered) in [(30, 1), (90, 1), (100, 1)] {
            logs.now = Fixture::new().now.plus(TimeDelta::hours(hours));
            logs.read();
            assert_eq!(logs.positions.files.len(), remembered, "{hours}");
        }
        // Only newer files prove that the clock is right.
        logs.write("Ews_2026120211-1.LOG", format!("{HEADER}{}\r\n", row(2)));
        assert_eq!(logs.read(), [row(2)]);
        assert_eq!(logs.positions.files.len(), 1);
    }

    #[test]
    fn a_clock_that_steps_and_comes_back_reads_nothing_twice_and_loses_nothing() {
        let right = Fixture::new().now;
        for days in [3, 4, 40, 4_000, -4, -40] {
            let mut logs = Fixture::new();
            logs.write(NAME, format!("{HEADER}{}\r\n", row(1)));
            assert_eq!(logs.read(), [row(1)]);
            logs.now = right.plus(TimeDelta::days(days));
            for _ in 0..3 {
                assert_eq!(logs.read(), NOTHING, "{days}");
                logs.now = logs.now.plus(TimeDelta::hours(1));
            }
            // What is written meanwhile is of the true hour.
            logs.write("Ews_2026112807-1.LOG", format!("{HEADER}{}\r\n", row(2)));
            assert_eq!(logs.read(), NOTHING, "{days}");
            logs.now = right.plus(TimeDelta::hours(1));
            assert_eq!(logs.read(), [row(2)], "{days}");
            assert_eq!(logs.read(), NOTHING, "{days}");
        }
    }

    #[test]
    fn a_file_that_begins_with_a_line_without_end_is_known_again() {
        for length in [70_000, 2 << 20] {
            let mut logs = Fixture::new();
            let text = |begins: &str, last: usize| {
                let long = begins.repeat(length);
                format!("{long}\r\n{HEADER}{}\r\n", row(last))
            };
            let first = text("x", 1);
            // Part of the line, as it is written.
            logs.write(NAME, first.get(..69_000).unwrap());
            assert_eq!(logs.read(), NOTHING);
            logs.write(NAME, &first);
            assert_eq!(logs.read(), [row(1)]);
            // Another file of the name that is at least as long.
            logs.write(NAME, text("y", 2) + &row(3) + "\r\n");
            assert_eq!(logs.read(), [row(2), row(3)], "{length}");
        }
    }

    #[test]
    fn a_directory_of_ever_new_names_takes_no_more_than_its_bound() {
        let mut positions = FilePositions::default();
        let now = Fixture::new().now;
        for number in 0..MOST_REMEMBERED + 10 {
            let position = FilePosition { missed_since: Some(number as i64), ..Default::default() };
            positions.files.insert(format!("Ews_2026112806-{number}.LOG"), position);
        }
        positions.tidy(&[], now.minus(TimeDelta::hours(25)), now);
        assert_eq!(positions.files.len(), MOST_REMEMBERED);
        assert!(!positions.files.contains_key("Ews_2026112806-9.LOG"), "the oldest go");
        assert!(positions.files.contains_key("Ews_2026112806-10.LOG"));
    }
}
