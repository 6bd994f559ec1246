//! What differs where an organisation uses the successor product, Einstein Activity Capture: it has no service account
//! page, no configurations of Lightning Sync and no page to paste. What has no words here is the same for both products.

use super::rows::{self, OrgState, act, because, fine};
use super::{CauseGuide, RowGuide, Step, guide, steps};
use crate::domain::causes::Cause;
use crate::domain::policy::Product;
use crate::domain::rows::{OrgRow, Status, UserRow};

const CASE: &str = "All is set up, and nobody is connected? Open a Salesforce case.";
const LICENCE: &str = "Never started? Setup, Users, the user, Permission Set Assignments: give them one with Einstein Activity Capture's licence.";
const CHECK_STATUS: &str =
    "Setup, Einstein Activity Capture, Status & Metrics: find the user and choose Check Status.";
const RECONNECT: &str = "Disconnected? Open the personal settings, Email and Calendar Accounts, and connect the account again: a new password or sign-in rule ends a connection.";

fn is_successor(product: Product) -> bool {
    product == Product::EinsteinActivityCapture
}

/// What a cause means and what to do, for a product.
pub fn cause_of(product: Product, cause: Cause) -> &'static CauseGuide {
    let own = is_successor(product).then(|| own_cause(cause)).flatten();
    own.unwrap_or_else(|| super::cause(cause))
}

/// What an organisation's row means in a state, for a product.
pub fn org_row_of(product: Product, row: OrgRow, state: OrgState) -> Option<RowGuide> {
    let own = is_successor(product).then(|| own_org_row(row, state)).flatten();
    own.or_else(|| rows::org(row, state)).map(|guide| complete(product, guide))
}

/// What a user's row means in a state, for a product.
pub fn user_row_of(product: Product, row: UserRow, status: Status) -> Option<RowGuide> {
    let own = is_successor(product).then(|| own_user_row(row, status)).flatten();
    own.or_else(|| rows::user(row, status)).map(|guide| complete(product, guide))
}

/// Where a row shows the same trouble as its cause, the steps are the cause's.
fn complete(product: Product, guide: RowGuide) -> RowGuide {
    match guide.cause {
        Some(cause) if guide.steps.is_empty() => {
            RowGuide { steps: cause_of(product, cause).steps, ..guide }
        }
        Some(_) | None => guide,
    }
}

/// What to do about users who fail a check, for a product: the steps of that check.
pub(super) fn check_steps(product: Product, check: UserRow) -> Option<&'static [Step]> {
    user_row_of(product, check, Status::No).map(|guide| guide.steps)
}

/// Nobody can paste a page of this product.
#[rustfmt::skip]
const UNREPORTED: RowGuide = act("No source has reported it. Where Salesforce is polled, it comes when Salesforce has it; counts only after their whole time.", steps![Monitoring: "See Sources on the organisation's page: is Salesforce polled, and does it answer?"]);

#[rustfmt::skip]
fn own_org_row(row: OrgRow, state: OrgState) -> Option<RowGuide> {
    match (row, state) {
        (OrgRow::ServiceAccountRecognized, OrgState::Yes) => Some(fine("Users are connected and sync. A single status that says otherwise may be old: it is renewed when that user logs in.")),
        (OrgRow::ServiceAccountRecognized, OrgState::No) => Some(because(Cause::ServiceAccountNotRecognized, "Most users' statuses say that the organisation's own connection to the mail server does not work, and nothing syncs.", &[])),
        (OrgRow::LinkedUsers, OrgState::Number) => Some(act("So many users are connected with an address; who is not fails a check.", steps![Monitoring: "Should there be a certain number? Set `expected_linked_users`."])),
        (OrgRow::LinkedUsers, OrgState::Zero) => Some(because(Cause::NoLinkedUsers, "No user is connected with an address.", &[])),
        (_, OrgState::Unknown) => Some(UNREPORTED),
        _ => None,
    }
}

