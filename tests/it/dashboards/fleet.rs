//! All organisations: where somebody is needed.

use super::Dashboard;
use super::panel::{Drawn, FEW_ARE_GOOD, NONE_IS_GOOD, OF_LIMIT, Panel};
use super::shape::Shape;

const TO_ORG: &[(&str, &str)] = &[
    ("Status page", "${pages:raw}/orgs/${__data.fields.org}"),
    ("Runbook", "${pages:raw}/runbooks/${__data.fields.cause}"),
    (
        "Dashboard of this organisation",
        "/d/lightning-sync-organisation?var-org=${__data.fields.org}",
    ),
];
const TO_DASHBOARD: &[(&str, &str)] = &[(
    "Dashboard of this organisation",
    "/d/lightning-sync-organisation?var-org=${__field.labels.org}",
)];

pub(super) fn dashboard() -> Dashboard {
    Shape {
        file: "fleet.json",
        uid: "lightning-sync-fleet",
        title: "Lightning Sync / Fleet",
        description: "Which organisations need somebody, and which of them first.",
        of_org: false,
        findings: Some("{job=~\"$job\",instance=~\"$instance\",severity=\"critical\"}"),
        changes: None,
        panels: panels(),
    }
    .dashboard()
}

fn panels() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Stat,
            "How many need somebody now?",
            "Organisations with a critical finding. Consequences of one cause count once.",
            "short",
            &[(
                "count(max by (org) (lightning_sync_finding_since_timestamp_seconds{S,severity=\"critical\"} > 0)) or 0 * count(lightning_sync_org_info{S})",
                "organisations",
            )],
        )
        .coloured(NONE_IS_GOOD),
        Panel::new(
            Drawn::Stat,
            "How many need somebody in office hours?",
            "Organisations with a finding that can wait until office hours.",
            "short",
            &[(
                "count(max by (org) (lightning_sync_finding_since_timestamp_seconds{S,severity=\"warning\"} > 0)) or 0 * count(lightning_sync_org_info{S})",
                "organisations",
            )],
        )
        .coloured(FEW_ARE_GOOD),
        Panel::new(
            Drawn::Stat,
            "Of how many is sync unknown?",
            "Organisations of which no live source tells when something last synced. That is no news, and not good news.",
            "short",
            &[(
                "count(max by (org) (lightning_sync_finding_since_timestamp_seconds{S,cause=\"observations_stale\"} > 0)) or 0 * count(lightning_sync_org_info{S})",
                "organisations",
            )],
        )
        .coloured(FEW_ARE_GOOD),
        Panel::new(
            Drawn::Stat,
            "How many organisations are watched?",
            "All that are configured in the chosen exporters.",
            "short",
            &[("count(max by (org) (lightning_sync_org_info{S}))", "organisations")],
        ),
        Panel::new(
            Drawn::Table,
            "What is wrong, and where?",
            "Every finding of every organisation. The links lead to its status page and to the runbook.",
            "short",
            &[(
                "1000 * max by (org, severity, cause, object_type, instance) (lightning_sync_finding_since_timestamp_seconds{S} > 0)",
                "",
            )],
        )
        .linked(TO_ORG),
        Panel::new(
            Drawn::Bars,
            "Whose last sync is nearest to its limit?",
            "Age of the last sync as a share of the setting stale_after of its organisation: at 100 % it pages.",
            "percentunit",
            &[(
                "topk(20, max by (org, object_type) ((time() - lightning_sync_last_sync_timestamp_seconds{S}) / on (job, instance, org) group_left lightning_sync_stale_after_seconds{S}))",
                "{{org}} {{object_type}}",
            )],
        )
        .coloured(OF_LIMIT)
        .linked(TO_DASHBOARD),
        Panel::new(
            Drawn::Lines,
            "How many records sync in an hour?",
            "Records synced in the last 60 minutes, all organisations together. An organisation whose count nobody gives is left out.",
            "short",
            &[(
                "sum by (object_type) (max by (org, object_type) (lightning_sync_records_synced_60m{S}))",
                "{{object_type}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "Where do users fail a check?",
            "Users whose first failing check counts, by organisation.",
            "short",
            &[(
                "sum by (org) (max by (org, check) (lightning_sync_users_failing{S}))",
                "{{org}}",
            )],
        )
        .linked(TO_DASHBOARD),
        Panel::new(
            Drawn::Bars,
            "Which sources have been silent the longest?",
            "Time since a source last reported on an organisation, as a share of twice the setting expected_every: beyond 100 % it is silent. Business hours are not counted out here; the findings do that.",
            "percentunit",
            &[(
                "topk(20, max by (org, source) ((time() - lightning_sync_observation_timestamp_seconds{S}) / on (job, instance, org, source) (2 * lightning_sync_expected_every_seconds{S})))",
                "{{org}} {{source}}",
            )],
        )
        .coloured(OF_LIMIT),
        Panel::new(
            Drawn::Bars,
            "When does Lightning Sync end, and for whom?",
            "Time until the retirement that is set for an organisation.",
            "s",
            &[(
                "bottomk(20, max by (org) (lightning_sync_retirement_timestamp_seconds{S}) - time())",
                "{{org}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How many findings are there?",
            "Findings by severity over time.",
            "short",
            &[(
                "sum by (severity) (group by (org, severity, cause, object_type) (lightning_sync_finding_since_timestamp_seconds{S} > 0))",
                "{{severity}}",
            )],
        ),
    ]
}
