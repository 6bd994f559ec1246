//! What is wrong with an organisation at `now`: the one place that decides. Metrics say it of every subject that can be
//! judged, and the shipped rules carry, merge and select it. What began earlier is in [`super::incidents`].

use super::calendar::Settle;
use super::canary::{CanaryState, LEFTOVER_AFTER};
use super::causes::{Cause, Scope, Severity};
use super::ids::{Direction, ObjectType, OrgName, Source};
use super::incidents::{Incident, Subject};
use super::policy::{ConnectionMethod, OrgPolicy, Product};
use super::rows::{OrgRow, OrgValue, Status, UserRow};
use super::time::Timestamp;
use super::users::FAILURE_ORDER;
use super::view::{Current, LastSync, OrgView, View};
use super::windows::{DAY, HOUR};
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::cmp::Ordering;

/// Something that needs attention, with the facts that say so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How soon somebody has to act.
    pub severity: Severity,
    /// Why.
    pub cause: Cause,
    /// Where.
    pub org: OrgName,
    /// Of what, when it is not the organisation as a whole.
    pub object_type: Option<ObjectType>,
    /// Which check, for findings about users.
    pub check: Option<UserRow>,
    /// Since when it has been so, where that is known.
    pub since: Option<Timestamp>,
    /// How many users, where it is about users.
    pub users: Option<u32>,
    /// The cause that explains it, while that holds or has ended not long ago: it is no news of its own then.
    pub held_back_by: Option<Cause>,
}

impl Finding {
    /// What it is about.
    pub const fn subject(&self) -> Subject {
        Subject { cause: self.cause, object_type: self.object_type, check: self.check }
    }

    /// Whether it explains another finding of the same organisation.
    fn explains(&self, other: &Self) -> bool {
        (self.cause.consequences().contains(&other.cause)
            && (!self.cause.is_probed() || self.severity <= other.severity))
            || (self.severity == Severity::Critical
                && self.cause.scope() == Scope::Org
                && other.cause.scope() == Scope::Users)
    }
}

/// The result of judging a subject. What cannot be judged has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It holds.
    Holds(Subject, Found),
    /// It was judged and does not hold.
    Refuted(Subject),
}

/// How something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// How soon somebody has to act.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// How many users, where it is about users.
    pub users: Option<u32>,
    /// The first sync after the reading of a root cause.
    pub first_sync: Option<Timestamp>,
    /// Records synced in the 24 hours before a root cause was found, where the last hour had any.
    pub synced_before: Option<u64>,
}

/// All that is judged of an organisation at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What holds, worst first.
    pub findings: Vec<Finding>,
    /// What was judged and does not hold.
    pub refuted: Vec<Subject>,
    /// The instant after which a missing sync is news, by [`ObjectType::index`]; [`Timestamp::MAX`] where nothing may
    /// be claimed.
    pub deadlines: EnumMap<ObjectType, Timestamp>,
}

/// When the retirement becomes a warning: a month is what the vendor's migration guide plans for.
pub const RETIREMENT_WARNING: TimeDelta = TimeDelta::days(30);
/// When it becomes a notice: a quarter, the planning step of most organisations.
pub const RETIREMENT_INFO: TimeDelta = TimeDelta::days(90);

/// When the end of Exchange's certificate becomes a warning: time to order one, and to find who may install it.
pub const CERTIFICATE_WARNING: TimeDelta = TimeDelta::days(21);

/// How long polls of a source fail before that is a finding; the alert waits its `for` on top.
pub const POLLS_FAIL_FOR: TimeDelta = TimeDelta::minutes(15);

/// Every finding of every organisation, worst first.
pub fn judge(view: &View, now: Timestamp) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        view.orgs.iter().flat_map(|org| judge_org(org, view.is_fresh(now), now)).collect();
    findings.sort();
    findings
}

/// The findings of one organisation, worst first. `counts` says whether the View is fresh enough for its counts.
pub fn judge_org(org: &OrgView, counts: bool, now: Timestamp) -> Vec<Finding> {
    judgement(org, counts, now).findings
}

