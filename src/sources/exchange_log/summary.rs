//! What the rows add up to: last calls and writes, counts by the minute, errors, and who else writes.

use super::columns::LogKind;
use super::rows::{LogRow, SignInRefusal, is_write};
use crate::domain::ids::closed_set;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many mailboxes are remembered; more than any organisation that Lightning Sync was made for.
const MOST_MAILBOXES: usize = 50_000;
/// How many programs are remembered for one mailbox: two make a finding, and a few more name it.
const MOST_WRITERS: usize = 4;
/// How long a foreign write counts: long enough for a program that syncs once a day.
const WRITERS_FOR: TimeDelta = TimeDelta::hours(26);
/// How late Exchange may write a log: it buffers, and copies to a share come every few minutes.
const WRITTEN_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// How long minutes are counted: a day, and what the clock of a server may be ahead.
const MINUTES: i64 = 25 * 60;

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
        /// Exchange has too much to do, or the account asks for too much.
        ServerBusy = "server_busy",
        /// The mailbox's database is not mounted, or its server is down.
        StoreUnavailable = "store_unavailable",
        /// The mailbox is full.
        QuotaExceeded = "quota_exceeded",
        /// Something else.
        Other = "other",
    }
}

impl CallError {
    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "" | "NoError" => return None,
            "ErrorAccessDenied" => Self::AccessDenied,
            "ErrorImpersonateUserDenied"
            | "ErrorImpersonationDenied"
            | "ErrorImpersonationFailed" => Self::ImpersonationDenied,
            "ErrorNonExistentMailbox" | "ErrorMissingEmailAddress" | "ErrorInvalidSmtpAddress" => {
                Self::NoMailbox
            }
            "ErrorFolderNotFound" | "ErrorParentFolderNotFound" => Self::FolderNotFound,
            "ErrorItemNotFound" => Self::ItemNotFound,
            "ErrorServerBusy" | "ErrorExceededConnectionCount" | "ErrorTimeoutExpired" => {
                Self::ServerBusy
            }
            "ErrorMailboxStoreUnavailable" | "ErrorConnectionFailed" | "ErrorADUnavailable" => {
                Self::StoreUnavailable
            }
            "ErrorQuotaExceeded" => Self::QuotaExceeded,
            _ => Self::Other,
        })
    }
}

/// Counts by the minute of the last 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct MinuteCounts(BTreeMap<i64, u32>);

impl MinuteCounts {
    fn add(&mut self, at: Timestamp) {
        let minute = at.minute();
        let newest = self
            .0
            .last_key_value()
            .map_or(minute, |(newest, _)| *newest);
        if minute > newest - MINUTES {
            let count = self.0.entry(minute).or_default();
            *count = count.saturating_add(1);
        }
        while let Some((oldest, _)) = self.0.first_key_value()
            && *oldest <= minute.max(newest) - MINUTES
        {
            self.0.pop_first();
        }
    }

    /// How many in the minutes after `now - span`, up to `now`.
    fn within(&self, span: TimeDelta, now: Timestamp) -> u64 {
        let from = now.minus(span).minute();
        self.0
            .range((
                std::ops::Bound::Excluded(from),
                std::ops::Bound::Included(now.minute()),
            ))
            .map(|(_, count)| u64::from(*count))
            .sum()
    }
}

/// What the account did in one mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxCalls {
    last_call: i64,
    last_write: Option<i64>,
}

impl MailboxCalls {
    /// The latest call that worked.
    pub const fn last_call(self) -> Timestamp {
        Timestamp::from_nanos(self.last_call)
    }

    /// The latest write that worked.
    pub fn last_write(self) -> Option<Timestamp> {
        self.last_write.map(Timestamp::from_nanos)
    }
}

