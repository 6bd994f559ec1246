//! What was found before: the part of a judgement that the readings of the moment cannot tell. The engine moves it on
//! with every tick and stores it, so that a restart ends no finding and begins none anew.

use super::causes::{Cause, Severity};
use super::ids::ObjectType;
use super::judge::{Judged, words};
use super::rows::UserRow;
use super::time::Timestamp;
use super::view::OrgView;
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// A root cause that returns within this span is the same incident: whoever repaired it is still at work on it, and it
/// is as long as the vendor lets pass before a missing sync is news at all.
pub const SAME_INCIDENT: TimeDelta = TimeDelta::hours(24);

/// What a finding is about: an organisation has at most one finding of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Why.
    pub cause: Cause,
    /// Of what, when it is not the organisation as a whole.
    pub object_type: Option<ObjectType>,
    /// Which check, for findings about users.
    pub check: Option<UserRow>,
}

/// Something that was found, and has not been over for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// How severe it was last.
    pub severity: Severity,
    /// Since when it holds.
    pub since: Timestamp,
    /// How many users, where it is about users.
    pub users: Option<u32>,
    /// The first sync that was seen after the reading of a root cause.
    pub first_sync: Option<Timestamp>,
    /// Records synced in the 24 hours before a root cause was found, where the last hour had any.
    pub synced_before: Option<u64>,
    /// When it ended; `None` while it holds.
    pub ended: Option<Timestamp>,
    /// Until when a root cause that returned is no new page.
    pub calm_until: Option<Timestamp>,
}

impl Incident {
    /// Until when it is no new page that this root cause holds again.
    pub fn calm_until(&self) -> Option<Timestamp> {
        let ended = self.ended.map(|ended| ended.plus(SAME_INCIDENT));
        self.calm_until.max(ended)
    }
}

/// The incidents of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incidents(pub BTreeMap<Subject, Incident>);

impl Incidents {
    /// The incident of a subject, over or not.
    pub fn get(&self, subject: Subject) -> Option<&Incident> {
        self.0.get(&subject)
    }

    /// The incident of a subject that holds.
    pub fn open(&self, subject: Subject) -> Option<&Incident> {
        self.get(subject).filter(|incident| incident.ended.is_none())
    }

    /// Causes that ended, how severe they were, and when.
    pub fn ended(&self) -> impl Iterator<Item = (Cause, Severity, Timestamp)> {
        self.0.iter().filter_map(|(subject, incident)| {
            Some((subject.cause, incident.severity, incident.ended?))
        })
    }

    /// What there is to remember of `org` at `now`; `None` while that is what it remembers already.
    pub fn after(org: &OrgView, now: Timestamp) -> Option<Self> {
        let mut next = org.incidents.0.clone();
        next.retain(|subject, incident| {
            let synced =
                subject.object_type.is_none_or(|object| org.policy.objects.contains(&object));
            let recent = incident.ended.is_none_or(|ended| now < ended.plus(SAME_INCIDENT));
            synced && recent
        });
        for word in words(org, true, now) {
            match word {
                Judged::Holds(subject, found) => {
                    let old = next.get(&subject).copied();
                    let since = old.map_or(found.since, |old| old.since);
                    let calm = old.and_then(|old| old.calm_until());
                    next.insert(
                        subject,
                        Incident {
                            severity: found.severity,
                            since,
                            users: found.users,
                            first_sync: found.first_sync,
                            synced_before: found.synced_before,
                            ended: None,
                            calm_until: calm.filter(|until| now < *until),
                        },
                    );
                }
                Judged::Refuted(subject) if subject.cause.is_remembered() => {
                    if let Some(incident) = next.get_mut(&subject) {
                        incident.ended.get_or_insert(now);
                    }
                }
                Judged::Refuted(subject) => drop(next.remove(&subject)),
            }
        }
        (next != org.incidents.0).then_some(Self(next))
    }
}

#[cfg(test)]
mod tests;
