//! The exporter itself: whether what it says can be relied on.

use super::Dashboard;
use super::panel::{Drawn, NONE_IS_GOOD, OF_LIMIT, ONE_IS_GOOD, Panel};
use super::shape::Shape;

const UP: &[(&str, &str)] = &[("0", "down"), ("1", "up")];
const TAKEN: &[(&str, &str)] = &[("0", "refused"), ("1", "in force")];
const POLLED: &[(&str, &str)] = &[("0", "failed"), ("1", "good")];
const PARTS: &[(&str, &str)] = &[("0", "not there"), ("1", "there")];
const TROUBLE: &[(&str, &str)] = &[("0", "no"), ("1", "yes")];

pub(super) fn dashboard() -> Dashboard {
    Shape {
        file: "exporter.json",
        uid: "lightning-sync-exporter",
        title: "Lightning Sync / Exporter",
        description: "Whether the exporter answers, stores what it acknowledges, and takes what is sent, and gets answers where it asks.",
        of_org: false,
        findings: None,
        changes: None,
        panels: [trust(), taken(), polled(), process()].concat(),
    }
    .dashboard()
}

fn trust() -> Vec<Panel> {
    // Two rows of three: no gap beside them.
    figures().into_iter().map(|panel| panel.wide(8)).collect()
}

fn figures() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Stat,
            "Does every exporter answer?",
            "Whether Prometheus can scrape it; one that it has not scraped for a day is left out.",
            "short",
            &[(
                "min by (instance) (up{S} and on (job, instance) last_over_time(lightning_sync_exporter_build_info{S}[1d]))",
                "{{instance}}",
            )],
        )
        .coloured(ONE_IS_GOOD)
        .worded(UP),
        Panel::new(
            Drawn::Stat,
            "How old is its picture?",
            "Time since the engine last published; window counts are left out after 30 seconds.",
            "s",
            &[(
                "max by (instance) (timestamp(lightning_sync_exporter_view_timestamp_seconds{S}) - lightning_sync_exporter_view_timestamp_seconds{S})",
                "{{instance}}",
            )],
        ),
        Panel::new(
            Drawn::Stat,
            "Does the store refuse to write?",
            "While it does, nothing that is pushed is taken.",
            "short",
            &[(
                "max by (instance) (lightning_sync_exporter_store_failing{S})",
                "{{instance}}",
            )],
        )
        .coloured(NONE_IS_GOOD)
        .worded(TROUBLE),
        Panel::new(
            Drawn::Stat,
            "Does it lead?",
            "Of daemons that share a database one takes what is pushed, polls and sends alerts; the others show what it stores.",
            "short",
            &[("max by (instance) (lightning_sync_exporter_leader{S})", "{{instance}}")],
        )
        .worded(TROUBLE),
        Panel::new(
            Drawn::Stat,
            "Is the clock in doubt?",
            "The clock was seen to step, or lies behind what the store remembers: ages and counts may be off.",
            "short",
            &[(
                "max by (instance) (lightning_sync_exporter_clock_suspect{S})",
                "{{instance}}",
            )],
        )
        .coloured(NONE_IS_GOOD)
        .worded(TROUBLE),
        Panel::new(
            Drawn::Stat,
            "Was the latest configuration taken?",
            "Refused: it had mistakes, and an older one stays in force.",
            "short",
            &[(
                "min by (instance) (lightning_sync_exporter_config_reload_success{S})",
                "{{instance}}",
            )],
        )
        .coloured(ONE_IS_GOOD)
        .worded(TAKEN),
        Panel::new(
            Drawn::Stat,
            "How many organisations does each exporter watch?",
            "Organisations by exporter and version.",
            "short",
            &[(
                "count by (instance, version) (lightning_sync_org_info{S} * on (job, instance) group_left (version) lightning_sync_exporter_build_info{S})",
                "{{instance}} {{version}}",
            )],
        ),
    ]
}

