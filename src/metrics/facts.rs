//! What the families of an organisation are written from: answered once for the `now` of a scrape, in parts. A family
//! is given one part and no clock, so that it can only write something else when its part says something else.

use crate::domain::ids::{ObjectType, Source};
use crate::domain::incidents::Subject;
use crate::domain::judge::{Finding, Judgement, judgement};
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserSummary;
use crate::domain::view::{Current, OrgView, View};
use chrono::{Offset, TimeDelta, TimeZone};
use enum_map::{Enum, EnumMap};
use std::sync::Arc;

/// One organisation at the time of a scrape.
#[derive(Debug)]
pub(super) struct OrgFacts {
    pub(super) policy: Arc<OrgPolicy>,
    pub(super) hours: Hours,
    pub(super) users: UserFacts,
    pub(super) values: Values,
    pub(super) findings: Findings,
    pub(super) observed_at: ObservedAt,
    pub(super) counts: WindowCounts,
    pub(super) ages: Ages,
}

/// A part of the facts. Every part depends on the policy as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum Part {
    /// What was configured.
    Settings,
    /// Business hours.
    Hours,
    /// Counts over the users.
    Users,
    /// What is reported, by whom, and what follows from it.
    Values,
    /// What needs attention: the most series, and the ones that change least.
    Findings,
    /// When it was observed.
    ObservedAt,
    /// What the windows count.
    Counts,
    /// Ages, which move with every scrape.
    Ages,
}

/// Its business hours and its clock at the scrape.
#[derive(Debug, PartialEq)]
pub(super) struct Hours {
    pub(super) open: bool,
    /// How far its local time is ahead of UTC.
    pub(super) utc_offset: i32,
}

/// The users of an organisation.
#[derive(Debug)]
pub(super) struct UserFacts {
    /// Replaced as a whole: it says the same while it is the same allocation.
    pub(super) summary: Arc<UserSummary>,
    /// Whether a source has listed users, if only to say that there are none.
    pub(super) listed: bool,
}

/// A figure of each object type; `None` where no source knows it.
pub(super) type PerObject<T> = EnumMap<ObjectType, Option<T>>;

/// What is reported, by whom, and what follows from it.
#[derive(Debug, PartialEq)]
pub(super) struct Values {
    /// Rows of the whole organisation or of an object type that it syncs.
    pub(super) rows: EnumMap<OrgRow, Option<ReportedRow>>,
    /// Whether a row of users is stale.
    pub(super) users_stale: EnumMap<UserRow, Option<bool>>,
    pub(super) last_sync: PerObject<Timestamp>,
    pub(super) ever_synced: PerObject<bool>,
    pub(super) expected_linked_users: Option<u64>,
    /// Whether a source has ever reported.
    pub(super) reported: EnumMap<Source, bool>,
    /// The instant after which a missing sync is news.
    pub(super) deadlines: EnumMap<ObjectType, Timestamp>,
}

/// What was judged.
#[derive(Debug, PartialEq)]
pub(super) struct Findings {
    pub(super) hold: Vec<Finding>,
    pub(super) refuted: Vec<Subject>,
}

/// A row's value, without the time at which it was observed.
#[derive(Debug, PartialEq)]
pub(super) struct ReportedRow {
    /// `None` for what windows count: that changes more often than who counts it, and is a part of its own.
    pub(super) value: Option<OrgValue>,
    pub(super) source: Source,
    pub(super) stale: bool,
}

/// When what is reported was observed.
#[derive(Debug, PartialEq)]
pub(super) struct ObservedAt {
    pub(super) rows: EnumMap<OrgRow, Option<Timestamp>>,
    pub(super) users: EnumMap<UserRow, Option<Timestamp>>,
    /// When a source last reported.
    pub(super) last_report: EnumMap<Source, Option<Timestamp>>,
}

/// What the windows count.
#[derive(Debug, PartialEq)]
pub(super) struct WindowCounts {
    pub(super) synced_60m: PerObject<u64>,
    pub(super) synced_24h: PerObject<u64>,
    pub(super) failed_24h: PerObject<u64>,
}

/// What moves with every scrape.
#[derive(Debug, PartialEq)]
pub(super) struct Ages {
    pub(super) last_sync: PerObject<TimeDelta>,
    pub(super) coverage: PerObject<TimeDelta>,
}

