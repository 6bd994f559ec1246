//! Values in cells: escaped and judged. Held never looks like fresh, and unknown never like fine.

use crate::domain::causes::Severity;
use crate::domain::judge::Finding;
use crate::domain::rows::{OrgRow, OrgValue, RowSpec, Status, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::guidance::verdict::{describe, local_in, span};
use crate::guidance::{Owner, Text};
use crate::web::org_status::RowStatus;
use askama::Template;
use chrono_tz::Tz;

/// The organisation that a page is about, and the instant at which it is shown.
#[derive(Clone, Copy)]
pub(super) struct ShownOrg<'a> {
    pub(super) org: &'a OrgView,
    pub(super) now: Timestamp,
    /// The zone of every time of day on the page.
    pub(super) zone: Tz,
}

/// An instant: how far from now, in the page's zone with its name, and exactly.
#[derive(Template)]
#[template(path = "when.html", config = "src/web/pages/askama.toml")]
pub(super) struct When {
    /// To the second: browsers read no more than three digits of one.
    iso: String,
    exact: String,
    relative: String,
    local: String,
    zone: String,
}

/// A value, so that texts are escaped and instants are written exactly.
#[derive(Template)]
#[template(
    source = "{% if let Some(when) = when %}{{ when|safe }}{% else %}<bdi>{{ text }}</bdi>{% endif %}",
    ext = "html"
)]
pub(super) struct CellValue {
    text: String,
    when: Option<When>,
}

impl CellValue {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), when: None }
    }
}

impl<'a> ShownOrg<'a> {
    /// On a page of its own, in its own zone.
    pub(super) fn alone(org: &'a OrgView, now: Timestamp) -> Self {
        Self { org, now, zone: org.policy.time_zone }
    }

    pub(super) fn when(&self, at: &Timestamp) -> When {
        let (before, after) = if *at > self.now { ("in ", "") } else { ("", " ago") };
        self.at(*at, before, after)
    }

    /// An instant in the page's zone.
    pub(super) fn local(&self, at: &Timestamp) -> String {
        local_in(*at, self.zone, self.now)
    }

    /// An instant as the end of something that holds or held until then.
    pub(super) fn until(&self, at: &Timestamp) -> When {
        let (before, after) =
            if *at > self.now { ("for another ", "") } else { ("until ", " ago") };
        self.at(*at, before, after)
    }

    fn at(&self, at: Timestamp, before: &str, after: &str) -> When {
        let distance = span(self.now.since(at).abs());
        When {
            iso: iso(at),
            exact: at.to_string(),
            relative: format!("{before}{distance}{after}"),
            local: self.local(&at),
            zone: at.datetime().with_timezone(&self.zone).format("%Z").to_string(),
        }
    }

    /// The finding with its facts.
    pub(super) fn describe(&self, finding: &Finding) -> String {
        describe(finding, self.org, self.now)
    }

    pub(super) fn value(&self, row: OrgRow, value: &OrgValue) -> CellValue {
        match value {
            OrgValue::Instant(at) => CellValue { text: String::new(), when: Some(self.when(at)) },
            OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => {
                CellValue::text(text(row, value))
            }
        }
    }

    /// What a row shows now.
    pub(super) fn shown(&self, status: &RowStatus) -> CellValue {
        match &status.current {
            Some(current) => self.value(status.row, &current.value),
            None if status.never => CellValue::text("never"),
            None => CellValue::text(status.counted.as_deref().unwrap_or("unknown")),
        }
    }
}

/// An instant to the second, as the attribute of an element takes it.
pub(super) fn iso(at: Timestamp) -> String {
    Timestamp::from_seconds(at.nanos().div_euclid(1_000_000_000)).to_string()
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

/// A row's label with its object type.
pub(super) fn labelled(spec: &RowSpec) -> String {
    match spec.object_type {
        Some(object) => format!("{} ({object})", spec.label),
        None => spec.label.to_owned(),
    }
}

/// What a row's value means here.
pub(super) fn meaning(status: &RowStatus) -> Text {
    match status.applies {
        true => status.meaning().unwrap_or(Text::new("")),
        false => Text::new("It does not matter here."),
    }
}

/// The class and the word of a row.
pub(super) fn judged(status: &RowStatus, findings: &[Finding]) -> (&'static str, &'static str) {
    let why = findings.iter().find(|finding| status.shows_why(finding));
    let Some(current) = &status.current else {
        return match why.filter(|_| status.never) {
            Some(finding) => (class_of(finding.severity), word_of(finding.severity)),
            // It may still come.
            None if status.never => ("waiting", "not yet"),
            None => ("unknown", "unknown"),
        };
    };
    if !status.applies {
        return ("none", "not judged");
    }
    let is_calm = status.guide.is_some_and(|guide| guide.owner() == Owner::Nobody);
    match why {
        Some(finding) => (class_of(finding.severity), word_of(finding.severity)),
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
