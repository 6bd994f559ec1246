//! A snapshot as the JSON that [`super::parse_json`] reads, in the order of the page.

use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::rows::{ArticleRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::users::UserValues;
use crate::sources::vocabulary::rows;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Writes a snapshot in the form that the snapshot endpoint takes, indented for people.
pub fn to_json(snapshot: &Snapshot) -> String {
    let mut top = vec![("captured_at", Out::Value(snapshot.captured_at.to_string().into()))];
    put_rows(&mut top, false, |row| {
        let (_, value) = snapshot.rows.iter().find(|(of, _)| ArticleRow::Org(*of) == row)?;
        Some(match value {
            OrgValue::Account(name) => name.as_deref().into(),
            OrgValue::Flag(flag) => (*flag).into(),
            OrgValue::Count(count) => (*count).into(),
            OrgValue::Instant(at) => at.to_string().into(),
        })
    });
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
    put_rows(&mut user, true, |row| {
        match values.iter().find(|(of, _)| ArticleRow::User(*of) == row) {
            Some((_, UserValue::Records(records))) => Some((*records).into()),
            Some((_, UserValue::Status(Status::Yes))) => Some(true.into()),
            Some((_, UserValue::Status(Status::No))) => Some(false.into()),
            Some((_, UserValue::Status(Status::None))) => Some(Value::Null),
            Some((_, UserValue::Status(status))) => Some(status.name().into()),
            // Without the key it would be none.
            None if row == ArticleRow::User(UserRow::Reset) && !values.is_empty() => {
                Some(Status::Unknown.name().into())
            }
            None => None,
        }
    });
    Out::Object(user)
}

/// Adds the rows that have a value, those of an object type in an object of its own.
fn put_rows(
    parent: &mut Vec<(&'static str, Out)>,
    of_users: bool,
    value: impl Fn(ArticleRow) -> Option<Value>,
) {
    let entries = |object| -> Vec<_> {
        let rows = rows(of_users, object);
        rows.filter_map(|row| Some((row.spec().key, Out::Value(value(row)?)))).collect()
    };
    parent.extend(entries(None));
    for object in ObjectType::ALL.iter().copied() {
        let entries = entries(Some(object));
        if !entries.is_empty() {
            parent.push((object.name(), Out::Object(entries)));
        }
    }
}
