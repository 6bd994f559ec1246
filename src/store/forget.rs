//! What erasing a person means, whatever the store.

use super::{PostgresDsn, StoreError, postgres, sqlite};
use crate::domain::ids::{OrgName, UserName, folded};
use serde_json::Value;
use std::path::Path;

/// What is taken out.
#[derive(Debug, Clone, Copy)]
pub enum Erase<'a> {
    /// Everything about an organisation; still configured, it begins anew.
    Org(&'a OrgName),
    /// Everything about a user of it. Records of activity name nobody, and their counts stay.
    User(&'a OrgName, &'a UserName),
}

/// Erases from the database of a stopped daemon, which is a file of SQLite or the one that a file says; says how many rows
/// went. The certificates of `ca_file` are trusted beside the system's.
///
/// # Errors
/// When a daemon holds the database, it cannot be used, or it does not know the organisation or the user.
pub fn erase(
    database: &Path,
    ca_file: Option<&Path>,
    what: Erase<'_>,
) -> Result<usize, StoreError> {
    match PostgresDsn::named(database, ca_file)? {
        Some(dsn) => postgres::erase(&dsn, what),
        None => sqlite::erase(database, what),
    }
}

/// What is answered where nothing of a user is stored; `near` is who may be meant.
pub(super) fn unknown(name: &OrgName, user: &UserName, near: Option<String>) -> String {
    let meant = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean {near}?"));
    format!(
        "it knows no user {user} of {name}{meant} Activity is stored without names: of somebody who is in activity alone, \
         there is nothing to erase"
    )
}

/// What is left of a source's memory without a user.
pub(super) enum Rest {
    /// The user is not in it.
    Untouched,
    /// This.
    Without(Vec<u8>),
    /// Nothing that can be read: all of it goes. A source that begins anew is better than a name that stays.
    Nothing,
}

/// Takes a user out of what a source has to know after a restart.
pub(super) fn in_memory(bytes: &[u8], user: &UserName) -> Rest {
    let name = user.as_str();
    let memory: Option<Value> = serde_json::from_slice(bytes).ok();
    match memory {
        Some(mut memory) => match forget(&mut memory, name) {
            true => serde_json::to_vec(&memory).map_or(Rest::Nothing, Rest::Without),
            false => Rest::Untouched,
        },
        None if memchr::memmem::find(bytes, name.as_bytes()).is_some() => Rest::Nothing,
        None => Rest::Untouched,
    }
}

/// Takes out what is filed under a name, and lists that begin with it; says whether there was any.
fn forget(memory: &mut Value, name: &str) -> bool {
    let is_name = |text: &str| folded(text) == name;
    let names = |value: &Value| value.as_str().is_some_and(is_name);
    match memory {
        Value::Object(entries) => {
            let before = entries.len();
            entries.retain(|key, value| !is_name(key) && !names(value));
            let found = entries.len() < before;
            entries.values_mut().fold(found, |found, value| forget(value, name) || found)
        }
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| !names(item) && !item.get(0).is_some_and(names));
            let found = items.len() < before;
            items.iter_mut().fold(found, |found, value| forget(value, name) || found)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Two slips of the finger.
const FARTHEST: usize = 4;
/// The comparison is quadratic.
const COMPARED_BYTES: usize = 128;

/// Looks for the user whose name is nearest, none that has nothing to do with it.
pub(super) struct NearestUser<'a> {
    wanted: &'a str,
    best: Option<(usize, String)>,
}

impl<'a> NearestUser<'a> {
    pub(super) fn to(user: &'a UserName) -> Self {
        Self { wanted: user.as_str(), best: None }
    }

    pub(super) fn look_at(&mut self, name: &str) {
        if self.wanted.len() > COMPARED_BYTES || name.len().abs_diff(self.wanted.len()) > FARTHEST {
            return;
        }
        let far = strsim::damerau_levenshtein(self.wanted, name);
        if far <= FARTHEST && self.best.as_ref().is_none_or(|(least, _)| far < *least) {
            self.best = Some((far, name.to_owned()));
        }
    }

    pub(super) fn found(self) -> Option<String> {
        self.best.map(|(_, name)| name)
    }
}
