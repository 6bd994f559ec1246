//! One synced or failed item, reduced to what counting needs. Names, record ids and error texts are hashed into
//! the identity and not stored: they are personal data that no figure needs.

use super::ids::{Direction, ObjectType, Outcome};
use super::time::Timestamp;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;

/// What kind of activity a record is; the key of every total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityKind {
    /// What was synced.
    pub object_type: ObjectType,
    /// Which way, where the sender says so.
    pub direction: Option<Direction>,
    /// How it ended.
    pub outcome: Outcome,
}

impl ActivityKind {
    /// How many kinds there are: two object types, three directions (one of them "unknown"), two outcomes.
    pub const COUNT: usize = 12;

    /// The kind's number, below [`Self::COUNT`]; what the store writes, so the order of its parts never changes.
    pub const fn index(self) -> usize {
        let direction = match self.direction {
            None => 0,
            Some(direction) => direction.index() + 1,
        };
        (self.object_type.index() * 3 + direction) * 2 + self.outcome.index()
    }

    /// The kind of a number that [`Self::index`] gave.
    pub fn from_index(index: usize) -> Option<Self> {
        let direction = ((index / 2) % 3).checked_sub(1);
        Some(Self {
            object_type: *ObjectType::ALL.get(index / 6)?,
            direction: direction.and_then(|index| Direction::ALL.get(index).copied()),
            outcome: *Outcome::ALL.get(index % 2)?,
        })
    }
}

/// What makes a record the same record: a keyed hash, so that nobody can aim two records at one identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(pub [u8; 16]);

/// One record as the windows and the store see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityRecord {
    /// When it was synced.
    pub at: Timestamp,
    /// What kind it is.
    pub kind: ActivityKind,
    /// Its identity within the store.
    pub key: RecordKey,
}

/// The secret of a store's identities, made once with the store.
#[derive(Clone, Copy)]
pub struct IdentityKey([u8; 16]);

impl IdentityKey {
    /// From the store's random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store that keeps them.
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// The identity of a record that carries its own `id`: (organisation, at, id).
    pub fn of_id(&self, org: &str, at: Timestamp, id: &str) -> RecordKey {
        let mut hasher = self.hasher(org, at);
        hasher.write_u8(1);
        field(&mut hasher, Some(id));
        finish(&hasher)
    }

    /// The identity of a record without `id`: (organisation, all other fields). An absent field differs from an empty one.
    pub fn of_fields(
        &self,
        org: &str,
        at: Timestamp,
        kind: ActivityKind,
        fields: [Option<&str>; 3],
    ) -> RecordKey {
        let mut hasher = self.hasher(org, at);
        hasher.write_u8(2);
        hasher.write_u8(kind.index() as u8);
        for text in fields {
            field(&mut hasher, text);
        }
        finish(&hasher)
    }

    /// What stands for a user where names are not wanted: 16 hexadecimal digits that only this store can connect.
    pub fn pseudonym(&self, org: &str, user: &str) -> String {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write_u8(3);
        field(&mut hasher, Some(org));
        field(&mut hasher, Some(user));
        format!("{:016x}", hasher.finish())
    }

    fn hasher(&self, org: &str, at: Timestamp) -> SipHasher24 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        field(&mut hasher, Some(org));
        hasher.write_i64(at.nanos());
        hasher
    }
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityKey(…)")
    }
}

/// Length first, so that two fields never run into each other.
fn field(hasher: &mut SipHasher24, text: Option<&str>) {
    match text {
        None => hasher.write_u64(u64::MAX),
        Some(text) => {
            hasher.write_u64(text.len() as u64);
            hasher.write(text.as_bytes());
        }
    }
}

fn finish(hasher: &SipHasher24) -> RecordKey {
    RecordKey(hasher.finish128().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_number() {
        for index in 0..ActivityKind::COUNT {
            assert_eq!(ActivityKind::from_index(index).unwrap().index(), index);
        }
        assert_eq!(ActivityKind::from_index(ActivityKind::COUNT), None);
    }

    #[test]
    fn fields_that_run_into_each_other_are_different_records() {
        let key = IdentityKey::new([7; 16]);
        let kind = ActivityKind::from_index(0).unwrap();
        let at = Timestamp::from_seconds(1);
        let of = |fields| key.of_fields("acme", at, kind, fields);
        assert_ne!(of([Some("ab"), Some("c"), None]), of([Some("a"), Some("bc"), None]));
        assert_ne!(of([Some(""), None, None]), of([None, None, None]));
        assert_ne!(of([None, None, None]), key.of_id("acme", at, ""));
    }

    #[test]
    fn the_same_record_of_two_organisations_is_two_records() {
        let key = IdentityKey::new([7; 16]);
        let at = Timestamp::from_seconds(1);
        assert_ne!(key.of_id("acme", at, "1"), key.of_id("beta", at, "1"));
        assert_eq!(key.of_id("acme", at, "1"), key.of_id("acme", at, "1"));
    }

    #[test]
    fn a_pseudonym_is_connected_to_its_user_by_the_store_alone() {
        let key = IdentityKey::new([7; 16]);
        let of = |key: IdentityKey, org, user| key.pseudonym(org, user);
        let ann = of(key, "acme", "ann");
        assert_eq!((ann.len(), &ann), (16, &of(key, "acme", "ann")));
        assert!(ann.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ann}");
        for other in [
            of(key, "acme", "bob"),
            of(key, "beta", "ann"),
            of(IdentityKey::new([8; 16]), "acme", "ann"),
        ] {
            assert_ne!(ann, other);
        }
        assert_eq!(format!("{key:?}"), "IdentityKey(…)");
    }
}
