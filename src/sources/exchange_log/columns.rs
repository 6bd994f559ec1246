//! Which column of a log holds what. Columns are found by name: Exchange 2013 writes 72, 2016 writes 92, the `HttpProxy`
//! log 74, and the columns of IIS's log are the administrator's choice and may change inside a file.

use crate::domain::ids::closed_set;

closed_set! {
    /// The three logs, by who writes them.
    LogKind {
        /// `Logging\Ews`, of the back end: every call with its operation and error, but no refused sign-in.
        Ews = "ews",
        /// `Logging\HttpProxy\Ews`, of the front end: calls that never reached a back end.
        HttpProxy = "http_proxy",
        /// IIS's own log: refused sign-ins with the Win32 reason.
        Iis = "iis",
    }
}

impl LogKind {
    /// The kind of a file by its name, as Exchange and IIS name their files; `None` for anything else in the directory.
    pub fn of_file(name: &str) -> Option<Self> {
        let starts = |start: &str| {
            name.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
        };
        let ends = name.len().checked_sub(4).and_then(|from| name.get(from..));
        if !ends.is_some_and(|end| end.eq_ignore_ascii_case(".log")) {
            return None;
        }
        if starts("ews_") {
            Some(Self::Ews)
        } else if starts("httpproxy_") {
            Some(Self::HttpProxy)
        } else if starts("u_ex") {
            Some(Self::Iis)
        } else {
            None
        }
    }

    /// The columns that are read, in the order of [`LogColumn`]. An empty name: this log has no such column.
    const fn names(self) -> [&'static str; LogColumn::COUNT] {
        match self {
            Self::Ews => [
                "DateTime",
                "",
                "AuthenticatedUser",
                "ImpersonatedUser",
                "UserAgent",
                "ClientIpAddress",
                "SoapAction",
                "HttpStatus",
                "",
                "",
                "ErrorCode",
                "ThrottlingDelay",
            ],
            Self::HttpProxy => [
                "DateTime",
                "",
                "AuthenticatedUser",
                "AnchorMailbox",
                "UserAgent",
                "ClientIpAddress",
                "UrlStem",
                "HttpStatus",
                "BackEndStatus",
                "",
                "",
                "",
            ],
            Self::Iis => [
                "date",
                "time",
                "cs-username",
                "",
                "cs(User-Agent)",
                "c-ip",
                "cs-uri-stem",
                "sc-status",
                "sc-substatus",
                "sc-win32-status",
                "",
                "",
            ],
        }
    }

    /// The columns without which a log says nothing.
    const fn required(self) -> &'static [LogColumn] {
        match self {
            Self::Ews => &[
                LogColumn::Date,
                LogColumn::Account,
                LogColumn::Mailbox,
                LogColumn::Operation,
                LogColumn::ErrorCode,
            ],
            Self::HttpProxy => &[LogColumn::Date, LogColumn::Account, LogColumn::HttpStatus],
            Self::Iis => {
                &[LogColumn::Date, LogColumn::Time, LogColumn::HttpStatus, LogColumn::Win32Status]
            }
        }
    }

    /// What separates two columns.
    const fn separator(self) -> u8 {
        match self {
            Self::Ews | Self::HttpProxy => b',',
            Self::Iis => b' ',
        }
    }
}

closed_set! {
    /// What is read of a row.
    LogColumn {
        /// The instant, or its date alone where the time has a column of its own.
        Date = "date",
        /// The time of day, UTC.
        Time = "time",
        /// Who signed in: an SMTP address, or `DOMAIN\name` for an account without a mailbox.
        Account = "account",
        /// Whose mailbox it was.
        Mailbox = "mailbox",
        /// The client's name of itself.
        UserAgent = "user_agent",
        /// The client's address.
        Address = "address",
        /// The EWS operation, or the path of the request.
        Operation = "operation",
        /// The status of HTTP; 200 does not mean that the operation worked.
        HttpStatus = "http_status",
        /// The back end's status, or the sub-status in IIS's log.
        SubStatus = "sub_status",
        /// The Win32 error of a refused sign-in.
        Win32Status = "win32_status",
        /// The operation's error; empty when it worked.
        ErrorCode = "error_code",
        /// By how many milliseconds Exchange slowed the call down. It comes long after the others, and is read of the
        /// account's rows alone.
        Delay = "delay",
    }
}

