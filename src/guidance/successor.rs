//! What differs where an organisation uses the successor product, Einstein Activity Capture: it has no service account
//! page, no configurations of Lightning Sync and no page to paste. What is not said here is the same for both products.

use super::{CauseGuide, OrgState, Owner, RowGuide, Step, row, steps};
use crate::domain::causes::Cause;
use crate::domain::policy::Product;
use crate::domain::rows::{OrgRow, Status, UserRow};

/// What a cause means and what to do, for a product.
pub fn cause_of(product: Product, reason: Cause) -> &'static CauseGuide {
    own_cause(product, reason).unwrap_or_else(|| super::cause(reason))
}

/// What an organisation's row means in a state, for a product.
pub fn org_row_of(product: Product, row: OrgRow, state: OrgState) -> Option<&'static RowGuide> {
    own_org_row(product, row, state).or_else(|| super::org_row(row, state))
}

/// What a user's row means in a state, for a product.
pub fn user_row_of(product: Product, row: UserRow, status: Status) -> Option<&'static RowGuide> {
    own_user_row(product, row, status).or_else(|| super::user_row(row, status))
}

/// What to do about users who fail a check, for a product: the steps of that check.
pub(super) fn check_steps(product: Product, check: UserRow) -> Option<&'static [Step]> {
    user_row_of(product, check, Status::No).map(|guide| guide.steps)
}

fn own_cause(product: Product, reason: Cause) -> Option<&'static CauseGuide> {
    if product != Product::EinsteinActivityCapture {
        return None;
    }
    match reason {
        Cause::ServiceAccountNotRecognized => Some(&NOT_CONNECTED),
        Cause::NoSyncIn24Hours => Some(&NO_SYNC),
        Cause::NeverSynced => Some(&NEVER_SYNCED),
        Cause::NothingIn24Hours => Some(&NOTHING),
        Cause::NoLinkedUsers => Some(&NOBODY_LINKED),
        Cause::LinkedUsersUnexpected => Some(&LINKED_UNEXPECTED),
        Cause::UsersFailing => Some(&USERS_FAILING),
        Cause::InitialSyncStuck => Some(&FIRST_SYNC_STUCK),
        Cause::ServiceAccountMissing
        | Cause::ObservationsStale
        | Cause::ResetStuck
        | Cause::UsersSyncNothing
        | Cause::Delayed
        | Cause::NothingIn60Minutes
        | Cause::OutlookIntegrationDisabled
        | Cause::RetirementNear
        | Cause::Retired
        | Cause::ExporterDown
        | Cause::StoreFailing
        | Cause::ClockSuspect
        | Cause::IngestRejected
        | Cause::PollFailing
        | Cause::SalesforceApiBudgetLow
        | Cause::Watchdog => None,
    }
}

fn own_org_row(product: Product, row: OrgRow, state: OrgState) -> Option<&'static RowGuide> {
    static CONNECTED: RowGuide = row![Nobody:
        "At least one user is connected, and nobody's status says that the organisation's own connection is broken.",
    ];
    static NOT_CONNECTED: RowGuide = row![SalesforceAdmin because ServiceAccountNotRecognized:
        "Users' statuses say that the organisation's own connection to the mail server does not work.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: which connection is named?",
        SalesforceAdmin: "Connect the organisation again with an account that is valid and may read all mailboxes.",
    ];
    static LINKED: RowGuide = row![Monitoring:
        "So many users are connected with an address; who is not fails a check of theirs.",
        Monitoring: "Should there be a certain number? Set expected_linked_users.",
    ];
    static NOBODY: RowGuide = row![SalesforceAdmin because NoLinkedUsers:
        "Not one user is connected with an address.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: is it one cause for all?",
        SalesforceSupport: "All is set up, and nobody is connected? Open a Salesforce case.",
    ];
    if product != Product::EinsteinActivityCapture {
        return None;
    }
    match (row, state) {
        (OrgRow::ServiceAccountRecognized, OrgState::Yes) => Some(&CONNECTED),
        (OrgRow::ServiceAccountRecognized, OrgState::No) => Some(&NOT_CONNECTED),
        (OrgRow::LinkedUsers, OrgState::Number) => Some(&LINKED),
        (OrgRow::LinkedUsers, OrgState::Zero) => Some(&NOBODY),
        (_, OrgState::Unknown) => Some(&UNTOLD),
        _ => None,
    }
}

/// Nobody can paste a page of this product.
static UNTOLD: RowGuide = row![Monitoring:
    "Nobody has said it. Where Salesforce is asked, the daemon says it when Salesforce tells, and counts only after \
     their whole time.",
    Monitoring: "See Sources on the organisation's page: is Salesforce asked, and does it answer?",
];

