//! One poll of one organisation: a batch of what is due, its further pages, and what they mean.

use super::answer::count;
use super::approximate;
use super::capture::Assignments;
use super::client::Client;
use super::counters::Counters;
use super::facts::{Part, PollFacts};
use super::failure::SalesforceFailure;
use super::paging::{Page, QueryPages, Record};
use super::queries;
use super::settings::SalesforceSettings;
use super::trail::Trail;
use crate::domain::ids::{ObjectType, OrgName, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::policy::{Connection, OrgPolicy, Product};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::http_client::{TransportFailure, Trust};
use crate::sources::failure::Failure;
use crate::sources::polling::{PollPace, Usage};
use chrono::TimeDelta;
use enum_map::EnumMap;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How often something is read that hardly changes, or that is not there.
const HOURLY: TimeDelta = TimeDelta::hours(1);
/// How often changes of the set-up are looked for.
const TRAIL_EVERY: TimeDelta = TimeDelta::minutes(10);
/// The longest poll, all its pages included.
const POLL_WITHIN: Duration = Duration::from_secs(120);
/// The longest that a part other than the users may take for its pages.
const PART_WITHIN: Duration = Duration::from_secs(30);
/// The most requests of a poll, but for further pages.
pub(super) const MAX_CALLS: u64 = 4;
/// How often counts are read that cost the server work.
const QUARTER_HOURLY: TimeDelta = TimeDelta::minutes(15);

/// What a poll gave.
#[derive(Debug)]
pub struct Polled {
    /// Rows for the engine, or why there are none.
    pub snapshot: Result<Snapshot, Failure>,
    /// What else is known, this poll's news included.
    pub facts: PollFacts,
    /// How many of the organisation's requests are used.
    pub usage: Option<Usage>,
    /// How many requests this poll sent.
    pub calls: u64,
    /// Lines for the log, each reported once.
    pub news: Vec<String>,
}

/// Polls one organisation, one request at a time.
#[derive(Debug)]
pub struct Poller {
    org: OrgName,
    pub(super) product: Product,
    pub(super) connection: Connection,
    pace: PollPace,
    pub(super) client: Client,
    pub(super) counters: Counters,
    pub(super) assignments: Option<Assignments>,
    pub(super) trail: Trail,
    /// When each part was read last.
    read_at: EnumMap<Part, Option<Timestamp>>,
    /// Which parts the organisation, or its user, does not have.
    absent: EnumMap<Part, bool>,
    /// Since when the server is known to take no batches.
    no_batch_since: Option<Timestamp>,
    /// The users that were sent last, when, and whether they were all.
    pub(super) users_sent: Option<(Timestamp, SentUsers, bool)>,
    pub(super) facts: PollFacts,
    /// The longest poll, all its pages included.
    within: Duration,
    /// Users of Einstein Activity Capture, by the first 15 characters of their ids.
    pub(super) user_ids: HashSet<String>,
    /// Whether the server counts by itself, as far as is known.
    aggregates: bool,
    /// Requests of this poll for further pages.
    pub(super) further: u64,
    pub(super) strange: Vec<(&'static str, String)>,
    pub(super) news: Vec<String>,
}

pub(super) type SentUsers = Vec<(UserName, UserValues)>;

/// A query of a batch with what it is for.
type PartQuery = (Part, String);

impl Poller {
    /// A poller that has read nothing yet.
    pub fn new(policy: &OrgPolicy, settings: Arc<SalesforceSettings>, trust: &Trust) -> Self {
        Self {
            org: policy.name.clone(),
            product: policy.product,
            connection: policy.connection,
            pace: settings.pace(),
            client: Client::new(settings, trust),
            counters: Counters::new(policy.time_zone),
            assignments: None,
            trail: Trail::default(),
            read_at: EnumMap::default(),
            absent: EnumMap::default(),
            no_batch_since: None,
            users_sent: None,
            facts: PollFacts::default(),
            within: POLL_WITHIN,
            user_ids: HashSet::new(),
            aggregates: true,
            further: 0,
            strange: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Goes on from the last sync that an earlier poller saw: an outage that began before a
    /// restart stays one. Once a look was taken, this changes nothing.
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

    /// Reads everything that is due at `now`.
    pub async fn poll(&mut self, now: Timestamp) -> Polled {
        self.client.begin(now);
        self.further = 0;
        self.facts.new_setup_changes = 0;
        let snapshot =
            tokio::time::timeout(self.within, self.try_poll(now)).await.unwrap_or_else(|_| {
                let seconds = self.within.as_secs();
                Err(Failure::new(
                    TransportFailure::Timeout,
                    format!("the pages of one poll took longer than {seconds} s"),
                ))
            });
        if let Err(failure) = &snapshot {
            // What a poll read before it failed was not sent.
            self.users_sent = None;
            if failure.is_of(&[SalesforceFailure::SessionExpired]) {
                self.client.forget_session();
            }
        }
        self.facts.clock_ahead = self.client.clock_ahead;
        Polled {
            snapshot,
            facts: self.facts.clone(),
            usage: self.client.usage,
            calls: self.client.calls,
            news: std::mem::take(&mut self.news),
        }
    }

    async fn try_poll(&mut self, now: Timestamp) -> Result<Snapshot, Failure> {
        if self.pace.spent(self.client.usage) {
            self.look_at_limits(now).await?;
            if self.pace.spent(self.client.usage) {
                let percent = self.pace.budget_percent;
                return Err(Failure::new(
                    SalesforceFailure::BudgetSpent,
                    format!(
                        "{percent} % of the organisation's daily API requests are used, by whomever"
                    ),
                ));
            }
        }
        let due = self.due(now);
        if due.is_empty() {
            // Nothing is due, but whether the server answers is news too.
            self.look_at_limits(now).await?;
        }
        let mut snapshot = Snapshot {
            org: self.org.clone(),
            source: Source::Salesforce,
            captured_at: now,
            rows: Vec::new(),
            users: Vec::new(),
            users_complete: false,
        };
        let pages = self.ask(&due, now).await?;
        let counted = self.aggregates;
        let mut answers: Vec<_> = due.iter().map(|(part, _)| *part).zip(pages).collect();
        // Who is assigned comes before the users, whose rows depend on it.
        answers.sort_by_key(|(part, _)| *part != Part::Assignments);
        for (part, page) in answers {
            let rows = match page {
                Ok(page) => self.pages_of(part, page, now).await,
                Err(failure) => Err(failure),
            };
            match rows {
                Ok((records, _)) if part == Part::Capture && records.is_empty() => {
                    self.nobody_seen();
                }
                Ok((records, complete)) => {
                    self.note(part, None, now);
                    self.take(part, &records, complete, &mut snapshot);
                }
                Err(failure) if counted && is_approximate(part) && refuses_aggregates(&failure) => {
                    // Sent again with the next poll, row by row.
                    self.aggregates = false;
                }
                // Without the other parts we still know the users.
                Err(failure)
                    if part != Part::Capture
                        || failure.is_of(&[SalesforceFailure::ObjectMissing]) =>
                {
                    self.note(part, Some(&failure), now);
                }
                Err(failure) => return Err(failure),
            }
        }
        self.hourly_queries(now, &mut snapshot).await;
        Ok(snapshot)
    }

    async fn look_at_limits(&mut self, now: Timestamp) -> Result<(), Failure> {
        let path = format!("{}/limits", self.client.settings.data());
        let limits = self.client.call(&path, None, now).await?;
        let daily = limits.get("DailyApiRequests");
        let number = |name| daily.and_then(|daily| count(daily.get(name)));
        if let (Some(allowed @ 1..), Some(left)) = (number("Max"), number("Remaining")) {
            let used = allowed.saturating_sub(left);
            self.client.usage = Some(Usage { used, allowed });
        }
        Ok(())
    }

    /// The queries that are due at `now`.
    fn due(&self, now: Timestamp) -> Vec<PartQuery> {
        Part::ALL
            .iter()
            .copied()
            .filter(|part| self.is_due(*part, now))
            .filter_map(|part| Some((part, self.soql(part, now)?)))
            .collect()
    }

    /// Whether a part is due at `now`.
    pub(super) fn is_due(&self, part: Part, now: Timestamp) -> bool {
        let settings = &self.client.settings;
        let usual = match part {
            Part::Capture => TimeDelta::zero(),
            Part::Assignments | Part::EmailSettings | Part::CaptureSettings => HOURLY,
            Part::SetupTrail => TRAIL_EVERY,
            Part::ChangedContacts | Part::ChangedEvents if !settings.approximate_activity => {
                return false;
            }
            Part::Report if settings.report.is_none() => return false,
            Part::ChangedContacts | Part::ChangedEvents | Part::Report => QUARTER_HOURLY,
        };
        let every = if self.absent[part] { HOURLY } else { usual };
        // A clock that went back must not make us wait for the old time to come again.
        let waits = |at: Timestamp| (TimeDelta::zero()..every).contains(&now.since(at));
        !self.read_at[part].is_some_and(waits)
    }

    /// The query of a part; `None` for one that is no query.
    fn soql(&self, part: Part, now: Timestamp) -> Option<String> {
        Some(match part {
            Part::Capture => queries::CAPTURE.to_owned(),
            Part::Assignments => queries::ASSIGNMENTS.to_owned(),
            Part::SetupTrail => self.trail.soql(now),
            Part::ChangedContacts => approximate::soql(ObjectType::Contacts, now, self.aggregates),
            Part::ChangedEvents => approximate::soql(ObjectType::Events, now, self.aggregates),
            Part::EmailSettings | Part::CaptureSettings | Part::Report => return None,
        })
    }

    /// The first page of each query, in one request where the server takes batches.
    async fn ask(
        &mut self,
        due: &[PartQuery],
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
            let body = queries::batch(&settings, &soql);
            let answer = self.client.call(&path, Some(body), now).await;
            match answer {
                Ok(answer) => return queries::batch_results(answer, due.len()),
                Err(failure) if failure.is_of(&[SalesforceFailure::NotFound]) => {
                    self.no_batch_since = Some(now);
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut pages = Vec::new();
        // What does not fit into this poll's requests is due at the next one.
        let left = usize::try_from(MAX_CALLS.saturating_sub(self.client.calls)).unwrap_or(0);
        for (_, soql) in due.iter().take(left.max(1)) {
            let path = queries::alone(&self.client.settings, soql);
            let page = self.client.call(&path, None, now).await;
            match page {
                // The address of queries itself is not there: the version is not.
                Err(failure) if failure.is_of(&[SalesforceFailure::NotFound]) => {
                    self.no_batch_since = None;
                    return Err(failure);
                }
                page => pages.push(page.and_then(|page| Page::of(Value::Object(page)))),
            }
        }
        Ok(pages)
    }

    /// All pages of a part. Only the users are worth a poll's whole time.
    async fn pages_of(
        &mut self,
        part: Part,
        first: Page,
        now: Timestamp,
    ) -> Result<(Vec<Record>, bool), Failure> {
        if part == Part::Capture {
            return self.all_pages(first, now).await;
        }
        tokio::time::timeout(PART_WITHIN, self.all_pages(first, now)).await.unwrap_or_else(|_| {
            let seconds = PART_WITHIN.as_secs();
            Err(Failure::new(
                TransportFailure::Timeout,
                format!("its pages took longer than {seconds} s"),
            ))
        })
    }

    async fn all_pages(
        &mut self,
        first: Page,
        now: Timestamp,
    ) -> Result<(Vec<Record>, bool), Failure> {
        let mut pages = QueryPages::default();
        let mut next = pages.take(first)?;
        while let Some(path) = next {
            self.further += 1;
            let page = self.client.call(&path, None, now).await?;
            next = pages.take(Page::of(Value::Object(page))?)?;
        }
        Ok(pages.finish())
    }

    /// Notes that a part was read, and why it gave nothing, if it did not.
    pub(super) fn note(&mut self, part: Part, missing: Option<&Failure>, now: Timestamp) {
        self.read_at[part] = Some(now);
        let is_absent = missing.is_some_and(|failure| not_there(part, failure));
        self.absent[part] = is_absent;
        if is_absent {
            self.forget(part);
        }
        let news = self.facts.note(part, missing.is_none());
        if let Some(failure) = missing.filter(|_| news) {
            let again = if is_absent { "in an hour" } else { "by itself" };
            let advice = failure.reason.advice.trim_end_matches('.');
            self.news.push(format!(
                "{part} is not available ({failure}) and is tried again {again}; where it should be: {advice}"
            ));
        }
    }
}

const fn is_approximate(part: Part) -> bool {
    matches!(part, Part::ChangedContacts | Part::ChangedEvents)
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
fn not_there(part: Part, failure: &Failure) -> bool {
    // Which fields exist and who may see them differs for these. A session that is good for the users and refused here
    // is not good for this.
    let optional = part != Part::Capture
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
