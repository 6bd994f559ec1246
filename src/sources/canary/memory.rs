//! What the store holds of the canary, as bytes. Nobody's name is in it.

use super::machine::{CanaryItem, CanaryMemory, ItemStep, Lane, Mark, Side};
use crate::domain::canary::RoundTrip;
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All times are nanoseconds.
#[derive(Serialize, Deserialize)]
struct StoredCanary {
    /// By object type and direction.
    lanes: BTreeMap<String, StoredLane>,
    began_at: Option<i64>,
    /// By side.
    #[serde(default)]
    looks: BTreeMap<String, u8>,
    refused: Option<(i64, [u8; 2])>,
}

#[derive(Serialize, Deserialize, Default)]
struct StoredLane {
    items: Vec<StoredItem>,
    /// When each was written, and how long it took.
    trips: Vec<(i64, Option<i64>)>,
    last_proof: Option<i64>,
    late_since: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredItem {
    mark: String,
    step: ItemStep,
    id: Option<String>,
    written_at: i64,
    since: i64,
    missed_at: Option<i64>,
    #[serde(default)]
    arrived: bool,
    #[serde(default = "yes")]
    on_written_side: bool,
    on_other_side: bool,
}

/// What was stored before this was known: it is searched.
const fn yes() -> bool {
    true
}

const fn key(object: ObjectType, direction: Direction) -> (&'static str, &'static str) {
    (object.name(), direction.name())
}

/// Reads what was stored. `None`: it cannot be read.
pub(super) fn read(bytes: &[u8]) -> Option<CanaryMemory> {
    let mut stored: StoredCanary = serde_json::from_slice(bytes).ok()?;
    let at = Timestamp::from_nanos;
    let mut lane = |object, direction| {
        let (object, direction) = key(object, direction);
        let stored = stored.lanes.remove(&format!("{object}.{direction}")).unwrap_or_default();
        let item = |item: StoredItem| {
            Some(CanaryItem {
                mark: Mark(u128::from_str_radix(&item.mark, 16).ok()?),
                step: item.step,
                id: item.id,
                written_at: at(item.written_at),
                since: at(item.since),
                missed_at: item.missed_at.map(at),
                arrived: item.arrived,
                on_written_side: item.on_written_side,
                on_other_side: item.on_other_side,
            })
        };
        let trip = |(written_at, took): (i64, Option<i64>)| RoundTrip {
            written_at: at(written_at),
            took: took.map(TimeDelta::nanoseconds),
        };
        Lane {
            items: stored.items.into_iter().filter_map(item).collect(),
            trips: stored.trips.into_iter().map(trip).collect(),
            last_proof: stored.last_proof.map(at),
            late_since: stored.late_since.map(at),
        }
    };
    Some(CanaryMemory {
        lanes: EnumMap::from_fn(|object| EnumMap::from_fn(|direction| lane(object, direction))),
        began_at: stored.began_at.map(at),
        looks: EnumMap::from_fn(|side: Side| {
            stored.looks.get(side.name()).copied().unwrap_or_default()
        }),
        refused: stored.refused.map(|(until, fingerprint)| (at(until), fingerprint)),
    })
}

/// What is to be stored.
pub(super) fn write(memory: &CanaryMemory) -> Option<Vec<u8>> {
    let nanos = |at: Option<Timestamp>| at.map(Timestamp::nanos);
    let mut lanes = BTreeMap::new();
    for (object, directions) in &memory.lanes {
        for (direction, lane) in directions {
            let (object, direction) = key(object, direction);
            let items = lane.items.iter().map(|item| StoredItem {
                mark: format!("{:032x}", item.mark.0),
                step: item.step,
                id: item.id.clone(),
                written_at: item.written_at.nanos(),
                since: item.since.nanos(),
                missed_at: nanos(item.missed_at),
                arrived: item.arrived,
                on_written_side: item.on_written_side,
                on_other_side: item.on_other_side,
            });
            let took = |trip: &RoundTrip| trip.took.and_then(|took| took.num_nanoseconds());
            let trips = lane.trips.iter().map(|trip| (trip.written_at.nanos(), took(trip)));
            let stored = StoredLane {
                items: items.collect(),
                trips: trips.collect(),
                last_proof: nanos(lane.last_proof),
                late_since: nanos(lane.late_since),
            };
            lanes.insert(format!("{object}.{direction}"), stored);
        }
    }
    let looks = memory.looks.iter();
    let stored = StoredCanary {
        lanes,
        began_at: nanos(memory.began_at),
        looks: looks.map(|(side, looks)| (side.name().to_owned(), *looks)).collect(),
        refused: memory.refused.map(|(until, fingerprint)| (until.nanos(), fingerprint)),
    };
    serde_json::to_vec(&stored).ok()
}
