//! One mapping of the tree, read key by key under the table of keys. What is wrong is noted, and reading goes on: a key
//! that is absent and one that is wrong both give `None`, and after a mistake nothing of what was read ever runs.

use super::keys::{ConfigKey, KEYS, KeyKind, range};
use super::mistakes::{Collector, MistakePlace, nearest, quoted, shown_key};
use super::reader::{found, origin};
use super::{bytes, duration};
use chrono::TimeDelta;
use config::{Map, Value, ValueKind};
use std::collections::BTreeMap;

/// A mapping with its place in the table and in the text.
pub(super) struct ConfigSection<'w> {
    keys: &'static [ConfigKey],
    /// The path in the table, such as `orgs[].limits`.
    row: String,
    /// The path in the text, such as `orgs[0].limits`.
    path: String,
    place: MistakePlace,
    table: Option<&'w Map<String, Value>>,
    mistakes: &'w Collector,
}

impl<'w> ConfigSection<'w> {
    /// The whole text of a file that takes `keys`.
    pub(super) fn root(
        keys: &'static [ConfigKey],
        value: &'w Value,
        mistakes: &'w Collector,
    ) -> Self {
        Self::of(keys, String::new(), String::new(), value, mistakes)
    }

    /// A section of an organisation that stands alone.
    pub(super) fn of_org(
        keys: &'static [ConfigKey],
        value: &'w Value,
        mistakes: &'w Collector,
    ) -> Self {
        Self::of(keys, "orgs[]".to_owned(), String::new(), value, mistakes)
    }

    fn of(
        keys: &'static [ConfigKey],
        row: String,
        path: String,
        value: &'w Value,
        mistakes: &'w Collector,
    ) -> Self {
        let place = place_of(value, &row);
        let table = if let ValueKind::Table(table) = &value.kind {
            Some(table)
        } else {
            let says = if value.kind == ValueKind::Nil && !row.is_empty() {
                "found nothing; write its keys below it, indented, or leave it out".to_owned()
            } else {
                format!("{}; allowed: a mapping of keys", found(value))
            };
            mistakes.add(place.clone(), path.as_str(), says);
            None
        };
        let section = Self { keys, row, path, place, table, mistakes };
        section.note_unknown_keys();
        section
    }

    fn note_unknown_keys(&self) {
        for (name, value) in self.table.into_iter().flatten() {
            let known: Vec<&str> = self.children().map(ConfigKey::name).collect();
            if known.contains(&name.as_str()) {
                continue;
            }
            let says = if name == "<<" {
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

    /// The keys that the table has for this section.
    pub(super) fn children(&self) -> impl Iterator<Item = &'static ConfigKey> {
        self.keys.iter().filter(|key| key.parent() == self.row)
    }

    fn shown(&self, name: &str) -> String {
        joined(&self.path, &shown_key(name))
    }

    fn value(&self, name: &str) -> Option<&'w Value> {
        self.table?.get(name)
    }

    /// Whether the key is there, right or wrong.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether it is a mapping that is there.
    pub(super) fn is_given(&self) -> bool {
        self.table.is_some()
    }

    /// Notes a mistake about one of its keys.
    pub(super) fn wrong(&self, name: &str, says: impl Into<String>) {
        let place = self
            .value(name)
            .map_or_else(|| self.place.clone(), |value| place_of(value, &joined(&self.row, name)));
        self.mistakes.add(place, self.shown(name), says);
    }

    fn noted<T>(&self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|says| self.wrong(name, says)).ok()
    }

    /// Notes that a key is missing, if it is.
    pub(super) fn require<T>(&self, name: &str, read: Option<T>) -> Option<T> {
        if self.is_given() && !self.has(name) {
            let takes = self.row_of(name).map(ConfigKey::takes).unwrap_or_default();
            self.wrong(name, format!("missing; needed: {takes}"));
        }
        read
    }

