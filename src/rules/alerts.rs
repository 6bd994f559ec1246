//! The alerts. Almost each is a selection by cause from what the exporters found; `for` is there so that neither a single
//! scrape nor two readings that follow each other can trip a warning.

use super::definition::AlertRule;
use crate::domain::causes::{Cause, Severity};
use chrono::TimeDelta;

/// Of causes that are always paged, and that no single reading can show: the page comes with the second evaluation.
const PAGE: Option<TimeDelta> = Some(TimeDelta::minutes(1));
/// Of every cause that can be a warning: longer than any sensible scrape interval, and than two readings of one page
/// are apart when somebody copies it by hand. Evaluated every four minutes, it is twelve.
const CALM: Option<TimeDelta> = Some(TimeDelta::minutes(10));

/// More organisations than this in the same trouble are many: as many as one message names.
const MANY: usize = 10;
/// And more than one of so many.
const SHARE: usize = 4;

/// Whether so many organisations out of so many that are watched have their trouble in common.
pub(super) fn are_many(organisations: usize, watched: usize) -> bool {
    organisations > MANY && organisations * SHARE > watched
}

/// Whether an alert need not be evaluated as often as what it reads.
pub(super) fn is_slow(rule: &AlertRule) -> bool {
    rule.hold == CALM
}

