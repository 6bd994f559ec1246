//! The users of Einstein Activity Capture, who is assigned to it, and the accounts of both. A user is known by the record
//! id: names are cut short, and two users can have one address.

use super::answer::{count, text, time};
use super::facts::POLLS_VARY_BY;
use super::paging::Record;
use crate::domain::ids::{ObjectType, UserName, closed_set};
use crate::domain::time::Timestamp;
use crate::sources::failure::code;
use chrono::TimeDelta;
use enum_map::{Enum, EnumMap};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

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
        Pending = "pending",
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
        /// It failed; the article has no such state.
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

    /// Whether the organisation's own connection does not work, as far as this user was shown.
    pub(super) const fn is_broken_for_all(self) -> bool {
        matches!(self, Self::NeedsAttentionGlobal | Self::NeedsAttentionHybrid)
    }

    fn of(raw: Option<&str>) -> Self {
        raw.map_or(Self::None, |raw| {
            let found = Self::ALL
                .iter()
                .find(|status| status.name().replace('_', "").to_uppercase() == raw);
            found.copied().unwrap_or(Self::Other)
        })
    }
}

impl Onboarding {
    fn of(raw: Option<&str>) -> Self {
        raw.map_or(Self::None, |raw| {
            let found = Self::ALL.iter().find(|status| status.name().to_uppercase() == raw);
            found.copied().unwrap_or(Self::Other)
        })
    }
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaptureUser {
    pub(super) name: UserName,
    /// The record id of the user, where it has the form of one.
    pub(super) id: Option<String>,
    /// The address that is synced; a mailbox may be known by it on the page. The outer `None`: it was not read.
    pub(super) address: Option<Option<String>>,
    /// What the vendor recommends to do about the connection.
    pub(super) recommended: Option<String>,
    /// Whether a configuration is named; `None`: it was not read.
    pub(super) has_configuration: Option<bool>,
    /// The configuration's name; `None`: none is named, or it was not read.
    pub(super) configuration: Option<String>,
    pub(super) connectivity: Connectivity,
    pub(super) onboarding: Onboarding,
    /// Records synced since midnight; `None` where nothing says so.
    pub(super) synced: EnumMap<ObjectType, Option<u64>>,
}

impl CaptureUser {
    /// What the user is known by.
    pub(super) fn key(&self) -> &str {
        self.id.as_deref().unwrap_or(self.name.as_str())
    }

