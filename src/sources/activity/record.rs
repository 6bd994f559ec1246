//! One record: a JSON object of eight known keys → [`ActivityRecord`].

use super::{ActivityContext, MAX_RECORD_BYTES};
use crate::domain::activity::{ActivityKind, ActivityRecord};
use crate::domain::ids::{Direction, ObjectType, Outcome, closed_set, folded};
use crate::domain::time::Timestamp;
use crate::sources::ingest_error::{field_name, json_fault, quoted};
use crate::sources::input_value::{InputValue, InputValueSeed, KeySeed};
use crate::sources::instant::{self, InstantError};
use enum_map::EnumMap;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The longest `user`, `record` and `id`: several times what any system uses as a name.
const MAX_NAME_BYTES: usize = 1024;
/// The longest `error`: a message with its stack.
const MAX_ERROR_BYTES: usize = 16 * 1024;

closed_set! {
    /// A key of a record.
    Key {
        At = "at",
        ObjectType = "object_type",
        Direction = "direction",
        User = "user",
        Record = "record",
        Outcome = "outcome",
        Error = "error",
        Id = "id",
    }
}

/// Why a record was not taken; made cheaply, described only when it is listed.
#[derive(Debug)]
pub(super) enum Mistake {
    TooLong(usize),
    NotUtf8,
    NotJson(serde_json::Error),
    UnknownKey(String),
    Twice(Key),
    WrongType(Key, &'static str),
    Missing(Key),
    FieldTooLong(Key, usize),
    UnknownValue(Key, String),
    Instant(InstantError, String),
    Ahead(Timestamp),
}

impl Mistake {
    /// The field and what to write instead.
    pub(super) fn describe(self, now: Timestamp) -> (String, String) {
        let (field, message) = match self {
            Self::TooLong(length) => {
                ("", format!("has {length} bytes; a record has at most {MAX_RECORD_BYTES}"))
            }
            Self::NotUtf8 => ("", "is not UTF-8; send the record as UTF-8".to_owned()),
            Self::NotJson(error) => {
                ("", format!("is no JSON object: {}; send one whole object", json_fault(&error)))
            }
            Self::UnknownKey(key) => {
                let known = Key::ALL.iter().map(|key| key.name()).collect::<Vec<_>>();
                return (key, format!("is not a known key; known are {}", known.join(", ")));
            }
            Self::Twice(key) => (key.name(), "is there twice; send it once".to_owned()),
            Self::WrongType(key, found) => {
                (key.name(), format!("is {found}; write it as a string"))
            }
            Self::Missing(key) => (key.name(), "is missing; every record has it".to_owned()),
            Self::FieldTooLong(key, length) => {
                (key.name(), format!("has {length} bytes; at most {} are taken", key.max_bytes()))
            }
            Self::UnknownValue(key, value) => {
                (key.name(), format!("{value} is not a known value; write {}", key.values()))
            }
            Self::Instant(error, text) => (Key::At.name(), format!("{text} {error}")),
            Self::Ahead(at) => (
                Key::At.name(),
                format!(
                    "{at} is more than 48 h ahead of our clock ({now}); check the sender's clock and zone"
                ),
            ),
        };
        (field.to_owned(), message)
    }
}

impl Key {
    const fn max_bytes(self) -> usize {
        if matches!(self, Self::Error) { MAX_ERROR_BYTES } else { MAX_NAME_BYTES }
    }

    const fn values(self) -> &'static str {
        match self {
            Self::ObjectType => "contacts or events",
            Self::Direction => "to_exchange or to_salesforce",
            Self::Outcome => "synced or failed",
            Self::At | Self::User | Self::Record | Self::Error | Self::Id => "a string",
        }
    }
}

/// Reads one record; `latest` is the last instant that may lie ahead.
pub(super) fn read(
    record: &[u8],
    context: &ActivityContext<'_>,
    latest: Timestamp,
) -> Result<ActivityRecord, Mistake> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(Mistake::TooLong(record.len()));
    }
    let text = std::str::from_utf8(record).map_err(|_| Mistake::NotUtf8)?;
    let mut fields = Fields::default();
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(&mut fields).and_then(|()| json.end()).map_err(Mistake::NotJson)?;
    if let Some(mistake) = fields.mistake {
        return Err(mistake);
    }
    let Some(at) = fields.get(Key::At) else {
        return Err(Mistake::Missing(Key::At));
    };
    let at = instant::parse(at).map_err(|error| Mistake::Instant(error, quoted(at)))?;
    if at > latest {
        return Err(Mistake::Ahead(at));
    }
    let kind = ActivityKind {
        object_type: fields
            .closed(Key::ObjectType, ObjectType::from_name)?
            .ok_or(Mistake::Missing(Key::ObjectType))?,
        direction: fields.closed(Key::Direction, Direction::from_name)?,
        outcome: fields.closed(Key::Outcome, Outcome::from_name)?.unwrap_or(Outcome::Synced),
    };
    // An empty id is what a table without one gives: it tells no two records apart.
    let key = match fields.get(Key::Id).filter(|id| !id.trim().is_empty()) {
        Some(id) => context.identity.of_id(context.org.as_str(), at, id),
        None => {
            let user = fields.get(Key::User).map(folded);
            let texts = [user.as_deref(), fields.get(Key::Record), fields.get(Key::Error)];
            context.identity.of_fields(context.org.as_str(), at, kind, texts)
        }
    };
    Ok(ActivityRecord { at, kind, key })
}

/// The values of a record's keys; `null` is the same as an absent key.
#[derive(Default)]
struct Fields<'a> {
    texts: EnumMap<Key, Option<Cow<'a, str>>>,
    seen: EnumMap<Key, bool>,
    mistake: Option<Mistake>,
}

impl<'a> Fields<'a> {
    fn get(&self, key: Key) -> Option<&str> {
        self.texts[key].as_deref()
    }

    fn closed<T>(&self, key: Key, from_name: fn(&str) -> Option<T>) -> Result<Option<T>, Mistake> {
        let value = |text| from_name(text).ok_or_else(|| Mistake::UnknownValue(key, quoted(text)));
        self.get(key).map(value).transpose()
    }

    fn put(&mut self, key: Key, given: InputValue<'a>) {
        let mistake = if std::mem::replace(&mut self.seen[key], true) {
            Mistake::Twice(key)
        } else if let InputValue::Text(text) = given {
            if text.len() <= key.max_bytes() {
                self.texts[key] = Some(text);
                return;
            }
            Mistake::FieldTooLong(key, text.len())
        } else if let InputValue::Null = given {
            return;
        } else {
            Mistake::WrongType(key, given.sort())
        };
        self.mistake.get_or_insert(mistake);
    }
}

/// Reads the object to its end even after a mistake, so that a syntax error is never hidden by it.
impl<'de> Visitor<'de> for &mut Fields<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let given = map.next_value_seed(InputValueSeed { depth: 0 })?;
            if let Some(key) = Key::from_name(&key) {
                self.put(key, given);
            } else if self.mistake.is_none() {
                self.mistake = Some(Mistake::UnknownKey(field_name(&key)));
            }
        }
        Ok(())
    }
}
