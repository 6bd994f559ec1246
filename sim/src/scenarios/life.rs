//! How an organisation lives: its rhythm, and what changes from when until when. Every record follows from the seed and
//! its own place in time, so any stretch of a life can be made without what came before.

use crate::domain::calendar::{Calendar, OpenHours};
use crate::domain::causes::Cause;
use crate::domain::ids::{Direction, ObjectType, Outcome};
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use std::ops::Range;

/// How densely things sync.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// The grain: in business hours each slot has at least one record of each object type, so nothing is ever older
    /// than two slots.
    pub slot_seconds: u32,
    /// The most records of an object type that a slot has.
    pub most: u32,
    /// Outside business hours one slot in so many has records; 0: none has.
    pub closed_one_in: u32,
    /// One record in so many fails; 0: none does.
    pub fails_one_in: u32,
}

/// Something that is different from `from` (included) until `until` (not included).
#[derive(Debug, Clone)]
pub(super) struct LifeChange {
    pub from: Timestamp,
    pub until: Timestamp,
    pub what: What,
}

/// What is different.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Nothing of an object type syncs in a direction; `None` means every one.
    Stopped { object: Option<ObjectType>, direction: Option<Direction> },
    /// Every hour is as busy as a business hour: a first sync, a backlog.
    AllHours,
    /// The page shows no service account.
    NoAccount,
    /// The page shows an X for the service account.
    NotRecognized,
    /// The page shows that the Outlook integration is off.
    OutlookOff,
    /// The page shows this number of linked users, whatever the users' rows say.
    Linked(u64),
    /// Some users' rows show something else.
    Users { who: Range<u32>, row: UserRow, status: Status },
    /// Nobody reads the page.
    PageUnread,
    /// Nobody sends activity; what was held back comes with the first request afterwards.
    FeedSilent,
    /// Records come this much later.
    FeedLate(TimeDelta),
    /// Records of the last half hour are sent again with every request.
    FeedRepeats,
    /// Only one record in so many syncs.
    Thinned(u32),
    /// The page shows no last sync.
    CountsOnly,
    /// The probe of Exchange finds this.
    Probed(Cause),
    /// Exchange asks the probe to wait: it decides nothing.
    Throttled,
    /// When the certificate of Exchange ends, as the probe sees it.
    CertificateEnds(Timestamp),
    /// Nothing that the canary writes arrives in a direction.
    CanaryLate(Direction),
}

/// A life: what is usual, and what changes.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub seed: u64,
    pub rhythm: Rhythm,
    /// Before this nothing ever synced.
    pub began: Timestamp,
    pub objects: Vec<ObjectType>,
    pub calendar: Calendar,
    pub changes: Vec<LifeChange>,
}

/// A synced or failed item before it has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LifeItem {
    pub at: Timestamp,
    pub object_type: ObjectType,
    pub direction: Direction,
    pub outcome: Outcome,
    /// Random bits that belong to this item alone.
    pub bits: u64,
}

/// A calendar's layout is exact for three weeks ahead; chunks of a week stay well within.
const CHUNK: TimeDelta = TimeDelta::days(7);

impl Life {
    /// What is different at `at`.
    pub(super) fn at(&self, at: Timestamp) -> impl Iterator<Item = &What> {
        self.changes
            .iter()
            .filter(move |change| change.from <= at && at < change.until)
            .map(|change| &change.what)
    }

    /// What syncs within `(after, upto]`, in order of time.
    pub(super) fn items(&self, after: Timestamp, upto: Timestamp) -> Vec<LifeItem> {
        let mut items = Vec::new();
        let mut from = after.max(self.began);
        while from < upto {
            let to = from.plus(CHUNK).min(upto);
            let hours = self.calendar.lay_out(to);
            for slot in self.slot(from)..=self.slot(to) {
                items.extend(
                    self.items_of(slot, &hours).filter(|item| from < item.at && item.at <= to),
                );
            }
            from = to;
        }
        items.sort_by_key(|item| (item.at, item.bits));
        items
    }

