//! The 25 rows of the vendor's article and the values each can take. Wording lives in `guidance`; here are the ids.

use super::ids::{ObjectType, closed_set};
use super::time::Timestamp;
use std::sync::Arc;

/// A row of the organisation's section: seven labels, three of them once for each object type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl OrgRow {
    /// Every row, in the article's order.
    pub const ALL: [Self; 10] = [
        Self::ServiceAccountProvided,
        Self::OutlookIntegration,
        Self::ServiceAccountRecognized,
        Self::LinkedUsers,
        Self::LastSync(ObjectType::Contacts),
        Self::Synced60m(ObjectType::Contacts),
        Self::Synced24h(ObjectType::Contacts),
        Self::LastSync(ObjectType::Events),
        Self::Synced60m(ObjectType::Events),
        Self::Synced24h(ObjectType::Events),
    ];
    /// How many rows there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::ServiceAccountProvided => 0,
            Self::OutlookIntegration => 1,
            Self::ServiceAccountRecognized => 2,
            Self::LinkedUsers => 3,
            Self::LastSync(ObjectType::Contacts) => 4,
            Self::Synced60m(ObjectType::Contacts) => 5,
            Self::Synced24h(ObjectType::Contacts) => 6,
            Self::LastSync(ObjectType::Events) => 7,
            Self::Synced60m(ObjectType::Events) => 8,
            Self::Synced24h(ObjectType::Events) => 9,
        }
    }

    /// The id without the object type; the `row` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccountProvided => "service_account_provided",
            Self::OutlookIntegration => "outlook_integration",
            Self::ServiceAccountRecognized => "service_account_recognized",
            Self::LinkedUsers => "linked_users",
            Self::LastSync(_) => "last_sync",
            Self::Synced60m(_) => "synced_60m",
            Self::Synced24h(_) => "synced_24h",
        }
    }

    /// The whole id, such as `contacts.last_sync`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::LastSync(ObjectType::Contacts) => "contacts.last_sync",
            Self::Synced60m(ObjectType::Contacts) => "contacts.synced_60m",
            Self::Synced24h(ObjectType::Contacts) => "contacts.synced_24h",
            Self::LastSync(ObjectType::Events) => "events.last_sync",
            Self::Synced60m(ObjectType::Events) => "events.synced_60m",
            Self::Synced24h(ObjectType::Events) => "events.synced_24h",
            Self::ServiceAccountProvided
            | Self::OutlookIntegration
            | Self::ServiceAccountRecognized
            | Self::LinkedUsers => self.name(),
        }
    }

    /// The row of an id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.id() == id)
    }

    /// The object type that the row speaks of, if it speaks of one.
    pub const fn object_type(self) -> Option<ObjectType> {
        match self {
            Self::LastSync(object) | Self::Synced60m(object) | Self::Synced24h(object) => {
                Some(object)
            }
            Self::ServiceAccountProvided
            | Self::OutlookIntegration
            | Self::ServiceAccountRecognized
            | Self::LinkedUsers => None,
        }
    }
}

/// The value of an organisation's row. Which variant a row takes is fixed: see [`OrgRow::takes`].
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

impl OrgRow {
    /// Whether `value` is of the kind that this row shows.
    pub const fn takes(self, value: &OrgValue) -> bool {
        match self {
            Self::ServiceAccountProvided => matches!(value, OrgValue::Account(_)),
            Self::OutlookIntegration | Self::ServiceAccountRecognized => {
                matches!(value, OrgValue::Flag(_))
            }
            Self::LinkedUsers | Self::Synced60m(_) | Self::Synced24h(_) => {
                matches!(value, OrgValue::Count(_))
            }
            Self::LastSync(_) => matches!(value, OrgValue::Instant(_)),
        }
    }
}

