//! A user's fifteen rows: the article's labels, and our words for each state.

mod config;
mod contacts;
mod direction;
mod events;

use super::RowGuide;
use crate::domain::rows::{Status, UserRow};

/// The article's label.
pub(super) const fn label(row: UserRow) -> &'static str {
    match row {
        UserRow::ActiveConfiguration => "User assigned to active Exchange configuration",
        UserRow::MailboxVersion => {
            "User mailbox is running on supported version of Microsoft Exchange"
        }
        UserRow::ServiceAccount => "User recognized by Exchange service account",
        UserRow::Reset => "User's reset sync status",
        UserRow::OutlookIntegration => "User set up Outlook integration",
        UserRow::ContactsFolder => "Salesforce_Sync folder found",
        UserRow::EventsFolder => "Calendar folder found",
        UserRow::ContactsLinked | UserRow::EventsLinked => {
            "Salesforce and Exchange email addresses linked"
        }
        UserRow::ContactsToExchange | UserRow::EventsToExchange => {
            "Salesforce to Exchange sync status"
        }
        UserRow::ContactsToSalesforce | UserRow::EventsToSalesforce => {
            "Exchange to Salesforce sync status"
        }
        UserRow::ContactsRecords | UserRow::EventsRecords => "Records in sync",
    }
}

/// The words for a status; `None` when the row cannot show it. The two counts take any status.
pub(super) fn guide(row: UserRow, status: Status) -> Option<&'static RowGuide> {
    match row {
        UserRow::ActiveConfiguration => config::active_configuration(status),
        UserRow::MailboxVersion => config::mailbox_version(status),
        UserRow::ServiceAccount => config::service_account(status),
        UserRow::Reset => config::reset(status),
        UserRow::OutlookIntegration => config::outlook_integration(status),
        UserRow::ContactsFolder => contacts::folder(status),
        UserRow::ContactsLinked => contacts::linked(status),
        UserRow::ContactsToExchange => direction::contacts_to_exchange(status),
        UserRow::ContactsToSalesforce => direction::contacts_to_salesforce(status),
        UserRow::ContactsRecords => Some(&contacts::RECORDS),
        UserRow::EventsFolder => events::folder(status),
        UserRow::EventsLinked => events::linked(status),
        UserRow::EventsToExchange => direction::events_to_exchange(status),
        UserRow::EventsToSalesforce => direction::events_to_salesforce(status),
        UserRow::EventsRecords => Some(&events::RECORDS),
    }
}

/// Picks the guide of a row that shows a check or an X.
const fn check(
    status: Status,
    yes: &'static RowGuide,
    no: &'static RowGuide,
    unknown: &'static RowGuide,
) -> Option<&'static RowGuide> {
    match status {
        Status::Yes => Some(yes),
        Status::No => Some(no),
        Status::Unknown => Some(unknown),
        Status::None
        | Status::MarkedForReset
        | Status::ResetInProgress
        | Status::NotStarted
        | Status::InitialSyncInProgress
        | Status::InitialSyncCompleted
        | Status::SyncInProgress
        | Status::InSync
        | Status::NotSetToSync => None,
    }
}
