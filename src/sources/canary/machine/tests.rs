//! The machine in a world of two mailboxes' worth of titles, with a sync that can be made to fail, and crashes everywhere.

use super::*;
use crate::sources::canary::CanarySettings;
use std::collections::BTreeMap;

const EVERY: TimeDelta = TimeDelta::minutes(30);
const START: Timestamp = Timestamp::from_seconds(1_796_000_000);

/// An item or record as a side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    object: ObjectType,
    title: String,
    at: Timestamp,
    /// The id of the thing on the other side that the sync made it from.
    copy_of: Option<u64>,
}

type Things = BTreeMap<u64, Thing>;

/// Where a poll breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Break {
    No,
    /// The process ends before anything was requested.
    Before,
    /// What Salesforce did is not answered, and the process ends.
    InSalesforce,
    /// The process ends between both sides.
    Between,
    /// What Exchange did is not answered, and the process ends.
    InExchange,
    /// The process ends before the state is on disk.
    BeforeCommit,
    /// The disk refuses, and the process goes on.
    Refused,
    /// Neither side answers what it did, and the process goes on.
    Unanswered,
}

const BREAKS: [Break; 7] = [
    Break::Before,
    Break::InSalesforce,
    Break::Between,
    Break::InExchange,
    Break::BeforeCommit,
    Break::Refused,
    Break::Unanswered,
];

struct SimulatedSides {
    now: Timestamp,
    sides: EnumMap<Side, Things>,
    machine: Option<Machine>,
    disk: Option<Vec<u8>>,
    delay: TimeDelta,
    dropped: Option<Direction>,
    /// The sync does nothing at all.
    stopped: bool,
    loses_deletions: bool,
    dead: Option<Side>,
    next: u64,
    foreign: EnumMap<Side, Vec<u64>>,
    requests: EnumMap<Side, u32>,
    report: Option<CanaryReport>,
    ended: Vec<(ObjectType, Direction, RoundTrip)>,
    forgotten: usize,
}

impl SimulatedSides {
    fn new() -> Self {
        let mut world = Self {
            now: START,
            sides: EnumMap::default(),
            machine: None,
            disk: None,
            delay: TimeDelta::minutes(3),
            dropped: None,
            stopped: false,
            loses_deletions: false,
            dead: None,
            next: 1,
            foreign: EnumMap::default(),
            requests: EnumMap::default(),
            report: None,
            ended: Vec::new(),
            forgotten: 0,
        };
        for title in ["Sync canary", "Sync canary 00000000000000000000000000000000", "Lunch"] {
            for side in [Side::Salesforce, Side::Exchange] {
                for object in ObjectType::ALL {
                    let id = world.put(side, *object, title, None);
                    world.foreign[side].push(id);
                }
            }
        }
        world
    }

    fn put(&mut self, side: Side, object: ObjectType, title: &str, copy_of: Option<u64>) -> u64 {
        self.next += 1;
        let thing = Thing { object, title: title.to_owned(), at: self.now, copy_of };
        self.sides[side].insert(self.next, thing);
        self.next
    }

    /// A sync of what has our kind of title; the foreign things are in sync already.
    fn sync(&mut self) {
        for direction in [Direction::ToExchange, Direction::ToSalesforce] {
            if self.stopped || self.dropped == Some(direction) {
                continue;
            }
            let from = Side::written(direction);
            let to = if from == Side::Salesforce { Side::Exchange } else { Side::Salesforce };
            let new: Vec<(u64, Thing)> = self.sides[from]
                .iter()
                .filter(|(id, thing)| {
                    thing.copy_of.is_none()
                        && !self.foreign[from].contains(id)
                        && self.now.since(thing.at) >= self.delay
                        && !self.sides[to].values().any(|it| it.copy_of == Some(**id))
                })
                .map(|(id, thing)| (*id, thing.clone()))
                .collect();
            for (id, thing) in new {
                self.put(to, thing.object, &thing.title, Some(id));
            }
            if !self.loses_deletions {
                let there: Vec<u64> = self.sides[from].keys().copied().collect();
                self.sides[to].retain(|_, it| it.copy_of.is_none_or(|id| there.contains(&id)));
            }
        }
    }

