//! A snapshot as the JSON that [`super::parse_json`] reads, in the order of the page.

use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgValue, Status, UserRow, UserValue};
use crate::domain::users::UserValues;
use crate::sources::vocabulary::{Label, ORG, ORG_OBJECT, USER, user_object};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Writes a snapshot in the form that the snapshot endpoint takes, indented for people.
pub fn to_json(snapshot: &Snapshot) -> String {
    let value = |row| {
        let (_, value) = snapshot.rows.iter().find(|(of, _)| *of == row)?;
        Some(org_value(value))
    };
    let captured_at = Value::from(snapshot.captured_at.to_string());
    let mut top = vec![("captured_at", Out::Value(captured_at))];
    top.extend(ORG.iter().filter_map(|label| Some((label.key, value(label.row)?))));
    for object in ObjectType::ALL {
        let rows = ORG_OBJECT.iter();
        let rows = rows.filter_map(|label| Some((label.key, value((label.row)(*object))?)));
        put_object(&mut top, *object, rows.collect());
    }
    if !snapshot.users.is_empty() || snapshot.users_complete {
        top.push(("users_complete", Out::Value(snapshot.users_complete.into())));
        let users = snapshot.users.iter();
        let users = users.map(|(name, values)| user(name.as_str(), values));
        top.push(("users", Out::List(users.collect())));
    }
    // Strings, numbers and maps with keys of ours: nothing that a JSON writer could refuse.
    serde_json::to_string_pretty(&Out::Object(top)).unwrap_or_default()
}

/// JSON whose objects keep their order.
enum Out {
    Value(Value),
    Object(Vec<(&'static str, Out)>),
    List(Vec<Out>),
}

impl Serialize for Out {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(json),
            Self::Object(entries) => {
                json.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
            Self::List(items) => json.collect_seq(items),
        }
    }
}

fn user(name: &str, values: &UserValues) -> Out {
    let mut user = vec![("user", Out::Value(name.into()))];
    user.extend(user_rows(&USER, values));
    // Without the key it would be none.
    if !values.is_empty() && !values.iter().any(|(row, _)| *row == UserRow::Reset) {
        user.push(("reset", Out::Value(Status::Unknown.name().into())));
    }
    for object in ObjectType::ALL {
        put_object(&mut user, *object, user_rows(user_object(*object), values).collect());
    }
    Out::Object(user)
}

fn user_rows(
    labels: &[Label<UserRow>],
    values: &UserValues,
) -> impl Iterator<Item = (&'static str, Out)> {
    labels.iter().filter_map(|label| {
        let (_, value) = values.iter().find(|(row, _)| *row == label.row)?;
        Some((label.key, Out::Value(user_value(*value))))
    })
}

fn put_object(
    parent: &mut Vec<(&'static str, Out)>,
    object: ObjectType,
    rows: Vec<(&'static str, Out)>,
) {
    if !rows.is_empty() {
        parent.push((object.name(), Out::Object(rows)));
    }
}

fn org_value(value: &OrgValue) -> Out {
    Out::Value(match value {
        OrgValue::Account(name) => name.as_deref().into(),
        OrgValue::Flag(flag) => (*flag).into(),
        OrgValue::Count(count) => (*count).into(),
        OrgValue::Instant(at) => at.to_string().into(),
    })
}

fn user_value(value: UserValue) -> Value {
    match value {
        UserValue::Records(records) => records.into(),
        UserValue::Status(Status::Yes) => true.into(),
        UserValue::Status(Status::No) => false.into(),
        UserValue::Status(Status::None) => Value::Null,
        UserValue::Status(status) => status.name().into(),
    }
}
