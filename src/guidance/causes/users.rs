//! Trouble of single users while the organisation as a whole may be fine.

use crate::guidance::{CauseGuide, Owner, steps};

pub(super) const USERS_FAILING: CauseGuide = CauseGuide {
    summary: "Some users fail a check that they need to sync.",
    meaning: "These users cannot sync because of the check named in the alert. If others pass the same check, the \
              service account works and the trouble is theirs.",
    impact: "The users counted do not sync, or only in part; everybody else does.",
    steps: steps![
        SalesforceAdmin: "Did they leave, or should they never sync? Remove them from the Lightning Sync configuration, \
                          or list them in exclude_users.",
        SalesforceAdmin: "Open the organisation's users here: the failing check stands beside each name, with its own steps.",
        ExchangeAdmin: "Check is service_account? Was the mailbox moved, and does the impersonation scope cover it? \
                        Get-ManagementRoleAssignment -Role ApplicationImpersonation, field CustomRecipientWriteScope.",
        ExchangeAdmin: "Check is a folder? Look with Get-MailboxFolderStatistics USER -FolderScope Contacts, or Calendar.",
        SalesforceAdmin: "Check is linked? Compare the two addresses, correct, then reset the user in Setup, Lightning Sync Status.",
        SalesforceAdmin: "Read the status of those users again and send it here.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const RESET_STUCK: CauseGuide = CauseGuide {
    summary: "A user's sync reset has not ended in time.",
    meaning: "A reset was asked for, and it has been queued or running for longer than its limit.",
    impact: "The user's contacts and events do not sync until the reset ends.",
    steps: steps![
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and type the user's name. No reset shown? It has ended: send the page here.",
        SalesforceAdmin: "Were many users reset at once? Then give the queue a night.",
        SalesforceSupport: "Still there? Open a Salesforce case with the user's name and when the reset was asked for.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const INITIAL_SYNC_STUCK: CauseGuide = CauseGuide {
    summary: "A user's first sync has not ended in time.",
    meaning: "A first sync takes hours and now and then more than a day; this one has run for longer than its limit.",
    impact: "Part of the user's contacts or events is missing on one side.",
    steps: steps![
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and type the user's name. Another state? It has ended: send the page here.",
        ExchangeAdmin: "Count what it has to carry: Get-MailboxFolderStatistics USER. Above 50,000 contacts the rest waits silently.",
        SalesforceAdmin: "Stands still? Reset this one user, after a look that Salesforce_Sync holds only contacts that should sync.",
        SalesforceSupport: "Stands still after the reset? Open a Salesforce case.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const SYNC_NOTHING: CauseGuide = CauseGuide {
    summary: "Users are assigned to an active configuration that syncs nothing for them.",
    meaning: "User assigned to active Exchange configuration shows a check, and every direction shows Exchange \
              configuration not set to sync. One of the two is not meant.",
    impact: "Neither contacts nor events of these users sync. They count as excluded, neither failing nor healthy.",
    steps: steps![
        SalesforceAdmin: "Look in Setup, Lightning Sync Configurations, which one names the users, and in which directions it syncs.",
        SalesforceAdmin: "Should they sync? Choose the directions. Should they not? Take them out of the configuration.",
        SalesforceAdmin: "Set so on purpose? Name them in exclude_users.",
    ],
    owner: Owner::SalesforceAdmin,
};
