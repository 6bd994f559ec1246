//! `check`: one judgement of a running daemon for Nagios and its kin: a line with performance data, and an exit code.

use super::api_client::{ApiClient, runtime};
use super::args::CheckArgs;
use super::exit::{Exit, Streams};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::OrgName;
use crate::guidance::verdict::Level;
use bytes::Bytes;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

/// Organisations that are named when all are checked; who reads a line looks at the worst ones.
const MAX_NAMED: usize = 20;

/// Queries the daemon, prints one line with performance data, and exits as a plugin does: 0 ok, 1 warning, 2 critical,
/// 3 unknown. What cannot be reached is unknown. Without an organisation, all are judged, and a line for each that is not
/// well follows the first.
pub(super) fn check(args: &CheckArgs, streams: &mut Streams<'_>) -> Exit {
    let about = args.org.as_ref().map_or("all organisations", OrgName::as_str);
    let judged = runtime()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(query(args)))
        .unwrap_or_else(|says| PluginLine::new(about, UNKNOWN, &says, &[]));
    match streams.print(&judged.line) {
        Exit::FINE => judged.exit,
        // Nobody read the line; the code alone must not look well.
        _ => Exit::UNKNOWN,
    }
}

async fn query(args: &CheckArgs) -> Result<PluginLine, String> {
    let api = ApiClient::daemon(&args.url, &args.ask)?;
    match &args.org {
        Some(org) => Ok(of(org.as_str(), &status(&api, org.as_str()).await?)),
        None => all(&api).await,
    }
}

/// The daemon's answer about an organisation, or why there is none.
async fn status(api: &ApiClient, org: &str) -> Result<Bytes, String> {
    match api.get(&format!("/api/v1/orgs/{org}")).await? {
        (200, body) => Ok(body),
        (401, _) => Err(api.refused().to_owned()),
        (404, _) => Err(
            "the daemon does not know this organisation; `orgs` of its configuration names those it knows"
                .to_owned(),
        ),
        (status, _) => Err(format!("the daemon answered {status}; its log says why")),
    }
}

/// What is read of `GET /api/v1/orgs`.
#[derive(Deserialize)]
struct ApiOrgs {
    orgs: Vec<ApiOrgInShort>,
}

#[derive(Deserialize)]
struct ApiOrgInShort {
    org: String,
}

/// Every organisation, each judged as it is by itself.
async fn all(api: &ApiClient) -> Result<PluginLine, String> {
    let body = match api.get("/api/v1/orgs").await? {
        (200, body) => body,
        (401, _) => return Err(api.refused().to_owned()),
        (status, _) => return Err(format!("the daemon answered {status}; its log says why")),
    };
    let orgs: ApiOrgs = serde_json::from_slice(&body)
        .map_err(|error| format!("the answer is not that of lightning-sync-exporter: {error}"))?;
    let mut lines = Vec::new();
    for ApiOrgInShort { org } in &orgs.orgs {
        // A name of ours has no characters that a path cannot carry.
        let name = OrgName::new(org).map_err(|error| error.to_string())?;
        lines.push(match status(api, name.as_str()).await {
            Ok(body) => of(org, &body),
            Err(says) => PluginLine::new(org, UNKNOWN, &says, &[]),
        });
    }
    Ok(together(lines))
}

