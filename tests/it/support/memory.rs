//! A store without a disk, as simple as can be: what the engine is held against when only time matters.

use lightning_sync_exporter::domain::activity::{ActivityKind, ActivityRecord, IdentityKey, RecordKey};
use lightning_sync_exporter::domain::ids::{OrgId, OrgName};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::{Ledger, Tally};
use lightning_sync_exporter::store::{Store, StoreError, Stored, Write, Written};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct MemoryStore {
    orgs: Vec<(OrgName, Timestamp)>,
    records: BTreeSet<(Timestamp, OrgId, ActivityKind, RecordKey)>,
    expired: BTreeMap<(OrgId, ActivityKind), Timestamp>,
}

impl MemoryStore {
    fn write_activity(&mut self, org: OrgId, records: &[ActivityRecord], horizon: Timestamp) -> Written {
        let mut written = Written::default();
        for record in records {
            let old = record.at < horizon;
            if old {
                let newest = self.expired.entry((org, record.kind)).or_insert(record.at);
                *newest = record.at.max(*newest);
                written.expired += 1;
            }
            let fresh = !old && self.records.insert((record.at, org, record.kind, record.key));
            written.fresh.push(fresh);
        }
        written
    }
}

impl Ledger for MemoryStore {
    type Error = StoreError;

    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<Tally>, StoreError> {
        let first = after.nanos().saturating_add(1);
        let last = upto.nanos().saturating_add(1);
        let bound = |nanos| {
            let kind = ActivityKind::from_index(0).expect("the first kind");
            (Timestamp::from_nanos(nanos), OrgId(0), kind, RecordKey([0; 16]))
        };
        let mut tallies: BTreeMap<(OrgId, ActivityKind), Tally> = BTreeMap::new();
        for (at, org, kind, _) in self.records.range(bound(first)..bound(last)) {
            let tally = tallies.entry((*org, *kind)).or_insert(Tally {
                org: *org,
                kind: *kind,
                count: 0,
                newest: *at,
            });
            tally.count += 1;
            tally.newest = *at;
        }
        Ok(tallies.into_values().collect())
    }

    fn newest(&self, upto: Timestamp) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, StoreError> {
        let mut newest = self.expired.clone();
        newest.retain(|_, at| *at <= upto);
        for (at, org, kind, _) in self.records.iter().take_while(|record| record.0 <= upto) {
            newest.insert((*org, *kind), *at);
        }
        Ok(newest.into_iter().map(|((org, kind), at)| (org, kind, at)).collect())
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Stored, StoreError> {
        Ok(Stored {
            identity: IdentityKey::new([7; 16]),
            clock_seen: None,
            orgs: Vec::new(),
        })
    }

    fn org(&mut self, name: &OrgName, now: Timestamp) -> Result<(OrgId, Timestamp), StoreError> {
        let index = self.orgs.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.orgs.push((name.clone(), now));
            self.orgs.len() - 1
        });
        Ok((OrgId(index as u32), self.orgs[index].1))
    }

    fn commit(&mut self, writes: &[Write]) -> Result<Vec<Written>, StoreError> {
        Ok(writes
            .iter()
            .map(|write| match write {
                Write::Activity {
                    org,
                    records,
                    horizon,
                } => self.write_activity(*org, records, *horizon),
                _ => Written::default(),
            })
            .collect())
    }

    fn prune(&mut self, horizon: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        while let Some(first) = self.records.first().copied().filter(|first| first.0 < horizon) {
            let newest = self.expired.entry((first.1, first.2)).or_insert(first.0);
            *newest = first.0.max(*newest);
            self.records.remove(&first);
        }
        Ok(false)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