impl OrgFacts {
    /// The facts of every organisation of `view`.
    pub(super) fn of(view: &View, now: Timestamp) -> Vec<Arc<Self>> {
        // An engine that works publishes every second.
        let stuck_at = (!view.is_fresh(now)).then_some(view.as_of);
        let orgs = view.orgs.iter();
        orgs.map(|org| Arc::new(Self::of_org(org, stuck_at, now))).collect()
    }

    fn of_org(org: &OrgView, stuck_at: Option<Timestamp>, now: Timestamp) -> Self {
        let fresh = stuck_at.is_none();
        let mut rows: EnumMap<OrgRow, Option<Current>> =
            EnumMap::from_fn(|row| current(org, row, stuck_at, now));
        let count = |row: OrgRow| {
            let OrgValue::Count(count) = rows[row].as_ref()?.value else { return None };
            Some(count)
        };
        let last_sync: PerObject<Timestamp> = EnumMap::from_fn(|object| {
            let OrgValue::Instant(at) = rows[OrgRow::LastSync(object)].as_ref()?.value else {
                return None;
            };
            Some(at)
        });
        let observed = |row: UserRow| org.summary.observed(row).filter(|_| org.policy.covers(row));
        let Judgement { findings, refuted, deadlines } = judgement(org, fresh, now);
        let offset = org.policy.time_zone.offset_from_utc_datetime(&now.datetime().naive_utc());
        Self {
            policy: Arc::clone(&org.policy),
            hours: Hours {
                open: org.open_hours.is_open(now),
                utc_offset: offset.fix().local_minus_utc(),
            },
            users: UserFacts {
                summary: Arc::clone(&org.summary),
                listed: org.summary.known > 0 || org.users.complete,
            },
            counts: WindowCounts {
                synced_60m: EnumMap::from_fn(|object| count(OrgRow::Synced60m(object))),
                synced_24h: EnumMap::from_fn(|object| count(OrgRow::Synced24h(object))),
                failed_24h: EnumMap::from_fn(|object| {
                    let answers = fresh && org.coverage(object, now).is_some();
                    answers.then_some(org.activity[object].failed_24h)
                }),
            },
            ages: Ages {
                last_sync: last_sync.map(|_, at| at.map(|at| now.since(at).max(TimeDelta::zero()))),
                coverage: EnumMap::from_fn(|object| org.coverage(object, now).filter(|_| fresh)),
            },
            findings: Findings { hold: findings, refuted },
            observed_at: ObservedAt {
                rows: EnumMap::from_fn(|row: OrgRow| Some(rows[row].as_ref()?.observed_at)),
                users: EnumMap::from_fn(|row| observed(row).map(|(at, _)| at)),
                last_report: org.last_report,
            },
            values: Values {
                users_stale: EnumMap::from_fn(|row| observed(row).map(|(_, stale)| stale)),
                last_sync,
                ever_synced: EnumMap::from_fn(|object| {
                    last_sync[object].map(|_| true).or_else(|| org.ever_synced(object, now))
                }),
                expected_linked_users: org.expected_linked_users(now),
                reported: org.last_report.map(|_, at| at.is_some()),
                deadlines,
                rows: EnumMap::from_fn(|row: OrgRow| {
                    let Current { value, source, stale, .. } = rows[row].take()?;
                    Some(ReportedRow { value: (!is_window(row)).then_some(value), source, stale })
                }),
            },
        }
    }

    /// Whether a part says the same as in `other`.
    pub(super) fn says_the_same(&self, other: &Self, part: Part) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy)
            && match part {
                // The policy is all there is to it.
                Part::Settings => true,
                Part::Hours => self.hours == other.hours,
                Part::Users => {
                    Arc::ptr_eq(&self.users.summary, &other.users.summary)
                        && self.users.listed == other.users.listed
                }
                Part::Values => self.values == other.values,
                Part::Findings => self.findings == other.findings,
                Part::ObservedAt => self.observed_at == other.observed_at,
                Part::Counts => self.counts == other.counts,
                Part::Ages => self.ages == other.ages,
            }
    }
}

const fn is_window(row: OrgRow) -> bool {
    matches!(row, OrgRow::Synced60m(_) | OrgRow::Synced24h(_))
}

/// What holds of a row at `now`; no window counts from an engine that got stuck.
fn current(
    org: &OrgView,
    row: OrgRow,
    stuck_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<Current> {
    if !org.policy.covers(row) || (is_window(row) && stuck_at.is_some()) {
        return None;
    }
    let mut current = org.current(row, now)?;
    // It has not looked since: a feed whose silence is an answer must not seem to go on.
    current.observed_at = current.observed_at.min(stuck_at.unwrap_or(Timestamp::MAX));
    Some(current)
}
