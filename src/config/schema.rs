//! The JSON schema, made from the table of keys. Editors use it; what it cannot say (orders of dates, files, unique
//! names) only the validator knows.

use super::keys::{self, ConfigKey, KeyDefault, KeyKind, OrNone};
use super::mistakes::Collector;
use super::reader;
use config::{Value as Read, ValueKind};
use serde_json::{Map, Value, json};

/// The schema of the configuration, draft 2020-12.
pub fn schema() -> Value {
    let mut schema = object("");
    if let Some(top) = schema.as_object_mut() {
        top.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        top.insert("title".to_owned(), json!("lightning-sync-exporter configuration"));
    }
    schema
}

fn object(parent: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys::children(parent) {
        properties.insert(key.name().to_owned(), described(key));
        if key.default == KeyDefault::Required {
            required.push(key.name());
        }
    }
    let mut schema =
        json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if let (Some(fields), false) = (schema.as_object_mut(), required.is_empty()) {
        fields.insert("required".to_owned(), json!(required));
    }
    schema
}

fn described(key: &ConfigKey) -> Value {
    let mut schema = taken(key);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), json!(key.doc));
        if let KeyDefault::Value(default) = key.default {
            fields.insert("default".to_owned(), json_of(default));
        }
    }
    schema
}

fn taken(key: &ConfigKey) -> Value {
    const DATE: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
    const SPAN: &str = "([0-9]+[wdhms])+";
    match key.kind {
        KeyKind::Section => object(key.path),
        KeyKind::Sections => {
            json!({ "type": "array", "minItems": 1, "items": object(&format!("{}[]", key.path)) })
        }
        KeyKind::Text(pattern, _) => json!({ "type": "string", "pattern": pattern }),
        KeyKind::Texts(pattern, _) => {
            json!({ "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": pattern } })
        }
        KeyKind::File => json!({ "type": "string", "minLength": 1 }),
        KeyKind::Choice(names) => json!({ "enum": names() }),
        KeyKind::Choices(names) => {
            json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": names() } })
        }
        KeyKind::Flag => json!({ "type": "boolean" }),
        KeyKind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        KeyKind::Bytes(..) => json!({ "type": "string", "pattern": "^[0-9]+(KiB|MiB|GiB)$" }),
        KeyKind::Span(bounds) => {
            let none = if bounds.or_none == OrNone::SpanOrNone { "|none" } else { "" };
            json!({ "type": "string", "pattern": format!("^({SPAN}{none})$") })
        }
        KeyKind::Date => json!({ "type": "string", "pattern": format!("^{DATE}$") }),
        KeyKind::DateOrNone => json!({ "type": "string", "pattern": format!("^({DATE}|none)$") }),
        KeyKind::Dates => {
            json!({ "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": format!("^{DATE}$") } })
        }
    }
}

/// A default, written as YAML in the table, as JSON.
fn json_of(yaml: &str) -> Value {
    fn convert(read: &Read) -> Value {
        match &read.kind {
            ValueKind::Boolean(flag) => json!(flag),
            ValueKind::I64(number) => json!(number),
            ValueKind::String(text) => json!(text),
            ValueKind::Array(items) => items.iter().map(convert).collect(),
            ValueKind::Nil
            | ValueKind::I128(_)
            | ValueKind::U64(_)
            | ValueKind::U128(_)
            | ValueKind::Float(_)
            | ValueKind::Table(_) => Value::Null,
        }
    }
    reader::read(yaml, &Collector::default()).map_or(Value::Null, |read| convert(&read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table;

    #[test]
    fn every_key_of_the_table_is_in_the_schema_and_no_default_is_lost() {
        let schema = schema();
        for key in table::all() {
            let pointer: String = key
                .path
                .split('.')
                .map(|part| match part.strip_suffix("[]") {
                    Some(list) => format!("/properties/{list}/items"),
                    None => format!("/properties/{part}"),
                })
                .collect();
            let found = schema.pointer(&pointer).unwrap_or(&Value::Null);
            assert_eq!(found["description"], json!(key.doc), "{pointer}");
            let default = &found["default"];
            assert_eq!(
                !default.is_null(),
                matches!(key.default, KeyDefault::Value(_)),
                "{pointer}: {default}"
            );
        }
        assert_eq!(schema["required"], json!(["orgs"]));
        assert_eq!(schema["properties"]["orgs"]["items"]["required"], json!(["name"]));
    }
}
