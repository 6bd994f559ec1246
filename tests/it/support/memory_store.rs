//! A store without a disk, for tests of the engine. What [`Store`] promises of counting holds here
//! too; what it promises of surviving holds for as long as a clone of the handle lives.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::activity::{
    ActivityKind, ActivityRecord, IdentityKey, RecordKey,
};
use lightning_sync_exporter::domain::alerts::{AlertId, AlertState};
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::incidents::Incidents;
use lightning_sync_exporter::domain::readings::Reading;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::UserReadings;
use lightning_sync_exporter::domain::windows::{LaneTally, Ledger};
use lightning_sync_exporter::store::{
    HISTORY_LIMIT, History, HourTotal, ReadingChange, Store, StoreError, StoreWrite, Stored,
    StoredOrg, UserChange, Written,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory. Clones share what is stored, so a test drops one engine and starts the next on a clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    broken: bool,
    orgs: Vec<(OrgName, Timestamp)>,
    records: BTreeMap<(Timestamp, RecordKey), (OrgId, ActivityKind)>,
    by_lane: BTreeMap<(OrgId, ActivityKind, Timestamp), u64>,
    hours: BTreeMap<(OrgId, i64, ActivityKind), (u64, Timestamp)>,
    expired: BTreeMap<(OrgId, ActivityKind), Timestamp>,
    pruned_hour: Option<i64>,
    readings: BTreeMap<(OrgId, OrgRow, Source), Reading<OrgValue>>,
    reading_changes: BTreeMap<(OrgId, OrgRow, Timestamp, Source), OrgValue>,
    users: BTreeMap<(OrgId, Source, UserName), UserReadings>,
    user_changes: BTreeMap<UserTurn, (Status, Status)>,
    heartbeats: BTreeMap<(OrgId, Source), (Timestamp, bool)>,
    memories: BTreeMap<(OrgId, Source), Arc<[u8]>>,
    covered: BTreeMap<(OrgId, ObjectType), Timestamp>,
    incidents: BTreeMap<OrgId, Incidents>,
    alerts: BTreeMap<AlertId, AlertState>,
    clock_seen: Option<Timestamp>,
}

/// Whose state turned, when, in which row, as which source says.
type UserTurn = (OrgId, UserName, Timestamp, UserRow, Source);

impl MemoryStore {
    /// An empty store.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// From now on every write fails as on a full disk, and [`Store::reopen`] too, until [`Self::recover`].
    pub(crate) fn fail(&self) {
        self.inner().broken = true;
    }

    /// Ends [`Self::fail`].
    pub(crate) fn recover(&self) {
        self.inner().broken = false;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while holding the lock has failed already; the others may go on.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn writable(&self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Full { path: "memory".into() });
        }
        Ok(())
    }

    fn take(&mut self, org: OrgId, records: &[ActivityRecord], horizon: Timestamp) -> Written {
        let kept_from = self.pruned_hour.map_or(Timestamp::MIN, Timestamp::of_hour);
        let horizon = horizon.max(kept_from);
        let mut written = Written { horizon: Some(horizon), ..Written::default() };
        for record in records {
            let fresh = if record.at < horizon {
                let newest = self.expired.entry((org, record.kind)).or_insert(record.at);
                *newest = record.at.max(*newest);
                written.expired += 1;
                false
            } else {
                self.insert(org, record)
            };
            written.fresh.push(fresh);
        }
        written
    }

    fn insert(&mut self, org: OrgId, record: &ActivityRecord) -> bool {
        let key = (record.at, record.key);
        if self.records.contains_key(&key) {
            return false;
        }
        self.records.insert(key, (org, record.kind));
        *self.by_lane.entry((org, record.kind, record.at)).or_default() += 1;
        let hour = self.hours.entry((org, record.at.hour(), record.kind)).or_insert((0, record.at));
        *hour = (hour.0 + 1, hour.1.max(record.at));
        true
    }

    fn write(&mut self, write: &StoreWrite) -> Written {
        match write {
            StoreWrite::Activity { org, records, horizon } => {
                return self.take(*org, records, *horizon);
            }
            StoreWrite::Reading { org, row, source, reading } => {
                let old = self.readings.insert((*org, *row, *source), reading.clone());
                if old.is_none_or(|old| old.value != reading.value) {
                    self.reading_changes
                        .insert((*org, *row, reading.changed_at, *source), reading.value.clone());
                }
            }
            StoreWrite::User { org, source, user, readings, changes } => {
                self.users.insert((*org, *source, user.clone()), (**readings).clone());
                for change in changes {
                    self.user_changes.insert(
                        (*org, user.clone(), change.at, change.row, *source),
                        (change.before, change.after),
                    );
                }
            }
            StoreWrite::ForgetUser { org, source, user } => {
                self.users.remove(&(*org, *source, user.clone()));
            }
            StoreWrite::SourceHeartbeat { org, source, at, users_complete } => {
                let heartbeat = self.heartbeats.entry((*org, *source)).or_insert((*at, false));
                *heartbeat = (*at, users_complete.unwrap_or(heartbeat.1));
            }
            StoreWrite::SourceMemory { org, source, bytes } => {
                self.memories.insert((*org, *source), Arc::clone(bytes));
            }
            StoreWrite::Covered { org, object_type, since } => {
                self.covered.insert((*org, *object_type), *since);
            }
            StoreWrite::Incidents { org, incidents } => {
                self.incidents.insert(*org, (**incidents).clone());
            }
            StoreWrite::Alert { id, state: Some(state), .. } => {
                self.alerts.insert(id.clone(), state.clone());
            }
            StoreWrite::Alert { id, state: None, .. } => {
                self.alerts.remove(id);
            }
            StoreWrite::ClockSeen { at } => self.clock_seen = Some(*at),
        }
        Written::default()
    }
}