#[rustfmt::skip]
fn own_user_row(row: UserRow, status: Status) -> Option<RowGuide> {
    match (row, status) {
        (UserRow::ActiveConfiguration, Status::No) => Some(because(Cause::UsersFailing, "No configuration of Einstein Activity Capture names this user, so nothing of theirs syncs. For somebody who left or never should sync that is right.", steps![
            SalesforceAdmin: "Should this user sync? If not, list them in `exclude_users`.",
            SalesforceAdmin: "If so, add the user or their profile in Setup, Einstein Activity Capture, Configurations, and check that a permission set gives them the product.",
            Wait: "Give the first sync some hours.",
        ])),
        (UserRow::ServiceAccount, Status::Yes) => Some(fine("The user's mailbox is connected, and no first sync of theirs failed.")),
        (UserRow::ServiceAccount, Status::No) => Some(because(Cause::UsersFailing, "The user's connection does not work, or their first sync failed; the user's own page shows which, as the vendor writes it. A connection's status is renewed when the user logs in, so it can be old.", steps![
            SalesforceAdmin: CHECK_STATUS,
            User: RECONNECT,
            SalesforceAdmin: "Is the user's address in Salesforce the sign-in name and the primary address of the mailbox? Correct it.",
            SalesforceAdmin: "Still failing, or the first sync failed? Choose Reset User on that page and wait some hours.",
        ])),
        (UserRow::ContactsLinked | UserRow::EventsLinked, Status::No) => Some(because(Cause::UsersFailing, "Einstein Activity Capture knows no address of this user, or the user's own connection does not work.", steps![
            SalesforceAdmin: "Is the Email field of the Salesforce user filled, with the primary address of the mailbox?",
            SalesforceAdmin: CHECK_STATUS,
            User: RECONNECT,
        ])),
        (UserRow::ContactsToExchange | UserRow::ContactsToSalesforce | UserRow::EventsToExchange | UserRow::EventsToSalesforce, Status::NotStarted) => Some(because(Cause::InitialSyncStuck, "This user was never connected, or the first sync has not begun. After two days that is a fault.", steps![
            SalesforceAdmin: LICENCE,
            User: "Connect the account in the personal settings, Email and Calendar Accounts, and accept the terms.",
            SalesforceAdmin: CHECK_STATUS,
            SalesforceSupport: "Still not started the next day? Open a Salesforce case.",
        ])),
        (_, Status::Unknown) if !row.statuses().is_empty() => Some(UNREPORTED),
        _ => None,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a cause that is not here has the same words for both products"
)]
fn own_cause(cause: Cause) -> Option<&'static CauseGuide> {
    Some(match cause {
        Cause::ServiceAccountNotRecognized => guide! {
            "The organisation's connection to the mail server does not work."
            "Einstein Activity Capture says of its users that the connection of the whole organisation needs attention."
            "Nobody who depends on that connection syncs."
            SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: which connection is named, and since when?"
            SalesforceAdmin: "Connect the organisation again there. Is its account still valid, with all its rights?"
            ExchangeAdmin: "Was the consent of the app, or a sign-in rule, changed on the mail server's side?"
            SalesforceSupport: "Connected, and users still show the error after they logged in? Open a Salesforce case."
        },
        Cause::NoSyncIn24Hours => guide! {
            "Nothing has synced for longer than 24 hours."
            "No user's count of synced records has risen for longer than 24 hours."
            "Changes made since then are missing on the other side. Users work with old contacts and old calendars."
            SalesforceAdmin: "Is this planned work? Silence the alert until it ends."
            SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: does it show a newer capture, or a connection that needs attention?"
            SalesforceAdmin: "Choose Check Status for one user; disconnected users connect their account again."
            ExchangeAdmin: "Was the app's consent or access revoked on the mail server's side?"
            SalesforceSupport: "All are connected and nothing syncs? Open a Salesforce case with the last sync time."
        },
        Cause::NeverSynced => guide! {
            "Nothing has synced since this organisation was added."
            "Days have passed, Salesforce was polled, and no user's count of synced records was above 0."
            "The set-up is not finished: users believe that they sync, and nothing moves."
            SalesforceAdmin: "Is set-up still going on? Set `setup_until` to the day it ends."
            SalesforceAdmin: "Setup, Einstein Activity Capture, Configurations: does an active one with users sync contacts and events?"
            SalesforceAdmin: "Should this object type sync at all? If not, take it out of `objects` in the configuration."
            SalesforceAdmin: "Status & Metrics: are users connected? Choose Check Status for one of them."
            SalesforceSupport: "All of that is right? Open a Salesforce case."
        },
        Cause::NothingIn24Hours => guide! {
            "No record synced in 24 hours that include a working day."
            "People worked, and no user's count rose in 24 hours. Either nobody changed anything, or changes no longer get through."
            "Changes of the last working day may be missing on the other side."
            SalesforceAdmin: "Change one test contact or event of a connected user and wait 30 minutes."
            SalesforceAdmin: "Not across? Setup, Einstein Activity Capture, Status & Metrics: choose Check Status for that user."
            SalesforceSupport: "Connected, and the test record is still missing? Open a Salesforce case."
            SalesforceAdmin: "It came across? Then nobody changed anything. Was it a holiday? Add it to `business_hours`."
        },
        Cause::NoLinkedUsers => guide! {
            "No user is connected."
            "Einstein Activity Capture names users, and none of them is connected with an address."
            "Nothing syncs for anybody."
            SalesforceAdmin: "Setup, Einstein Activity Capture, Status & Metrics: is one cause named for all?"
            SalesforceAdmin: "Connected with one account for all? Connect the organisation again."
            User: "Connected by the users? Each connects the account again in the personal settings."
            SalesforceSupport: CASE
        },
        Cause::LinkedUsersUnexpected => guide! {
            "The number of connected users is not the expected one."
            "The number of users who are connected with an address is not `expected_linked_users`, or users are assigned whom the product does not list."
            "Users who are not connected do not sync."
            SalesforceAdmin: "Did people join or leave? Correct `expected_linked_users`."
            SalesforceAdmin: "Assigned, and not on the list of users? Give them a permission set with Einstein Activity Capture's licence."
            SalesforceAdmin: "Open the organisation's list of users: who fails which check, with its own steps."
            SalesforceAdmin: CHECK_STATUS
        },
        Cause::UsersFailing => guide! {
            "Some users fail a check that they need to sync."
            "These users cannot sync because of the check named. If others pass it, the product works and the fault is with these users."
            "The users counted do not sync, or only in part; everybody else does."
            SalesforceAdmin: "Did they leave, or should they never sync? Take them out of the configuration, or list them in `exclude_users`."
            SalesforceAdmin: "Open the organisation's list of users: each failing check stands there with its own steps."
            SalesforceAdmin: CHECK_STATUS
            User: RECONNECT
            SalesforceAdmin: "Still failing? Choose Reset User on that page."
        },
        Cause::InitialSyncStuck => guide! {
            "A user's first sync has not ended in time."
            "A first sync has not begun within two days, or not ended within `limits.initial_sync`."
            "Some of the user's records are missing; nobody else is affected."
            SalesforceAdmin: LICENCE
            SalesforceAdmin: CHECK_STATUS
            SalesforceAdmin: "Connected, and no progress? Choose Reset User and wait some hours."
            SalesforceSupport: "Still the same after that? Open a Salesforce case with the user's name."
        },
        Cause::ObservationsStale => guide! {
            "No source has reported lately whether sync works."
            "Every source that could know has been silent for too long. This is no proof of a failure, and no proof of health."
            "If sync stops now, nobody notices."
            Monitoring: "See Sources on the organisation's page: is Salesforce polled, and does it answer? `doctor` tries at once."
            Monitoring: "Does a job send activity or files? When did it last succeed, and with what answer?"
            Monitoring: "Does the source report less often by design? Set `expected_every`."
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guidance::tests::is_sentence;

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
                let found = only.iter().find(|word| text.contains(**word));
                assert_eq!(found, None, "{what}: {text}");
                assert!(is_sentence(text), "{what}: {text}");
            }
        };
        for cause in Cause::ALL {
            let Some(guide) = own_cause(*cause) else {
                continue;
            };
            let steps = guide.steps.iter().map(|step| step.text.marked());
            let texts = [guide.summary, guide.meaning.marked(), guide.impact.marked()];
            clean(&mut steps.chain(texts), cause.name());
            assert_eq!(cause_of(Product::LightningSync, *cause), super::super::cause(*cause));
        }
        let rows = UserRow::checks().flat_map(|row| row.statuses().iter().map(move |s| (row, *s)));
        for (row, status) in rows {
            if let Some(guide) = own_user_row(row, status) {
                let steps = guide.steps.iter().map(|step| step.text.marked());
                clean(&mut steps.chain([guide.meaning.marked()]), row.id());
            }
        }
        for row in OrgRow::ALL {
            for state in OrgState::of(row) {
                if let Some(guide) = own_org_row(row, *state) {
                    let steps = guide.steps.iter().map(|step| step.text.marked());
                    clean(&mut steps.chain([guide.meaning.marked()]), row.id());
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
            assert_ne!(Some(here), check_steps(Product::LightningSync, row), "{row}");
        }
    }
}