fn own_user_row(product: Product, row: UserRow, status: Status) -> Option<&'static RowGuide> {
    static UNASSIGNED: RowGuide = row![SalesforceAdmin because UsersFailing:
        "No configuration of Einstein Activity Capture names this user, so nothing of theirs syncs. For somebody who \
         left or never should sync that is right.",
        SalesforceAdmin: "Should this user sync? If not, list them in exclude_users.",
        SalesforceAdmin: "If so, add the user or their profile in Setup, Einstein Activity Capture, Configurations, and \
                          see that a permission set gives them the product.",
        Wait: "Give the first sync its hours.",
    ];
    static WORKS: RowGuide =
        row![Nobody: "The user's mailbox is connected, and no first sync of theirs failed."];
    static BROKEN: RowGuide = row![SalesforceAdmin because UsersFailing:
        "The user's connection does not work, or their first sync failed; the user's own page tells which, as the \
         vendor writes it. A connection's status is renewed when the user logs in, so it can be old.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: find the user and choose Check Status.",
        User: "Disconnected? Open the personal settings, Email and Calendar Accounts, and connect the account again: a \
               new password or sign-in rule ends a connection.",
        SalesforceAdmin: "Is the user's address in Salesforce the sign-in name and the primary address of the mailbox? \
                          Correct it.",
        SalesforceAdmin: "Still failing, or the first sync failed? Choose Reset User on that page and give it its hours.",
    ];
    static UNLINKED: RowGuide = row![SalesforceAdmin because UsersFailing:
        "Einstein Activity Capture knows no address of this user.",
        SalesforceAdmin: "Is the Email field of the Salesforce user filled, with the primary address of the mailbox?",
        User: "Connect the account in the personal settings, Email and Calendar Accounts.",
    ];
    if product != Product::EinsteinActivityCapture {
        return None;
    }
    match (row, status) {
        (UserRow::ActiveConfiguration, Status::No) => Some(&UNASSIGNED),
        (UserRow::ServiceAccount, Status::Yes) => Some(&WORKS),
        (UserRow::ServiceAccount, Status::No) => Some(&BROKEN),
        (UserRow::ContactsLinked | UserRow::EventsLinked, Status::No) => Some(&UNLINKED),
        (_, Status::Unknown) if !row.statuses().is_empty() => Some(&UNTOLD),
        _ => None,
    }
}

static NOT_CONNECTED: CauseGuide = CauseGuide {
    summary: "The organisation's connection to the mail server does not work.",
    meaning: "Einstein Activity Capture says of its users that the connection of the whole organisation needs attention.",
    impact: "Nobody who depends on that connection syncs.",
    steps: steps![
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: which connection is named, and since when?",
        SalesforceAdmin: "Connect the organisation again there; does its account still hold, with all its rights?",
        ExchangeAdmin: "Was the consent of the app, or a sign-in rule, changed on the mail server's side?",
        SalesforceSupport: "Connected, and users still say so after they logged in? Open a Salesforce case.",
    ],
    owner: Owner::SalesforceAdmin,
};
static NO_SYNC: CauseGuide = CauseGuide {
    summary: "Nothing has synced for longer than 24 hours.",
    meaning: "No user's count of synced records has risen for longer than 24 hours.",
    impact: "Changes made since then are missing on the other side. Users work with old contacts and old calendars.",
    steps: steps![
        SalesforceAdmin: "Is this planned work? Silence the alert until it ends.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: does it show a newer capture, or a connection that needs attention?",
        SalesforceAdmin: "Choose Check Status for one user; disconnected users connect their account again.",
        ExchangeAdmin: "Was the app's consent or access taken back on the mail server's side?",
        SalesforceSupport: "All are connected and nothing syncs? Open a Salesforce case with the last sync time.",
    ],
    owner: Owner::SalesforceAdmin,
};
static NEVER_SYNCED: CauseGuide = CauseGuide {
    summary: "Nothing has ever synced since this organisation is watched.",
    meaning: "Days have passed, Salesforce was asked, and no user's count of synced records was above 0.",
    impact: "The set-up is not finished: users believe that they sync, and nothing moves.",
    steps: steps![
        SalesforceAdmin: "Is set-up still going on? Set setup_until to the day it ends.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Configurations: does an active one with users sync contacts and events?",
        SalesforceAdmin: "Should this object type sync at all? If not, take it out of objects in the configuration here.",
        SalesforceAdmin: "Status & Metrics: are users connected? Choose Check Status for one of them.",
        SalesforceSupport: "All of that is right? Open a Salesforce case.",
    ],
    owner: Owner::SalesforceAdmin,
};
static NOTHING: CauseGuide = CauseGuide {
    summary: "Not one record synced in 24 hours with a working day among them.",
    meaning: "People worked, and no user's count rose in 24 hours. Either nobody changed anything, or changes no longer \
              get through.",
    impact: "Changes of the last working day may be missing on the other side.",
    steps: steps![
        SalesforceAdmin: "Change one test contact or event of a connected user and wait 30 minutes.",
        SalesforceAdmin: "Not across? Setup, Einstein Activity Capture, Status & Metrics: choose Check Status for that user.",
        SalesforceSupport: "Connected, and the test record is still missing? Open a Salesforce case.",
        SalesforceAdmin: "It came across? Then nobody changed anything: was it a holiday? Add it to business_hours.",
    ],
    owner: Owner::SalesforceAdmin,
};
static NOBODY_LINKED: CauseGuide = CauseGuide {
    summary: "Not one user is connected.",
    meaning: "Einstein Activity Capture names users, and none of them is connected with an address.",
    impact: "Nothing syncs for anybody.",
    steps: steps![
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: is one cause named for all?",
        SalesforceAdmin: "Connected with one account for all? Connect the organisation again.",
        User: "Connected by the users? Each connects the account again in the personal settings.",
        SalesforceSupport: "All is set up, and nobody is connected? Open a Salesforce case.",
    ],
    owner: Owner::SalesforceAdmin,
};
static LINKED_UNEXPECTED: CauseGuide = CauseGuide {
    summary: "Another number of users is connected than should be.",
    meaning: "The number of users who are connected with an address is not expected_linked_users.",
    impact: "Users who are not connected do not sync.",
    steps: steps![
        SalesforceAdmin: "Did people join or leave? Then correct expected_linked_users.",
        SalesforceAdmin: "Open the organisation's users here: who fails which check, with its own steps.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: choose Check Status for those users.",
    ],
    owner: Owner::SalesforceAdmin,
};
static USERS_FAILING: CauseGuide = CauseGuide {
    summary: "Some users fail a check that they need to sync.",
    meaning: "These users cannot sync because of the check named. If others pass it, the product works and the trouble \
              is theirs.",
    impact: "The users counted do not sync, or only in part; everybody else does.",
    steps: steps![
        SalesforceAdmin: "Did they leave, or should they never sync? Take them out of the configuration, or list them in exclude_users.",
        SalesforceAdmin: "Open the organisation's users here: the failing check stands beside each name, with its own steps.",
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: choose Check Status for each of them.",
        User: "Disconnected? Connect the account again in the personal settings.",
        SalesforceAdmin: "Still failing? Choose Reset User on that page.",
    ],
    owner: Owner::SalesforceAdmin,
};
static FIRST_SYNC_STUCK: CauseGuide = CauseGuide {
    summary: "A user's first sync has not ended in time.",
    meaning: "A first sync has not begun, or has run, for longer than its limit.",
    impact: "The user's records are not all there; nobody else suffers.",
    steps: steps![
        SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: choose Check Status for the user.",
        SalesforceAdmin: "Connected, and nothing moves? Choose Reset User and give it its hours.",
        SalesforceSupport: "Still the same after that? Open a Salesforce case with the user's name.",
    ],
    owner: Owner::SalesforceAdmin,
};

