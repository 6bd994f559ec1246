//! The canary without input and output: what it does next, and what answers mean. The clock and random marks are arguments;
//! its state is what the store holds, read anew for each poll.
//!
//! An item is planned first. Once the plan was read back, and so is on disk, it is written, at most once. A plan whose
//! writing nobody answered is searched by its mark, and never written. Only what has a stored id and the mark is deleted.

use super::memory;
use crate::domain::canary::{
    CanaryClass, CanaryReport, CanaryState, LEFTOVER_AFTER, LaneReport, Leftover, RoundTrip,
    SHOWN_TRIPS,
};
use crate::domain::ids::{Direction, ObjectType, closed_set};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// So many round trips are learnt from: about four days of the usual interval.
const LEARNT_TRIPS: usize = 200;
/// Fewer say nothing about how long a sync may take.
const LEAST_TRIPS: usize = 5;
/// A plan whose writing nobody answered is searched for so long: requests do not lie in queues for longer.
const SEARCHED_FOR: TimeDelta = TimeDelta::days(1);
/// For so long after a deletion Exchange is requested with every poll.
const DELETION_WATCHED_FOR: TimeDelta = TimeDelta::hours(1);
/// Items of a lane at once, of which one is awaited; the others should be gone.
const MOST_ITEMS: usize = 24;

closed_set! {
    /// A side of the sync.
    Side {
        Salesforce = "salesforce",
        Exchange = "exchange",
    }
}

impl Side {
    /// Where items of a direction are written.
    const fn written(direction: Direction) -> Self {
        match direction {
            Direction::ToExchange => Self::Salesforce,
            Direction::ToSalesforce => Self::Exchange,
        }
    }
}

/// 128 random bits that one item has in its title.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Mark(pub(super) u128);

impl Mark {
    /// The subject of an event, the last name of a contact.
    pub(super) fn title(self) -> String {
        format!("Sync canary {:032x}", self.0)
    }

    /// Whether a title is that of this mark. Another text around it makes it another item, except for blanks.
    pub(super) fn is_in(self, title: &str) -> bool {
        title.trim() == self.title()
    }
}

/// Where an item is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ItemStep {
    /// It may be written once this is on disk.
    Planned,
    /// It may have been written; nobody answered.
    Doubted,
    /// It was written and is looked for on the other side.
    Awaited,
    /// It is to be deleted where it was written.
    Leaving,
    /// It was deleted, and has to vanish on both sides, with what a sync or somebody made of it.
    Deleted,
    /// It was written without an answer, and several have its mark: which one is ours is not known, and none is touched.
    Ambiguous,
}

/// An item of the canary's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CanaryItem {
    pub(super) mark: Mark,
    pub(super) step: ItemStep,
    /// Its id where it was written, since that is known.
    pub(super) id: Option<String>,
    /// When it was written; until then, when it was planned.
    pub(super) written_at: Timestamp,
    /// Since when it is awaited, or deleted.
    pub(super) since: Timestamp,
    /// When it was last looked for without being found.
    pub(super) missed_at: Option<Timestamp>,
    /// Whether the other side ever had it.
    pub(super) arrived: bool,
    /// Whether the side that it was written to has it, as far as was seen.
    pub(super) on_written_side: bool,
    /// Whether the other side has it, as far as was seen.
    pub(super) on_other_side: bool,
}

/// Items of one object type in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) items: Vec<CanaryItem>,
    /// The latest round trips, the oldest first.
    pub(super) trips: VecDeque<RoundTrip>,
    pub(super) last_proof: Option<Timestamp>,
    pub(super) late_since: Option<Timestamp>,
}

/// All lanes.
pub(super) type CanaryLanes = EnumMap<ObjectType, EnumMap<Direction, Lane>>;

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CanaryMemory {
    pub(super) lanes: CanaryLanes,
    /// When the latest interval began.
    pub(super) began_at: Option<Timestamp>,
    /// How often each side was requested for everything since then.
    pub(super) looks: EnumMap<Side, u8>,
    /// Until when Exchange is not requested, because it refused the account with this fingerprint.
    pub(super) refused: Option<(Timestamp, [u8; 2])>,
}

