//! A snapshot as the JSON that [`super::parse_json`] reads.

use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgValue, Status, UserRow};
use crate::domain::users::UserValues;
use crate::sources::vocabulary::{Label, ORG, ORG_OBJECT, USER, user_object};
use serde_json::{Map, Value};

/// Writes a snapshot in the form that the snapshot endpoint takes, indented for people.
pub fn to_json(snapshot: &Snapshot) -> String {
    let mut top = Map::new();
    top.insert(
        "captured_at".to_owned(),
        snapshot.captured_at.to_string().into(),
    );
    let value = |row| {
        snapshot
            .rows
            .iter()
            .find(|(of, _)| *of == row)
            .map(|(_, value)| org_value(value))
    };
    for label in &ORG {
        top.extend(value(label.row).map(|value| (label.key.to_owned(), value)));
    }
    for object in ObjectType::ALL {
        let rows = ORG_OBJECT
            .iter()
            .filter_map(|label| Some((label.key.to_owned(), value((label.row)(*object))?)));
        put_object(&mut top, object.name(), rows.collect());
    }
    if !snapshot.users.is_empty() || snapshot.users_complete {
        top.insert("users_complete".to_owned(), snapshot.users_complete.into());
        let users = snapshot
            .users
            .iter()
            .map(|(name, values)| user(name.as_str(), values));
        top.insert("users".to_owned(), users.collect());
    }
    format!("{:#}", Value::Object(top))
}

fn user(name: &str, values: &UserValues) -> Value {
    let mut user = Map::new();
    user.insert("user".to_owned(), name.into());
    user.extend(user_rows(&USER, values));
    for object in ObjectType::ALL {
        put_object(
            &mut user,
            object.name(),
            user_rows(user_object(*object), values).collect(),
        );
    }
    Value::Object(user)
}

fn user_rows(
    labels: &[Label<UserRow>],
    values: &UserValues,
) -> impl Iterator<Item = (String, Value)> {
    labels.iter().filter_map(|label| {
        let (_, value) = values.iter().find(|(row, _)| *row == label.row)?;
        Some((label.key.to_owned(), user_value(label.row, *value)))
    })
}

fn put_object(parent: &mut Map<String, Value>, name: &str, rows: Map<String, Value>) {
    if !rows.is_empty() {
        parent.insert(name.to_owned(), Value::Object(rows));
    }
}

fn org_value(value: &OrgValue) -> Value {
    match value {
        OrgValue::Account(name) => name.as_deref().into(),
        OrgValue::Flag(flag) => (*flag).into(),
        OrgValue::Count(count) => (*count).into(),
        OrgValue::Instant(at) => at.to_string().into(),
    }
}

fn user_value(row: UserRow, value: u32) -> Value {
    if row.statuses().is_empty() {
        return value.into();
    }
    match Status::ALL
        .get(value as usize)
        .copied()
        .unwrap_or(Status::Unknown)
    {
        Status::Yes => true.into(),
        Status::No => false.into(),
        Status::None => Value::Null,
        status @ (Status::MarkedForReset
        | Status::ResetInProgress
        | Status::NotStarted
        | Status::InitialSyncInProgress
        | Status::InitialSyncCompleted
        | Status::SyncInProgress
        | Status::InSync
        | Status::NotSetToSync
        | Status::Unknown) => status.name().into(),
    }
}
