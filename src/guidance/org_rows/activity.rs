//! Last sync and the two counts, once for contacts and once for events. The vendor's article says "60 minutes" in the
//! texts of its 24-hour rows, and "contacts" in the one about events; here the titles of the rows hold.

/// The three rows of one object type: its module, its plural, and one of it with its article.
macro_rules! activity {
    ($module:ident, $records:literal, $one:literal) => {
        pub(super) mod $module {
            use crate::guidance::org_rows::pick;
            use crate::guidance::{OrgState, RowGuide, row};

            pub(in crate::guidance::org_rows) fn last_sync(state: OrgState) -> Option<&'static RowGuide> {
                static MINUTES: RowGuide = row![Nobody:
                    concat!("Minutes ago, ", $records, " synced: all is well. If single users complain, look at their \
                             own rows, at their mailbox and at their configuration."),
                ];
                static HOURS: RowGuide = row![Wait because Delayed:
                    concat!("The last sync of ", $records, " is hours old. During a first sync that is normal: it \
                             takes hours, on record more than a day. Otherwise it may be the beginning of a stop."),
                    Wait: "Was sync just set up? Wait for the first sync to end.",
                    Wait: "Otherwise watch it until 24 hours have passed since the last sync.",
                    SalesforceAdmin: "Do not want to wait? Look at the service account's rows first.",
                ];
                static PAST: RowGuide = row![SalesforceAdmin because NoSyncIn24Hours:
                    concat!("The last sync of ", $records, " is older than the limit, 24 hours unless set otherwise. \
                             We count from that sync, not from when somebody noticed."),
                    SalesforceAdmin: "Is this planned work? Silence the alert until it ends.",
                    SalesforceAdmin: "Open Setup, Lightning Sync Status. Does it show a newer time? Send the page here.",
                    SalesforceAdmin: "Is the right service account saved, and a check beside it? If not, start there.",
                    ExchangeAdmin: "Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service \
                                    Account Access, with impersonation.",
                    SalesforceSupport: "Exchange answers and nothing syncs? Open a Salesforce case with both results.",
                ];
                static UNKNOWN: RowGuide = row![Monitoring because ObservationsStale:
                    concat!("Nobody has said when ", $records, " last synced. That is neither good nor bad: it is \
                             not known."),
                    Monitoring: "Is a source set up for this organisation, and does what it sends get taken?",
                    SalesforceAdmin: "Open Setup, Lightning Sync Status, and send the page here, to know at once.",
                ];
                pick(
                    state,
                    &[
                    (OrgState::Minutes, &MINUTES),
                    (OrgState::Hours, &HOURS),
                    (OrgState::Past, &PAST),
                    (OrgState::Unknown, &UNKNOWN),
                    ],
                )
            }

            pub(in crate::guidance::org_rows) fn synced_60m(state: OrgState) -> Option<&'static RowGuide> {
                static NUMBER: RowGuide = row![Nobody:
                    concat!("So many ", $records, " synced in the 60 minutes before now."),
                ];
                static ZERO: RowGuide = row![Wait because NothingIn60Minutes:
                    concat!("Not ", $one, " synced in the last 60 minutes. Quiet hours, nights and weekends look like \
                             this too: nobody is woken for it."),
                    Wait: "Watch for 24 hours whether the count rises again.",
                    ExchangeAdmin: "It does not? Test Exchange from outside on one mailbox with the Remote Connectivity Analyzer.",
                    SalesforceSupport: "Exchange answers and nothing syncs? Open a Salesforce case.",
                ];
                static UNKNOWN: RowGuide = row![Monitoring:
                    concat!("Nobody live has said how many ", $records, " synced in the last 60 minutes. A count is \
                             not held: it is true only when it is taken."),
                    Monitoring: "Send activity records for an exact count, or the status page more often.",
                ];
                pick(
                    state,
                    &[
                    (OrgState::Number, &NUMBER),
                    (OrgState::Zero, &ZERO),
                    (OrgState::Unknown, &UNKNOWN),
                    ],
                )
            }

            pub(in crate::guidance::org_rows) fn synced_24h(state: OrgState) -> Option<&'static RowGuide> {
                static NUMBER: RowGuide = row![Nobody:
                    concat!("So many ", $records, " synced in the 24 hours before now."),
                ];
                static ZERO: RowGuide = row![ExchangeAdmin because NothingIn24Hours:
                    concat!("Not ", $one, " synced in the last 24 hours. It is news when a working day lies among \
                             them; then there is nothing to wait for."),
                    ExchangeAdmin: "Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service \
                                    Account Access, with impersonation.",
                    SalesforceSupport: "Exchange answers and nothing syncs? Open a Salesforce case.",
                ];
                static UNKNOWN: RowGuide = row![Monitoring:
                    concat!("Nobody live has said how many ", $records, " synced in the last 24 hours. A count is not \
                             held: it is true only when it is taken."),
                    Monitoring: "Send activity records for an exact count, or the status page once a day.",
                ];
                pick(
                    state,
                    &[
                    (OrgState::Number, &NUMBER),
                    (OrgState::Zero, &ZERO),
                    (OrgState::Unknown, &UNKNOWN),
                    ],
                )
            }
        }
    };
}

activity!(contacts, "contacts", "one contact");
activity!(events, "events", "one event");
