//! The users of Einstein Activity Capture as one query names them, and who is assigned to it: users by their ids, or whole
//! profiles.

use super::answer::{count, text};
use super::paging::Record;
use crate::domain::ids::{ObjectType, UserName, closed_set};
use crate::sources::failure::code;
use enum_map::{Enum, EnumMap};
use std::collections::HashSet;

closed_set! {
    /// How a user's mailbox is connected: the picklist, and what stands beside it.
    Connectivity {
        /// Connected.
        Active = "active",
        /// Turned off.
        Disabled = "disabled",
        /// Being set up.
        Initializing = "initializing",
        /// The user's own connection does not work.
        NeedsAttention = "needs_attention",
        /// The organisation's connection does not work.
        NeedsAttentionGlobal = "needs_attention_global",
        /// Neither works.
        NeedsAttentionHybrid = "needs_attention_hybrid",
        /// Waits to be connected.
        BoxedFuture = "pending",
        /// Connected and at work.
        Processing = "processing",
        /// A value that is not in the documentation.
        Other = "other",
        /// No value.
        None = "none",
    }
}

closed_set! {
    /// How far a user's first sync is.
    Onboarding {
        /// Not begun.
        NotStarted = "not_started",
        /// Running.
        InProgress = "in_progress",
        /// The configuration syncs nothing.
        NotConfigured = "not_configured",
        /// Done.
        Complete = "complete",
        /// Failed; the article has no such state.
        Failed = "failed",
        /// A value that is not in the documentation.
        Other = "other",
        /// No value.
        None = "none",
    }
}

impl Connectivity {
    /// Whether mail and calendar can be reached now.
    pub(super) const fn works(self) -> bool {
        matches!(self, Self::Active | Self::Processing)
    }
}

/// The value of a picklist, which is written like our name in capitals, with or without its underscores.
fn picked<T: Copy>(
    values: &[T],
    name: fn(T) -> &'static str,
    raw: Option<&str>,
    none: T,
    other: T,
) -> T {
    let Some(raw) = raw else { return none };
    let letters = |text: &str| text.replace('_', "");
    let is_raw = |value: &T| letters(name(*value)).to_ascii_uppercase() == letters(raw);
    // The last two are ours.
    let documented = values.len().saturating_sub(2);
    values.iter().take(documented).copied().find(is_raw).unwrap_or(other)
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaptureUser {
    pub(super) name: UserName,
    /// The record id of the user, where it has the form of one.
    pub(super) id: Option<String>,
    /// The address that is synced; a mailbox may be known by it on the page.
    pub(super) address: Option<String>,
    /// What the vendor recommends to do about the connection.
    pub(super) recommended: Option<String>,
    pub(super) has_configuration: bool,
    pub(super) connectivity: Connectivity,
    pub(super) onboarding: Onboarding,
    /// Records synced since midnight; `None` where that is not known.
    pub(super) synced: EnumMap<ObjectType, Option<u64>>,
}

/// All users, and what was odd about them.
#[derive(Debug, Default)]
pub(super) struct CaptureUsers {
    pub(super) users: Vec<CaptureUser>,
    /// Rows without a name to be called by.
    pub(super) unnamed: u64,
    /// Values that are not in the documentation, with their field; only what has the form of a code.
    pub(super) strange: Vec<(&'static str, String)>,
}

/// The longest title that is shown; the rest is cut.
const MAX_TITLE: usize = 160;
/// How many different strange values are noted of one answer.
const MAX_STRANGE: usize = 8;

impl CaptureUsers {
    /// Reads the rows. A user that is named twice counts once.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut read = Self::default();
        let mut seen = HashSet::new();
        for record in records {
            match user(record) {
                Some(user) if seen.insert(user.name.clone()) => {
                    read.note_strange(record, &user);
                    read.users.push(user);
                }
                Some(_) => {}
                None => read.unnamed += 1,
            }
        }
        read
    }

    fn note_strange(&mut self, record: &Record, user: &CaptureUser) {
        let fields = [
            ("ConnectivityStatus", user.connectivity == Connectivity::Other),
            ("UserOnboardingStatus", user.onboarding == Onboarding::Other),
        ];
        for (field, strange) in fields {
            if strange && self.strange.len() < MAX_STRANGE {
                let value = code(text(record, field).unwrap_or_default()).to_owned();
                if !self.strange.contains(&(field, value.clone())) {
                    self.strange.push((field, value));
                }
            }
        }
    }

    /// How many users have each connectivity.
    pub(super) fn connectivity(&self) -> EnumMap<Connectivity, u64> {
        tally(self.users.iter().map(|user| user.connectivity))
    }

    /// How many users are at each point of their first sync.
    pub(super) fn onboarding(&self) -> EnumMap<Onboarding, u64> {
        tally(self.users.iter().map(|user| user.onboarding))
    }
}

fn tally<K: Enum>(keys: impl Iterator<Item = K>) -> EnumMap<K, u64> {
    let mut counts = EnumMap::default();
    keys.for_each(|key| counts[key] += 1);
    counts
}

fn user(record: &Record) -> Option<CaptureUser> {
    let name = ["UserName", "EmailAddress", "UserId"]
        .into_iter()
        .find_map(|field| UserName::new(text(record, field)?).ok())?;
    Some(CaptureUser {
        name,
        id: text(record, "UserId").and_then(record_id),
        address: text(record, "EmailAddress")
            .filter(|address| UserName::new(address).is_ok())
            .map(str::to_owned),
        recommended: text(record, "RecommendedActionTitle").map(short),
        has_configuration: text(record, "ConfigurationName").is_some(),
        connectivity: picked(
            Connectivity::ALL,
            Connectivity::name,
            text(record, "ConnectivityStatus"),
            Connectivity::None,
            Connectivity::Other,
        ),
        onboarding: picked(
            Onboarding::ALL,
            Onboarding::name,
            text(record, "UserOnboardingStatus"),
            Onboarding::None,
            Onboarding::Other,
        ),
        synced: EnumMap::from_array([
            count(record.get("ContactsSynced")),
            count(record.get("EventsSynced")),
        ]),
    })
}

/// A text of the vendor's for a page: of one line, and not longer than its titles.
fn short(text: &str) -> String {
    let line = text.chars().filter(|letter| !letter.is_control());
    line.take(MAX_TITLE).collect()
}

/// The first 15 characters of a record id: the rest only repeats their letter case.
pub(super) fn record_id(text: &str) -> Option<String> {
    let shaped = matches!(text.len(), 15 | 18) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    shaped.then(|| text.chars().take(15).collect())
}

/// What the rows of assignments say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Assignments {
    /// Assigned users, by the first 15 characters of their ids.
    pub(super) users: HashSet<String>,
    /// How many profiles are assigned; who has them is not read.
    pub(super) profiles: u64,
}