closed_set! {
    /// A row of a user's section.
    UserRow {
        /// "User assigned to active Exchange configuration".
        ActiveConfiguration = "user.active_configuration",
        /// "User mailbox is running on supported version of Microsoft Exchange".
        MailboxVersion = "user.mailbox_version",
        /// "User recognized by Exchange service account".
        ServiceAccount = "user.service_account",
        /// "User's reset sync status".
        Reset = "user.reset",
        /// "User set up Outlook integration".
        OutlookIntegration = "user.outlook_integration",
        /// "Salesforce_Sync folder found".
        ContactsFolder = "user.contacts.folder",
        /// "Salesforce and Exchange email addresses linked", contacts.
        ContactsLinked = "user.contacts.linked",
        /// "Salesforce to Exchange sync status", contacts.
        ContactsToExchange = "user.contacts.to_exchange",
        /// "Exchange to Salesforce sync status", contacts.
        ContactsToSalesforce = "user.contacts.to_salesforce",
        /// "Records in sync", contacts.
        ContactsRecords = "user.contacts.records",
        /// "Calendar folder found".
        EventsFolder = "user.events.folder",
        /// "Salesforce and Exchange email addresses linked", events.
        EventsLinked = "user.events.linked",
        /// "Salesforce to Exchange sync status", events.
        EventsToExchange = "user.events.to_exchange",
        /// "Exchange to Salesforce sync status", events.
        EventsToSalesforce = "user.events.to_salesforce",
        /// "Records in sync", events.
        EventsRecords = "user.events.records",
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
        /// "Marked for reset".
        MarkedForReset = "marked_for_reset",
        /// "Reset in progress".
        ResetInProgress = "reset_in_progress",
        /// "Not started".
        NotStarted = "not_started",
        /// "Initial sync in progress".
        InitialSyncInProgress = "initial_sync_in_progress",
        /// "Initial sync completed".
        InitialSyncCompleted = "initial_sync_completed",
        /// "Sync in progress".
        SyncInProgress = "sync_in_progress",
        /// "In sync".
        InSync = "in_sync",
        /// "Exchange configuration not set to sync".
        NotSetToSync = "not_set_to_sync",
        /// Nobody has said, or a source that could say does not know any more.
        Unknown = "unknown",
    }
}

const CHECK: &[Status] = &[Status::Yes, Status::No, Status::Unknown];
const RESET: &[Status] = &[
    Status::None,
    Status::MarkedForReset,
    Status::ResetInProgress,
    Status::Unknown,
];
const DIRECTION: &[Status] = &[
    Status::NotStarted,
    Status::InitialSyncInProgress,
    Status::InitialSyncCompleted,
    Status::SyncInProgress,
    Status::InSync,
    Status::NotSetToSync,
    Status::Unknown,
];

impl UserRow {
    /// The states this row can show, `unknown` last; empty for the two counts.
    pub const fn statuses(self) -> &'static [Status] {
        match self {
            Self::ActiveConfiguration
            | Self::MailboxVersion
            | Self::ServiceAccount
            | Self::OutlookIntegration
            | Self::ContactsFolder
            | Self::ContactsLinked
            | Self::EventsFolder
            | Self::EventsLinked => CHECK,
            Self::Reset => RESET,
            Self::ContactsToExchange
            | Self::ContactsToSalesforce
            | Self::EventsToExchange
            | Self::EventsToSalesforce => DIRECTION,
            Self::ContactsRecords | Self::EventsRecords => &[],
        }
    }

    /// The `check` label: the id without `user.` and with underscores.
    pub const fn check(self) -> &'static str {
        match self {
            Self::ActiveConfiguration => "active_configuration",
            Self::MailboxVersion => "mailbox_version",
            Self::ServiceAccount => "service_account",
            Self::Reset => "reset",
            Self::OutlookIntegration => "outlook_integration",
            Self::ContactsFolder => "contacts_folder",
            Self::ContactsLinked => "contacts_linked",
            Self::ContactsToExchange => "contacts_to_exchange",
            Self::ContactsToSalesforce => "contacts_to_salesforce",
            Self::ContactsRecords => "contacts_records",
            Self::EventsFolder => "events_folder",
            Self::EventsLinked => "events_linked",
            Self::EventsToExchange => "events_to_exchange",
            Self::EventsToSalesforce => "events_to_salesforce",
            Self::EventsRecords => "events_records",
        }
    }

    /// The rows that have states: the values of the `check` label.
    pub fn checks() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|row| !row.statuses().is_empty())
    }

    /// The object type that the row speaks of, if it speaks of one.
    pub const fn object_type(self) -> Option<ObjectType> {
        match self {
            Self::ActiveConfiguration
            | Self::MailboxVersion
            | Self::ServiceAccount
            | Self::Reset
            | Self::OutlookIntegration => None,
            Self::ContactsFolder
            | Self::ContactsLinked
            | Self::ContactsToExchange
            | Self::ContactsToSalesforce
            | Self::ContactsRecords => Some(ObjectType::Contacts),
            Self::EventsFolder
            | Self::EventsLinked
            | Self::EventsToExchange
            | Self::EventsToSalesforce
            | Self::EventsRecords => Some(ObjectType::Events),
        }
    }

    /// Whether the row is one of the four sync directions.
    pub const fn is_direction(self) -> bool {
        matches!(
            self,
            Self::ContactsToExchange
                | Self::ContactsToSalesforce
                | Self::EventsToExchange
                | Self::EventsToSalesforce
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_25_rows_with_ids_that_read_back() {
        assert_eq!(OrgRow::COUNT + UserRow::COUNT, 25);
        for (index, row) in OrgRow::ALL.into_iter().enumerate() {
            assert_eq!((row.index(), OrgRow::from_id(row.id())), (index, Some(row)));
        }
        assert_eq!(UserRow::checks().count(), 13);
    }
}