/// Everything that the logs of one organisation added up to. It is stored together with where reading stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSummary {
    /// The newest row of each server and kind, whoever made it.
    reach: BTreeMap<String, i64>,
    mailboxes: BTreeMap<String, MailboxCalls>,
    /// Calls in mailboxes beyond [`MOST_MAILBOXES`].
    mailboxes_left_out: u64,
    foreign: BTreeMap<String, Vec<(String, i64)>>,
    last_call: Option<i64>,
    last_write: Option<i64>,
    writes: MinuteCounts,
    calls: MinuteCounts,
    throttled: MinuteCounts,
    front_end_errors: MinuteCounts,
    errors: BTreeMap<String, MinuteCounts>,
    refusals: BTreeMap<String, MinuteCounts>,
    last_refusal: Option<(i64, String)>,
}

impl LogSummary {
    /// Adds one row of a server's log.
    pub fn add(&mut self, server: &str, kind: LogKind, at: Timestamp, row: &LogRow<'_>) {
        let nanos = at.nanos();
        let key = reach_key(server, kind);
        match self.reach.get_mut(&key) {
            Some(reach) => *reach = nanos.max(*reach),
            None => {
                self.reach.insert(key, nanos);
            }
        }
        match *row {
            LogRow::Call {
                mailbox,
                operation,
                error,
                throttled,
            } => {
                self.calls.add(at);
                if throttled {
                    self.throttled.add(at);
                }
                if let Some(error) = CallError::of_code(error) {
                    self.errors
                        .entry(error.name().to_owned())
                        .or_default()
                        .add(at);
                } else {
                    self.worked(mailbox, is_write(operation), at);
                }
            }
            LogRow::FrontEndError { .. } => self.front_end_errors.add(at),
            LogRow::SignInRefused(refusal) => {
                let name = refusal.name().to_owned();
                self.refusals.entry(name.clone()).or_default().add(at);
                if self
                    .last_refusal
                    .as_ref()
                    .is_none_or(|(last, _)| *last <= nanos)
                {
                    self.last_refusal = Some((nanos, name));
                }
            }
            LogRow::ForeignWrite { mailbox, account } => {
                self.foreign_write(mailbox, account, nanos)
            }
            LogRow::Other => {}
        }
    }

    fn worked(&mut self, mailbox: &str, write: bool, at: Timestamp) {
        let nanos = at.nanos();
        self.last_call = self.last_call.max(Some(nanos));
        if write {
            self.last_write = self.last_write.max(Some(nanos));
            self.writes.add(at);
        }
        let mailbox = mailbox.to_lowercase();
        if self.mailboxes.len() >= MOST_MAILBOXES && !self.mailboxes.contains_key(&mailbox) {
            self.mailboxes_left_out += 1;
            return;
        }
        let calls = self.mailboxes.entry(mailbox).or_default();
        calls.last_call = calls.last_call.max(nanos);
        if write {
            calls.last_write = calls.last_write.max(Some(nanos));
        }
    }

    fn foreign_write(&mut self, mailbox: &str, account: &str, nanos: i64) {
        let mailbox = mailbox.to_lowercase();
        if self.foreign.len() >= MOST_MAILBOXES && !self.foreign.contains_key(&mailbox) {
            return;
        }
        let writers = self.foreign.entry(mailbox).or_default();
        let account = account.to_lowercase();
        if let Some((_, last)) = writers.iter_mut().find(|(known, _)| *known == account) {
            *last = nanos.max(*last);
        } else if writers.len() < MOST_WRITERS {
            writers.push((account, nanos));
        } else if let Some(oldest) = writers.iter_mut().min_by_key(|(_, last)| *last)
            && oldest.1 < nanos
        {
            // The one that has been silent for the longest gives way.
            *oldest = (account, nanos);
        }
    }

    /// The latest call of the account that worked, in any mailbox.
    pub fn last_call(&self) -> Option<Timestamp> {
        self.last_call.map(Timestamp::from_nanos)
    }

    /// The latest write of the account that worked, in any mailbox.
    pub fn last_write(&self) -> Option<Timestamp> {
        self.last_write.map(Timestamp::from_nanos)
    }