/// All that is judged of one organisation.
pub fn judgement(org: &OrgView, counts: bool, now: Timestamp) -> Judgement {
    let words = words(org, counts, now);
    let mut findings = Vec::new();
    let mut refuted = Vec::with_capacity(words.len());
    let mut open = org.incidents.0.clone();
    open.retain(|_, incident| incident.ended.is_none());
    for word in words {
        match word {
            Judged::Holds(subject, found) => {
                let since = org.incidents.get(subject).map(|incident| incident.since);
                let since = since.unwrap_or(found.since);
                findings.push(finding(org, subject, found.severity, since, found.users));
                open.remove(&subject);
            }
            Judged::Refuted(subject) => {
                refuted.push(subject);
                open.remove(&subject);
            }
        }
    }
    // No source has reported anything newer: what was found stays.
    for (subject, incident) in open {
        let Incident { severity, since, users, .. } = incident;
        findings.push(finding(org, subject, severity, since, users));
    }
    findings.sort();
    let waits = recovery(org, &findings, now);
    let explained: Vec<Option<Cause>> = findings
        .iter()
        .map(|finding| {
            let by = findings
                .iter()
                .filter(|other| other.explains(finding))
                .map(|other| other.cause)
                .min();
            let mut over =
                waits.iter().filter(|(cause, _)| cause.consequences().contains(&finding.cause));
            by.or_else(|| over.next().map(|(cause, _)| *cause))
        })
        .collect();
    for (finding, by) in findings.iter_mut().zip(explained) {
        finding.held_back_by = by;
    }
    let waits_until = waits.iter().map(|(_, until)| *until).max();
    Judgement {
        deadlines: EnumMap::from_fn(|object| {
            let syncs = org.policy.objects.contains(&object);
            let last = org.last_sync(object, now).filter(|_| syncs);
            let at = last.map_or(Timestamp::MAX, |last| deadline(org, object, &last, now));
            at.max(waits_until.unwrap_or(at))
        }),
        findings,
        refuted,
    }
}

fn finding(
    org: &OrgView,
    subject: Subject,
    severity: Severity,
    since: Timestamp,
    users: Option<u32>,
) -> Finding {
    Finding {
        severity,
        cause: subject.cause,
        org: org.policy.name.clone(),
        object_type: subject.object_type,
        check: subject.check,
        since: Some(since),
        users,
        held_back_by: None,
    }
}

/// Root causes whose consequences are no news of their own, and until when: without end while they hold, and for
/// `recovery_within` after that.
fn recovery(org: &OrgView, findings: &[Finding], now: Timestamp) -> Vec<(Cause, Timestamp)> {
    let explains = |cause: Cause, severity: Severity| {
        cause.is_root() || (cause.is_probed() && severity == Severity::Critical)
    };
    let holding = findings.iter().filter(|finding| explains(finding.cause, finding.severity));
    let holding = holding.map(|finding| finding.cause);
    let ended = org.incidents.ended().filter(|(cause, severity, _)| explains(*cause, *severity));
    let ended = ended.map(|(cause, _, at)| (cause, at.plus(org.policy.recovery_within)));
    holding
        .map(|cause| (cause, Timestamp::MAX))
        .chain(ended.filter(|(_, until)| now < *until))
        .collect()
}

/// When a missing sync of `object` becomes news, apart from what explains it. Nothing may be claimed of a time at which
/// nobody looked: only somebody who looked after the deadline, or a feed whose silence is an answer, can pass it.
fn deadline(org: &OrgView, object: ObjectType, last: &LastSync, now: Timestamp) -> Timestamp {
    let policy = &org.policy;
    let at = org.last_sync_deadline(last);
    let at = policy.setup_until.map_or(at, |until| at.max(until));
    let ends = policy.retirement.filter(|_| policy.product == Product::LightningSync);
    let claimed = last.observed_at > at || org.silence_answers(object, now);
    if claimed && ends.is_none_or(|end| at < end) && !policy.retired(now) {
        at
    } else {
        Timestamp::MAX
    }
}

/// A word on every subject that can be judged from what is known at the moment.
pub(super) fn words(org: &OrgView, counts: bool, now: Timestamp) -> Vec<Judged> {
    let mut judge = Judge { org, counts, now, words: Vec::with_capacity(40) };
    if org.policy.retired(now) {
        judge.retired();
        return judge.words;
    }
    judge.refute(Cause::Retired);
    judge.service_account();
    judge.linked_users();
    judge.outlook_integration();
    for object in org.policy.objects.iter().copied() {
        judge.object(object);
    }
    judge.users();
    judge.polls();
    judge.exchange_log();
    judge.exchange();
    judge.counts();
    judge.canary();
    judge.retirement();
    judge.words
}

/// The causes that a retired organisation never has; only `Retired` is left to it.
const OF_ORG: [Cause; 7] = [
    Cause::ServiceAccountMissing,
    Cause::ServiceAccountNotRecognized,
    Cause::NoLinkedUsers,
    Cause::LinkedUsersUnexpected,
    Cause::OutlookIntegrationDisabled,
    Cause::PollFailing,
    Cause::RetirementNear,
];
/// Those of Exchange's logs.
const OF_LOGS: [Cause; 3] =
    [Cause::ExchangeSignInRefused, Cause::ExchangeNoCalls, Cause::ExchangeTwoWriters];
/// What a probe finds, in the order in which one hides the next.
const OF_EXCHANGE: [Cause; 4] = [
    Cause::ExchangeUnreachable,
    Cause::ExchangeAccountRefused,
    Cause::ExchangeEwsOff,
    Cause::ExchangeImpersonationRefused,
];
/// What shows that Exchange refuses the account: Salesforce, the logs, and the probe, which uses the same one.
const ACCOUNT_REFUSED: [Cause; 3] = [
    Cause::ServiceAccountNotRecognized,
    Cause::ExchangeSignInRefused,
    Cause::ExchangeAccountRefused,
];
/// What a probe finds besides.
const OF_PROBE: [Cause; 3] =
    [Cause::ExchangeCertificateEnding, Cause::DuplicateSurge, Cause::RecordsDrift];