/// Critical before warning before unknown, as the plugins of monitoring-plugins.org put states together.
fn together(mut lines: Vec<PluginLine>) -> PluginLine {
    const WORST_FIRST: [PluginState; 4] = [CRITICAL, WARNING, UNKNOWN, OK];
    // One that is critical is one too many; the others have no limit of their own.
    const RANGES: [&str; 4] = [";0", "0;", ";", ";"];
    let count = |exit: Exit| lines.iter().filter(|line| line.exit == exit).count();
    let counts = WORST_FIRST.map(|(word, exit)| (word, exit, count(exit)));
    let worst = counts.into_iter().find(|(.., count)| *count > 0);
    // Nobody watched is not well.
    let (word, exit, _) = worst.unwrap_or((UNKNOWN.0, UNKNOWN.1, 0));
    let all = lines.len();
    let totals = counts.iter().zip(RANGES).map(|((word, _, count), ranges)| {
        format!("{}={count};{ranges};0;{all}", word.to_lowercase())
    });
    let totals: Vec<String> = totals.collect();
    let sentence = match counts.map(|(.., count)| count) {
        [0, 0, 0, 0] => "the daemon watches none.".to_owned(),
        [0, 0, 0, _] => format!("everything that should sync does, in {all}."),
        [critical, warning, unknown, ok] => {
            format!("{critical} critical, {warning} warning, {unknown} unknown, {ok} ok.")
        }
    };
    let mut together = PluginLine::new("all organisations", (word, exit), &sentence, &totals);
    lines.retain(|line| line.exit != Exit::FINE);
    lines.sort_by_key(|line| WORST_FIRST.iter().position(|(_, exit)| *exit == line.exit));
    let more = lines.len().saturating_sub(MAX_NAMED);
    let named = lines.into_iter().take(MAX_NAMED).map(|line| line.sentence);
    together.line.extend(named.chain((more > 0).then(|| format!("and {more} more\n"))));
    together
}

