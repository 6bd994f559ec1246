//! One mapping of the tree, read key by key under the table of keys. What is wrong is noted, and reading goes on.

use super::bytes;
use super::duration;
use super::keys::{self, ConfigKey, KeyKind, NOT_YET, OrNone};
use super::mistakes::{Collector, MistakePlace, nearest, quoted, shown_key};
use super::reader::{found, origin};
use chrono::TimeDelta;
use config::{Map, Value, ValueKind};

mod mapping;

/// What a key gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyRead<T> {
    /// It is not there.
    Absent,
    /// It is there and wrong; the mistake is noted.
    Wrong,
    /// It is there.
    Given(T),
}

impl<T> KeyRead<T> {
    /// The value, or what holds without it; a mistake was noted, so what stands in for it never runs.
    pub(super) fn or(self, default: T) -> T {
        self.given().unwrap_or(default)
    }

    /// The value, if there is a good one.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// Whether a mistake was noted.
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong)
    }

    /// Whether the key is not there.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A mapping with its place in the table and in the text.
pub(super) struct ConfigSection<'w> {
    /// The path in the table, such as `orgs[].limits`.
    row: String,
    /// The path in the text, such as `orgs[0].limits`.
    path: String,
    place: MistakePlace,
    table: Option<&'w Map<String, Value>>,
    mistakes: &'w Collector,
}

impl<'w> ConfigSection<'w> {
    /// The whole text.
    pub(super) fn root(value: &'w Value, mistakes: &'w Collector) -> Self {
        Self::of(String::new(), String::new(), value, mistakes)
    }

    /// The whole text of the web's file.
    pub(super) fn web_root(value: &'w Value, mistakes: &'w Collector) -> Self {
        Self::of(super::web_table::ROOT.to_owned(), String::new(), value, mistakes)
    }

    fn of(row: String, path: String, value: &'w Value, mistakes: &'w Collector) -> Self {
        let place = place_of(value, &row);
        let table = match &value.kind {
            ValueKind::Table(table) => Some(table),
            ValueKind::Nil if !row.is_empty() => {
                let says = "found nothing; write its keys below it, indented, or leave it out";
                mistakes.add(place.clone(), path.as_str(), says);
                None
            }
            ValueKind::Nil
            | ValueKind::Array(_)
            | ValueKind::String(_)
            | ValueKind::Boolean(_)
            | ValueKind::I64(_)
            | ValueKind::I128(_)
            | ValueKind::U64(_)
            | ValueKind::U128(_)
            | ValueKind::Float(_) => {
                let says = format!("{}; allowed: a mapping of keys", found(value));
                mistakes.add(place.clone(), path.as_str(), says);
                None
            }
        };
        let section = Self { row, path, place, table, mistakes };
        section.note_unknown_keys();
        section
    }

    fn note_unknown_keys(&self) {
        for (name, value) in self.table.into_iter().flatten() {
            let known: Vec<&str> = keys::children(&self.row).map(ConfigKey::name).collect();
            if known.contains(&name.as_str()) {
                continue;
            }
            let row = joined(&self.row, name);
            let says = if NOT_YET.contains(&row.as_str()) {
                "not available in this version; remove it".to_owned()
            } else if name == "<<" {
                "merge keys are not taken; write the keys out, or use an alias for a whole value"
                    .to_owned()
            } else if let Some(near) = nearest(name, known.iter().copied()) {
                format!("unknown key; did you mean {near}?")
            } else {
                format!("unknown key; allowed: {}", known.join(", "))
            };
            self.mistakes.add(origin(value).0, self.shown(name), says);
        }
    }

    fn shown(&self, name: &str) -> String {
        joined(&self.path, &shown_key(name))
    }

