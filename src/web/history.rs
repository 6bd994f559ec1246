//! The past, read for pages and JSON on a thread that may block.

use super::limits::CHANGES;
use super::routes::WebState;
use crate::domain::ids::{ObjectType, OrgId};
use crate::domain::rows::OrgRow;
use crate::domain::time::Timestamp;
use crate::domain::users::UserEntry;
use crate::domain::view::OrgView;
use crate::store::{History, HourTotal, ReadingChange, UserChange};
use chrono::TimeDelta;
use std::sync::Arc;

/// How far back: the week that charts show and the day before, in which what held at its beginning began.
pub(super) const READ_BACK: TimeDelta = TimeDelta::days(8);

/// A chart of a day has a point every eight and a half minutes: of changes that come closer than this, the last is enough.
const SYNCS_EVERY: TimeDelta = TimeDelta::minutes(5);

/// What happened to an organisation lately.
pub(super) struct Past {
    pub(super) hours: Vec<HourTotal>,
    /// For each object type the last syncs that were reported, as they changed.
    pub(super) syncs: Vec<(ObjectType, Vec<ReadingChange>)>,
}

/// Reads an organisation's past; `None` when it cannot be read.
pub(super) async fn of_org(site: &WebState, org: &OrgView, now: Timestamp) -> Option<Past> {
    let history = site.services.history.clone()?;
    let (id, objects) = (org.id, org.policy.objects.clone());
    let turn = Arc::clone(&site.readers).acquire_owned().await.ok()?;
    tokio::task::spawn_blocking(move || {
        let past = read(history.as_ref(), id, &objects, now);
        drop(turn);
        past
    })
    .await
    .ok()?
}

fn read(history: &dyn History, id: OrgId, objects: &[ObjectType], now: Timestamp) -> Option<Past> {
    let from = now.minus(READ_BACK);
    let mut syncs = Vec::new();
    for object in objects {
        let row = OrgRow::LastSync(*object);
        syncs.push((*object, history.reading_changes(id, row, from, now, SYNCS_EVERY).ok()?));
    }
    Some(Past { hours: history.hours(id, from, now).ok()?, syncs })
}

/// The newest changes of a user's states, newest first; `None` when they cannot be read.
pub(super) async fn of_user(
    site: &WebState,
    org: &OrgView,
    user: &UserEntry,
    now: Timestamp,
) -> Option<Vec<UserChange>> {
    let history = site.services.history.clone()?;
    let (id, name) = (org.id, user.name.clone());
    let turn = Arc::clone(&site.readers).acquire_owned().await.ok()?;
    let mut changes = tokio::task::spawn_blocking(move || {
        let changes = history.user_changes(id, &name, (Timestamp::MIN, now), CHANGES).ok();
        drop(turn);
        changes
    })
    .await
    .ok()??;
    changes.reverse();
    Some(changes)
}