const OF_OBJECT: [Cause; 7] = [
    Cause::NoSyncIn24Hours,
    Cause::NeverSynced,
    Cause::Delayed,
    Cause::NothingIn24Hours,
    Cause::NothingIn60Minutes,
    Cause::UnusuallyQuiet,
    Cause::ObservationsStale,
];

struct Judge<'a> {
    org: &'a OrgView,
    counts: bool,
    now: Timestamp,
    words: Vec<Judged>,
}

const fn of_org(cause: Cause) -> Subject {
    Subject { cause, object_type: None, check: None }
}

const fn of_object(cause: Cause, object: ObjectType) -> Subject {
    Subject { cause, object_type: Some(object), check: None }
}

const fn of_check(cause: Cause, check: UserRow) -> Subject {
    Subject { cause, object_type: check.object_type(), check: Some(check) }
}

const fn of_lane(object: ObjectType, direction: Direction) -> Subject {
    of_check(Cause::CanaryLate, UserRow::of_direction(object, direction))
}

impl Judge<'_> {
    fn holds(
        &mut self,
        subject: Subject,
        severity: Severity,
        since: Timestamp,
        users: Option<u32>,
    ) {
        let found = Found { severity, since, users, first_sync: None, synced_before: None };
        self.words.push(Judged::Holds(subject, found));
    }

    fn refute(&mut self, cause: Cause) {
        self.words.push(Judged::Refuted(of_org(cause)));
    }

    fn refute_of(&mut self, cause: Cause, object: ObjectType) {
        self.words.push(Judged::Refuted(of_object(cause, object)));
    }

    fn retired(&mut self) {
        let since = self.org.policy.retirement.unwrap_or(self.now);
        self.holds(of_org(Cause::Retired), Severity::Info, since, None);
        for cause in OF_ORG {
            self.refute(cause);
        }
        if self.org.policy.reads_exchange_log {
            for cause in OF_LOGS {
                self.refute(cause);
            }
        }
        if self.org.source_states.probe().is_some() {
            for cause in OF_EXCHANGE.into_iter().chain(OF_PROBE) {
                self.refute(cause);
            }
        }
        if self.org.policy.runs_canary {
            self.refute_canary(|_, _| true);
        }
        for object in self.org.policy.objects.iter().copied() {
            for cause in OF_OBJECT {
                self.refute_of(cause, object);
            }
        }
        let failing = FAILURE_ORDER.map(|row| (Cause::UsersFailing, row));
        let single = [
            (Cause::UsersSyncNothing, UserRow::ActiveConfiguration),
            (Cause::ResetStuck, UserRow::Reset),
        ];
        let directions = UserRow::ALL.iter().filter(|row| row.is_direction());
        let directions = directions.map(|row| (Cause::InitialSyncStuck, *row));
        for (cause, row) in failing.into_iter().chain(single).chain(directions) {
            if self.org.policy.covers(row) {
                self.words.push(Judged::Refuted(of_check(cause, row)));
            }
        }
    }

    /// Whether business has lasted for `span` at some instant since `began`.
    fn settled(&self, span: Settle, began: Timestamp) -> bool {
        self.settled_by(span, self.now, began)
    }

    /// Whether it had by the time of a reading: what was read before opening time says nothing of the hours since.
    fn settled_by(&self, span: Settle, read_at: Timestamp, began: Timestamp) -> bool {
        self.org.open_hours.settled(span, read_at.min(self.now)).is_some_and(|at| at >= began)
    }

    /// The latest sync that was seen later than a reading.
    fn sync_after(&self, observed_at: Timestamp) -> Option<LastSync> {
        let objects = self.org.policy.objects.iter();
        let last = objects.filter_map(|object| self.org.last_sync(*object, self.now));
        last.filter(|last| last.at > observed_at).max_by_key(|last| last.at)
    }

    /// A word on a root cause that a row shows.
    fn root(&mut self, cause: Cause, row: &Current, bad: bool) {
        if bad {
            self.root_seen(cause, row.observed_at, row.changed_at);
        } else if !row.stale {
            // A reading that nobody confirms any more is no proof that all is well.
            self.refute(cause);
        }
    }

    /// A word on a root cause that was seen. What was found ends by a newer reading or by syncs that go on for
    /// `fresh_within` and are no trickle; a single record may be a straggler. A reading begins nothing once something
    /// synced `fresh_within` after it.
    fn root_seen(&mut self, cause: Cause, observed_at: Timestamp, since: Timestamp) {
        let subject = of_org(cause);
        let sync = self.sync_after(observed_at);
        let incident = self.org.incidents.open(subject);
        let earlier = incident.and_then(|incident| incident.first_sync);
        let first_sync = earlier.filter(|at| *at > observed_at).or(sync.map(|last| last.at));
        let known = self.org.incidents.get(subject);
        let synced_before =
            known.map_or_else(|| self.synced_day(), |incident| incident.synced_before);
        let refuted = match (sync, first_sync, incident) {
            (Some(last), Some(first), Some(_)) => {
                last.at >= first.plus(self.org.policy.fresh_within)
                    && (last.source == Source::Canary || !self.trickles(synced_before, since))
            }
            (Some(last), _, None) => last.at >= observed_at.plus(self.org.policy.fresh_within),
            _ => false,
        };
        if refuted || self.refuted_before(subject, observed_at, since) {
            self.refute(cause);
            return;
        }
        let returned = known.and_then(Incident::calm_until);
        let calm = returned.is_some_and(|until| self.now < until) || self.paged_elsewhere(cause);
        let severity = if calm { Severity::Warning } else { Severity::Critical };
        let found = Found { severity, since, users: None, first_sync, synced_before };
        self.words.push(Judged::Holds(subject, found));
    }

    /// Records of the last 24 hours, where the last hour had any: of a feed that comes hours late, the last hour says nothing.
    fn synced_day(&self) -> Option<u64> {
        let (hour, _) = self.synced(OrgRow::Synced60m)?;
        let (day, _) = self.synced(OrgRow::Synced24h).filter(|_| hour > 0)?;
        Some(day)
    }

    /// The count of a row over all object types, and when it was counted.
    fn synced(&self, row: impl Fn(ObjectType) -> OrgRow) -> Option<(u64, Timestamp)> {
        let objects = self.org.policy.objects.iter().copied();
        let counts = objects.map(|object| self.org.current(row(object), self.now));
        counts.filter(|_| self.counts).flatten().fold(None, |sum, count| {
            let OrgValue::Count(records) = count.value else {
                return sum;
            };
            let (before, at) = sum.unwrap_or((0, count.observed_at));
            Some((before + records, at.min(count.observed_at)))
        })
    }

    /// Whether an hour that lies wholly after `since` had less than half of an average hour of the day before.
    /// Half: nights are in the average, so that an hour of business that is not disturbed has at least twice as many.
    fn trickles(&self, synced_before: Option<u64>, since: Timestamp) -> bool {
        let Some(before) = synced_before else {
            return false;
        };
        let hour = self.synced(OrgRow::Synced60m).filter(|(_, at)| at.minus(HOUR) >= since);
        hour.is_none_or(|(records, _)| records == 0 || records * 48 < before)
    }

    /// Whether syncs have gone on beside what was seen, and still did when it was seen unchanged: then it is no news again.
    fn refuted_before(&self, subject: Subject, observed_at: Timestamp, since: Timestamp) -> bool {
        let ended = self.org.incidents.get(subject).and_then(|incident| incident.ended);
        let goes_on = || {
            let begins = observed_at.minus(self.org.policy.fresh_within);
            self.sync_after(begins).is_some()
        };
        ended.is_some_and(|ended| since < ended) && goes_on()
    }

    /// Whether another finding has paged that Exchange refuses the account: one account that is refused is one page,
    /// and whoever repairs it has `recovery_within` for the rest.
    fn paged_elsewhere(&self, cause: Cause) -> bool {
        if !ACCOUNT_REFUSED.contains(&cause) {
            return false;
        }
        let own = self.org.incidents.open(of_org(cause)).map(|incident| incident.severity);
        if own == Some(Severity::Critical) {
            return false;
        }
        ACCOUNT_REFUSED.into_iter().filter(|other| *other != cause).any(|other| {
            let found = self.words.iter().find_map(|word| match word {
                Judged::Holds(of, found) if of.cause == other => Some(found.severity),
                Judged::Holds(..) | Judged::Refuted(_) => None,
            });
            let recovers = |incident: &&Incident| {
                let until = |ended: Timestamp| ended.plus(self.org.policy.recovery_within);
                incident.ended.is_none_or(|ended| self.now < until(ended))
            };
            let before = self.org.incidents.get(of_org(other)).filter(recovers);
            let severity = found.or(before.map(|incident| incident.severity));
            // What the probe sees alone is at most what the others show.
            severity == Some(Severity::Critical)
                || (found.is_some() && cause == Cause::ExchangeAccountRefused)
        })
    }

    fn service_account(&mut self) {
        let policy = &self.org.policy;
        let (missing, unrecognized) =
            (Cause::ServiceAccountMissing, Cause::ServiceAccountNotRecognized);
        // Who sets the sync up has no account yet.
        if policy.connection != ConnectionMethod::ServiceAccount || policy.setting_up(self.now) {
            self.refute(missing);
            self.refute(unrecognized);
            return;
        }
        if let Some(row) = self.org.current(OrgRow::ServiceAccountProvided, self.now) {
            let none = row.value == OrgValue::Account(None);
            self.root(missing, &row, none);
            // Where there is no account, none is recognised: that is the same finding.
            if none && matches!(self.words.last(), Some(Judged::Holds(..))) {
                self.refute(unrecognized);
                return;
            }
        }
        if let Some(row) = self.org.current(OrgRow::ServiceAccountRecognized, self.now) {
            self.root(unrecognized, &row, row.value == OrgValue::Flag(false));
        }
    }

    fn linked_users(&mut self) {
        if self.org.policy.setting_up(self.now) {
            self.refute(Cause::NoLinkedUsers);
            self.refute(Cause::LinkedUsersUnexpected);
            return;
        }
        let Some(row) = self.org.current(OrgRow::LinkedUsers, self.now) else {
            return;
        };
        let OrgValue::Count(linked) = row.value else {
            return;
        };
        self.root(Cause::NoLinkedUsers, &row, linked == 0);
        let expected = self.org.expected_linked_users(self.now);
        let differs = expected.filter(|expected| linked != 0 && *expected != linked);
        if differs.is_some_and(|expected| !self.explained(expected.saturating_sub(linked))) {
            let subject = of_org(Cause::LinkedUsersUnexpected);
            self.holds(subject, Severity::Warning, row.changed_at, None);
        } else if !row.stale {
            self.refute(Cause::LinkedUsersUnexpected);
        }
    }

    /// Whether users whose addresses are known not to be linked are as many as are missing: they are found one by one.
    fn explained(&self, missing: u64) -> bool {
        let failing = [UserRow::ContactsLinked, UserRow::EventsLinked]
            .into_iter()
            .filter_map(|row| self.org.summary.failing(row));
        let failing: u64 = failing.map(|(users, _)| u64::from(users)).sum();
        missing > 0 && failing >= missing
    }

    fn outlook_integration(&mut self) {
        let cause = Cause::OutlookIntegrationDisabled;
        if !self.org.policy.reps_select_events {
            self.refute(cause);
            return;
        }
        match self.org.current(OrgRow::OutlookIntegration, self.now) {
            Some(row) if row.value == OrgValue::Flag(false) => {
                self.holds(of_org(cause), Severity::Info, row.changed_at, None);
            }
            Some(row) if !row.stale => self.refute(cause),
            _ => {}
        }
    }

    fn object(&mut self, object: ObjectType) {
        let last = self.org.last_sync(object, self.now);
        let never = self.never_synced(object, last);
        let overdue = self.no_sync(object, last, never);
        if overdue || never {
            // Another finding already says this, and more exactly.
            for cause in [
                Cause::Delayed,
                Cause::NothingIn24Hours,
                Cause::NothingIn60Minutes,
                Cause::UnusuallyQuiet,
            ] {
                self.refute_of(cause, object);
            }
        } else {
            self.delayed(object, last);
            let day = self.nothing_in(Cause::NothingIn24Hours, object, last);
            if day == Some(true) {
                self.refute_of(Cause::NothingIn60Minutes, object);
                self.refute_of(Cause::UnusuallyQuiet, object);
            } else {
                self.nothing_in(Cause::NothingIn60Minutes, object, last);
                self.unusually_quiet(object, last);
            }
        }
        self.unconfirmed(object, last);
    }

    fn no_sync(&mut self, object: ObjectType, last: Option<LastSync>, never: bool) -> bool {
        let cause = Cause::NoSyncIn24Hours;
        let due = |last| deadline(self.org, object, &last, self.now);
        let deadline = last.map_or(Timestamp::MAX, due);
        if self.now > deadline {
            self.holds(of_object(cause, object), Severity::Critical, deadline, None);
            return true;
        }
        let in_time = match last {
            // Somebody would have seen a newer one.
            Some(last) => last.live && self.now <= self.org.last_sync_deadline(&last),
            // That it never synced says it more exactly; before that is due, an emptied database looks like this too.
            None => never,
        };
        if in_time || self.org.policy.setting_up(self.now) {
            self.refute_of(cause, object);
        }
        false
    }

    fn never_synced(&mut self, object: ObjectType, last: Option<LastSync>) -> bool {
        let cause = Cause::NeverSynced;
        let due = self.org.known_since.plus(OrgPolicy::NEVER_SYNCED_AFTER);
        let waits = || self.org.policy.setting_up(self.now) || self.first_sync_runs(object);
        let zero = of_object(Cause::NothingIn24Hours, object);
        match last.map(|_| true).or_else(|| self.org.ever_synced(object, self.now)) {
            // A fresh set-up and an emptied database look alike: the latter must not end what was found before.
            Some(false) if !waits() && self.now <= due => {}
            // A count that pages already says the same; with counts alone nobody knows whether it ever synced.
            Some(false) if !waits() && self.org.incidents.open(zero).is_some() => {}
            Some(false) if !waits() => {
                self.holds(of_object(cause, object), Severity::Critical, due, None);
                return true;
            }
            Some(_) => self.refute_of(cause, object),
            None => {}
        }
        false
    }

    /// Whether a first sync runs that is younger than its limit.
    fn first_sync_runs(&self, object: ObjectType) -> bool {
        self.org
            .oldest_initial_sync(object)
            .is_some_and(|since| self.now.since(since) <= self.org.policy.initial_sync_limit)
    }

    fn delayed(&mut self, object: ObjectType, last: Option<LastSync>) {
        let cause = Cause::Delayed;
        let Some(last) = last.filter(|last| last.live) else {
            return;
        };
        let began = last.at.plus(self.org.policy.fresh_within);
        if last.observed_at > began
            && self.settled_by(Settle::QuarterHour, last.observed_at, began)
            && !self.first_sync_runs(object)
        {
            self.holds(of_object(cause, object), Severity::Info, began, None);
        } else {
            self.refute_of(cause, object);
        }
    }

    /// A word on a zero: news once business had lasted long enough when it was read, at some instant since it began;
    /// not while nothing can be expected to have synced. Says whether it holds; `None` when nobody can tell.
    fn nothing_in(
        &mut self,
        cause: Cause,
        object: ObjectType,
        last: Option<LastSync>,
    ) -> Option<bool> {
        let day = cause == Cause::NothingIn24Hours;
        let (row, window, span) = if day {
            (OrgRow::Synced24h(object), DAY, Settle::SixOfDay)
        } else {
            (OrgRow::Synced60m(object), HOUR, Settle::Hour)
        };
        let count = self.org.current(row, self.now).filter(|_| self.counts)?;
        let zero = count.value == OrgValue::Count(0);
        if zero && count.source == Source::Activity {
            let covered = self.org.coverage(object, self.now)?;
            if covered < window || self.org.catches_up(self.now) {
                return None;
            }
        }
        let waits = last.is_none()
            && (self.org.policy.setting_up(self.now) || self.first_sync_runs(object));
        let read_at = count.observed_at;
        let began = match last.map(|last| last.at.plus(window)) {
            Some(left) if left <= read_at => count.changed_at.max(left),
            // A zero beside a sync within its window: of an hour that says little, of a day it is news.
            Some(_) if !day => read_at,
            Some(_) | None => count.changed_at,
        };
        let refuted = last.is_some_and(|last| last.at > read_at);
        let holds = zero && !waits && !refuted && self.settled_by(span, read_at, began);
        if holds {
            let severity = match (day, last) {
                (true, None) => Severity::Critical,
                (true, Some(_)) => Severity::Warning,
                (false, _) => Severity::Info,
            };
            self.holds(of_object(cause, object), severity, began, None);
        } else {
            self.refute_of(cause, object);
        }
        Some(holds)
    }

    /// A silence that ends by a sync alone: the hours that show it go by. While users leave, silence is expected.
    fn unusually_quiet(&mut self, object: ObjectType, last: Option<LastSync>) {
        let cause = Cause::UnusuallyQuiet;
        let policy = &self.org.policy;
        if !policy.unusually_quiet || policy.migrating(self.now) {
            self.refute_of(cause, object);
            return;
        }
        let Some(last) = last else {
            return;
        };
        let earlier = self.org.incidents.open(of_object(cause, object));
        let lasts = earlier.is_some_and(|incident| last.at <= incident.since);
        let unusual = self.org.is_unusually_quiet(object, last.at, self.now);
        let unusual = unusual.filter(|_| self.counts);
        if lasts || unusual == Some(true) {
            self.holds(of_object(cause, object), Severity::Warning, last.at, None);
        } else if earlier.is_some() || unusual == Some(false) {
            self.refute_of(cause, object);
        }
    }

    fn unconfirmed(&mut self, object: ObjectType, last: Option<LastSync>) {
        let cause = Cause::ObservationsStale;
        let confirmed = last.is_some_and(|last| last.live);
        let since = || self.org.unconfirmed_since(object, self.now);
        match (!confirmed).then(since).flatten() {
            Some(since) => {
                let severity = if self.settled(Settle::QuarterHour, since) {
                    Severity::Critical
                } else {
                    Severity::Warning
                };
                self.holds(of_object(cause, object), severity, since, None);
            }
            None => self.refute_of(cause, object),
        }
    }

    fn users(&mut self) {
        for check in FAILURE_ORDER {
            if !self.org.policy.covers(check) {
                continue;
            }
            let subject = of_check(Cause::UsersFailing, check);
            match self.org.summary.failing(check) {
                Some((users, since)) if self.settled(Settle::QuarterHour, since) => {
                    self.holds(subject, Severity::Warning, since, Some(users));
                }
                _ => self.refute_seen(subject, check),
            }
        }
        let check = UserRow::ActiveConfiguration;
        let subject = of_check(Cause::UsersSyncNothing, check);
        match self.org.summary.sync_nothing {
            Some((users, since)) => self.holds(subject, Severity::Info, since, Some(users)),
            None => self.refute_seen(subject, check),
        }
        let policy = &self.org.policy;
        let resets = [Status::MarkedForReset, Status::ResetInProgress];
        self.stuck(UserRow::Reset, Cause::ResetStuck, &resets.map(|of| (of, policy.reset_limit)));
        // What has not begun yet is no news during the first set-up; what hangs is.
        let mut first_syncs = vec![(Status::InitialSyncInProgress, policy.initial_sync_limit)];
        if !policy.setting_up(self.now) {
            first_syncs.push((Status::NotStarted, policy.not_started_limit()));
        }
        for row in UserRow::ALL.into_iter().filter(|row| row.is_direction()) {
            if self.org.policy.covers(row) {
                self.stuck(row, Cause::InitialSyncStuck, &first_syncs);
            }
        }
    }

    /// What no user shows is refuted where somebody live lists the users.
    fn refute_seen(&mut self, subject: Subject, check: UserRow) {
        let live = self.org.summary.observed(check).is_some_and(|(_, stale)| !stale);
        if live || self.org.lists_users(self.now) {
            self.words.push(Judged::Refuted(subject));
        }
    }

    /// Some states of which one lasts longer than its limit, as far as somebody saw: a held state only claims what was
    /// already so when it was read.
    fn stuck(&mut self, row: UserRow, cause: Cause, statuses: &[(Status, TimeDelta)]) {
        let (summary, subject) = (&self.org.summary, of_check(cause, row));
        let due = |(status, limit): &(Status, TimeDelta)| {
            summary.oldest(row, *status).map(|since| since.plus(*limit))
        };
        let due = statuses.iter().filter_map(due).min();
        let users = statuses.iter().map(|(status, _)| summary.counted(row, *status)).sum();
        match (due, summary.observed(row)) {
            (Some(due), Some((observed_at, stale))) => {
                let seen_at = if stale { observed_at } else { self.now };
                if seen_at > due {
                    self.holds(subject, Severity::Warning, due, Some(users));
                } else if !stale {
                    self.words.push(Judged::Refuted(subject));
                }
            }
            _ => self.refute_seen(subject, row),
        }
    }

    /// A failure or two that end by themselves are no news.
    fn polls(&mut self) {
        // What the probe found has a finding of its own, and so has a canary that fails.
        let probed = self.org.source_states.probe().and_then(|probe| probe.trouble);
        let own = [probed.map(|_| Source::Exchange.name()), Some(Source::Canary.name())];
        let failing = self.org.source_states.failing();
        let failing = failing.filter(|(source, _)| !own.contains(&Some(source)));
        let since = failing.map(|(_, failing)| failing.since).min();
        match since.filter(|since| self.now.since(*since) >= POLLS_FAIL_FOR) {
            Some(since) => self.holds(of_org(Cause::PollFailing), Severity::Warning, since, None),
            None if self.org.source_states.any() => self.refute(Cause::PollFailing),
            None => {}
        }
    }

    /// What Exchange's logs show. Nothing is judged before they were read, and what they showed last stays until they
    /// are read again.
    fn exchange_log(&mut self) {
        let org = self.org;
        let [refused, no_calls, two_writers] = OF_LOGS;
        if !org.policy.reads_exchange_log {
            // What logs showed that are no longer read is over.
            if org.source_states.memory(Source::ExchangeLog).is_some() {
                for cause in OF_LOGS {
                    self.refute(cause);
                }
            }
            return;
        }
        let Some(calls) = org.source_states.exchange_calls() else {
            return;
        };
        match &calls.refused {
            // A sync that some source saw later proves a sign-in that works, as with a reading of the status page.
            Some(found) => self.root_seen(refused, found.latest, found.since),
            None => self.refute(refused),
        }
        match calls.no_calls(self.now) {
            Some(true) => {
                let since = calls.no_calls_since().plus(calls.no_calls_after);
                self.holds(of_org(no_calls), Severity::Warning, since, None);
            }
            Some(false) => self.refute(no_calls),
            None => {}
        }
        match calls.two_writers.iter().map(|two| two.at).min() {
            Some(since) => {
                let mailboxes = Some(calls.two_writers_count);
                self.holds(of_org(two_writers), Severity::Warning, since, mailboxes);
            }
            None => self.refute(two_writers),
        }
    }

    /// What a probe of Exchange found. While records go on syncing, only our own way to it is broken, which wakes nobody; and
    /// where Salesforce shows an X for the account, that page is enough.
    fn exchange(&mut self) {
        let Some(probe) = self.org.source_states.probe() else {
            // After a restart the first probe decides; an organisation that is no longer probed has no such findings.
            let all = OF_EXCHANGE.into_iter().chain(OF_PROBE);
            let open = |cause: &Cause| self.org.incidents.open(of_org(*cause)).is_some();
            for cause in all
                .filter(|cause| !self.org.policy.probes_exchange && open(cause))
                .collect::<Vec<_>>()
            {
                self.refute(cause);
            }
            return;
        };
        let (trouble, decided, ends) = (probe.trouble, probe.decided, probe.certificate_ends);
        for cause in OF_EXCHANGE {
            match trouble.map(|trouble| (cause.cmp(&trouble.cause), trouble)) {
                Some((Ordering::Equal, trouble)) => {
                    let calm =
                        self.paged_elsewhere(cause) || self.sync_after(trouble.since).is_some();
                    let severity = if calm { Severity::Warning } else { Severity::Critical };
                    self.holds(of_org(cause), severity, trouble.since, None);
                }
                Some((Ordering::Less, _)) => self.refute(cause),
                // What comes after a step that fails is not known.
                Some((Ordering::Greater, _)) => {}
                None if decided => self.refute(cause),
                None => {}
            }
        }
        let cause = Cause::ExchangeCertificateEnding;
        match ends.map(|ends| ends.minus(CERTIFICATE_WARNING)) {
            Some(since) if since <= self.now => {
                self.holds(of_org(cause), Severity::Warning, since, None);
            }
            Some(_) => self.refute(cause),
            None => {}
        }
    }

    /// Contacts on both sides. A difference that is on its way, and a folder whose past is not known, begin and end nothing.
    fn counts(&mut self) {
        if !self.org.policy.probes_exchange {
            return;
        }
        let counts = &self.org.summary.counts;
        let words = [
            (Cause::DuplicateSurge, counts.surging, counts.steady),
            (Cause::RecordsDrift, counts.drifting, counts.agree),
        ];
        for (cause, found, refuted) in words {
            match found {
                Some((users, since)) => {
                    self.holds(of_org(cause), Severity::Warning, since, Some(users));
                }
                None if refuted => self.refute(cause),
                None => {}
            }
        }
    }

    /// What the canary found. While it cannot look, what it found before stays.
    fn canary(&mut self) {
        let org = self.org;
        let Some(report) = org.source_states.canary() else {
            // After a restart the first poll decides; without a canary there are no such findings.
            if !org.policy.runs_canary {
                self.refute_canary(|org, subject| org.incidents.open(subject).is_some());
            }
            return;
        };
        for (object, directions) in &report.lanes {
            for (direction, lane) in directions {
                let subject = of_lane(object, direction);
                let late = lane.as_ref().and_then(|lane| lane.late_since);
                let late = late.filter(|since| self.settled(Settle::QuarterHour, *since));
                let state = lane.as_ref().map(|lane| lane.state);
                match late.filter(|_| !org.policy.setting_up(self.now)) {
                    Some(since) => self.holds(subject, Severity::Critical, since, None),
                    None if state == Some(CanaryState::Failing) => {}
                    None => self.words.push(Judged::Refuted(subject)),
                }
            }
        }
        let state = org.source_states.of(Source::Canary.name());
        let failing = state.and_then(|state| state.failing).map(|failing| failing.since);
        let cause = Cause::CanaryFailing;
        match failing.filter(|since| self.now.since(*since) >= POLLS_FAIL_FOR) {
            Some(since) => self.holds(of_org(cause), Severity::Warning, since, None),
            None => self.refute(cause),
        }
        let cause = Cause::CanaryLeftovers;
        match report.leftovers.iter().map(|leftover| leftover.written_at).min() {
            Some(oldest) => {
                let since = oldest.plus(LEFTOVER_AFTER);
                self.holds(of_org(cause), Severity::Warning, since, None);
            }
            None => self.refute(cause),
        }
    }

    /// Refutes those of the canary's subjects that fit.
    fn refute_canary(&mut self, fits: impl Fn(&OrgView, Subject) -> bool) {
        let lanes = ObjectType::ALL
            .iter()
            .flat_map(|object| Direction::ALL.iter().map(|direction| of_lane(*object, *direction)));
        let others = [Cause::CanaryFailing, Cause::CanaryLeftovers].map(of_org);
        let org = self.org;
        let fitting = lanes.chain(others).filter(|subject| fits(org, *subject));
        self.words.extend(fitting.map(Judged::Refuted));
    }

    fn retirement(&mut self) {
        let (policy, cause) = (&self.org.policy, Cause::RetirementNear);
        let end = policy.retirement.filter(|_| policy.product == Product::LightningSync);
        let steps = [(Severity::Warning, RETIREMENT_WARNING), (Severity::Info, RETIREMENT_INFO)];
        let near = end.and_then(|end| {
            let steps = steps.map(|(severity, before)| (severity, end.minus(before)));
            steps.into_iter().find(|(_, since)| self.settled(Settle::QuarterHour, *since))
        });
        match near {
            Some((severity, since)) => self.holds(of_org(cause), severity, since, None),
            None => self.refute(cause),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
