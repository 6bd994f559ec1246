//! A user's set-up: configuration, mailbox version, service account, reset, Outlook integration.

use super::check;
use crate::domain::rows::Status;
use crate::guidance::{RowGuide, row};

pub(super) const fn active_configuration(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody: "An active Lightning Sync configuration names this user."];
    static NO: RowGuide = row![SalesforceAdmin because UsersFailing:
        "No active configuration names this user, so nothing of theirs syncs. For somebody who left or never should \
         sync that is right.",
        SalesforceAdmin: "Should this user sync? If not, list them in exclude_users; if they moved to the successor \
                          product, set migrating_since.",
        SalesforceAdmin: "If so, add the user in Setup, Lightning Sync Configurations, and see that the configuration is active.",
        Wait: "Give the first sync its hours.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether a configuration names this user.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) const fn mailbox_version(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide =
        row![Nobody: "The mailbox lives on an Exchange version that Lightning Sync can work with."];
    static NO: RowGuide = row![ExchangeAdmin because UsersFailing:
        "The mailbox lives on an Exchange version that Lightning Sync cannot work with. The versions named by the \
         vendor are 2013, 2016 and 2019.",
        ExchangeAdmin: "Where does the mailbox live? Get-Mailbox USER, fields ServerName and AdminDisplayVersion.",
        ExchangeAdmin: "Move it to a server of a named version: New-MoveRequest USER -TargetDatabase DATABASE.",
        SalesforceAdmin: "Mailboxes on premises and in Exchange Online at once? That mix is not supported: plan the \
                          move to the successor product.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said which Exchange version this mailbox lives on.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
        ExchangeAdmin: "Or look yourself: Get-Mailbox USER, field AdminDisplayVersion.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) const fn service_account(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide =
        row![Nobody: "The service account may act for this user, and it answers."];
    static NO: RowGuide = row![ExchangeAdmin because UsersFailing:
        "The service account may not act for this user, or it cannot be reached at all. If others pass this check, \
         the account works and only its rights are short.",
        ExchangeAdmin: "Do others pass? If nobody does, the account itself is the cause: start at the organisation's rows.",
        ExchangeAdmin: "Which mailboxes do its rights cover? Get-ManagementRoleAssignment -Role ApplicationImpersonation, \
                        field CustomRecipientWriteScope; then Get-ManagementScope SCOPE, field RecipientFilter.",
        ExchangeAdmin: "Was the mailbox moved or renamed out of that scope? Widen the filter: Set-ManagementScope SCOPE -RecipientRestrictionFilter FILTER.",
        ExchangeAdmin: "Is EWS switched off for this mailbox? Get-CASMailbox USER, field EwsEnabled.",
        SalesforceAdmin: "Read this user's status again and send it here.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether the service account may act for this user.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}

pub(super) const fn reset(status: Status) -> Option<&'static RowGuide> {
    static NONE: RowGuide = row![Nobody: "No reset waits or runs: the rest of the user's section was read, and none is shown."];
    static MARKED: RowGuide = row![Wait because ResetStuck:
        "Somebody asked for a reset, and it waits in the vendor's queue. The user's other alerts are held back until \
         limits.reset has passed.",
        Wait: "Wait for it to begin and to end.",
        SalesforceSupport: "Longer than limits.reset? Open a Salesforce case with the user's name and the time of the request.",
    ];
    static RUNNING: RowGuide = row![Wait because ResetStuck:
        "A reset runs: the user's records are matched anew. The row vanishes from the page when it has ended. The \
         user's other alerts are held back until limits.reset has passed.",
        Wait: "Wait for it to end.",
        SalesforceSupport: "Longer than limits.reset? Open a Salesforce case with the user's name and since when it runs.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has read this user's section, so a reset can neither be seen nor ruled out.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
    ];
    match status {
        Status::None => Some(&NONE),
        Status::MarkedForReset => Some(&MARKED),
        Status::ResetInProgress => Some(&RUNNING),
        Status::Unknown => Some(&UNKNOWN),
        Status::Yes
        | Status::No
        | Status::NotStarted
        | Status::InitialSyncInProgress
        | Status::InitialSyncCompleted
        | Status::SyncInProgress
        | Status::InSync
        | Status::NotSetToSync => None,
    }
}

pub(super) const fn outlook_integration(status: Status) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody: "This user has set up the Outlook integration and can choose events where reps choose them."];
    static NO: RowGuide = row![User because UsersFailing:
        "This user has not set up the Outlook integration. It matters only where reps choose which events sync: this \
         one cannot.",
        User: "Open Outlook, start Salesforce from the ribbon, and sign in once.",
        SalesforceAdmin: "Not in the ribbon? See that the integration is on in Setup, Outlook Integration and Sync.",
        ExchangeAdmin: "On, and still not there? Deploy the Salesforce add-in to this mailbox.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether this user set up the Outlook integration.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, type the user's name, and send the page here.",
    ];
    check(status, &YES, &NO, &UNKNOWN)
}