    fn row_of(&self, name: &str) -> Option<&'static ConfigKey> {
        let row = self.children().find(|key| key.name() == name);
        debug_assert!(row.is_some(), "`{name}` of `{}` has no row in the table", self.row);
        row
    }

    /// The value of a key and its row in the table.
    fn written(&self, name: &str) -> Option<(&'w Value, &'static ConfigKey)> {
        Some((self.value(name)?, self.row_of(name)?))
    }

    /// A mapping within this one. Absent, it reads as one without keys.
    pub(super) fn section(&self, name: &str) -> ConfigSection<'w> {
        let (keys, mistakes) = (self.keys, self.mistakes);
        let (row, path) = (joined(&self.row, name), self.shown(name));
        match self.value(name) {
            Some(value) => Self::of(keys, row, path, value, mistakes),
            None => Self { keys, row, path, place: self.place.clone(), table: None, mistakes },
        }
    }

    /// A list of mappings.
    pub(super) fn sections(&self, name: &str) -> Option<Vec<ConfigSection<'w>>> {
        let (row, path) = (format!("{}[]", joined(&self.row, name)), self.shown(name));
        let of = |(index, value)| {
            Self::of(self.keys, row.clone(), format!("{path}[{index}]"), value, self.mistakes)
        };
        Some(self.list(name)?.iter().enumerate().map(of).collect())
    }

    /// A text that `take` makes something of; `take` gives a sentence about what is allowed when it cannot.
    pub(super) fn text<T>(
        &self,
        name: &str,
        take: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (value, row) = self.written(name)?;
        let read = text_of(value, || row.takes()).and_then(|text| {
            if row.is_own_file() {
                self.mistakes.name_file(self.shown(name), text);
            }
            take(text).map_err(|says| format!("{}; {says}", found(value)))
        });
        self.noted(name, read)
    }

    /// A list of texts, each taken by `take`; every wrong item is noted by its own path.
    pub(super) fn texts<T>(
        &self,
        name: &str,
        take: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let (items, path) = (self.list(name)?, self.shown(name));
        // What an item takes, from what the list takes.
        let takes = || {
            let list = self.row_of(name).map(ConfigKey::takes).unwrap_or_default();
            list.trim_start_matches("a list of ").to_owned()
        };
        let mut taken = Vec::new();
        let mut seen = BTreeMap::new();
        for (index, value) in items.iter().enumerate() {
            let read = text_of(value, takes).and_then(|text| match seen.insert(text, index) {
                Some(first) => {
                    Err(format!("found {} again; {path}[{first}] says it already", quoted(text)))
                }
                None => take(text).map_err(|says| format!("{}; {says}", found(value))),
            });
            match read {
                Ok(item) => taken.push(item),
                Err(says) => self.mistakes.add(origin(value).0, format!("{path}[{index}]"), says),
            }
        }
        (taken.len() == items.len()).then_some(taken)
    }

    fn list(&self, name: &str) -> Option<&'w [Value]> {
        let (value, row) = self.written(name)?;
        if let ValueKind::Array(items) = &value.kind {
            return Some(items);
        }
        self.wrong(name, format!("{}; allowed: {}", found(value), row.takes()));
        None
    }

    /// The names of the closed list that a key takes.
    fn names(&self, name: &str) -> Option<Vec<&'static str>> {
        let (KeyKind::Choice(names) | KeyKind::Choices(names)) = self.row_of(name)?.kind else {
            return None;
        };
        Some(names())
    }

    /// One name of a closed list.
    pub(super) fn choice<T>(
        &self,
        name: &str,
        from_name: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.text(name, |text| {
            from_name(text).ok_or_else(|| allowed(text, &self.names(name).unwrap_or_default()))
        })
    }

    /// Names of a closed list.
    pub(super) fn choices<T>(
        &self,
        name: &str,
        from_name: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let names = self.names(name)?;
        let read = self.texts(name, |text| from_name(text).ok_or_else(|| allowed(text, &names)))?;
        if read.is_empty() {
            self.wrong(name, format!("found an empty list; allowed: {}", names.join(", ")));
            return None;
        }
        Some(read)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        if let ValueKind::Boolean(flag) = value.kind {
            return Some(flag);
        }
        self.wrong(name, format!("{}; allowed: true or false, without quotes", found(value)));
        None
    }

    /// A whole number within the row's bounds.
    pub(super) fn count<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        let (value, row) = self.written(name)?;
        if let (ValueKind::I64(number), KeyKind::Count(min, max)) = (&value.kind, row.kind)
            // `0x78` or `+120` are numbers too, and slips.
            && number.to_string() == origin(value).1
            && u64::try_from(*number).is_ok_and(|number| (min..=max).contains(&number))
            && let Ok(number) = T::try_from(*number)
        {
            return Some(number);
        }
        self.wrong(name, format!("{}; allowed: {}", found(value), row.takes()));
        None
    }

    /// A number of bytes within the row's bounds.
    pub(super) fn bytes(&self, name: &str) -> Option<u64> {
        let row = self.row_of(name)?;
        self.text(name, |text| match (bytes::parse(text), row.kind) {
            (Some(bytes), KeyKind::Bytes(min, max)) if (min..=max).contains(&bytes) => Ok(bytes),
            _ => Err(format!("allowed: {}", row.takes())),
        })
    }

    /// A span within the row's bounds.
    pub(super) fn span(&self, name: &str) -> Option<TimeDelta> {
        self.span_or_none(name).flatten()
    }

    /// A span within the row's bounds; `Some(None)` for `none`, where the row takes that.
    pub(super) fn span_or_none(&self, name: &str) -> Option<Option<TimeDelta>> {
        let (value, row) = self.written(name)?;
        let (KeyKind::Span(min, max, why) | KeyKind::SpanOrNone(min, max, why)) = row.kind else {
            return None;
        };
        if let ValueKind::I64(_) = value.kind {
            let missing = duration::unit_is_missing(origin(value).1);
            self.wrong(name, format!("{}; {missing}", found(value)));
            return None;
        }
        self.text(name, |text| match (text, row.kind) {
            ("none", KeyKind::SpanOrNone(..)) => Ok(None),
            ("none", _) => Err(format!("allowed: {}, because {why}", row.takes())),
            _ => match duration::parse(text)? {
                span if (min..=max).contains(&span) => Ok(Some(span)),
                _ => Err(format!("allowed: {}, because {why}", range(min, max))),
            },
        })
    }

    /// A mapping whose keys are the operator's own words: each with its text, as `take` reads them, sorted by key. A
    /// mistake never repeats a value: it may be a secret.
    pub(super) fn mapping<T>(
        &self,
        name: &str,
        takes: &str,
        take: impl Fn(&str, &str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let ValueKind::Table(table) = &self.value(name)?.kind else {
            self.wrong(name, format!("allowed: a mapping of {takes}"));
            return None;
        };
        let entries: BTreeMap<_, _> = table.iter().collect();
        let mut taken = Vec::new();
        for (key, value) in &entries {
            let read = text_of(value, || takes.to_owned())
                .map_err(|_| format!("not text in quotes; allowed: {takes}"))
                .and_then(|text| take(key, text));
            match read {
                Ok(item) => taken.push(item),
                Err(says) => {
                    let path = format!("{}.{}", self.shown(name), shown_key(key));
                    self.mistakes.add(origin(value).0, path, says);
                }
            }
        }
        (taken.len() == entries.len()).then_some(taken)
    }
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Where a value stands. What came from the environment names the variable of its row.
fn place_of(value: &Value, row: &str) -> MistakePlace {
    let variable = || KEYS.iter().find(|key| key.path == row)?.variable();
    (value.origin() == Some(super::load::ENVIRONMENT))
        .then(variable)
        .flatten()
        .map_or_else(|| origin(value).0, MistakePlace::Environment)
}

fn text_of(value: &Value, takes: impl FnOnce() -> String) -> Result<&str, String> {
    let (found, written) = (found(value), origin(value).1);
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => {
            Err(format!("{found}; allowed: {}", takes()))
        }
        ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => Err(format!(
            "{found}, not text; allowed: {}; quotes make it text: \"{written}\"",
            takes()
        )),
    }
}

fn allowed(text: &str, names: &[&str]) -> String {
    match nearest(text, names.iter().copied()) {
        Some(near) => format!("allowed: {}; did you mean {near}?", names.join(", ")),
        None => format!("allowed: {}", names.join(", ")),
    }
}
