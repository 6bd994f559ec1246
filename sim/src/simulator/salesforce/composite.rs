//! Composite requests: parts that refer to each other, among them those that write contacts and events.

use super::org::SimulatedOrg;
use super::records::{EventClass, SalesforceRecord};
use super::rest::{StatusAndBody, refused};
use super::rows::user_id;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The vendor's bounds: parts, and queries among them.
const MOST_PARTS: usize = 25;
const MOST_QUERIES: usize = 5;

/// What a composite request gives; it counts as one request.
pub(super) fn answer(org: &mut SimulatedOrg, body: &[u8], now: Timestamp) -> StatusAndBody {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(parts) = request.get("compositeRequest").and_then(Value::as_array) else {
        return refused(400, "JSON_PARSER_ERROR", "compositeRequest is missing");
    };
    let text = |part: &Value, name: &str| {
        part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let queries = parts.iter().filter(|part| text(part, "url").contains("/query/")).count();
    if parts.len() > MOST_PARTS || queries > MOST_QUERIES {
        return refused(400, "LIMIT_EXCEEDED", "too many subrequests");
    }
    let mut done = Map::new();
    let mut answers = Vec::new();
    for part in parts {
        let url = filled(&text(part, "url"), &done);
        let written = part.get("body").map(Value::to_string).unwrap_or_default();
        let written = filled(&written, &done);
        let (status, result) = match (url, written) {
            (Some(url), Some(written)) => {
                let written = serde_json::from_str(&written).unwrap_or_default();
                one(org, &text(part, "method"), &url, &written, now)
            }
            _ => refused(400, "PROCESSING_HALTED", "Invalid reference specified."),
        };
        let name = text(part, "referenceId");
        if (200..300).contains(&status) {
            done.insert(name.clone(), result.clone());
        }
        answers.push(json!({
            "body": result, "httpHeaders": {}, "httpStatusCode": status, "referenceId": name,
        }));
    }
    (200, json!({ "compositeResponse": answers }))
}

/// A text with what earlier parts gave in the place of references such as `@{user.records[0].Id}`.
fn filled(text: &str, done: &Map<String, Value>) -> Option<String> {
    let mut pieces = text.split("@{");
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let (path, rest) = piece.split_once('}')?;
        let (name, path) = path.split_once('.')?;
        let pointer = path.replace(['.', '['], "/").replace(']', "");
        out += done.get(name)?.pointer(&format!("/{pointer}"))?.as_str()?;
        out += rest;
    }
    Some(out)
}

fn one(
    org: &mut SimulatedOrg,
    method: &str,
    url: &str,
    body: &Value,
    now: Timestamp,
) -> StatusAndBody {
    let missing = || refused(404, "NOT_FOUND", "The requested resource does not exist");
    let path = url.strip_prefix("/services/data/v").and_then(|url| url.split_once('/'));
    let Some((_, path)) = path else { return missing() };
    if let Some((_, soql)) = path.split_once("query/?") {
        let soql = form_urlencoded::parse(soql.as_bytes()).find(|(name, _)| name == "q");
        let soql = soql.map(|(_, soql)| soql.into_owned()).unwrap_or_default();
        return query(org, &soql);
    }
    let mut parts = path.split('/');
    let (Some("sobjects"), Some(table), id) = (parts.next(), parts.next(), parts.next()) else {
        return missing();
    };
    let Some(object) = object(table) else { return missing() };
    if org.records_read_only {
        return refused(403, "INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be changed");
    }
    match (method, id) {
        ("POST", None) => create(org, object, body, now),
        ("DELETE", Some(id)) => {
            match org.records.iter().any(|it| it.id == id && it.object == object) {
                true => {
                    org.remove_record(id);
                    (204, Value::Null)
                }
                false => refused(404, "ENTITY_IS_DELETED", "entity is deleted"),
            }
        }
        _ => missing(),
    }
}

fn object(table: &str) -> Option<ObjectType> {
    match table {
        "Contact" => Some(ObjectType::Contacts),
        "Event" => Some(ObjectType::Events),
        _ => None,
    }
}

fn create(
    org: &mut SimulatedOrg,
    object: ObjectType,
    body: &Value,
    now: Timestamp,
) -> StatusAndBody {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let at = |name: &str| {
        let at = DateTime::parse_from_rfc3339(text(name)?).ok()?;
        Timestamp::from_datetime(at.with_timezone(&Utc))
    };
    let field = if object == ObjectType::Contacts { "LastName" } else { "Subject" };
    let times = at("StartDateTime").zip(at("EndDateTime"));
    let owner =
        org.people.iter().enumerate().find(|(place, _)| text("OwnerId") == Some(&user_id(*place)));
    let (Some(title), Some((_, owner))) = (text(field), owner) else {
        return refused(400, "REQUIRED_FIELD_MISSING", "Required fields are missing");
    };
    if object == ObjectType::Events && times.is_none() {
        return refused(400, "REQUIRED_FIELD_MISSING", "Required fields are missing");
    }
    let class = match text("WhatId") {
        Some(_) => EventClass::OfCustomObject,
        None => EventClass::Plain,
    };
    let record = SalesforceRecord {
        class,
        times: times.filter(|_| object == ObjectType::Events),
        created_at: Some(now),
        ..SalesforceRecord::new(object, &owner.name, title)
    };
    let id = org.put_record(record);
    (201, json!({ "id": id, "success": true, "errors": [] }))
}

/// The texts between quotes behind each of `begins`.
fn quoted<'t>(text: &'t str, begins: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(begins).skip(1).filter_map(|rest| rest.split('\'').next())
}

fn query(org: &SimulatedOrg, soql: &str) -> StatusAndBody {
    let table = soql.split(" FROM ").nth(1).and_then(|rest| rest.split(' ').next());
    let user = quoted(soql, "Username = '").next().unwrap_or_default();
    let records: Vec<Value> = match table.map(|table| (table, object(table))) {
        Some(("User", _)) => org
            .people
            .iter()
            .enumerate()
            .filter(|(_, person)| person.name == user && person.active)
            .map(|(place, _)| json!({ "attributes": { "type": "User" }, "Id": user_id(place) }))
            .collect(),
        Some((table, Some(object))) => {
            let field = if object == ObjectType::Contacts { "LastName" } else { "Subject" };
            let listed = soql.split(" IN (").nth(1).filter(|_| !soql.contains("WHERE (("));
            let listed = listed.and_then(|rest| rest.split(')').next()).unwrap_or_default();
            let titles: Vec<&str> =
                listed.split(',').map(|title| title.trim_matches('\'')).collect();
            let equals = format!("{field} = '");
            let pairs: Vec<(&str, &str)> =
                quoted(soql, "(Id = '").zip(quoted(soql, &equals)).collect();
            let fits = |record: &&SalesforceRecord| {
                record.object == object
                    && record.owner == user
                    && (titles.contains(&record.subject.as_str())
                        || pairs.contains(&(record.id.as_str(), record.subject.as_str())))
            };
            let row = |record: &SalesforceRecord| {
                let at = record.created_at.map(|at| {
                    at.datetime()
                        .to_rfc3339_opts(SecondsFormat::Millis, false)
                        .replace("+00:00", "+0000")
                });
                json!({
                    "attributes": { "type": table }, "Id": record.id, field: record.subject, "CreatedDate": at,
                })
            };
            org.records.iter().filter(fits).map(row).collect()
        }
        _ => return refused(400, "INVALID_TYPE", "sObject type is not supported"),
    };
    (200, json!({ "totalSize": records.len(), "done": true, "records": records }))
}
