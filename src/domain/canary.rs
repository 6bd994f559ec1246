//! What the canary found: it writes items of its own on one side, looks for them on the other, and measures how long the
//! sync took. It proves no more than the class of items that it writes.

use super::ids::{Direction, ObjectType, closed_set};
use super::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::collections::VecDeque;

/// What should be gone and is not after this long is named.
pub const LEFTOVER_AFTER: TimeDelta = TimeDelta::days(1);
/// How many round trips a page shows.
pub const SHOWN_TRIPS: usize = 48;

closed_set! {
    /// How a lane is doing.
    CanaryState {
        /// Nothing was proven yet, and nothing is late.
        Starting = "starting",
        /// The latest item arrived, or is not overdue.
        InTime = "in_time",
        /// An item is overdue on the side where it has to arrive.
        Late = "late",
        /// It cannot be written or looked for; nothing new is known.
        Failing = "failing",
    }
}

closed_set! {
    /// What kind of event a lane proves; a sync may leave out a whole kind.
    CanaryClass {
        /// One with nothing but a subject and a time, as contacts always are.
        Plain = "plain",
        /// One that is related to a record.
        RelatedRecord = "related_record",
        /// One with an attendee, who is not invited.
        Attendee = "attendee",
    }
}

/// One round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrip {
    /// When the item was written.
    pub written_at: Timestamp,
    /// How long it took to arrive; `None`: it was lost.
    pub took: Option<TimeDelta>,
}

/// Items of one object type in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneReport {
    /// What its items prove.
    pub class: CanaryClass,
    /// How it is doing.
    pub state: CanaryState,
    /// When an item last arrived.
    pub last_proof: Option<Timestamp>,
    /// How long the latest that arrived took.
    pub last_round_trip: Option<TimeDelta>,
    /// How long an item may take, as learnt.
    pub allowed: TimeDelta,
    /// Since when it is late.
    pub late_since: Option<Timestamp>,
    /// The latest round trips, the oldest first.
    pub trips: VecDeque<RoundTrip>,
}

/// An item that should be gone for a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub object_type: ObjectType,
    /// Which way it went.
    pub direction: Direction,
    /// Where it was seen last: on the side that it was written to, or on the other.
    pub on_other_side: bool,
    /// The subject or last name that it has.
    pub title: String,
    /// When it was written.
    pub written_at: Timestamp,
}

/// Everything that the canary knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryReport {
    /// The lanes that are on.
    pub lanes: EnumMap<ObjectType, EnumMap<Direction, Option<LaneReport>>>,
    /// How often an item is written.
    pub every: TimeDelta,
    /// Items that should be gone, the oldest first; a bounded list.
    pub leftovers: Vec<Leftover>,
}

impl CanaryReport {
    /// The lanes that are on, in order.
    pub fn lanes(&self) -> impl Iterator<Item = (ObjectType, Direction, &LaneReport)> {
        self.lanes.iter().flat_map(|(object, directions)| {
            directions
                .iter()
                .filter_map(move |(direction, lane)| Some((object, direction, lane.as_ref()?)))
        })
    }
}
