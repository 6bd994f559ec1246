//! The four forms in which a status page comes in, written by hand from the article's labels and the documented keys.

use super::table::{Case, healthy_user, shown};
use crate::layouts::{org_label, shown_status, user_label};
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use serde_json::{Map, Value, json};

pub(super) const USER: &str = "ann@corp.example";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
    Text,
    Html,
}

impl Form {
    pub(super) const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Text, Self::Html];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Text => "text/plain",
            Self::Html => "text/html",
        }
    }
}

/// The bodies that say a case: the page of the organisation and, where the case is about a user, the user's.
pub(super) fn bodies(case: &Case, form: Form, now: Timestamp) -> Vec<String> {
    let org: Vec<(OrgRow, OrgValue)> =
        OrgRow::ALL.into_iter().filter_map(|row| Some((row, shown(case, row, now)?))).collect();
    let user: Option<Vec<(UserRow, UserValue)>> = match case {
        Case::Org(..) | Case::OrgUnknown(_) => None,
        Case::User(odd, value) => {
            let shown = |row: &UserRow| {
                if row == odd { *value } else { healthy_user(*row) }
            };
            let unknown = UserValue::from(Status::Unknown);
            let rows = UserRow::ALL.iter().map(|row| (*row, shown(row)));
            // What nobody knows is left out; that of a reset is said, because a reset that is not shown is none.
            Some(rows.filter(|(row, value)| *row == UserRow::Reset || *value != unknown).collect())
        }
    };
    match form {
        Form::Json => vec![as_json(&org, user.as_deref())],
        Form::Csv => vec![as_csv(&org, user.as_deref())],
        Form::Text | Form::Html => {
            let mut pages = vec![page(form, org_lines(&org))];
            pages.extend(user.map(|user| page(form, user_lines(&user))));
            pages
        }
    }
}

/// The key below its object type, if it has one.
fn org_key(row: OrgRow) -> &'static str {
    match row {
        OrgRow::ServiceAccountProvided => "service_account",
        OrgRow::OutlookIntegration => "outlook_integration_enabled",
        OrgRow::ServiceAccountRecognized => "service_account_recognized",
        OrgRow::LinkedUsers => "linked_users",
        OrgRow::LastSync(_) => "last_sync",
        OrgRow::Synced60m(_) => "synced_60m",
        OrgRow::Synced24h(_) => "synced_24h",
    }
}

fn user_key(row: UserRow) -> &'static str {
    match row {
        UserRow::ActiveConfiguration => "active_configuration",
        UserRow::MailboxVersion => "mailbox_version_supported",
        UserRow::ServiceAccount => "recognized_by_service_account",
        UserRow::Reset => "reset",
        UserRow::OutlookIntegration => "outlook_integration_set_up",
        UserRow::ContactsFolder | UserRow::EventsFolder => "folder_found",
        UserRow::ContactsLinked | UserRow::EventsLinked => "linked",
        UserRow::ContactsToExchange | UserRow::EventsToExchange => "to_exchange",
        UserRow::ContactsToSalesforce | UserRow::EventsToSalesforce => "to_salesforce",
        UserRow::ContactsRecords | UserRow::EventsRecords => "records_in_sync",
    }
}

fn org_json(value: &OrgValue) -> Value {
    match value {
        OrgValue::Account(name) => json!(name.as_deref()),
        OrgValue::Flag(yes) => json!(yes),
        OrgValue::Count(count) => json!(count),
        OrgValue::Instant(at) => json!(at.to_string()),
    }
}

fn user_json(value: UserValue) -> Value {
    if let UserValue::Records(records) = value {
        return json!(records);
    }
    let status = value.status();
    if matches!(status, Status::Yes | Status::No) {
        return json!(status == Status::Yes);
    }
    json!(status.name())
}

fn put(map: &mut Map<String, Value>, object: Option<ObjectType>, key: &str, value: Value) {
    match object {
        None => {
            map.insert(key.to_owned(), value);
        }
        Some(object) => {
            let below = map.entry(object.name()).or_insert_with(|| json!({}));
            below[key] = value;
        }
    }
}