    /// Takes another row of the same user, so that the order of the two makes no difference.
    fn merge(&mut self, other: &Self) {
        self.connectivity = self.connectivity.min(other.connectivity);
        self.onboarding = self.onboarding.min(other.onboarding);
        self.has_configuration = self.has_configuration.max(other.has_configuration);
        if self.configuration < other.configuration {
            self.configuration.clone_from(&other.configuration);
        }
        for (object, count) in &mut self.synced {
            *count = (*count).max(other.synced[object]);
        }
    }
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

/// The longest title that is shown.
const MAX_TITLE: usize = 160;
/// How many different strange values of one answer are reported.
const MAX_STRANGE: usize = 8;

impl CaptureUsers {
    /// Reads the rows. A user in two rows is one; two users with one name are two, with their ids behind it.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut read = Self::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        for record in records {
            let Some(user) = user(record) else {
                read.unnamed += 1;
                continue;
            };
            read.note_strange(record, &user);
            match places.entry(user.key().to_owned()) {
                Entry::Occupied(place) => {
                    if let Some(known) = read.users.get_mut(*place.get()) {
                        known.merge(&user);
                    }
                }
                Entry::Vacant(place) => {
                    place.insert(read.users.len());
                    read.users.push(user);
                }
            }
        }
        let mut names: HashMap<UserName, u32> = HashMap::new();
        for user in &read.users {
            *names.entry(user.name.clone()).or_default() += 1;
        }
        for user in &mut read.users {
            let shared = names.get(&user.name) > Some(&1);
            if let Some(id) = user.id.as_deref().filter(|_| shared).map(without_case) {
                let long = UserName::new(&format!("{} ({id})", user.name));
                if let Ok(name) = long.or_else(|_| UserName::new(&id)) {
                    user.name = name;
                }
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

    /// How many users have each value of a column.
    pub(super) fn tally<K: Enum>(&self, of: fn(&CaptureUser) -> K) -> EnumMap<K, u64> {
        let mut counts = EnumMap::default();
        for user in &self.users {
            counts[of(user)] += 1;
        }
        counts
    }
}

fn user(record: &Record) -> Option<CaptureUser> {
    let id = text(record, "UserId").and_then(record_id);
    let name = ["UserName", "EmailAddress"]
        .into_iter()
        .find_map(|field| UserName::new(text(record, field)?).ok())
        .or_else(|| UserName::new(&without_case(id.as_deref()?)).ok())?;
    Some(CaptureUser {
        name,
        id,
        address: record.contains_key("EmailAddress").then(|| {
            let address = text(record, "EmailAddress");
            address.filter(|address| UserName::new(address).is_ok()).map(str::to_owned)
        }),
        recommended: text(record, "RecommendedActionTitle").map(short),
        has_configuration: record
            .contains_key("ConfigurationName")
            .then(|| text(record, "ConfigurationName").is_some()),
        configuration: text(record, "ConfigurationName").map(short),
        connectivity: Connectivity::of(text(record, "ConnectivityStatus")),
        onboarding: Onboarding::of(text(record, "UserOnboardingStatus")),
        synced: EnumMap::from_fn(|object| match object {
            ObjectType::Contacts => count(record.get("ContactsSynced")),
            ObjectType::Events => count(record.get("EventsSynced")),
        }),
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

/// A record id of 15 characters with the three that say which of them are capitals: users' names have no letter case, and
/// two ids may differ in nothing else.
fn without_case(id: &str) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let cases = id.as_bytes().chunks(5).map(|part| {
        let bits =
            part.iter().rev().fold(0, |bits, b| bits << 1 | u8::from(b.is_ascii_uppercase()));
        DIGITS.get(usize::from(bits)).map_or('A', |digit| char::from(*digit))
    });
    id.chars().chain(cases).collect()
}

/// What the rows of assignments say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Assignments {
    /// Assigned users, by the first 15 characters of their ids.
    pub(super) users: HashSet<String>,
    /// How many profiles are assigned; who has them is not known.
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

/// Who of the users is active, and when they logged in last.
#[derive(Debug, Default)]
pub(super) struct Accounts(HashMap<String, Account>);

#[derive(Debug, Clone, Copy)]
struct Account {
    read_at: Timestamp,
    inactive: bool,
    logged_in_at: Option<Timestamp>,
}

/// The most accounts of one query: their ids make a query of 6 kB, and an address may have 16 kB.
const MOST_ACCOUNTS: usize = 300;
/// An account is read again after this long.
const ACCOUNT_HOLDS: TimeDelta = TimeDelta::hours(1);

impl Accounts {
    /// The accounts to read at `now`: those that were never read come first.
    pub(super) fn wanted<'i>(
        &self,
        ids: impl Iterator<Item = &'i String>,
        now: Timestamp,
    ) -> Vec<String> {
        let read_at = |id: &str| self.0.get(id).map(|account| account.read_at);
        let mut wanted: Vec<(Option<Timestamp>, &String)> = ids
            .map(|id| (read_at(id), id))
            .filter(|(at, _)| {
                at.is_none_or(|at| now.since(at).abs() >= ACCOUNT_HOLDS - POLLS_VARY_BY)
            })
            .collect();
        wanted.sort();
        wanted.dedup();
        wanted.into_iter().take(MOST_ACCOUNTS).map(|(_, id)| id.clone()).collect()
    }

    /// Takes what was found of the wanted accounts. Who is not found is hidden from us, and nothing is known of them.
    pub(super) fn take(&mut self, wanted: Vec<String>, records: &[Record], now: Timestamp) {
        let hidden = Account { read_at: now, inactive: false, logged_in_at: None };
        self.0.extend(wanted.into_iter().map(|id| (id, hidden)));
        for record in records {
            let id = text(record, "Id").and_then(record_id);
            if let Some(account) = id.and_then(|id| self.0.get_mut(&id)) {
                account.inactive = record.get("IsActive") == Some(&false.into());
                account.logged_in_at = text(record, "LastLoginDate").and_then(time);
            }
        }
    }

    /// Whether an account is active; `None`: it was not read.
    pub(super) fn is_active(&self, id: &str) -> Option<bool> {
        self.0.get(id).map(|account| !account.inactive)
    }

    /// When somebody logged in last.
    pub(super) fn logged_in_at(&self, id: &str) -> Option<Timestamp> {
        self.0.get(id)?.logged_in_at
    }

    /// Forgets all others.
    pub(super) fn retain(&mut self, known: impl Fn(&String) -> bool) {
        self.0.retain(|id, _| known(id));
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
        assert_eq!(user.synced.into_array(), [None, None]);
        assert!(
            user.address.is_none() && user.has_configuration.is_none() && read.strange.is_empty()
        );
    }

    #[test]
    fn values_that_nobody_documented_are_other_and_reported_once() {
        let row = |name, status| json!({ "UserName": name, "ConnectivityStatus": status });
        let read = read(&[row("a", "HOVERING"), row("b", "HOVERING"), row("c", "Ann's laptop")]);
        assert_eq!(read.tally(|user| user.connectivity)[Connectivity::Other], 3);
        let values: Vec<&str> = read.strange.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["HOVERING", "a code of another shape"]);
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
        assert_eq!(names, ["a", "b@corp.example", "005000000000001aaa"]);
        assert_eq!((read.unnamed, read.users[0].synced[ObjectType::Events]), (1, Some(300)));
        assert_eq!(read.users[2].id.as_deref(), Some("005000000000001"));
    }

    #[test]
    fn identity_is_the_id() {
        let row = |id: u32, name: &str, contacts: u64| json!({ "UserId": format!("{id:015}"), "UserName": name, "ContactsSynced": contacts });
        let both = read(&[row(1, "Ann@corp.example", 5), row(2, "ann@corp.example", 7)]);
        let names: Vec<&str> = both.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(
            names,
            ["ann@corp.example (000000000000001aaa)", "ann@corp.example (000000000000002aaa)"]
        );
        let nobody = |id| json!({ "UserId": id });
        let ids = read(&[nobody("005D0000001sv6a"), nobody("005D0000001Sv6a")]);
        let names: Vec<&str> = ids.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["005d0000001sv6aiaa", "005d0000001sv6aiac"], "their case is in the end");
        // One user in two rows, in either order.
        let (old, new) = (row(1, "ann", 5), row(1, "ann", 7));
        for rows in [[old.clone(), new.clone()], [new, old]] {
            let one = read(&rows);
            assert_eq!(one.users.len(), 1);
            assert_eq!(one.users[0].synced[ObjectType::Contacts], Some(7));
        }
        let long = "a".repeat(UserName::MAX_BYTES);
        assert_eq!(
            read(&[row(1, &long, 0), row(2, &long, 0)]).users[1].name.as_str(),
            "000000000000002aaa"
        );
    }
}
