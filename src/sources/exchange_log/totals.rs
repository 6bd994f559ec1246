//! What the rows add up to: latest calls, counts by the minute, who else writes. It is stored together with how far the
//! files were read, as one text: after a crash both are as they were at one instant.

use super::columns::LogKind;
use super::files::FilePositions;
use super::rows::LogRow;
use super::settings::ExchangeLogSettings;
use crate::domain::exchange_log::{
    CallError, EwsOperation, ExchangeCalls, LoggedRefusals, MailboxCalls, SignInRefusal, TwoWriters,
};
use crate::domain::ids::{UserName, folded};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many mailboxes are remembered: more than one service account can serve. Those of further ones are counted and
/// have no times of their own.
const MOST_MAILBOXES: usize = 20_000;
/// How long a mailbox without calls is remembered: who left is gone by then.
const MAILBOX_FOR: TimeDelta = TimeDelta::days(30);
/// How many programs are remembered for one mailbox: two make a finding, and a few more name it.
const MOST_WRITERS: usize = 4;
/// How many mailboxes with two writers are named.
const MOST_NAMED: usize = 100;
/// How long another program's write counts: long enough for one that syncs once a day.
const WRITERS_FOR: TimeDelta = TimeDelta::hours(26);
/// How many minutes are counted: a day, and an hour that a server's clock may be ahead.
const MINUTES: i64 = 25 * 60;
/// How far ahead of our clock a row may lie. Windows refuses sign-ins when clocks differ by five minutes, so what is
/// beyond an hour is no time of a server.
pub(super) const AHEAD: TimeDelta = TimeDelta::hours(1);
/// How many refusals within an hour are more than a slip of somebody who tries the account out.
const REFUSALS: u64 = 3;
const HOUR: TimeDelta = TimeDelta::hours(1);
/// The longest of the two windows that are counted.
pub(super) const DAY: TimeDelta = TimeDelta::hours(24);

const CALLS: &str = "calls";
const WRITES: &str = "writes";
const THROTTLED: &str = "throttled";

/// Counts by the minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct MinuteCounts(BTreeMap<i64, u32>);

impl MinuteCounts {
    fn add(&mut self, minute: i64) {
        let newest = self.0.last_key_value().map_or(minute, |(newest, _)| *newest);
        let count = self.0.entry(minute).or_default();
        *count = count.saturating_add(1);
        while let Some((oldest, _)) = self.0.first_key_value()
            && *oldest <= minute.max(newest) - MINUTES
        {
            self.0.pop_first();
        }
    }

    /// How many in the minutes after `now - span`, up to `now`.
    fn within(&self, span: TimeDelta, now: Timestamp) -> u64 {
        let (from, to) = (now.minus(span).minute(), now.minute());
        let counts = self.0.range(from.saturating_add(1)..=to.max(from.saturating_add(1)));
        counts.filter(|(minute, _)| **minute <= to).map(|(_, count)| u64::from(*count)).sum()
    }
}

/// What one server's logs added up to, and how far they were read. A server that is no longer configured takes its
/// counts with it, so that one that is renamed and read again counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServerTotals {
    /// By kind of log.
    pub(super) files: BTreeMap<String, FilePositions>,
    /// The newest row of each kind, whoever made it.
    reach: BTreeMap<String, i64>,
    counts: BTreeMap<String, MinuteCounts>,
}

impl ServerTotals {
    fn count(&mut self, what: &str, minute: i64) {
        match self.counts.get_mut(what) {
            Some(counts) => counts.add(minute),
            None => {
                let mut counts = MinuteCounts::default();
                counts.add(minute);
                self.counts.insert(what.to_owned(), counts);
            }
        }
    }
}

/// Everything that the logs of one organisation added up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTotals {
    /// When the logs were read first.
    begun_at: i64,
    pub(super) servers: BTreeMap<String, ServerTotals>,
    /// Latest calls that worked, by mailbox and operation.
    mailboxes: BTreeMap<String, Vec<(u8, i64)>>,
    /// Other programs' latest writes, by mailbox.
    writers: BTreeMap<String, Vec<(String, i64)>>,
    last_sign_in: Option<i64>,
    /// The refusal that began the latest row of them, and the newest: when, and why.
    refused_since: Option<i64>,
    last_refusal: Option<(i64, String)>,
    /// Latest calls that worked, in any mailbox.
    operations: BTreeMap<String, i64>,
}

