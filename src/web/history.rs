//! The past, read for pages and JSON on a thread that may block.

use super::limits::CHANGES;
use super::routes::WebState;
use crate::domain::ids::ObjectType;
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
pub(super) struct RecentHistory {
    pub(super) hours: Vec<HourTotal>,
    /// For each object type the last syncs that were reported, as they changed.
    pub(super) syncs: Vec<(ObjectType, Vec<ReadingChange>)>,
}

/// Reads on a thread that may block, a few at a time.
async fn read<T: Send + 'static>(
    site: &WebState,
    look: impl FnOnce(&dyn History) -> Option<T> + Send + 'static,
) -> Option<T> {
    let history = site.services.history.clone()?;
    let turn = Arc::clone(&site.readers).acquire_owned().await.ok()?;
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        look(history.as_ref())
    })
    .await
    .ok()?
}

/// Reads an organisation's past; `None` when it cannot be read.
pub(super) async fn of_org(
    site: &WebState,
    org: &OrgView,
    now: Timestamp,
) -> Option<RecentHistory> {
    let (id, objects) = (org.id, org.policy.objects.clone());
    read(site, move |history| {
        let from = now.minus(READ_BACK);
        let mut syncs = Vec::new();
        for object in objects {
            let row = OrgRow::LastSync(object);
            syncs.push((object, history.reading_changes(id, row, from, now, SYNCS_EVERY).ok()?));
        }
        Some(RecentHistory { hours: history.hours(id, from, now).ok()?, syncs })
    })
    .await
}

/// The newest changes of a user's states, newest first; `None` when they cannot be read.
pub(super) async fn of_user(
    site: &WebState,
    org: &OrgView,
    user: &UserEntry,
    now: Timestamp,
) -> Option<Vec<UserChange>> {
    let (id, name) = (org.id, user.name.clone());
    read(site, move |history| {
        let changes = history.user_changes(id, &name, (Timestamp::MIN, now), CHANGES).ok()?;
        Some(changes.into_iter().rev().collect())
    })
    .await
}
