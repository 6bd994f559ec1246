//! A user's events: folder, addresses and count.

use super::check;
use crate::domain::rows::Status;
use crate::guidance::{RowGuide, row};

pub(super) const fn folder(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody: "The mailbox has a calendar that Lightning Sync can see."];
    static NO: RowGuide = row![ExchangeAdmin because UsersFailing:
        "Lightning Sync sees no calendar in this mailbox. This user's events do not sync.",
        ExchangeAdmin: "Look for it: Get-MailboxFolderStatistics USER -FolderScope Calendar.",
        User: "Really gone? Start Outlook once with outlook.exe /resetfolders, which makes missing default folders anew.",
        ExchangeAdmin: "It is there and the X stays? Then the service account cannot see this mailbox: check its impersonation scope.",
        SalesforceAdmin: "Read this user's status again and send it here.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether the mailbox has a calendar.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
        ExchangeAdmin: "Or look yourself: Get-MailboxFolderStatistics USER -FolderScope Calendar.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) const fn linked(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody: "For events, this user's two addresses belong together."];
    static NO: RowGuide = row![SalesforceAdmin because UsersFailing:
        "For events, this user's Exchange address and Salesforce address do not belong together. The user's events \
         do not sync.",
        SalesforceAdmin: "Compare the Email field of the Salesforce user with the mailbox's primary address: \
                          Get-Mailbox USER, field PrimarySmtpAddress. Correct the wrong one.",
        User: "See that Salesforce_Sync holds only contacts that should sync: a reset matches every one of them.",
        SalesforceAdmin: "Reset the user: Setup, Lightning Sync Status, type the name, Reset Sync.",
        SalesforceSupport: "The addresses are equal and the X outlives a reset? Open a Salesforce case.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether this user's addresses belong together for events.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) static RECORDS: RowGuide = row![SalesforceAdmin:
    "So many of this user's events come from Exchange to Salesforce, if a number is shown. The other way is not counted.",
    SalesforceAdmin: "Only some are missing? Look at the user's configuration first: which direction, and which events.",
    User: "Is the missing event marked private? Take the mark off if it should sync.",
    SalesforceAdmin: "Is it recurring, or has it invitees? By the vendor's status article those may not sync, though \
                      newer help pages allow attendees.",
];
