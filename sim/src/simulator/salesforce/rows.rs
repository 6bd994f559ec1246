//! The rows of each object.

use super::org::{Person, SimulatedOrg};
use super::scene::Scene;
use super::soql::SoqlQuery;
use crate::domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// What a query gives.
pub(super) enum QueryRows {
    /// Rows, attributes included.
    Found(Vec<Value>),
    /// The code and message of a refusal.
    Refused(&'static str, String),
}

/// The rows of a query.
pub(super) fn of(org: &SimulatedOrg, query: &SoqlQuery, now: Timestamp) -> QueryRows {
    let refused = |code, message: String| QueryRows::Refused(code, message);
    if org.scene == Scene::MalformedQuery {
        return refused("MALFORMED_QUERY", "unexpected token: 'SELECT'".to_owned());
    }
    if org.scene == Scene::FieldUnknown {
        let object = &query.object;
        let message = format!(
            "\nSELECT UserId\n       ^\nERROR at Row:1:Column:8\nNo such column 'UserId' on entity '{object}'."
        );
        return refused("INVALID_FIELD", message);
    }
    let missing = query.fields.iter().find(|field| org.missing_columns.contains(&field.as_str()));
    if let Some(field) = missing {
        let object = &query.object;
        let message = format!(
            "\n{field}\n^\nERROR at Row:1:Column:8\nNo such column '{field}' on entity '{object}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.{}",
            org.repeated()
        );
        return refused("INVALID_FIELD", message);
    }
    if let Some((_, code)) = org.refused.iter().find(|(of, _)| *of == query.object) {
        return refused(code, format!("refused.{}", org.repeated()));
    }
    let all: Vec<Map<String, Value>> = match query.object.as_str() {
        "ActivityUsrConnectionStatus" if org.scene != Scene::ObjectMissing => {
            let people = org.people.iter().enumerate();
            let mut rows: Vec<_> =
                people.map(|(index, person)| connection(org, index, person, now)).collect();
            if org.backwards {
                rows.reverse();
            }
            if org.twice {
                rows.extend(rows.clone());
            }
            rows
        }
        "UserEmailCalendarSync" if org.scene != Scene::ObjectMissing => {
            let people = org.people.iter().enumerate();
            let named = people.filter(|(_, person)| person.assigned);
            let more = org.people.len()..org.people.len() + org.unlisted;
            named.map(|(index, _)| index).chain(more).map(assignment).collect()
        }
        "SetupAuditTrail" => setup(org, query),
        "Contact" | "Event" if query.fields.iter().any(|field| field.contains("COUNT")) => {
            if !org.aggregates {
                return refused("MALFORMED_QUERY", "unexpected token: 'COUNT'".to_owned());
            }
            let counted = |index, person: &Person| {
                object(json!({
                    "attributes": { "type": "AggregateResult" },
                    "OwnerId": user_id(index), "changed": changed(person, &query.object),
                }))
            };
            return QueryRows::Found(
                (org.people.iter().enumerate())
                    .map(|(index, person)| Value::Object(counted(index, person)))
                    .collect(),
            );
        }
        "Contact" | "Event" => org
            .people
            .iter()
            .enumerate()
            .flat_map(|(index, person)| {
                let owner = object(json!({ "OwnerId": user_id(index) }));
                (0..changed(person, &query.object)).map(move |_| owner.clone())
            })
            .collect(),
        "User" => {
            let named = |id: &str| {
                let short = id.get(..15).unwrap_or(id);
                !query.rest.contains(" IN ") || query.rest.contains(short)
            };
            let people = org.people.iter().enumerate().map(|(index, person)| user(index, person));
            people.filter(|row| row.get("Id").and_then(Value::as_str).is_some_and(named)).collect()
        }
        object => {
            return refused("INVALID_TYPE", format!("sObject type '{object}' is not supported."));
        }
    };
    let rows = all.into_iter().map(|row| selected(query, row)).collect();
    QueryRows::Found(rows)
}

fn selected(query: &SoqlQuery, mut row: Map<String, Value>) -> Value {
    let mut out = Map::new();
    let url = format!("/services/data/v67.0/sobjects/{}/x", query.object);
    out.insert("attributes".to_owned(), json!({ "type": query.object, "url": url }));
    for field in &query.fields {
        if let Some(value) = row.remove(field) {
            out.insert(field.clone(), value);
        }
    }
    Value::Object(out)
}

fn connection(
    org: &SimulatedOrg,
    index: usize,
    person: &Person,
    now: Timestamp,
) -> Map<String, Value> {
    let synced = |object: usize| {
        let counted = person.counted.get(object) == Some(&true);
        counted.then(|| person.synced(object, now, org.stopped))
    };
    let mut row = object(json!({
        "UserId": user_id(index),
        "UserName": person.name,
        "EmailAddress": person.address,
        "ConfigurationName": person.configuration,
        "ConnectivityStatus": person.connectivity,
        "ContactsSynced": synced(0),
        "EventsSynced": synced(1),
        "UserOnboardingStatus": person.onboarding,
        "RecommendedActionTitle": person.recommended,
    }));
    if org.scene == Scene::OddValues {
        make_odd(&mut row, index);
        if org.repeats && index % 6 == 2 {
            row.insert("ConnectivityStatus".to_owned(), json!(org.repeated().trim()));
            row.insert("UserOnboardingStatus".to_owned(), json!(org.client_secret));
        }
    }
    row
}

fn make_odd(row: &mut Map<String, Value>, index: usize) {
    let mut put = |field: &str, value: Value| row.insert(field.to_owned(), value);
    match index % 6 {
        0 => drop(put("ContactsSynced", Value::Null)),
        1 => drop(put("EventsSynced", json!(300.0))),
        2 => drop(put("ConnectivityStatus", json!("HOVERING"))),
        3 => {
            row.remove("UserOnboardingStatus");
            row.remove("ContactsSynced");
        }
        4 => drop(put("ContactsSynced", json!("many"))),
        _ => {
            put("UserName", Value::Null);
            put("EmailAddress", Value::Null);
        }
    }
}

fn assignment(index: usize) -> Map<String, Value> {
    object(json!({ "AssignedId": user_id(index), "ConfigurationId": "0Zs000000000001AAA" }))
}

fn user(index: usize, person: &Person) -> Map<String, Value> {
    let logged_in_at = person.logged_in_at;
    object(json!({
        "Id": user_id(index), "Username": person.name, "Email": person.address, "IsActive": person.active,
        "LastLoginDate": logged_in_at.map(|at| at.datetime().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()),
    }))
}

fn setup(org: &SimulatedOrg, query: &SoqlQuery) -> Vec<Map<String, Value>> {
    let words: Vec<&str> = query.rest.split(' ').collect();
    let since = words.iter().find(|word| word.ends_with('Z')).copied();
    let most = (words.iter().rposition(|word| *word == "LIMIT"))
        .and_then(|place| words.get(place + 1)?.parse().ok())
        .unwrap_or(usize::MAX);
    let mut changes: Vec<_> = org
        .setup_changes
        .iter()
        .map(|(at, columns)| (at.datetime().format("%Y-%m-%dT%H:%M:%S%.3f").to_string(), columns))
        // Times of one form are in the order of their texts.
        .filter(|(at, _)| format!("{at}Z").as_str() > since.unwrap_or_default())
        .collect();
    changes.sort();
    if words.contains(&"DESC") {
        changes.reverse();
    }
    changes
        .into_iter()
        .take(most)
        .map(|(at, [action, section, display])| {
            object(json!({
                "Action": action, "Section": section, "Display": display, "CreatedDate": format!("{at}+0000"),
            }))
        })
        .collect()
}

fn changed(person: &Person, object: &str) -> u64 {
    let [contacts, events] = person.per_hour;
    if object == "Contact" { contacts } else { events }
}

pub(super) fn user_id(index: usize) -> String {
    format!("005{index:012}AAA")
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else {
        return Map::new();
    };
    object
}
