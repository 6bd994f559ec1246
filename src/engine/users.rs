//! Merges users that a source names into the sorted table: one pass over both, however many they are.

use crate::domain::activity::IdentityKey;
use crate::domain::ids::{OrgId, OrgName, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::time::Timestamp;
use crate::domain::users::{UserEntry, UserReadings, UserTable, UserValues};
use crate::store::{StatusChange, StoreWrite};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a merge gives.
pub(super) struct Merged {
    pub(super) users: Vec<UserEntry>,
    /// How many users were changed, added or forgotten.
    pub(super) taken: u64,
}

pub(super) fn table_of_stored(
    org: &OrgName,
    stored: BTreeMap<UserName, Arc<[(Source, UserReadings)]>>,
    complete: bool,
    identity: &IdentityKey,
) -> UserTable {
    let users =
        stored.into_iter().map(|(name, readings)| entry(org, name, readings, identity)).collect();
    UserTable { users, complete }
}

fn entry(
    org: &OrgName,
    name: UserName,
    readings: Arc<[(Source, UserReadings)]>,
    identity: &IdentityKey,
) -> UserEntry {
    let pseudonym = identity.pseudonym(org.as_str(), name.as_str()).into();
    UserEntry { name, pseudonym, readings }
}

pub(super) fn merge(
    table: &UserTable,
    snapshot: &Snapshot,
    identity: &IdentityKey,
    org: OrgId,
    writes: &mut Vec<StoreWrite>,
) -> Merged {
    let mut incoming: Vec<&(UserName, UserValues)> = snapshot.users.iter().collect();
    incoming.sort_by(|a, b| a.0.cmp(&b.0));
    let mut merged =
        Merged { users: Vec::with_capacity(table.users.len().max(incoming.len())), taken: 0 };
    let mut known = table.users.iter().peekable();
    let keep = |entry: &UserEntry, merged: &mut Merged, writes: &mut Vec<StoreWrite>| {
        let forgotten =
            snapshot.users_complete && forgettable(entry, snapshot.source, snapshot.captured_at);
        if forgotten {
            writes.push(StoreWrite::ForgetUser {
                org,
                source: snapshot.source,
                user: entry.name.clone(),
            });
            merged.taken += 1;
            merged.users.extend(without(entry, snapshot.source));
        } else {
            merged.users.push(entry.clone());
        }
    };
    for (name, values) in incoming {
        while let Some(entry) = known.next_if(|entry| entry.name < *name) {
            keep(entry, &mut merged, writes);
        }
        let old = known.next_if(|entry| entry.name == *name);
        if old.is_none() && values.is_empty() {
            continue;
        }
        let mut readings =
            old.and_then(|entry| entry.of_source(snapshot.source)).cloned().unwrap_or_default();
        let mut changed = old.is_none();
        for (row, value) in values {
            changed |= readings.take(*row, *value, snapshot.captured_at);
        }
        if !changed {
            merged.users.extend(old.cloned());
            continue;
        }
        merged.taken += 1;
        let before = old.and_then(|entry| entry.of_source(snapshot.source));
        writes.push(StoreWrite::User {
            org,
            source: snapshot.source,
            user: name.clone(),
            changes: before
                .map_or_else(Vec::new, |before| StatusChange::between(before, &readings)),
            readings: Box::new(readings.clone()),
        });
        merged.users.push(match old {
            None => entry(
                &snapshot.org,
                name.clone(),
                Arc::new([(snapshot.source, readings)]),
                identity,
            ),
            Some(old) => with(old, snapshot.source, readings),
        });
    }
    for entry in known {
        keep(entry, &mut merged, writes);
    }
    merged
}

/// Whether `source` listed the user, and nothing it reported of them is newer than the list that leaves them out.
fn forgettable(entry: &UserEntry, source: Source, captured_at: Timestamp) -> bool {
    entry.of_source(source).is_some_and(|readings| {
        readings.0.values().flatten().all(|cell| cell.observed_at <= captured_at)
    })
}

fn with(entry: &UserEntry, source: Source, readings: UserReadings) -> UserEntry {
    let others = entry.readings.iter().filter(|(by, _)| *by != source).cloned();
    UserEntry { readings: others.chain([(source, readings)]).collect(), ..entry.clone() }
}

fn without(entry: &UserEntry, source: Source) -> Option<UserEntry> {
    let others: Arc<[_]> = entry.readings.iter().filter(|(by, _)| *by != source).cloned().collect();
    (!others.is_empty()).then(|| UserEntry { readings: others, ..entry.clone() })
}