/// What is requested from one side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SideWork {
    /// To be written. What is wanted here was on disk when this was made.
    pub(super) create: Vec<(ObjectType, Mark)>,
    /// To be searched.
    pub(super) find: EnumMap<ObjectType, Vec<Mark>>,
    /// To be deleted: what has this id and this mark, both.
    pub(super) delete: Vec<(ObjectType, Mark, String)>,
}

impl SideWork {
    /// Whether nothing is requested.
    pub(super) fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty() && self.find.values().all(Vec::is_empty)
    }
}

/// An item with a mark of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundItem {
    pub(super) mark: Mark,
    pub(super) id: String,
    /// When it came into being there.
    pub(super) at: Option<Timestamp>,
}

/// What one side answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SideFound {
    /// What was written, with its id.
    pub(super) created: Vec<(Mark, String)>,
    /// What was certainly not written.
    pub(super) refused: Vec<Mark>,
    /// The object types whose search was answered.
    pub(super) searched: EnumMap<ObjectType, bool>,
    /// What the search found.
    pub(super) seen: EnumMap<ObjectType, Vec<FoundItem>>,
    /// What is not there any more under its id and mark.
    pub(super) deleted: Vec<Mark>,
}

/// The canary of one organisation.
#[derive(Debug)]
pub(super) struct Machine {
    every: TimeDelta,
    /// What takes no longer is in time, however fast it is otherwise.
    least_allowed: TimeDelta,
    enabled: EnumMap<ObjectType, EnumMap<Direction, bool>>,
    /// What this poll works on.
    pub(super) memory: CanaryMemory,
    /// Plans of this process that it has not tried to write.
    untried: BTreeSet<Mark>,
    /// When this process polled last.
    polled_at: Option<Timestamp>,
    /// Round trips that ended in this poll.
    pub(super) ended: Vec<(ObjectType, Direction, RoundTrip)>,
    /// Object types with a proof in this poll.
    pub(super) proven: EnumMap<ObjectType, bool>,
    /// Titles of items that the list had no place for any more.
    pub(super) forgotten: Vec<String>,
}

impl Machine {
    /// One that has done nothing yet.
    pub(super) fn new(
        every: TimeDelta,
        least_allowed: TimeDelta,
        enabled: EnumMap<ObjectType, EnumMap<Direction, bool>>,
    ) -> Self {
        Self {
            every,
            least_allowed,
            enabled,
            memory: CanaryMemory::default(),
            untried: BTreeSet::new(),
            polled_at: None,
            ended: Vec::new(),
            proven: EnumMap::default(),
            forgotten: Vec::new(),
        }
    }

    /// Begins a poll from what is on disk.
    pub(super) fn begin(&mut self, stored: Option<&[u8]>, now: Timestamp) {
        self.memory = stored.and_then(memory::read).unwrap_or_default();
        self.memory.clock_stepped_back(now);
        // The machine slept, or its clock was set: nobody looked meanwhile, and nothing was late.
        let slept = self.polled_at.is_some_and(|at| now.since(at) > self.every);
        self.polled_at = Some(now);
        self.ended.clear();
        self.proven = EnumMap::default();
        self.forgotten.clear();
        let mut planned = BTreeSet::new();
        for (object, direction, lane) in lanes(&mut self.memory.lanes) {
            let enabled = self.enabled[object][direction];
            for item in &mut lane.items {
                match item.step {
                    ItemStep::Planned if enabled && self.untried.contains(&item.mark) => {
                        planned.insert(item.mark);
                    }
                    // An earlier process may have written it, or this one without an answer.
                    ItemStep::Planned => item.step = ItemStep::Doubted,
                    ItemStep::Awaited if !enabled => item.step = ItemStep::Leaving,
                    ItemStep::Awaited if slept => item.since = now,
                    ItemStep::Doubted
                    | ItemStep::Awaited
                    | ItemStep::Leaving
                    | ItemStep::Deleted
                    | ItemStep::Ambiguous => {}
                }
            }
            if !enabled {
                lane.late_since = None;
            }
            lane.items.retain(|item| {
                item.step != ItemStep::Doubted || now.since(item.written_at) < SEARCHED_FOR
            });
        }
        self.untried = planned;
    }

