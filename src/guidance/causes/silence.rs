//! Sync that is late, stopped, or never began.

use crate::guidance::{CauseGuide, Owner, steps};

pub(super) const NO_SYNC_IN_24_HOURS: CauseGuide = CauseGuide {
    summary: "Nothing has synced for longer than 24 hours.",
    meaning: "The last sync is older than the vendor's limit of 24 hours, counted from that sync. Somebody saw it: \
              either a live source, or a page that already showed a time this old.",
    impact: "Changes made since then are missing on the other side. Users work with old contacts and old calendars.",
    steps: steps![
        SalesforceAdmin: "Is this planned work? Silence the alert until it ends.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status. Does it show a newer time? Paste the page here.",
        SalesforceAdmin: "Is a service account shown, and a check beside it? If not, that is the cause: start there.",
        ExchangeAdmin: "Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service Account \
                        Access, with impersonation.",
        ExchangeAdmin: "Mailboxes in Exchange Online? See whether EWS is still allowed: Get-OrganizationConfig, fields \
                        EwsEnabled and EwsAllowedAppIDs.",
        SalesforceSupport: "Exchange answers and nothing syncs? Open a Salesforce case with the last sync time and the test's result.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const NEVER_SYNCED: CauseGuide = CauseGuide {
    summary: "Nothing has ever synced since this organisation is watched.",
    meaning: "Days have passed, a source spoke, and no sync was ever seen. A first sync that runs within its limit is \
              not counted.",
    impact: "The set-up is not finished: users believe that they sync, and nothing moves.",
    steps: steps![
        SalesforceAdmin: "Is set-up still going on? Set setup_until to the day it ends.",
        SalesforceAdmin: "Is there an active configuration with users? Look in Setup, Lightning Sync Configurations.",
        SalesforceAdmin: "Should this object type sync at all? If not, take it out of objects in the configuration here.",
        SalesforceAdmin: "Is a service account shown, and a check beside it? If not, start there.",
        ExchangeAdmin: "Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service Account \
                        Access, with impersonation.",
        SalesforceSupport: "All of that is right? Open a Salesforce case.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const NOTHING_IN_24_HOURS: CauseGuide = CauseGuide {
    summary: "Not one record synced in 24 hours with a working day among them.",
    meaning: "People worked, and the count of the last 24 hours is 0. Either nobody changed anything, or changes no \
              longer get through.",
    impact: "Changes of the last working day may be missing on the other side.",
    steps: steps![
        SalesforceAdmin: "Change one test contact or event of a synced user and wait 30 minutes.",
        ExchangeAdmin: "Not across? Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service \
                        Account Access, with impersonation.",
        SalesforceSupport: "Exchange answers and the test record is still missing? Open a Salesforce case.",
        SalesforceAdmin: "It came across? Then nobody changed anything: was it a holiday? Add it to business_hours.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const DELAYED: CauseGuide = CauseGuide {
    summary: "Sync is later than usual.",
    meaning: "The last sync is older than a few minutes and younger than the 24-hour limit. A first sync can look like \
              this for hours.",
    impact: "Changes reach the other side late. Nothing is lost.",
    steps: steps![
        Wait: "Watch it; if it does not resume, the 24-hour alert speaks.",
        SalesforceAdmin: "Did somebody just set up, reset or assign many users? Then wait for their first sync to end.",
        SalesforceAdmin: "Do not want to wait? Look in Setup, Lightning Sync Status, at the service account first.",
    ],
    owner: Owner::Wait,
};

pub(super) const NOTHING_IN_60_MINUTES: CauseGuide = CauseGuide {
    summary: "Nothing synced in the last working hour.",
    meaning: "The count of the last 60 minutes is 0 in business hours. A quiet hour is normal in a small organisation.",
    impact: "None yet; it can be the first sign of a stop.",
    steps: steps![
        Wait: "Watch for 24 hours whether the count rises again.",
        SalesforceAdmin: "In a hurry? Change one test event of a synced user and wait 30 minutes.",
        ExchangeAdmin: "Not across? Test Exchange from outside on one mailbox with the Remote Connectivity Analyzer.",
        SalesforceSupport: "Exchange answers and still nothing moves? Open a Salesforce case.",
    ],
    owner: Owner::Wait,
};
