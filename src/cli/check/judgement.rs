//! The daemon's JSON of an organisation → one line and an exit code. Pure.

use crate::cli::exit::Exit;
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::OrgName;
use crate::guidance::verdict::Level;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

/// What a plugin says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckState {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl CheckState {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    state: CheckState,
    org: OrgName,
    sentence: String,
    performance: Vec<String>,
}

impl Judgement {
    /// Nobody can say; `why` is a sentence.
    pub(super) fn unknown(org: &OrgName, why: &str) -> Self {
        Self {
            state: CheckState::Unknown,
            org: org.clone(),
            sentence: why.to_owned(),
            performance: Vec::new(),
        }
    }

    /// The line that a plugin prints.
    pub(super) fn line(&self) -> String {
        // A bar begins the performance data, and a second line is something else again.
        let sentence = self.sentence.replace('|', "/").replace(char::is_control, " ");
        let performance = self.performance.join(" ");
        let bar = if performance.is_empty() { "" } else { " | " };
        format!("{} {}: {sentence}{bar}{performance}\n", self.state.word(), self.org)
    }

    /// The code that a plugin exits with.
    pub(super) const fn exit(&self) -> Exit {
        Exit::of_plugin(match self.state {
            CheckState::Ok => 0,
            CheckState::Warning => 1,
            CheckState::Critical => 2,
            CheckState::Unknown => 3,
        })
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
pub(super) fn of(org: &OrgName, body: &[u8]) -> Judgement {
    let status: ApiOrg = match serde_json::from_slice(body) {
        Ok(status) => status,
        Err(error) => {
            return Judgement::unknown(
                org,
                &format!("the answer is not that of lightning-sync-exporter: {error}"),
            );
        }
    };
    let state = state_of(&status);
    Judgement {
        state,
        org: org.clone(),
        sentence: sentence(state, &status),
        performance: performance(&status),
    }
}

/// Somebody has to have looked lately: without that, nothing but a failure that was already one then is a judgement.
fn state_of(org: &ApiOrg) -> CheckState {
    let worst = |severity: Severity| {
        let news =
            |finding: &&ApiFinding| finding.severity == severity.name() && !is_blindness(finding);
        org.findings.iter().any(|finding| news(&finding))
    };
    let blind = org.findings.iter().any(is_blindness) || !org.view.fresh;
    if worst(Severity::Critical) {
        CheckState::Critical
    } else if blind || is_dark(&org.verdict) {
        CheckState::Unknown
    } else if worst(Severity::Warning) {
        CheckState::Warning
    } else {
        CheckState::Ok
    }
}

/// Whether no live source says that it syncs, without that being a finding.
fn is_dark(verdict: &str) -> bool {
    [Level::Unknown, Level::Held, Level::Waiting].iter().any(|level| level.name() == verdict)
}

fn is_blindness(finding: &ApiFinding) -> bool {
    finding.reason == Cause::ObservationsStale.name()
}

fn sentence(state: CheckState, org: &ApiOrg) -> String {
    if state == CheckState::Unknown && !org.view.fresh {
        return format!(
            "the daemon's view stands still since {}; its log says why.",
            org.view.as_of
        );
    }
    let severity = match state {
        CheckState::Critical => Severity::Critical.name(),
        CheckState::Warning => Severity::Warning.name(),
        CheckState::Ok | CheckState::Unknown => "",
    };
    let concerning: Vec<&ApiFinding> = org
        .findings
        .iter()
        .filter(|finding| match state {
            CheckState::Unknown => is_blindness(finding),
            CheckState::Ok => false,
            CheckState::Warning | CheckState::Critical => {
                finding.severity == severity && !is_blindness(finding)
            }
        })
        .collect();
    // What ends with another finding is not named first.
    let first =
        concerning.iter().find(|finding| finding.held_back_by.is_empty()).or(concerning.first());
    let Some(first) = first else {
        return if state == CheckState::Ok { in_order(org) } else { NOBODY_REPORTED.to_owned() };
    };
    let about = match (&first.object_type, first.users) {
        (Some(object), _) => format!(" ({object})"),
        (None, Some(users)) => format!(" ({users} users)"),
        (None, None) => String::new(),
    };
    let more = match concerning.len() {
        0 | 1 => String::new(),
        count => format!(" And {} more.", count - 1),
    };
    let next = first
        .next_steps
        .first()
        .map(|step| format!(" Next, {}: {}", step.owner, step.text))
        .unwrap_or_default();
    format!("{}{about}{more}{next}", first.summary)
}

const NOBODY_REPORTED: &str = "nobody who is live has reported when something last synced.";

fn in_order(org: &ApiOrg) -> String {
    let noted = org.findings.len();
    let noted = match noted {
        0 => String::new(),
        1 => " 1 thing noted.".to_owned(),
        _ => format!(" {noted} things noted."),
    };
    format!("everything that should sync does.{noted}")
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
        (judgement.line(), judgement.exit().code())
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
            (judgement.line().as_str(), judgement.exit().code()),
            (
                "UNKNOWN acme: the answer is not that of lightning-sync-exporter: expected value at line 1 column 1\n",
                3
            )
        );
    }
}