/// All of them, in the order of the file.
pub(super) fn rules() -> Vec<AlertRule> {
    let mut rules = vec![
        org(
            Cause::NoSyncIn24Hours,
            "{{ $labels.object_type }} have not synced in the time that is allowed; the deadline was SINCE.",
        ),
        org(
            Cause::NeverSynced,
            "{{ $labels.object_type }} have never synced; the deadline for the first sync was SINCE.",
        ),
        org(
            Cause::ServiceAccountMissing,
            "Salesforce shows None where the Exchange service account should be, since SINCE.",
        ),
        org(
            Cause::ServiceAccountNotRecognized,
            "Salesforce shows an X for the Exchange service account, since SINCE.",
        ),
        org(Cause::NoLinkedUsers, "no user's addresses are linked, since SINCE."),
        org(
            Cause::NothingIn24Hours,
            "0 {{ $labels.object_type }} synced in the last 24 hours, at least 6 of them business hours, since SINCE.",
        ),
        org(
            Cause::ObservationsStale,
            "nobody has reported when {{ $labels.object_type }} last synced, since SINCE. That is not proof of a failure.",
        ),
        org(
            Cause::LinkedUsersUnexpected,
            &format!(
                "linked users: {}, expected: {}, since SINCE.",
                figure("lightning_sync_linked_users"),
                figure("lightning_sync_expected_linked_users")
            ),
        ),
        AlertRule {
            expr: format!("min by (org, cause, severity) ({})", found(Cause::UsersFailing)),
            ..org(
                Cause::UsersFailing,
                "users fail a check{{ with printf `max by (check) (lightning_sync_users_failing{org=%q}) > 0` $labels.org | query }}:{{ range . | sortByLabel `check` }} {{ .Labels.check }} ({{ .Value }}){{ end }}{{ end }}, the first since SINCE.",
            )
        },
        org(
            Cause::ResetStuck,
            "a user's reset is over its limit, since SINCE; the list of users shows whose.",
        ),
        org(
            Cause::InitialSyncStuck,
            "first syncs of users are over their limit ({{ $labels.check }}), the first since SINCE; the list of users shows whose.",
        ),
        org(Cause::Delayed, "{{ $labels.object_type }} are later than usual, since SINCE."),
        org(
            Cause::NothingIn60Minutes,
            "0 {{ $labels.object_type }} synced in 60 minutes of business hours, since SINCE.",
        ),
        org(
            Cause::UnusuallyQuiet,
            "no {{ $labels.object_type }} have synced since SINCE, at hours that had records in each of the last four weeks.",
        ),
        org(
            Cause::OutlookIntegrationDisabled,
            "sales reps choose which events sync, and the Outlook integration shows No, since SINCE.",
        ),
        org(
            Cause::RetirementNear,
            "Lightning Sync ends{{ with printf `max(lightning_sync_retirement_timestamp_seconds{org=%q})` $labels.org | query }} on {{ slice (. | first | value | humanizeTimestamp) 0 10 }},{{ end }} in less than {{ if eq $labels.severity `warning` }}30{{ else }}90{{ end }} days.",
        ),
        org(
            Cause::PollFailing,
            "every poll of a source has failed{{ with printf `group by (source) (lightning_sync_poll_success{org=%q} == 0)` $labels.org | query }}:{{ range . | sortByLabel `source` }} {{ .Labels.source }}{{ end }}{{ end }}, since SINCE; the reason is on the organisation's page.",
        ),
        org(
            Cause::SalesforceApiBudgetLow,
            "more than three quarters of the budget of daily API requests is used, since SINCE.",
        ),
        org(
            Cause::SalesforceUsageUnknown,
            "Salesforce has not reported how many API requests are used, since SINCE.",
        ),
        org(
            Cause::ExchangeSignInRefused,
            "Windows refuses the service account's sign-ins at Exchange{{ with printf `max by (reason) (lightning_sync_exchange_log_sign_in_refused{org=%q}) == 1` $labels.org | query }}:{{ range . | sortByLabel `reason` }} {{ .Labels.reason }}{{ end }}{{ end }}, since SINCE.",
        ),
        org(
            Cause::ExchangeNoCalls,
            "the logs of all Exchange servers are current and show no call of Salesforce's service account; one was due by SINCE.",
        ),
        org(
            Cause::ExchangeTwoWriters,
            "a second sync program writes into mailboxes that Salesforce syncs, since SINCE; the users' pages name it.",
        ),
        org(
            Cause::DuplicateSurge,
            "some users have at least twice as many synced contacts as two days before, since SINCE; the users' pages show the counts.",
        ),
        org(
            Cause::RecordsDrift,
            "Salesforce and Exchange have counted different numbers of synced contacts for some users, since SINCE; the users' pages show both.",
        ),
        AlertRule {
            expr: format!(
                "min by (org, cause, severity) (instance:lightning_sync_finding:since{{cause=\"{}\"}} > 0)",
                Cause::IngestRejected
            ),
            // It may be about no organisation, and not every evaluator takes a label that is missing for an empty one.
            description: format!(
                "{{{{ or $labels.org `Unknown organisation` }}}}: requests are refused, since {SINCE_UTC}{REASONS}."
            ),
            ..org(Cause::IngestRejected, "")
        },
        org(
            Cause::ExchangeUnreachable,
            "the probe fails before it can sign in at Exchange, since SINCE; the step and its reason are on the organisation's page.",
        ),
        org(
            Cause::ExchangeAccountRefused,
            "Exchange refuses the sign-in of the account that the probe uses, since SINCE.",
        ),
        org(
            Cause::ExchangeEwsOff,
            "Exchange accepts the sign-in and refuses EWS, since SINCE{{ with printf `max(lightning_sync_exchange_ews_retirement_timestamp_seconds{org=%q})` $labels.org | query }}; Microsoft switches EWS off in Exchange Online, for good on {{ slice (. | first | value | humanizeTimestamp) 0 10 }}{{ end }}. Salesforce's application may be allowed separately.",
        ),
        org(
            Cause::ExchangeImpersonationRefused,
            "the account that the probe uses has no right to most of the mailboxes that are looked at, since SINCE.",
        ),
        org(
            Cause::CanaryLate,
            "the canary's item has not arrived ({{ reReplaceAll `_` ` ` $labels.check }}); it was due by SINCE.",
        ),
        org(
            Cause::CanaryFailing,
            "the canary cannot write, find or delete its items, since SINCE; the reason is on the organisation's page.",
        ),
        org(
            Cause::CanaryLeftovers,
            "items of the canary should have been gone by SINCE and are still there; the organisation's page names them.",
        ),
        org(
            Cause::ExchangeCertificateEnding,
            &format!(
                "the certificate of Exchange ends {}.",
                ends(
                    "lightning_sync_exchange_certificate_not_after_timestamp_seconds{org=%q}",
                    "$labels.org",
                    "in less than three weeks"
                )
            ),
        ),
        exporter(Cause::StoreFailing, "the database cannot be written, since SINCE."),
        exporter(Cause::ClockSuspect, "the clock stepped at SINCE."),
        exporter(
            Cause::ConfigReloadFailed,
            "the configuration has mistakes and the previous one stays in force, since SINCE.",
        ),
        exporter(
            Cause::WebReloadFailed,
            "the web file or a certificate cannot be used and the previous one stays in force, since SINCE.",
        ),
        exporter(
            Cause::CertificateExpiring,
            &format!(
                "the certificate that is served ends {}.",
                ends(
                    "lightning_sync_exporter_web_certificate_not_after_timestamp_seconds{job=%q,instance=%q}",
                    "$labels.job $labels.instance",
                    "in less than two weeks"
                )
            ),
        ),
        exporter(
            Cause::BackupTooOld,
            "the database has no backup younger than backup_max_age, since SINCE.",
        ),
    ];
    rules.extend(of_exporters());
    rules
}

