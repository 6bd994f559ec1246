//! The past behind the charts of an organisation's page, and behind a user's page.

use super::json::{At, Envelope};
use super::{Moment, answer_json};
use crate::domain::ids::ObjectType;
use crate::domain::rows::OrgValue;
use crate::domain::time::Timestamp;
use crate::store::{HourTotal, UserChange};
use crate::web::answer::Answer;
use crate::web::history;
use crate::web::problem::{Problem, ProblemReason};
use crate::web::query;
use crate::web::routes::Site;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct History {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    /// How far back it was read.
    from: At,
    hours: Vec<HourJson>,
    last_syncs: Vec<SyncJson>,
}

#[derive(Serialize)]
struct HourJson {
    hour: At,
    object_type: &'static str,
    direction: Option<&'static str>,
    outcome: &'static str,
    count: u64,
    newest: At,
}

/// A last sync that a source told, from when on.
#[derive(Serialize)]
struct SyncJson {
    object_type: &'static str,
    at: At,
    last_sync: At,
    source: &'static str,
}

/// `GET /api/v1/orgs/{org}/history`.
pub(in crate::web) async fn history(
    site: &Site,
    name: &str,
    query: Option<&str>,
) -> Result<Answer, Problem> {
    let [] = query::known(query, [])?;
    let moment = Moment::of(site);
    let now = moment.now;
    let org = Arc::clone(moment.org(name)?);
    let past = history::of_org(site, &org, now)
        .await
        .ok_or_else(unreadable)?;
    answer_json(&History {
        envelope: Envelope::of(&moment.view, now),
        org: org.policy.name.to_string(),
        from: At(now.minus(history::READ_BACK)),
        hours: past.hours.iter().map(HourJson::of).collect(),
        last_syncs: past
            .syncs
            .iter()
            .flat_map(|(object, changes)| {
                changes
                    .iter()
                    .filter_map(|change| match change.value {
                        OrgValue::Instant(synced) => Some(SyncJson::of(
                            *object,
                            change.at,
                            synced,
                            change.source.name(),
                        )),
                        OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
                    })
                    .collect::<Vec<_>>()
            })
            .collect(),
    })
}

/// A history that cannot be read passes by itself, or the store says why.
fn unreadable() -> Problem {
    Problem::new(
        ProblemReason::NotReady,
        "The history cannot be read just now. /-/ready and the log say why.",
    )
}

impl HourJson {
    fn of(total: &HourTotal) -> Self {
        Self {
            hour: At(total.hour),
            object_type: total.kind.object_type.name(),
            direction: total.kind.direction.map(|direction| direction.name()),
            outcome: total.kind.outcome.name(),
            count: total.count,
            newest: At(total.newest),
        }
    }
}

impl SyncJson {
    fn of(object: ObjectType, at: Timestamp, synced: Timestamp, source: &'static str) -> Self {
        Self {
            object_type: object.name(),
            at: At(at),
            last_sync: At(synced),
            source,
        }
    }
}

/// A row of a user that took another state.
#[derive(Serialize)]
pub(super) struct ChangeJson {
    at: At,
    check: &'static str,
    before: &'static str,
    after: &'static str,
    source: &'static str,
}

impl ChangeJson {
    pub(super) fn of(change: &UserChange) -> Self {
        Self {
            at: At(change.at),
            check: change.row.check(),
            before: change.before.name(),
            after: change.after.name(),
            source: change.source.name(),
        }
    }
}
