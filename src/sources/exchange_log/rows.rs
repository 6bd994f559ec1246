//! What one row says about the account that Salesforce signs in with.

use super::columns::{Column, Columns, LogKind};
use crate::domain::ids::closed_set;
use crate::domain::time::Timestamp;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::net::IpAddr;

/// How Salesforce's calls are told apart from all others in the logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The account's names as the logs write them, in small letters: SMTP address and `domain\name`.
    pub names: Vec<String>,
    /// Part of the user agent, in small letters; a further hint where a log has no name.
    pub user_agent: Option<String>,
    /// Addresses that the calls come from; a further hint.
    pub addresses: Vec<IpAddr>,
}

impl Account {
    fn is_named(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether user agent and address speak for it. Without any hint configured nothing does.
    fn is_hinted(&self, user_agent: &str, address: &str) -> bool {
        let by_agent = self
            .user_agent
            .as_ref()
            .is_some_and(|part| user_agent.to_ascii_lowercase().contains(part.as_str()));
        let by_address = address
            .parse()
            .is_ok_and(|address: IpAddr| self.addresses.contains(&address));
        match (self.user_agent.is_some(), self.addresses.is_empty()) {
            (false, true) => false,
            (true, true) => by_agent,
            (false, false) => by_address,
            (true, false) => by_agent && by_address,
        }
    }
}

closed_set! {
    /// Why Windows rejected a sign-in: the Win32 error in IIS's log.
    SignInRefusal {
        /// 1326: the password is wrong, or there is no such account.
        WrongPassword = "wrong_password",
        /// 1909: the account is locked.
        LockedOut = "locked_out",
        /// 1330: the password has expired.
        PasswordExpired = "password_expired",
        /// 1907: the password must be changed first.
        PasswordMustChange = "password_must_change",
        /// 1331: the account is disabled.
        AccountDisabled = "account_disabled",
    }
}

impl SignInRefusal {
    /// Any other number is the normal beginning of a handshake, or none of ours.
    const fn of_win32(code: &str) -> Option<Self> {
        match code.as_bytes() {
            b"1326" => Some(Self::WrongPassword),
            b"1909" => Some(Self::LockedOut),
            b"1330" => Some(Self::PasswordExpired),
            b"1907" => Some(Self::PasswordMustChange),
            b"1331" => Some(Self::AccountDisabled),
            _ => None,
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogRow<'a> {
    /// A call of the account, as the back end saw it.
    Call {
        /// Whose mailbox it was for.
        mailbox: &'a str,
        /// The EWS operation.
        operation: &'a str,
        /// Exchange's error code; empty when the operation worked.
        error: &'a str,
        /// Whether Exchange slowed it down or refused it for its load.
        throttled: bool,
    },
    /// A call of the account that the front end answered itself, with an error.
    FrontEndError {
        /// The status of HTTP.
        status: u16,
    },
    /// A sign-in of the account that Windows rejected.
    SignInRefused(SignInRefusal),
    /// A write into a mailbox by a client that is neither Salesforce nor Microsoft's own.
    ForeignWrite {
        /// Whose mailbox it was.
        mailbox: &'a str,
        /// Who signed in.
        account: &'a str,
    },
    /// Somebody else's row: it proves how far the log reaches, and nothing else.
    Other,
}

/// Operations that change a mailbox.
pub fn is_write(operation: &str) -> bool {
    [
        "CreateItem",
        "UpdateItem",
        "DeleteItem",
        "MoveItem",
        "CreateFolder",
        "UpdateFolder",
        "DeleteFolder",
    ]
    .contains(&operation)
}

/// Beginnings of the names that Microsoft's own clients give themselves, in small letters. Their writes beside
/// Salesforce's are how people use a mailbox; any other program's may be a second sync product.
const MICROSOFT: &[&str] = &[
    "microsoft office",
    "microsoft outlook",
    "outlook",
    "macoutlook",
    "mac os x",
    "macos",
    "ios/",
    "apple-",
    "oc/",
    "ucmapi",
    "skype",
    "teams",
    "asproxy",
    "exchangeinternalews",
    "exchangeservernet",
    "crossserver",
    "crossforest",
    "owa",
    "msexchangerpc",
    "ews_am_probe",
];

/// Reads one row that is not a comment. `None` when it is cut or its time cannot be read.
pub fn read<'a>(
    kind: LogKind,
    columns: &Columns,
    line: &'a [u8],
    account: &Account,
) -> Option<(Timestamp, LogRow<'a>)> {
    let cells = columns.split(line)?;
    let at = match kind {
        LogKind::Ews | LogKind::HttpProxy => instant(cells.text(Column::Date))?,
        LogKind::Iis => date_and_time(cells.text(Column::Date), cells.text(Column::Time))?,
    };
    let name = cells.text(Column::Account);
    let (user_agent, address) = (cells.text(Column::UserAgent), cells.text(Column::Address));
    let ours =
        account.is_named(name) || (name.is_empty() && account.is_hinted(user_agent, address));
    let row = match kind {
        LogKind::Ews => {
            let mailbox = match cells.text(Column::Mailbox) {
                "" => name,
                mailbox => mailbox,
            };
            let operation = cells.text(Column::Operation);
            if ours && !operation.starts_with("Sbsc_") {
                let error = cells.text(Column::ErrorCode);
                let delayed = cells
                    .text(Column::Delay)
                    .parse()
                    .is_ok_and(|delay: f64| delay > 0.0);
                LogRow::Call {
                    mailbox,
                    operation,
                    error,
                    throttled: delayed || error == "ErrorServerBusy",
                }
            } else if !ours && is_write(operation) && is_foreign(name, user_agent) {
                LogRow::ForeignWrite {
                    mailbox,
                    account: name,
                }
            } else {
                LogRow::Other
            }
        }
        LogKind::HttpProxy => match cells.text(Column::HttpStatus).parse() {
            // 401 is how every handshake begins; what comes of it stands in IIS's log. With a back end's status the
            // back end has logged the call itself.
            Ok(status) if ours && status >= 400 && status != 401 => {
                match cells.text(Column::SubStatus) {
                    "" | "0" => LogRow::FrontEndError { status },
                    _ => LogRow::Other,
                }
            }
            _ => LogRow::Other,
        },
        LogKind::Iis => match SignInRefusal::of_win32(cells.text(Column::Win32Status)) {
            Some(refusal) if ours && cells.text(Column::HttpStatus) == "401" => {
                LogRow::SignInRefused(refusal)
            }
            _ => LogRow::Other,
        },
    };
    Some((at, row))
}

fn is_foreign(account: &str, user_agent: &str) -> bool {
    let agent = user_agent.trim_start().to_ascii_lowercase();
    !account.is_empty()
        && !agent.is_empty()
        && !account
            .get(..13)
            .is_some_and(|start| start.eq_ignore_ascii_case("HealthMailbox"))
        && !agent.contains("amprobe")
        && !MICROSOFT.iter().any(|known| agent.starts_with(known))
}

/// `2026-11-28T06:00:00.123Z`; Exchange writes UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Timestamp::from_datetime(at.with_timezone(&Utc))
}

/// IIS writes UTC unless somebody changed it.
fn date_and_time(date: &str, time: &str) -> Option<Timestamp> {
    let date: NaiveDate = date.parse().ok()?;
    let time: NaiveTime = time.parse().ok()?;
    Timestamp::from_datetime(date.and_time(time).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EWS: &str = "DateTime,AuthenticatedUser,UserAgent,ClientIpAddress,SoapAction,HttpStatus,ErrorCode,ImpersonatedUser,ThrottlingDelay";

    fn account() -> Account {
        Account {
            names: vec!["svc@corp.example".to_owned(), "corp\\svc".to_owned()],
            user_agent: Some("salesforce".to_owned()),
            addresses: vec!["192.0.2.7".parse().unwrap()],
        }
    }

    fn ews(line: &str) -> Option<LogRow<'_>> {
        let columns = Columns::of_header(LogKind::Ews, EWS).unwrap();
        read(LogKind::Ews, &columns, line.as_bytes(), &account()).map(|(_, row)| row)
    }

    fn call<'a>(operation: &'a str, error: &'a str, throttled: bool) -> Option<LogRow<'a>> {
        Some(LogRow::Call {
            mailbox: "ann@corp.example",
            operation,
            error,
            throttled,
        })
    }

    #[test]
    fn a_call_is_the_accounts_by_either_of_its_names() {
        for name in ["svc@corp.example", "CORP\\Svc", "SVC@CORP.EXAMPLE"] {
            let line = format!(
                "2026-11-28T06:00:00.123Z,{name},Salesforce,192.0.2.7,CreateItem,200,,ann@corp.example,"
            );
            assert_eq!(ews(&line), call("CreateItem", "", false), "{name}");
        }
        let other =
            "2026-11-28T06:00:00Z,svc2@corp.example,Outlook/16,,GetItem,200,,ann@corp.example,";
        assert_eq!(ews(other), Some(LogRow::Other));
    }

    #[test]
    fn a_200_with_an_error_code_is_a_failed_call_and_delay_is_throttling() {
        let line =
            "2026-11-28T06:00:00Z,corp\\svc,,,UpdateItem,200,ErrorItemNotFound,ann@corp.example,0";
        assert_eq!(ews(line), call("UpdateItem", "ErrorItemNotFound", false));
        let line = "2026-11-28T06:00:00Z,corp\\svc,,,FindItem,200,,ann@corp.example,350.5";
        assert_eq!(ews(line), call("FindItem", "", true));
        let line =
            "2026-11-28T06:00:00Z,corp\\svc,,,FindItem,500,ErrorServerBusy,ann@corp.example,";
        assert_eq!(ews(line), call("FindItem", "ErrorServerBusy", true));
    }

    #[test]
    fn only_programs_that_are_neither_ours_nor_microsofts_are_foreign_writers() {
        let write = |account: &str, agent: &str| {
            let line = format!(
                "2026-11-28T06:00:00Z,{account},{agent},,CreateItem,200,,ann@corp.example,"
            );
            ews(&line).map(|row| matches!(row, LogRow::ForeignWrite { .. }))
        };
        assert_eq!(write("crm@corp.example", "OtherSync/1.0"), Some(true));
        assert_eq!(
            write("ann@corp.example", "Microsoft Office/16.0"),
            Some(false)
        );
        assert_eq!(write("ann@corp.example", "MacOutlook/16.8"), Some(false));
        assert_eq!(write("HealthMailbox1f@corp.example", "X"), Some(false));
        assert_eq!(write("", "OtherSync/1.0"), Some(false));
    }

    #[test]
    fn a_rejected_sign_in_has_its_reason_and_the_start_of_a_handshake_is_none() {
        let header =
            "date time cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status";
        let columns = Columns::of_header(LogKind::Iis, header).unwrap();
        let iis = |line: &'static str| {
            read(LogKind::Iis, &columns, line.as_bytes(), &account()).map(|(_, row)| row)
        };
        let refused = |reason| Some(LogRow::SignInRefused(reason));
        let named = iis("2026-11-28 06:00:00 CORP\\svc 192.0.2.9 x 401 1 1326");
        assert_eq!(named, refused(SignInRefusal::WrongPassword));
        let hinted = iis("2026-11-28 06:00:00 - 192.0.2.7 Salesforce+Lightning 401 1 1909");
        assert_eq!(hinted, refused(SignInRefusal::LockedOut));
        let handshake = iis("2026-11-28 06:00:00 - 192.0.2.7 Salesforce 401 1 2148074254");
        assert_eq!(handshake, Some(LogRow::Other));
        let half_a_hint = iis("2026-11-28 06:00:00 - 192.0.2.8 Salesforce 401 1 1326");
        assert_eq!(half_a_hint, Some(LogRow::Other));
        assert_eq!(iis("2026-13-28 06:00:00 - - - 401 1 1326"), None);
    }

    #[test]
    fn the_front_end_counts_only_what_no_back_end_answered() {
        let header = "DateTime,AuthenticatedUser,AnchorMailbox,HttpStatus,BackEndStatus";
        let columns = Columns::of_header(LogKind::HttpProxy, header).unwrap();
        let proxy = |line: &'static str| {
            read(LogKind::HttpProxy, &columns, line.as_bytes(), &account()).map(|(_, row)| row)
        };
        assert_eq!(
            proxy("2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,503,"),
            Some(LogRow::FrontEndError { status: 503 })
        );
        for line in [
            "2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,503,503",
            "2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,401,",
            "2026-11-28T06:00:00Z,corp\\other,ann@corp.example,503,",
        ] {
            assert_eq!(proxy(line), Some(LogRow::Other), "{line}");
        }
    }
}
