//! The 25 rows of the vendor's article: one table of ids, labels and kinds, and the values that each row can take.
//! The words of each state live in `guidance`.

use super::ids::{Direction, ObjectType, closed_set};
use super::time::Timestamp;
use enum_map::Enum;
use std::sync::Arc;

/// What is fixed about a row. Vocabulary, labels, `explain`, documentation and CSV headers are made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpec {
    /// The whole id, such as `contacts.last_sync` or `user.events.folder`.
    pub id: &'static str,
    /// The id without the object type: the `row` label of metrics.
    pub name: &'static str,
    /// The id as one word without `user.`: the `check` label of metrics.
    pub check: &'static str,
    /// The key in JSON, and in CSV behind the object type.
    pub key: &'static str,
    /// The article's label.
    pub label: &'static str,
    /// The object type that the row is about; `None` for the organisation or the user as a whole.
    pub object_type: Option<ObjectType>,
    /// What the row shows.
    pub kind: RowKind,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// An account's name, or "None".
    Account,
    /// Yes or No.
    YesNo,
    /// A picture of a check or an X.
    Mark,
    /// A user's reset.
    Reset,
    /// The state of one direction of sync.
    Direction,
    /// An instant.
    Instant,
    /// A number of what the unit names.
    Count(RowUnit),
}

/// What a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowUnit {
    /// Users.
    Users,
    /// Contacts or events.
    Records,
}

impl RowKind {
    /// The states that a user's row of this kind can show, `unknown` last; empty where it shows no state.
    pub const fn statuses(self) -> &'static [Status] {
        match self {
            Self::YesNo | Self::Mark => &[Status::Yes, Status::No, Status::Unknown],
            Self::Reset => {
                &[Status::None, Status::MarkedForReset, Status::ResetInProgress, Status::Unknown]
            }
            Self::Direction => &[
                Status::NotStarted,
                Status::InitialSyncInProgress,
                Status::InitialSyncCompleted,
                Status::SyncInProgress,
                Status::InSync,
                Status::NotSetToSync,
                Status::Unknown,
            ],
            Self::Account | Self::Instant | Self::Count(_) => &[],
        }
    }
}

/// Gives an enum of rows its table: `ALL` in the order of the table and `spec` by row.
macro_rules! row_table {
    ($row:ident: $($variant:ident $(($object:ident))? =
        $id:literal $name:literal $check:literal $key:literal $label:literal $about:expr, $kind:expr;)+) => {
        impl $row {
            /// Every row, in the article's order.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant $((ObjectType::$object))?),+];
            /// How many rows there are.
            pub const COUNT: usize = [$($id),+].len();

            /// What is fixed about the row.
            pub const fn spec(self) -> &'static RowSpec {
                match self {
                    $(Self::$variant $((ObjectType::$object))? => &RowSpec {
                        id: $id,
                        name: $name,
                        check: $check,
                        key: $key,
                        label: $label,
                        object_type: $about,
                        kind: $kind,
                    },)+
                }
            }

            /// The row of a key as our JSON spells it, among those of the object type.
            pub fn from_key(object_type: Option<ObjectType>, key: &str) -> Option<Self> {
                // Comparisons with constants: a walk over the table costs a fifth of reading a large snapshot.
                $(if key == $key && object_type == $about {
                    return Some(Self::$variant $((ObjectType::$object))?);
                })+
                None
            }

            /// The whole id, such as `contacts.last_sync` or `user.events.folder`.
            pub const fn id(self) -> &'static str {
                self.spec().id
            }

            /// The article's label.
            pub const fn label(self) -> &'static str {
                self.spec().label
            }

            /// The object type that the row is about, if it is about one.
            pub const fn object_type(self) -> Option<ObjectType> {
                self.spec().object_type
            }
        }

        impl std::fmt::Display for $row {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.id())
            }
        }

        impl From<$row> for &'static RowSpec {
            fn from(row: $row) -> Self {
                row.spec()
            }
        }
    };
}

