//! What one row says about the account that Salesforce signs in with.

use super::columns::{LogColumn, LogColumns, LogKind};
use super::settings::{SyncAccount, contains_ignoring_case};
use crate::domain::exchange_log::{CallError, EwsOperation, SignInRefusal};
use crate::domain::time::Timestamp;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogRow<'a> {
    /// A call of the account, as the back end saw it.
    Call {
        /// Whose mailbox it was for.
        mailbox: &'a str,
        /// The EWS operation.
        operation: EwsOperation,
        /// Exchange's error; `None` when the operation worked.
        error: Option<CallError>,
        /// Whether Exchange slowed it down or refused it for its load.
        throttled: bool,
    },
    /// A call of the account that the front end answered itself, with an error.
    FrontEndError,
    /// A request of the account that IIS let in.
    SignedIn,
    /// A sign-in of the account that Windows refused.
    SignInRefused(SignInRefusal),
    /// A write into a mailbox by a program that is neither Salesforce nor one with which people use their mailbox.
    OtherWrite {
        /// Whose mailbox it was.
        mailbox: &'a str,
        /// Who signed in.
        account: &'a str,
    },
    /// Somebody else's row: it proves how far the log reaches, and nothing else.
    Other,
}

/// The Win32 error of a refused sign-in. Any other number is the normal beginning of a handshake, or none of these.
const fn refusal(win32: &str) -> Option<SignInRefusal> {
    Some(match win32.as_bytes() {
        b"1326" => SignInRefusal::WrongPassword,
        b"1909" => SignInRefusal::LockedOut,
        b"1330" => SignInRefusal::PasswordExpired,
        b"1907" => SignInRefusal::PasswordMustChange,
        b"1331" => SignInRefusal::AccountDisabled,
        _ => return None,
    })
}

/// The kind of an error code; `None`: the operation worked.
fn call_error(code: &str) -> Option<CallError> {
    Some(match code {
        "" | "NoError" => return None,
        "ErrorAccessDenied" => CallError::AccessDenied,
        "ErrorImpersonateUserDenied" | "ErrorImpersonationDenied" | "ErrorImpersonationFailed" => {
            CallError::ImpersonationDenied
        }
        "ErrorNonExistentMailbox" | "ErrorMissingEmailAddress" | "ErrorInvalidSmtpAddress" => {
            CallError::NoMailbox
        }
        "ErrorFolderNotFound" | "ErrorParentFolderNotFound" => CallError::FolderNotFound,
        "ErrorItemNotFound" => CallError::ItemNotFound,
        "ErrorServerBusy" | "ErrorExceededConnectionCount" | "ErrorTimeoutExpired" => {
            CallError::ServerBusy
        }
        "ErrorMailboxStoreUnavailable" | "ErrorConnectionFailed" | "ErrorADUnavailable" => {
            CallError::StoreUnavailable
        }
        "ErrorQuotaExceeded" => CallError::QuotaExceeded,
        _ => CallError::Other,
    })
}

fn operation(action: &str) -> EwsOperation {
    match action {
        "CreateItem" => EwsOperation::CreateItem,
        "UpdateItem" => EwsOperation::UpdateItem,
        "DeleteItem" => EwsOperation::DeleteItem,
        "MoveItem" => EwsOperation::MoveItem,
        "CreateFolder" => EwsOperation::CreateFolder,
        "GetItem" => EwsOperation::GetItem,
        "FindItem" => EwsOperation::FindItem,
        "GetFolder" => EwsOperation::GetFolder,
        "FindFolder" => EwsOperation::FindFolder,
        "SyncFolderItems" => EwsOperation::SyncFolderItems,
        _ => EwsOperation::Other,
    }
}

