//! Organisations to judge, built reading by reading, and the word on one subject.

use crate::calendar::{Calendar, Weekly};
use crate::causes::{Cause, Severity};
use crate::exchange_log::ExchangeCalls;
use crate::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use crate::incidents::{Incident, Subject};
use crate::judge::{Judged, words};
use crate::policy::OrgPolicy;
use crate::readings::Reading;
use crate::rhythm::Usual;
use crate::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::source_state::{PollFailing, SourceFacts, SourceState};
use crate::time::Timestamp;
use crate::users::{UserEntry, UserReadings, UserSummary, UserTable};
use crate::view::{ActivityFigures, OrgView};
use chrono::{TimeDelta, Weekday};
use chrono_tz::Tz;
use enum_map::EnumMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// 2026-11-24T12:00:00Z, a Tuesday.
pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_795_521_600);
/// The shortest time there is.
pub(crate) const TICK: TimeDelta = TimeDelta::nanoseconds(1);
/// Minutes of a day.
pub(crate) const DAY: i64 = 1440;

/// So many minutes after noon.
pub(crate) fn at(minutes: i64) -> Timestamp {
    NOON.plus(TimeDelta::minutes(minutes))
}

/// The word on a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Holds(Severity, Timestamp),
    Refuted,
    Unknown,
}

pub(crate) struct Org(pub(crate) OrgView);

impl Org {
    /// Watched for a month and never reported on, with no business hours and no end of the product.
    pub(crate) fn new() -> Self {
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.retirement = None;
        Self(OrgView::new(OrgId(1), Arc::new(policy), at(-30 * DAY), NOON))
    }

    /// The same, watched for an hour only: that nothing synced is no news yet.
    pub(crate) fn young() -> Self {
        Self::new().known(at(-60))
    }