impl Ledger for MemoryStore {
    type Error = StoreError;

    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, StoreError> {
        if after >= upto {
            return Ok(Vec::new());
        }
        let first = (
            Bound::Excluded((after, RecordKey([255; 16]))),
            Bound::Included((upto, RecordKey([255; 16]))),
        );
        let mut lanes: BTreeMap<(OrgId, ActivityKind), (u64, Timestamp)> = BTreeMap::new();
        for ((at, _), lane) in self.inner().records.range(first) {
            let sum = lanes.entry(*lane).or_insert((0, *at));
            *sum = (sum.0 + 1, sum.1.max(*at));
        }
        let tally = |((org, kind), (count, newest))| LaneTally { org, kind, count, newest };
        Ok(lanes.into_iter().map(tally).collect())
    }

    fn newest(&self, upto: Timestamp) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, StoreError> {
        let inner = self.inner();
        let mut newest = Vec::new();
        for index in 0..inner.orgs.len() {
            let org = OrgId(u32::try_from(index + 1).unwrap_or(u32::MAX));
            for kind in (0..ActivityKind::COUNT).filter_map(ActivityKind::from_index) {
                let kept = inner
                    .by_lane
                    .range((org, kind, Timestamp::MIN)..=(org, kind, upto))
                    .next_back()
                    .map(|((_, _, at), _)| *at);
                let expired = inner.expired.get(&(org, kind)).copied();
                let expired = expired.filter(|at| *at <= upto);
                if let Some(at) = kept.max(expired) {
                    newest.push((org, kind, at));
                }
            }
        }
        Ok(newest)
    }
}

impl Store for MemoryStore {
    fn load(&mut self, max_users: &dyn Fn(&OrgName) -> u64) -> Result<Stored, StoreError> {
        let inner = self.inner();
        let mut stored = Stored {
            identity: IdentityKey::new(*b"not kept secret!"),
            clock_seen: inner.clock_seen,
            orgs: Vec::new(),
            alerts: inner.alerts.iter().map(|(id, state)| (id.clone(), state.clone())).collect(),
        };
        for (index, (name, known_since)) in inner.orgs.iter().enumerate() {
            let id = OrgId(u32::try_from(index + 1).unwrap_or(u32::MAX));
            let readings = inner.readings.iter().filter(|((org, _, _), _)| *org == id);
            let readings =
                readings.map(|((_, row, source), reading)| (*row, *source, reading.clone()));
            let most = usize::try_from(max_users(name)).unwrap_or(usize::MAX);
            let heartbeats = inner.heartbeats.iter().filter(|((org, _), _)| *org == id);
            let memories = inner.memories.iter().filter(|((org, _), _)| *org == id);
            let covered = inner.covered.iter().filter(|((org, _), _)| *org == id);
            let mut org = StoredOrg {
                id,
                name: name.clone(),
                known_since: *known_since,
                readings: readings.collect(),
                users_left_out: false,
                users: BTreeMap::new(),
                heartbeats: heartbeats
                    .map(|((_, source), (at, complete))| (*source, *at, *complete))
                    .collect(),
                memories: memories
                    .map(|((_, source), bytes)| (*source, Arc::clone(bytes)))
                    .collect(),
                covered: covered.map(|((_, object), since)| (*object, *since)).collect(),
                incidents: inner.incidents.get(&id).cloned().unwrap_or_default(),
            };
            for source in Source::ALL.iter().copied() {
                let of = |((of, by, _), _): &(&(OrgId, Source, UserName), &UserReadings)| {
                    *of == id && *by == source
                };
                let mut users = inner.users.iter().filter(of);
                for ((_, _, user), readings) in users.by_ref().take(most) {
                    org.add_user(source, user.clone(), readings.clone());
                }
                org.users_left_out |= users.next().is_some();
            }
            stored.orgs.push(org);
        }
        Ok(stored)
    }

