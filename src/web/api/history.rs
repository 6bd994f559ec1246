//! The past behind the charts of an organisation's page, and behind a user's page.

use super::{At, Envelope};
use crate::domain::rows::OrgValue;
use crate::store::{HourTotal, UserChange};
use crate::web::answer::{Answer, json};
use crate::web::history;
use crate::web::problem::{Problem, ProblemReason};
use crate::web::query::{
    CheckName, DirectionName, Named, NoKeys, ObjectTypeName, OrgAt, OutcomeName, Query, SourceName,
    StatusName,
};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = History)]
struct HistoryJson {
    #[serde(rename = "view")]
    envelope: Envelope,
    org: String,
    /// How far back it was read.
    from: At,
    hours: Vec<HourJson>,
    last_syncs: Vec<SyncJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Hour)]
struct HourJson {
    hour: At,
    object_type: ObjectTypeName,
    direction: Option<DirectionName>,
    outcome: OutcomeName,
    count: u64,
    newest: At,
}

/// A last sync that a source reported, from when on.
#[derive(Serialize, ToSchema)]
#[schema(as = LastSync)]
struct SyncJson {
    object_type: ObjectTypeName,
    at: At,
    last_sync: At,
    source: SourceName,
}

/// Totals of each hour, eight days back, and the last syncs that were reported: of each five minutes the latest of a source
#[utoipa::path(get, path = "/api/v1/orgs/{org}/history", responses((status = 200, body = HistoryJson)))]
pub(in crate::web) async fn history(
    at: OrgAt,
    Query(NoKeys {}): Query<NoKeys>,
) -> Result<Answer, Problem> {
    let now = at.moment.now;
    // A history that cannot be read passes by itself, or the store says why.
    let past = history::of_org(&at.site, &at.org, now).await.ok_or_else(|| {
        Problem::new(
            ProblemReason::NotReady,
            "The history cannot be read just now. /-/ready and the log say why.",
        )
    })?;
    let last_syncs = past.syncs.iter().flat_map(|(object, changes)| {
        changes.iter().filter_map(|change| match change.value {
            OrgValue::Instant(synced) => Some(SyncJson {
                object_type: Named(*object),
                at: At(change.at),
                last_sync: At(synced),
                source: Named(change.source),
            }),
            OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => None,
        })
    });
    json(&HistoryJson {
        envelope: Envelope::of(&at.moment.view, now),
        org: at.org.policy.name.to_string(),
        from: At(now.minus(history::READ_BACK)),
        hours: past.hours.iter().map(HourJson::of).collect(),
        last_syncs: last_syncs.collect(),
    })
}

impl HourJson {
    fn of(total: &HourTotal) -> Self {
        Self {
            hour: At(total.hour),
            object_type: Named(total.kind.object_type),
            direction: total.kind.direction.map(Named),
            outcome: Named(total.kind.outcome),
            count: total.count,
            newest: At(total.newest),
        }
    }
}

/// A row of a user that took another state.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangeJson {
    at: At,
    check: CheckName,
    before: StatusName,
    after: StatusName,
    source: SourceName,
}

impl ChangeJson {
    pub(super) fn of(change: &UserChange) -> Self {
        Self {
            at: At(change.at),
            check: Named(change.row),
            before: Named(change.before),
            after: Named(change.after),
            source: Named(change.source),
        }
    }
}
