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

/// Queries the daemon, prints one line with performance data, and exits as a plugin does: 0 ok, 1 warning, 2 critical,
/// 3 unknown. What cannot be reached is unknown.
pub(super) fn check(args: &CheckArgs, streams: &mut Streams<'_>) -> Exit {
    let judgement = match status(args) {
        Ok(body) => of(&args.org, &body),
        Err(says) => PluginLine::new(&args.org, UNKNOWN, &says, &[]),
    };
    match streams.print(&judgement.line) {
        Exit::FINE => judgement.exit,
        // Nobody read the line; the code alone must not look well.
        _ => Exit::UNKNOWN,
    }
}

/// The daemon's answer about the organisation, or why there is none.
fn status(args: &CheckArgs) -> Result<Bytes, String> {
    let api = ApiClient::daemon(&args.url, &args.ask)?;
    let path = format!("/api/v1/orgs/{}", args.org);
    match runtime().map_err(|error| error.to_string())?.block_on(api.get(&path))? {
        (200, body) => Ok(body),
        (401, _) => Err(api.refused().to_owned()),
        (404, _) => Err(
            "the daemon does not know this organisation; `orgs` of its configuration names those it knows"
                .to_owned(),
        ),
        (status, _) => Err(format!("the daemon answered {status}; its log says why")),
    }
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
    exit: Exit,
}

impl PluginLine {
    fn new(
        org: &OrgName,
        (word, exit): PluginState,
        sentence: &str,
        performance: &[String],
    ) -> Self {
        // A bar begins the performance data, and a second line is something else again.
        let sentence = sentence.replace('|', "/").replace(char::is_control, " ");
        let bar = if performance.is_empty() { "" } else { " | " };
        let line = format!("{word} {org}: {sentence}{bar}{}\n", performance.join(" "));
        Self { line, exit }
    }
}

/// What is read of `GET /api/v1/orgs/{org}`; a later version may say more.
#[derive(Deserialize)]
struct ApiOrg {
    view: ApiView,
    verdict: String,
    rows: Vec<ApiRow>,
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
fn of(org: &OrgName, body: &[u8]) -> PluginLine {
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

/// Live values only: a graph cannot say that a value is held.
fn performance(org: &ApiOrg) -> Vec<String> {
    let live = org.rows.iter().filter(|row| row.applies && row.state == "live");
    live.filter_map(|row| {
        let label = row.row.replace('.', "_");
        if label.ends_with("_last_sync") {
            let last = DateTime::parse_from_rfc3339(row.value.as_str()?).ok()?;
            let now = DateTime::parse_from_rfc3339(&org.view.now).ok()?;
            let age = (now - last).num_seconds().max(0);
            return Some(format!("{label}_age={age}s;;;"));
        }
        Some(format!("{label}={};;;", row.value.as_u64()?))
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
        let judgement = of(&OrgName::new("acme").unwrap(), org.to_string().as_bytes());
        (judgement.line, judgement.exit.code())
    }

    const PERFORMANCE: &str =
        "linked_users=41;;; contacts_last_sync_age=240s;;; contacts_synced_60m=18;;;";

    #[test]
    fn all_well_is_ok_with_live_values_as_performance_data() {
        assert_eq!(
            judged(&org("fine", json!([]), "live")),
            (format!("OK acme: everything that should sync does. | {PERFORMANCE}\n"), 0)
        );
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
    fn another_programs_answer_is_unknown() {
        let judgement = of(&OrgName::new("acme").unwrap(), b"<html>");
        assert_eq!(
            (judgement.line.as_str(), judgement.exit.code()),
            (
                "UNKNOWN acme: the answer is not that of lightning-sync-exporter: expected value at line 1 column 1\n",
                3
            )
        );
    }
}
