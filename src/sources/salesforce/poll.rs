//! One poll of one organisation: a batch of what is due, its further pages, and what they mean.

use super::approximate;
use super::assignments::Assignments;
use super::batch;
use super::capture::CaptureUsers;
use super::client::Client;
use super::counters::Counters;
use super::mapping::{org_rows, user_values};
use super::pace::Pace;
use super::paging::{Page, Pages, Record};
use super::queries;
use super::settings::Settings;
use super::told::{Part, Told};
use super::trail::Trail;
use super::usage::Usage;
use crate::domain::ids::{ObjectType, OrgName, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::policy::{Connection, OrgPolicy, Product};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::sources::failure::{Failure, FailureReason};
use crate::sources::http::Trust;
use chrono::TimeDelta;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How often something is asked for that hardly changes, or that is not there.
const HOURLY: TimeDelta = TimeDelta::hours(1);
/// How often changes of the set-up are looked for.
const TRAIL_EVERY: TimeDelta = TimeDelta::minutes(10);
/// How often users are told again although nothing of theirs changed: each telling is a write for each user.
const USERS_EVERY: TimeDelta = TimeDelta::minutes(4);
/// The longest poll, all its pages included.
const POLL_WITHIN: Duration = Duration::from_secs(120);
/// How often counts are asked for that cost the server work.
const QUARTER_HOURLY: TimeDelta = TimeDelta::minutes(15);
/// How many strange values are remembered as told.
const MAX_STRANGE: usize = 32;

/// What a poll gave.
#[derive(Debug)]
pub struct Polled {
    /// Rows for the engine, or why there are none.
    pub snapshot: Result<Snapshot, Failure>,
    /// What else is known, this poll's news included.
    pub told: Told,
    /// How many of the organisation's requests are used.
    pub usage: Option<Usage>,
    /// How many requests this poll sent.
    pub calls: u64,
    /// Lines for the log, each told once.
    pub news: Vec<String>,
}

/// Asks one organisation, one request at a time.
#[derive(Debug)]
pub struct Poller {
    org: OrgName,
    product: Product,
    connection: Connection,
    pace: Pace,
    pub(super) client: Client,
    counters: Counters,
    assignments: Option<Assignments>,
    trail: Trail,
    /// When each part was asked for last, by [`Part::index`].
    asked: [Option<Timestamp>; Part::COUNT],
    /// Since when the server is known to take no batches.
    no_batch_since: Option<Timestamp>,
    /// The users that were told last, when, and whether they were all.
    users_told: Option<(Timestamp, Users, bool)>,
    pub(super) told: Told,
    /// Users of Einstein Activity Capture, by the first 15 characters of their ids.
    user_ids: HashSet<String>,
    /// Whether the server counts by itself, as far as is known.
    aggregates: bool,
    strange: Vec<(&'static str, String)>,
    news: Vec<String>,
}

type Users = Vec<(UserName, UserValues)>;

/// A query of a batch with what it is for.
type Asked = (Part, String);

impl Poller {
    /// A poller that has asked nothing yet.
    pub fn new(policy: &OrgPolicy, settings: Arc<Settings>, trust: &Trust) -> Self {
        Self {
            org: policy.name.clone(),
            product: policy.product,
            connection: policy.connection,
            pace: Pace {
                every: settings.poll_every,
                budget_percent: settings.api_budget_percent,
            },
            client: Client::new(settings, trust),
            counters: Counters::default(),
            assignments: None,
            trail: Trail::default(),
            asked: [None; Part::COUNT],
            no_batch_since: None,
            users_told: None,
            told: Told::default(),
            user_ids: HashSet::new(),
            aggregates: true,
            strange: Vec::new(),
            news: Vec::new(),
        }
    }

    /// When to ask again.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Says that the engine did not take the latest snapshot: the next one tells everything again.
    pub fn not_taken(&mut self) {
        self.users_told = None;
    }

    /// Asks for everything that is due at `now`.
    pub async fn poll(&mut self, now: Timestamp) -> Polled {
        self.client.begin();
        self.told.new_setup_changes = 0;
        let snapshot = tokio::time::timeout(POLL_WITHIN, self.try_poll(now))
            .await
            .unwrap_or_else(|_| {
                let seconds = POLL_WITHIN.as_secs();
                Err(Failure::new(
                    FailureReason::Timeout,
                    format!("the pages of one poll took longer than {seconds} s"),
                ))
            });
        if matches!(&snapshot, Err(failure) if failure.reason == FailureReason::SessionExpired) {
            self.client.forget_session();
        }
        self.client.end();
        self.told.clock_ahead = self.client.server_time.map(|at| at.since(now));
        Polled {
            snapshot,
            told: self.told.clone(),
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
                    FailureReason::BudgetSpent,
                    format!(
                        "{percent} % of the organisation's daily API requests are used, by whomever"
                    ),
                ));
            }
        }
        let asked = self.due(now);
        if asked.is_empty() {
            // Nothing is due, but whether we could ask is news too.
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
        let pages = self.ask(&asked, now).await?;
        let counted = self.aggregates;
        for ((part, _), page) in asked.iter().zip(pages) {
            let rows = match page {
                Ok(page) => self.all_pages(page, now).await,
                Err(failure) => Err(failure),
            };
            match rows {
                Ok((records, complete)) => {
                    self.note(*part, None, now);
                    self.take(*part, &records, complete, &mut snapshot);
                }
                Err(failure)
                    if counted && is_approximate(*part) && refuses_aggregates(&failure) =>
                {
                    // Asked again with the next poll, row by row.
                    self.aggregates = false;
                }
                Err(failure) if not_there(*part, &failure) => self.note(*part, Some(&failure), now),
                Err(failure) => return Err(failure),
            }
        }
        self.chores(now, &mut snapshot).await;
        Ok(snapshot)
    }

    async fn look_at_limits(&mut self, now: Timestamp) -> Result<(), Failure> {
        let path = format!("{}/limits", self.client.settings.data());
        let limits = self.client.get(&path, now).await?;
        let daily = limits.get("DailyApiRequests");
        let number = |name| daily.and_then(|daily| super::answer::count(daily.get(name)));
        if let (Some(allowed @ 1..), Some(left)) = (number("Max"), number("Remaining")) {
            let used = allowed.saturating_sub(left);
            self.client.usage = Some(Usage { used, allowed });
        }
        Ok(())
    }

    /// The queries that are asked for at `now`.
    fn due(&self, now: Timestamp) -> Vec<Asked> {
        Part::ALL
            .iter()
            .copied()
            .filter(|part| self.is_due(*part, now))
            .filter_map(|part| Some((part, self.soql(part, now)?)))
            .collect()
    }

    /// Whether a part is asked for at `now`.
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
        let there = self.told.parts.get(part.index()).copied().flatten();
        let every = if there == Some(false) { HOURLY } else { usual };
        let asked = self.asked.get(part.index()).copied().flatten();
        // A clock that went back must not make us wait for the old time to come again.
        let waits = |at: Timestamp| (TimeDelta::zero()..every).contains(&now.since(at));
        !asked.is_some_and(waits)
    }

    /// The query of a part; `None` for one that is no query.
    fn soql(&self, part: Part, now: Timestamp) -> Option<String> {
        Some(match part {
            Part::Capture => queries::CAPTURE.to_owned(),
            Part::Assignments => queries::ASSIGNMENTS.to_owned(),
            Part::SetupTrail => queries::setup_changes(self.trail.since(now)),
            Part::ChangedContacts => approximate::soql(ObjectType::Contacts, now, self.aggregates),
            Part::ChangedEvents => approximate::soql(ObjectType::Events, now, self.aggregates),
            Part::EmailSettings | Part::CaptureSettings | Part::Report => return None,
        })
    }

    /// The first page of each query, in one request where the server takes batches.
    async fn ask(
        &mut self,
        asked: &[Asked],
        now: Timestamp,
    ) -> Result<Vec<Result<Page, Failure>>, Failure> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let batches = self
            .no_batch_since
            .is_none_or(|since| now.since(since).abs() >= HOURLY);
        if batches {
            let settings = Arc::clone(&self.client.settings);
            let soql: Vec<String> = asked.iter().map(|(_, soql)| soql.clone()).collect();
            let path = format!("{}/composite/batch", settings.data());
            let answer = self
                .client
                .post(&path, batch::body(&settings, &soql), now)
                .await;
            match answer {
                Ok(answer) => return batch::results(answer, asked.len()),
                Err(failure) if failure.reason == FailureReason::NotFound => {
                    self.no_batch_since = Some(now);
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut pages = Vec::new();
        for (_, soql) in asked {
            let path = queries::alone(&self.client.settings, soql);
            let page = self.client.get(&path, now).await;
            match page {
                // The address of queries itself is not there: the version is not.
                Err(failure) if failure.reason == FailureReason::NotFound => {
                    self.no_batch_since = None;
                    return Err(failure);
                }
                page => pages.push(page.and_then(|page| Page::of(Value::Object(page)))),
            }
        }
        Ok(pages)
    }

    async fn all_pages(
        &mut self,
        first: Page,
        now: Timestamp,
    ) -> Result<(Vec<Record>, bool), Failure> {
        let mut pages = Pages::default();
        let mut next = pages.take(first)?;
        while let Some(path) = next {
            let page = self.client.get(&path, now).await?;
            next = pages.take(Page::of(Value::Object(page))?)?;
        }
        Ok(pages.finish())
    }

    /// Notes that a part was asked for, and why it is not there, if it is not.
    pub(super) fn note(&mut self, part: Part, missing: Option<&Failure>, now: Timestamp) {
        if let Some(asked) = self.asked.get_mut(part.index()) {
            *asked = Some(now);
        }
        let news = self.told.note(part, missing.is_none());
        if let Some(failure) = missing.filter(|_| news) {
            let advice = failure.reason.advice();
            self.news.push(format!(
                "{part} is not available ({failure}) and is asked for again in an hour; where it should be: {advice}"
            ));
        }
    }

    fn take(&mut self, part: Part, records: &[Record], complete: bool, snapshot: &mut Snapshot) {
        match part {
            Part::Capture => self.take_users(records, complete, snapshot),
            Part::Assignments => {
                let assignments = Assignments::of(records);
                self.told.assigned = Some((assignments.users.len() as u64, assignments.profiles));
                self.assignments = Some(assignments);
            }
            Part::SetupTrail => {
                self.told.new_setup_changes = self.trail.take(records);
                self.told.last_setup_change = self.trail.latest();
            }
            Part::ChangedContacts => self.take_changed(ObjectType::Contacts, records),
            Part::ChangedEvents => self.take_changed(ObjectType::Events, records),
            Part::EmailSettings | Part::CaptureSettings | Part::Report => {}
        }
    }

    fn take_changed(&mut self, object: ObjectType, records: &[Record]) {
        if let Some(slot) = self.told.approximate.get_mut(object.index()) {
            *slot = Some(approximate::changed(records, &self.user_ids));
        }
    }

    fn take_users(&mut self, records: &[Record], complete: bool, snapshot: &mut Snapshot) {
        let read = CaptureUsers::of(records);
        self.told.connectivity = Some(read.connectivity());
        self.told.onboarding = Some(read.onboarding());
        let moved = read.users.iter().filter(|user| user.has_configuration);
        let moved = moved
            .map(|user| user.name.as_str().to_lowercase())
            .collect();
        self.told.moved = Some(Arc::new(moved));
        self.tell_strange(&read);
        self.user_ids = read
            .users
            .iter()
            .filter_map(|user| user.id.clone())
            .collect();
        let now = snapshot.captured_at;
        self.counters.look(&read.users, now);
        // Beside Lightning Sync, its successor's users say nothing about those who have not moved: a sync that goes on
        // for some must not hide that it stopped for the others.
        if self.product != Product::EinsteinActivityCapture {
            return;
        }
        snapshot.rows = org_rows(&read.users, self.connection);
        snapshot.rows.extend(self.counters.rows(now));
        let users: Users = read
            .users
            .iter()
            .map(|user| {
                (
                    user.name.clone(),
                    user_values(user, self.assignments.as_ref()),
                )
            })
            .collect();
        let complete = complete && read.unnamed == 0;
        let known = self
            .users_told
            .as_ref()
            .is_some_and(|(at, told, told_all)| {
                (TimeDelta::zero()..USERS_EVERY).contains(&now.since(*at))
                    && *told == users
                    && *told_all == complete
            });
        if !known {
            snapshot.users.clone_from(&users);
            snapshot.users_complete = complete;
            self.users_told = Some((now, users, complete));
        }
    }

    fn tell_strange(&mut self, read: &CaptureUsers) {
        for strange in &read.strange {
            if self.strange.len() < MAX_STRANGE && !self.strange.contains(strange) {
                let (field, value) = strange;
                self.news.push(format!(
                    "{field} has the value {value}, which is not documented; it counts as other"
                ));
                self.strange.push(strange.clone());
            }
        }
    }
}

const fn is_approximate(part: Part) -> bool {
    matches!(part, Part::ChangedContacts | Part::ChangedEvents)
}

/// Whether a server may only mean that it does not count.
const fn refuses_aggregates(failure: &Failure) -> bool {
    matches!(
        failure.reason,
        FailureReason::MalformedQuery
            | FailureReason::FieldUnknown
            | FailureReason::AnswerMalformed
            | FailureReason::ServerError
            | FailureReason::Other
    )
}

/// Whether a failure only says that the organisation, or its user, does not have a part.
fn not_there(part: Part, failure: &Failure) -> bool {
    // Which fields exist and who may see them differs for these; without them we still know the users.
    let optional = part != Part::Capture
        && matches!(
            failure.reason,
            FailureReason::FieldUnknown
                | FailureReason::MalformedQuery
                | FailureReason::PermissionDenied
                | FailureReason::Other
        );
    failure.reason == FailureReason::ObjectMissing || optional
}
