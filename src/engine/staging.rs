//! From observations to the writes of one commit: staged on copies, so that a commit that fails leaves nothing behind.

use super::org::OrgState;
use crate::domain::activity::{ActivityRecord, IdentityKey};
use crate::domain::ids::{OrgId, OrgName};
use crate::domain::observation::{ActivityBatch, Observation, Refusal, Snapshot};
use crate::domain::time::Timestamp;
use crate::store::Write;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one commit is made of.
pub(super) struct Staging {
    pub(super) horizon: Timestamp,
    pub(super) writes: Vec<Write>,
    pub(super) orgs: BTreeMap<OrgName, OrgState>,
}

/// An observation whose writes wait for the commit.
pub(super) enum Staged {
    Activity { org: OrgName, id: OrgId, records: Arc<[ActivityRecord]>, write: usize },
    Heartbeat,
    Snapshot { org: OrgName, accepted: u64 },
}

pub(super) fn stage(
    orgs: &BTreeMap<OrgName, OrgState>,
    identity: &IdentityKey,
    observation: Observation,
    staging: &mut Staging,
) -> Result<Staged, Refusal> {
    let name = match &observation {
        Observation::Activity(batch) => batch.org.clone(),
        Observation::Snapshot(snapshot) => snapshot.org.clone(),
        Observation::Memory(memory) => memory.org.clone(),
    };
    let known = orgs.get(&name).ok_or(Refusal::UnknownOrg)?;
    let org = staging.orgs.entry(name).or_insert_with(|| known.clone());
    Ok(match observation {
        Observation::Activity(batch) => {
            stage_activity(org, batch, staging.horizon, &mut staging.writes)
        }
        Observation::Snapshot(snapshot) => {
            stage_snapshot(org, snapshot, identity, &mut staging.writes)
        }
        Observation::Memory(memory) => {
            org.store_source_memory(memory, &mut staging.writes);
            Staged::Heartbeat
        }
    })
}

fn stage_activity(
    org: &mut OrgState,
    batch: ActivityBatch,
    horizon: Timestamp,
    writes: &mut Vec<Write>,
) -> Staged {
    org.hear_activity(&batch, horizon, writes);
    if batch.records.is_empty() {
        return Staged::Heartbeat;
    }
    let records: Arc<[_]> = batch.records.into();
    let write = writes.len();
    writes.push(Write::Activity { org: org.id(), records: Arc::clone(&records), horizon });
    Staged::Activity { org: batch.org, id: org.id(), records, write }
}

fn stage_snapshot(
    org: &mut OrgState,
    snapshot: Snapshot,
    identity: &IdentityKey,
    writes: &mut Vec<Write>,
) -> Staged {
    let accepted = org.hear_snapshot(&snapshot, identity, writes);
    Staged::Snapshot { org: snapshot.org, accepted }
}