/// Where the columns of one file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogColumns {
    kind: LogKind,
    /// The places of the columns that every row needs, in order.
    places: Vec<(u16, LogColumn)>,
    delay: Option<u16>,
}

impl LogColumns {
    /// Reads the row of names, without `#Fields: `. `None` for another product's columns.
    pub fn of_header(kind: LogKind, header: &str) -> Option<Self> {
        let separator = char::from(kind.separator());
        let names = kind.names();
        let mut columns = Self { kind, places: Vec::new(), delay: None };
        for (place, name) in header.trim().split(separator).enumerate() {
            let place = u16::try_from(place).ok()?;
            let name = name.trim().trim_matches('"');
            let named = |known: &str| !known.is_empty() && known.eq_ignore_ascii_case(name);
            let found = names.iter().position(|known| named(known));
            let Some(column) = found.and_then(|found| LogColumn::ALL.get(found).copied()) else {
                continue;
            };
            if column == LogColumn::Delay {
                columns.delay.get_or_insert(place);
            } else if !columns.has(column) {
                columns.places.push((place, column));
            }
        }
        // A delay among the others is not worth a second way to read it.
        let last = columns.places.last()?.0;
        columns.delay = columns.delay.filter(|delay| *delay > last);
        kind.required().iter().all(|column| columns.has(*column)).then_some(columns)
    }

    /// The kind of log that has these columns.
    pub const fn kind(&self) -> LogKind {
        self.kind
    }

    fn has(&self, column: LogColumn) -> bool {
        self.places.iter().any(|(_, other)| *other == column)
    }

    /// Splits a row as far as every row is needed. `None` when it is cut: it ends before a column that is needed, or
    /// inside quotes.
    pub(super) fn split<'a>(&self, line: &'a [u8]) -> Option<LogCells<'a>> {
        let mut cells = LogCells { texts: [&[]; LogColumn::COUNT], rest: Some(line), place: 0 };
        for (place, column) in &self.places {
            let cell = cells.next_at(*place, self.kind)?;
            if let Some(slot) = cells.texts.get_mut(column.index()) {
                *slot = cell;
            }
        }
        Some(cells)
    }

    /// The delay of a row, where the log has it. `None` when the row is cut.
    pub(super) fn delay<'a>(&self, cells: &mut LogCells<'a>) -> Option<&'a [u8]> {
        match self.delay {
            Some(place) => cells.next_at(place, self.kind),
            None => Some(&[]),
        }
    }
}

/// A cell in quotes, and what follows it. Doubled quotes stay doubled: no cell that is read holds any.
fn quoted(rest: &[u8], separator: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let mut from = 1;
    loop {
        let end = from + memchr::memchr(b'"', rest.get(from..)?)?;
        match rest.get(end + 1) {
            Some(b'"') => from = end + 2,
            None => return Some((rest.get(1..end)?, None)),
            Some(next) if *next == separator => {
                return Some((rest.get(1..end)?, Some(rest.get(end + 2..)?)));
            }
            // A quote inside a cell that nobody doubled: the cell goes on.
            Some(_) => from = end + 1,
        }
    }
}

/// The cells of one row that are read.
#[derive(Debug)]
pub(super) struct LogCells<'a> {
    texts: [&'a [u8]; LogColumn::COUNT],
    /// What follows the last cell that was read; `None` at the end of the row.
    rest: Option<&'a [u8]>,
    /// The place of the next cell.
    place: u16,
}