fn taken() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Lines,
            "How many records are taken?",
            "Activity records in acknowledged requests, by what became of them.",
            "cps",
            &[(
                "sum by (outcome) (rate(lightning_sync_exporter_ingest_records_total{S}[$__rate_interval]))",
                "{{outcome}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How many snapshots are taken?",
            "Status pages and their values a minute, by organisation.",
            "cpm",
            &[(
                "60 * sum by (org) (rate(lightning_sync_exporter_ingest_snapshots_total{S}[$__rate_interval]))",
                "{{org}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "What is refused, and why?",
            "Refused requests a minute by reason. A wrong token, a page that cannot be read or a full disk shows here first.",
            "cpm",
            &[(
                "60 * sum by (reason) (rate(lightning_sync_exporter_ingest_rejected_total{S}[$__rate_interval]))",
                "{{reason}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How much waits to be written?",
            "Bytes in the queue to the store.",
            "bytes",
            &[("max by (instance) (lightning_sync_exporter_queue_bytes{S})", "{{instance}}")],
        ),
        Panel::new(
            Drawn::Lines,
            "How long do commits take?",
            "The slowest of a hundred commits, their fsync included.",
            "s",
            &[(
                "histogram_quantile(0.99, sum by (le, instance) (rate(lightning_sync_exporter_commit_duration_seconds_bucket{S}[$__rate_interval])))",
                "p99 {{instance}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "Do commits fail?",
            "Failed commits a minute: nothing in them was acknowledged.",
            "cpm",
            &[(
                "60 * sum by (instance) (rate(lightning_sync_exporter_commit_failures_total{S}[$__rate_interval]))",
                "{{instance}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How long do scrapes take?",
            "The slowest of a hundred scrapes, from the request to the last byte.",
            "s",
            &[(
                "histogram_quantile(0.99, sum by (le, instance) (rate(lightning_sync_exporter_scrape_duration_seconds_bucket{S}[$__rate_interval])))",
                "p99 {{instance}}",
            )],
        ),
    ]
}

fn polled() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Bars,
            "Was the latest poll of each source good?",
            "Polled sources, by organisation. Absent: none is polled.",
            "short",
            &[(
                "min by (org, source) (lightning_sync_poll_success{S})",
                "{{org}} {{source}}",
            )],
        )
        .coloured(ONE_IS_GOOD)
        .worded(POLLED),
        Panel::new(
            Drawn::Lines,
            "Which polls fail, and why?",
            "Failed polls a minute by reason; earlier values stay and grow old.",
            "cpm",
            &[(
                "60 * sum by (org, source, reason) (rate(lightning_sync_poll_failures_total{S}[$__rate_interval]))",
                "{{org}} {{source}} {{reason}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How long do polls take?",
            "Time that the latest poll of a source took.",
            "s",
            &[(
                "max by (org, source) (lightning_sync_poll_duration_seconds{S})",
                "{{org}} {{source}}",
            )],
        ),
        Panel::new(
            Drawn::Bars,
            "How much of their API budget have the polls used up?",
            "Used share of the setting api_budget_percent of the organisation's daily API requests: at 100 % polling pauses. Absent: Salesforce has not reported it.",
            "percentunit",
            &[(
                "max by (org) (lightning_sync_salesforce_api_budget_used_ratio{S})",
                "{{org}}",
            )],
        )
        .coloured(OF_LIMIT),
        Panel::new(
            Drawn::Lines,
            "Who uses up the API requests?",
            "Requests of everybody in 24 hours as Salesforce counts them, beside what is allowed.",
            "short",
            &[
                (
                    "max by (org) (lightning_sync_salesforce_api_requests_used{S})",
                    "{{org}} used by everybody",
                ),
                (
                    "max by (org) (lightning_sync_salesforce_api_requests_allowed{S})",
                    "{{org}} allowed",
                ),
            ],
        ),
        Panel::new(
            Drawn::Lines,
            "How many API requests does this daemon make?",
            "Requests a minute to Salesforce, by organisation. Absent: Salesforce is not polled.",
            "cpm",
            &[(
                "60 * sum by (org) (rate(lightning_sync_salesforce_api_calls_total{S}[$__rate_interval]))",
                "{{org}}",
            )],
        ),
        Panel::new(
            Drawn::Bars,
            "Which parts of Salesforce's interface are there?",
            "What the integration user may not read or the organisation does not have is not there, and what follows from it is left out. Absent: Salesforce is not polled.",
            "short",
            &[(
                "min by (org, part) (lightning_sync_salesforce_part_available{S})",
                "{{org}} {{part}}",
            )],
        )
        .coloured(ONE_IS_GOOD)
        .worded(PARTS),
    ]
}

fn process() -> Vec<Panel> {
    vec![
        Panel::new(
            Drawn::Lines,
            "How much memory does it use?",
            "Resident memory of the process.",
            "bytes",
            &[(
                "max by (instance) (process_resident_memory_bytes{S} and on (job, instance) lightning_sync_exporter_build_info{S})",
                "{{instance}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How much processor does it use?",
            "Processors in use.",
            "short",
            &[(
                "sum by (instance) (rate(process_cpu_seconds_total{S}[$__rate_interval]) and on (job, instance) lightning_sync_exporter_build_info{S})",
                "{{instance}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "How many files has it open?",
            "Open files as a share of those it may open.",
            "percentunit",
            &[(
                "max by (instance) (process_open_fds{S} / process_max_fds{S} and on (job, instance) lightning_sync_exporter_build_info{S})",
                "{{instance}}",
            )],
        ),
        Panel::new(
            Drawn::Lines,
            "Since when does it run?",
            "Time since the process started; a fall is a restart.",
            "s",
            &[(
                "max by (instance) (time() - process_start_time_seconds{S} and on (job, instance) lightning_sync_exporter_build_info{S})",
                "{{instance}}",
            )],
        ),
    ]
}