/// How a plugin begins its line and exits.
type PluginState = (&'static str, Exit);

const OK: PluginState = ("OK", Exit::FINE);
const WARNING: PluginState = ("WARNING", Exit::FAILED);
const CRITICAL: PluginState = ("CRITICAL", Exit::WRONG);
const UNKNOWN: PluginState = ("UNKNOWN", Exit::UNKNOWN);

/// The line that a plugin prints, and the code that it exits with.
struct PluginLine {
    line: String,
    /// The line without performance data.
    sentence: String,
    exit: Exit,
}

impl PluginLine {
    fn new(about: &str, (word, exit): PluginState, sentence: &str, performance: &[String]) -> Self {
        // A bar begins the performance data, and a second line is something else again.
        let sentence = sentence.replace('|', "/").replace(char::is_control, " ");
        let bar = if performance.is_empty() { "" } else { " | " };
        let sentence = format!("{word} {about}: {sentence}");
        let line = format!("{sentence}{bar}{}\n", performance.join(" "));
        Self { line, sentence: sentence + "\n", exit }
    }
}

/// What is read of `GET /api/v1/orgs/{org}`; a later version may say more.
#[derive(Deserialize)]
struct ApiOrg {
    view: ApiView,
    verdict: String,
    rows: Vec<ApiRow>,
    #[serde(default)]
    last_sync_deadlines: Vec<ApiDeadline>,
    #[serde(default)]
    expected_linked_users: Option<u64>,
    #[serde(default)]
    setting_up: bool,
    #[serde(default)]
    retired: bool,
    findings: Vec<ApiFinding>,
}

#[derive(Deserialize)]
struct ApiView {
    now: String,
    as_of: String,
    fresh: bool,
}

#[derive(Deserialize)]
struct ApiRow {
    row: String,
    applies: bool,
    state: String,
    value: Value,
}

#[derive(Deserialize)]
struct ApiDeadline {
    object_type: String,
    at: String,
}

#[derive(Deserialize)]
struct ApiFinding {
    severity: String,
    reason: String,
    summary: String,
    object_type: Option<String>,
    users: Option<u64>,
    held_back_by: Vec<String>,
    next_steps: Vec<ApiStep>,
}

#[derive(Deserialize)]
struct ApiStep {
    text: String,
    owner: String,
}

/// What the daemon's answer means.
fn of(org: &str, body: &[u8]) -> PluginLine {
    match serde_json::from_slice(body) {
        Ok(status) => {
            let (state, sentence) = judged(&status);
            PluginLine::new(org, state, &sentence, &performance(&status))
        }
        Err(error) => {
            let says = format!("the answer is not that of lightning-sync-exporter: {error}");
            PluginLine::new(org, UNKNOWN, &says, &[])
        }
    }
}

/// Somebody has to have looked lately: without that, nothing but a failure that was already one then is a judgement.
fn judged(org: &ApiOrg) -> (PluginState, String) {
    let (blind, seen): (Vec<_>, Vec<_>) =
        org.findings.iter().partition(|finding| finding.reason == Cause::ObservationsStale.name());
    let of = |severity: Severity| -> Vec<&ApiFinding> {
        seen.iter().copied().filter(|finding| finding.severity == severity.name()).collect()
    };
    let (critical, warning) = (of(Severity::Critical), of(Severity::Warning));
    // No live source says that it syncs, without that being a finding.
    let dark = [Level::Unknown, Level::Held, Level::Waiting]
        .iter()
        .any(|level| level.name() == org.verdict);
    if !critical.is_empty() {
        (CRITICAL, named(&critical))
    } else if !org.view.fresh {
        let since = &org.view.as_of;
        (UNKNOWN, format!("the daemon's view stands still since {since}; its log says why."))
    } else if !blind.is_empty() {
        (UNKNOWN, named(&blind))
    } else if dark {
        (UNKNOWN, "nobody who is live has reported when something last synced.".to_owned())
    } else if !warning.is_empty() {
        (WARNING, named(&warning))
    } else {
        let noted = match org.findings.len() {
            0 => String::new(),
            1 => " 1 thing noted.".to_owned(),
            noted => format!(" {noted} things noted."),
        };
        (OK, format!("everything that should sync does.{noted}"))
    }
}

/// The first finding with its next step, and how many there are more. What ends with another is not named first.
fn named(findings: &[&ApiFinding]) -> String {
    let first = findings.iter().find(|finding| finding.held_back_by.is_empty());
    let Some(first) = first.or(findings.first()) else {
        return String::new();
    };
    let about = match (&first.object_type, first.users) {
        (Some(object), _) => format!(" ({object})"),
        (None, Some(users)) => format!(" ({users} users)"),
        (None, None) => String::new(),
    };
    let more = match findings.len() {
        0 | 1 => String::new(),
        count => format!(" And {} more.", count - 1),
    };
    let next = first.next_steps.first();
    let next = next.map(|step| format!(" Next, {}: {}", step.owner, step.text));
    format!("{}{about}{more}{}", first.summary, next.unwrap_or_default())
}

/// Live values only: a graph cannot say that a value is held. The age has the limit that holds now as its critical range,
/// and an empty warning range: above `fresh_within` a sync is delayed, which is no warning, and a range that says so would
/// contradict the exit code.
/// Linked users warn when they are not as many as expected, and none is critical.
fn performance(org: &ApiOrg) -> Vec<String> {
    let live = org.rows.iter().filter(|row| row.applies && row.state == "live");
    live.filter_map(|row| {
        let label = row.row.replace('.', "_");
        if label.ends_with("_last_sync") {
            let last = DateTime::parse_from_rfc3339(row.value.as_str()?).ok()?;
            let now = DateTime::parse_from_rfc3339(&org.view.now).ok()?;
            let age = (now - last).num_seconds().max(0);
            let mut deadlines = org.last_sync_deadlines.iter();
            let deadline =
                deadlines.find(|due| label.strip_suffix("_last_sync") == Some(&due.object_type));
            let deadline = deadline.and_then(|due| DateTime::parse_from_rfc3339(&due.at).ok());
            let limit = deadline.map(|deadline| (deadline - last).num_seconds().max(0));
            let limit = limit.map(|limit| limit.to_string()).unwrap_or_default();
            return Some(format!("{label}_age={age}s;;{limit};0;"));
        }
        let ranges = match (label.as_str(), org.expected_linked_users) {
            ("linked_users", _) if org.setting_up || org.retired => ";".to_owned(),
            ("linked_users", Some(expected)) => format!("{expected}:{expected};1:"),
            ("linked_users", None) => ";1:".to_owned(),
            _ => ";".to_owned(),
        };
        Some(format!("{label}={};{ranges};0;", row.value.as_u64()?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn org(verdict: &str, findings: Value, state: &str) -> Value {
        json!({
            "view": { "now": "2026-11-23T12:00:00Z", "as_of": "2026-11-23T11:59:59Z", "fresh": true },
            "org": "acme", "verdict": verdict, "findings": findings,
            "last_sync_deadlines": [{ "object_type": "contacts", "at": "2026-11-24T11:52:00Z" }],
            "expected_linked_users": 41,
            "rows": [
                { "row": "service_account_provided", "applies": true, "state": state, "value": "svc|x" },
                { "row": "linked_users", "applies": true, "state": state, "value": 41 },
                { "row": "outlook_integration", "applies": false, "state": state, "value": true },
                { "row": "contacts.last_sync", "applies": true, "state": state, "value": "2026-11-23T11:56:00Z" },
                { "row": "contacts.synced_60m", "applies": true, "state": state, "value": 18 },
                { "row": "events.last_sync", "applies": true, "state": "unknown", "value": null },
            ],
        })
    }

    fn finding(severity: &str, reason: &str, object: Option<&str>, held_back_by: &[&str]) -> Value {
        json!({
            "severity": severity, "reason": reason, "summary": format!("Summary of {reason}."), "object_type": object,
            "users": null, "held_back_by": held_back_by,
            "next_steps": [{ "text": "Do | this.", "owner": "exchange admin" }, { "text": "Then that.", "owner": "wait" }],
        })
    }

    fn judged(org: &Value) -> (String, u8) {
        let judgement = of("acme", org.to_string().as_bytes());
        (judgement.line, judgement.exit.code())
    }

    const PERFORMANCE: &str = "linked_users=41;41:41;1:;0; contacts_last_sync_age=240s;;86160;0; contacts_synced_60m=18;;;0;";

    #[test]
    fn all_well_is_ok_with_live_values_as_performance_data() {
        assert_eq!(
            judged(&org("fine", json!([]), "live")),
            (format!("OK acme: everything that should sync does. | {PERFORMANCE}\n"), 0)
        );
        // Delayed is noted, so the age has no warning range.
        let noted = json!([finding("info", "delayed", Some("events"), &[])]);
        assert_eq!(
            judged(&org("info", noted, "live")),
            (
                format!(
                    "OK acme: everything that should sync does. 1 thing noted. | {PERFORMANCE}\n"
                ),
                0
            )
        );
    }

    #[test]
    fn linked_users_have_no_limit_where_none_is_judged() {
        let linked = |key: &str, value: Value| {
            let mut org = org("fine", json!([]), "live");
            org[key] = value;
            judged(&org)
                .0
                .split_whitespace()
                .find(|it| it.starts_with("linked"))
                .unwrap()
                .to_owned()
        };
        assert_eq!(linked("expected_linked_users", Value::Null), "linked_users=41;;1:;0;");
        assert_eq!(linked("setting_up", json!(true)), "linked_users=41;;;0;");
        assert_eq!(linked("retired", json!(true)), "linked_users=41;;;0;");
    }

    #[test]
    fn the_root_cause_is_named_with_its_next_step() {
        let findings = json!([
            finding(
                "critical",
                "no_sync_in_24_hours",
                Some("contacts"),
                &["service_account_missing"]
            ),
            finding("critical", "service_account_missing", None, &[]),
            finding("warning", "users_failing", None, &["service_account_missing"]),
        ]);
        assert_eq!(
            judged(&org("broken", findings, "live")),
            (
                format!(
                    "CRITICAL acme: Summary of service_account_missing. And 1 more. Next, exchange admin: Do / this. | {PERFORMANCE}\n"
                ),
                2
            )
        );
    }

    #[test]
    fn a_warning_is_one_and_names_what_it_is_about() {
        let findings = json!([finding("warning", "nothing_in_24_hours", Some("events"), &[])]);
        assert_eq!(
            judged(&org("attention", findings, "live")),
            (
                format!(
                    "WARNING acme: Summary of nothing_in_24_hours. (events) Next, exchange admin: Do / this. | {PERFORMANCE}\n"
                ),
                1
            )
        );
    }

    #[test]
    fn held_and_unknown_are_unknown_and_give_no_performance_data() {
        let findings = json!([finding("critical", "observations_stale", Some("contacts"), &[])]);
        assert_eq!(
            judged(&org("broken", findings, "held")),
            ("UNKNOWN acme: Summary of observations_stale. (contacts) Next, exchange admin: Do / this.\n".to_owned(), 3)
        );
        assert_eq!(
            judged(&org("unknown", json!([]), "unknown")),
            (
                "UNKNOWN acme: nobody who is live has reported when something last synced.\n"
                    .to_owned(),
                3
            )
        );
        let warned = json!([
            finding("warning", "observations_stale", None, &[]),
            finding("warning", "users_failing", None, &["observations_stale"])
        ]);
        assert_eq!(judged(&org("warning", warned, "held")).1, 3);
    }

    #[test]
    fn a_failure_that_was_one_when_somebody_looked_stays_critical() {
        let findings = json!([
            finding("critical", "observations_stale", None, &[]),
            finding("critical", "no_sync_in_24_hours", Some("contacts"), &[]),
        ]);
        let (line, code) = judged(&org("broken", findings, "held"));
        assert_eq!(
            (line.starts_with("CRITICAL acme: Summary of no_sync_in_24_hours. (contacts)"), code),
            (true, 2)
        );
    }

    #[test]
    fn a_view_that_stands_still_is_unknown() {
        let mut org = org("fine", json!([]), "held");
        org["view"]["fresh"] = json!(false);
        assert_eq!(
            judged(&org),
            ("UNKNOWN acme: the daemon's view stands still since 2026-11-23T11:59:59Z; its log says why.\n".to_owned(), 3)
        );
    }

    #[test]
    fn all_together_are_as_bad_as_the_worst_and_name_what_is_not_well() {
        let line = |org: &str, verdict: &str, findings: Value| {
            of(org, self::org(verdict, findings, "live").to_string().as_bytes())
        };
        let critical = json!([finding("critical", "no_sync_in_24_hours", Some("contacts"), &[])]);
        let warning = json!([finding("warning", "nothing_in_24_hours", None, &[])]);
        let judged = together(vec![
            line("alpha", "fine", json!([])),
            line("beta", "attention", warning.clone()),
            line("delta", "unknown", json!([])),
            line("gamma", "broken", critical),
        ]);
        assert_eq!(
            (judged.line.as_str(), judged.exit.code()),
            (
                "CRITICAL all organisations: 1 critical, 1 warning, 1 unknown, 1 ok. | critical=1;;0;0;4 warning=1;0;;0;4 unknown=1;;;0;4 ok=1;;;0;4\n\
                 CRITICAL gamma: Summary of no_sync_in_24_hours. (contacts) Next, exchange admin: Do / this.\n\
                 WARNING beta: Summary of nothing_in_24_hours. Next, exchange admin: Do / this.\n\
                 UNKNOWN delta: nobody who is live has reported when something last synced.\n",
                2
            )
        );
        let fine = together(vec![line("alpha", "fine", json!([]))]);
        assert_eq!(
            (fine.line.as_str(), fine.exit.code()),
            (
                "OK all organisations: everything that should sync does, in 1. | critical=0;;0;0;1 warning=0;0;;0;1 unknown=0;;;0;1 ok=1;;;0;1\n",
                0
            )
        );
        assert_eq!(together(Vec::new()).exit.code(), 3, "nobody watched is not well");
        let many = (0..50).map(|number| line(&format!("o{number}"), "attention", warning.clone()));
        let many = together(many.collect());
        assert_eq!(many.line.lines().count(), 22);
        assert!(many.line.ends_with("and 30 more\n"), "{}", many.line);
    }

    #[test]
    fn another_programs_answer_is_unknown() {
        let judgement = of("acme", b"<html>");
        assert_eq!(
            (judgement.line.as_str(), judgement.exit.code()),
            (
                "UNKNOWN acme: the answer is not that of lightning-sync-exporter: expected value at line 1 column 1\n",
                3
            )
        );
    }
}
