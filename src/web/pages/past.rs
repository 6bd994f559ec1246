//! The past of an organisation, read once for its page, and the charts made from it.

use super::chart::{Bars, Chart, Lines, Span};
use crate::domain::ids::{ObjectType, OrgId, Outcome};
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::span;
use crate::store::{History, HourTotal, ReadingChange};
use crate::web::routes::Site;
use chrono::TimeDelta;

/// How far back a page looks: the week it shows and the day before, in which what held at its beginning began.
const READ_BACK: TimeDelta = TimeDelta::days(8);
/// How many points a line of ages has.
const POINTS: i32 = 168;

/// What happened to an organisation lately.
pub(super) struct Past {
    hours: Vec<HourTotal>,
    /// For each object type when it was told to have synced last, and its counts of 24 hours, as the page showed them.
    syncs: Vec<(ObjectType, Vec<ReadingChange>)>,
}

impl Past {
    /// Reads it; `None` when the history cannot be read.
    pub(super) async fn read(site: &Site, org: &OrgView, now: Timestamp) -> Option<Self> {
        let history = site.services.history.clone()?;
        let (id, objects) = (org.id, org.policy.objects.clone());
        tokio::task::spawn_blocking(move || Self::read_here(history.as_ref(), id, &objects, now))
            .await
            .ok()?
    }

    fn read_here(
        history: &dyn History,
        id: OrgId,
        objects: &[ObjectType],
        now: Timestamp,
    ) -> Option<Self> {
        let from = now.minus(READ_BACK);
        let mut syncs = Vec::new();
        for object in objects {
            let row = OrgRow::LastSync(*object);
            syncs.push((*object, history.reading_changes(id, row, from, now).ok()?));
        }
        Some(Self {
            hours: history.hours(id, from, now).ok()?,
            syncs,
        })
    }

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
        let told = match org.policy.objects.iter().any(|object| {
            org.figures(*object).covered_since.is_some()
        }) {
            true => counts
                .iter()
                .map(|(object, counts)| format!("{} {object}", counts.iter().sum::<u64>()))
                .collect::<Vec<String>>()
                .join(", ")
                + ". The current hour is not over.",
            false => "No feed of records has spoken, so what synced in which hour is not known. The rows show the counts of the status page.".to_owned(),
        };
        Bars {
            title: format!("Records synced in each hour of the last {}", of.name()),
            told,
            first,
            counts,
            span: of,
            zone: org.policy.time_zone,
        }
        .draw()
    }

    fn ages(&self, of: Span, org: &OrgView, now: Timestamp) -> Chart {
        let step = of.length() / POINTS;
        let mut lines = Vec::new();
        let mut told = Vec::new();
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
            told.push(match ages.last().copied().flatten() {
                Some(_) => match org.last_sync(*object, now) {
                    Some(last) => format!("{object} now {}", span(now.since(last.at))),
                    None => format!("{object} not known"),
                },
                None => format!("{object} not known"),
            });
            lines.push((*object, ages));
        }
        Lines {
            title: format!("Age of the last sync over the last {}, in hours", of.name()),
            told: format!(
                "{}. The dashed line is the limit of {}.",
                told.join(", "),
                span(org.policy.stale_after)
            ),
            lines,
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
        let current = org
            .last_sync(object, now)
            .map(|last| (last.changed_at.max(last.at), last.at));
        counted.chain(read).chain(current).collect()
    }
}
