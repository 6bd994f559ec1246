//! What is wrong with an organisation at `now`. The shipped alert rules say the same in PromQL; a test holds both
//! against the same timelines.

use super::calendar::Settle;
use super::causes::{Cause, Severity};
use super::ids::{ObjectType, OrgName, Source};
use super::policy::{Connection, OrgPolicy, Product};
use super::rows::{OrgRow, OrgValue, Status, UserRow};
use super::time::Timestamp;
use super::users::FAILURE_ORDER;
use super::view::{LastSync, OrgView, View};
use super::windows::{DAY, HOUR};
use chrono::TimeDelta;

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
}

/// When the retirement becomes a warning: a month is what the vendor's migration guide plans for.
pub const RETIREMENT_WARNING: TimeDelta = TimeDelta::days(30);
/// When it becomes news: a quarter, the planning step of most organisations.
pub const RETIREMENT_INFO: TimeDelta = TimeDelta::days(90);

/// How long polls of a source fail before somebody is told; the rule holds as long.
pub const POLLS_FAIL_FOR: TimeDelta = TimeDelta::minutes(15);

/// How long business must have lasted before a row's reading may be judged late or empty.
pub const fn settle(row: OrgRow) -> Option<Settle> {
    match row {
        OrgRow::LastSync(_) => Some(Settle::QuarterHour),
        OrgRow::Synced60m(_) => Some(Settle::Hour),
        OrgRow::Synced24h(_) => Some(Settle::SixOfDay),
        OrgRow::ServiceAccountProvided
        | OrgRow::OutlookIntegration
        | OrgRow::ServiceAccountRecognized
        | OrgRow::LinkedUsers => None,
    }
}

/// Every finding of every organisation, worst first.
pub fn judge(view: &View, now: Timestamp) -> Vec<Finding> {
    let mut findings: Vec<Finding> = view
        .orgs
        .iter()
        .flat_map(|org| judge_org(org, view.is_fresh(now), now))
        .collect();
    findings.sort();
    findings
}

/// The findings of one organisation, worst first. `counts` says whether the View is fresh enough for its counts.
pub fn judge_org(org: &OrgView, counts: bool, now: Timestamp) -> Vec<Finding> {
    let mut judge = Judge {
        org,
        counts,
        now,
        findings: Vec::new(),
    };
    if org.policy.retired(now) {
        judge.add(Cause::Retired, Severity::Info, org.policy.retirement);
        return judge.findings;
    }
    judge.service_account();
    judge.linked_users();
    judge.outlook_integration();
    for object in org.policy.objects.iter().copied() {
        judge.object(object);
    }
    judge.users();
    judge.polls();
    judge.retirement();
    judge.findings.sort();
    judge.findings
}

