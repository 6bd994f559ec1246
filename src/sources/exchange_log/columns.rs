//! Which column of a log holds what. Columns are found by name: Exchange 2013 writes 72, 2016 writes 92, the `HttpProxy`
//! log 74, and the columns of IIS's log are the administrator's choice and may change inside a file.

use crate::domain::ids::closed_set;

closed_set! {
    /// The three logs, by who writes them.
    LogKind {
        /// `Logging\Ews`, of the back end: every call with its operation and error, but no rejected sign-in.
        Ews = "ews",
        /// `Logging\HttpProxy\Ews`, of the front end: calls that never reached a back end.
        HttpProxy = "http_proxy",
        /// IIS's own log: rejected sign-ins with the Win32 reason.
        Iis = "iis",
    }
}

impl LogKind {
    /// The kind of a file by its name, as Exchange and IIS name their files; `None` for anything else in the directory.
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let stem = name.strip_suffix(".log")?;
        if stem.starts_with("ews_") {
            Some(Self::Ews)
        } else if stem.starts_with("httpproxy_") {
            Some(Self::HttpProxy)
        } else if stem.starts_with("u_ex") {
            Some(Self::Iis)
        } else {
            None
        }
    }

    /// The columns that are read, in the order of [`Column`]. An empty name: this log has no such column.
    const fn names(self) -> [&'static str; Column::COUNT] {
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
                "ErrorCode",
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
    const fn required(self) -> &'static [Column] {
        match self {
            Self::Ews => &[
                Column::Date,
                Column::Account,
                Column::Operation,
                Column::HttpStatus,
            ],
            Self::HttpProxy => &[Column::Date, Column::Account, Column::HttpStatus],
            Self::Iis => &[
                Column::Date,
                Column::Time,
                Column::HttpStatus,
                Column::Win32Status,
            ],
        }
    }

    /// What stands between two columns.
    pub(super) const fn separator(self) -> u8 {
        match self {
            Self::Ews | Self::HttpProxy => b',',
            Self::Iis => b' ',
        }
    }
}

closed_set! {
    /// What is read of a row.
    Column {
        /// The instant, or its date alone where the time stands in a column of its own.
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
        /// The EWS operation, or the path that was asked for.
        Operation = "operation",
        /// The status of HTTP; 200 does not mean that the operation worked.
        HttpStatus = "http_status",
        /// The back end's status, or the sub-status in IIS's log.
        SubStatus = "sub_status",
        /// The Win32 error of a rejected sign-in.
        Win32Status = "win32_status",
        /// The operation's error; empty when it worked.
        ErrorCode = "error_code",
        /// By how many milliseconds Exchange slowed the call down.
        Delay = "delay",
    }
}

/// Where the columns of one file stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    kind: LogKind,
    places: [Option<u16>; Column::COUNT],
    last: u16,
}

impl Columns {
    /// Reads the row of names, without `#Fields: `. `None` for another product's columns.
    pub fn of_header(kind: LogKind, header: &str) -> Option<Self> {
        let separator = char::from(kind.separator());
        let mut places = [None; Column::COUNT];
        let names = kind.names();
        for (place, name) in header.trim().split(separator).enumerate() {
            let place = u16::try_from(place).ok()?;
            let name = name.trim().trim_matches('"');
            let found = names
                .iter()
                .position(|known| !known.is_empty() && known.eq_ignore_ascii_case(name));
            if let Some(slot) = found.and_then(|found| places.get_mut(found))
                && slot.is_none()
            {
                *slot = Some(place);
            }
        }
        let columns = Self {
            kind,
            places,
            last: places.iter().flatten().max().copied()?,
        };
        kind.required()
            .iter()
            .all(|column| columns.place(*column).is_some())
            .then_some(columns)
    }

    /// Whether a line is the row of names itself, which Exchange sometimes writes a second time.
    pub(super) fn is_header(&self, line: &[u8]) -> bool {
        self.place(Column::Date) == Some(0)
            && self
                .kind
                .names()
                .first()
                .is_some_and(|name| line.starts_with(name.as_bytes()))
    }

    fn place(&self, column: Column) -> Option<u16> {
        self.places.get(column.index()).copied().flatten()
    }

    /// Splits a row; cells past the last column that is read are not looked at. `None` when the row is cut: it ends
    /// before a column that is needed, or inside quotes.
    pub(super) fn split<'a>(&self, line: &'a [u8]) -> Option<Cells<'a>> {
        let mut cells = Cells::default();
        let (mut rest, mut place) = (line, 0_u16);
        loop {
            let (cell, after) = match rest {
                [b'"', ..] if self.kind != LogKind::Iis => quoted(rest, self.kind.separator())?,
                _ => match memchr::memchr(self.kind.separator(), rest) {
                    Some(end) => (rest.get(..end)?, Some(rest.get(end + 1..)?)),
                    None => (rest, None),
                },
            };
            for (slot, at) in cells.0.iter_mut().zip(&self.places) {
                if *at == Some(place) {
                    *slot = cell;
                }
            }
            match after {
                Some(after) if place < self.last => rest = after,
                Some(_) => return Some(cells),
                None => return (place >= self.last).then_some(cells),
            }
            place = place.checked_add(1)?;
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
#[derive(Debug, Default)]
pub(super) struct Cells<'a>([&'a [u8]; Column::COUNT]);

impl<'a> Cells<'a> {
    /// The text of a cell; empty where the log has no such column, or the cell is `-` or not UTF-8.
    pub(super) fn text(&self, column: Column) -> &'a str {
        match self.0.get(column.index()).copied() {
            Some(b"-") | None => "",
            Some(cell) => std::str::from_utf8(cell).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_wherever_they_stand() {
        let header = "Ring,DateTime,HttpStatus,SoapAction,AuthenticatedUser,ErrorCode";
        let columns = Columns::of_header(LogKind::Ews, header).unwrap();
        let cells = columns
            .split(b"1,2026-11-28T06:00:00.000Z,200,\"Create, Item\",svc@corp.example,")
            .unwrap();
        assert_eq!(cells.text(Column::Operation), "Create, Item");
        assert_eq!(cells.text(Column::Account), "svc@corp.example");
        assert_eq!(cells.text(Column::ErrorCode), "");
        assert_eq!(cells.text(Column::Mailbox), "", "this log has none");
    }

    #[test]
    fn a_cut_row_is_no_row_and_another_product_has_no_columns() {
        let header = "DateTime,AuthenticatedUser,SoapAction,HttpStatus";
        let columns = Columns::of_header(LogKind::Ews, header).unwrap();
        for cut in ["", "2026-11-28T06:00:00Z", "a,b,c", "a,b,\"c,d"] {
            assert!(columns.split(cut.as_bytes()).is_none(), "{cut:?}");
        }
        assert!(columns.split(b"a,b,\"c \"\"x\"\", y\",200").is_some());
        assert_eq!(Columns::of_header(LogKind::Ews, "time,level,message"), None);
        assert_eq!(Columns::of_header(LogKind::Iis, header), None);
    }

    #[test]
    fn a_file_is_of_the_kind_that_its_name_says() {
        let kinds = [
            ("Ews_2026112806-1.LOG", Some(LogKind::Ews)),
            ("HttpProxy_2026112806-12.LOG", Some(LogKind::HttpProxy)),
            ("u_ex261128.log", Some(LogKind::Iis)),
            ("u_ex261128.log.zip", None),
            ("Eas_2026112806-1.LOG", None),
        ];
        for (name, kind) in kinds {
            assert_eq!(LogKind::of_file(name), kind, "{name}");
        }
    }
}
