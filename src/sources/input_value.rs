//! One value as JSON or CSV gives it, borrowed from the body, and what a row makes of it.

use super::ingest_error::quoted;
use super::instant;
use super::row_value::RowValue;
use super::vocabulary::{flag, state};
use crate::domain::ids::UserName;
use crate::domain::rows::{ArticleRow, RowKind, Status};
use crate::domain::time::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The largest count of an organisation: up to here a double, which is what Prometheus keeps, is exact.
const MAX_COUNT: u64 = 1 << 53;
/// The most keys of one object that are read; there are 24 names at most that could be right.
pub(super) const MAX_KEYS: usize = 64;

/// A value.
#[derive(Debug)]
pub(super) enum InputValue<'a> {
    Null,
    Bool(bool),
    Count(u64),
    /// A number that is no count: of what sort.
    Number(&'static str),
    Text(Cow<'a, str>),
    Array,
    Object(Vec<(Cow<'a, str>, InputValue<'a>)>),
}

impl InputValue<'_> {
    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Count(value) => quoted(&value.to_string()),
            Self::Number(sort) => (*sort).to_owned(),
            Self::Text(text) => quoted(text),
            Self::Array | Self::Object(_) => self.sort().to_owned(),
        }
    }

    /// What sort of value it is, for messages that quote nothing.
    pub(super) const fn sort(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Count(_) | Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array => "an array",
            Self::Object(_) => "an object",
        }
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        if let Self::Bool(value) = self { Some(*value) } else { flag(self.text().unwrap_or("")) }
            .ok_or_else(|| self.not("true or false, Yes or No, or the page's check or X"))
    }

    fn count(&self) -> Result<u64, String> {
        if let Self::Count(value) = self { Some(*value) } else { self.text().and_then(digits) }
            .filter(|count| *count <= MAX_COUNT)
            .ok_or_else(|| self.not("a whole number of at least 0, in digits without separators"))
    }

    /// An instant that does not lie ahead of `now` by more than clocks may differ.
    pub(super) fn instant(&self, now: Timestamp) -> Result<Timestamp, String> {
        let Some(text) = self.text() else {
            return Err(self.not("a time like 2026-11-22T13:55:00Z"));
        };
        let at = instant::parse(text.trim_ascii())
            .map_err(|error| format!("{} {error}", self.shown()))?;
        instant::not_ahead(at, now)
    }

    pub(super) fn user(&self) -> Result<UserName, String> {
        let name =
            self.text().map(str::trim).ok_or_else(|| self.not("the user's name as a string"))?;
        UserName::new(name).map_err(|error| format!("{}: {error}", self.shown()))
    }

    /// Whether a reset is given as unknown: then it is not taken for none.
    pub(super) fn is_unknown(&self) -> bool {
        self.text() == Some(Status::Unknown.name())
    }

    /// What a row makes of the value.
    pub(super) fn row_value(&self, row: ArticleRow, now: Timestamp) -> Result<RowValue, String> {
        let kind = row.spec().kind;
        match (kind, self) {
            (RowKind::Account, Self::Null) => Ok(RowValue::Account(None)),
            (RowKind::Account, Self::Text(name)) => RowValue::account(name.trim()),
            (RowKind::Account, _) => {
                Err(self.not("the account's name as a string, or null where the page shows None"))
            }
            (RowKind::YesNo | RowKind::Mark, _) => self.flag().map(RowValue::Flag),
            (RowKind::Instant, _) => self.instant(now).map(RowValue::Instant),
            (RowKind::Count(_), _) => match self.count()? {
                count if count > u32::MAX.into() && matches!(row, ArticleRow::User(_)) => {
                    Err(format!("{} is more records than a mailbox holds", self.shown()))
                }
                count => Ok(RowValue::Count(count)),
            },
            (RowKind::Reset, Self::Null) => Ok(RowValue::Status(Status::None)),
            (RowKind::Reset | RowKind::Direction, _) => {
                let status = self.text().and_then(|text| state(kind, text));
                status.map(RowValue::Status).ok_or_else(|| {
                    let known = kind.statuses().iter().filter(|status| **status != Status::Unknown);
                    let known = known.map(|status| status.name()).collect::<Vec<_>>();
                    self.not(&format!("one of {}", known.join(", ")))
                })
            }
        }
    }

    fn not(&self, wanted: &str) -> String {
        format!(
            "{} is not understood; write {wanted}, or leave it out where nobody knows",
            self.shown()
        )
    }
}

/// A count in digits alone: `1.204` is a thousand and more in one country and one and a bit in another.
fn digits(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads a value of JSON with objects `depth` deep; what lies deeper is skipped and only its kind stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputValueSeed {
    pub(super) depth: u8,
}

impl<'de> DeserializeSeed<'de> for InputValueSeed {
    type Value = InputValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InputValueSeed {
    type Value = InputValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(InputValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(InputValue::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(InputValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(InputValue::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(InputValue::Count(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(InputValue::Number("a negative number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(InputValue::Number("a number with a fraction, an exponent or too many digits"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(InputValue::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(InputValue::Object(Vec::new()));
        };
        let mut entries = Vec::with_capacity(8);
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let value = map.next_value_seed(Self { depth })?;
            if entries.len() < MAX_KEYS {
                entries.push((key, value));
            }
        }
        Ok(InputValue::Object(entries))
    }
}

/// Reads a key without copying it where it has no escapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