impl Assignments {
    /// Reads the rows; one without a configuration is an assignment that was taken back.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut read = Self::default();
        let mut profiles = HashSet::new();
        for record in records {
            let assigned = text(record, "AssignedId").and_then(record_id);
            let (Some(id), Some(_)) = (assigned, text(record, "ConfigurationId")) else {
                continue;
            };
            if id.starts_with("005") {
                read.users.insert(id);
            } else if id.starts_with("00e") {
                profiles.insert(id);
            }
        }
        read.profiles = profiles.len() as u64;
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(rows: &[Value]) -> CaptureUsers {
        let records: Vec<Record> =
            rows.iter().map(|row| row.as_object().unwrap().clone()).collect();
        CaptureUsers::of(&records)
    }

    #[test]
    fn a_row_with_nothing_but_a_name_says_nothing_else() {
        let read = read(&[json!({ "UserName": "ann@corp.example", "ContactsSynced": null })]);
        let user = &read.users[0];
        assert_eq!((user.connectivity, user.onboarding), (Connectivity::None, Onboarding::None));
        assert_eq!(user.synced, EnumMap::default());
        assert!(user.address.is_none() && !user.has_configuration && read.strange.is_empty());
    }

    #[test]
    fn values_that_nobody_documented_are_other_and_noted_once() {
        let row = |name, status| json!({ "UserName": name, "ConnectivityStatus": status });
        let read = read(&[row("a", "HOVERING"), row("b", "HOVERING"), row("c", "Ann's laptop")]);
        assert_eq!(read.connectivity()[Connectivity::Other], 3);
        let noted: Vec<&str> = read.strange.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(noted, ["HOVERING", "a code of another shape"]);
    }

    #[test]
    fn users_are_named_once_and_by_what_there_is() {
        let read = read(&[
            json!({ "UserName": "a", "EventsSynced": 300.0 }),
            json!({ "UserName": "a" }),
            json!({ "EmailAddress": "b@corp.example", "UserName": "" }),
            json!({ "UserId": "005000000000001AAA" }),
            json!({ "UserName": 7 }),
        ]);
        let names: Vec<&str> = read.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["a", "b@corp.example", "005000000000001AAA"]);
        assert_eq!((read.unnamed, read.users[0].synced[ObjectType::Events]), (1, Some(300)));
        assert_eq!(read.users[2].id.as_deref(), Some("005000000000001"));
    }
}
