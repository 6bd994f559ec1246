//! Switches of the product and its end.

use crate::guidance::{CauseGuide, Owner, steps};

pub(super) const OUTLOOK_INTEGRATION_DISABLED: CauseGuide = CauseGuide {
    summary: "Reps choose which events sync, and the Outlook integration is off.",
    meaning: "The configuration leaves the choice of events to reps, who choose in the Outlook integration. It is \
              switched off for the whole organisation.",
    impact: "Reps cannot choose further events. What was chosen before and all contacts go on.",
    steps: steps![
        SalesforceAdmin: "Open Setup, Outlook Integration and Sync, and switch the Outlook integration on.",
        SalesforceAdmin: "Is it off on purpose? Set reps_select_events to false here.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const RETIREMENT_NEAR: CauseGuide = CauseGuide {
    summary: "Lightning Sync ends soon.",
    meaning: "The vendor retires Lightning Sync in April 2027. The successor is Einstein Activity Capture. Government \
              Cloud is exempt.",
    impact: "From that day new changes stay where they are made. What has synced before remains on both sides.",
    steps: steps![
        SalesforceAdmin: "Confirm the date with your account team; in Government Cloud set retirement to none.",
        SalesforceAdmin: "Run the vendor's migration tool from Lightning Sync to Einstein Activity Capture on a few users first.",
        SalesforceAdmin: "Assign the permissions of the successor to everybody who syncs.",
        SalesforceAdmin: "Set migrating_since here, so that users who have moved do not count as failing.",
    ],
    owner: Owner::SalesforceAdmin,
};

pub(super) const RETIRED: CauseGuide = CauseGuide {
    summary: "Lightning Sync has ended for this organisation.",
    meaning: "The retirement date has passed. Nothing that Lightning Sync does not do any more is a fault.",
    impact: "Contacts and events no longer sync this way. What has synced before remains on both sides.",
    steps: steps![
        SalesforceAdmin: "Moved to Einstein Activity Capture? Set product to einstein_activity_capture here.",
        SalesforceAdmin: "Exempt, as in Government Cloud? Set retirement to none.",
        SalesforceAdmin: "No longer needed? Remove the organisation from the configuration.",
    ],
    owner: Owner::SalesforceAdmin,
};
