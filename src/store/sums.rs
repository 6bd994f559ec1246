//! What a transaction adds to the totals, whatever the store: summed up first, because a batch has many records in few
//! minutes.

use crate::domain::activity::ActivityRecord;
use crate::domain::ids::OrgId;
use crate::domain::time::Timestamp;
use std::collections::HashMap;

/// Neighbours in the index one after the other: a batch that is spread over a day visits each page once. Of equal
/// keys the one that came first stays first.
pub(super) fn in_key_order<'a>(
    records: &'a [ActivityRecord],
    fresh: &'a mut [bool],
) -> Vec<(&'a ActivityRecord, &'a mut bool)> {
    let mut pairs: Vec<_> = records.iter().zip(fresh.iter_mut()).collect();
    pairs.sort_by_key(|(record, _)| (record.at, record.key));
    pairs
}

/// Counts and the newest record, by minute or hour, organisation and kind.
pub(super) type Sums = HashMap<(i64, OrgId, usize), (u64, Timestamp)>;

/// By organisation and kind, the newest record.
pub(super) type Newest = HashMap<(OrgId, usize), Timestamp>;

/// What a transaction adds to the totals.
#[derive(Default)]
pub(super) struct Totals {
    minutes: Sums,
    expired: Newest,
}

impl Totals {
    pub(super) fn count(&mut self, org: OrgId, record: &ActivityRecord) {
        let key = (record.at.minute(), org, record.kind.index());
        let sum = self.minutes.entry(key).or_insert((0, record.at));
        *sum = (sum.0 + 1, sum.1.max(record.at));
    }

    pub(super) fn expire(&mut self, org: OrgId, record: &ActivityRecord) {
        let newest = self.expired.entry((org, record.kind.index())).or_insert(record.at);
        *newest = record.at.max(*newest);
    }

    /// The sums of minutes and hours, each in the order of its key, and the newest records of each lane.
    pub(super) fn added(self) -> AddedSums {
        let mut hours = Sums::new();
        let mut lanes = Newest::new();
        for ((minute, org, kind), (count, newest)) in &self.minutes {
            let hour = hours.entry((minute.div_euclid(60), *org, *kind)).or_insert((0, *newest));
            *hour = (hour.0 + count, hour.1.max(*newest));
            let lane = lanes.entry((*org, *kind)).or_insert(*newest);
            *lane = (*lane).max(*newest);
        }
        let (minutes, hours) = (sorted(self.minutes), sorted(hours));
        AddedSums { minutes, hours, lanes, expired: self.expired }
    }
}

/// See [`Totals::added`].
pub(super) struct AddedSums {
    pub(super) minutes: Vec<SumRow>,
    pub(super) hours: Vec<SumRow>,
    pub(super) lanes: Newest,
    /// The newest that was too old to be stored.
    pub(super) expired: Newest,
}

/// Minute or hour, organisation and kind, with the count and the newest record.
pub(super) type SumRow = ((i64, OrgId, usize), (u64, Timestamp));

fn sorted(sums: Sums) -> Vec<SumRow> {
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_unstable_by_key(|(key, _)| *key);
    sums
}