    /// Whether a side is requested for everything: once when an interval begins, and once when what is awaited there is
    /// overdue, so that both directions are late at the same time where both have stopped.
    fn is_due(&self, side: Side, now: Timestamp) -> bool {
        let Some(began) = self.memory.began_at else { return false };
        let awaited = Direction::ALL.iter().filter(|it| Side::written(**it) != side);
        let lanes = awaited.flat_map(|it| self.memory.lanes.values().map(move |all| &all[*it]));
        let overdue = lanes.filter_map(|lane| {
            let item = lane.items.iter().find(|item| item.step == ItemStep::Awaited)?;
            Some(item.since.plus(lane.allowed(self.every, self.least_allowed)))
        });
        let second = overdue.max().unwrap_or_else(|| began.plus(self.every / 2));
        match self.memory.looks[side] {
            0 => true,
            1 => now >= second,
            _ => false,
        }
    }

    /// What to request from a side at `now`.
    pub(super) fn work(&mut self, side: Side, now: Timestamp) -> SideWork {
        let is_due = self.is_due(side, now);
        let mut work = SideWork::default();
        let mut fresh = false;
        for (object, direction, lane) in lanes(&mut self.memory.lanes) {
            let writes = Side::written(direction) == side;
            for item in &lane.items {
                let find = match (writes, item.step) {
                    (true, ItemStep::Planned) => {
                        work.create.push((object, item.mark));
                        continue;
                    }
                    (true, ItemStep::Leaving) => {
                        let id = item.id.clone().unwrap_or_default();
                        work.delete.push((object, item.mark, id));
                        continue;
                    }
                    (true, ItemStep::Doubted) => {
                        fresh |= item.missed_at.is_none();
                        true
                    }
                    (false, ItemStep::Awaited) => {
                        fresh = true;
                        true
                    }
                    (writes, ItemStep::Deleted) if !writes || item.on_written_side => {
                        fresh |= now.since(item.since) < DELETION_WATCHED_FOR;
                        true
                    }
                    (true, ItemStep::Ambiguous) => true,
                    (true, ItemStep::Awaited | ItemStep::Deleted)
                    | (
                        false,
                        ItemStep::Planned
                        | ItemStep::Doubted
                        | ItemStep::Leaving
                        | ItemStep::Deleted
                        | ItemStep::Ambiguous,
                    ) => false,
                };
                if find {
                    work.find[object].push(item.mark);
                }
            }
        }
        let has_changes = !work.create.is_empty() || !work.delete.is_empty();
        // Requests to Salesforce are counted, and its records have the time at which they came: two looks are enough.
        let may = is_due || (side == Side::Exchange && (fresh || has_changes));
        if !may || work.is_empty() {
            return SideWork::default();
        }
        if is_due {
            self.memory.looks[side] += 1;
        }
        for (_, mark) in &work.create {
            self.untried.remove(mark);
        }
        work
    }

    /// Takes what a side answered.
    pub(super) fn take(&mut self, side: Side, found: &SideFound, now: Timestamp) {
        for (object, direction, lane) in lanes(&mut self.memory.lanes) {
            let writes = Side::written(direction) == side;
            let searched = found.searched[object];
            let mut awaits = lane.awaits();
            let mut left = Vec::with_capacity(lane.items.len());
            for mut item in std::mem::take(&mut lane.items) {
                let mut all = found.seen[object].iter().filter(|seen| seen.mark == item.mark);
                let (seen, another) = (all.next(), all.next());
                match (writes, item.step) {
                    (true, ItemStep::Planned) => {
                        if found.refused.contains(&item.mark) {
                            continue;
                        }
                        let created = found.created.iter().find(|(mark, _)| *mark == item.mark);
                        if let Some((_, id)) = created {
                            item.written(id, now, now);
                        }
                    }
                    (true, ItemStep::Doubted) if another.is_some() => {
                        item.step = ItemStep::Ambiguous;
                    }
                    (true, ItemStep::Doubted) if searched => match seen {
                        Some(seen) => {
                            let at = seen.at.unwrap_or(item.written_at);
                            item.written(&seen.id, at.min(now).max(item.written_at), now);
                            if awaits {
                                item.step = ItemStep::Leaving;
                            }
                            awaits = true;
                        }
                        None => item.missed_at = Some(now),
                    },
                    (true, ItemStep::Leaving) if found.deleted.contains(&item.mark) => {
                        (item.step, item.since) = (ItemStep::Deleted, now);
                    }
                    (true, ItemStep::Ambiguous) if searched && seen.is_none() => {
                        (item.step, item.since) = (ItemStep::Deleted, now);
                    }
                    (true, ItemStep::Deleted) if searched => item.on_written_side = seen.is_some(),
                    (false, ItemStep::Awaited) if searched => match seen {
                        Some(seen) => {
                            let at = seen.at.unwrap_or(now).min(now).max(item.written_at);
                            let took = Some(at.since(item.written_at));
                            let trip = RoundTrip { written_at: item.written_at, took };
                            lane.ended(trip);
                            self.ended.push((object, direction, trip));
                            lane.last_proof = lane.last_proof.max(Some(at));
                            lane.late_since = None;
                            self.proven[object] = true;
                            item.step = ItemStep::Leaving;
                            (item.arrived, item.on_other_side) = (true, true);
                        }
                        None => item.missed_at = Some(now),
                    },
                    (false, ItemStep::Deleted) if searched => {
                        item.on_other_side = seen.is_some();
                        item.arrived |= seen.is_some();
                        // What never arrived may still be on its way.
                        let waits = !item.arrived && now.since(item.since) < self.every;
                        if !(item.on_other_side || item.on_written_side || waits) {
                            continue;
                        }
                    }
                    (true, _) | (false, _) => {}
                }
                left.push(item);
            }
            lane.items = left;
        }
    }

