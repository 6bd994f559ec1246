//! The JSON form. Users are read one after the other, so that 100,000 of them never stand in memory as JSON.

use super::SnapshotContext;
use super::draft::{Draft, Field, FieldPlace};
use crate::domain::observation::Snapshot;
use crate::domain::problem::ProblemReason;
use crate::sources::ingest_error::{IngestError, json_fault, text_of};
use crate::sources::input_value::{InputValue, InputValueSeed, KeySeed, MAX_KEYS};
use crate::sources::vocabulary::rows;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads a snapshot in JSON. Keys and values may be spelled as on the page, in any letter case.
///
/// # Errors
/// When the body is no JSON object, or a key, value or instant in it is wrong; every mistake has its path.
pub fn parse_json(body: &[u8], context: &SnapshotContext<'_>) -> Result<Snapshot, IngestError> {
    let text = text_of(body)?;
    let mut draft = Draft::new(context);
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(Top { draft: &mut draft }).and_then(|()| json.end());
    match read {
        Err(error) if !draft.too_many && !draft.is_hopeless() => {
            Err(malformed(&error, draft.in_users))
        }
        _ => draft.finish(),
    }
}

fn malformed(error: &serde_json::Error, in_users: bool) -> IngestError {
    let fault = json_fault(error);
    let detail = if in_users && error.is_data() {
        format!("users is no array: {fault}; send an array of objects")
    } else {
        format!("the body is no JSON object: {fault}; send one whole object")
    };
    IngestError::whole(ProblemReason::Malformed, detail)
}

struct Top<'d, 'c> {
    draft: &'d mut Draft<'c>,
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut seen, mut keys) = (Vec::new(), 0);
        while let Some(key) = map.next_key_seed(KeySeed)? {
            keys += 1;
            if keys > MAX_KEYS {
                // Looking each up would cost a minute of a processor; what they say is wrong already.
                self.draft.mistake(FieldPlace::default(), || {
                    format!("has more than {MAX_KEYS} keys; send one snapshot")
                });
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                break;
            }
            let place = FieldPlace { key: &key, ..FieldPlace::default() };
            let users = Some(Field::Users);
            if Field::at(place) == users && !seen.contains(&Field::Users) {
                seen.extend(users);
                self.draft.in_users = true;
                map.next_value_seed(UsersSeed { draft: self.draft })?;
                self.draft.in_users = false;
            } else {
                let given = map.next_value_seed(InputValueSeed { depth: 1 })?;
                entry(self.draft, &mut seen, place, &given);
            }
        }
        Ok(())
    }
}

struct UsersSeed<'d, 'c> {
    draft: &'d mut Draft<'c>,
}

impl<'de> DeserializeSeed<'de> for UsersSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for UsersSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut user = 0;
        while let Some(given) = seq.next_element_seed(InputValueSeed { depth: 2 })? {
            if self.draft.is_full() || self.draft.is_hopeless() {
                return Err(A::Error::custom("too many users, or mistakes"));
            }
            let place = FieldPlace { user: Some(user), ..FieldPlace::default() };
            if let InputValue::Object(_) = given {
                object(self.draft, place, &given);
                self.draft.end_user(FieldPlace { key: "user", ..place });
            } else {
                object(self.draft, place, &given);
            }
            user += 1;
        }
        Ok(())
    }
}

/// Takes the entries of an object; `place` is its own.
fn object(draft: &mut Draft<'_>, place: FieldPlace<'_>, given: &InputValue<'_>) {
    let InputValue::Object(entries) = given else {
        return draft.mistake(place, || format!("is {}; write an object", given.shown()));
    };
    let mut seen = Vec::new();
    for (key, given) in entries {
        entry(draft, &mut seen, FieldPlace { key, ..place }, given);
    }
}

/// Takes one entry; where it stands says which keys are known there.
fn entry(
    draft: &mut Draft<'_>,
    seen: &mut Vec<Field>,
    place: FieldPlace<'_>,
    given: &InputValue<'_>,
) {
    match Field::at(place) {
        None => draft.mistake(place, || unknown(place)),
        Some(field) if seen.contains(&field) => draft.twice(place),
        Some(Field::Object(of)) => {
            seen.push(Field::Object(of));
            // The key stands in the path as the object type.
            let key = if matches!(given, InputValue::Object(_)) { "" } else { place.key };
            let object_type = Some(of).filter(|_| key.is_empty());
            object(draft, FieldPlace { object_type, key, ..place }, given);
        }
        Some(field) => {
            // A row's second value is found by the draft, where the first one was right.
            if !matches!(field, Field::Row(_)) {
                seen.push(field);
            }
            draft.put(field, given, place);
        }
    }
}

fn unknown(place: FieldPlace<'_>) -> String {
    let more: &[&str] = match (place.user, place.object_type) {
        (None, None) => &["captured_at", "contacts", "events", "users", "users_complete"],
        (Some(_), None) => &["user", "contacts", "events"],
        (_, Some(_)) => &[],
    };
    let rows = rows(place.user.is_some(), place.object_type).map(|row| row.spec().key);
    let known: Vec<_> = more.iter().copied().chain(rows).collect();
    format!("is not a known key; known are {}", known.join(", "))
}