#[cfg(test)]
mod tests {
    use super::*;

    const EAC: Product = Product::EinsteinActivityCapture;

    #[test]
    fn nothing_that_only_lightning_sync_has_is_advised() {
        let only = [
            "Lightning Sync",
            "page here",
            "Remote Connectivity",
            "impersonation",
            "Salesforce_Sync",
        ];
        let clean = |texts: &mut dyn Iterator<Item = &'static str>, what: &str| {
            for text in texts {
                assert!(
                    !only.iter().any(|word| text.contains(word)),
                    "{what}: {text}"
                );
                assert!(text.ends_with(['.', '?']), "{what}: {text}");
                assert!(
                    !text.contains(['<', '>', '\n', '"']) && !text.contains("  "),
                    "{text}"
                );
            }
        };
        for reason in Cause::ALL {
            let Some(guide) = own_cause(EAC, *reason) else {
                continue;
            };
            let steps = guide.steps.iter().map(|step| step.text);
            let mut texts = steps.chain([guide.summary, guide.meaning, guide.impact]);
            clean(&mut texts, reason.name());
            assert_eq!(guide.owner, guide.steps[0].owner, "{reason}");
            assert!(guide.summary.len() <= 90, "{reason}");
            assert_eq!(
                cause_of(Product::LightningSync, *reason),
                super::super::cause(*reason)
            );
        }
        let rows = UserRow::checks().flat_map(|row| row.statuses().iter().map(move |s| (row, *s)));
        for (row, status) in rows {
            if let Some(guide) = own_user_row(EAC, row, status) {
                let steps = guide.steps.iter().map(|step| step.text);
                clean(&mut steps.chain([guide.meaning]), row.name());
            }
        }
        for row in OrgRow::ALL {
            for state in OrgState::of(row) {
                if let Some(guide) = own_org_row(EAC, row, *state) {
                    let steps = guide.steps.iter().map(|step| step.text);
                    clean(&mut steps.chain([guide.meaning]), row.id());
                }
            }
        }
    }

    #[test]
    fn what_the_source_can_say_of_a_user_has_words_of_this_product() {
        for row in [
            UserRow::ActiveConfiguration,
            UserRow::ServiceAccount,
            UserRow::ContactsLinked,
            UserRow::EventsLinked,
        ] {
            let here = check_steps(EAC, row).unwrap();
            assert_ne!(
                Some(here),
                check_steps(Product::LightningSync, row),
                "{row}"
            );
        }
    }
}
