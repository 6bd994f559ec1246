//! What a source hands to the engine: parsed, exact, of a configured organisation.

use super::activity::{ActivityKind, ActivityRecord};
use super::ids::{OrgName, Source, UserName};
use super::rows::{OrgRow, OrgValue};
use super::time::Timestamp;
use super::users::UserValues;
use std::sync::Arc;

/// One report of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Records of activity; none at all is a heartbeat.
    Activity(ActivityBatch),
    /// Values of rows.
    Snapshot(Snapshot),
    /// What a polled source has to know after a restart.
    Memory(SourceMemory),
}

/// What a source has to know after a restart, in a form of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMemory {
    /// Of which organisation.
    pub org: OrgName,
    /// Whose.
    pub source: Source,
    /// It replaces what was stored before.
    pub bytes: Arc<[u8]>,
}

/// Records of one request, all of one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityBatch {
    /// Whose records.
    pub org: OrgName,
    /// When we got them.
    pub received_at: Timestamp,
    /// The records, in the order they came.
    pub records: Vec<ActivityRecord>,
}

/// Rows as one source saw them at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose rows.
    pub org: OrgName,
    /// Who saw them.
    pub source: Source,
    /// When.
    pub captured_at: Timestamp,
    /// The organisation's rows; what is absent was not reported.
    pub rows: Vec<(OrgRow, OrgValue)>,
    /// Users with the rows that were read.
    pub users: Vec<(UserName, UserValues)>,
    /// Whether users that are not named here are gone.
    pub users_complete: bool,
}

/// What became of an observation that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Records counted for the first time, or rows and users of a snapshot that were taken.
    pub accepted: u64,
    /// Records that were known already.
    pub duplicates: u64,
    /// Records older than the retention: they only raise the last sync.
    pub expired: u64,
}

/// Why an observation was not taken. Nothing of it is on disk as far as the sender may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too much is waiting to be written.
    #[error("too much is waiting to be written; try again shortly")]
    QueueFull,
    /// The store could not commit.
    #[error("the store could not write; nothing was taken, try again shortly")]
    StoreFailing,
    /// Another daemon takes what is pushed.
    #[error("this daemon follows; push to the leader")]
    Following,
    /// The daemon is ending.
    #[error("the daemon is shutting down")]
    ShuttingDown,
    /// The organisation would have more users than this many.
    #[error(
        "this organisation would have more users than its max_users ({0}); leave out who is not its own, name those who stay in a list with users_complete, or raise max_users"
    )]
    TooManyUsers(u64),
    /// The organisation is not configured (any more).
    #[error("this organisation is not configured")]
    UnknownOrg,
}

/// How far ahead of our clock an activity record may lie: a record of a clock with a wrong day still counts when due.
pub const ACTIVITY_AHEAD: chrono::TimeDelta = chrono::TimeDelta::hours(48);
/// How far ahead of our clock a snapshot, or an instant in it, may lie: clocks that drift without time service.
pub const SNAPSHOT_AHEAD: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// The newest synced record of a batch is proof of a sync even when it is too old to be stored.
pub fn newest_expired(
    records: &[ActivityRecord],
    horizon: Timestamp,
) -> Vec<(ActivityKind, Timestamp)> {
    let mut newest: Vec<(ActivityKind, Timestamp)> = Vec::new();
    for record in records.iter().filter(|record| record.at < horizon) {
        match newest.iter_mut().find(|(kind, _)| *kind == record.kind) {
            Some((_, at)) => *at = (*at).max(record.at),
            None => newest.push((record.kind, record.at)),
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::IdentityKey;

    #[test]
    fn the_newest_of_each_kind_that_is_too_old_to_be_stored_stays() {
        let at = Timestamp::from_seconds;
        let [one, other] = [0, 1].map(|index| ActivityKind::from_index(index).unwrap());
        let key = IdentityKey::new([7; 16]).of_id("acme", at(0), "1");
        let records = [(one, 3), (other, 1), (one, 7), (one, 5), (one, 10), (other, 11)]
            .map(|(kind, seconds)| ActivityRecord { at: at(seconds), kind, key });
        let expired = newest_expired(&records, at(10));
        assert_eq!(expired, [(one, at(7)), (other, at(1))], "what lies at the horizon is stored");
    }
}