    pub(crate) fn known(mut self, since: Timestamp) -> Self {
        self.0.known_since = since;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut OrgPolicy)) -> Self {
        change(Arc::make_mut(&mut self.0.policy));
        self.0.open_hours = self.0.policy.calendar.lay_out(NOON);
        self
    }

    /// Monday to Friday, 8 to 18, in UTC.
    pub(crate) fn in_business_hours(self) -> Self {
        let days = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
        self.with(|policy| {
            policy.calendar = Calendar::Weekly(Weekly {
                time_zone: Tz::UTC,
                days,
                from_minute: 8 * 60,
                to_minute: 18 * 60,
                holidays: BTreeSet::new(),
            });
        })
    }

    /// A row as a source read it.
    pub(crate) fn read(
        mut self,
        source: Source,
        row: OrgRow,
        value: OrgValue,
        at: Timestamp,
    ) -> Self {
        let readings = Arc::make_mut(&mut self.0.readings);
        if let Some(reading) = Reading::after(readings.get(row, source), value, at) {
            readings.put(row, source, reading);
        }
        let last = &mut self.0.last_report[source];
        *last = (*last).max(Some(at));
        self
    }

    /// A row of the status page.
    pub(crate) fn page(self, row: OrgRow, value: OrgValue, at: Timestamp) -> Self {
        self.read(Source::Snapshot, row, value, at)
    }

    /// The last sync of both object types, as a page showed it.
    pub(crate) fn synced(mut self, last: Timestamp, read_at: Timestamp) -> Self {
        for object in ObjectType::ALL {
            self = self.page(OrgRow::LastSync(*object), OrgValue::Instant(last), read_at);
        }
        self
    }

    /// A feed of both object types: when their newest record was, and how many there are of an hour and a day.
    pub(crate) fn fed(
        mut self,
        covered_since: Timestamp,
        last: Option<Timestamp>,
        counts: (u64, u64),
    ) -> Self {
        for object in ObjectType::ALL {
            self.0.activity[*object] = ActivityFigures {
                synced_60m: counts.0,
                synced_24h: counts.1,
                failed_24h: 0,
                last_synced: last,
                covered_since: Some(covered_since),
            };
        }
        self.0.last_report[Source::Activity] = Some(last.unwrap_or(covered_since));
        self
    }

    /// A feed whose newest record is one of a week that it has covered.
    pub(crate) fn fed_until(self, last: Timestamp) -> Self {
        self.fed(at(-7 * DAY), Some(last), (1, 1))
    }

    /// So many records of both object types in every hour of the weeks before noon, from a feed that is less than a minute
    /// late.
    pub(crate) fn with_rhythm(mut self, records: u64) -> Self {
        let usual = Usual::of(NOON.hour(), Tz::UTC, &self.0.open_hours, |_, _| records);
        self.0.usual = Some(Arc::new(usual));
        self.0.feed_delay.take(NOON, NOON);
        self.with(|policy| policy.unusually_quiet = true)
    }

    /// Users who fail a check, read live.
    pub(crate) fn failing(mut self, check: UserRow, users: u32, since: Timestamp) -> Self {
        let summary = Arc::make_mut(&mut self.0.summary);
        summary.add_failing(check, users, since);
        summary.add_observed(check, since, false);
        self
    }

    /// Users who are assigned to a configuration and show a state each, by a page that is live or not any more.
    pub(crate) fn users(mut self, live: bool, states: &[(UserRow, Status, Timestamp)]) -> Self {
        let user = |(index, (row, status, at)): (usize, &(UserRow, Status, Timestamp))| {
            let mut readings = UserReadings::default();
            readings.take(UserRow::ActiveConfiguration, Status::Yes.into(), *at);
            readings.take(*row, (*status).into(), *at);
            UserEntry {
                name: UserName::new(&format!("user-{index}@corp.example")).unwrap(),
                pseudonym: "1f".into(),
                readings: Arc::from([(Source::Snapshot, readings)]),
            }
        };
        let users = states.iter().enumerate().map(user).collect();
        let table = UserTable { users, complete: false };
        let sources = EnumMap::from_fn(|_| live);
        self.0.summary = Arc::new(UserSummary::of(&table, &self.0.policy, &sources, NOON));
        self.0.users = Arc::new(table);
        self
    }

    /// A polled source, and since when its polls fail.
    pub(crate) fn polled(mut self, source: &'static str, failing: Option<Timestamp>) -> Self {
        let failing = failing.map(|since| PollFailing { since, reason: "", advice: "" });
        let state = SourceState { failing, ..SourceState::default() };
        Arc::make_mut(&mut self.0.source_states).set(source, Some(state));
        self
    }

    /// What Exchange's logs showed, read at `read_at` to its end.
    pub(crate) fn logs(
        mut self,
        read_at: Timestamp,
        change: impl FnOnce(&mut ExchangeCalls),
    ) -> Self {
        let mut calls = ExchangeCalls {
            read_at,
            begun_at: at(-DAY),
            complete_until: Some(read_at),
            no_calls_after: TimeDelta::hours(4),
            last_call: Some(read_at),
            last_write: None,
            writes: [0, 0],
            refused: None,
            sees_refusals: true,
            two_writers: Vec::new(),
            two_writers_count: 0,
            mailboxes: BTreeMap::new(),
        };
        change(&mut calls);
        let facts = SourceFacts { exchange_calls: Some(Arc::new(calls)), ..SourceFacts::default() };
        let state = SourceState { failing: None, facts };
        Arc::make_mut(&mut self.0.source_states).set("exchange_log", Some(state));
        self.with(|policy| policy.reads_exchange_log = true)
    }

    pub(crate) fn found(mut self, subject: Subject, incident: Incident) -> Self {
        Arc::make_mut(&mut self.0.incidents).0.insert(subject, incident);
        self
    }

    /// The word on a subject; there is never more than one.
    pub(crate) fn word(&self, subject: Subject, counts: bool, now: Timestamp) -> Answer {
        let answers: Vec<Answer> = words(&self.0, counts, now)
            .into_iter()
            .filter_map(|word| match word {
                Judged::Holds(of, found) if of == subject => {
                    Some(Answer::Holds(found.severity, found.since))
                }
                Judged::Refuted(of) if of == subject => Some(Answer::Refuted),
                Judged::Holds(..) | Judged::Refuted(_) => None,
            })
            .collect();
        assert!(answers.len() < 2, "{subject:?}: {answers:?}");
        answers.first().copied().unwrap_or(Answer::Unknown)
    }

    pub(crate) fn on(&self, cause: Cause, now: Timestamp) -> Answer {
        self.word(Subject { cause, object_type: None, check: None }, true, now)
    }

    /// The word on a cause of contacts.
    pub(crate) fn on_contacts(&self, cause: Cause, now: Timestamp) -> Answer {
        let object_type = Some(ObjectType::Contacts);
        self.word(Subject { cause, object_type, check: None }, true, now)
    }

    pub(crate) fn on_check(&self, cause: Cause, check: UserRow, now: Timestamp) -> Answer {
        let subject = Subject { cause, object_type: check.object_type(), check: Some(check) };
        self.word(subject, true, now)
    }
}

/// An incident that holds since an instant.
pub(crate) const fn open(severity: Severity, since: Timestamp) -> Incident {
    Incident {
        severity,
        since,
        users: None,
        first_sync: None,
        synced_before: None,
        ended: None,
        calm_until: None,
    }
}