/// Beginnings of the names that clients give themselves with which people use a mailbox, in small letters. Their writes
/// beside Salesforce's are how a mailbox is used; any other program's may be a second sync product.
const PEOPLES_CLIENTS: &[&str] = &[
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

/// What this program calls itself.
const OURSELVES: &str = "lightning-sync-exporter/";

fn begins(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// Reads one row that is not a comment. `None` when it is cut or its time cannot be read.
pub fn read<'a>(
    columns: &LogColumns,
    line: &'a [u8],
    account: &SyncAccount,
) -> Option<(Timestamp, LogRow<'a>)> {
    let mut cells = columns.split(line)?;
    let date = cells.text(LogColumn::Date);
    let at = match columns.kind() {
        LogKind::Ews | LogKind::HttpProxy => instant(date)?,
        LogKind::Iis => date_and_time(date, cells.text(LogColumn::Time))?,
    };
    let name = cells.text(LogColumn::Account);
    let ours = if name.is_empty() {
        let (agent, address) = (cells.text(LogColumn::UserAgent), cells.text(LogColumn::Address));
        account.fits_hints(agent, address)
    } else {
        account.is_named(name)
    };
    // What this program does with the same account says nothing of Salesforce.
    let ours = ours && !begins(cells.text(LogColumn::UserAgent), OURSELVES);
    let status = || cells.text(LogColumn::HttpStatus).parse::<u16>().ok();
    let row = match columns.kind() {
        LogKind::Ews => {
            let action = cells.text(LogColumn::Operation);
            let error = call_error(cells.text(LogColumn::ErrorCode));
            let mailbox = match cells.text(LogColumn::Mailbox) {
                "" => name,
                mailbox => mailbox,
            };
            if !ours {
                let writes = error.is_none() && operation(action).is_write();
                let agent = cells.text(LogColumn::UserAgent);
                if writes && is_other_program(name, agent) {
                    LogRow::OtherWrite { mailbox, account: name }
                } else {
                    LogRow::Other
                }
            } else if action.is_empty() || action.starts_with("Sbsc_") {
                // A sign-in without an operation, or Exchange's own row of a subscription.
                LogRow::Other
            } else {
                let delay = columns.delay(&mut cells)?;
                let delay = std::str::from_utf8(delay).ok().and_then(|delay| delay.parse().ok());
                let throttled = delay.is_some_and(|delay: f64| delay > 0.0);
                LogRow::Call {
                    mailbox,
                    operation: operation(action),
                    error,
                    throttled: throttled || error == Some(CallError::ServerBusy),
                }
            }
        }
        // 401 is how every handshake begins; what comes of it is in IIS's log. With a back end's status the back end has
        // logged the call itself.
        LogKind::HttpProxy => match (ours, status()) {
            (true, Some(400 | 402..)) if matches!(cells.text(LogColumn::SubStatus), "" | "0") => {
                LogRow::FrontEndError
            }
            _ => LogRow::Other,
        },
        LogKind::Iis => match (ours && is_sync_path(cells.text(LogColumn::Operation)), status()) {
            (true, Some(401)) => match refusal(cells.text(LogColumn::Win32Status)) {
                Some(refusal) => LogRow::SignInRefused(refusal),
                None => LogRow::Other,
            },
            (true, Some(200..=399)) if !name.is_empty() => LogRow::SignedIn,
            _ => LogRow::Other,
        },
    };
    Some((at, row))
}

/// Whether a path is one that a sync uses; the account may use others by other programs.
fn is_sync_path(path: &str) -> bool {
    path.is_empty() || begins(path, "/ews/") || begins(path, "/autodiscover/")
}

fn is_other_program(account: &str, user_agent: &str) -> bool {
    let agent = user_agent.trim_start();
    !account.is_empty()
        && !agent.is_empty()
        && !begins(account, "HealthMailbox")
        && !begins(agent, OURSELVES)
        && !PEOPLES_CLIENTS.iter().any(|known| begins(agent, known))
        && !contains_ignoring_case(agent, "amprobe")
}

/// `2026-11-28T06:00:00.123Z`; Exchange writes UTC. Any other form of RFC 3339 is read as well, only slower.
fn instant(text: &str) -> Option<Timestamp> {
    let fixed = || {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let (time, millis) = match time.split_once('.') {
            Some((time, millis)) if millis.len() == 3 => (time, number(millis)?),
            Some(_) => return None,
            None => (time, 0),
        };
        let at = date_and_time(date, time)?;
        Some(Timestamp::from_nanos(at.nanos() + i64::from(millis) * 1_000_000))
    };
    fixed().or_else(|| {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Timestamp::from_datetime(at.with_timezone(&Utc))
    })
}

/// `2026-11-28` and `06:00:00`. IIS writes UTC unless somebody changed it.
fn date_and_time(date: &str, time: &str) -> Option<Timestamp> {
    let part = |text: &str, from: usize, to: usize| number(text.get(from..to)?);
    let marks = |text: &str, mark: u8, places: [usize; 2]| {
        places.into_iter().all(|place| text.as_bytes().get(place) == Some(&mark))
    };
    if date.len() != 10
        || time.len() != 8
        || !marks(date, b'-', [4, 7])
        || !marks(time, b':', [2, 5])
    {
        return None;
    }
    let year = i32::try_from(part(date, 0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, part(date, 5, 7)?, part(date, 8, 10)?)?;
    let time = NaiveTime::from_hms_opt(part(time, 0, 2)?, part(time, 3, 5)?, part(time, 6, 8)?)?;
    Timestamp::from_datetime(date.and_time(time).and_utc())
}

/// A number of digits alone.
fn number(text: &str) -> Option<u32> {
    text.bytes().try_fold(0_u32, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::exchange_log::settings::AddressRange;

    const EWS: &str = "DateTime,AuthenticatedUser,UserAgent,ClientIpAddress,SoapAction,HttpStatus,ErrorCode,ImpersonatedUser,ThrottlingDelay";

    fn account() -> SyncAccount {
        SyncAccount {
            names: vec!["svc@corp.example".to_owned(), "corp\\svc".to_owned()],
            user_agent: Some("salesforce".to_owned()),
            addresses: vec![AddressRange::new("192.0.2.7").unwrap()],
        }
    }

    fn ews(line: &str) -> Option<LogRow<'_>> {
        let columns = LogColumns::of_header(LogKind::Ews, EWS).unwrap();
        read(&columns, line.as_bytes(), &account()).map(|(_, row)| row)
    }

    fn call(
        operation: EwsOperation,
        error: Option<CallError>,
        throttled: bool,
    ) -> Option<LogRow<'static>> {
        Some(LogRow::Call { mailbox: "ann@corp.example", operation, error, throttled })
    }

    #[test]
    fn a_call_is_the_accounts_by_either_of_its_names() {
        for name in ["svc@corp.example", "CORP\\Svc", "SVC@CORP.EXAMPLE"] {
            let line = format!(
                "2026-11-28T06:00:00.123Z,{name},Salesforce,192.0.2.7,CreateItem,200,,ann@corp.example,"
            );
            assert_eq!(ews(&line), call(EwsOperation::CreateItem, None, false), "{name}");
        }
        let other =
            "2026-11-28T06:00:00Z,svc2@corp.example,Outlook/16,,GetItem,200,,ann@corp.example,";
        assert_eq!(ews(other), Some(LogRow::Other));
        // Another's name is stronger than any hint.
        let named = "2026-11-28T06:00:00Z,ann@corp.example,Salesforce,192.0.2.7,GetItem,200,,ann@corp.example,";
        assert_eq!(ews(named), Some(LogRow::Other));
    }

    #[test]
    fn what_this_program_does_with_the_account_is_not_salesforces() {
        let agent = concat!("lightning-sync-exporter/", env!("CARGO_PKG_VERSION"));
        for name in ["corp\\svc", "canary@corp.example"] {
            for action in ["CreateItem", "GetFolder"] {
                let line = format!(
                    "2026-11-28T06:00:00Z,{name},{agent},192.0.2.7,{action},200,,ann@corp.example,"
                );
                assert_eq!(ews(&line), Some(LogRow::Other), "{name} {action}");
            }
        }
        let header = "date time cs-username cs(User-Agent) cs-uri-stem sc-status sc-win32-status";
        let columns = LogColumns::of_header(LogKind::Iis, header).unwrap();
        for end in ["401 1326", "200 0"] {
            let line = format!("2026-11-28 06:00:00 CORP\\svc {agent} /EWS/Exchange.asmx {end}");
            let row = read(&columns, line.as_bytes(), &account()).map(|(_, row)| row);
            assert_eq!(row, Some(LogRow::Other), "{end}");
        }
    }

    #[test]
    fn a_200_with_an_error_code_is_a_failed_call_and_delay_is_throttling() {
        let line =
            "2026-11-28T06:00:00Z,corp\\svc,,,UpdateItem,200,ErrorItemNotFound,ann@corp.example,0";
        let missing = Some(CallError::ItemNotFound);
        assert_eq!(ews(line), call(EwsOperation::UpdateItem, missing, false));
        let line = "2026-11-28T06:00:00Z,corp\\svc,,,FindItem,200,,ann@corp.example,350.5";
        assert_eq!(ews(line), call(EwsOperation::FindItem, None, true));
        let line =
            "2026-11-28T06:00:00Z,corp\\svc,,,FindItem,500,ErrorServerBusy,ann@corp.example,";
        assert_eq!(ews(line), call(EwsOperation::FindItem, Some(CallError::ServerBusy), true));
        let line = "2026-11-28T06:00:00Z,corp\\svc,,,FindItem,200,ErrorNew,ann@corp.example,";
        assert_eq!(ews(line), call(EwsOperation::FindItem, Some(CallError::Other), false));
        let line = "2026-11-28T06:00:00Z,corp\\svc,,,FindItem,200,NoError,ann@corp.example,";
        assert_eq!(ews(line), call(EwsOperation::FindItem, None, false), "it worked");
        // Without impersonation the mailbox is the account's own.
        let Some(LogRow::Call { mailbox, .. }) =
            ews("2026-11-28T06:00:00Z,svc@corp.example,,,FindItem,200,,,")
        else {
            panic!("a call")
        };
        assert_eq!(mailbox, "svc@corp.example");
        let internal = "2026-11-28T06:00:00Z,corp\\svc,,,Sbsc_ConnStatus,200,,,";
        assert_eq!(ews(internal), Some(LogRow::Other));
        assert_eq!(ews("2026-11-28T06:00:00Z,corp\\svc,,,FindItem,200,,ann"), None, "cut");
    }

    #[test]
    fn only_programs_that_people_do_not_use_themselves_are_other_writers() {
        let write = |account: &str, agent: &str, error: &str| {
            let line = format!(
                "2026-11-28T06:00:00Z,{account},{agent},,CreateItem,200,{error},ann@corp.example,"
            );
            ews(&line).map(|row| matches!(row, LogRow::OtherWrite { .. }))
        };
        assert_eq!(write("crm@corp.example", "OtherSync/1.0", ""), Some(true));
        for (account, agent, error) in [
            ("ann@corp.example", "Microsoft Office/16.0", ""),
            ("ann@corp.example", "MacOutlook/16.8", ""),
            ("HealthMailbox1f@corp.example", "X", ""),
            ("ann@corp.example", "X-AMProbe/Local", ""),
            ("crm@corp.example", "", ""),
            ("", "OtherSync/1.0", ""),
            ("crm@corp.example", "OtherSync/1.0", "ErrorAccessDenied"),
        ] {
            assert_eq!(write(account, agent, error), Some(false), "{account} {agent} {error}");
        }
    }

    #[test]
    fn a_refused_sign_in_has_its_reason_and_the_start_of_a_handshake_is_none() {
        let header = "date time cs-username c-ip cs(User-Agent) cs-uri-stem sc-status sc-substatus sc-win32-status";
        let columns = LogColumns::of_header(LogKind::Iis, header).unwrap();
        let iis =
            |line: &'static str| read(&columns, line.as_bytes(), &account()).map(|(_, row)| row);
        for (code, reason) in [
            ("1326", SignInRefusal::WrongPassword),
            ("1909", SignInRefusal::LockedOut),
            ("1330", SignInRefusal::PasswordExpired),
            ("1907", SignInRefusal::PasswordMustChange),
            ("1331", SignInRefusal::AccountDisabled),
        ] {
            let line = format!("2026-11-28 06:00:00 CORP\\svc 192.0.2.9 x /EWS/x 401 1 {code}");
            assert_eq!(iis(line.leak()), Some(LogRow::SignInRefused(reason)));
        }
        let hinted = iis(
            "2026-11-28 06:00:00 - 192.0.2.7 Salesforce+Lightning /ews/Exchange.asmx 401 1 1909",
        );
        assert_eq!(hinted, Some(LogRow::SignInRefused(SignInRefusal::LockedOut)));
        assert_eq!(
            iis("2026-11-28 06:00:00 corp\\svc 192.0.2.7 x /EWS/Exchange.asmx 200 0 0"),
            Some(LogRow::SignedIn)
        );
        for nothing in [
            "2026-11-28 06:00:00 - 192.0.2.7 Salesforce /EWS/x 401 1 2148074254",
            "2026-11-28 06:00:00 - 192.0.2.8 Salesforce /EWS/x 401 1 1326",
            "2026-11-28 06:00:00 CORP\\svc 192.0.2.7 x /owa/x 401 1 1326",
            "2026-11-28 06:00:00 CORP\\svc 192.0.2.7 x /EWS/x 403 1 1326",
            "2026-11-28 06:00:00 - 192.0.2.7 Salesforce /EWS/x 200 0 0",
        ] {
            assert_eq!(iis(nothing), Some(LogRow::Other), "{nothing}");
        }
        assert_eq!(iis("2026-13-28 06:00:00 - - - /EWS/x 401 1 1326"), None);
    }

    #[test]
    fn the_front_end_counts_only_what_no_back_end_answered() {
        let header = "DateTime,AuthenticatedUser,AnchorMailbox,HttpStatus,BackEndStatus";
        let columns = LogColumns::of_header(LogKind::HttpProxy, header).unwrap();
        let proxy =
            |line: &'static str| read(&columns, line.as_bytes(), &account()).map(|(_, row)| row);
        for status in ["503", "400", "404"] {
            let line = format!("2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,{status},");
            assert_eq!(proxy(line.leak()), Some(LogRow::FrontEndError), "{status}");
        }
        for line in [
            "2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,503,503",
            "2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,401,",
            "2026-11-28T06:00:00Z,corp\\svc,ann@corp.example,200,",
            "2026-11-28T06:00:00Z,corp\\other,ann@corp.example,503,",
        ] {
            assert_eq!(proxy(line), Some(LogRow::Other), "{line}");
        }
    }

    #[test]
    fn times_are_read_in_both_forms_and_nothing_else_is_one() {
        let at = |text| instant(text).map(|at| at.to_string());
        for (text, read) in [
            ("2026-11-28T06:07:08.123Z", "2026-11-28T06:07:08.123Z"),
            ("2026-11-28T06:07:08Z", "2026-11-28T06:07:08Z"),
            ("2026-11-28T06:07:08.1234567Z", "2026-11-28T06:07:08.123456700Z"),
            ("2026-11-28T06:07:08+01:00", "2026-11-28T05:07:08Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(read), "{text}");
        }
        for wrong in [
            "",
            "Z",
            "TZ",
            "2026-11-28",
            "2026-02-30T00:00:00Z",
            "2026-11-28T24:00:00Z",
            "2026-11-28T06-07-08Z",
            "2026/11/28T06:07:08Z",
            "2026-11-28T06:07:0éZ",
            "+026-11-28T06:07:08Z",
            "DateTime",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