impl LogTotals {
    /// Nothing was read yet.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            begun_at: now.nanos(),
            servers: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            writers: BTreeMap::new(),
            last_sign_in: None,
            refused_since: None,
            last_refusal: None,
            operations: BTreeMap::new(),
        }
    }

    /// From what was stored; `None` when it is of another version.
    pub fn from_memory(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// What is stored.
    pub fn memory(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    /// Forgets servers that are not configured any more, and what is too old to matter.
    pub(super) fn tidy(&mut self, settings: &ExchangeLogSettings, now: Timestamp) {
        self.servers.retain(|name, _| settings.servers.iter().any(|server| server.name == *name));
        for server in &settings.servers {
            if !self.servers.contains_key(&server.name) {
                self.servers.insert(server.name.clone(), ServerTotals::default());
            }
        }
        let from = now.minus(MAILBOX_FOR).nanos();
        self.mailboxes.retain(|_, calls| calls.iter().any(|(_, at)| *at > from));
        let from = now.minus(WRITERS_FOR).nanos();
        self.writers.retain(|_, writers| writers.iter().any(|(_, at)| *at > from));
    }

    /// Adds one row of a server's log. `false`: its time cannot be true.
    pub fn add(
        &mut self,
        server: &str,
        kind: LogKind,
        (at, row): (Timestamp, &LogRow<'_>),
        now: Timestamp,
    ) -> bool {
        if at > now.plus(AHEAD) {
            return false;
        }
        let (nanos, minute) = (at.nanos(), at.minute());
        if !self.servers.contains_key(server) {
            self.servers.insert(server.to_owned(), ServerTotals::default());
        }
        let Some(totals) = self.servers.get_mut(server) else {
            return false;
        };
        match totals.reach.get_mut(kind.name()) {
            Some(reach) => *reach = nanos.max(*reach),
            None => drop(totals.reach.insert(kind.name().to_owned(), nanos)),
        }
        match *row {
            LogRow::Call { mailbox, operation, error, throttled } => {
                totals.count(CALLS, minute);
                if throttled {
                    totals.count(THROTTLED, minute);
                }
                match error {
                    Some(error) => totals.count(error.name(), minute),
                    None => {
                        if operation.is_write() {
                            totals.count(WRITES, minute);
                        }
                        self.worked(mailbox, operation, nanos);
                    }
                }
            }
            LogRow::FrontEndError => totals.count(CallError::FrontEnd.name(), minute),
            LogRow::SignedIn => self.signed_in(nanos),
            LogRow::SignInRefused(refusal) => {
                totals.count(refusal.name(), minute);
                self.refused(refusal, nanos);
            }
            LogRow::OtherWrite { mailbox, account } => self.other_write(mailbox, account, nanos),
            LogRow::Other => {}
        }
        true
    }

    fn worked(&mut self, mailbox: &str, operation: EwsOperation, nanos: i64) {
        self.signed_in(nanos);
        match self.operations.get_mut(operation.name()) {
            Some(last) => *last = nanos.max(*last),
            None => drop(self.operations.insert(operation.name().to_owned(), nanos)),
        }
        let mailbox = folded(mailbox);
        let place = operation as u8;
        if let Some(calls) = self.mailboxes.get_mut(mailbox.as_ref()) {
            match calls.iter_mut().find(|(known, _)| *known == place) {
                Some((_, last)) => *last = nanos.max(*last),
                None => calls.push((place, nanos)),
            }
        } else if self.mailboxes.len() < MOST_MAILBOXES && mailbox.len() <= UserName::MAX_BYTES {
            self.mailboxes.insert(mailbox.into_owned(), vec![(place, nanos)]);
        }
    }

    fn signed_in(&mut self, nanos: i64) {
        self.last_sign_in = self.last_sign_in.max(Some(nanos));
        if self.last_refusal.as_ref().is_some_and(|(last, _)| *last <= nanos) {
            (self.last_refusal, self.refused_since) = (None, None);
        }
    }

    fn refused(&mut self, refusal: SignInRefusal, nanos: i64) {
        if self.last_sign_in.is_some_and(|last| last >= nanos) {
            return;
        }
        self.refused_since = Some(self.refused_since.map_or(nanos, |since| since.min(nanos)));
        if self.last_refusal.as_ref().is_none_or(|(last, _)| *last <= nanos) {
            self.last_refusal = Some((nanos, refusal.name().to_owned()));
        }
    }

    fn other_write(&mut self, mailbox: &str, account: &str, nanos: i64) {
        let (mailbox, account) = (folded(mailbox), folded(account));
        if mailbox.len().max(account.len()) > UserName::MAX_BYTES {
            return;
        }
        let Some(writers) = self.writers.get_mut(mailbox.as_ref()) else {
            if self.writers.len() < MOST_MAILBOXES {
                let writer = vec![(account.into_owned(), nanos)];
                self.writers.insert(mailbox.into_owned(), writer);
            }
            return;
        };
        if let Some((_, last)) = writers.iter_mut().find(|(known, _)| *known == account) {
            *last = nanos.max(*last);
        } else if writers.len() < MOST_WRITERS {
            writers.push((account.into_owned(), nanos));
        } else if let Some(oldest) = writers.iter_mut().min_by_key(|(_, last)| *last)
            && oldest.1 < nanos
        {
            *oldest = (account.into_owned(), nanos);
        }
    }

    /// How far a server's log of one kind reaches.
    pub fn reach(&self, server: &str, kind: LogKind) -> Option<Timestamp> {
        let nanos = self.servers.get(server)?.reach.get(kind.name())?;
        Some(Timestamp::from_nanos(*nanos))
    }

    fn counted(&self, what: &str, span: TimeDelta, now: Timestamp) -> u64 {
        let counts = self.servers.values().filter_map(|server| server.counts.get(what));
        counts.map(|counts| counts.within(span, now)).sum()
    }

    /// Calls of the account in `(now - span, now]`, by the minute; `span` is at most 24 hours.
    pub fn calls(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.counted(CALLS, span, now)
    }

    /// Writes of the account that worked in `(now - span, now]`.
    pub fn writes(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.counted(WRITES, span, now)
    }

    /// Calls that Exchange slowed down, or refused for its load, in `(now - span, now]`.
    pub fn throttled(&self, span: TimeDelta, now: Timestamp) -> u64 {
        self.counted(THROTTLED, span, now)
    }

    /// Failed calls of one kind in `(now - span, now]`.
    pub fn errors(&self, error: CallError, span: TimeDelta, now: Timestamp) -> u64 {
        self.counted(error.name(), span, now)
    }

    /// Refused sign-ins of one kind in `(now - span, now]`.
    pub fn refusals(&self, refusal: SignInRefusal, span: TimeDelta, now: Timestamp) -> u64 {
        self.counted(refusal.name(), span, now)
    }

    /// The latest call of an operation that worked, in any mailbox.
    pub fn last_call(&self, operation: EwsOperation) -> Option<Timestamp> {
        self.operations.get(operation.name()).map(|nanos| Timestamp::from_nanos(*nanos))
    }

    /// Sign-ins that are refused, without one that works. `before` is what the last poll
    /// gave: refusals that end without a success, because Salesforce gave up, are no success.
    fn refusing(&self, before: Option<&ExchangeCalls>, now: Timestamp) -> Option<LoggedRefusals> {
        let (latest, reason) = self.last_refusal.as_ref()?;
        let since = Timestamp::from_nanos(self.refused_since?);
        let reason = SignInRefusal::from_name(reason)?;
        let in_hour: u64 =
            SignInRefusal::ALL.iter().map(|refusal| self.refusals(*refusal, HOUR, now)).sum();
        let was_so = before.is_some_and(|before| before.refused.is_some());
        let in_day: u64 =
            SignInRefusal::ALL.iter().map(|refusal| self.refusals(*refusal, DAY, now)).sum();
        // After a restart nothing is known of before: several in a day without a success are as good.
        (in_hour >= REFUSALS || was_so || (before.is_none() && in_day >= REFUSALS))
            .then_some(LoggedRefusals { since, latest: Timestamp::from_nanos(*latest), reason })
    }

    /// What is known at `now`. `complete` says that every file was read to its end.
    pub fn calls_known(
        &self,
        settings: &ExchangeLogSettings,
        before: Option<&ExchangeCalls>,
        complete: bool,
        now: Timestamp,
    ) -> ExchangeCalls {
        let reach = |server: &str| self.reach(server, LogKind::Ews);
        // The first that is unknown makes the whole unknown.
        let reaches: Option<Vec<Timestamp>> =
            settings.servers.iter().map(|server| reach(&server.name)).collect();
        let name = |name: &String| UserName::new(name).ok();
        let mailboxes = self.mailboxes.iter().filter_map(|(mailbox, calls)| {
            let last = calls.iter().filter_map(|(place, at)| {
                let operation = EwsOperation::ALL.get(usize::from(*place))?;
                Some((*operation, Timestamp::from_nanos(*at)))
            });
            Some((name(mailbox)?, MailboxCalls { last: last.collect() }))
        });
        let mailboxes: BTreeMap<UserName, MailboxCalls> = mailboxes.collect();
        let lately = |at: Timestamp| now.since(at) <= WRITERS_FOR;
        let mut two_writers = self.writers.iter().filter_map(|(mailbox, writers)| {
            let mailbox = name(mailbox)?;
            let ours = mailboxes.get(&mailbox)?.last_write()?;
            let (other, at) = writers.iter().max_by_key(|(_, at)| *at)?;
            let at = Timestamp::from_nanos(*at);
            (lately(ours) && lately(at)).then_some(TwoWriters { mailbox, other: name(other)?, at })
        });
        let named: Vec<TwoWriters> = two_writers.by_ref().take(MOST_NAMED).collect();
        let further = two_writers.count();
        let last = |writes: bool| {
            let operations = EwsOperation::ALL.iter();
            let operations = operations.filter(|operation| !writes || operation.is_write());
            operations.filter_map(|operation| self.last_call(*operation)).max()
        };
        ExchangeCalls {
            read_at: now,
            begun_at: Timestamp::from_nanos(self.begun_at),
            complete_until: reaches
                .and_then(|reaches| reaches.into_iter().min())
                .filter(|_| complete),
            no_calls_after: settings.no_calls_after,
            last_call: last(false),
            last_write: last(true),
            writes: [HOUR, DAY].map(|span| self.writes(span, now)),
            refused: self.refusing(before, now),
            sees_refusals: settings
                .servers
                .iter()
                .any(|server| server.directories[LogKind::Iis].is_some()),
            two_writers_count: u32::try_from(named.len() + further).unwrap_or(u32::MAX),
            two_writers: named,
            mailboxes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::exchange_log::settings::{LogServer, SyncAccount};
    use enum_map::EnumMap;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_000_020 + minutes * 60)
    }

    fn settings(servers: &[&str]) -> ExchangeLogSettings {
        let servers = servers
            .iter()
            .map(|name| LogServer { name: (*name).to_owned(), directories: EnumMap::default() });
        ExchangeLogSettings {
            account: SyncAccount::default(),
            servers: servers.collect(),
            poll_every: ExchangeLogSettings::POLL_EVERY,
            no_calls_after: TimeDelta::minutes(100),
        }
    }

    const fn call(operation: EwsOperation, error: Option<CallError>) -> LogRow<'static> {
        LogRow::Call { mailbox: "Ann@corp.example", operation, error, throttled: false }
    }

    fn totals(rows: &[(&str, LogKind, i64, LogRow<'_>)]) -> LogTotals {
        let mut totals = LogTotals::new(at(0));
        for (server, kind, minute, row) in rows {
            assert!(totals.add(server, *kind, (at(*minute), row), at(*minute)));
        }
        totals
    }

    fn known(totals: &LogTotals, servers: &[&str], now: i64) -> ExchangeCalls {
        totals.calls_known(&settings(servers), None, true, at(now))
    }

    #[test]
    fn calls_that_failed_prove_no_write() {
        let ews = |minute, row| ("ex01", LogKind::Ews, minute, row);
        let totals = totals(&[
            ews(0, call(EwsOperation::CreateItem, None)),
            ews(5, call(EwsOperation::UpdateItem, Some(CallError::AccessDenied))),
            ews(6, call(EwsOperation::FindItem, None)),
        ]);
        let calls = known(&totals, &["ex01"], 6);
        assert_eq!((calls.last_write, calls.last_call), (Some(at(0)), Some(at(6))));
        let span = TimeDelta::hours(1);
        assert_eq!((totals.calls(span, at(6)), totals.writes(span, at(6))), (3, 1));
        assert_eq!(totals.errors(CallError::AccessDenied, span, at(6)), 1);
        let ann = &calls.mailboxes[&UserName::new("ann@corp.example").unwrap()];
        assert_eq!(ann.last, [(EwsOperation::CreateItem, at(0)), (EwsOperation::FindItem, at(6))]);
    }

    #[test]
    fn counts_leave_their_windows_to_the_minute_and_rows_come_in_any_order() {
        let ews = |minute| ("ex01", LogKind::Ews, minute, call(EwsOperation::CreateItem, None));
        let mut totals = totals(&[30, 0, 1, 90].map(ews));
        let writes = |totals: &LogTotals, minutes| totals.writes(TimeDelta::hours(1), at(minutes));
        assert_eq!(writes(&totals, 59), 3);
        assert_eq!(writes(&totals, 60), 2);
        assert_eq!(writes(&totals, 61), 1, "what is yet to come counts when it is due");
        assert_eq!(writes(&totals, 90), 1);
        assert_eq!(totals.writes(DAY, at(90)), 4);
        let late = at(40 * 24 * 60);
        totals.add("ex01", LogKind::Ews, (late, &call(EwsOperation::CreateItem, None)), late);
        assert_eq!(totals.servers["ex01"].counts[WRITES].0.len(), 1, "old minutes are forgotten");
    }

    #[test]
    fn a_row_of_an_impossible_time_changes_nothing() {
        let mut totals = totals(&[("ex01", LogKind::Ews, 0, LogRow::Other)]);
        let before = totals.clone();
        let row = call(EwsOperation::CreateItem, None);
        assert!(!totals.add("ex01", LogKind::Ews, (at(62), &row), at(1)));
        assert_eq!(totals, before);
        assert!(totals.add("ex01", LogKind::Ews, (at(61), &row), at(1)));
    }

    #[test]
    fn the_logs_are_complete_as_far_as_the_latest_server() {
        let other = |server, minute| (server, LogKind::Ews, minute, LogRow::Other);
        let totals = totals(&[other("ex01", 100), other("ex02", 80), other("ex02", 70)]);
        let until = |servers: &[&str]| known(&totals, servers, 101).complete_until;
        assert_eq!(until(&["ex01", "ex02"]), Some(at(80)));
        assert_eq!(until(&["ex01", "ex03"]), None, "a server that wrote nothing is unknown");
        let backlog = totals.calls_known(&settings(&["ex01"]), None, false, at(101));
        assert_eq!(backlog.complete_until, None);
    }

    #[test]
    fn refusals_are_a_finding_until_a_sign_in_works() {
        let iis = |minute, row| ("ex01", LogKind::Iis, minute, row);
        let refused = |minute| iis(minute, LogRow::SignInRefused(SignInRefusal::LockedOut));
        let wrong = iis(5, LogRow::SignInRefused(SignInRefusal::WrongPassword));
        assert_eq!(known(&totals(&[refused(5), refused(6)]), &[], 7).refused, None, "two slips");
        let mut totals = totals(&[wrong, refused(6), refused(7)]);
        let calls = known(&totals, &[], 8);
        let expected =
            LoggedRefusals { since: at(5), latest: at(7), reason: SignInRefusal::LockedOut };
        assert_eq!(calls.refused, Some(expected));
        // Salesforce gives up: that is no success.
        let later = totals.calls_known(&settings(&[]), Some(&calls), true, at(5_000));
        assert_eq!(later.refused, calls.refused);
        let worked = call(EwsOperation::FindItem, None);
        totals.add("ex01", LogKind::Ews, (at(4), &worked), at(8));
        assert!(known(&totals, &[], 8).refused.is_some(), "a call of before proves nothing");
        totals.add("ex01", LogKind::Ews, (at(9), &worked), at(9));
        assert_eq!(known(&totals, &[], 9).refused, None);
        // A row of another server's log that comes late is of before the success.
        totals.add(
            "ex02",
            LogKind::Iis,
            (at(8), &LogRow::SignInRefused(SignInRefusal::LockedOut)),
            at(9),
        );
        assert_eq!(known(&totals, &[], 9).refused, None);
    }

    #[test]
    fn three_refusals_in_an_hour_are_a_finding_and_after_a_restart_three_in_a_day() {
        let refused = |minute| {
            ("ex01", LogKind::Iis, minute, LogRow::SignInRefused(SignInRefusal::LockedOut))
        };
        let close = totals(&[refused(0), refused(1), refused(2)]);
        let well = known(&totals(&[]), &["ex01"], 0);
        let judged = |totals: &LogTotals, minute| {
            totals.calls_known(&settings(&["ex01"]), Some(&well), true, at(minute)).refused
        };
        assert!(judged(&close, 3).is_some());
        let apart = totals(&[refused(0), refused(120), refused(240)]);
        assert_eq!(judged(&apart, 241), None);
        assert!(known(&apart, &["ex01"], 241).refused.is_some(), "nothing is known of before");
    }

    #[test]
    fn the_latest_writers_are_remembered_and_our_own_old_write_is_none() {
        let write = |account: &'static str, minute| {
            let row = LogRow::OtherWrite { mailbox: "ann@corp.example", account };
            ("ex01", LogKind::Ews, minute, row)
        };
        let mut totals = totals(&[
            write("a", 10),
            write("b", 11),
            write("c", 12),
            write("d", 13),
            write("e", 5),
        ]);
        let names = |totals: &LogTotals| {
            let writers = totals.writers["ann@corp.example"].iter();
            writers.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&totals), ["a", "b", "c", "d"]);
        let (server, kind, minute, row) = write("e", 14);
        totals.add(server, kind, (at(minute), &row), at(minute));
        assert_eq!(names(&totals), ["e", "b", "c", "d"]);
        let day = 27 * 60;
        totals.add("ex01", LogKind::Ews, (at(0), &call(EwsOperation::CreateItem, None)), at(0));
        totals.add("ex01", LogKind::Ews, (at(day), &write("e", day).3), at(day));
        assert_eq!(known(&totals, &[], day).two_writers_count, 0);
    }

    #[test]
    fn two_writers_are_found_while_both_write() {
        let other = LogRow::OtherWrite { mailbox: "ANN@corp.example", account: "crm@corp.example" };
        let mut totals = totals(&[("ex01", LogKind::Ews, 0, other)]);
        assert_eq!(known(&totals, &[], 1).two_writers, []);
        totals.add("ex01", LogKind::Ews, (at(1), &call(EwsOperation::FindItem, None)), at(1));
        assert_eq!(known(&totals, &[], 1).two_writers_count, 0, "who reads is no writer");
        totals.add("ex01", LogKind::Ews, (at(1), &call(EwsOperation::CreateItem, None)), at(1));
        let calls = known(&totals, &[], 2);
        let [found] = calls.two_writers.as_slice() else { panic!("{calls:?}") };
        assert_eq!((found.mailbox.as_str(), found.at), ("ann@corp.example", at(0)));
        assert_eq!((found.other.as_str(), calls.two_writers_count), ("crm@corp.example", 1));
        assert_eq!(known(&totals, &[], 27 * 60).two_writers_count, 0);
    }

    #[test]
    fn what_was_stored_reads_back_and_a_server_takes_its_counts_with_it() {
        let row = call(EwsOperation::CreateItem, None);
        let mut totals = totals(&[
            ("ex01", LogKind::Ews, 0, row.clone()),
            ("ex02", LogKind::Iis, 0, LogRow::SignInRefused(SignInRefusal::LockedOut)),
            ("ex02", LogKind::Ews, 0, LogRow::OtherWrite { mailbox: "a", account: "b" }),
            ("ex02", LogKind::Ews, 1, row),
        ]);
        let stored = totals.memory().unwrap();
        assert_eq!(LogTotals::from_memory(&stored), Some(totals.clone()));
        assert_eq!(LogTotals::from_memory(b"{}"), None);
        assert_eq!(totals.writes(DAY, at(1)), 2);
        totals.tidy(&settings(&["ex02", "ex03"]), at(1));
        assert_eq!(totals.writes(DAY, at(1)), 1);
        assert_eq!(totals.servers.keys().collect::<Vec<_>>(), ["ex02", "ex03"]);
        totals.tidy(&settings(&["ex02"]), at(31 * 24 * 60));
        assert!(totals.mailboxes.is_empty() && totals.writers.is_empty());
    }
}