/// What no exporter can say of itself.
fn of_exporters() -> [AlertRule; 5] {
    let rule = |cause, expr: &str, hold, severity, description: &str| AlertRule {
        cause,
        expr: expr.trim().to_owned(),
        hold,
        severity: Some(severity),
        description: description.to_owned(),
    };
    let critical = Severity::Critical.name();
    [
        rule(
            Cause::ExporterDown,
            r#"
group by (job, instance) (up{job=~".*lightning-sync.*"} == 0 or up and on (job, instance) instance:lightning_sync:lost)
or absent(up{job=~".*lightning-sync.*"} or instance:lightning_sync:answers)
or group by (org) (instance:lightning_sync_org:watched{org!=""} > time()) unless on (org) instance:lightning_sync_org:named"#,
            Some(TimeDelta::minutes(5)),
            critical,
            "{{ if $labels.org }}{{ $labels.org }}: no exporter that watches it answers{{ else if $labels.instance }}{{ $labels.instance }} (job {{ $labels.job }}) does not answer, or answers with old data. Organisations that no other exporter watches:{{ range $i, $org := printf `group by (org) (instance:lightning_sync_org:watched{org!=\"\",job=%q,instance=%q} > 0 unless on (org) instance:lightning_sync_org:named)` $labels.job $labels.instance | query | sortByLabel `org` }}{{ if lt $i 10 }} {{ $org.Labels.org }}{{ end }}{{ if eq $i 10 }} and more{{ end }}{{ else }} none{{ end }}{{ else }}Prometheus has no target whose job is named lightning-sync, and no exporter answers{{ end }}.",
        ),
        rule(
            Cause::Restarting,
            r#"
max by (job, instance) (changes(process_start_time_seconds[1h]) > 3) and on (job, instance) max_over_time(instance:lightning_sync:answers[1h])
or max by (job, instance) (increase(lightning_sync_exporter_task_restarts_total[1h]) > 3)"#,
            CALM,
            Severity::Warning.name(),
            "{{ $labels.instance }} (job {{ $labels.job }}) or a task of it was started {{ printf `%.0f` $value }} times within an hour.",
        ),
        rule(
            Cause::StoreEmptied,
            "max by (job, instance) (last_over_time(lightning_sync_exporter_store_since_timestamp_seconds[26h]) > min_over_time(lightning_sync_exporter_store_since_timestamp_seconds[26h]))",
            CALM,
            Severity::Warning.name(),
            &format!(
                "{{{{ $labels.instance }}}} (job {{{{ $labels.job }}}}): its database begins {SINCE_UTC}; within the last day it began earlier."
            ),
        ),
        rule(
            Cause::ManyOrganizations,
            &format!(
                r#"
count by (cause) (group by (cause, org) (org:lightning_sync_finding:since{{severity="critical"}}))
  > {MANY} > scalar(count(group by (org) (instance:lightning_sync_org:watched{{org!=""}}))) / {SHARE}"#
            ),
            PAGE,
            critical,
            "{{ $value }} organisations have {{ $labels.cause }}. Longest first:{{ range $i, $org := printf `sort(min by (org) (org:lightning_sync_finding:since{cause=%q,severity=\"critical\"}))` $labels.cause | query }}{{ if lt $i 10 }} {{ $org.Labels.org }}{{ end }}{{ end }}.",
        ),
        rule(
            Cause::Watchdog,
            "vector(1)",
            None,
            "none",
            "This alert always fires; when it stops arriving, alerting is broken.",
        ),
    ]
}

