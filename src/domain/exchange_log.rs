//! What Exchange Server's own logs say of Salesforce's calls. It is Exchange's side only: a write that Exchange logged
//! was made, and no log says that the record is now the same on both sides.

use super::ids::{UserName, closed_set};
use super::time::Timestamp;
use chrono::TimeDelta;
use std::collections::BTreeMap;

closed_set! {
    /// An operation of Exchange Web Services, as far as a sync uses it. The store writes its place, so the order never
    /// changes.
    EwsOperation {
        CreateItem = "create_item",
        UpdateItem = "update_item",
        DeleteItem = "delete_item",
        MoveItem = "move_item",
        CreateFolder = "create_folder",
        GetItem = "get_item",
        FindItem = "find_item",
        GetFolder = "get_folder",
        FindFolder = "find_folder",
        SyncFolderItems = "sync_folder_items",
        /// Any other.
        Other = "other",
    }
}

impl EwsOperation {
    /// Whether it changes a mailbox.
    pub const fn is_write(self) -> bool {
        match self {
            Self::CreateItem
            | Self::UpdateItem
            | Self::DeleteItem
            | Self::MoveItem
            | Self::CreateFolder => true,
            Self::GetItem
            | Self::FindItem
            | Self::GetFolder
            | Self::FindFolder
            | Self::SyncFolderItems
            | Self::Other => false,
        }
    }
}

closed_set! {
    /// Exchange's error codes that have a meaning of their own here; any other is `other`.
    CallError {
        /// The account may not do this.
        AccessDenied = "access_denied",
        /// The account may not act for this mailbox.
        ImpersonationDenied = "impersonation_denied",
        /// There is no such mailbox on this server.
        NoMailbox = "no_mailbox",
        /// The folder is not there.
        FolderNotFound = "folder_not_found",
        /// The item is not there.
        ItemNotFound = "item_not_found",
        /// Exchange has too much to do, or the account sends too much.
        ServerBusy = "server_busy",
        /// The mailbox's database is not mounted, or its server is down.
        StoreUnavailable = "store_unavailable",
        /// The mailbox is full.
        QuotaExceeded = "quota_exceeded",
        /// The front end answered with an error, and no back end saw the call.
        FrontEnd = "front_end",
        /// Something else.
        Other = "other",
    }
}

closed_set! {
    /// Why Windows refused a sign-in: the Win32 error in IIS's log.
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
    /// What it means, as the end of a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WrongPassword => "the password is wrong, or there is no such account (1326)",
            Self::LockedOut => "the account is locked out (1909)",
            Self::PasswordExpired => "the password has expired (1330)",
            Self::PasswordMustChange => "the password must be changed first (1907)",
            Self::AccountDisabled => "the account is disabled (1331)",
        }
    }
}

/// How late Exchange may write a log: it buffers, and copies to a share come every few minutes.
pub const WRITTEN_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// The account's latest calls in one mailbox that worked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxCalls {
    /// By operation.
    pub last: Vec<(EwsOperation, Timestamp)>,
}

impl MailboxCalls {
    /// The latest call.
    pub fn last_call(&self) -> Option<Timestamp> {
        self.last.iter().map(|(_, at)| *at).max()
    }

    /// The latest write.
    pub fn last_write(&self) -> Option<Timestamp> {
        let writes = self.last.iter().filter(|(operation, _)| operation.is_write());
        writes.map(|(_, at)| *at).max()
    }
}

/// Two programs that write into one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoWriters {
    /// Whose mailbox it is.
    pub mailbox: UserName,
    /// The other program's account.
    pub other: UserName,
    /// The other's latest write.
    pub at: Timestamp,
}

/// Sign-ins of the account that are refused, without one that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedRefusals {
    /// When the first was.
    pub since: Timestamp,
    /// When the latest was.
    pub latest: Timestamp,
    /// Why the latest was.
    pub reason: SignInRefusal,
}