fn as_json(org: &[(OrgRow, OrgValue)], user: Option<&[(UserRow, UserValue)]>) -> String {
    let mut top = Map::new();
    for (row, value) in org {
        put(&mut top, row.object_type(), org_key(*row), org_json(value));
    }
    if let Some(user) = user {
        let mut entry = Map::new();
        entry.insert("user".to_owned(), json!(USER));
        for (row, value) in user {
            put(&mut entry, row.object_type(), user_key(*row), user_json(*value));
        }
        top.insert("users".to_owned(), json!([entry]));
    }
    Value::Object(top).to_string()
}

/// A header, a row of the organisation with an empty user, and a row of the user.
fn as_csv(org: &[(OrgRow, OrgValue)], user: Option<&[(UserRow, UserValue)]>) -> String {
    let column = |object: Option<ObjectType>, key: &str| match object {
        None => key.to_owned(),
        Some(object) => format!("{}.{key}", object.name()),
    };
    let cell = |value: Value| {
        if value.is_null() {
            return "None".to_owned();
        }
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut header = vec!["user".to_owned()];
    let (mut first, mut second) = (vec![String::new()], vec![USER.to_owned()]);
    for (row, value) in org {
        header.push(column(row.object_type(), org_key(*row)));
        first.push(cell(org_json(value)));
        second.push(String::new());
    }
    for (row, value) in user.unwrap_or_default() {
        header.push(column(row.object_type(), user_key(*row)));
        first.push(String::new());
        second.push(cell(user_json(*value)));
    }
    let mut lines = vec![header.join(","), first.join(",")];
    lines.extend(user.map(|_| second.join(",")));
    lines.join("\n")
}

/// Labels with values, and headings without.
type Lines = Vec<(String, Option<String>)>;

fn heading(lines: &mut Lines, last: &mut Option<ObjectType>, object: Option<ObjectType>) {
    if let Some(object) = object.filter(|_| *last != object) {
        let (first, rest) = object.name().split_at(1);
        lines.push((format!("{}{rest}", first.to_uppercase()), None));
    }
    *last = object;
}

fn org_lines(org: &[(OrgRow, OrgValue)]) -> Lines {
    let (mut lines, mut last) = (Vec::new(), None);
    for (row, value) in org {
        heading(&mut lines, &mut last, row.object_type());
        let shown = match (row, value) {
            (_, OrgValue::Account(name)) => name.as_deref().unwrap_or("None").to_owned(),
            (OrgRow::OutlookIntegration, OrgValue::Flag(yes)) => {
                (if *yes { "Yes" } else { "No" }).to_owned()
            }
            (_, OrgValue::Flag(yes)) => mark(*yes),
            (_, OrgValue::Count(count)) => count.to_string(),
            (_, OrgValue::Instant(at)) => at.datetime().format("%d.%m.%Y %H:%M").to_string(),
        };
        lines.push((org_label(*row).to_owned(), Some(shown)));
    }
    lines
}

fn user_lines(user: &[(UserRow, UserValue)]) -> Lines {
    let (mut lines, mut last) = (vec![("User".to_owned(), Some(USER.to_owned()))], None);
    for (row, value) in user {
        let status = Some(value.status());
        heading(&mut lines, &mut last, row.object_type());
        let shown = match status {
            _ if row.statuses().is_empty() => value.to_string(),
            // The page shows this row only while a reset lasts.
            Some(Status::None) => continue,
            Some(status @ (Status::Yes | Status::No)) => mark(status == Status::Yes),
            Some(status) => shown_status(status),
            None => unreachable!("{row} shows {value}"),
        };
        lines.push((user_label(*row).to_owned(), Some(shown)));
    }
    lines
}

fn mark(yes: bool) -> String {
    (if yes { "✓" } else { "✗" }).to_owned()
}

fn page(form: Form, lines: Lines) -> String {
    let mut page = String::from("Lightning Sync Status\n");
    if form == Form::Html {
        page = "<!DOCTYPE html><html><body><h1>Lightning Sync Status</h1><table>".to_owned();
    }
    for (label, value) in lines {
        page += &match (form, value) {
            (Form::Html, None) => format!("<tr><th colspan=2>{label}</th></tr>"),
            (Form::Html, Some(value)) => {
                let value = match value.as_str() {
                    "✓" => "<img src=\"a.png\" alt=\"checkmark\">",
                    "✗" => "<img src=\"b.png\" alt=\"X\">",
                    other => other,
                };
                format!("<tr><td>{label}</td><td>{value}</td></tr>")
            }
            (_, None) => format!("\n{label}\n"),
            (_, Some(value)) => format!("{label}\t{value}\n"),
        };
    }
    page
}