struct Judge<'a> {
    org: &'a OrgView,
    counts: bool,
    now: Timestamp,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn add(&mut self, reason: Cause, severity: Severity, since: Option<Timestamp>) {
        self.findings.push(Finding {
            severity,
            cause: reason,
            org: self.org.policy.name.clone(),
            object_type: None,
            check: None,
            since,
            users: None,
        });
    }

    fn add_for(
        &mut self,
        object: ObjectType,
        reason: Cause,
        severity: Severity,
        since: Option<Timestamp>,
    ) {
        self.add(reason, severity, since);
        if let Some(finding) = self.findings.last_mut() {
            finding.object_type = Some(object);
        }
    }

    fn add_users(&mut self, check: UserRow, reason: Cause, since: Timestamp, users: u32) {
        self.add(reason, Severity::Warning, Some(since));
        if let Some(finding) = self.findings.last_mut() {
            finding.check = Some(check);
            finding.object_type = check.object_type();
            finding.users = Some(users);
        }
    }

    /// Whether business has lasted for `span` at some instant since `began`.
    fn settled(&self, span: Settle, began: Timestamp) -> bool {
        self.settled_by(span, self.now, began)
    }

    /// Whether it had by the time of a reading: what was read before opening time says nothing of the hours since.
    fn settled_by(&self, span: Settle, read_at: Timestamp, began: Timestamp) -> bool {
        self.org
            .open_hours
            .settled(span, read_at.min(self.now))
            .is_some_and(|at| at >= began)
    }

    /// A sync that was seen later than a reading proves that what the reading found wrong has ended.
    fn refuted(&self, observed_at: Timestamp) -> bool {
        self.org
            .policy
            .objects
            .iter()
            .filter_map(|object| self.org.last_sync(*object, self.now))
            .any(|last| last.at > observed_at)
    }

    fn service_account(&mut self) {
        if self.org.policy.connection != Connection::ServiceAccount {
            return;
        }
        if let Some(row) = self.org.current(OrgRow::ServiceAccountProvided, self.now)
            && row.value == OrgValue::Account(None)
            && !self.refuted(row.observed_at)
        {
            self.add(
                Cause::ServiceAccountMissing,
                Severity::Critical,
                Some(row.changed_at),
            );
            return;
        }
        if let Some(row) = self.org.current(OrgRow::ServiceAccountRecognized, self.now)
            && row.value == OrgValue::Flag(false)
            && !self.refuted(row.observed_at)
        {
            self.add(
                Cause::ServiceAccountNotRecognized,
                Severity::Critical,
                Some(row.changed_at),
            );
        }
    }

    fn linked_users(&mut self) {
        let Some(row) = self.org.current(OrgRow::LinkedUsers, self.now) else {
            return;
        };
        let OrgValue::Count(linked) = row.value else {
            return;
        };
        if linked == 0 {
            if !self.refuted(row.observed_at) {
                self.add(
                    Cause::NoLinkedUsers,
                    Severity::Critical,
                    Some(row.changed_at),
                );
            }
        } else if self
            .org
            .expected_linked_users(self.now)
            .is_some_and(|expected| expected != linked)
        {
            self.add(
                Cause::LinkedUsersUnexpected,
                Severity::Warning,
                Some(row.changed_at),
            );
        }
    }

    fn outlook_integration(&mut self) {
        if let Some(row) = self.org.current(OrgRow::OutlookIntegration, self.now)
            && row.value == OrgValue::Flag(false)
            && self.org.policy.reps_select_events
        {
            self.add(
                Cause::OutlookIntegrationDisabled,
                Severity::Info,
                Some(row.changed_at),
            );
        }
    }

    fn object(&mut self, object: ObjectType) {
        let last = self.org.last_sync(object, self.now);
        let overdue = last
            .filter(|last| self.overdue(last))
            .map(|last| self.org.last_sync_deadline(&last));
        let never = last.is_none() && self.never_synced(object);
        if let Some(deadline) = overdue {
            self.add_for(
                object,
                Cause::NoSyncIn24Hours,
                Severity::Critical,
                Some(deadline),
            );
        }
        if never {
            self.add_for(
                object,
                Cause::NeverSynced,
                Severity::Critical,
                Some(self.org.known_since),
            );
        }
        if overdue.is_none() && !never {
            let nothing = self.nothing_in_24_hours(object, last);
            if let Some(last) = last {
                self.delayed(object, &last);
            }
            if !nothing {
                self.nothing_in_60_minutes(object, last);
            }
        }
        self.unconfirmed(object);
    }

    fn overdue(&self, last: &LastSync) -> bool {
        let seen_at = if last.live {
            self.now
        } else {
            last.observed_at
        };
        seen_at > self.org.last_sync_deadline(last)
    }

    fn never_synced(&self, object: ObjectType) -> bool {
        self.org.ever_synced(object, self.now) == Some(false)
            && self.now.since(self.org.known_since) > OrgPolicy::NEVER_SYNCED_AFTER
            && !self.org.policy.setting_up(self.now)
            && !self.first_sync_runs(object)
    }

    /// Whether a first sync runs that is younger than its limit.
    fn first_sync_runs(&self, object: ObjectType) -> bool {
        self.org
            .oldest_initial_sync(object)
            .is_some_and(|since| self.now.since(since) <= self.org.policy.initial_sync_limit)
    }

    fn delayed(&mut self, object: ObjectType, last: &LastSync) {
        let began = last.at.plus(self.org.policy.fresh_within);
        if last.live
            && last.observed_at > began
            && self.settled_by(Settle::QuarterHour, last.observed_at, began)
            && !self.first_sync_runs(object)
        {
            self.add_for(object, Cause::Delayed, Severity::Info, Some(began));
        }
    }

    /// When a reading was taken of a window whose current count is a zero that says something.
    fn zero(&self, row: OrgRow, object: ObjectType, window: TimeDelta) -> Option<Timestamp> {
        if !self.counts {
            return None;
        }
        let count = self.org.current(row, self.now)?;
        let covered = count.source != Source::Activity
            || self
                .org
                .coverage(object, self.now)
                .is_some_and(|covered| covered >= window);
        (count.value == OrgValue::Count(0) && covered).then_some(count.observed_at)
    }

    /// Since when a zero that was read at `read_at` is news: once the last sync has left its window, or, where no last
    /// sync is known, at the reading; not while nothing can be expected to have synced.
    fn zero_began(
        &self,
        object: ObjectType,
        last: Option<LastSync>,
        window: TimeDelta,
        read_at: Timestamp,
    ) -> Option<Timestamp> {
        match last {
            Some(last) => Some(last.at.plus(window)),
            None if self.org.policy.setting_up(self.now) || self.first_sync_runs(object) => None,
            None => Some(read_at),
        }
    }

    fn nothing_in_24_hours(&mut self, object: ObjectType, last: Option<LastSync>) -> bool {
        let Some(read_at) = self.zero(OrgRow::Synced24h(object), object, DAY) else {
            return false;
        };
        let holds = self
            .zero_began(object, last, DAY, read_at)
            .is_some_and(|began| self.settled_by(Settle::SixOfDay, read_at, began));
        if holds {
            let severity = if last.is_some() {
                Severity::Warning
            } else {
                Severity::Critical
            };
            self.add_for(
                object,
                Cause::NothingIn24Hours,
                severity,
                last.map(|last| last.at.plus(DAY)),
            );
        }
        holds
    }

    fn nothing_in_60_minutes(&mut self, object: ObjectType, last: Option<LastSync>) {
        let Some(read_at) = self.zero(OrgRow::Synced60m(object), object, HOUR) else {
            return;
        };
        let Some(began) = self.zero_began(object, last, HOUR, read_at) else {
            return;
        };
        if self.settled_by(Settle::Hour, read_at, began) {
            self.add_for(
                object,
                Cause::NothingIn60Minutes,
                Severity::Info,
                last.map(|_| began),
            );
        }
    }

    fn unconfirmed(&mut self, object: ObjectType) {
        if let Some(since) = self.org.unconfirmed_since(object, self.now) {
            let severity = if self.settled(Settle::QuarterHour, since) {
                Severity::Critical
            } else {
                Severity::Warning
            };
            self.add_for(object, Cause::ObservationsStale, severity, Some(since));
        }
    }

    fn users(&mut self) {
        for check in FAILURE_ORDER {
            if let Some((users, since)) = self.org.summary.failing(check)
                && self.settled(Settle::QuarterHour, since)
            {
                self.add_users(check, Cause::UsersFailing, since, users);
            }
        }
        if let Some((users, since)) = self.org.summary.sync_nothing {
            self.add(Cause::UsersSyncNothing, Severity::Info, Some(since));
            if let Some(finding) = self.findings.last_mut() {
                finding.check = Some(UserRow::ActiveConfiguration);
                finding.users = Some(users);
            }
        }
        let resets = [Status::MarkedForReset, Status::ResetInProgress];
        let limit = self.org.policy.reset_limit;
        self.stuck(UserRow::Reset, &resets, Cause::ResetStuck, limit);
        // What has not begun yet is no news during the first set-up; what hangs is.
        let first_syncs: &[Status] = if self.org.policy.setting_up(self.now) {
            &[Status::InitialSyncInProgress]
        } else {
            &[Status::InitialSyncInProgress, Status::NotStarted]
        };
        let limit = self.org.policy.initial_sync_limit;
        for row in UserRow::ALL.into_iter().filter(|row| row.is_direction()) {
            if self.org.policy.covers(row) {
                self.stuck(row, first_syncs, Cause::InitialSyncStuck, limit);
            }
        }
    }

    /// Some states of which one lasts longer than its limit, as far as somebody saw: a held state only claims what was
    /// already so when it was read.
    fn stuck(&mut self, row: UserRow, statuses: &[Status], reason: Cause, limit: TimeDelta) {
        let summary = &self.org.summary;
        let oldest = statuses
            .iter()
            .filter_map(|status| summary.oldest(row, *status))
            .min();
        let (Some(since), Some((observed_at, stale))) = (oldest, summary.observed(row)) else {
            return;
        };
        let users = statuses
            .iter()
            .map(|status| summary.counted(row, *status))
            .sum();
        let seen_at = if stale { observed_at } else { self.now };
        if seen_at.since(since) > limit {
            self.add_users(row, reason, since.plus(limit), users);
        }
    }

    /// A failure or two that end by themselves are no news.
    fn polls(&mut self) {
        let org = self.org;
        for (_, failing) in org.source_states.failing() {
            if self.now.since(failing.since) >= POLLS_FAIL_FOR {
                self.add(Cause::PollFailing, Severity::Warning, Some(failing.since));
            }
        }
    }

    fn retirement(&mut self) {
        let policy = &self.org.policy;
        let Some(end) = policy
            .retirement
            .filter(|_| policy.product == Product::LightningSync)
        else {
            return;
        };
        let (warning, info) = (end.minus(RETIREMENT_WARNING), end.minus(RETIREMENT_INFO));
        if self.settled(Settle::QuarterHour, warning) {
            self.add(Cause::RetirementNear, Severity::Warning, Some(warning));
        } else if self.settled(Settle::QuarterHour, info) {
            self.add(Cause::RetirementNear, Severity::Info, Some(info));
        }
    }
}