/// What the logs of an organisation's servers added up to at the latest poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeCalls {
    /// When they were read last.
    pub read_at: Timestamp,
    /// When they were read first: nothing is known of a time a day before that.
    pub begun_at: Timestamp,
    /// Until when the EWS logs of all configured servers were read. `None`: those of one were not, or it has none.
    pub complete_until: Option<Timestamp>,
    /// For how long no call is no news.
    pub no_calls_after: TimeDelta,
    /// The latest call of the account that worked, in any mailbox.
    pub last_call: Option<Timestamp>,
    /// The latest write that worked.
    pub last_write: Option<Timestamp>,
    /// Writes that worked in 60 minutes and in 24 hours.
    pub writes: [u64; 2],
    /// Whether sign-ins are refused.
    pub refused: Option<LoggedRefusals>,
    /// Whether IIS's logs are read, which alone show refused sign-ins.
    pub sees_refusals: bool,
    /// Mailboxes with two writers, at most as many as are shown.
    pub two_writers: Vec<TwoWriters>,
    /// How many mailboxes have two writers.
    pub two_writers_count: u32,
    /// Mailboxes with calls of the account.
    pub mailboxes: BTreeMap<UserName, MailboxCalls>,
}

impl ExchangeCalls {
    /// Whether the logs of all servers reach to `now`, so that silence says something.
    pub fn reaches(&self, now: Timestamp) -> bool {
        self.complete_until.is_some_and(|until| now.since(until) <= WRITTEN_WITHIN)
    }

    /// Since when no call of the account was logged; the beginning where there was none at all.
    pub fn no_calls_since(&self) -> Timestamp {
        self.last_call.unwrap_or(self.begun_at)
    }

    /// Whether there were no calls for so long that it is news; `None` while the logs do not reach to `now`.
    pub fn no_calls(&self, now: Timestamp) -> Option<bool> {
        let silent = now.since(self.no_calls_since()) >= self.no_calls_after;
        (self.reaches(now) || !silent).then_some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_calls_is_claimed_only_while_the_logs_of_all_servers_reach_to_now() {
        let at = |minutes: i64| Timestamp::from_seconds(minutes * 60);
        let calls = |last_call, complete_until| ExchangeCalls {
            read_at: at(200),
            begun_at: at(0),
            complete_until,
            no_calls_after: TimeDelta::minutes(100),
            last_call,
            last_write: None,
            writes: [0, 0],
            refused: None,
            sees_refusals: false,
            two_writers: Vec::new(),
            two_writers_count: 0,
            mailboxes: BTreeMap::new(),
        };
        let no_calls = |last, until| calls(last, until).no_calls(at(200));
        assert_eq!(no_calls(Some(at(100)), Some(at(190))), Some(true));
        assert_eq!(no_calls(Some(at(100)), Some(at(184))), None, "one server is late");
        assert_eq!(no_calls(Some(at(100)), None), None, "one server is unknown");
        assert_eq!(no_calls(Some(at(101)), Some(at(184))), Some(false), "a call is a call");
        assert_eq!(no_calls(None, Some(at(190))), Some(true), "none since the beginning");
    }

    #[test]
    fn the_latest_call_may_be_a_read_and_the_latest_write_is_none() {
        let at = Timestamp::from_seconds;
        let operations = || EwsOperation::ALL.iter().copied();
        let read = operations().find(|operation| !operation.is_write()).unwrap();
        let mut writes = operations().filter(|operation| operation.is_write());
        let (first, second) = (writes.next().unwrap(), writes.next().unwrap());
        let calls = MailboxCalls { last: vec![(first, at(5)), (second, at(3)), (read, at(9))] };
        assert_eq!((calls.last_call(), calls.last_write()), (Some(at(9)), Some(at(5))));
        let none = MailboxCalls::default();
        assert_eq!((none.last_call(), none.last_write()), (None, None));
    }
}