    /// What follows at the end of a poll: what is late, what is given up, and what is written next.
    pub(super) fn settle(&mut self, now: Timestamp, mut mark: impl FnMut() -> Option<Mark>) {
        let begins = self.memory.began_at.is_none_or(|began| now.since(began) >= self.every);
        if begins {
            self.memory.began_at = Some(now);
            self.memory.looks = EnumMap::default();
        }
        for (object, direction, lane) in lanes(&mut self.memory.lanes) {
            let allowed = lane.allowed(self.every, self.least_allowed);
            let mut lost = None;
            for item in lane.items.iter_mut().filter(|item| item.step == ItemStep::Awaited) {
                let due = item.since.plus(allowed);
                if item.missed_at.is_none_or(|missed| missed < due) {
                    continue;
                }
                lane.late_since.get_or_insert(due);
                if begins && now.since(due) >= self.every {
                    item.step = ItemStep::Leaving;
                    lost = Some(RoundTrip { written_at: item.written_at, took: None });
                }
            }
            if let Some(trip) = lost {
                lane.ended(trip);
                self.ended.push((object, direction, trip));
            }
            if !begins || !self.enabled[object][direction] || lane.awaits() {
                continue;
            }
            // What was deleted here may stay on the other side for ever; what is still here is not forgotten, nor what
            // is the oldest, which is named.
            if lane.items.len() >= MOST_ITEMS {
                let not_ours = |item: &CanaryItem| {
                    matches!(item.step, ItemStep::Deleted | ItemStep::Ambiguous)
                };
                let newest = lane.items.iter().rposition(not_ours);
                let Some(newest) = newest else { continue };
                self.forgotten.push(lane.items.remove(newest).mark.title());
            }
            let Some(mark) = mark() else { continue };
            self.untried.insert(mark);
            lane.items.push(CanaryItem {
                mark,
                step: ItemStep::Planned,
                id: None,
                written_at: now,
                since: now,
                missed_at: None,
                arrived: false,
                on_written_side: true,
                on_other_side: false,
            });
        }
    }

    /// What is known, while the sides in `trouble` cannot be used.
    pub(super) fn report(&self, trouble: bool, now: Timestamp) -> CanaryReport {
        let mut leftovers: Vec<Leftover> = Vec::new();
        for (object, directions) in &self.memory.lanes {
            for (direction, lane) in directions {
                let old = lane.items.iter().filter(|item| {
                    let gone = [ItemStep::Leaving, ItemStep::Deleted, ItemStep::Ambiguous];
                    gone.contains(&item.step) && now.since(item.written_at) >= LEFTOVER_AFTER
                });
                leftovers.extend(old.map(|item| Leftover {
                    object_type: object,
                    direction,
                    on_other_side: item.on_other_side && item.step == ItemStep::Deleted,
                    title: item.mark.title(),
                    written_at: item.written_at,
                }));
            }
        }
        leftovers.sort_by_key(|leftover| leftover.written_at);
        CanaryReport {
            lanes: EnumMap::from_fn(|object: ObjectType| {
                EnumMap::from_fn(|direction: Direction| {
                    let lane = &self.memory.lanes[object][direction];
                    self.enabled[object][direction]
                        .then(|| lane.report(self.every, self.least_allowed, trouble))
                })
            }),
            every: self.every,
            leftovers,
        }
    }