/// The value, an instant, to the minute.
const SINCE_UTC: &str = "{{ slice (humanizeTimestamp $value) 0 16 }} UTC";
/// The same, and the hour and minute where the organisation is, as long as an exporter reports how far that is from UTC.
const SINCE: &str = "{{ slice (humanizeTimestamp $value) 0 16 }} UTC{{ with printf `%f + max(lightning_sync_utc_offset_seconds{org=%q} != 0)` $value $labels.org | query }} ({{ slice (. | first | value | humanizeTimestamp) 11 16 }} there){{ end }}";

/// An alert of an organisation that its exporters found. What is recorded holds: there is nothing to compare.
fn org(cause: Cause, text: &str) -> AlertRule {
    // What is not sent to anybody does without the other zone, which is a query for each alert.
    let since = if cause.severities() == [Severity::Info] { SINCE_UTC } else { SINCE };
    AlertRule {
        cause,
        expr: found(cause),
        hold: if cause.severities() == [Severity::Critical] { PAGE } else { CALM },
        severity: None,
        description: format!("{{{{ $labels.org }}}}: {}", text.replace("SINCE", since)),
    }
}

fn found(cause: Cause) -> String {
    format!("org:lightning_sync_finding:since{{cause=\"{cause}\"}}")
}

/// Why requests were refused, as a template. Of an hour it would be better, but what was refused once has no increase.
const REASONS: &str = "{{ with printf `sum by (reason) (lightning_sync_exporter_ingest_rejected_total{org=%q}) > 0` (or $labels.org ``) | query }}; reasons since the exporter's start:{{ range . | sortByLabel `reason` }} {{ .Labels.reason }}{{ end }}{{ end }}";

/// A figure of the alert's organisation, as a template. What ends the alert is another figure: that of a minute ago stood
/// when the finding was recorded, and the message of the end does not show what ended it.
fn figure(metric: &str) -> String {
    const FIGURE: &str = "{{ with printf `max(METRIC{org=%q} offset 1m)` $labels.org | query }}{{ . | first | value }}{{ else }}unknown{{ end }}";
    FIGURE.replace("METRIC", metric)
}

/// When a certificate ends and how many whole days are left, below zero after its end, as a template; other words while
/// no exporter reports it. Of a minute ago, like every figure.
fn ends(metric: &str, labels: &str, unknown: &str) -> String {
    const ENDS: &str = "{{ with printf `min(METRIC offset 1m)` LABELS | query }}on {{ slice (. | first | value | humanizeTimestamp) 0 16 }} UTC{{ else }}UNKNOWN{{ end }}{{ with printf `floor((min(METRIC offset 1m) - time()) / 86400)` LABELS | query }}; days left: {{ . | first | value }}{{ end }}";
    ENDS.replace("METRIC", metric).replace("LABELS", labels).replace("UNKNOWN", unknown)
}

/// An alert of an exporter that it found of itself.
fn exporter(cause: Cause, text: &str) -> AlertRule {
    AlertRule {
        cause,
        expr: format!("instance:lightning_sync_finding:since{{cause=\"{cause}\"}} > 0"),
        hold: CALM,
        severity: None,
        description: format!(
            "{{{{ $labels.instance }}}} (job {{{{ $labels.job }}}}): {}",
            text.replace("SINCE", SINCE_UTC)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_of_findings_select_by_cause_and_ask_about_their_own_organisation_alone() {
        let rules = rules();
        let selections = rules.iter().filter(|rule| rule.expr.contains("finding:since{cause="));
        for rule in selections {
            let alert = rule.alert();
            let selected = format!("_finding:since{{cause=\"{}\"}}", rule.cause);
            let (before, after) = rule.expr.split_once(&selected).unwrap();
            assert!(
                ["org:lightning_sync", "instance:lightning_sync"].contains(&before)
                    || before.starts_with("min by (org, cause, severity) ("),
                "{alert}: {before}"
            );
            assert!(["", ")", " > 0", " > 0)"].contains(&after), "{alert}: {after}");
            let queries = rule.description.matches("| query").count();
            let own = ["org=%q}", "{job=%q,instance=%q}"];
            let own: usize =
                own.map(|labels| rule.description.matches(labels).count()).iter().sum();
            assert_eq!(queries, own, "{alert}");
        }
    }

    #[test]
    fn no_text_needs_a_function_that_vmalert_does_not_have() {
        for rule in rules() {
            assert!(!rule.description.contains("toTime"), "{}", rule.alert());
        }
    }
}
