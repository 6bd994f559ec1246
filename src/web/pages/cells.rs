//! Values in cells: escaped and judged. Held never looks like fresh, and unknown never like fine.

use super::when::When;
use crate::domain::causes::Severity;
use crate::domain::judge::Finding;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::{Owner, Text};
use crate::web::row_status::RowStatus;
use askama::Template;

/// A value as a template of its own, so that texts are escaped and instants are written exactly.
#[derive(Debug, Clone, Template)]
#[template(
    source = "{% if let Some(when) = when %}{{ when|safe }}{% else %}<bdi>{{ text }}</bdi>{% endif %}",
    ext = "html",
    config = "src/web/pages/askama.toml"
)]
pub(super) struct CellValue {
    text: String,
    when: Option<When>,
}

impl CellValue {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), when: None }
    }

    pub(super) fn instant(when: When) -> Self {
        Self { text: String::new(), when: Some(when) }
    }
}

/// One of the organisation's rows.
pub(super) struct RowLine {
    pub(super) label: &'static str,
    pub(super) object: &'static str,
    pub(super) value: CellValue,
    pub(super) class: &'static str,
    pub(super) judgement: &'static str,
    pub(super) meaning: Text,
    pub(super) source: &'static str,
    pub(super) seen: Option<When>,
    pub(super) held: bool,
}

impl RowLine {
    pub(super) fn of(
        status: &RowStatus,
        org: &OrgView,
        findings: &[Finding],
        now: Timestamp,
    ) -> Self {
        let (class, judgement) = judgement(status, findings);
        let current = status.current.as_ref();
        Self {
            label: status.row.label(),
            object: status.row.object_type().map_or("", |object| object.name()),
            value: match current.map(|current| &current.value) {
                Some(OrgValue::Instant(at)) => CellValue::instant(When::of(*at, org, now)),
                Some(value) => CellValue::text(text(status.row, value)),
                None if status.never => CellValue::text("never"),
                None => CellValue::text("unknown"),
            },
            class,
            judgement,
            meaning: match status.applies {
                true => status.guide.map_or(Text::new(""), |guide| guide.meaning),
                false => Text::new("It does not matter here."),
            },
            source: current.map_or("nobody", |current| current.source.name()),
            seen: current.map(|current| When::of(current.observed_at, org, now)),
            held: current.is_some_and(|current| current.stale),
        }
    }
}

/// A value in the article's words.
pub(super) fn text(row: OrgRow, value: &OrgValue) -> String {
    let is_mark = row == OrgRow::ServiceAccountRecognized;
    match value {
        OrgValue::Account(Some(name)) => name.to_string(),
        OrgValue::Account(None) => "None".to_owned(),
        OrgValue::Flag(true) if is_mark => "✓ check".to_owned(),
        OrgValue::Flag(false) if is_mark => "✗ X".to_owned(),
        OrgValue::Flag(true) => "Yes".to_owned(),
        OrgValue::Flag(false) => "No".to_owned(),
        OrgValue::Count(count) => count.to_string(),
        OrgValue::Instant(at) => at.to_string(),
    }
}

/// The class and the word of a row.
fn judgement(status: &RowStatus, findings: &[Finding]) -> (&'static str, &'static str) {
    let Some(current) = &status.current else {
        return ("unknown", "unknown");
    };
    if !status.applies {
        return ("none", "not judged");
    }
    let found = status.guide.and_then(|guide| guide.cause).and_then(|reason| {
        findings.iter().find(|finding| {
            finding.cause == reason
                && (finding.object_type.is_none()
                    || finding.object_type == status.row.object_type())
        })
    });
    let is_calm = status.guide.is_some_and(|guide| guide.owner() == Owner::Nobody);
    match found.map(|finding| finding.severity) {
        Some(severity) => (class_of(severity), word_of(severity)),
        None if current.stale => ("held", "stale"),
        None if is_calm => ("fine", "fine"),
        None => ("none", "no news"),
    }
}

/// The class of a severity.
pub(super) const fn class_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "broken",
        Severity::Warning => "attention",
        Severity::Info => "watch",
    }
}

/// When somebody has to act.
pub(super) const fn word_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "act now",
        Severity::Warning => "in office hours",
        Severity::Info => "to be seen",
    }
}

/// The value of a user's row in the article's words.
pub(super) fn user_value_text(value: UserValue) -> String {
    match value {
        UserValue::Records(records) => records.to_string(),
        UserValue::Status(status) => status_text(status).to_owned(),
    }
}

/// A user's status in the article's words.
pub(super) const fn status_text(status: Status) -> &'static str {
    match status {
        Status::Yes => "✓ yes",
        Status::No => "✗ no",
        Status::None => "none",
        Status::MarkedForReset => "Marked for reset",
        Status::ResetInProgress => "Reset in progress",
        Status::NotStarted => "Not started",
        Status::InitialSyncInProgress => "Initial sync in progress",
        Status::InitialSyncCompleted => "Initial sync completed",
        Status::SyncInProgress => "Sync in progress",
        Status::InSync => "In sync",
        Status::NotSetToSync => "Exchange configuration not set to sync",
        Status::Unknown => "unknown",
    }
}
