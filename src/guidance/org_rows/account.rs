//! The account, the Outlook integration and the linked addresses.

use super::pick;
use crate::guidance::{OrgState, RowGuide, row};

pub(super) fn provided(state: OrgState) -> Option<&'static RowGuide> {
    static NAMED: RowGuide = row![Nobody:
        "An account is saved and passed as a valid one. That alone does not prove that it can sync: if sync fails \
         nonetheless, test the connection from the Exchange side.",
    ];
    static NONE: RowGuide = row![SalesforceAdmin because ServiceAccountMissing:
        "Salesforce could not keep the credentials, so it has nothing to sign in to Exchange with. Nothing can sync \
         until a name stands here.",
        SalesforceAdmin: "Save ID and password once more in Setup, Outlook Integration and Sync, as user@domain or \
                          DOMAIN\\user; once, because retries lock the account.",
        ExchangeAdmin: "Is the account valid? Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired.",
        ExchangeAdmin: "Still None? Test the account from outside with the Remote Connectivity Analyzer, Service Account Access.",
        SalesforceSupport: "The test passes and None stays? Open a Salesforce case.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether an account is saved. Where Salesforce connects by OAuth 2.0 this row does not exist.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and send the page here.",
        Monitoring: "Connected by OAuth 2.0? Set connection to oauth.",
    ];
    pick(
        state,
        &[
            (OrgState::Named, &NAMED),
            (OrgState::NoneShown, &NONE),
            (OrgState::Unknown, &UNKNOWN),
        ],
    )
}

pub(super) fn outlook_integration(state: OrgState) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody:
        "The Outlook integration is on. Where reps choose which events sync, they choose in it.",
    ];
    static NO: RowGuide = row![SalesforceAdmin because OutlookIntegrationDisabled:
        "The Outlook integration is off. This matters only where reps choose which events sync: they cannot. \
         Elsewhere it is no fault.",
        SalesforceAdmin: "Do reps choose their events? Switch the integration on in Setup, Outlook Integration and Sync.",
        Monitoring: "They do not? Leave reps_select_events at false, and nobody is told about it.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether the Outlook integration is on.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and send the page here.",
    ];
    pick(
        state,
        &[
            (OrgState::Yes, &YES),
            (OrgState::No, &NO),
            (OrgState::Unknown, &UNKNOWN),
        ],
    )
}

pub(super) fn recognized(state: OrgState) -> Option<&'static RowGuide> {
    static YES: RowGuide = row![Nobody:
        "Salesforce gets in with the account. A check does not prove that sync works: if it fails nonetheless, test \
         the connection from the Exchange side.",
    ];
    static NO: RowGuide = row![ExchangeAdmin because ServiceAccountNotRecognized:
        "Exchange does not let Salesforce in with the saved account. Nobody syncs while this is so.",
        ExchangeAdmin: "Is the account locked, disabled or expired? Get-ADUser ACCOUNT -Properties \
                        Enabled,LockedOut,PasswordExpired,AccountExpirationDate; then Unlock-ADAccount ACCOUNT.",
        ExchangeAdmin: "Test one sign-in from outside: Remote Connectivity Analyzer, Service Account Access, one \
                        mailbox; retries lock the account.",
        SalesforceAdmin: "Was the password changed? Save the new one in Setup, Outlook Integration and Sync.",
        ExchangeAdmin: "Sign-in works, mailbox refused? Get-ManagementRoleAssignment -Role ApplicationImpersonation \
                        -GetEffectiveUsers must list the account.",
        SalesforceAdmin: "Read the status page again and send it here.",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said whether Salesforce accepts the account. Where it connects by OAuth 2.0 this row does not exist.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and send the page here.",
        Monitoring: "Connected by OAuth 2.0? Set connection to oauth.",
    ];
    pick(
        state,
        &[
            (OrgState::Yes, &YES),
            (OrgState::No, &NO),
            (OrgState::Unknown, &UNKNOWN),
        ],
    )
}

pub(super) fn linked_users(state: OrgState) -> Option<&'static RowGuide> {
    static EXPECTED: RowGuide = row![Nobody:
        "As many users are linked as should be: everybody's two addresses match.",
    ];
    static UNEXPECTED: RowGuide = row![SalesforceAdmin because LinkedUsersUnexpected:
        "More or fewer users are linked than should be. Those whose two addresses differ do not sync.",
        SalesforceAdmin: "Did people join or leave? Correct expected_linked_users first.",
        SalesforceAdmin: "Compare the Email field of each Salesforce user with the mailbox's primary address: \
                          Get-Mailbox USER, field PrimarySmtpAddress.",
        SalesforceAdmin: "Corrected? Reset that user in Setup, Lightning Sync Status, after a look that \
                          Salesforce_Sync holds only contacts that should sync.",
    ];
    static NUMBER: RowGuide = row![Monitoring:
        "So many users are linked; nobody has said how many should be, so only 0 can be judged.",
        Monitoring: "Set expected_linked_users, or send the list of all users with users_complete.",
    ];
    static ZERO: RowGuide = row![SalesforceSupport because NoLinkedUsers:
        "Not one user's two addresses are matched. Single wrong addresses do not look like this.",
        SalesforceSupport: "Open a Salesforce case now: Lightning Sync, 0 linked users, with the time it began.",
        SalesforceAdmin: "Meanwhile look in Setup, Lightning Sync Configurations: is one active, and has it users?",
    ];
    static UNKNOWN: RowGuide = row![SalesforceAdmin:
        "Nobody has said how many users are linked.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and send the page here.",
    ];
    pick(
        state,
        &[
            (OrgState::Expected, &EXPECTED),
            (OrgState::Unexpected, &UNEXPECTED),
            (OrgState::Number, &NUMBER),
            (OrgState::Zero, &ZERO),
            (OrgState::Unknown, &UNKNOWN),
        ],
    )
}