    /// The latest proof of an object type, and whether some direction of it is late.
    pub(super) fn proof(&self, object: ObjectType) -> (Option<Timestamp>, bool) {
        let lanes = self.memory.lanes[object].values();
        let last = lanes.clone().filter_map(|lane| lane.last_proof).max();
        (last, lanes.clone().any(|lane| lane.late_since.is_some()))
    }

    /// What is to be stored.
    pub(super) fn stored(&self) -> Option<Vec<u8>> {
        memory::write(&self.memory)
    }
}

/// Every lane with its place.
fn lanes(lanes: &mut CanaryLanes) -> impl Iterator<Item = (ObjectType, Direction, &mut Lane)> {
    lanes.iter_mut().flat_map(|(object, directions)| {
        directions.iter_mut().map(move |(direction, lane)| (object, direction, lane))
    })
}

impl CanaryItem {
    fn written(&mut self, id: &str, at: Timestamp, now: Timestamp) {
        self.step = ItemStep::Awaited;
        self.id = Some(id.to_owned());
        (self.written_at, self.since) = (at, now);
        self.missed_at = None;
    }
}

impl Lane {
    /// Whether an item is planned or awaited.
    fn awaits(&self) -> bool {
        self.items.iter().any(|item| matches!(item.step, ItemStep::Planned | ItemStep::Awaited))
    }

    fn ended(&mut self, trip: RoundTrip) {
        self.trips.push_back(trip);
        while self.trips.len() > LEARNT_TRIPS {
            self.trips.pop_front();
        }
    }

    /// How long an item may take: twice what one in twenty takes longer than, so that a slow night is no news. It is
    /// overdue before the next is written, so that a direction that stops is found within two intervals.
    fn allowed(&self, every: TimeDelta, least: TimeDelta) -> TimeDelta {
        let most = every * 9 / 10;
        let mut took: Vec<TimeDelta> = self.trips.iter().filter_map(|trip| trip.took).collect();
        if took.len() < LEAST_TRIPS {
            return most;
        }
        took.sort_unstable();
        let usual = took.get((took.len() * 95).div_ceil(100).saturating_sub(1));
        let usual = usual.copied().unwrap_or(most);
        (usual * 2).max(least).min(most)
    }

    fn report(&self, every: TimeDelta, least: TimeDelta, trouble: bool) -> LaneReport {
        let state = match (self.late_since, trouble, self.last_proof) {
            (Some(_), ..) => CanaryState::Late,
            (None, true, _) => CanaryState::Failing,
            (None, false, None) => CanaryState::Starting,
            (None, false, Some(_)) => CanaryState::InTime,
        };
        let shown = self.trips.len().saturating_sub(SHOWN_TRIPS);
        LaneReport {
            class: CanaryClass::Plain,
            state,
            last_proof: self.last_proof,
            last_round_trip: self.trips.iter().rev().find_map(|trip| trip.took),
            allowed: self.allowed(every, least),
            late_since: self.late_since,
            trips: self.trips.iter().skip(shown).copied().collect(),
        }
    }
}

impl CanaryMemory {
    /// Takes back what seems to lie in the future: the clock was ahead when it was written.
    fn clock_stepped_back(&mut self, now: Timestamp) {
        let back = |at: &mut Timestamp| *at = (*at).min(now);
        self.began_at.as_mut().map(back);
        for (_, _, lane) in lanes(&mut self.lanes) {
            lane.last_proof.as_mut().map(back);
            lane.late_since.as_mut().map(back);
            for item in &mut lane.items {
                back(&mut item.written_at);
                back(&mut item.since);
                item.missed_at.as_mut().map(back);
            }
            for trip in &mut lane.trips {
                back(&mut trip.written_at);
            }
        }
        // Nobody is suspended for longer than ever.
        self.refused = self.refused.filter(|(until, _)| until.since(now) <= super::SUSPENDED_FOR);
    }
}

#[cfg(test)]
mod tests;