    fn serve(&mut self, side: Side, work: &SideWork) -> SideFound {
        let mut found = SideFound::default();
        if work.is_empty() || self.dead == Some(side) {
            return found;
        }
        self.requests[side] += 1;
        for (object, mark) in &work.create {
            let title = mark.title();
            let twice = self.sides[side].values().any(|thing| thing.title == title);
            assert!(!twice, "an item is written once");
            let id = self.put(side, *object, &title, None);
            found.created.push((*mark, id.to_string()));
        }
        for (object, marks) in &work.find {
            found.searched[object] = !marks.is_empty();
            for (id, thing) in self.sides[side].iter().filter(|(_, thing)| thing.object == object) {
                if let Some(mark) = marks.iter().find(|mark| mark.is_in(&thing.title)) {
                    let at = Some(thing.at);
                    found.seen[object].push(FoundItem { mark: *mark, id: id.to_string(), at });
                }
            }
        }
        for (object, mark, id) in &work.delete {
            let id: u64 = id.parse().expect("an id that was stored");
            let fits = |thing: &Thing| thing.object == *object && mark.is_in(&thing.title);
            if self.sides[side].get(&id).is_some_and(fits) {
                self.sides[side].remove(&id);
            }
            found.deleted.push(*mark);
        }
        found
    }

    fn poll(&mut self, broken: Break) {
        let mut machine = self.machine.take().unwrap_or_else(|| {
            Machine::new(
                EVERY,
                CanarySettings::LEAST_ALLOWED,
                EnumMap::from_fn(|_| EnumMap::from_fn(|_| true)),
            )
        });
        machine.begin(self.disk.as_deref(), self.now);
        if broken == Break::Before {
            return;
        }
        for side in [Side::Salesforce, Side::Exchange] {
            let work = machine.work(side, self.now);
            let found = self.serve(side, &work);
            match (side, broken) {
                (Side::Salesforce, Break::InSalesforce) | (Side::Exchange, Break::InExchange) => {
                    return;
                }
                (_, Break::Unanswered) => {}
                _ => machine.take(side, &found, self.now),
            }
            if side == Side::Salesforce && broken == Break::Between {
                return;
            }
        }
        let (next, now) = (&mut self.next, self.now);
        machine.settle(now, || {
            *next += 1;
            Some(Mark(u128::from(*next) << 64 | 0xabcd))
        });
        self.report = Some(machine.report(self.dead.is_some(), now));
        self.ended.append(&mut machine.ended);
        self.forgotten += machine.forgotten.len();
        match broken {
            Break::BeforeCommit => {}
            Break::Refused => self.machine = Some(machine),
            Break::No
            | Break::Before
            | Break::InSalesforce
            | Break::Between
            | Break::InExchange
            | Break::Unanswered => {
                self.disk = machine.stored();
                self.machine = Some(machine);
            }
        }
    }

    fn minutes(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.now = self.now.plus(TimeDelta::minutes(1));
            self.sync();
            self.poll(Break::No);
        }
    }

    /// The same with a poll every ten minutes.
    fn tens_of_minutes(&mut self, count: i64) {
        for _ in 0..count {
            self.now = self.now.plus(TimeDelta::minutes(10));
            self.sync();
            self.poll(Break::No);
        }
    }

    fn lane(&self, object: ObjectType, direction: Direction) -> LaneReport {
        self.report.as_ref().unwrap().lanes[object][direction].clone().unwrap()
    }

    fn states(&self) -> Vec<CanaryState> {
        self.report.as_ref().unwrap().lanes().map(|(.., lane)| lane.state).collect()
    }

    fn foreign_is_whole(&self) {
        for (side, ids) in &self.foreign {
            for id in ids {
                assert!(self.sides[side].contains_key(id), "{side} lost what is not ours");
            }
        }
    }

    fn ours(&self) -> usize {
        let foreign = self.foreign.values().map(Vec::len).sum::<usize>();
        self.sides.values().map(Things::len).sum::<usize>() - foreign
    }

    /// Lets everything end: no lane writes any more.
    fn wind_down(&mut self) {
        self.machine = Some(Machine::new(EVERY, CanarySettings::LEAST_ALLOWED, EnumMap::default()));
        self.minutes(95);
    }
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        (self.0 >> 33) % sides
    }
}

