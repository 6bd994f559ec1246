//! The JSON form. Users are read one after the other, so that 100,000 of them never stand in memory as JSON.

use super::Context;
use super::draft::{Draft, UserDraft};
use super::node::{KeySeed, Node, NodeSeed};
use crate::domain::ids::ObjectType;
use crate::domain::observation::Snapshot;
use crate::domain::problem::ProblemReason;
use crate::domain::rows::UserRow;
use crate::sources::ingest_error::{IngestError, field_name, json_fault, text_of};
use crate::sources::vocabulary::{Label, ORG, ORG_OBJECT, USER, find, user_object, words};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Snapshot, IngestError> {
    let text = text_of(body)?;
    let mut draft = Draft::new(context);
    let mut json = serde_json::Deserializer::from_str(text);
    let top = Top { draft: &mut draft, seen: Vec::new() };
    match json.deserialize_map(top).and_then(|()| json.end()) {
        Err(error) if !draft.too_many() => Err(malformed(&error, draft.in_users)),
        _ => draft.finish(),
    }
}

fn malformed(error: &serde_json::Error, in_users: bool) -> IngestError {
    let fault = json_fault(error);
    let detail = if in_users && error.is_data() {
        format!("users is no array: {fault}; send an array of objects")
    } else {
        format!("the body is no JSON object: {fault}; send one whole object")
    };
    IngestError::whole(ProblemReason::Malformed, detail)
}

/// The keys of the snapshot itself, beside the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    CapturedAt,
    UsersComplete,
    Users,
    Object(ObjectType),
}

impl Key {
    fn of(key: &str) -> Option<Self> {
        match words(key).as_str() {
            "captured at" => Some(Self::CapturedAt),
            "users complete" => Some(Self::UsersComplete),
            "users" => Some(Self::Users),
            name => ObjectType::from_name(name).map(Self::Object),
        }
    }
}

struct Top<'d, 'c> {
    draft: &'d mut Draft<'c>,
    seen: Vec<Key>,
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(KeySeed)? {
            let Some(key) = Key::of(&name) else {
                let node = map.next_value_seed(NodeSeed { depth: 0 })?;
                self.row(&name, &node);
                continue;
            };
            if self.seen.contains(&key) {
                map.next_value::<IgnoredAny>()?;
                self.draft.mistake((0, &|| path("", &name)), || {
                    "is there twice; send it once".to_owned()
                });
                continue;
            }
            self.seen.push(key);
            match key {
                Key::Users => {
                    self.draft.in_users = true;
                    map.next_value_seed(Users { draft: self.draft })?;
                    self.draft.in_users = false;
                }
                Key::CapturedAt | Key::UsersComplete => {
                    let node = map.next_value_seed(NodeSeed { depth: 0 })?;
                    self.plain(key, &name, &node);
                }
                Key::Object(object) => {
                    let node = map.next_value_seed(NodeSeed { depth: 1 })?;
                    self.object(object, &node);
                }
            }
        }
        Ok(())
    }
}

impl Top<'_, '_> {
    fn plain(&mut self, key: Key, name: &str, node: &Node<'_>) {
        let place = (0, &(|| path("", name)) as &dyn Fn() -> String);
        match node {
            Node::Value(given) if key == Key::CapturedAt => self.draft.captured_at(given, place),
            Node::Value(given) => self.draft.users_complete(given, place),
            Node::Object(_) => {
                self.draft.mistake(place, || "is an object; write a value".to_owned())
            }
        }
    }

    fn row(&mut self, name: &str, node: &Node<'_>) {
        let place = (0, &(|| path("", name)) as &dyn Fn() -> String);
        match (find(&ORG, name), node) {
            (Some(label), Node::Value(given)) => self.draft.org_row(label.row, given, place),
            (Some(_), Node::Object(_)) => {
                self.draft.mistake(place, || "is an object; write a value".to_owned());
            }
            (None, _) => self.draft.mistake(place, || {
                unknown(&["captured_at", "contacts", "events", "users", "users_complete"], &ORG)
            }),
        }
    }

    fn object(&mut self, object: ObjectType, node: &Node<'_>) {
        let Node::Object(entries) = node else {
            let place = (0, &(|| object.name().to_owned()) as &dyn Fn() -> String);
            return self.draft.mistake(place, || format!("is {}; write an object", node.shown()));
        };
        for (name, node) in entries {
            let place = (0, &(|| path(object.name(), name)) as &dyn Fn() -> String);
            match (find(&ORG_OBJECT, name), node) {
                (Some(label), Node::Value(given)) => {
                    self.draft.org_row((label.row)(object), given, place)
                }
                (Some(_), Node::Object(_)) => {
                    self.draft.mistake(place, || "is an object; write a value".to_owned());
                }
                (None, _) => self.draft.mistake(place, || unknown(&[], &ORG_OBJECT)),
            }
        }
    }
}