    fn value(&self, name: &str) -> Option<&'w Value> {
        self.table?.get(name)
    }

    /// Notes a mistake about one of its keys.
    pub(super) fn wrong(&self, name: &str, says: impl Into<String>) {
        let place =
            self.value(name).map_or_else(|| self.place.clone(), |value| self.place_of(name, value));
        self.mistakes.add(place, self.shown(name), says);
    }

    fn place_of(&self, name: &str, value: &Value) -> MistakePlace {
        place_of(value, &joined(&self.row, name))
    }

    /// Notes that a key is missing, if it is.
    pub(super) fn require<T>(&self, name: &str, read: KeyRead<T>) -> Option<T> {
        if read.is_absent() && self.table.is_some() {
            let takes = self.row_of(name).map(ConfigKey::takes).unwrap_or_default();
            self.wrong(name, format!("missing; needed: {takes}"));
        }
        read.given()
    }

    fn row_of(&self, name: &str) -> Option<&'static ConfigKey> {
        let row = keys::key(&joined(&self.row, name));
        debug_assert!(row.is_some(), "`{name}` of `{}` has no row in the table", self.row);
        row
    }

    /// A mapping within this one. Absent, it reads as one without keys.
    pub(super) fn section(&self, name: &str) -> (KeyRead<()>, ConfigSection<'w>) {
        let (row, path) = (joined(&self.row, name), self.shown(name));
        match self.value(name) {
            Some(value) => {
                let section = Self::of(row, path, value, self.mistakes);
                let read =
                    if section.table.is_some() { KeyRead::Given(()) } else { KeyRead::Wrong };
                (read, section)
            }
            None => {
                let (place, mistakes) = (self.place.clone(), self.mistakes);
                (KeyRead::Absent, ConfigSection { row, path, place, table: None, mistakes })
            }
        }
    }

    /// A list of mappings.
    pub(super) fn sections(&self, name: &str) -> KeyRead<Vec<ConfigSection<'w>>> {
        let (row, path) = (format!("{}[]", joined(&self.row, name)), self.shown(name));
        self.list(name, "a list of mappings").map(|items| {
            let of = |(index, value)| {
                Self::of(row.clone(), format!("{path}[{index}]"), value, self.mistakes)
            };
            items.iter().enumerate().map(of).collect()
        })
    }

    /// A text that `take` makes something of; `take` gives a sentence about what is allowed when it cannot.
    pub(super) fn text<T>(
        &self,
        name: &str,
        take: impl FnOnce(&str) -> Result<T, String>,
    ) -> KeyRead<T> {
        let Some(value) = self.value(name) else {
            return KeyRead::Absent;
        };
        let takes = || self.row_of(name).map(ConfigKey::takes).unwrap_or_default();
        let note = |text| {
            if self.row_of(name).is_some_and(ConfigKey::is_own_file) {
                self.mistakes.name_file(self.shown(name), text);
            }
            text
        };
        match text_of(value, takes)
            .map(note)
            .and_then(|text| take(text).map_err(|says| format!("{}; {says}", found(value))))
        {
            Ok(taken) => KeyRead::Given(taken),
            Err(says) => {
                self.wrong(name, says);
                KeyRead::Wrong
            }
        }
    }

    /// A list of texts, each taken by `take`; every wrong item is noted by its own path.
    pub(super) fn texts<T>(
        &self,
        name: &str,
        take: impl Fn(&str) -> Result<T, String>,
    ) -> KeyRead<Vec<T>> {
        let takes = self.row_of(name).map(ConfigKey::takes).unwrap_or_default();
        let path = self.shown(name);
        self.list(name, &takes).and_then(|items| {
            let mut taken = Vec::new();
            let mut seen = std::collections::BTreeMap::new();
            let mut wrong = false;
            for (index, value) in items.iter().enumerate() {
                let read = text_of(value, || item_takes(&takes)).and_then(|text| {
                    match seen.insert(text, index) {
                        Some(first) => Err(format!(
                            "found {} again; {path}[{first}] says it already",
                            quoted(text)
                        )),
                        None => take(text).map_err(|says| format!("{}; {says}", found(value))),
                    }
                });
                match read {
                    Ok(item) => taken.push(item),
                    Err(says) => {
                        wrong = true;
                        self.mistakes.add(origin(value).0, format!("{path}[{index}]"), says);
                    }
                }
            }
            if wrong { KeyRead::Wrong } else { KeyRead::Given(taken) }
        })
    }

    fn list(&self, name: &str, takes: &str) -> KeyRead<&'w Vec<Value>> {
        let Some(value) = self.value(name) else {
            return KeyRead::Absent;
        };
        let ValueKind::Array(items) = &value.kind else {
            self.wrong(name, format!("{}; allowed: {takes}", found(value)));
            return KeyRead::Wrong;
        };
        KeyRead::Given(items)
    }

    /// One name of a closed list.
    pub(super) fn choice<T>(
        &self,
        name: &str,
        from_name: impl FnOnce(&str) -> Option<T>,
    ) -> KeyRead<T> {
        let Some(KeyKind::Choice(names)) = self.row_of(name).map(|row| row.kind) else {
            return KeyRead::Absent;
        };
        self.text(name, |text| from_name(text).ok_or_else(|| allowed(text, &names())))
    }

    /// Names of a closed list.
    pub(super) fn choices<T>(
        &self,
        name: &str,
        from_name: impl Fn(&str) -> Option<T>,
    ) -> KeyRead<Vec<T>> {
        let Some(KeyKind::Choices(names)) = self.row_of(name).map(|row| row.kind) else {
            return KeyRead::Absent;
        };
        let read = self.texts(name, |text| from_name(text).ok_or_else(|| allowed(text, &names())));
        if read.as_ref().is_some_and(|taken| taken.is_empty()) {
            self.wrong(name, format!("found an empty list; allowed: {}", names().join(", ")));
            return KeyRead::Wrong;
        }
        read
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> KeyRead<bool> {
        match self.value(name) {
            None => KeyRead::Absent,
            Some(Value { kind: ValueKind::Boolean(flag), .. }) => KeyRead::Given(*flag),
            Some(value) => {
                self.wrong(
                    name,
                    format!("{}; allowed: true or false, without quotes", found(value)),
                );
                KeyRead::Wrong
            }
        }
    }

    /// A whole number within the row's bounds.
    pub(super) fn count(&self, name: &str) -> KeyRead<u64> {
        let Some(row) = self.row_of(name) else {
            return KeyRead::Absent;
        };
        let Some(value) = self.value(name) else {
            return KeyRead::Absent;
        };
        let number = match (&value.kind, row.kind) {
            (ValueKind::I64(number), KeyKind::Count(min, max)) => {
                // `0x78` or `+120` are numbers too, and slips.
                let as_written = number.to_string() == origin(value).1;
                u64::try_from(*number)
                    .ok()
                    .filter(|number| as_written && (min..=max).contains(number))
            }
            _ => None,
        };
        match number {
            Some(number) => KeyRead::Given(number),
            None => {
                self.wrong(name, format!("{}; allowed: {}", found(value), row.takes()));
                KeyRead::Wrong
            }
        }
    }

    /// A number of bytes within the row's bounds.
    pub(super) fn bytes(&self, name: &str) -> KeyRead<u64> {
        let Some(KeyKind::Bytes(min, max)) = self.row_of(name).map(|row| row.kind) else {
            return KeyRead::Absent;
        };
        self.text(name, |text| {
            bytes::parse(text).filter(|bytes| (min..=max).contains(bytes)).ok_or_else(|| {
                format!("allowed: a size from {} to {}", bytes::text(min), bytes::text(max))
            })
        })
    }

    /// A span within the row's bounds; `None` for `none`, where the row takes that.
    pub(super) fn span(&self, name: &str) -> KeyRead<Option<TimeDelta>> {
        let Some(row) = self.row_of(name) else {
            return KeyRead::Absent;
        };
        let KeyKind::Span(bounds) = row.kind else {
            return KeyRead::Absent;
        };
        if let Some(value) = self.value(name)
            && let ValueKind::I64(_) = value.kind
        {
            let number = origin(value).1;
            let says = format!(
                "{}; the unit is missing: {number}s, {number}m, {number}h or {number}d?",
                found(value)
            );
            self.wrong(name, says);
            return KeyRead::Wrong;
        }
        self.text(name, |text| {
            if text == "none" {
                return match bounds.or_none {
                    OrNone::SpanOrNone => Ok(None),
                    OrNone::Span => {
                        Err(format!("allowed: {}, because {}", row.takes(), bounds.why))
                    }
                };
            }
            let span = duration::parse(text)?;
            if (bounds.min..=bounds.max).contains(&span) {
                Ok(Some(span))
            } else {
                Err(format!("allowed: {}, because {}", bounds.range(), bounds.why))
            }
        })
    }
}

