//! What the families of an organisation are written from: answered once for the `now` of a scrape, in parts. A family
//! is given one part and no clock, so that it can only write something else when its part says something else.

mod rows;
mod time;

pub(super) use rows::{ObservedAt, Values};
pub(super) use time::{Ages, Counts, Each, Hours};

use crate::domain::judge::judgement;
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::domain::users::UserSummary;
use crate::domain::view::{OrgView, View};
use std::sync::Arc;

/// One organisation at the time of a scrape.
#[derive(Debug)]
pub(super) struct OrgFacts {
    pub(super) policy: Arc<OrgPolicy>,
    pub(super) hours: Hours,
    pub(super) users: Users,
    pub(super) said: Values,
    pub(super) seen: ObservedAt,
    pub(super) counts: Counts,
    pub(super) moving: Ages,
}

/// A part of the facts. Every part depends on the policy as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What was configured.
    Settings,
    /// Business hours.
    Hours,
    /// Counts over the users.
    Users,
    /// What is said, by whom, and what follows from it.
    Values,
    /// When it was seen.
    ObservedAt,
    /// What the windows count.
    Counts,
    /// Ages, which move with every scrape.
    Ages,
}

impl Part {
    pub(super) const ALL: [Self; 7] = [
        Self::Settings,
        Self::Hours,
        Self::Users,
        Self::Values,
        Self::ObservedAt,
        Self::Counts,
        Self::Ages,
    ];
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The place in [`Part::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
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
        let rows = rows::current(org, stuck_at, now);
        Self {
            policy: Arc::clone(&org.policy),
            hours: Hours::of(org, now),
            users: Users::of(org),
            counts: Counts::of(org, &rows, fresh, now),
            moving: Ages::of(org, &rows, fresh, now),
            seen: ObservedAt::of(org, &rows),
            said: Values::of(org, rows, judgement(org, fresh, now), now),
        }
    }

    /// Whether a part says the same as in `other`.
    pub(super) fn says_the_same(&self, other: &Self, part: Part) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy)
            && match part {
                // The policy is all there is to it.
                Part::Settings => true,
                Part::Hours => self.hours == other.hours,
                Part::Users => self.users == other.users,
                Part::Values => self.said == other.said,
                Part::ObservedAt => self.seen == other.seen,
                Part::Counts => self.counts == other.counts,
                Part::Ages => self.moving == other.moving,
            }
    }
}

/// The summary of the users, which is replaced as a whole: it says the same while it is the same.
#[derive(Debug, Clone)]
pub(super) struct Summary(Arc<UserSummary>);

impl PartialEq for Summary {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::ops::Deref for Summary {
    type Target = Arc<UserSummary>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The users of an organisation.
#[derive(Debug, PartialEq)]
pub(super) struct Users {
    pub(super) summary: Summary,
    /// Whether a source has listed users, if only to say that there are none.
    pub(super) listed: bool,
}

impl Users {
    fn of(org: &OrgView) -> Self {
        Self {
            summary: Summary(Arc::clone(&org.summary)),
            listed: org.summary.known > 0 || org.users.complete,
        }
    }
}