    /// Mailboxes with the account's calls, by address in small letters.
    pub const fn mailboxes(&self) -> &BTreeMap<String, MailboxCalls> {
        &self.mailboxes
    }

    /// Calls of the account in `(now - span, now]`, by the minute; `span` is at most 24 hours.
    pub fn calls(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.calls.within(span, now)
    }

    /// Writes of the account that worked in `(now - span, now]`, by the minute.
    pub fn writes(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.writes.within(span, now)
    }

    /// Calls that Exchange slowed down in `(now - span, now]`.
    pub fn throttled(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.throttled.within(span, now)
    }

    /// Calls that the front end answered with an error in `(now - span, now]`.
    pub fn front_end_errors(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.front_end_errors.within(span, now)
    }

    /// Failed calls of one kind in `(now - span, now]`.
    pub fn errors(&self, error: CallError, span: TimeDelta, now: Timestamp) -> u64 {
        self.errors
            .get(error.name())
            .map_or(0, |counts| counts.within(span, now))
    }

    /// Rejected sign-ins of one kind in `(now - span, now]`.
    pub fn refusals(&self, refusal: SignInRefusal, span: TimeDelta, now: Timestamp) -> u64 {
        self.refusals
            .get(refusal.name())
            .map_or(0, |counts| counts.within(span, now))
    }

    /// The latest rejected sign-in, unless a call has worked since.
    pub fn refused(&self) -> Option<(SignInRefusal, Timestamp)> {
        let (at, name) = self.last_refusal.as_ref()?;
        (self.last_call.is_none_or(|call| call < *at))
            .then(|| Some((SignInRefusal::from_name(name)?, Timestamp::from_nanos(*at))))?
    }

    /// How far a server's log of one kind reaches.
    pub fn reach(&self, server: &str, kind: LogKind) -> Option<Timestamp> {
        let nanos = self.reach.get(&reach_key(server, kind))?;
        Some(Timestamp::from_nanos(*nanos))
    }

    /// Since when no call was seen, where that can be said: only while the EWS logs of all servers reach to now.
    pub fn no_calls_since<'a>(
        &self,
        mut servers: impl Iterator<Item = &'a str>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let whole = servers.all(|server| {
            self.reach(server, LogKind::Ews)
                .is_some_and(|reach| now.since(reach) <= WRITTEN_WITHIN)
        });
        whole.then(|| self.last_call())?
    }

    /// Mailboxes into which the account and another program wrote lately: two sync products make duplicates.
    pub fn two_writers(&self, now: Timestamp) -> impl Iterator<Item = (&str, &str)> {
        let lately = move |nanos: i64| now.since(Timestamp::from_nanos(nanos)) <= WRITERS_FOR;
        self.foreign.iter().filter_map(move |(mailbox, writers)| {
            let ours = self.mailboxes.get(mailbox)?.last_write?;
            let (other, _) = writers.iter().find(|(_, last)| lately(*last))?;
            lately(ours).then_some((mailbox.as_str(), other.as_str()))
        })
    }
}

