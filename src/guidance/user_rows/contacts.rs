//! A user's contacts: folder, addresses and count.

use super::check;
use crate::domain::rows::Status;
use crate::guidance::{RowGuide, row};

pub(super) const fn folder(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody:
        "The mailbox has Salesforce_Sync under Contacts. Only what lies in it syncs; the category of the same name \
         does nothing.",
    ];
    static NO: RowGuide = row![ExchangeAdmin because UsersFailing:
        "There is no Salesforce_Sync under this mailbox's Contacts, and Lightning Sync could not make one. This \
         user's contacts do not sync.",
        ExchangeAdmin: "Look for it: Get-MailboxFolderStatistics USER -FolderScope Contacts. Elsewhere in the mailbox, \
                        or spelled otherwise, it does not count.",
        User: "Create it in Outlook: People, right-click Contacts, New Folder, name Salesforce_Sync, for contact items.",
        ExchangeAdmin: "It is there and the X stays? Then the service account cannot see this mailbox: check its impersonation scope.",
        SalesforceAdmin: "Read this user's status again and send it here.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether the mailbox has Salesforce_Sync under Contacts.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
        ExchangeAdmin: "Or look yourself: Get-MailboxFolderStatistics USER -FolderScope Contacts.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) const fn linked(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody: "For contacts, this user's two addresses belong together."];
    static NO: RowGuide = row![SalesforceAdmin because UsersFailing:
        "For contacts, this user's Exchange address and Salesforce address do not belong together. The user's \
         contacts do not sync.",
        SalesforceAdmin: "Compare the Email field of the Salesforce user with the mailbox's primary address: \
                          Get-Mailbox USER, field PrimarySmtpAddress. Correct the wrong one.",
        User: "See that Salesforce_Sync holds only contacts that should sync: a reset matches every one of them.",
        SalesforceAdmin: "Reset the user: Setup, Lightning Sync Status, type the name, Reset Sync.",
        SalesforceSupport: "The addresses are equal and the X outlives a reset? Open a Salesforce case.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether this user's addresses belong together for contacts.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) static RECORDS: RowGuide = row![SalesforceAdmin:
    "So many of this user's contacts are kept in step, if a number is shown. It should equal what lies in the \
     user's Salesforce_Sync folder; a lasting difference is drift.",
    SalesforceAdmin: "Have the folder counted: Get-MailboxFolderStatistics USER -FolderScope Contacts, field ItemsInFolder.",
    SalesforceAdmin: "Fewer here? Look at the user's Unresolved Items in Salesforce; beyond 50,000 contacts the rest waits.",
    User: "Contacts with only the category Salesforce_Sync? Move them into the folder, turn contact categories off, \
           and choose the folder for new contacts.",
    SalesforceAdmin: "Still different after a day? Reset the user, after a look that the folder holds only contacts that should sync.",
];
