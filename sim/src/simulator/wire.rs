//! The bytes of the ingest interface: records as lines of JSON, the page as one JSON object.

use crate::domain::ids::{ObjectType, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::users::UserValues;
use crate::scenarios::SyncRecord;
use serde_json::{Map, Value, json};

/// Records as `application/x-ndjson`, one object a line.
pub fn activity_ndjson(records: &[SyncRecord]) -> Vec<u8> {
    let mut body = String::with_capacity(records.len() * 160);
    for record in records {
        let line = json!({
            "at": record.at.to_string(),
            "object_type": record.object_type.name(),
            "direction": record.direction.name(),
            "outcome": record.outcome.name(),
            "user": record.user.as_str(),
            "id": format!("{:016x}", record.id),
        });
        body.push_str(&line.to_string());
        body.push('\n');
    }
    body.into_bytes()
}

/// A reading of the page as `application/json`.
pub fn snapshot_json(snapshot: &Snapshot) -> Vec<u8> {
    let mut page = Map::new();
    page.insert("captured_at".into(), snapshot.captured_at.to_string().into());
    for (row, value) in &snapshot.rows {
        put(&mut page, row.object_type(), org_key(*row), org_value(value));
    }
    page.insert("users_complete".into(), snapshot.users_complete.into());
    let users: Vec<Value> =
        snapshot.users.iter().map(|(name, values)| user(name, values)).collect();
    page.insert("users".into(), users.into());
    Value::Object(page).to_string().into_bytes()
}

const fn org_key(row: OrgRow) -> &'static str {
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

fn org_value(value: &OrgValue) -> Value {
    match value {
        OrgValue::Account(account) => account.as_deref().into(),
        OrgValue::Flag(flag) => (*flag).into(),
        OrgValue::Count(count) => (*count).into(),
        OrgValue::Instant(at) => at.to_string().into(),
    }
}

fn user(name: &UserName, values: &UserValues) -> Value {
    let mut user = Map::new();
    user.insert("user".into(), name.as_str().into());
    for (row, value) in values {
        let value = match value {
            UserValue::Records(records) => (*records).into(),
            // The page shows a reset only while it lasts.
            UserValue::Status(Status::None | Status::Unknown) => continue,
            UserValue::Status(Status::Yes) => true.into(),
            UserValue::Status(Status::No) => false.into(),
            UserValue::Status(status) => status.name().into(),
        };
        put(&mut user, row.object_type(), user_key(*row), value);
    }
    Value::Object(user)
}

const fn user_key(row: UserRow) -> &'static str {
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

/// Puts a value where it belongs: at the top, or into the section of its object type.
fn put(into: &mut Map<String, Value>, object: Option<ObjectType>, key: &str, value: Value) {
    match object {
        None => {
            into.insert(key.to_owned(), value);
        }
        Some(object) => {
            if let Value::Object(section) =
                into.entry(object.name()).or_insert_with(|| Value::Object(Map::new()))
            {
                section.insert(key.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{Direction, OrgName, Outcome, Source};
    use crate::domain::time::Timestamp;

    #[test]
    fn a_record_is_one_line_of_json() {
        let record = SyncRecord {
            at: Timestamp::from_nanos(1_500_000_000),
            object_type: ObjectType::Events,
            direction: Direction::ToSalesforce,
            outcome: Outcome::Failed,
            user: UserName::new("ann.01@acme.example").unwrap(),
            id: 255,
        };
        assert_eq!(
            String::from_utf8(activity_ndjson(&[record])).unwrap(),
            concat!(
                r#"{"at":"1970-01-01T00:00:01.500Z","direction":"to_salesforce","id":"00000000000000ff","#,
                r#""object_type":"events","outcome":"failed","user":"ann.01@acme.example"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_page_has_its_sections_and_says_nothing_of_what_it_does_not_show() {
        let yes = Status::Yes.into();
        let snapshot = Snapshot {
            org: OrgName::new("acme").unwrap(),
            source: Source::Snapshot,
            captured_at: Timestamp::from_seconds(60),
            rows: vec![
                (OrgRow::ServiceAccountProvided, OrgValue::Account(None)),
                (OrgRow::LinkedUsers, OrgValue::Count(3)),
                (
                    OrgRow::LastSync(ObjectType::Contacts),
                    OrgValue::Instant(Timestamp::from_seconds(30)),
                ),
            ],
            users: vec![(
                UserName::new("ann.01@acme.example").unwrap(),
                vec![
                    (UserRow::ActiveConfiguration, yes),
                    (UserRow::Reset, Status::None.into()),
                    (UserRow::ContactsToExchange, Status::InSync.into()),
                    (UserRow::EventsRecords, UserValue::Records(12)),
                ],
            )],
            users_complete: true,
        };
        assert_eq!(
            String::from_utf8(snapshot_json(&snapshot)).unwrap(),
            concat!(
                r#"{"captured_at":"1970-01-01T00:01:00Z","contacts":{"last_sync":"1970-01-01T00:00:30Z"},"#,
                r#""linked_users":3,"service_account":null,"users":[{"active_configuration":true,"#,
                r#""contacts":{"to_exchange":"in_sync"},"events":{"records_in_sync":12},"#,
                r#""user":"ann.01@acme.example"}],"users_complete":true}"#
            )
        );
    }
}
