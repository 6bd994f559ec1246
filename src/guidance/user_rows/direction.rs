//! The four directions: contacts and events, each way.

use crate::domain::rows::Status;
use crate::guidance::{RowGuide, row};

/// The states of one direction: its function, what is synced, from where, to where.
macro_rules! direction {
    ($name:ident, $records:literal, $from:literal, $to:literal) => {
        pub(super) const fn $name(status: Status) -> Option<&'static RowGuide> {
            static NOT_STARTED: RowGuide = row![Wait because InitialSyncStuck:
                concat!("Nothing of this user's ", $records, " has gone from ", $from, " to ", $to, " yet. Right \
                         after set-up that is normal; when limits.initial_sync has passed, it is a fault."),
                Wait: "Was the user just assigned or reset? Wait for the first sync to begin.",
                SalesforceAdmin: concat!("Otherwise look at the user's configuration: is it active, and does it sync ",
                                         $records, " in this direction?"),
                SalesforceAdmin: "Both right? Reset this one user, after a look that Salesforce_Sync holds only \
                                  contacts that should sync.",
                SalesforceSupport: "Still not started the next day? Open a Salesforce case.",
            ];
            static FIRST: RowGuide = row![Wait because InitialSyncStuck:
                concat!("The user's first sync of ", $records, " from ", $from, " to ", $to, " is under way. It takes \
                         hours, on record more than a day; alerts are held back until limits.initial_sync has passed."),
                Wait: "Wait for it to end.",
                ExchangeAdmin: "Longer than limits.initial_sync? Count what it has to carry: Get-MailboxFolderStatistics USER.",
                SalesforceSupport: "Too long for that size? Open a Salesforce case.",
            ];
            static FIRST_DONE: RowGuide = row![Nobody:
                concat!("The first sync of this user's ", $records, " from ", $from, " to ", $to, " has ended well."),
            ];
            static RUNNING: RowGuide = row![Nobody:
                concat!("This user's ", $records, " are on their way from ", $from, " to ", $to, " at this moment."),
            ];
            static IN_SYNC: RowGuide = row![Nobody:
                concat!("Of this user's ", $records, ", all has arrived that goes from ", $from, " to ", $to, "."),
            ];
            static NOT_SET: RowGuide = row![SalesforceAdmin:
                concat!("For this user, ", $records, " are not meant to go from ", $from, " to ", $to, ". That is \
                         neither a fault nor health: the direction is left out."),
                SalesforceAdmin: "Is it meant so? Then there is nothing to do.",
                SalesforceAdmin: "Is every direction like this while the user is assigned? That contradicts itself: \
                                  look in Setup, Lightning Sync Configurations, which one names the user.",
            ];
            static UNKNOWN: RowGuide = row![SalesforceAdmin:
                concat!("Nobody has said how this user's ", $records, " fare from ", $from, " to ", $to, "."),
                SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
            ];
            match status {
                Status::NotStarted => Some(&NOT_STARTED),
                Status::InitialSyncInProgress => Some(&FIRST),
                Status::InitialSyncCompleted => Some(&FIRST_DONE),
                Status::SyncInProgress => Some(&RUNNING),
                Status::InSync => Some(&IN_SYNC),
                Status::NotSetToSync => Some(&NOT_SET),
                Status::Unknown => Some(&UNKNOWN),
                Status::Yes
                | Status::No
                | Status::None
                | Status::MarkedForReset
                | Status::ResetInProgress => None,
            }
        }
    };
}

direction!(contacts_to_exchange, "contacts", "Salesforce", "Exchange");
direction!(contacts_to_salesforce, "contacts", "Exchange", "Salesforce");
direction!(events_to_exchange, "events", "Salesforce", "Exchange");
direction!(events_to_salesforce, "events", "Exchange", "Salesforce");