impl<'a> LogCells<'a> {
    /// The cell at a place that was not passed yet.
    fn next_at(&mut self, place: u16, kind: LogKind) -> Option<&'a [u8]> {
        let separator = kind.separator();
        loop {
            let rest = self.rest?;
            let (cell, after) = match rest.first() {
                Some(b'"') if kind != LogKind::Iis => quoted(rest, separator)?,
                _ => match memchr::memchr(separator, rest) {
                    Some(end) => (rest.get(..end)?, Some(rest.get(end + 1..)?)),
                    None => (rest, None),
                },
            };
            self.rest = after;
            self.place += 1;
            if self.place > place {
                return Some(cell);
            }
        }
    }

    /// The text of a cell; empty where the log has no such column, or the cell is `-` or not UTF-8.
    pub(super) fn text(&self, column: LogColumn) -> &'a str {
        match self.texts.get(column.index()).copied() {
            Some(b"-") | None => "",
            Some(cell) => std::str::from_utf8(cell).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_wherever_they_are() {
        let header = "Ring,DateTime,ErrorCode,SoapAction,AuthenticatedUser,HttpStatus,ImpersonatedUser,X,ThrottlingDelay";
        let columns = LogColumns::of_header(LogKind::Ews, header).unwrap();
        let line = b"1,2026-11-28T06:00:00.000Z,,\"Create, Item\",svc@corp.example,200,ann,\"a,\"\"b\",7,tail";
        let mut cells = columns.split(line).unwrap();
        assert_eq!(cells.text(LogColumn::Operation), "Create, Item");
        assert_eq!(cells.text(LogColumn::Account), "svc@corp.example");
        assert_eq!(cells.text(LogColumn::ErrorCode), "");
        assert_eq!(cells.text(LogColumn::UserAgent), "", "this log has none");
        assert_eq!(columns.delay(&mut cells), Some(b"7".as_slice()));
        let mut cut = columns.split(b"1,2,,op,svc,200,ann,\"a,b").unwrap();
        assert_eq!(columns.delay(&mut cut), None, "cut before the delay");
    }

    #[test]
    fn a_cut_row_is_no_row_and_another_product_has_no_columns() {
        let header = "DateTime,AuthenticatedUser,SoapAction,ErrorCode,ImpersonatedUser";
        let columns = LogColumns::of_header(LogKind::Ews, header).unwrap();
        for cut in ["", "2026-11-28T06:00:00Z", "a,b,c,d", "a,b,c,d,\"e"] {
            assert!(columns.split(cut.as_bytes()).is_none(), "{cut:?}");
        }
        let cells = columns.split(b"a,b,\"c \"\"x\"\", y\",d,e").unwrap();
        assert_eq!((cells.text(LogColumn::ErrorCode), cells.text(LogColumn::Mailbox)), ("d", "e"));
        assert_eq!(LogColumns::of_header(LogKind::Ews, "time,level,message"), None);
        assert_eq!(LogColumns::of_header(LogKind::Ews, ""), None);
        assert_eq!(LogColumns::of_header(LogKind::Iis, header), None);
    }

    #[test]
    fn odd_headers_are_read_as_far_as_they_go() {
        let ews = |header| LogColumns::of_header(LogKind::Ews, header);
        // In another case, a column twice, and the delay among the others.
        let columns = ews(
            "datetime,ThrottlingDelay,AUTHENTICATEDUSER,SoapAction,ErrorCode,ImpersonatedUser,SoapAction",
        );
        let columns = columns.unwrap();
        let mut cells = columns.split(b"t,250,svc,first,,ann,second").unwrap();
        assert_eq!(cells.text(LogColumn::Operation), "first");
        assert_eq!(columns.delay(&mut cells), Some(b"".as_slice()), "it is not read there");
        // Quotes are letters to IIS.
        let iis = "date time cs-username cs(User-Agent) sc-status sc-win32-status";
        let columns = LogColumns::of_header(LogKind::Iis, iis).unwrap();
        let cells = columns.split(b"2026-11-28 06:00:00 svc \"A 401 1909").unwrap();
        assert_eq!(
            (cells.text(LogColumn::UserAgent), cells.text(LogColumn::Win32Status)),
            ("\"A", "1909")
        );
    }

    #[test]
    fn a_file_is_of_the_kind_that_its_name_says() {
        let kinds = [
            ("Ews_2026112806-1.LOG", Some(LogKind::Ews)),
            ("HttpProxy_2026112806-12.LOG", Some(LogKind::HttpProxy)),
            ("u_ex261128.log", Some(LogKind::Iis)),
            ("u_ex261128.log.zip", None),
            ("Eas_2026112806-1.LOG", None),
            ("ü.log", None),
            ("", None),
        ];
        for (name, kind) in kinds {
            assert_eq!(LogKind::of_file(name), kind, "{name}");
        }
    }
}