impl<T> KeyRead<T> {
    fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// The same with the value made into another.
    pub(super) fn map<U>(self, make: impl FnOnce(T) -> U) -> KeyRead<U> {
        self.and_then(|value| KeyRead::Given(make(value)))
    }

    fn and_then<U>(self, make: impl FnOnce(T) -> KeyRead<U>) -> KeyRead<U> {
        match self {
            Self::Absent => KeyRead::Absent,
            Self::Wrong => KeyRead::Wrong,
            Self::Given(value) => make(value),
        }
    }
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Where a value stands. What came from the environment names the variable of its row.
fn place_of(value: &Value, row: &str) -> MistakePlace {
    match (value.origin(), keys::key(row).and_then(ConfigKey::variable)) {
        (Some(super::load::ENVIRONMENT), Some(variable)) => MistakePlace::Environment(variable),
        _ => origin(value).0,
    }
}

fn text_of(value: &Value, takes: impl FnOnce() -> String) -> Result<&str, String> {
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        ValueKind::Nil => Err(format!("found nothing; allowed: {}", takes())),
        ValueKind::Table(_) | ValueKind::Array(_) => {
            Err(format!("{}; allowed: {}", found(value), takes()))
        }
        ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => {
            let written = origin(value).1;
            Err(format!(
                "{}, not text; allowed: {}; quotes make it text: \"{written}\"",
                found(value),
                takes()
            ))
        }
    }
}

/// What an item of a list takes, from what the list takes.
fn item_takes(list_takes: &str) -> String {
    list_takes.trim_start_matches("a list of ").to_owned()
}

fn allowed(text: &str, names: &[&str]) -> String {
    match nearest(text, names.iter().copied()) {
        Some(near) => format!("allowed: {}; did you mean {near}?", names.join(", ")),
        None => format!("allowed: {}", names.join(", ")),
    }
}