/// Declares an enum of rows, a variant for each line of its table.
macro_rules! row_enum {
    ($row:ident: $($variant:ident = $id:literal $name:literal $check:literal $key:literal $label:literal $about:expr, $kind:expr;)+) => {
        /// A row of a user's section.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Enum)]
        pub enum $row { $(#[doc = $label] $variant),+ }

        row_table! { $row: $($variant = $id $name $check $key $label $about, $kind;)+ }
    };
}

const CONTACTS: Option<ObjectType> = Some(ObjectType::Contacts);
const EVENTS: Option<ObjectType> = Some(ObjectType::Events);
const USERS: RowKind = RowKind::Count(RowUnit::Users);
const RECORDS: RowKind = RowKind::Count(RowUnit::Records);

/// A row of the organisation's section: seven labels, three of them once for each object type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Enum)]
pub enum OrgRow {
    /// "Microsoft Exchange service account provided".
    ServiceAccountProvided,
    /// "Outlook integration enabled".
    OutlookIntegration,
    /// "Salesforce recognizes Microsoft Exchange service account".
    ServiceAccountRecognized,
    /// "Users with linked Microsoft Exchange and Salesforce email addresses".
    LinkedUsers,
    /// "Last sync activity".
    LastSync(ObjectType),
    /// "Records synced in last 60 minutes".
    Synced60m(ObjectType),
    /// "Records synced in last 24 hours".
    Synced24h(ObjectType),
}

// The store writes the place in this table, so the order never changes: append.
#[rustfmt::skip]
row_table! { OrgRow:
    ServiceAccountProvided = "service_account_provided" "service_account_provided" "service_account_provided"
        "service_account" "Microsoft Exchange service account provided" None, RowKind::Account;
    OutlookIntegration = "outlook_integration" "outlook_integration" "outlook_integration"
        "outlook_integration_enabled" "Outlook integration enabled" None, RowKind::YesNo;
    ServiceAccountRecognized = "service_account_recognized" "service_account_recognized" "service_account_recognized"
        "service_account_recognized" "Salesforce recognizes Microsoft Exchange service account" None, RowKind::Mark;
    LinkedUsers = "linked_users" "linked_users" "linked_users"
        "linked_users" "Users with linked Microsoft Exchange and Salesforce email addresses" None, USERS;
    LastSync(Contacts) = "contacts.last_sync" "last_sync" "contacts_last_sync"
        "last_sync" "Last sync activity" CONTACTS, RowKind::Instant;
    Synced60m(Contacts) = "contacts.synced_60m" "synced_60m" "contacts_synced_60m"
        "synced_60m" "Records synced in last 60 minutes" CONTACTS, RECORDS;
    Synced24h(Contacts) = "contacts.synced_24h" "synced_24h" "contacts_synced_24h"
        "synced_24h" "Records synced in last 24 hours" CONTACTS, RECORDS;
    LastSync(Events) = "events.last_sync" "last_sync" "events_last_sync"
        "last_sync" "Last sync activity" EVENTS, RowKind::Instant;
    Synced60m(Events) = "events.synced_60m" "synced_60m" "events_synced_60m"
        "synced_60m" "Records synced in last 60 minutes" EVENTS, RECORDS;
    Synced24h(Events) = "events.synced_24h" "synced_24h" "events_synced_24h"
        "synced_24h" "Records synced in last 24 hours" EVENTS, RECORDS;
}

/// The value of an organisation's row. Which variant a row takes follows from its [`RowKind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrgValue {
    /// A service account's user name, or the article's "None".
    Account(Option<Arc<str>>),
    /// Yes and check, or No and X.
    Flag(bool),
    /// A number of users or records.
    Count(u64),
    /// When something last synced.
    Instant(Timestamp),
}

// The store writes the place in this table, so the order never changes: append.
#[rustfmt::skip]
row_enum! { UserRow:
    ActiveConfiguration = "user.active_configuration" "user.active_configuration" "active_configuration"
        "active_configuration" "User assigned to active Exchange configuration" None, RowKind::Mark;
    MailboxVersion = "user.mailbox_version" "user.mailbox_version" "mailbox_version"
        "mailbox_version_supported" "User mailbox is running on supported version of Microsoft Exchange" None, RowKind::Mark;
    ServiceAccount = "user.service_account" "user.service_account" "service_account"
        "recognized_by_service_account" "User recognized by Exchange service account" None, RowKind::Mark;
    Reset = "user.reset" "user.reset" "reset"
        "reset" "User's reset sync status" None, RowKind::Reset;
    OutlookIntegration = "user.outlook_integration" "user.outlook_integration" "outlook_integration"
        "outlook_integration_set_up" "User set up Outlook integration" None, RowKind::YesNo;
    ContactsFolder = "user.contacts.folder" "user.folder" "contacts_folder"
        "folder_found" "Salesforce_Sync folder found" CONTACTS, RowKind::Mark;
    ContactsLinked = "user.contacts.linked" "user.linked" "contacts_linked"
        "linked" "Salesforce and Exchange email addresses linked" CONTACTS, RowKind::Mark;
    ContactsToExchange = "user.contacts.to_exchange" "user.to_exchange" "contacts_to_exchange"
        "to_exchange" "Salesforce to Exchange sync status" CONTACTS, RowKind::Direction;
    ContactsToSalesforce = "user.contacts.to_salesforce" "user.to_salesforce" "contacts_to_salesforce"
        "to_salesforce" "Exchange to Salesforce sync status" CONTACTS, RowKind::Direction;
    ContactsRecords = "user.contacts.records" "user.records" "contacts_records"
        "records_in_sync" "Records in sync" CONTACTS, RECORDS;
    EventsFolder = "user.events.folder" "user.folder" "events_folder"
        "folder_found" "Calendar folder found" EVENTS, RowKind::Mark;
    EventsLinked = "user.events.linked" "user.linked" "events_linked"
        "linked" "Salesforce and Exchange email addresses linked" EVENTS, RowKind::Mark;
    EventsToExchange = "user.events.to_exchange" "user.to_exchange" "events_to_exchange"
        "to_exchange" "Salesforce to Exchange sync status" EVENTS, RowKind::Direction;
    EventsToSalesforce = "user.events.to_salesforce" "user.to_salesforce" "events_to_salesforce"
        "to_salesforce" "Exchange to Salesforce sync status" EVENTS, RowKind::Direction;
    EventsRecords = "user.events.records" "user.records" "events_records"
        "records_in_sync" "Records in sync" EVENTS, RECORDS;
}

impl UserRow {
    /// The states this row can show, `unknown` last; empty for the two counts.
    pub const fn statuses(self) -> &'static [Status] {
        self.spec().kind.statuses()
    }

    /// The `check` label.
    pub const fn check(self) -> &'static str {
        self.spec().check
    }

    /// The rows that have states: the values of the `check` label.
    pub fn checks() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|row| !row.statuses().is_empty())
    }

    /// The sync of an object type in a direction.
    pub const fn of_direction(object: ObjectType, direction: Direction) -> Self {
        match (object, direction) {
            (ObjectType::Contacts, Direction::ToExchange) => Self::ContactsToExchange,
            (ObjectType::Contacts, Direction::ToSalesforce) => Self::ContactsToSalesforce,
            (ObjectType::Events, Direction::ToExchange) => Self::EventsToExchange,
            (ObjectType::Events, Direction::ToSalesforce) => Self::EventsToSalesforce,
        }
    }

    /// Whether the row is one of the four sync directions.
    pub const fn is_direction(self) -> bool {
        matches!(self.spec().kind, RowKind::Direction)
    }
}