#[test]
fn round_trips_are_measured_exactly_with_two_requests_an_interval() {
    let mut world = SimulatedSides::new();
    world.minutes(24 * 60 + 5);
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    for object in ObjectType::ALL {
        for direction in Direction::ALL {
            let lane = world.lane(*object, *direction);
            assert_eq!(lane.last_round_trip, Some(TimeDelta::minutes(3)));
            assert_eq!(lane.allowed, TimeDelta::minutes(10), "the floor");
            assert!(lane.trips.len() >= 46, "{}", lane.trips.len());
            assert!(lane.trips.iter().all(|trip| trip.took.is_some()));
        }
    }
    assert!(world.requests[Side::Salesforce] <= 98, "{}", world.requests[Side::Salesforce]);
    assert!(world.report.as_ref().unwrap().leftovers.is_empty());
    world.wind_down();
    assert_eq!(world.ours(), 0);
    world.foreign_is_whole();
}

#[test]
fn a_stopped_direction_is_late_within_two_intervals_and_its_end_is_proven() {
    for direction in Direction::ALL.iter().copied() {
        for offset in [0, 1, 14, 16, 29] {
            let mut world = SimulatedSides::new();
            world.minutes(240 + offset);
            world.dropped = Some(direction);
            let stopped = world.now;
            let found = (0..=60).find(|_| {
                world.minutes(1);
                world.lane(ObjectType::Events, direction).state == CanaryState::Late
            });
            assert!(found.is_some(), "{direction} at {offset}");
            let late_since = world.lane(ObjectType::Events, direction).late_since.unwrap();
            assert!(late_since > stopped);
            world.minutes(300);
            let late = world.states().iter().filter(|it| **it == CanaryState::Late).count();
            assert_eq!(late, 2, "both object types of one direction");
            let lane = world.lane(ObjectType::Events, direction);
            assert_eq!(lane.late_since, Some(late_since), "since the first");
            let lost = lane.trips.iter().filter(|trip| trip.took.is_none()).count();
            assert!((3..=7).contains(&lost), "given up and written anew: {lost}");
            world.dropped = None;
            world.minutes(90);
            assert_eq!(world.states(), [CanaryState::InTime; 4]);
            world.wind_down();
            assert_eq!(world.ours(), 0, "{direction} at {offset}");
            world.foreign_is_whole();
        }
    }
}

#[test]
fn what_is_slow_is_learnt_up_to_the_interval() {
    let mut world = SimulatedSides::new();
    world.delay = TimeDelta::minutes(9);
    world.minutes(600);
    let lane = world.lane(ObjectType::Contacts, Direction::ToExchange);
    assert_eq!(lane.allowed, TimeDelta::minutes(18));
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    // A slow night is no news, up to the interval.
    world.delay = TimeDelta::minutes(17);
    world.minutes(600);
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    assert_eq!(world.lane(ObjectType::Contacts, Direction::ToExchange).allowed, EVERY * 9 / 10);
    world.delay = TimeDelta::minutes(70);
    let late = (0..100).any(|_| {
        world.minutes(1);
        world.states() == [CanaryState::Late; 4]
    });
    assert!(late);
}

#[test]
fn however_slow_the_sync_was_a_direction_that_stops_is_found_within_two_intervals() {
    for direction in Direction::ALL.iter().copied() {
        for (delay, minutes) in [(1, 34), (2, 65), (5, 600), (9, 601), (12, 630), (13, 655)] {
            let mut world = SimulatedSides::new();
            world.delay = TimeDelta::minutes(delay);
            world.minutes(minutes);
            world.dropped = Some(direction);
            let found = (1..=60).find(|_| {
                world.minutes(1);
                world.lane(ObjectType::Contacts, direction).state == CanaryState::Late
            });
            assert!(found.is_some(), "{direction}, {delay} minutes slow, after {minutes}");
        }
    }
}