    fn org(&mut self, name: &OrgName, now: Timestamp) -> Result<(OrgId, Timestamp), StoreError> {
        let mut inner = self.inner();
        inner.writable()?;
        let index = match inner.orgs.iter().position(|(known, _)| known == name) {
            Some(index) => index,
            None => {
                inner.orgs.push((name.clone(), now));
                inner.orgs.len() - 1
            }
        };
        let since = inner.orgs.get(index).map_or(now, |(_, since)| *since);
        Ok((OrgId(u32::try_from(index + 1).unwrap_or(u32::MAX)), since))
    }

    fn commit(&mut self, writes: &[StoreWrite]) -> Result<Vec<Written>, StoreError> {
        let mut inner = self.inner();
        inner.writable()?;
        Ok(writes.iter().map(|write| inner.write(write)).collect())
    }

    fn prune(
        &mut self,
        horizon: Timestamp,
        history_horizon: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        inner.writable()?;
        let kept =
            inner.records.split_off(&(Timestamp::of_hour(horizon.hour()), RecordKey([0; 16])));
        let pruned = std::mem::replace(&mut inner.records, kept);
        for ((at, _), (org, kind)) in pruned {
            let newest = inner.expired.entry((org, kind)).or_insert(at);
            *newest = at.max(*newest);
            inner.by_lane.remove(&(org, kind, at));
            inner.pruned_hour = inner.pruned_hour.max(Some(at.hour() + 1));
        }
        if let Some(pruned) = inner.pruned_hour {
            let first = pruned.min(history_horizon.hour());
            inner.hours.retain(|(_, hour, _), _| *hour >= first);
        }
        inner.reading_changes.retain(|(_, _, at, _), _| *at >= history_horizon);
        inner.user_changes.retain(|(_, _, at, _, _), _| *at >= history_horizon);
        Ok(false)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.inner().writable()
    }
}

impl History for MemoryStore {
    fn org(&self, name: &OrgName) -> Result<Option<(OrgId, Timestamp)>, StoreError> {
        let known = &self.inner().orgs;
        let mut numbered = (1..).zip(known);
        let found = numbered.find(|(_, (known, _))| known == name);
        Ok(found.map(|(number, (_, since))| (OrgId(number), *since)))
    }

    fn hours(
        &self,
        org: OrgId,
        from: Timestamp,
        upto: Timestamp,
    ) -> Result<Vec<HourTotal>, StoreError> {
        let inner = self.inner();
        let all = inner
            .hours
            .iter()
            .filter(|((of, hour, _), _)| {
                *of == org && (from.hour()..=upto.hour()).contains(hour) && from <= upto
            })
            .map(|((_, hour, kind), (count, newest))| HourTotal {
                hour: Timestamp::of_hour(*hour),
                kind: *kind,
                count: *count,
                newest: *newest,
            });
        Ok(last(all.collect()))
    }

    fn reading_changes(
        &self,
        org: OrgId,
        row: OrgRow,
        from: Timestamp,
        upto: Timestamp,
        every: TimeDelta,
    ) -> Result<Vec<ReadingChange>, StoreError> {
        let inner = self.inner();
        let span = every.num_nanoseconds().unwrap_or(i64::MAX).max(1);
        let all = inner
            .reading_changes
            .iter()
            .filter(|((of, known, at, _), _)| {
                *of == org && *known == row && from <= *at && *at <= upto
            })
            .map(|((_, _, at, source), value)| ReadingChange {
                at: *at,
                source: *source,
                value: value.clone(),
            });
        let mut newest = BTreeMap::new();
        for change in all {
            newest.insert((change.at.nanos() / span, change.source), change);
        }
        let mut all: Vec<_> = newest.into_values().collect();
        all.sort_by_key(|change| (change.at, change.source));
        Ok(last(all))
    }

    fn user_changes(
        &self,
        org: OrgId,
        user: &UserName,
        (from, upto): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<UserChange>, StoreError> {
        let inner = self.inner();
        let all = inner
            .user_changes
            .iter()
            .filter(|((of, name, at, _, _), _)| {
                *of == org && name == user && from <= *at && *at <= upto
            })
            .map(|((_, _, at, row, source), (before, after))| UserChange {
                at: *at,
                source: *source,
                row: *row,
                before: *before,
                after: *after,
            });
        let mut all: Vec<_> = all.collect();
        Ok(all.split_off(all.len().saturating_sub(limit)))
    }
}

/// The newest of a long answer, as the disk's history gives them.
fn last<T>(mut all: Vec<T>) -> Vec<T> {
    all.split_off(all.len().saturating_sub(HISTORY_LIMIT))
}