    /// When each object type last synced, up to `upto`.
    pub(super) fn last_synced(&self, object: ObjectType, upto: Timestamp) -> Option<Timestamp> {
        let mut to = upto;
        while to > self.began {
            let from = to.minus(CHUNK).max(self.began);
            let hours = self.calendar.lay_out(to);
            let found = (self.slot(from)..=self.slot(to)).rev().find_map(|slot| {
                self.items_of(slot, &hours)
                    .filter(|item| item.object_type == object && item.outcome == Outcome::Synced)
                    .filter(|item| from < item.at && item.at <= to)
                    .map(|item| item.at)
                    .max()
            });
            if found.is_some() {
                return found;
            }
            to = from;
        }
        None
    }

    fn slot_nanos(&self) -> i64 {
        i64::from(self.rhythm.slot_seconds.max(1)) * 1_000_000_000
    }

    fn slot(&self, at: Timestamp) -> i64 {
        at.nanos().div_euclid(self.slot_nanos())
    }

    fn items_of(&self, slot: i64, hours: &OpenHours) -> impl Iterator<Item = LifeItem> {
        let start = Timestamp::from_nanos(slot.saturating_mul(self.slot_nanos()));
        let open =
            hours.is_open(start) || self.at(start).any(|what| matches!(what, What::AllHours));
        self.objects.iter().copied().flat_map(move |object| {
            let bits = mix(self.seed, object.index() as u64, slot as u64);
            let count = if open {
                1 + bits % u64::from(self.rhythm.most.max(1))
            } else {
                u64::from(
                    self.rhythm.closed_one_in > 0
                        && (bits >> 32).is_multiple_of(u64::from(self.rhythm.closed_one_in)),
                )
            };
            (0..count)
                .map(move |number| self.item(start, object, mix(bits, number, 0)))
                .filter(|item| !self.stopped(item))
        })
    }

    fn item(&self, start: Timestamp, object_type: ObjectType, bits: u64) -> LifeItem {
        // Whole milliseconds: what senders usually have.
        let millis = bits % (u64::from(self.rhythm.slot_seconds.max(1)) * 1_000);
        let fails = u64::from(self.rhythm.fails_one_in);
        LifeItem {
            at: start.plus(TimeDelta::milliseconds(millis as i64)),
            object_type,
            direction: if (bits >> 40).is_multiple_of(2) {
                Direction::ToExchange
            } else {
                Direction::ToSalesforce
            },
            outcome: if fails > 0 && (bits >> 44).is_multiple_of(fails) {
                Outcome::Failed
            } else {
                Outcome::Synced
            },
            bits,
        }
    }

    fn stopped(&self, item: &LifeItem) -> bool {
        self.at(item.at).any(|what| match what {
            What::Stopped { object, direction } => {
                object.is_none_or(|object| object == item.object_type)
                    && direction.is_none_or(|direction| direction == item.direction)
            }
            What::Thinned(one_in) => !(item.bits >> 20).is_multiple_of(u64::from(*one_in)),
            What::AllHours
            | What::NoAccount
            | What::NotRecognized
            | What::OutlookOff
            | What::Linked(_)
            | What::Users { .. }
            | What::PageUnread
            | What::FeedSilent
            | What::FeedLate(_)
            | What::FeedRepeats
            | What::CountsOnly
            | What::Probed(_)
            | What::Throttled
            | What::CertificateEnds(_)
            | What::CanaryLate(_) => false,
        })
    }
}

/// Three numbers to bits that look random (the finaliser of `SplitMix64`); the same for ever, so that a story made twice/// is the same story.
pub(super) fn mix(seed: u64, first: u64, second: u64) -> u64 {
    let mut bits = seed;
    for word in [first, second] {
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_add(word);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
    }
    bits
}