closed_set! {
    /// What a user's row can show. The store writes [`Status::index`], so the order never changes: append.
    Status {
        /// A check, or Yes.
        Yes = "yes",
        /// An X, or No.
        No = "no",
        /// No reset is shown while the rest of the section was read.
        None = "none",
        MarkedForReset = "marked_for_reset",
        ResetInProgress = "reset_in_progress",
        NotStarted = "not_started",
        InitialSyncInProgress = "initial_sync_in_progress",
        InitialSyncCompleted = "initial_sync_completed",
        SyncInProgress = "sync_in_progress",
        InSync = "in_sync",
        /// "Exchange configuration not set to sync".
        NotSetToSync = "not_set_to_sync",
        /// No source has reported it, or the source does not know any more.
        Unknown = "unknown",
    }
}

/// The value of a user's row: a number in the two count rows, a state in all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserValue {
    /// A state.
    Status(Status),
    /// A number of records.
    Records(u32),
}

impl UserValue {
    /// The state; [`Status::Unknown`] for a number.
    pub const fn status(self) -> Status {
        match self {
            Self::Status(status) => status,
            Self::Records(_) => Status::Unknown,
        }
    }
}

impl std::fmt::Display for UserValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => f.write_str(status.name()),
            Self::Records(records) => records.fmt(f),
        }
    }
}

impl From<Status> for UserValue {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// Any of the 25 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArticleRow {
    /// A row of the organisation.
    Org(OrgRow),
    /// A row of a user.
    User(UserRow),
}

impl ArticleRow {
    /// Every row, in the article's order.
    pub fn all() -> impl Iterator<Item = Self> {
        let users = UserRow::ALL.into_iter().map(Self::User);
        OrgRow::ALL.into_iter().map(Self::Org).chain(users)
    }

    /// What is fixed about the row.
    pub const fn spec(self) -> &'static RowSpec {
        match self {
            Self::Org(row) => row.spec(),
            Self::User(row) => row.spec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_has_25_rows_whose_names_follow_from_their_ids() {
        let ids: BTreeSet<&str> = ArticleRow::all().map(|row| row.spec().id).collect();
        assert_eq!((ids.len(), OrgRow::COUNT, UserRow::COUNT), (25, 10, 15));
        for spec in ArticleRow::all().map(ArticleRow::spec) {
            let object = spec.object_type.map(|object| format!("{object}."));
            let name = object.map_or(spec.id.to_owned(), |object| spec.id.replace(&object, ""));
            let check = spec.id.trim_start_matches("user.").replace('.', "_");
            assert_eq!((spec.name, spec.check), (name.as_str(), check.as_str()));
        }
        assert_eq!(UserRow::checks().count(), 13);
    }

    #[test]
    fn a_value_is_shown_by_its_name_or_its_number() {
        assert_eq!(UserValue::Status(Status::InSync).to_string(), Status::InSync.name());
        assert_eq!(UserValue::Records(12).to_string(), "12");
    }
}