#[test]
fn when_the_sync_stops_all_lanes_are_late_in_the_same_poll() {
    for offset in [0, 3, 13, 16, 29] {
        let mut world = SimulatedSides::new();
        world.minutes(240 + offset);
        world.stopped = true;
        let late = |world: &SimulatedSides| {
            world.states().iter().filter(|state| **state == CanaryState::Late).count()
        };
        let first = (0..60).find_map(|_| {
            world.minutes(1);
            Some(late(&world)).filter(|late| *late > 0)
        });
        assert_eq!(first, Some(4), "at {offset}");
    }
}

#[test]
fn two_with_the_mark_of_an_item_whose_writing_nobody_answered_both_stay_and_are_named() {
    for (side, broken) in
        [(Side::Salesforce, Break::InSalesforce), (Side::Exchange, Break::InExchange)]
    {
        let mut world = SimulatedSides::new();
        world.minutes(1);
        world.now = world.now.plus(TimeDelta::minutes(1));
        world.poll(broken);
        let written: Vec<(u64, Thing)> = world.sides[side]
            .iter()
            .filter(|(id, _)| !world.foreign[side].contains(id))
            .map(|(id, thing)| (*id, thing.clone()))
            .collect();
        assert_eq!(written.len(), 2, "a contact and an event");
        for (id, thing) in &written {
            let copy = world.put(side, thing.object, &thing.title, None);
            world.foreign[side].extend([copy, *id]);
        }
        world.minutes(100);
        world.foreign_is_whole();
        assert!(world.report.as_ref().unwrap().leftovers.is_empty(), "not for a day");
        world.tens_of_minutes(25 * 6);
        let leftovers = world.report.clone().unwrap().leftovers;
        let mut named: Vec<&str> = leftovers.iter().map(|it| it.title.as_str()).collect();
        named.sort_unstable();
        let mut titles: Vec<&str> = written.iter().map(|(_, it)| it.title.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(named, titles);
        assert!(leftovers.iter().all(|leftover| !leftover.on_other_side));
        assert_eq!(world.states(), [CanaryState::InTime; 4], "others go on");
        // Somebody deletes them all.
        for (_, thing) in &written {
            for things in world.sides.values_mut() {
                things.retain(|_, it| it.title != thing.title);
            }
        }
        world.tens_of_minutes(12);
        assert!(world.report.unwrap().leftovers.is_empty());
    }
}

#[test]
fn what_was_copied_beside_an_item_is_named_with_its_side_and_stays() {
    let mut world = SimulatedSides::new();
    world.minutes(3);
    let ours = world.sides[Side::Exchange]
        .iter()
        .find(|(id, thing)| thing.copy_of.is_none() && !world.foreign[Side::Exchange].contains(id));
    let thing = ours.unwrap().1.clone();
    // The sync takes it for a pair of something else.
    let pair = world.foreign[Side::Salesforce][0];
    let copy = world.put(Side::Exchange, thing.object, &thing.title, Some(pair));
    world.foreign[Side::Exchange].push(copy);
    world.minutes(60);
    world.tens_of_minutes(24 * 6);
    world.foreign_is_whole();
    let leftovers = world.report.clone().unwrap().leftovers;
    let leftover = leftovers.iter().find(|it| it.title == thing.title);
    let leftover = leftover.unwrap_or_else(|| panic!("{thing:?} {leftovers:?}"));
    assert_eq!(leftover.direction, Direction::ToSalesforce);
    assert!(!leftover.on_other_side);
    world.sides[Side::Exchange].remove(&copy);
    world.foreign[Side::Exchange].pop();
    world.minutes(40);
    assert!(world.report.as_ref().unwrap().leftovers.is_empty(), "gone from both sides");
}

#[test]
fn a_side_that_cannot_be_used_proves_nothing_about_the_sync() {
    let mut world = SimulatedSides::new();
    world.minutes(200);
    world.dead = Some(Side::Exchange);
    world.minutes(300);
    let states = world.states();
    assert!(states.iter().all(|state| *state == CanaryState::Failing), "{states:?}");
    world.dead = None;
    world.minutes(60);
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    world.wind_down();
    assert_eq!(world.ours(), 0);
}

#[test]
fn a_crash_at_every_point_leaves_nothing_behind_and_writes_nothing_twice() {
    for broken in BREAKS {
        for minute in (0..40).step_by(3).chain([1, 2, 31, 32]) {
            let mut world = SimulatedSides::new();
            world.minutes(minute);
            world.now = world.now.plus(TimeDelta::minutes(1));
            world.sync();
            world.poll(broken);
            world.minutes(95);
            assert_eq!(world.states(), [CanaryState::InTime; 4], "{broken:?} at {minute}");
            world.wind_down();
            assert_eq!(world.ours(), 0, "{broken:?} at {minute}");
            world.foreign_is_whole();
        }
    }
}

#[test]
fn crashes_at_random_leave_nothing_behind() {
    for seed in 0..20 {
        let (mut world, mut dice) = (SimulatedSides::new(), Dice(seed));
        for _ in 0..400 {
            world.now = world.now.plus(TimeDelta::minutes(1));
            world.sync();
            let broken = match dice.roll(12) {
                0 => BREAKS[dice.roll(7) as usize],
                _ => Break::No,
            };
            world.poll(broken);
        }
        world.minutes(120);
        world.wind_down();
        assert_eq!(world.ours(), 0, "seed {seed}");
        world.foreign_is_whole();
    }
}

#[test]
fn a_copy_that_somebody_made_of_an_item_stays() {
    let mut world = SimulatedSides::new();
    world.minutes(40);
    let ours: Vec<(Side, Thing)> = world
        .sides
        .iter()
        .flat_map(|(side, things)| things.values().map(move |thing| (side, thing.clone())))
        .filter(|(_, thing)| thing.title.len() == Mark(0).title().len())
        .collect();
    for (side, thing) in ours {
        let id = world.put(side, thing.object, &thing.title, None);
        world.foreign[side].push(id);
    }
    world.minutes(120);
    world.wind_down();
    world.foreign_is_whole();
}

#[test]
fn deletions_that_are_lost_are_named_after_a_day_within_bounds() {
    let mut world = SimulatedSides::new();
    world.loses_deletions = true;
    world.tens_of_minutes(23 * 6);
    assert!(world.report.as_ref().unwrap().leftovers.is_empty());
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    world.tens_of_minutes(2 * 24 * 6);
    let leftovers = &world.report.as_ref().unwrap().leftovers;
    assert!((4..=MOST_ITEMS * 4).contains(&leftovers.len()), "{}", leftovers.len());
    let a_day = START.plus(TimeDelta::hours(2));
    assert!(leftovers.iter().take(4).all(|it| it.written_at < a_day), "the first of all");
    assert!(leftovers.iter().all(|leftover| leftover.on_other_side));
    assert_eq!(world.states(), [CanaryState::InTime; 4], "it goes on");
    assert!(world.forgotten > 0);
}

#[test]
fn steps_of_the_clock_make_nothing_late() {
    let mut world = SimulatedSides::new();
    world.minutes(200);
    world.now = world.now.plus(TimeDelta::hours(9));
    world.poll(Break::No);
    assert_eq!(world.states(), [CanaryState::InTime; 4], "it slept");
    world.minutes(60);
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    world.now = world.now.minus(TimeDelta::hours(20));
    for things in world.sides.values_mut() {
        for thing in things.values_mut() {
            thing.at = thing.at.min(world.now);
        }
    }
    world.minutes(90);
    assert_eq!(world.states(), [CanaryState::InTime; 4]);
    let lane = world.lane(ObjectType::Events, Direction::ToExchange);
    assert!(lane.last_proof.unwrap() <= world.now);
    world.wind_down();
    assert_eq!(world.ours(), 0);
}

#[test]
fn what_is_stored_reads_back_and_names_nobody() {
    let mut world = SimulatedSides::new();
    world.minutes(75);
    let bytes = world.disk.clone().unwrap();
    let read = memory::read(&bytes).unwrap();
    assert_eq!(memory::write(&read).unwrap(), bytes);
    assert_eq!(memory::read(b"{"), None);
    let mut trips = read;
    for directions in trips.lanes.values_mut() {
        for lane in directions.values_mut() {
            for _ in 0..500 {
                lane.ended(RoundTrip { written_at: START, took: Some(TimeDelta::minutes(3)) });
            }
        }
    }
    assert!(memory::write(&trips).unwrap().len() < 64 << 10);
}