struct Users<'d, 'c> {
    draft: &'d mut Draft<'c>,
}

impl<'de> DeserializeSeed<'de> for Users<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Users<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while let Some(node) = seq.next_element_seed(NodeSeed { depth: 2 })? {
            if !self.draft.has_room() {
                return Err(A::Error::custom("too many users"));
            }
            user(self.draft, index, node);
            index += 1;
        }
        Ok(())
    }
}

fn user(draft: &mut Draft<'_>, index: usize, node: Node<'_>) {
    let at = move |name: &str| path(&format!("users[{index}]"), name);
    let Node::Object(entries) = node else {
        let shown = node.shown();
        return draft.mistake((0, &|| format!("users[{index}]")), || {
            format!("is {shown}; write an object")
        });
    };
    let (mut name, mut user) = (None, UserDraft::default());
    let mut objects = [false; ObjectType::COUNT];
    for (key, node) in entries {
        let place = (0, &(|| at(&key)) as &dyn Fn() -> String);
        match (user_key(&key), node) {
            (UserKey::Name, Node::Value(given)) if name.is_none() => name = Some(given),
            (UserKey::Row(row), Node::Value(given)) => {
                draft.user_row(&mut user, row, &given, place)
            }
            (UserKey::Object(object), Node::Object(entries)) => {
                let seen = objects.get_mut(object.index());
                if seen.is_some_and(|seen| std::mem::replace(seen, true)) {
                    draft.mistake(place, || "is there twice; send it once".to_owned());
                    continue;
                }
                for (key, node) in entries {
                    let path = || at(&path(object.name(), &key));
                    user_object_row(draft, &mut user, object, &key, &node, &path);
                }
            }
            (UserKey::Name, Node::Value(_)) => {
                draft.mistake(place, || "is there twice; send it once".to_owned())
            }
            (UserKey::Object(_), node) => {
                draft.mistake(place, || format!("is {}; write an object", node.shown()))
            }
            (UserKey::Name | UserKey::Row(_), Node::Object(_)) => {
                draft.mistake(place, || "is an object; write a value".to_owned());
            }
            (UserKey::Unknown, _) => {
                draft.mistake(place, || unknown(&["user", "contacts", "events"], &USER))
            }
        }
    }
    let place = (0, &(|| at("user")) as &dyn Fn() -> String);
    match name {
        Some(name) => draft.user(&name, user, place),
        None => draft.mistake(place, || "is missing; every user has a name".to_owned()),
    }
}

fn user_object_row(
    draft: &mut Draft<'_>,
    user: &mut UserDraft,
    object: ObjectType,
    key: &str,
    node: &Node<'_>,
    path: &dyn Fn() -> String,
) {
    match (find(user_object(object), key), node) {
        (Some(label), Node::Value(given)) => draft.user_row(user, label.row, given, (0, path)),
        (Some(_), Node::Object(_)) => {
            draft.mistake((0, path), || "is an object; write a value".to_owned())
        }
        (None, _) => draft.mistake((0, path), || unknown(&[], user_object(object))),
    }
}

/// A key of a user.
enum UserKey {
    Name,
    Object(ObjectType),
    Row(UserRow),
    Unknown,
}

fn user_key(key: &str) -> UserKey {
    match key {
        "user" => UserKey::Name,
        "contacts" => UserKey::Object(ObjectType::Contacts),
        "events" => UserKey::Object(ObjectType::Events),
        key => match find(&USER, key) {
            Some(label) => UserKey::Row(label.row),
            None => match words(key).as_str() {
                "user" => UserKey::Name,
                name => ObjectType::from_name(name).map_or(UserKey::Unknown, UserKey::Object),
            },
        },
    }
}

/// The path of a key, whose name may be anything, below an object.
fn path(parent: &str, key: &str) -> String {
    let shown = field_name(key);
    if parent.is_empty() { shown } else { format!("{parent}.{shown}") }
}

fn unknown<T>(more: &[&str], labels: &[Label<T>]) -> String {
    let known: Vec<_> = more.iter().copied().chain(labels.iter().map(|label| label.key)).collect();
    format!("is not a known key; known are {}", known.join(", "))
}
