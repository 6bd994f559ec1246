//! The service account and the linked addresses: what everything else hangs on.

use crate::guidance::{CauseGuide, Owner, steps};

pub(super) const MISSING: CauseGuide = CauseGuide {
    summary: "Salesforce has no Exchange service account.",
    meaning: "The status page shows None where the account's name should be: Salesforce could not keep the \
              credentials. Without an account it cannot sign in to Exchange at all.",
    impact: "No contact and no event syncs, in either direction, for anybody.",
    steps: steps![
        SalesforceAdmin: "Open Setup, Outlook Integration and Sync, and look whether somebody cleared or changed the account.",
        ExchangeAdmin: "Is the account enabled, not locked, its password not expired? Check with Get-ADUser ACCOUNT \
                        -Properties Enabled,LockedOut,PasswordExpired.",
        SalesforceAdmin: "Save ID and password once more, as user@domain or DOMAIN\\user, and only once: retries lock the account.",
        ExchangeAdmin: "Still None? Test the account from outside with Microsoft's Remote Connectivity Analyzer, \
                        Service Account Access.",
        SalesforceAdmin: "Read the status page again; a name must show. None although the test passes: open a Salesforce case.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const NOT_RECOGNIZED: CauseGuide = CauseGuide {
    summary: "Salesforce does not accept the Exchange service account.",
    meaning: "An account is saved, and Exchange does not let Salesforce in with it: locked, disabled, expired, a \
              changed password, or no valid account at all.",
    impact: "Sync stops for everybody in both directions. Changes wait on both sides; nothing is deleted.",
    steps: steps![
        ExchangeAdmin: "Is the account locked, disabled or expired? Get-ADUser ACCOUNT -Properties \
                        Enabled,LockedOut,PasswordExpired,AccountExpirationDate; then Unlock-ADAccount ACCOUNT.",
        ExchangeAdmin: "Test one sign-in from outside: Remote Connectivity Analyzer, Service Account Access, one \
                        mailbox. Once: retries lock the account.",
        SalesforceAdmin: "Was the password changed? Save the new one in Setup, Outlook Integration and Sync.",
        ExchangeAdmin: "Sign-in works, mailbox refused? Check the impersonation right: Get-ManagementRoleAssignment \
                        -Role ApplicationImpersonation -GetEffectiveUsers.",
        ExchangeAdmin: "Does the server still offer EWS with Basic or NTLM, TLS 1.2 and a valid certificate? \
                        Get-WebServicesVirtualDirectory shows the first part.",
        SalesforceAdmin: "Read the status page again; a check must show. An X although the test passes: open a Salesforce case.",
    ],
    owner: Owner::ExchangeAdmin,
};

pub(super) const NO_LINKED_USERS: CauseGuide = CauseGuide {
    summary: "No user is linked between Salesforce and Exchange.",
    meaning: "Not one user's Exchange address is mapped to the user's Salesforce address. A wrong address breaks one \
              user; all at once is a fault that customers cannot see into.",
    impact: "Nobody has anything to sync to; contacts and events stand still.",
    steps: steps![
        SalesforceSupport: "Open a Salesforce case now: Lightning Sync, 0 linked users, with the time it began.",
        SalesforceAdmin: "Meanwhile look in Setup, Lightning Sync Configurations: is one active, and has it users?",
        SalesforceAdmin: "Were addresses changed in bulk lately, by single sign-on, a new domain or an import? Say so in the case.",
    ],
    owner: Owner::SalesforceSupport,
};

pub(super) const LINKED_USERS_UNEXPECTED: CauseGuide = CauseGuide {
    summary: "Another number of users is linked than expected.",
    meaning: "Some users' addresses in Exchange and Salesforce do not match, or the expected number is out of date.",
    impact: "The users who are not linked do not sync; everybody else does.",
    steps: steps![
        SalesforceAdmin: "Did people join or leave? Then correct expected_linked_users, or remove it to count the assigned users.",
        SalesforceAdmin: "Look in the user list for those whose addresses are not linked.",
        SalesforceAdmin: "Compare the Email field of each Salesforce user with the mailbox's primary address: \
                          Get-Mailbox USER, field PrimarySmtpAddress.",
        SalesforceAdmin: "Corrected? Reset that user in Setup, Lightning Sync Status, after a look that \
                          Salesforce_Sync holds only contacts that should sync.",
    ],
    owner: Owner::SalesforceAdmin,
};
