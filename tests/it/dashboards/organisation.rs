//! One organisation: what is wrong, since when, and what the status page's rows showed over time.

use super::Dashboard;
use super::panel::{
    Drawn, EXACTLY_ONE_IS_GOOD, OF_LIMIT, ONE_IS_GOOD, ONE_IS_HELD, ONE_IS_OPEN, Panel,
};
use super::shape::Shape;

const TO_RUNBOOK: &[(&str, &str)] = &[
    ("Runbook", "${pages:raw}/runbooks/${__data.fields.cause}"),
    ("Status page", "${pages:raw}/orgs/${org}"),
];
const MARKS: &[(&str, &str)] = &[("0", "X"), ("1", "check")];
const OPEN: &[(&str, &str)] = &[("0", "closed"), ("1", "open")];
const HELD: &[(&str, &str)] = &[("0", "live"), ("1", "stale")];

pub(super) fn dashboard() -> Dashboard {
    Shape {
        file: "organisation.json",
        uid: "lightning-sync-organisation",
        title: "Lightning Sync / Organisation",
        description: "What is wrong with one organisation, since when, and what stands behind it.",
        of_org: true,
        findings: Some("{job=~\"$job\",instance=~\"$instance\",org=~\"$org\"}"),
        changes: Some("{job=~\"$job\",instance=~\"$instance\",org=~\"$org\"}"),
        panels: [now(), over_time(), users(), sources()].concat(),
    }
    .dashboard()
}

fn now() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Table,
            "What is wrong now?",
            "Every finding, root causes among them. The links lead to the runbook and to the status page, which names the next step.",
            "short",
            &[(
                "1000 * max by (severity, cause, object_type, instance) (lightning_sync_finding_since_timestamp_seconds{O} > 0)",
                "",
            )],
        )
        .linked(TO_RUNBOOK),
        Panel::new(
            Drawn::Stat,
            "How near its limit is the last sync?",
            "Age of the last sync as a share of the setting stale_after: at 100 % it pages.",
            "percentunit",
            &[(
                "min by (object_type) ((time() - lightning_sync_last_sync_timestamp_seconds{O}) / on (job, instance, org) group_left lightning_sync_stale_after_seconds{O})",
                "{{object_type}}",
            )],
        )
        .coloured(OF_LIMIT),
        Panel::new(
            Drawn::Stat,
            "Is the service account accepted?",
            "Two rows of the status page: whether a service account is provided, and whether Salesforce recognises it.",
            "short",
            &[
                ("min(lightning_sync_service_account_provided{O})", "provided"),
                ("min(lightning_sync_service_account_recognized{O})", "recognised"),
            ],
        )
        .coloured(ONE_IS_GOOD)
        .worded(MARKS),
        Panel::new(
            Drawn::Stat,
            "Are all users linked that should be?",
            "Linked users as a share of those expected; fewer is bad, and so is more. Absent: nobody knows how many are expected.",
            "percentunit",
            &[(
                "max(lightning_sync_linked_users{O}) / max(lightning_sync_expected_linked_users{O})",
                "linked",
            )],
        )
        .coloured(EXACTLY_ONE_IS_GOOD),
        Panel::new(
            Drawn::Stat,
            "How long until Lightning Sync ends?",
            "Time until the retirement that is set. Absent: none is set.",
            "s",
            &[(
                "max(lightning_sync_retirement_timestamp_seconds{O}) - time()",
                "left",
            )],
        ),
    ]
}

fn over_time() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Lines,
            "How old was the last sync?",
            "Age of the last sync, beside the settings fresh_within and stale_after.",
            "s",
            &[
                (
                    "min by (object_type) (lightning_sync_last_sync_age_seconds{O})",
                    "{{object_type}}",
                ),
                ("max(lightning_sync_stale_after_seconds{O})", "limit: stale_after"),
                ("max(lightning_sync_fresh_within_seconds{O})", "fresh_within"),
            ],
        ),
        Panel::new(
            Drawn::Lines,
            "How many records synced in the last 60 minutes?",
            "A gap means that no live source gave the count; 0 means that one did.",
            "short",
            &[(
                "max by (object_type) (lightning_sync_records_synced_60m{O})",
                "{{object_type}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How many records synced or failed in 24 hours?",
            "Failed records are known where a feed of activity tells them.",
            "short",
            &[
                (
                    "max by (object_type) (lightning_sync_records_synced_24h{O})",
                    "{{object_type}} synced",
                ),
                (
                    "max by (object_type) (lightning_sync_records_failed_24h{O})",
                    "{{object_type}} failed",
                ),
            ],
        ),
        Panel::new(
            Drawn::States,
            "When was it business time?",
            "Nights, weekends and holidays by the organisation's calendar; open always without one.",
            "short",
            &[("max(lightning_sync_business_open{O})", "business")],
        )
        .coloured(ONE_IS_OPEN)
        .worded(OPEN),
    ]
}

fn users() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Lines,
            "At which check do users fail first?",
            "Users by their first failing check; excluded and leaving users do not count.",
            "short",
            &[(
                "max by (check) (lightning_sync_users_failing{O})",
                "{{check}}",
            )],
        ),
        Panel::new(
            Drawn::Bars,
            "In which state are the users' directions?",
            "How many users are in each state of each of the four directions.",
            "short",
            &[(
                "max by (check, status) (lightning_sync_users{O,check=~\".+_to_.+\"}) > 0",
                "{{check}}: {{status}}",
            )],
        ),
        Panel::new(
            Drawn::Bars,
            "How much of their limit have resets and first syncs used up?",
            "Time of the longest reset as a share of limits.reset, and of the longest first sync as a share of limits.initial_sync. Empty: none runs.",
            "percentunit",
            &[(
                "max by (check, status) ((time() - lightning_sync_oldest_status_timestamp_seconds{O,check=\"reset\"}) / on (job, instance, org) group_left lightning_sync_reset_limit_seconds{O}) or max by (check, status) ((time() - lightning_sync_oldest_status_timestamp_seconds{O,check!=\"reset\"}) / on (job, instance, org) group_left lightning_sync_initial_sync_limit_seconds{O})",
                "{{check}}: {{status}}",
            )],
        )
        .coloured(OF_LIMIT),
        Panel::new(
            Drawn::Lines,
            "How many records are in sync?",
            "Records in sync, summed over the users that were read.",
            "short",
            &[(
                "max by (object_type) (lightning_sync_records_in_sync{O})",
                "{{object_type}}",
            )],
        ),
    ]
}

fn sources() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Bars,
            "Which source reported, and how long ago?",
            "Time since each source last reported.",
            "s",
            &[(
                "min by (source) (time() - lightning_sync_observation_timestamp_seconds{O})",
                "{{source}}",
            )],
        ),
        Panel::new(
            Drawn::States,
            "Which rows are held?",
            "Stale: no source of the row has reported lately. A row that is missing is not known.",
            "short",
            &[(
                "min by (row, object_type) (lightning_sync_reading_stale{O})",
                "{{row}} {{object_type}}",
            )],
        )
        .coloured(ONE_IS_HELD)
        .worded(HELD)
        // The names of all 25 rows, one below the other.
        .tall(14),
    ]
}
