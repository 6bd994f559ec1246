//! One poll of one organisation: a batch of what is due, its further pages, and what is read now and then beside it.

use super::answer::count;
use super::client::Client;
use super::counters::Counters;
use super::facts::{HOURLY, POLLS_VARY_BY, PollFacts, SalesforcePart};
use super::failure::SalesforceFailure;
use super::paging::{Page, PageCollector, Record, batch_of, pages_of_batch};
use super::queries;
use super::report;
use super::settings::SalesforceSettings;
use super::trail::Trail;
use super::users::{Accounts, Assignments};
use crate::domain::ids::{ObjectType, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::http_client::{TransportFailure, Trust};
use crate::sources::failure::Failure;
use crate::sources::polling::Usage;
use crate::sources::salesforce::metadata::Switch;
use chrono::TimeDelta;
use enum_map::EnumMap;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// The longest poll, all its pages included.
const POLL_WITHIN: Duration = Duration::from_secs(120);
/// The longest that a part other than the users may take for its pages.
const PART_WITHIN: Duration = Duration::from_secs(30);
/// The most requests of a poll, but for further pages.
const MAX_REQUESTS: u64 = 4;
/// How often the limits are read where answers do not show them.
const LIMITS_EVERY: TimeDelta = TimeDelta::minutes(15);
/// How long something is reported that cannot be read again: so many of its intervals, and not less than this.
const INTERVALS: i32 = 4;
const HOLDS: TimeDelta = TimeDelta::minutes(10);
/// A column that was left out is tried again after this long.
const LEFT_OUT_FOR: TimeDelta = TimeDelta::days(1);

/// What a poll gave.
#[derive(Debug)]
pub struct SalesforcePoll {
    /// Rows for the engine, or why there are none.
    pub snapshot: Result<Snapshot, Failure>,
    /// What else is known, this poll's news included.
    pub facts: PollFacts,
    /// How many of the organisation's requests are used.
    pub usage: Option<Usage>,
    /// How many requests this poll sent.
    pub requests: u64,
    /// The same as Salesforce counts them: each part of a batch is one.
    pub calls: u64,
    /// Lines for the log, each once.
    pub news: Vec<String>,
}

/// How a part is doing.
#[derive(Debug, Clone, Copy, Default)]
struct PartState {
    polled_at: Option<Timestamp>,
    /// When it was read last, while what it gave is reported.
    read_at: Option<Timestamp>,
    /// Whether the organisation, or its user, does not have it.
    absent: bool,
}

/// Users as they were handed over: when, with which rows, and whether they were all.
#[derive(Debug)]
pub(super) struct SentUsers {
    pub(super) at: Timestamp,
    pub(super) users: Vec<(UserName, UserValues)>,
    pub(super) complete: bool,
}

/// Polls one organisation, one request at a time.
#[derive(Debug)]
pub struct Poller {
    pub(super) policy: OrgPolicy,
    pub(super) client: Client,
    pub(super) counters: Counters,
    pub(super) assignments: Option<Assignments>,
    pub(super) accounts: Accounts,
    pub(super) trail: Trail,
    pub(super) facts: PollFacts,
    parts: EnumMap<SalesforcePart, PartState>,
    /// Columns that this version or user does not have, and since when the first of them is known.
    left_out: Vec<(SalesforcePart, &'static str)>,
    left_out_since: Timestamp,
    /// Since when the server is known to take no batches.
    no_batch_since: Option<Timestamp>,
    /// When the limits were read by themselves.
    limits_at: Option<Timestamp>,
    /// The users that were handed over last.
    pub(super) users_sent: Option<SentUsers>,
    /// The longest poll, all its pages included.
    within: Duration,
    /// Users of Einstein Activity Capture, by the first 15 characters of their ids.
    pub(super) user_ids: HashSet<String>,
    /// Whether the server counts by itself, as far as is known.
    aggregates: bool,
    /// Requests of this poll for further pages.
    further: u64,
    pub(super) strange: Vec<(&'static str, String)>,
    pub(super) news: Vec<String>,
}

impl Poller {
    /// A poller that has polled nothing yet.
    pub fn new(policy: &OrgPolicy, settings: Arc<SalesforceSettings>, trust: &Trust) -> Self {
        Self {
            policy: policy.clone(),
            client: Client::new(settings, trust),
            counters: Counters::new(policy.time_zone),
            assignments: None,
            accounts: Accounts::default(),
            trail: Trail::default(),
            facts: PollFacts::default(),
            parts: EnumMap::default(),
            left_out: Vec::new(),
            left_out_since: Timestamp::MIN,
            no_batch_since: None,
            limits_at: None,
            users_sent: None,
            within: POLL_WITHIN,
            user_ids: HashSet::new(),
            aggregates: true,
            further: 0,
            strange: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Goes on from the last syncs that an earlier poller saw: an outage that began before a restart stays one. Once a
    /// look was taken, this changes nothing.
    pub fn resume(
        &mut self,
        last_syncs: EnumMap<ObjectType, Option<Timestamp>>,
        memory: Option<&[u8]>,
    ) {
        self.counters.resume(last_syncs, memory);
    }

    /// Bounds a poll by another time than usual.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Learns that the engine did not take the latest snapshot: the next one has everything again.
    pub fn not_taken(&mut self) {
        self.users_sent = None;
    }

    /// Reads everything that is due at `now`.
    pub async fn poll(&mut self, now: Timestamp) -> SalesforcePoll {
        self.client.begin(now);
        self.further = 0;
        self.facts.new_setup_changes = 0;
        if now.since(self.left_out_since).abs() >= LEFT_OUT_FOR {
            self.left_out.clear();
        }
        let snapshot =
            tokio::time::timeout(self.within, self.try_poll(now)).await.unwrap_or_else(|_| {
                let seconds = self.within.as_secs();
                Err(Failure::new(
                    TransportFailure::Timeout,
                    format!("the pages of one poll took longer than {seconds} s"),
                ))
            });
        if let Err(failure) = &snapshot {
            // What a poll read before it failed was not handed over.
            self.users_sent = None;
            if failure.is_of(&[SalesforceFailure::SessionExpired]) {
                self.client.forget_session();
            }
        }
        self.forget_old(now);
        self.facts.clock_ahead = self.client.clock_ahead;
        SalesforcePoll {
            snapshot,
            facts: self.facts.clone(),
            usage: self.client.usage,
            requests: self.client.requests,
            calls: self.client.calls,
            news: std::mem::take(&mut self.news),
        }
    }

    async fn try_poll(&mut self, now: Timestamp) -> Result<Snapshot, Failure> {
        let pace = self.client.settings.pace();
        if pace.spent(self.client.usage) {
            self.read_limits(now).await?;
            if pace.spent(self.client.usage) {
                let percent = pace.budget_percent;
                return Err(Failure::new(
                    SalesforceFailure::BudgetSpent,
                    format!(
                        "{percent} % of the organisation's daily API requests are used, by whomever"
                    ),
                ));
            }
        }
        let due: Vec<(SalesforcePart, String)> = SalesforcePart::ALL
            .iter()
            .filter(|part| self.is_due(**part, now))
            .filter_map(|part| Some((*part, self.soql(*part, now)?)))
            .collect();
        let mut snapshot = Snapshot {
            org: self.policy.name.clone(),
            source: Source::Salesforce,
            captured_at: now,
            rows: Vec::new(),
            users: Vec::new(),
            users_complete: false,
        };
        if due.is_empty() {
            // Whether Salesforce answers is news too. Who may not read the limits has got an answer.
            match self.read_limits(now).await {
                Err(failure) if failure.is_of(&[SalesforceFailure::PermissionDenied]) => {}
                read => read?,
            }
        }
        let pages = self.first_pages(&due, now).await?;
        let aggregates = self.aggregates;
        let mut read = Vec::new();
        for ((part, _), page) in due.into_iter().zip(pages) {
            match self.rows_of(part, page, now).await {
                Ok(rows) => read.push((part, rows)),
                // Queried again with the next poll, row by row.
                Err(failure)
                    if aggregates && part.changed().is_some() && refuses_aggregates(&failure) =>
                {
                    self.aggregates = false;
                }
                // Without the other parts we still know the users.
                Err(failure)
                    if part != SalesforcePart::Capture
                        || failure.is_of(&[SalesforceFailure::ObjectMissing]) =>
                {
                    self.note(part, Some(&failure), now);
                }
                Err(failure) => return Err(failure),
            }
        }
        self.read_others(now, &mut snapshot).await;
        // The rows of users depend on who is assigned and active; whose changes count depends on the users.
        read.sort_by_key(|(part, _)| {
            !matches!(part, SalesforcePart::Assignments | SalesforcePart::Accounts)
        });
        for (part, (records, complete)) in read {
            if part == SalesforcePart::Capture && records.is_empty() {
                self.nobody_seen();
            } else {
                self.note(part, None, now);
                self.take(part, &records, complete, &mut snapshot);
            }
        }
        self.watch_usage(now).await;
        Ok(snapshot)
    }

    /// Reads the limits where no answer showed how many requests are used. What nobody shows is unknown.
    async fn watch_usage(&mut self, now: Timestamp) {
        let waits = |at: Timestamp| (TimeDelta::zero()..LIMITS_EVERY).contains(&now.since(at));
        if self.client.shows_usage || self.limits_at.is_some_and(waits) {
            return;
        }
        if self.read_limits(now).await.is_err() {
            self.client.usage = None;
        }
    }

    async fn read_limits(&mut self, now: Timestamp) -> Result<(), Failure> {
        self.limits_at = Some(now);
        let path = format!("{}/limits", self.client.settings.data());
        let limits = self.client.call(&path, None, now).await?;
        let daily = limits.get("DailyApiRequests");
        let number = |name| daily.and_then(|daily| count(daily.get(name)));
        self.client.usage = match (number("Max"), number("Remaining")) {
            (Some(allowed @ 1..), Some(left)) => {
                Some(Usage { used: allowed.saturating_sub(left), allowed })
            }
            _ => None,
        };
        Ok(())
    }

    /// Whether a part is read at `now`.
    fn is_due(&self, part: SalesforcePart, now: Timestamp) -> bool {
        let settings = &self.client.settings;
        let wanted = match part {
            SalesforcePart::ChangedContacts | SalesforcePart::ChangedEvents => {
                settings.approximate_activity
            }
            SalesforcePart::Report => settings.report.is_some(),
            SalesforcePart::EmailSettings | SalesforcePart::CaptureSettings => {
                settings.read_settings
            }
            SalesforcePart::Capture
            | SalesforcePart::Assignments
            | SalesforcePart::SetupTrail
            | SalesforcePart::Accounts => true,
        };
        let state = self.parts[part];
        let every = if state.absent { HOURLY } else { part.every() } - POLLS_VARY_BY;
        // A clock that went back must not make us wait for the old time to come again.
        let waits = |at: Timestamp| (TimeDelta::zero()..every).contains(&now.since(at));
        wanted && !state.polled_at.is_some_and(waits)
    }

    /// The query of a part; `None` for one that is no query, or has nothing to find.
    fn soql(&self, part: SalesforcePart, now: Timestamp) -> Option<String> {
        let rest = match part {
            SalesforcePart::Capture | SalesforcePart::Assignments => String::new(),
            SalesforcePart::SetupTrail => self.trail.wanted(now),
            SalesforcePart::Accounts => {
                let ids = self.wanted_accounts(now);
                (!ids.is_empty()).then(|| queries::of_ids(&ids))?
            }
            SalesforcePart::ChangedContacts
            | SalesforcePart::ChangedEvents
            | SalesforcePart::EmailSettings
            | SalesforcePart::CaptureSettings
            | SalesforcePart::Report => {
                return Some(queries::changed(part.changed()?, now, self.aggregates));
            }
        };
        queries::select(part, &self.left_out, &rest)
    }

    /// Whose accounts are read at `now`: of users, and of who is assigned.
    pub(super) fn wanted_accounts(&self, now: Timestamp) -> Vec<String> {
        let assigned = self.assignments.iter().flat_map(|assignments| &assignments.users);
        self.accounts.wanted(self.user_ids.iter().chain(assigned), now)
    }

    /// The first page of each query, in one request where the server takes batches.
    async fn first_pages(
        &mut self,
        due: &[(SalesforcePart, String)],
        now: Timestamp,
    ) -> Result<Vec<Result<Page, Failure>>, Failure> {
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let batches = self.no_batch_since.is_none_or(|since| now.since(since).abs() >= HOURLY);
        if batches {
            let settings = Arc::clone(&self.client.settings);
            let soql: Vec<String> = due.iter().map(|(_, soql)| soql.clone()).collect();
            let path = format!("{}/composite/batch", settings.data());
            let answer = self.client.call(&path, Some(batch_of(&settings, &soql)), now).await;
            match answer {
                Ok(answer) => {
                    self.client.calls += due.len() as u64 - 1;
                    return pages_of_batch(answer, due.len());
                }
                Err(failure) if failure.is_of(&[SalesforceFailure::NotFound]) => {
                    self.no_batch_since = Some(now);
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut pages = Vec::new();
        // What does not fit into this poll's requests is due at the next one.
        let left = usize::try_from(MAX_REQUESTS.saturating_sub(self.client.requests)).unwrap_or(0);
        for (_, soql) in due.iter().take(left.max(1)) {
            match self.page(soql, now).await {
                // The address of queries itself is not there: the version is not.
                Err(failure) if failure.is_of(&[SalesforceFailure::NotFound]) => {
                    self.no_batch_since = None;
                    return Err(failure);
                }
                page => pages.push(page),
            }
        }
        Ok(pages)
    }

    /// The first page of a query by itself.
    async fn page(&mut self, soql: &str, now: Timestamp) -> Result<Page, Failure> {
        let path = format!("/services/data/{}", self.client.settings.in_batch(soql));
        Page::of(Value::Object(self.client.call(&path, None, now).await?))
    }

    /// All rows of a part. It is not lost for a column: the poll goes on without the column. Only the users are worth a
    /// poll's whole time.
    async fn rows_of(
        &mut self,
        part: SalesforcePart,
        first: Result<Page, Failure>,
        now: Timestamp,
    ) -> Result<(Vec<Record>, bool), Failure> {
        let mut page = first;
        let page = loop {
            match page {
                Err(failure) if self.leave_out(part, &failure, now) => {
                    let soql = self.soql(part, now).ok_or(failure)?;
                    self.further += 1;
                    page = self.page(&soql, now).await;
                }
                page => break page?,
            }
        };
        if part == SalesforcePart::Capture {
            return self.all_pages(page, now).await;
        }
        tokio::time::timeout(PART_WITHIN, self.all_pages(page, now)).await.unwrap_or_else(|_| {
            let seconds = PART_WITHIN.as_secs();
            Err(Failure::new(
                TransportFailure::Timeout,
                format!("its pages took longer than {seconds} s"),
            ))
        })
    }

    /// Leaves out the column that a refusal names; says whether there is one to leave out.
    fn leave_out(&mut self, part: SalesforcePart, failure: &Failure, now: Timestamp) -> bool {
        if !failure.is_of(&[SalesforceFailure::FieldUnknown]) {
            return false;
        }
        let column = queries::optional_columns(part)
            .iter()
            .find(|column| failure.detail.ends_with(&format!(", column {column}")))
            .filter(|column| !self.left_out.contains(&(part, **column)));
        let Some(column) = column else {
            return false;
        };
        if self.left_out.is_empty() {
            self.left_out_since = now;
        }
        self.left_out.push((part, column));
        self.news.push(format!(
            "{part} is read without {column}, which this api_version does not have or the integration user may not see; \
             what follows from it is unknown"
        ));
        true
    }

    async fn all_pages(
        &mut self,
        first: Page,
        now: Timestamp,
    ) -> Result<(Vec<Record>, bool), Failure> {
        let mut pages = PageCollector::default();
        let mut next = pages.take(first)?;
        while let Some(path) = next {
            self.further += 1;
            let page = self.client.call(&path, None, now).await?;
            next = pages.take(Page::of(Value::Object(page))?)?;
        }
        Ok(pages.finish())
    }

    /// Reads what is no query and due at `now`, as far as a poll's requests allow: switches of the settings and the error
    /// report. What fails is reported and tried again; it never spoils the poll.
    async fn read_others(&mut self, now: Timestamp, snapshot: &mut Snapshot) {
        for part in
            [SalesforcePart::EmailSettings, SalesforcePart::CaptureSettings, SalesforcePart::Report]
        {
            if self.client.requests.saturating_sub(self.further) >= MAX_REQUESTS
                || !self.is_due(part, now)
            {
                continue;
            }
            let read = if part == SalesforcePart::Report {
                self.read_report(now).await
            } else {
                self.read_switches(part, now, snapshot).await
            };
            self.note(part, read.err().as_ref(), now);
        }
    }

    async fn read_switches(
        &mut self,
        part: SalesforcePart,
        now: Timestamp,
        snapshot: &mut Snapshot,
    ) -> Result<(), Failure> {
        for (switch, state) in self.client.read_metadata(part, now).await? {
            self.facts.switches[switch] = state;
            if let (Switch::OutlookIntegration, Some(on)) = (switch, state) {
                snapshot.rows.push((OrgRow::OutlookIntegration, OrgValue::Flag(on)));
            }
        }
        Ok(())
    }

    async fn read_report(&mut self, now: Timestamp) -> Result<(), Failure> {
        let settings = Arc::clone(&self.client.settings);
        let Some(wanted) = &settings.report else {
            return Ok(());
        };
        let path =
            format!("{}/analytics/reports/{}?includeDetails=true", settings.data(), wanted.id);
        let answer = self.client.call(&path, None, now).await?;
        self.facts.report = Some(report::read(&answer, &wanted.columns)?);
        Ok(())
    }

    /// Notes that a part was polled, and why it gave nothing, if it did not.
    fn note(&mut self, part: SalesforcePart, missing: Option<&Failure>, now: Timestamp) {
        let absent = missing.is_some_and(|failure| not_there(part, failure));
        let state = &mut self.parts[part];
        state.polled_at = Some(now);
        state.absent = absent;
        if missing.is_none() {
            state.read_at = Some(now);
        }
        if absent {
            self.forget(part);
        }
        let there = missing.is_none();
        let news = self.facts.parts[part].replace(there) != Some(there);
        if let Some(failure) = missing.filter(|_| news) {
            let again = if absent { "in an hour" } else { "by itself" };
            let advice = failure.reason.advice.trim_end_matches('.');
            self.news.push(format!(
                "{part} is not available ({failure}) and is polled again {again}; where it should be: {advice}"
            ));
        }
    }

    /// An answer without a single user: nobody uses the product, or we see nobody. Neither says that all are gone, so
    /// nothing is reported of anybody, and the next poll reads again.
    fn nobody_seen(&mut self) {
        self.forget(SalesforcePart::Capture);
        if self.facts.parts[SalesforcePart::Capture].replace(false) != Some(false) {
            self.news.push(
                "activity_capture names no user; where there are some, the integration user needs Customize Application \
                 to see them (docs/salesforce-source.md)"
                    .to_owned(),
            );
        }
    }

    /// Forgets what could not be read for so long that nobody should take it for the present.
    fn forget_old(&mut self, now: Timestamp) {
        for part in SalesforcePart::ALL.iter().copied() {
            let every = part.every().max(self.client.settings.poll_every);
            let read_at = self.parts[part].read_at;
            if read_at.is_some_and(|at| now.since(at) > (every * INTERVALS).max(HOLDS)) {
                self.forget(part);
            }
        }
    }

    fn forget(&mut self, part: SalesforcePart) {
        self.parts[part].read_at = None;
        self.facts.forget(part);
        match part {
            SalesforcePart::Capture => {
                self.user_ids.clear();
                self.users_sent = None;
            }
            SalesforcePart::Assignments => self.assignments = None,
            // Who was read holds until the account is read again.
            SalesforcePart::Accounts
            | SalesforcePart::SetupTrail
            | SalesforcePart::ChangedContacts
            | SalesforcePart::ChangedEvents
            | SalesforcePart::EmailSettings
            | SalesforcePart::CaptureSettings
            | SalesforcePart::Report => {}
        }
    }

    /// Whether a part is known not to be there.
    pub(super) fn is_absent(&self, part: SalesforcePart) -> bool {
        self.parts[part].absent
    }
}

/// Whether a server may only mean that it does not count.
fn refuses_aggregates(failure: &Failure) -> bool {
    failure.is_of(&[TransportFailure::AnswerMalformed])
        || failure.is_of(&[
            SalesforceFailure::MalformedQuery,
            SalesforceFailure::FieldUnknown,
            SalesforceFailure::Other,
        ])
}

/// Whether a failure only says that the organisation, or its user, does not have a part.
fn not_there(part: SalesforcePart, failure: &Failure) -> bool {
    // Which fields exist and who may see them differs for these. A session that is good for the users and refused here
    // is not good for this.
    let optional = part != SalesforcePart::Capture
        && failure.is_of(&[
            SalesforceFailure::FieldUnknown,
            SalesforceFailure::MalformedQuery,
            SalesforceFailure::PermissionDenied,
            SalesforceFailure::SessionExpired,
            SalesforceFailure::SessionNotForApi,
            SalesforceFailure::NotFound,
            SalesforceFailure::Other,
        ]);
    failure.is_of(&[SalesforceFailure::ObjectMissing]) || optional
}
