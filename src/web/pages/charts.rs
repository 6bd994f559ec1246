//! The charts of an organisation's past.

use super::chart::{Bars, Chart, LineChart, Span, Unknown};
use crate::domain::ids::{ObjectType, Outcome, Source};
use crate::domain::rows::OrgValue;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{local, span};
use crate::web::history::Past;

/// How many points a line of ages has.
const POINTS: i32 = 168;

impl Past {
    /// The charts of the last day and the last week.
    pub(super) fn charts(&self, org: &OrgView, now: Timestamp) -> Vec<Chart> {
        [Span::Day, Span::Week]
            .into_iter()
            .flat_map(|of| [self.synced(of, org, now), self.ages(of, org, now)])
            .collect()
    }

    fn synced(&self, of: Span, org: &OrgView, now: Timestamp) -> Chart {
        let hours = of.hours();
        let first = now.hour() - hours + 1;
        let mut counts: Vec<(ObjectType, Vec<u64>)> = Vec::new();
        for object in &org.policy.objects {
            let in_hour = |hour| {
                self.hours
                    .iter()
                    .filter(|total| total.hour.hour() == hour)
                    .filter(|total| total.kind.object_type == *object)
                    .filter(|total| total.kind.outcome == Outcome::Synced)
                    .map(|total| total.count)
                    .sum()
            };
            counts.push((*object, (first..=now.hour()).map(in_hour).collect()));
        }
        let begins = Timestamp::of_hour(first);
        let mut unknown = Vec::new();
        let mut words = Vec::new();
        for (object, counts) in &counts {
            let known = known(*object, org, now);
            let gap = |from, upto| Unknown { object: *object, from, upto };
            let total: u64 = counts.iter().sum();
            words.push(match known {
                None => format!("{object} not known: no feed of their records has reported"),
                Some((since, upto)) => {
                    let begun = if since > begins {
                        format!(" since {}", exactly(since, org, now))
                    } else {
                        String::new()
                    };
                    let ended = if upto < now {
                        format!(", not known after {}", exactly(upto, org, now))
                    } else {
                        String::new()
                    };
                    format!("{total} {object}{begun}{ended}")
                }
            });
            match known {
                None => unknown.push(gap(begins, Timestamp::of_hour(now.hour() + 1))),
                Some((since, upto)) => {
                    unknown.push(gap(begins, since));
                    if upto < now {
                        unknown.push(gap(upto, Timestamp::of_hour(now.hour() + 1)));
                    }
                }
            }
        }
        let words = format!("{}. The current hour is not over.", words.join("; "));
        Bars {
            title: format!("Records synced in each hour of the last {}", of.name()),
            words,
            first,
            counts,
            unknown,
            span: of,
            zone: org.policy.time_zone,
        }
        .draw()
    }

    fn ages(&self, of: Span, org: &OrgView, now: Timestamp) -> Chart {
        let step = of.length() / POINTS;
        let mut lines = Vec::new();
        let mut words = Vec::new();
        let mut unknown = Vec::new();
        let mut held_from = Vec::new();
        for object in &org.policy.objects {
            let proofs = self.proofs(*object, org, now);
            let ages: Vec<Option<f64>> = (0..=POINTS)
                .map(|point| {
                    let at = now.minus(step * (POINTS - point));
                    let last = proofs
                        .iter()
                        .filter(|(known_at, _)| *known_at <= at)
                        .map(|(_, synced)| (*synced).min(at))
                        .max()?;
                    Some(at.since(last).num_seconds() as f64 / 3600.0)
                })
                .collect();
            let last = org.last_sync(*object, now);
            words.push(match last {
                Some(last) if last.live => format!(
                    "{object} now {}, since {}",
                    span(now.since(last.at)),
                    exactly(last.at, org, now)
                ),
                Some(last) => format!(
                    "{object} held: it was {} when somebody last looked, {}; the dotted line is what it would be by now",
                    span(last.observed_at.since(last.at)),
                    exactly(last.observed_at, org, now)
                ),
                None if org.ever_synced(*object, now) == Some(false) => {
                    format!("{object} never synced")
                }
                None => format!("{object} not known"),
            });
            if let Some(last) = last.filter(|last| !last.live) {
                held_from.push((*object, last.observed_at));
            }
            let first_known = ages.iter().position(Option::is_some);
            let first_known = first_known.and_then(|index| i32::try_from(index).ok());
            unknown.push(Unknown {
                object: *object,
                from: now.minus(of.length()),
                upto: first_known.map_or(now, |point| now.minus(step * (POINTS - point))),
            });
            lines.push((*object, ages));
        }
        LineChart {
            title: format!("Age of the last sync over the last {}, in hours", of.name()),
            words: format!(
                "{}. What a feed reported of past hours is known to the hour. The dashed line is the limit of {}.",
                words.join("; "),
                span(org.policy.stale_after)
            ),
            lines,
            held_from,
            unknown,
            limit: org.policy.stale_after.num_seconds() as f64 / 3600.0,
            now,
            span: of,
            zone: org.policy.time_zone,
        }
        .draw()
    }

    /// When it was known that something had synced at an instant.
    fn proofs(
        &self,
        object: ObjectType,
        org: &OrgView,
        now: Timestamp,
    ) -> Vec<(Timestamp, Timestamp)> {
        let counted = self
            .hours
            .iter()
            .filter(|total| total.kind.object_type == object)
            .filter(|total| total.kind.outcome == Outcome::Synced)
            .map(|total| (total.newest, total.newest));
        let read = self
            .syncs
            .iter()
            .filter(|(of, _)| *of == object)
            .flat_map(|(_, changes)| changes)
            .filter_map(|change| match change.value {
                OrgValue::Instant(synced) => Some((change.at, synced)),
                OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
            });
        // What holds now, in case it began before the time that was read.
        let current =
            org.last_sync(object, now).map(|last| (last.changed_at.max(last.at), last.at));
        counted.chain(read).chain(current).collect()
    }
}

/// From when until when a feed of records has answered for an object type without a gap.
fn known(object: ObjectType, org: &OrgView, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let since = org.activity[object].covered_since?;
    let upto = match org.last_report[Source::Activity] {
        Some(at) if !org.is_live(Source::Activity, now) => at,
        Some(_) | None => now,
    };
    Some((since, upto))
}

/// An instant in the organisation's time, with its zone.
fn exactly(at: Timestamp, org: &OrgView, now: Timestamp) -> String {
    let zone = at.datetime().with_timezone(&org.policy.time_zone);
    format!("{} {}", local(at, org, now), zone.format("%Z"))
}