fn reach_key(server: &str, kind: LogKind) -> String {
    format!("{server}/{}", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_000_020 + minutes * 60)
    }

    fn call<'a>(operation: &'a str, error: &'a str) -> LogRow<'a> {
        LogRow::Call {
            mailbox: "Ann@corp.example",
            operation,
            error,
            throttled: false,
        }
    }

    #[test]
    fn calls_that_failed_prove_no_write() {
        let mut summary = LogSummary::default();
        summary.add("ex01", LogKind::Ews, at(0), &call("CreateItem", ""));
        summary.add(
            "ex01",
            LogKind::Ews,
            at(5),
            &call("UpdateItem", "ErrorAccessDenied"),
        );
        summary.add("ex01", LogKind::Ews, at(6), &call("FindItem", "NoError"));
        assert_eq!(summary.last_write(), Some(at(0)));
        assert_eq!(summary.last_call(), Some(at(6)));
        let hour = TimeDelta::hours(1);
        assert_eq!(
            (summary.calls(hour, at(6)), summary.writes(hour, at(6))),
            (3, 1)
        );
        assert_eq!(summary.errors(CallError::AccessDenied, hour, at(6)), 1);
        let ann = summary.mailboxes()["ann@corp.example"];
        assert_eq!((ann.last_call(), ann.last_write()), (at(6), Some(at(0))));
    }

    #[test]
    fn counts_leave_their_windows_to_the_minute_and_rows_come_in_any_order() {
        let mut summary = LogSummary::default();
        for minute in [30, 0, 1, 90] {
            summary.add("ex01", LogKind::Ews, at(minute), &call("CreateItem", ""));
        }
        let hour = TimeDelta::hours(1);
        assert_eq!(summary.writes(hour, at(59)), 3);
        assert_eq!(summary.writes(hour, at(60)), 2);
        assert_eq!(
            summary.writes(hour, at(61)),
            1,
            "what is yet to come counts when it is due"
        );
        assert_eq!(summary.writes(hour, at(90)), 1);
        assert_eq!(summary.writes(TimeDelta::hours(24), at(90)), 4);
        summary.add(
            "ex01",
            LogKind::Ews,
            at(40 * 24 * 60),
            &call("CreateItem", ""),
        );
        assert_eq!(summary.writes.0.len(), 1, "old minutes are forgotten");
    }

    #[test]
    fn no_calls_is_said_only_while_all_servers_reach_to_now() {
        let mut summary = LogSummary::default();
        let servers = || ["ex01", "ex02"].into_iter();
        summary.add("ex01", LogKind::Ews, at(0), &call("FindItem", ""));
        summary.add("ex01", LogKind::Ews, at(100), &LogRow::Other);
        assert_eq!(
            summary.no_calls_since(servers(), at(101)),
            None,
            "ex02 is unknown"
        );
        summary.add("ex02", LogKind::Ews, at(80), &LogRow::Other);
        assert_eq!(
            summary.no_calls_since(servers(), at(101)),
            None,
            "ex02 is late"
        );
        summary.add("ex02", LogKind::Ews, at(99), &LogRow::Other);
        assert_eq!(summary.no_calls_since(servers(), at(101)), Some(at(0)));
        assert_eq!(
            summary.no_calls_since(servers(), at(116)),
            None,
            "nobody has looked lately"
        );
    }

    #[test]
    fn a_refusal_ends_with_the_next_call_that_works() {
        let mut summary = LogSummary::default();
        let refused = LogRow::SignInRefused(SignInRefusal::LockedOut);
        summary.add("ex01", LogKind::Iis, at(5), &refused);
        assert_eq!(summary.refused(), Some((SignInRefusal::LockedOut, at(5))));
        summary.add("ex01", LogKind::Ews, at(4), &call("FindItem", ""));
        assert!(summary.refused().is_some());
        summary.add("ex01", LogKind::Ews, at(6), &call("FindItem", ""));
        assert_eq!(summary.refused(), None);
    }

    #[test]
    fn two_writers_are_found_while_both_write() {
        let mut summary = LogSummary::default();
        let foreign = |account| LogRow::ForeignWrite {
            mailbox: "ann@corp.example",
            account,
        };
        summary.add("ex01", LogKind::Ews, at(0), &foreign("crm@corp.example"));
        assert_eq!(summary.two_writers(at(1)).count(), 0);
        summary.add("ex01", LogKind::Ews, at(1), &call("CreateItem", ""));
        let found: Vec<_> = summary.two_writers(at(2)).collect();
        assert_eq!(found, [("ann@corp.example", "crm@corp.example")]);
        assert_eq!(summary.two_writers(at(27 * 60)).count(), 0);
    }
}
